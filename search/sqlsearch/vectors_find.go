package sqlsearch

import (
	"cmp"
	"math"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
)

// few is the number of records that are left of an And for which SQL need not be asked about all records: it
// looks at the few alone.
const few = 500

// find returns the records that match a condition, which SQL could answer as a whole. It returns errBySQL if it should.
func (f *finding) find(n plan.Node) (vectorSet, error) {
	switch n := n.(type) {
	case plan.All:
		return everyRecord(f.t.n), nil
	case plan.None:
		return newVectorSet(f.t.n), nil
	case plan.And:
		return f.and(n)
	case plan.Or:
		set := newVectorSet(f.t.n)
		for _, n := range n {
			one, err := f.find(n)
			if err != nil {
				return nil, err
			}
			set = set.either(one)
		}
		return set, nil
	case plan.Not:
		set, err := f.find(n.Node)
		if err != nil {
			return nil, err
		}
		return everyRecord(f.t.n).without(set), nil
	case plan.Was, plan.Changed:
		return f.history(n)
	}
	set, err := f.leaf(n)
	if set == nil && err == nil {
		return f.bySQL(n)
	}
	return set, err
}

// and begins with the conditions that cost least.
func (f *finding) and(nodes plan.And) (vectorSet, error) {
	nodes = slices.Clone(nodes)
	slices.SortStableFunc(nodes, func(a, b plan.Node) int { return cmp.Compare(f.cost(a), f.cost(b)) })
	var set vectorSet
	for _, n := range nodes {
		if set != nil && f.cost(n) > 0 && set.count() <= few {
			return nil, errBySQL
		}
		one, err := f.find(n)
		if err != nil {
			return nil, err
		}
		if set == nil {
			set = one
		} else {
			set = set.both(one)
		}
	}
	return set, nil
}

// cost returns how many conditions of a node SQL would have to be asked.
func (f *finding) cost(n plan.Node) (cost int) {
	for _, leaf := range f.others(n) {
		if field, _ := historyOf(leaf); field == nil && f.v.d.vectors.leaf(f.t, leaf.String()) == nil {
			cost++
		}
	}
	return cost
}

// others returns the conditions of a node that are not those of columns.
func (f *finding) others(n plan.Node) (leaves []plan.Node) {
	plan.Walk(n, func(n plan.Node) bool {
		switch n.(type) {
		case plan.And, plan.Or, plan.Not, plan.All, plan.None:
		default:
			if f.field(n) == nil {
				leaves = append(leaves, n)
			}
		}
		return true
	})
	return leaves
}

// field returns the field of a condition to which its column knows the answer, or nil.
func (f *finding) field(n plan.Node) (field *record.Field) {
	compares := true
	switch n := n.(type) {
	case plan.Exists:
		field, compares = n.Field, false
	case plan.Missing:
		field, compares = n.Field, false
	case plan.Terms:
		field = n.Field
	case plan.Range:
		field = n.Field
	}
	if field == nil {
		return nil
	}
	if c := f.l.Column(field); c == nil || c.Value == "" || c.Required || compares && !numbered(field, c) {
		return nil
	}
	return field
}

// leaf returns the records for which a condition on one field holds, or nil if the vectors cannot tell.
func (f *finding) leaf(n plan.Node) (vectorSet, error) {
	field := f.field(n)
	if field == nil {
		return nil, nil
	}
	v, c, err := f.column(field)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case plan.Exists:
		return everyRecord(f.t.n).without(v.absent(f.t.n)), nil
	case plan.Missing:
		return v.absent(f.t.n), nil
	case plan.Terms:
		numbers, err := f.numbers(n, v, c)
		if err != nil {
			return nil, err
		}
		return v.among(numbers), nil
	case plan.Range:
		low, high, err := f.bounds(n, v, c)
		if err != nil {
			return nil, err
		}
		return v.between(low, high), nil
	}
	return nil, nil
}

