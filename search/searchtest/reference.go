package searchtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// An answer is what package eval says to a plan.
type answer struct {
	plan    *plan.Plan
	order   *eval.Order
	records []*record.Record // in the order of the plan
}

// answer asks package eval.
func (c *corpus) answer(t tb, p *plan.Plan) *answer {
	t.Helper()
	a, err := c.ask(p)
	require.NoError(t, err, "%s", p)
	return a
}

func (c *corpus) ask(p *plan.Plan) (*answer, error) {
	matcher, err := eval.Compile(p, c.projection)
	if err != nil {
		return nil, err
	}
	order, err := eval.CompileOrder(p, c.projection)
	if err != nil {
		return nil, err
	}
	a := &answer{plan: p, order: order}
	for _, r := range c.records {
		if matcher.Match(r) {
			a.records = append(a.records, r)
		}
	}
	slices.SortFunc(a.records, order.Compare)
	return a, nil
}

// ids returns the IDs of the records.
func (a *answer) ids() []string { return idsOf(a.records) }

func idsOf(records []*record.Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids
}

// after returns the sort keys of a record, as they are given to a driver.
func (a *answer) after(r *record.Record) []record.Value { return a.order.Keys(nil, r) }

// differ describes how an engine's IDs differ from those that are right; "" if
// they do not.
func (c *corpus) differ(want, got []string) string {
	if slices.Equal(want, got) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "want %d records, got %d\n", len(want), len(got))
	in := func(list []string) map[string]bool {
		m := map[string]bool{}
		for _, id := range list {
			m[id] = true
		}
		return m
	}
	told := 0
	tell := func(what, id string) {
		if told++; told <= 4 {
			fmt.Fprintf(&b, "%s %q: %s\n", what, id, c.source(id))
		} else if told == 5 {
			b.WriteString("and more\n")
		}
	}
	w, g := in(want), in(got)
	for _, id := range want {
		if !g[id] {
			tell("missing", id)
		}
	}
	for _, id := range got {
		if !w[id] {
			tell("too many", id)
		}
	}
	if len(g) != len(got) {
		b.WriteString("some records came twice\n")
	}
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] && told == 0 {
			fmt.Fprintf(&b, "the order differs at %d\nwant %q: %s\ngot  %q: %s\n",
				i, want[i], c.source(want[i]), got[i], c.source(got[i]))
			break
		}
	}
	return b.String()
}

// differRecord describes how a record of an engine differs from the document; "" if
// it does not.
func differRecord(got, want *record.Record, columns *record.Projection) string {
	switch {
	case got.ID != want.ID:
		return fmt.Sprintf("_id is %q, want %q", got.ID, want.ID)
	case got.Index != want.Index:
		return fmt.Sprintf("_index is %q, want %q", got.Index, want.Index)
	case got.Projection() != columns:
		return "the record is not of the projection that was asked for"
	}
	for i, f := range columns.Fields() {
		v, w := got.Values(i), want.Lookup(f.Path)
		switch f.Path {
		case "_id":
			w = []record.Value{record.StringValue(want.ID)}
		case "_index":
			w = []record.Value{record.StringValue(want.Index)}
		}
		if !slices.EqualFunc(v, w, func(v, w record.Value) bool { return v.Equal(w) && v.Text() == w.Text() }) {
			return fmt.Sprintf("%s is %s, want %s", f.Path, describe(v), describe(w))
		}
	}
	return ""
}

func describe(values []record.Value) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%s written %q ", v.Kind(), shorten(v.Text()))
	}
	return "[" + strings.TrimSpace(b.String()) + "]"
}

// shorten cuts a long text.
func shorten(text string) string {
	if len(text) > 200 {
		return strings.ToValidUTF8(text[:200], "") + fmt.Sprintf("... (%d bytes)", len(text))
	}
	return text
}
