package plan

import (
	"slices"
	"strings"

	"github.com/digit-health/dhr/record"
)

// NewAnd returns the condition that all of nodes hold, in the simplest form:
// an And within it is opened up, what is always true or stands there twice is
// left out, and one node alone is itself. Without any node it is All.
func NewAnd(nodes ...Node) Node {
	flat := make(And, 0, len(nodes))
	for _, n := range nodes {
		switch n := n.(type) {
		case nil, All:
		case None:
			return None{}
		case And:
			flat = append(flat, n...)
		default:
			flat = append(flat, n)
		}
	}
	flat = distinct(flat)
	switch len(flat) {
	case 0:
		return All{}
	case 1:
		return flat[0]
	}
	return flat
}

// NewOr returns the condition that at least one of nodes holds, in the
// simplest form: an Or within it is opened up, what is never true or stands
// there twice is left out, the Terms of one field become one, and one node
// alone is itself. Without any node it is None.
func NewOr(nodes ...Node) Node {
	flat := make(Or, 0, len(nodes))
	for _, n := range nodes {
		switch n := n.(type) {
		case nil, None:
		case All:
			return All{}
		case Or:
			flat = append(flat, n...)
		default:
			flat = append(flat, n)
		}
	}
	flat = distinct(mergeTerms(flat))
	switch len(flat) {
	case 0:
		return None{}
	case 1:
		return flat[0]
	}
	return flat
}

// NewNot returns the condition that n does not hold. Nothing is pushed down:
// where a negative must not match empty fields, the caller says so.
func NewNot(n Node) Node {
	switch n := n.(type) {
	case All:
		return None{}
	case None:
		return All{}
	case Not:
		return n.Node
	case Exists:
		return Missing(n)
	case Missing:
		return Exists(n)
	}
	return Not{n}
}

// NewTerms returns the condition that one of the field's values is among
// values, which are put in order and into lower case if the field folds case.
// Without values, or of a field that is nil, it is None.
func NewTerms(f *record.Field, values ...record.Value) Node {
	if f == nil || len(values) == 0 {
		return None{}
	}
	values = slices.Clone(values)
	if f.FoldCase {
		for i, v := range values {
			if v.Kind() == record.String {
				values[i] = record.StringValue(strings.ToLower(v.Text()))
			}
		}
	}
	slices.SortStableFunc(values, record.Value.Compare)
	return Terms{f, slices.CompactFunc(values, record.Value.Equal)}
}

// mergeTerms joins the Terms of one field into the first of them. It changes
// nodes, but no list of values.
func mergeTerms(nodes []Node) []Node {
	first := make([]int, 0, 8) // for each field with Terms the place of its first
	more := false
	out := nodes[:0]
	merged := make(map[int][]record.Value)
	for _, n := range nodes {
		t, ok := n.(Terms)
		if !ok {
			out = append(out, n)
			continue
		}
		i := slices.IndexFunc(first, func(i int) bool { return sameField(out[i].(Terms).Field, t.Field) })
		if i < 0 {
			first = append(first, len(out))
			out = append(out, n)
			continue
		}
		at := first[i]
		if merged[at] == nil {
			merged[at] = slices.Clone(out[at].(Terms).Values)
		}
		merged[at] = append(merged[at], t.Values...)
		more = true
	}
	if more {
		for at, values := range merged {
			out[at] = NewTerms(out[at].(Terms).Field, values...)
		}
	}
	return out
}

// few is the number of siblings up to which each is compared with each.
const few = 12

// distinct leaves out nodes that stand before. It changes nodes.
func distinct(nodes []Node) []Node {
	var printed map[string][]Node
	if len(nodes) > few {
		printed = make(map[string][]Node, len(nodes))
	}
	out := nodes[:0]
	for _, n := range nodes {
		before := out
		if printed != nil {
			key := n.String()
			before = printed[key]
			printed[key] = append(before, n)
		}
		if !slices.ContainsFunc(before, func(m Node) bool { return Equal(m, n) }) {
			out = append(out, n)
		}
	}
	return out
}
