package eval_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// few are values for each field, so few that random records and conditions meet.
var few = map[string][]string{
	"status":      {"A", "B", "a", "", "C"},
	"sex":         {"f", "F", "m", "É", "é"},
	"code":        {"b", "bz", "c", "a"},
	"age":         {"0", "1", "2", "-1", "5"},
	"serial":      {"0", "1", "18446744073709551615"},
	"weight":      {"0", "1.5", "2", "-0.5"},
	"active":      {"true", "false"},
	"date":        {"2024-01-01", "2024-01-02T03:04:05Z", "1969-12-31"},
	"ip":          {"10.0.0.1", "::1", "10.0.0.2"},
	"release":     {"1.0.0", "1.0.0-rc1", "1.10.0"},
	"visits.dose": {"1", "2"},

	"host":         {"10.0.0.1", "::1", "10.0.0.2"},
	"ward.keyword": {"W1", "W2", "w1"},
}

var paths = slices.Sorted(maps.Keys(few))

var notesWords = []string{"high", "fever", "Fevre", "मरीज़", "b.p", "120/80", "cough,", "fever-cough"}

// drawValues draws none, one or several values of a field.
func drawValues(t *rapid.T, path string) (out []string) {
	return rapid.SliceOfN(rapid.SampledFrom(few[path]), 0, 3).Draw(t, path)
}

func drawText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(notesWords), 0, 4).Draw(t, "words"), " ")
}

func drawTime(t *rapid.T) string {
	return fmt.Sprintf("2024-01-0%dT00:00:00Z", rapid.IntRange(1, 4).Draw(t, "day"))
}

// drawDocument draws a document as JSON.
func drawDocument(t *rapid.T) string { return drawTold(t, past) }

// drawTold draws a document whose histories tell of some fields.
func drawTold(t *rapid.T, of []told) string {
	var members []string
	for _, path := range paths {
		var items []string
		for _, v := range drawValues(t, path) {
			items = append(items, fmt.Sprintf("%q", v))
		}
		if path == "ward.keyword" {
			path = "ward"
		}
		if path == "visits.dose" {
			members = append(members, `"visits": [{"dose": [`+strings.Join(items, ", ")+`]}, {}]`)
			continue
		}
		if len(items) == 1 {
			members = append(members, fmt.Sprintf("%q: %s", path, items[0]))
		} else {
			members = append(members, fmt.Sprintf("%q: [%s]", path, strings.Join(items, ", ")))
		}
	}
	notes := fmt.Sprintf(`"notes": [%q, %q]`, drawText(t), drawText(t))
	var log []string
	for range rapid.IntRange(0, 4).Draw(t, "entries") {
		log = append(log, drawEntry(t, of))
	}
	members = append(members, notes, `"log": [`+strings.Join(log, ", ")+`]`)
	return "{" + strings.Join(members, ", ") + "}"
}

// told is a field with a history, and the names and the texts, as JSON, that
// entries have for it: in other cases and forms than the field's own values,
// and some that the field cannot read.
type told struct {
	path  string
	names []string
	texts []string
}

var past = []told{
	{"status", []string{"status", "state"}, []string{`"A"`, `"B"`, `["A", "C"]`, `"a"`, `""`}},
	{"sex", []string{"sex"}, []string{`"f"`, `"F"`, `"M"`, `["É", "x"]`}},
	{"age", []string{"age"}, []string{`"0"`, `"1.0"`, `2`, `"+5"`, `["-1", "x"]`, `""`, `"1.5"`}},
	{"weight", []string{"weight"}, []string{`"1.50"`, `15e-1`, `"2"`, `"-.5"`, `"kg"`}},
	{"host", []string{"host"}, []string{`"10.0.0.1"`, `"0:0::1"`, `"::ffff:10.0.0.2"`, `"home"`}},
	{"ward.keyword", []string{"ward", "ward.keyword", "bed", "room"}, []string{`"W1"`, `"W2"`, `"w1"`}},
	{"code", []string{"code"}, []string{`"b"`, `"bz"`, `"B"`}},
	{"active", []string{"active"}, []string{`"true"`, `false`, `"yes"`}},
}

