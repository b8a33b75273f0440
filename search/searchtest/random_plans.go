package searchtest

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A drawer draws plans for the records of a corpus, with values that records have, so
// that conditions meet records. The plans are such as the language gives.
type drawer struct {
	c      *corpus
	fields []*record.Field // that values are compared in
	texts  []*record.Field
	sorts  []*record.Field
	pasts  []*record.Field // with a history
	values map[*record.Field][]record.Value
}

func newDrawer(c *corpus) *drawer {
	d := &drawer{c: c, values: map[*record.Field][]record.Value{}}
	for i, f := range c.projection.Fields() {
		if !f.Searchable {
			continue
		}
		var all []record.Value
		for _, r := range c.records {
			for _, v := range r.Values(i) {
				if !slices.ContainsFunc(all, v.Equal) && len(v.Text()) < 200 {
					all = append(all, v)
				}
			}
		}
		d.values[f] = all
		switch {
		case f.Kind == record.Text:
			d.texts = append(d.texts, f)
		case slices.Contains(grouping, f.Kind) && len(all) > 0:
			d.fields, d.sorts = append(d.fields, f), append(d.sorts, f)
			if c.schema.History(f) != nil {
				d.pasts = append(d.pasts, f)
			}
		}
	}
	return d
}

// plan draws a condition and an order.
func (d *drawer) plan(t *rapid.T) *plan.Plan {
	p := d.c.plan(d.node(t, rapid.IntRange(0, 3).Draw(t, "depth")))
	var keys []plan.Sort
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2, 3}).Draw(t, "keys") {
		key := plan.Sort{Field: rapid.SampledFrom(d.sorts).Draw(t, "key"), Desc: rapid.Bool().Draw(t, "desc")}
		if rapid.IntRange(0, 12).Draw(t, "lacking") == 0 {
			key.Field = nil
		}
		if key.Field != p.Order[0].Field && !slices.ContainsFunc(keys, func(k plan.Sort) bool { return k.Field == key.Field }) {
			keys = append(keys, key)
		}
	}
	p.Order[0].Desc = rapid.Bool().Draw(t, "desc")
	p.Order = append(keys, p.Order...)
	return p
}

func (d *drawer) node(t *rapid.T, depth int) plan.Node {
	if depth == 0 {
		return d.leaf(t)
	}
	var nodes []plan.Node
	for range rapid.IntRange(2, 4).Draw(t, "width") {
		nodes = append(nodes, d.node(t, rapid.IntRange(0, depth-1).Draw(t, "depth")))
	}
	if rapid.Bool().Draw(t, "and") {
		return plan.NewAnd(nodes...)
	}
	return plan.NewOr(nodes...)
}

// leaf draws a condition on one field, or what the language makes of its negation.
func (d *drawer) leaf(t *rapid.T) plan.Node {
	n, f := d.positive(t)
	switch rapid.IntRange(0, 5).Draw(t, "negated") {
	case 0:
		if _, ok := n.(plan.Exists); ok {
			return plan.Missing{Field: f}
		}
		return d.negated(n, f)
	case 1:
		other, of := d.positive(t)
		if of == f && isPlain(n) && isPlain(other) {
			return d.negated(plan.NewOr(n, other), f)
		}
	}
	return n
}

func isPlain(n plan.Node) bool {
	switch n.(type) {
	case plan.Terms, plan.Range, plan.Match:
		return true
	}
	return false
}

// negated is how the language says that n does not hold of a field: it must have a value then.
func (d *drawer) negated(n plan.Node, f *record.Field) plan.Node {
	switch n.(type) {
	case plan.Was, plan.Changed:
		return plan.Not{Node: n}
	case plan.Exists, plan.Missing, plan.None, plan.All:
		return n
	}
	return plan.NewAnd(plan.Exists{Field: f}, plan.NewNot(n))
}

func (d *drawer) positive(t *rapid.T) (plan.Node, *record.Field) {
	switch kind := rapid.IntRange(0, 11).Draw(t, "kind"); {
	case kind < 4:
		f := rapid.SampledFrom(d.fields).Draw(t, "field")
		return plan.NewTerms(f, rapid.SliceOfN(rapid.SampledFrom(d.values[f]), 1, 4).Draw(t, "values")...), f
	case kind < 7:
		if f := rapid.SampledFrom(d.fields).Draw(t, "field"); hasOrder(f) {
			return d.between(t, f), f
		}
	case kind < 9 && len(d.texts) > 0:
		f := rapid.SampledFrom(d.texts).Draw(t, "text")
		return d.match(t, f), f
	case kind == 9 && len(d.pasts) > 0:
		f := rapid.SampledFrom(d.pasts).Draw(t, "past")
		return d.past(t, f), f
	}
	f := rapid.SampledFrom(d.c.projection.Fields()).Draw(t, "any")
	if !f.Searchable {
		f = d.fields[0]
	}
	if rapid.Bool().Draw(t, "missing") {
		return plan.Missing{Field: f}, f
	}
	return plan.Exists{Field: f}, f
}

