package esdsl

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// Can reports whether n can be written so that the engine finds exactly the
// records for which it holds.
func (c *Compiler) Can(n plan.Node) bool {
	switch n := n.(type) {
	case plan.All, plan.None:
		return true
	case plan.And:
		return !slices.ContainsFunc(n, c.cannot)
	case plan.Or:
		return !slices.ContainsFunc(n, c.cannot)
	case plan.Not:
		return c.Can(n.Node)
	case plan.Exists:
		return c.canExist(n.Field)
	case plan.Missing:
		return c.canExist(n.Field)
	case plan.Terms:
		return c.canTerms(n)
	case plan.Range:
		return c.canRange(n)
	case plan.Match:
		return c.canMatch(n)
	}
	return false
}

func (c *Compiler) cannot(n plan.Node) bool { return !c.Can(n) }

// Instead returns for a condition that cannot be written one that can, and
// that holds for every record for which n holds.
func (c *Compiler) Instead(n plan.Node) plan.Node {
	if c.Can(n) {
		return n
	}
	wider := plan.Node(plan.All{})
	switch n := n.(type) {
	case plan.And:
		list := make([]plan.Node, len(n))
		for i := range n {
			list[i] = c.Instead(n[i])
		}
		return plan.NewAnd(list...)
	case plan.Or:
		list := make([]plan.Node, len(n))
		for i := range n {
			list[i] = c.Instead(n[i])
		}
		return plan.NewOr(list...)
	case plan.Terms:
		wider = plan.Exists{Field: n.Field}
	case plan.Range:
		wider = plan.Exists{Field: n.Field}
	case plan.Match:
		wider = c.insteadOfMatch(n)
	case plan.Changed:
		wider = c.entries(n.Field, n.History, n.Window, n.By)
	case plan.Was:
		wider = c.insteadOfWas(n)
	}
	if c.Can(wider) {
		return wider
	}
	return plan.All{}
}

func (c *Compiler) insteadOfMatch(n plan.Match) plan.Node {
	if n.Mode == plan.Phrase {
		if words := (plan.Match{Field: n.Field, Mode: plan.Words, Text: n.Text}); c.Can(words) {
			return words
		}
	}
	return plan.Exists{Field: n.Field}
}

// entries returns the condition that some entry of a history may be about f.
func (c *Compiler) entries(f *record.Field, h *record.History, w plan.Window, by []string) plan.Node {
	if f == nil || h == nil {
		return plan.All{}
	}
	parts := make([]plan.Node, 0, 3)
	if w.From.Kind() == record.Time || w.To.Kind() == record.Time {
		parts = append(parts, plan.Range{Field: h.At, Lower: plan.Bound{Value: w.From, Inclusive: true}, Upper: plan.Bound{Value: w.To}})
	}
	if len(by) > 0 {
		parts = append(parts, anyOf(h.Author, by))
	}
	if f.Source == f.Path { // a sub-field has names that are not known here
		parts = append(parts, anyOf(h.Field, append([]string{f.Path}, f.Aliases...)))
	}
	return plan.NewAnd(slices.DeleteFunc(parts, c.cannot)...)
}

// anyOf returns the condition that a part of an entry says one of texts.
func anyOf(part *record.Field, texts []string) plan.Node {
	if part == nil {
		return plan.All{}
	}
	exact := part.Exact()
	if exact == nil || exact.Kind != record.String || exact != part && exact.IgnoreAbove > 0 {
		return plan.All{}
	}
	values := make([]record.Value, 0, len(texts))
	for _, text := range texts {
		values = append(values, record.StringValue(text))
	}
	return plan.NewTerms(exact, values...)
}

// insteadOfWas says that the field holds the value now, or has entries.
func (c *Compiler) insteadOfWas(n plan.Was) plan.Node {
	logged := c.entries(n.Field, n.History, plan.Window{}, n.By)
	if n.By != nil || n.Field == nil {
		return logged
	}
	now := make([]plan.Node, 0, 3)
	if len(n.Held.Values) > 0 {
		now = append(now, plan.NewTerms(n.Field, n.Held.Values...))
	}
	if n.Held.Empty {
		now = append(now, plan.Missing{Field: n.Field})
	}
	return plan.NewOr(append(now, logged)...)
}

// meta reports whether f is one that every record has.
func meta(f *record.Field) bool { return f.Path == "_id" || f.Path == "_index" }