// drawEntry draws an entry of one history, of the other, or of both.
func drawEntry(t *rapid.T, of []told) string {
	var members []string
	for _, keys := range [][]string{{"field", "from", "to", "at", "author"}, {"what", "old", "new", "since", "nurse"}} {
		if rapid.IntRange(0, 2).Draw(t, "other") == 0 {
			continue
		}
		f := rapid.SampledFrom(of).Draw(t, "of")
		state := rapid.SampledFrom(append([]string{`null`}, f.texts...))
		members = append(members, fmt.Sprintf(`%q: %q, %q: %s, %q: %s, %q: %q`,
			keys[0], rapid.SampledFrom(f.names).Draw(t, "name"), keys[1], state.Draw(t, "from"), keys[2], state.Draw(t, "to"),
			keys[4], rapid.SampledFrom([]string{"ana", "Ana", "raj"}).Draw(t, "author")))
		if rapid.IntRange(0, 9).Draw(t, "instant") > 0 {
			members = append(members, fmt.Sprintf("%q: %q", keys[3], drawTime(t)))
		}
	}
	return "{" + strings.Join(members, ", ") + "}"
}

func drawNode(t *rapid.T, depth int) plan.Node {
	if depth > 0 && rapid.Bool().Draw(t, "deeper") {
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			return plan.NewAnd(drawNode(t, depth-1), drawNode(t, depth-1), drawNode(t, depth-1))
		case 1:
			return plan.NewOr(drawNode(t, depth-1), drawNode(t, depth-1))
		}
		return plan.NewNot(drawNode(t, depth-1))
	}
	path := rapid.SampledFrom(paths).Draw(t, "path")
	switch rapid.IntRange(0, 6).Draw(t, "node") {
	case 0:
		return exists(path)
	case 1:
		return missing(path)
	case 2, 3:
		return terms(path, drawValues(t, path)...)
	case 4:
		return drawRange(t, path)
	case 5:
		return drawMatch(t)
	}
	return drawHistory(t, past)
}

func drawRange(t *rapid.T, path string) plan.Node {
	bound := func(name string) plan.Bound {
		if rapid.IntRange(0, 3).Draw(t, name+" open") == 0 {
			return plan.Bound{}
		}
		return plan.Bound{Value: value(field(path), rapid.SampledFrom(few[path]).Draw(t, name)), Inclusive: rapid.Bool().Draw(t, name+" in")}
	}
	n := plan.Range{Field: field(path), Lower: bound("lower"), Upper: bound("upper")}
	if n.Lower.Value.IsNull() && n.Upper.Value.IsNull() {
		return exists(path)
	}
	return n
}

func drawMatch(t *rapid.T) plan.Node {
	n := plan.Match{Field: field("notes"), Mode: rapid.SampledFrom([]plan.Mode{plan.Words, plan.Phrase, plan.Prefix, plan.Wildcard, plan.Fuzzy}).Draw(t, "mode")}
	switch n.Mode {
	case plan.Words, plan.Phrase:
		n.Text = drawText(t)
	case plan.Fuzzy:
		n.Edits = rapid.IntRange(-1, 2).Draw(t, "edits")
		n.Text = rapid.SampledFrom([]string{"fever", "fevr", "hgih", "b.q", "मज़", "hgih fevr", "FEVR", "-"}).Draw(t, "text")
	default:
		n.Text = rapid.SampledFrom([]string{"fe", "*e?er", "मर*", "b.?", "c*h", "", "high fe", "FE"}).Draw(t, "text")
	}
	return n
}

