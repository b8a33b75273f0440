package access

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

var testKey = []byte("a key for tests of 32 bytes long")

// testNow is when questions are asked.
var testNow = time.Date(2024, 3, 15, 10, 0, 0, 0, time.UTC)

func testOptions() *jql.ResolveOptions { return &jql.ResolveOptions{Now: testNow} }

// mapping has every way in which a field can tell of another.
const mapping = `{"mappings": {
	"_meta": {"dhr": {
		"label": "Visits",
		"labels": {"patient.name": "Name of patient", "district": "District"},
		"aliases": {"who": "patient.name", "where": "district", "extra": "details"},
		"personal": ["patient.name", "patient.phone", "notes"],
		"ordered": ["district"], "case_insensitive": ["email"],
		"key": "visitId",
		"history": [
			{"path": "log", "fields": ["status", "email"]},
			{"path": "moves", "fields": ["ward"], "keys": {"field": "what", "from": "old", "to": "new", "at": "since"}}
		]
	}},
	"properties": {
		"visitId": {"type": "keyword"},
		"district": {"type": "keyword"},
		"tenantId": {"type": "keyword"},
		"status": {"type": "keyword"},
		"ward": {"type": "keyword"},
		"email": {"type": "keyword"},
		"age": {"type": "integer"},
		"weight": {"type": "double"},
		"born": {"type": "date", "format": "yyyy-MM-dd"},
		"visited": {"type": "date"},
		"ip": {"type": "ip"},
		"notes": {"type": "text", "copy_to": ["everything"]},
		"everything": {"type": "text"},
		"place": {"type": "geo_point"},
		"odd": {"type": "sparkline"},
		"mobile": {"type": "alias", "path": "patient.phone"},
		"patient": {"properties": {
			"name": {"type": "text", "copy_to": "everything", "fields": {"keyword": {"type": "keyword"}}},
			"phone": {"type": "keyword"},
			"sex": {"type": "keyword"}
		}},
		"drugs": {"type": "nested", "properties": {"name": {"type": "keyword"}, "dose": {"type": "long"}}},
		"details": {"type": "flattened"},
		"log": {"type": "nested", "properties": {"field": {"type": "keyword"}, "from": {"type": "keyword"},
			"to": {"type": "keyword"}, "at": {"type": "date"}, "author": {"type": "keyword"}}},
		"moves": {"type": "nested", "properties": {"what": {"type": "keyword"}, "old": {"type": "keyword"},
			"new": {"type": "keyword"}, "since": {"type": "date"}}}
	}}}`

var visits = mustSchema("pb-visits", mapping)

func mustSchema(index, mapping string) *record.Schema {
	s, err := record.ParseSchema(index, []byte(mapping))
	if err != nil {
		panic(err)
	}
	return s
}

// policyOf makes a policy with one role, r.
func policyOf(t require.TestingT, grants ...Grant) *Policy {
	for i := range grants {
		if grants[i].Indexes == nil {
			grants[i].Indexes = []string{"*"}
		}
	}
	p, err := NewPolicy(map[string]Role{"r": {Grants: grants}}, &Options{Key: testKey})
	require.NoError(t, err)
	return p
}

// viewOf returns what a holder of the grants sees of the visits.
func viewOf(t require.TestingT, grants ...Grant) *View {
	v, ok := policyOf(t, grants...).View(&Principal{Roles: []string{"r"}}, visits)
	require.True(t, ok)
	return v
}

// as makes the rules that show fields in one way.
func as(how How, fields ...string) []FieldRule {
	return []FieldRule{{Fields: fields, Show: Treatment{As: how}}}
}

// A doc is a document with its _id.
type doc struct{ id, source string }

// docsOf reads documents as lines of _id, blank, JSON.
func docsOf(text string) (docs []doc) {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if id, source, ok := strings.Cut(lines.Text(), " "); ok {
			docs = append(docs, doc{id, source})
		}
	}
	return docs
}

// matching returns the documents for which p holds, in its order.
func matching(p *plan.Plan, docs []doc) ([]doc, error) {
	var paths []string
	for _, f := range plan.Fields(p) {
		paths = append(paths, f.Path)
	}
	columns, err := p.Schema.Project(paths...)
	if err != nil {
		return nil, err
	}
	matcher, err := eval.Compile(p, columns)
	if err != nil {
		return nil, err
	}
	order, err := eval.CompileOrder(p, columns)
	if err != nil {
		return nil, err
	}
	type found struct {
		doc
		r *record.Record
	}
	var all []found
	for _, d := range docs {
		r := &record.Record{ID: d.id, Index: p.Schema.Index}
		if err := record.NewDecoder(columns).Decode([]byte(d.source), r); err != nil {
			return nil, err
		}
		if matcher.Match(r) {
			all = append(all, found{d, r.Clone()})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(order.Compare(a.r, b.r), 0) })
	out := make([]doc, len(all))
	for i, f := range all {
		out[i] = f.doc
	}
	return out, nil
}

// asked returns what a query means to a view.
func asked(v *View, query string) (*plan.Plan, error) {
	q, err := jql.Parse(query, nil)
	if err != nil {
		return nil, err
	}
	r, err := jql.Resolve(context.Background(), q, []*record.Schema{v.Schema()}, testOptions())
	if err != nil {
		return nil, err
	}
	return r.Plans[0], nil
}

// answer asks docs through a view, as search.Index does.
func answer(v *View, docs []doc, query string) ([]doc, error) {
	p, err := asked(v, query)
	if err != nil {
		return nil, err
	}
	scope, err := v.Scope(context.Background(), testOptions())
	if err != nil {
		return nil, err
	}
	return matching(&plan.Plan{Schema: v.Full(), Where: plan.NewAnd(p.Where, scope), Order: p.Order}, docs)
}

// shown returns what a view shows of a document: a line for each field with values.
func shown(v *View, d doc) ([]string, error) {
	var fields []string
	for f := range v.Full().All() {
		if v.Shown(f) && f.Path == f.Source {
			fields = append(fields, f.Path)
		}
	}
	columns, err := v.Full().Project(fields...)
	if err != nil {
		return nil, err
	}
	r := &record.Record{ID: d.id, Index: v.Full().Index}
	if err := record.NewDecoder(columns).Decode([]byte(d.source), r); err != nil {
		return nil, err
	}
	var lines []string
	for i, f := range columns.Fields() {
		var texts []string
		for _, value := range v.Mask(nil, f, r.Values(i)) {
			texts = append(texts, value.Text())
		}
		if len(texts) > 0 {
			lines = append(lines, f.Path+"="+strings.Join(texts, ","))
		}
	}
	return lines, nil
}

// complaint returns the message of an error about a query, without its place.
func complaint(t *testing.T, err error) string {
	t.Helper()
	var list jql.ErrorList
	require.ErrorAs(t, err, &list)
	return list[0].Message
}

func toJSON(t require.TestingT, v any) string {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func fieldOf(t require.TestingT, path string) *record.Field {
	f := visits.Field(path)
	require.NotNil(t, f, path)
	return f
}

func idsOf(docs []doc) string {
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = d.id
	}
	return fmt.Sprint(ids)
}
