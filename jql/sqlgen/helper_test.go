package sqlgen_test

import (
	"context"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
)

const mapping = `{"properties": {
	"name": {"type": "keyword"}, "city": {"type": "keyword"}, "tags": {"type": "keyword"}, "sex": {"type": "keyword"},
	"age": {"type": "integer"}, "big": {"type": "unsigned_long"}, "dose": {"type": "double"}, "ok": {"type": "boolean"},
	"seen": {"type": "date"}, "ip": {"type": "ip"}, "release": {"type": "version"}, "place": {"type": "geo_point"},
	"notes": {"type": "text"}, "labels": {"type": "flattened"}, "loose": {"type": "keyword"}
}, "_meta": {"dhr": {"case_insensitive": ["sex"], "ordered": ["name", "city", "tags"]}}}`

func parse(t require.TestingT) *record.Schema {
	s, err := record.ParseSchema("visits", []byte(mapping))
	require.NoError(t, err)
	return s
}

// layout stores the fields of mapping in every way there is; loose nowhere.
func layout(dialect sqlgen.Dialect) *sqlgen.Layout {
	codes := &sqlgen.Codes{Table: "codes", Code: "code", Value: "value", Only: "codes.field = 3"}
	tags := &sqlgen.Side{Table: "side", Row: "rid", Value: "value", Only: "side.field = 4"}
	columns := map[string]*sqlgen.Column{
		"name": {Value: "m.name", Indexed: true}, "city": {Value: "m.city", Codes: codes}, "tags": {Value: "m.tags", Codes: codes, Several: tags},
		"sex": {Value: "m.sex", Fold: true}, "age": {Value: "m.age", Several: &sqlgen.Side{Table: "ages", Row: "rid", Value: "age"}},
		"big": {Value: "m.big"}, "dose": {Value: "m.dose"}, "ok": {Value: "m.ok"}, "seen": {Value: "m.seen", Indexed: true},
		"ip": {Value: "m.ip"}, "release": {Value: "m.release"}, "place": {Value: "m.place"}, "labels": {Value: "m.labels"},
		"notes": {Value: "m.notes", Text: &sqlgen.Text{Table: "words", Name: "t1", Terms: "m.terms", Joined: "m.joined"}},
	}
	return &sqlgen.Layout{
		Dialect: dialect, Table: "visits", Row: "rid", ID: &sqlgen.Column{Value: "m.id", Required: true, Indexed: true},
		Column: func(f *record.Field) *sqlgen.Column {
			if key, ok := strings.CutPrefix(f.Path, "labels."); ok {
				return &sqlgen.Column{Several: &sqlgen.Side{Table: "keys", Row: "rid", Value: "value", Key: "key", KeyIs: key}}
			}
			return columns[f.Path]
		},
		Expand: func(_ *record.Field, mode plan.Mode, term string, edits int) ([]string, error) {
			prefix, fits := sqlgen.Fits(mode, term, edits)
			var found []string
			for _, word := range []string{"fever", "fevers", "never", "cough", `q"uote`} {
				if strings.HasPrefix(word, prefix) && fits([]byte(word)) {
					found = append(found, word)
				}
			}
			return found, nil
		},
	}
}

// resolve returns the plan of a query.
func resolve(t require.TestingT, s *record.Schema, text string) *plan.Plan {
	q, err := jql.Parse(text, nil)
	require.NoError(t, err, text)
	resolved, err := jql.Resolve(context.Background(), q, []*record.Schema{s}, nil)
	require.NoError(t, err, text)
	require.Len(t, resolved.Plans, 1)
	return resolved.Plans[0]
}

// selection reads ids.
func selection(ordered bool) *sqlgen.Selection {
	return &sqlgen.Selection{List: "m.id", Ordered: ordered}
}