func drawHistory(t *rapid.T, of []told) plan.Node {
	f := field(rapid.SampledFrom(of).Draw(t, "of").path)
	drawStates := func(name string) plan.States {
		s := plan.States{Empty: rapid.Bool().Draw(t, name+" empty")}
		if v, ok := plan.NewTerms(f, values(f, drawValues(t, f.Path)...)...).(plan.Terms); ok {
			s.Values = v.Values
		}
		return s
	}
	var w plan.Window
	if rapid.IntRange(0, 3).Draw(t, "from") == 0 {
		w.From = instant(drawTime(t))
	}
	if rapid.IntRange(0, 3).Draw(t, "to") == 0 {
		w.To = instant(drawTime(t))
	}
	authors := rapid.SampledFrom([][]string{nil, nil, nil, {"ana"}, {"Ana", "raj"}, {}}).Draw(t, "by")
	if rapid.Bool().Draw(t, "was") {
		return plan.Was{Field: f, History: schema.History(f), Held: drawStates("held"), Window: w, By: authors}
	}
	n := plan.Changed{Field: f, History: schema.History(f), Window: w, By: authors}
	if s := drawStates("before"); rapid.Bool().Draw(t, "with before") {
		n.From = &s
	}
	if s := drawStates("after"); rapid.Bool().Draw(t, "with after") {
		n.To = &s
	}
	return n
}

// TestHistoriesAgreeWithNaive is TestAgreesWithNaive for conditions on
// histories alone, of which two may read the same entries.
func TestHistoriesAgreeWithNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.SampledFrom(past)
		of := []told{one.Draw(t, "one"), one.Draw(t, "other")}
		nodes := []plan.Node{drawHistory(t, of), drawHistory(t, of)}
		var matchers []*eval.Matcher
		nodes = append(nodes, and(nodes...), or(nodes...))
		for _, n := range nodes {
			matchers = append(matchers, compile(t, n))
		}
		for range 4 {
			doc := drawTold(t, of)
			r := read(t, doc)
			for i, n := range nodes {
				require.Equal(t, naive(n, r), matchers[i].Match(r), "%s\n%s", n, doc)
			}
		}
	})
}

// TestFoldedRangesAgreeWithNaive is TestAgreesWithNaive for ranges of a field that folds case.
func TestFoldedRangesAgreeWithNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawRange(t, "sex")
		r := read(t, fmt.Sprintf(`{"sex": ["%s"]}`, strings.Join(drawValues(t, "sex"), `","`)))
		require.Equal(t, naive(n, r), compile(t, n).Match(r), "%s\n%s", n, r.Source())
	})
}

// TestAgreesWithNaive compares the matcher with the naive evaluator, for plans
// and documents drawn at random, with one matcher for several documents.
func TestAgreesWithNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t, 3)
		m := compile(t, n)
		for range 3 {
			doc := drawDocument(t)
			r := read(t, doc)
			require.Equal(t, naive(n, r), m.Match(r), "%s\n%s", n, doc)
		}
	})
}

// TestAnyRecord holds that nothing panics whose values are of other kinds than
// their fields, or texts that are no JSON.
func TestAnyRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r record.Record
		r.Reset(projection)
		for i := range projection.Fields() {
			for range rapid.IntRange(0, 2).Draw(t, "values") {
				r.Append(i, rapid.OneOf(
					rapid.Map(rapid.String(), record.StringValue), rapid.Map(rapid.Int64(), record.IntValue),
					rapid.Map(rapid.Float64(), record.FloatValue), rapid.Map(rapid.String(), record.JSONValue),
					rapid.Just(record.Value{}), rapid.Map(rapid.Uint64(), record.UintValue),
				).Draw(t, "value"))
			}
		}
		n := plan.NewAnd(plan.NewOr(drawNode(t, 2), exists("address")), plan.NewNot(exists("visits")))
		compile(t, n).Match(&r)
		by(t, "status", "-weight", "date").Compare(&r, &r)
	})
}