// numbers returns the numbers of values, in ascending order, of those that some record has.
func (f *finding) numbers(n plan.Terms, v *vector, c *sqlgen.Column) ([]int64, error) {
	stored := make([]any, len(n.Values))
	var err error
	for i, value := range n.Values {
		if stored[i], err = c.Stored(n.Field, value); err != nil {
			return nil, err
		}
	}
	if v.codes != nil {
		if stored, err = c.Codes.Find(stored); err != nil {
			return nil, err
		}
	}
	numbers := make([]int64, 0, len(stored))
	for _, value := range stored {
		n, ok := vectorNumber(value)
		if !ok {
			return nil, errBySQL
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	if v.codes == nil {
		return numbers, nil
	}
	places := make([]int64, 0, len(numbers))
	for at := range v.codes.among(numbers).all() {
		places = append(places, int64(at))
	}
	return places, nil
}

// bounds returns the least and the greatest number of a range.
func (f *finding) bounds(n plan.Range, v *vector, c *sqlgen.Column) (low, high int64, err error) {
	low, high = math.MinInt64, math.MaxInt64
	if !n.Lower.Value.IsNull() {
		if low, err = f.bound(n.Field, v, c, n.Lower, false); err != nil {
			return 0, 0, err
		}
	}
	if !n.Upper.Value.IsNull() {
		if high, err = f.bound(n.Field, v, c, n.Upper, true); err != nil {
			return 0, 0, err
		}
	}
	return low, high, nil
}

// bound returns the number at one end of a range, which is within it.
func (f *finding) bound(field *record.Field, v *vector, c *sqlgen.Column, b plan.Bound, upper bool) (int64, error) {
	stored, err := c.Stored(field, b.Value)
	if err != nil {
		return 0, err
	}
	if v.codes != nil {
		return f.place(c, stored, upper, b.Inclusive)
	}
	n, ok := vectorNumber(stored)
	switch {
	case !ok:
		return 0, errBySQL
	case b.Inclusive:
		return n, nil
	case upper && n > math.MinInt64:
		return n - 1, nil
	case !upper && n < math.MaxInt64:
		return n + 1, nil
	}
	return 0, errBySQL // nothing is beyond
}

// place returns where the first string of a dictionary stands that is in a range, or the last.
func (f *finding) place(c *sqlgen.Column, stored any, upper, inclusive bool) (int64, error) {
	before := " < ?"
	if upper == inclusive { // those that are equal stand before the first outside, or before the first inside
		before = " <= ?"
	}
	n, err := f.v.number(f.ctx, "SELECT count(*) FROM "+c.Codes.Table+" WHERE "+c.Codes.Only+" AND value"+before, stored)
	if upper {
		n--
	}
	return n, err
}

// absent returns the records that have no value.
func (c *vector) absent(n int) vectorSet {
	if c.missing == nil {
		return newVectorSet(n)
	}
	return c.missing
}

// among returns the records that have one of the numbers, which are in ascending order.
func (c *vector) among(numbers []int64) vectorSet {
	switch len(numbers) {
	case 0:
		return newVectorSet(c.first.n)
	case 1:
		return c.between(numbers[0], numbers[0])
	}
	return c.corrected(c.first.among(numbers), func(v int64) bool {
		_, found := slices.BinarySearch(numbers, v)
		return found
	})
}

// between returns the records that have a number from low to high.
func (c *vector) between(low, high int64) vectorSet {
	least, greatest, ok := c.first.span(low, high)
	set := newVectorSet(c.first.n)
	if ok {
		set = c.first.within(least, greatest)
	}
	return c.corrected(set, func(v int64) bool { return low <= v && v <= high })
}

// corrected returns a set of records by their first values without those that have none, and with those of whose other values
// one is wanted.
func (c *vector) corrected(set vectorSet, wanted func(v int64) bool) vectorSet {
	if c.missing != nil {
		set = set.without(c.missing)
	}
	if len(c.sets) == 0 {
		return set
	}
	var some []int64
	for i, values := range c.sets {
		if slices.ContainsFunc(values, wanted) {
			some = append(some, int64(i+1))
		}
	}
	return set.either(c.several.among(some))
}