// known returns the facts of f if the engine has it as the plan means it.
func (c *Compiler) known(f *record.Field) *facts {
	if f == nil {
		return nil
	}
	known := c.of(f)
	switch {
	case known == nil, known.kind == f.Type:
		return known
	case known.flat() && (f.Type == "flattened" || f.Type == "flat_object"):
		return known
	}
	return nil
}

// canExist: whether an object holds anything is not known to the engine, which
// does not see what is not declared, too long or malformed.
func (c *Compiler) canExist(f *record.Field) bool {
	if f != nil && meta(f) {
		return true
	}
	known := c.known(f)
	if known == nil || known.kind == "flat_object" { // OpenSearch 2 finds no key of it
		return false
	}
	switch f.Kind {
	case record.Object, record.Nested, record.Flattened, record.Unknown:
		return false
	case record.Text:
		return f.Searchable && known.searched
	}
	return f.Searchable && (known.searched || known.docValues)
}

// canSearch reports whether whole values of f can be looked for.
func (c *Compiler) canSearch(f *record.Field) bool {
	known := c.known(f)
	return known != nil && known.searched && f.Searchable
}

func (c *Compiler) canTerms(n plan.Terms) bool {
	f := n.Field
	switch {
	case f == nil:
		return false
	case len(n.Values) == 0, meta(f):
		return true
	case !c.canSearch(f):
		return false
	}
	switch f.Kind {
	case record.String:
		if f.Type == "wildcard" && n.Values[0].Text() == "" {
			return false // OpenSearch does not find the empty string there
		}
		if !f.FoldCase {
			return c.of(f).folding == asIs
		}
		_, lower := c.folded(f)
		return lower || c.of(f).folding == asIs && foldable(n.Values)
	case record.Float:
		return f.Type != "scaled_float" || !slices.ContainsFunc(n.Values, func(v record.Value) bool { return !precise(f, v) })
	case record.Version:
		return !slices.ContainsFunc(n.Values, func(v record.Value) bool { return !released(v) })
	case record.Bool, record.Int, record.Uint, record.Time, record.IP:
		return true
	}
	return false
}

// released reports whether v is a version of three plain numbers. What else a version may
// be OpenSearch refuses, or orders in its own way.
func released(v record.Value) bool {
	parts := strings.Split(v.Text(), ".")
	for _, part := range parts {
		if part == "" || len(part) > 9 || part != "0" && part[0] == '0' || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 3
}

// precise reports whether the engine's arithmetic on a scaled_float is exact at v.
func precise(f *record.Field, v record.Value) bool {
	return v.IsNull() || math.Abs(v.Float()*f.Scale) < 1<<50
}

func (c *Compiler) canRange(n plan.Range) bool {
	f := n.Field
	if f != nil && meta(f) {
		return f.Path == "_id" && c.hasID && validBounds(n) || f.Path == "_index" && len(c.o.Indexes) > 0
	}
	if !c.canSearch(f) {
		return false
	}
	switch f.Kind {
	case record.String:
		switch {
		case !validBounds(n), f.Type == "constant_keyword", f.Type == "wildcard":
			return false
		case c.of(f).kind == "flattened" && n.Upper.Value.IsNull():
			return false
		case f.FoldCase:
			_, lower := c.folded(f)
			return lower
		}
		return c.of(f).folding == asIs
	case record.Float:
		return f.Type != "scaled_float" || precise(f, n.Lower.Value) && precise(f, n.Upper.Value)
	case record.Version:
		return (n.Lower.Value.IsNull() || released(n.Lower.Value)) && (n.Upper.Value.IsNull() || released(n.Upper.Value))
	case record.Bool, record.Int, record.Uint, record.Time, record.IP:
		return true
	}
	return false
}

// validBounds reports whether the bounds can be JSON strings.
func validBounds(n plan.Range) bool {
	return utf8.ValidString(n.Lower.Value.Text()) && utf8.ValidString(n.Upper.Value.Text())
}

func (c *Compiler) canMatch(n plan.Match) bool {
	if !c.canSearch(n.Field) || n.Field.Kind != record.Text || !c.of(n.Field).standard {
		return false
	}
	switch n.Mode {
	case plan.Words, plan.Prefix, plan.Fuzzy:
		return true
	case plan.Phrase:
		return c.of(n.Field).positions
	case plan.Wildcard:
		return simple(n.Text)
	}
	return false
}