// hasOrder reports whether the language compares values of f with < and >.
func hasOrder(f *record.Field) bool {
	switch f.Kind {
	case record.Bool:
		return false
	case record.String:
		return f.Ordered
	}
	return true
}

func (d *drawer) between(t *rapid.T, f *record.Field) plan.Node {
	bound := func(name string) plan.Bound {
		return plan.Bound{Value: rapid.SampledFrom(d.values[f]).Draw(t, name), Inclusive: rapid.Bool().Draw(t, "inclusive")}
	}
	n := plan.Range{Field: f, Lower: bound("lower"), Upper: bound("upper")}
	switch open := rapid.IntRange(0, 3).Draw(t, "open"); {
	case open == 0:
		n.Lower = plan.Bound{}
	case open == 1:
		n.Upper = plan.Bound{}
	case n.Lower.Value.Compare(n.Upper.Value) > 0:
		n.Lower, n.Upper = n.Upper, n.Lower
	}
	return n
}

// match draws words that records have, and changes them a little.
func (d *drawer) match(t *rapid.T, f *record.Field) plan.Node {
	n := plan.Match{Field: f, Mode: rapid.SampledFrom([]plan.Mode{plan.Words, plan.Words, plan.Phrase, plan.Prefix, plan.Wildcard, plan.Fuzzy}).Draw(t, "mode")}
	terms := []string{"fever", "nosuch"}
	if all := d.values[f]; len(all) > 0 {
		terms = append(terms, analyzer.Append(nil, rapid.SampledFrom(all).Draw(t, "text").Text())...)
	}
	at := rapid.IntRange(0, len(terms)-1).Draw(t, "at")
	end := min(len(terms), at+rapid.IntRange(1, 3).Draw(t, "terms"))
	some := slices.Clone(terms[at:end])
	last := []rune(some[len(some)-1])
	cut := rapid.IntRange(0, len(last)-1).Draw(t, "cut")
	switch n.Mode {
	case plan.Prefix:
		some[len(some)-1] = string(last[:cut+1])
	case plan.Wildcard:
		sign := rapid.SampledFrom([]string{"?", "*", "**", "?*"}).Draw(t, "sign")
		n.Text = escapeWildcard(last[:cut]) + sign + escapeWildcard(last[min(cut+1, len(last)):])
		return n
	case plan.Fuzzy:
		n.Edits = rapid.IntRange(-1, 2).Draw(t, "edits")
		some[len(some)-1] = d.misspelt(t, last, cut)
	}
	n.Text = strings.Join(some, rapid.SampledFrom([]string{" ", ", ", " - "}).Draw(t, "between"))
	return n
}

func escapeWildcard(text []rune) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(string(text))
}

func (d *drawer) misspelt(t *rapid.T, term []rune, at int) string {
	before, behind := string(term[:at]), string(term[at+1:])
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		return before + behind
	case 1:
		return before + "x" + behind
	case 2:
		return before + string(term[at]) + "x" + behind
	}
	if at+1 < len(term) {
		return before + string(term[at+1]) + string(term[at]) + string(term[at+2:])
	}
	return string(term)
}

// past draws a condition on a history.
func (d *drawer) past(t *rapid.T, f *record.Field) plan.Node {
	states := func(name string) plan.States {
		s := plan.States{Empty: rapid.IntRange(0, 3).Draw(t, name+" empty") == 0}
		values := rapid.SliceOfN(rapid.SampledFrom(d.values[f]), 0, 2).Draw(t, name)
		if terms, ok := plan.NewTerms(f, values...).(plan.Terms); ok {
			s.Values = terms.Values
		}
		s.Empty = s.Empty || len(s.Values) == 0
		return s
	}
	h := d.c.schema.History(f)
	var w plan.Window
	instants := d.values[h.At]
	if len(instants) > 0 && rapid.Bool().Draw(t, "from") {
		w.From = rapid.SampledFrom(instants).Draw(t, "begin")
	}
	if len(instants) > 0 && rapid.Bool().Draw(t, "to") {
		w.To = rapid.SampledFrom(instants).Draw(t, "end")
	}
	var by []string
	if h.Author != nil {
		by = rapid.SampledFrom([][]string{nil, nil, {"ana"}, {"Ana", "Raj"}, {}}).Draw(t, "by")
	}
	if rapid.Bool().Draw(t, "was") {
		return plan.Was{Field: f, History: h, Held: states("held"), Window: w, By: by}
	}
	n := plan.Changed{Field: f, History: h, Window: w, By: by}
	if s := states("before"); rapid.Bool().Draw(t, "with before") {
		n.From = &s
	}
	if s := states("after"); rapid.Bool().Draw(t, "with after") {
		n.To = &s
	}
	return n
}
