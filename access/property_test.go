package access

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// few are values for each field, so few that random documents and questions meet.
var few = map[string][]string{
	"district": {"Pune", "Thane"}, "tenantId": {"pb", "pb.a"}, "status": {"open", "closed"}, "ward": {"w1", "w2"},
	"email": {"a@x", "A@x"}, "age": {"1", "15", "95"}, "weight": {"1.5", "2"}, "born": {"2024-01-01", "2023-05-05"},
	"visited": {"2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"}, "ip": {"10.0.0.1", "::1"}, "notes": {"fever", "high fever"},
	"patient.name": {"Asha", "Ravi"}, "patient.phone": {"981", "982"}, "patient.sex": {"f", "m"},
	"details.ssn": {"1", "2"}, "details.colour": {"red", "blue"}, "secret": {"x"}, "patient.secret": {"y"},
}

var fewPaths = slices.Sorted(maps.Keys(few))

// names are those that rules and questions use.
var names = append([]string{"everything", "patient", "drugs", "drugs.name", "drugs.dose", "details", "log", "log.from", "log.author", "moves.old",
	"odd", "place", "patient.name.keyword", "who", "mobile", "visitId"}, fewPaths...)

func drawTreatment(t *rapid.T) Treatment {
	return rapid.OneOf(rapid.Just(Treatment{As: Visible}), rapid.Just(Treatment{As: Hidden}), treatments()).Draw(t, "show")
}

func drawGrant(t *rapid.T) Grant {
	g := Grant{
		Rows:   rapid.SampledFrom([]string{"", "", "district = Pune", "age > 10", "patient.phone = 981", "district = Pune OR ward = w1"}).Draw(t, "rows"),
		Others: rapid.SampledFrom([]Treatment{{As: Visible}, {As: Visible}, {As: Hidden}, {As: Pseudonym}}).Draw(t, "others"),
	}
	if rapid.Bool().Draw(t, "personal") {
		show := drawTreatment(t)
		g.Personal = &show
	}
	patterns := append([]string{"*", "patient.*", "*.ssn", "log.*", "_id", "p*"}, names...)
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		g.Fields = append(g.Fields, FieldRule{Fields: rapid.SliceOfN(rapid.SampledFrom(patterns), 1, 3).Draw(t, "fields"), Show: drawTreatment(t)})
	}
	return g
}

// put sets a value inside of a document.
func put(d map[string]any, path string, v any) {
	first, rest, more := strings.Cut(path, ".")
	if !more {
		d[first] = v
		return
	}
	inner, ok := d[first].(map[string]any)
	if !ok {
		inner = map[string]any{}
		d[first] = inner
	}
	put(inner, rest, v)
}

func drawSource(t *rapid.T, id int) map[string]any {
	d := map[string]any{"visitId": "v" + strconv.Itoa(id)}
	for _, path := range fewPaths {
		if rapid.Bool().Draw(t, path+"?") {
			put(d, path, rapid.SampledFrom(few[path]).Draw(t, path))
		}
	}
	var entries, moves []any
	for range rapid.IntRange(0, 2).Draw(t, "entries") {
		of := rapid.SampledFrom([]string{"status", "email"}).Draw(t, "of")
		entries = append(entries, map[string]any{"field": of, "from": rapid.SampledFrom(few[of]).Draw(t, "from"),
			"to": rapid.SampledFrom(few[of]).Draw(t, "to"), "at": rapid.SampledFrom(few["visited"]).Draw(t, "at"), "author": "asha"})
		moves = append(moves, map[string]any{"what": "ward", "old": "w1", "new": rapid.SampledFrom(few["ward"]).Draw(t, "new"), "since": "2024-01-05"})
	}
	d["log"], d["moves"] = entries, moves
	d["drugs"] = []any{map[string]any{"name": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "drug"), "dose": 1}}
	return d
}

// copied adds what an engine adds for copy_to.
func copied(d map[string]any) map[string]any {
	var all []any
	if v, ok := d["notes"]; ok {
		all = append(all, v)
	}
	if p, ok := d["patient"].(map[string]any); ok && p["name"] != nil {
		all = append(all, p["name"])
	}
	d["everything"] = all
	return d
}

