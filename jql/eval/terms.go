package eval

import (
	"math"
	"slices"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// few is the number of terms up to which they are looked through one by one.
const few = 6

// terms compiles a Terms node into the fastest form for its kind and number.
func (c *compiler) terms(n plan.Terms) node {
	column := c.column(n.Field)
	if n.Field == nil {
		return constant(false)
	}
	for _, v := range n.Values {
		c.check(n.Field, v)
	}
	return inSet{column, newValueSet(n.Field, n.Values)}
}

// check holds that v is of the kind that f's values are of.
func (c *compiler) check(f *record.Field, v record.Value) {
	if want := valueKind(f); v.Kind() != want && !v.IsNull() {
		c.fail("the value %s is of kind %s, the field %q of kind %s", v, v.Kind(), f.Path, f.Kind)
	}
}

// valueKind is the kind of the values of f.
func valueKind(f *record.Field) record.Kind {
	switch f.Kind {
	case record.Text:
		return record.String
	case record.Object, record.Nested, record.Flattened, record.Unknown:
		return record.JSON
	}
	return f.Kind
}

// inSet matches records with a value in a column that is in a set.
type inSet struct {
	column int
	set    valueSet
}

func (n inSet) match(r *record.Record, s *scratch) bool {
	return containsAny(n.set, s.values(r, n.column), s)
}

func containsAny(set valueSet, values []record.Value, s *scratch) bool {
	for i := range values {
		if set.contains(values[i], s) {
			return true
		}
	}
	return false
}

// A valueSet is a set of values of one kind.
type valueSet interface {
	contains(v record.Value, s *scratch) bool
}

// newValueSet returns the set of the values, as f compares them.
func newValueSet(f *record.Field, values []record.Value) valueSet {
	switch kind := valueKind(f); kind {
	case record.String:
		return newStringSet(f, values)
	case record.Bool, record.Int, record.Uint, record.Float, record.Time:
		if len(values) > few {
			set := numberMap{kind, make(map[uint64]struct{}, len(values))}
			for _, v := range values {
				set.m[number(v)] = struct{}{}
			}
			return set
		}
		set := numberList{kind: kind}
		for _, v := range values {
			set.list = append(set.list, number(v))
		}
		return set
	}
	values = slices.Clone(values)
	slices.SortFunc(values, record.Value.Compare)
	return sortedSet(values)
}

func newStringSet(f *record.Field, values []record.Value) valueSet {
	var list stringList
	for _, v := range values {
		text := v.Text()
		if f.FoldCase {
			text = string(analyzer.AppendLower(nil, text))
		}
		list = append(list, text)
	}
	switch many := len(list) > few; {
	case many && f.FoldCase:
		return foldMap(list.toMap())
	case many:
		return list.toMap()
	case f.FoldCase:
		return foldList(list)
	}
	return list
}

// number returns what tells numbers of one kind apart.
func number(v record.Value) uint64 {
	switch v.Kind() {
	case record.Int:
		return uint64(v.Int())
	case record.Time:
		return uint64(v.Millis())
	case record.Uint:
		return v.Uint()
	case record.Float:
		return math.Float64bits(v.Float())
	case record.Bool:
		if v.Bool() {
			return 1
		}
	}
	return 0
}

type numberList struct {
	kind record.Kind
	list []uint64
}

func (n numberList) contains(v record.Value, _ *scratch) bool {
	if v.Kind() != n.kind {
		return false
	}
	got := number(v)
	for _, w := range n.list {
		if w == got {
			return true
		}
	}
	return false
}

type numberMap struct {
	kind record.Kind
	m    map[uint64]struct{}
}

func (n numberMap) contains(v record.Value, _ *scratch) bool {
	_, ok := n.m[number(v)]
	return ok && v.Kind() == n.kind
}

type stringList []string

func (n stringList) contains(v record.Value, _ *scratch) bool {
	got := v.Text()
	for _, w := range n {
		if w == got {
			return true
		}
	}
	return false
}

func (n stringList) toMap() stringMap {
	m := make(stringMap, len(n))
	for _, text := range n {
		m[text] = struct{}{}
	}
	return m
}

type stringMap map[string]struct{}

func (n stringMap) contains(v record.Value, _ *scratch) bool {
	_, ok := n[v.Text()]
	return ok
}

// foldList and foldMap hold strings in lower case.
type foldList []string

func (n foldList) contains(v record.Value, s *scratch) bool {
	s.lower = analyzer.AppendLower(s.lower[:0], v.Text())
	for _, w := range n {
		if w == string(s.lower) {
			return true
		}
	}
	return false
}

type foldMap map[string]struct{}

func (n foldMap) contains(v record.Value, s *scratch) bool {
	s.lower = analyzer.AppendLower(s.lower[:0], v.Text())
	_, ok := n[string(s.lower)]
	return ok
}

// sortedSet holds values of any kind in their order.
type sortedSet []record.Value

func (n sortedSet) contains(v record.Value, _ *scratch) bool {
	low, high := 0, len(n)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if n[mid].Compare(v) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low < len(n) && n[low].Compare(v) == 0
}
