package plan

import (
	"slices"

	"github.com/digit-health/dhr/record"
)

// Equal reports whether p and q are the same question to the same index: equal
// conditions and equal orders. Two nil plans are equal.
func (p *Plan) Equal(q *Plan) bool {
	if p == nil || q == nil {
		return p == q
	}
	return sameIndex(p.Schema, q.Schema) && Equal(p.Where, q.Where) &&
		slices.EqualFunc(p.Order, q.Order, func(s, t Sort) bool {
			return s.Desc == t.Desc && sameField(s.Field, t.Field)
		})
}

// Equal reports whether a and b are the same condition, written in the same
// order. Fields are the same if their paths, their kinds and their folding of
// case are, histories if the paths of the entries and of their parts are, so
// that plans of one mapping that was read twice may be compared; values are the
// same if they are equal as values, however they were written.
func Equal(a, b Node) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case All:
		_, ok := b.(All)
		return ok
	case None:
		_, ok := b.(None)
		return ok
	case And:
		b, ok := b.(And)
		return ok && slices.EqualFunc(a, b, Equal)
	case Or:
		b, ok := b.(Or)
		return ok && slices.EqualFunc(a, b, Equal)
	case Not:
		b, ok := b.(Not)
		return ok && Equal(a.Node, b.Node)
	case Exists:
		b, ok := b.(Exists)
		return ok && sameField(a.Field, b.Field)
	case Missing:
		b, ok := b.(Missing)
		return ok && sameField(a.Field, b.Field)
	case Terms:
		b, ok := b.(Terms)
		return ok && sameField(a.Field, b.Field) && sameValues(a.Values, b.Values)
	case Range:
		b, ok := b.(Range)
		return ok && sameField(a.Field, b.Field) && sameBound(a.Lower, b.Lower) && sameBound(a.Upper, b.Upper)
	case Match:
		b, ok := b.(Match)
		return ok && sameField(a.Field, b.Field) && a.Mode == b.Mode && a.Text == b.Text &&
			(a.Mode != Fuzzy || a.Edits == b.Edits)
	case Was:
		b, ok := b.(Was)
		return ok && sameField(a.Field, b.Field) && sameHistory(a.History, b.History) &&
			sameStates(&a.Held, &b.Held) && sameChange(a.Window, b.Window, a.By, b.By)
	case Changed:
		b, ok := b.(Changed)
		return ok && sameField(a.Field, b.Field) && sameHistory(a.History, b.History) &&
			sameStates(a.From, b.From) && sameStates(a.To, b.To) && sameChange(a.Window, b.Window, a.By, b.By)
	}
	return false
}

func sameIndex(s, t *record.Schema) bool {
	if s == nil || t == nil {
		return s == t
	}
	return s == t || s.Index == t.Index
}

func sameField(f, g *record.Field) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f == g || f.Path == g.Path && f.Kind == g.Kind && f.FoldCase == g.FoldCase
}

func sameValues(v, w []record.Value) bool { return slices.EqualFunc(v, w, record.Value.Equal) }

// sameBound takes an open end for the same whether it is inclusive or not.
func sameBound(a, b Bound) bool {
	return a.Value.Equal(b.Value) && (a.Inclusive == b.Inclusive || a.Value.IsNull())
}

func sameHistory(h, g *record.History) bool {
	if h == nil || g == nil {
		return h == g
	}
	return h.Path == g.Path && samePath(h.Field, g.Field) && samePath(h.From, g.From) && samePath(h.To, g.To) &&
		samePath(h.At, g.At) && samePath(h.Author, g.Author)
}

func samePath(f, g *record.Field) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.Path == g.Path
}

func sameStates(s, t *States) bool {
	if s == nil || t == nil {
		return s == t
	}
	return s.Empty == t.Empty && sameValues(s.Values, t.Values)
}

func sameChange(v, w Window, by, other []string) bool {
	return v.From.Equal(w.From) && v.To.Equal(w.To) &&
		(by == nil) == (other == nil) && slices.Equal(by, other)
}