// pruned removes from a document, in place, every value that may not be asked about, and
// of histories the entries that tell of one.
func pruned(v *View, d map[string]any, prefix string) map[string]any {
	for name, value := range d {
		path := prefix + name
		f := v.Full().Field(path)
		switch inner := value.(type) {
		case map[string]any:
			pruned(v, inner, path+".")
		case []any:
			value = slices.DeleteFunc(inner, func(item any) bool {
				entry, ok := item.(map[string]any)
				if !ok {
					return false
				}
				of := entry["field"]
				pruned(v, entry, path+".")
				changed, _ := of.(string)
				return changed != "" && !visibleTo(v, v.Full().Field(changed))
			})
			d[name] = value
			if !leaf(f) {
				continue
			}
		}
		if _, object := value.(map[string]any); !object && !visibleTo(v, f) && (f != nil || !inWhole(v, path)) {
			delete(d, name)
		}
	}
	return d
}

func leaf(f *record.Field) bool {
	return f == nil || f.Kind != record.Nested && f.Kind != record.Object
}

// visibleTo reports whether f may be asked about. What is not declared may not, unless all is shown.
func visibleTo(v *View, f *record.Field) bool {
	if f == nil {
		return v.Plain()
	}
	return v.Shown(f) && !v.Masked(f)
}

// inWhole reports whether what is not declared stands in an object that is shown whole.
func inWhole(v *View, path string) bool {
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		if f := v.Full().Field(path[:i]); f != nil {
			return visibleTo(v, f)
		}
	}
	return false
}

func drawQuery(t *rapid.T) string {
	often := []string{"everything", "patient", "details", "log", "log.to", "status", "email"}
	name := rapid.OneOf(rapid.SampledFrom(often), rapid.SampledFrom(append([]string{"_id", "extra.ssn", "PATIENT.PHONE", `"Name of patient"`}, names...)))
	clause := func() string {
		f := name.Draw(t, "field")
		values := few[f]
		if values == nil {
			values = []string{"1", "a", "open", "w1", "a@x", "Asha", "fever"}
		}
		op := rapid.SampledFrom([]string{"=", "!=", "~", "!~", "IN", "IS", "IS NOT", ">", "WAS", "CHANGED"}).Draw(t, "op")
		v := strconv.Quote(rapid.SampledFrom(values).Draw(t, "value"))
		switch op {
		case "IN":
			v = "(" + v + ")"
		case "IS", "IS NOT":
			v = "EMPTY"
		case "CHANGED":
			v = ""
		}
		return f + " " + op + " " + v
	}
	query := clause()
	if rapid.Bool().Draw(t, "two") {
		query = "NOT (" + query + rapid.SampledFrom([]string{" AND ", " OR "}).Draw(t, "and") + clause() + ")"
	}
	if rapid.Bool().Draw(t, "sorted") {
		query += " ORDER BY " + name.Draw(t, "by")
	}
	return query
}

func source(t require.TestingT, d map[string]any) string {
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return string(text)
}

// TestNonInterference holds that what is seen is what would be seen if the values that may not be
// asked about were not there: the same records in the same order, or the same complaint, and the same
// values in the columns that are shown plain.
func TestNonInterference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var grants []Grant
		for range rapid.IntRange(1, 3).Draw(t, "grants") {
			g := drawGrant(t)
			if g.Others.As == Hidden && len(g.Fields) == 0 {
				g.Others.As = Visible
			}
			g.Indexes = []string{"*"}
			if _, err := NewPolicy(map[string]Role{"r": {Grants: []Grant{g}}}, &Options{Key: testKey}); err != nil {
				g.Others = Treatment{As: Visible}
			}
			grants = append(grants, g)
		}
		v := viewOf(t, grants...)
		var docs, bare []doc
		for id := range rapid.IntRange(1, 4).Draw(t, "docs") {
			name := "v" + strconv.Itoa(id)
			full := source(t, copied(drawSource(t, id)))
			var again map[string]any
			require.NoError(t, json.Unmarshal([]byte(full), &again))
			less := pruned(v, copied(pruned(v, again, "")), "")
			docs = append(docs, doc{name, full})
			bare = append(bare, doc{name, source(t, less)})
		}
		scope, err := v.Scope(t.Context(), testOptions())
		require.NoError(t, err)
		all, err := asked(v, "")
		require.NoError(t, err)
		all.Where, all.Schema = scope, v.Full()
		inScope, err := matching(all, docs)
		require.NoError(t, err)
		var left []doc
		for _, d := range bare {
			if slices.ContainsFunc(inScope, func(o doc) bool { return o.id == d.id }) {
				left = append(left, d)
			}
		}
		for range 4 {
			compare(t, v, docs, left, drawQuery(t))
		}
	})
}

// compare asks the documents through the view, and those that are left of them as they are.
func compare(t *rapid.T, v *View, docs, left []doc, query string) {
	got, err := answer(v, docs, query)
	p, err2 := asked(v, query)
	if err != nil || err2 != nil {
		var list jql.ErrorList
		require.ErrorAs(t, err, &list, query)
		require.Equal(t, err, err2)
		return
	}
	p.Schema = v.Full() // it has the columns that histories are read from
	want, err := matching(p, left)
	require.NoError(t, err, query)
	require.Equal(t, idsOf(want), idsOf(got), "%s\n%s\n%s", query, docs, left)
	for i := range got {
		a, err := shownPlain(v, got[i])
		require.NoError(t, err)
		b, err := shownPlain(v, want[i])
		require.NoError(t, err)
		require.Equal(t, b, a)
	}
}

// shownPlain returns the lines of shown for fields that are not masked.
func shownPlain(v *View, d doc) ([]string, error) {
	lines, err := shown(v, d)
	return slices.DeleteFunc(lines, func(line string) bool {
		path, _, _ := strings.Cut(line, "=")
		return v.Masked(v.Full().Field(path))
	}), err
}

// TestNoCombinationShowsMore holds that a value is shown of a record only as far as one
// grant alone would show it of this record.
func TestNoCombinationShowsMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		roles, who := map[string]Role{}, &Principal{}
		for i := range rapid.IntRange(1, 3).Draw(t, "grants") {
			g := drawGrant(t)
			g.Indexes = []string{"*"}
			name := fmt.Sprint("r", i)
			roles[name] = Role{Grants: []Grant{g}}
			if _, err := NewPolicy(map[string]Role{name: roles[name]}, &Options{Key: testKey}); err != nil {
				delete(roles, name)
				continue
			}
			who.Roles = append(who.Roles, name)
		}
		p, err := NewPolicy(roles, &Options{Key: testKey})
		require.NoError(t, err)
		v, ok := p.View(who, visits)
		if !ok {
			return
		}
		d := doc{"v1", source(t, copied(drawSource(t, 1)))}
		seen, err := answer(v, []doc{d}, "")
		require.NoError(t, err)
		var alone []*View
		for _, role := range who.Roles {
			one, ok := p.View(&Principal{Roles: []string{role}}, visits)
			require.True(t, ok)
			found, err := answer(one, []doc{d}, "")
			require.NoError(t, err)
			if len(found) > 0 {
				alone = append(alone, one)
			}
		}
		require.Equal(t, len(alone) > 0, len(seen) > 0, "records are added up")
		if len(seen) == 0 {
			return
		}
		fits := func(one *View) bool {
			for f := range visits.All() {
				if !within(v.treatment(f), one.treatment(f)) {
					return false
				}
			}
			return within(v.fields["_id"], one.fields["_id"]) && (!v.Plain() || one.Plain())
		}
		require.True(t, slices.ContainsFunc(alone, fits), "%s of %s", toJSON(t, roles), d.source)
	})
}

// TestWithoutIsAMapping holds that the mapping of a view's schema can be read and has the same fields.
func TestWithoutIsAMapping(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrant(t)
		g.Fields = append(g.Fields, as(Visible, "age")...)
		v := viewOf(t, g)
		if v.Plain() {
			return
		}
		again, err := record.ParseSchema("pb-visits", []byte(toJSON(t, v.Schema())))
		require.NoError(t, err)
		for f := range v.Schema().All() {
			require.True(t, visibleTo(v, v.Full().Field(f.Path)), f.Path)
			other := again.Field(f.Path)
			require.NotNil(t, other, f.Path)
			require.Equal(t, []any{f.Kind, f.Label, f.Aliases, f.Personal, f.FoldCase, f.Nested, len(f.Subs)},
				[]any{other.Kind, other.Label, other.Aliases, other.Personal, other.FoldCase, other.Nested, len(other.Subs)})
		}
		require.Len(t, again.Histories, len(v.Schema().Histories))
		for f := range v.Full().All() {
			require.Equal(t, v.Shown(f) && !v.Masked(f), v.Schema().Field(f.Path) != nil, f.Path)
		}
		for f := range again.All() {
			if f.Kind != record.Object && f.Kind != record.Nested && f.Kind != record.Flattened {
				require.NotNil(t, v.Schema().Field(f.Path), f.Path)
			}
		}
	})
}
