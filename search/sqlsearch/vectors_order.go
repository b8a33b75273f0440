package sqlsearch

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
)

// A vectorKey is one key of an order.
type vectorKey struct {
	column *vector // nil for the IDs
	desc   bool
	// greatest are, in descending order, the greatest values of the sets of several.
	greatest []int64
}

// at returns by which number record i is ordered.
func (k *vectorKey) at(i int) int64 {
	if k.greatest != nil {
		if set := k.column.several.stepsAt(i); set > 0 {
			return k.greatest[set-1]
		}
	}
	return k.column.first.at(i)
}

// keys returns the keys of an order up to the first that is unique.
func (f *finding) keys(order []plan.Sort) ([]vectorKey, error) {
	var keys []vectorKey
	for _, s := range order {
		if s.Field == nil || s.Field.Path == "_index" { // alike in all records
			continue
		}
		if s.Field.Path == "_id" {
			return append(keys, vectorKey{desc: s.Desc}), nil
		}
		v, c, err := f.column(s.Field)
		switch {
		case err != nil:
			return nil, err
		case c != nil && c.Required:
			return append(keys, vectorKey{desc: s.Desc}), nil
		case v == nil || !v.valued():
			return nil, errBySQL
		}
		k := vectorKey{column: v, desc: s.Desc}
		if s.Desc && len(v.sets) > 0 {
			k.greatest = v.greatest()
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// first returns the first n records of a set in the order of keys.
func (f *finding) first(set vectorSet, ids *texts, keys []vectorKey, n int) []int32 {
	compare := func(a, b int32) int { return compareRecords(ids, keys, int(a), int(b)) }
	best := make([]int32, 0, min(2*n+1024, f.t.n))
	bounded, bound := false, int64(0) // the first key of the worst that can be among the first n, once there are so many
	for i := range set.all() {
		if bounded && keys[0].behind(i, bound) {
			continue
		}
		best = append(best, int32(i)) //nolint:gosec // there are at most mostPaged
		if len(best) < 2*n+1024 {
			continue
		}
		slices.SortFunc(best, compare)
		best = best[:n]
		if worst := int(best[n-1]); keys[0].column != nil && !keys[0].column.lacks(worst) {
			bounded, bound = true, keys[0].at(worst)
		}
	}
	slices.SortFunc(best, compare)
	return best[:min(n, len(best))]
}

// behind reports whether record i comes after all those that have the value bound.
func (k *vectorKey) behind(i int, bound int64) bool {
	v := k.at(i)
	return v > bound && !k.desc || v < bound && k.desc || k.column.lacks(i)
}

// scanned reports whether SQL finds the first n records of a set sooner: it reads in the order of an index, until it
// has so many. It has to look at n / share of the records, and that costs a hundred times what it costs here to look at all of the set.
func (f *finding) scanned(set vectorSet, n int) bool {
	for _, s := range f.p.Order {
		if s.Field == nil || s.Field.Path == "_index" {
			continue
		}
		c := f.l.Column(s.Field)
		if c == nil || !c.Indexed || c.Codes != nil || c.Several != nil || len(f.others(f.p.Where)) > 0 {
			return false
		}
		count := int64(set.count())
		return count*count > 400*int64(n)*int64(f.t.n)
	}
	return false
}

func compareRecords(ids *texts, keys []vectorKey, a, b int) int {
	for i := range keys {
		k := &keys[i]
		var c int
		switch {
		case k.column == nil:
			c = bytes.Compare(ids.at(a), ids.at(b))
		case k.column.lacks(a), k.column.lacks(b): // they come last both ways
			if c := cmp.Compare(lacking(k.column.lacks(a)), lacking(k.column.lacks(b))); c != 0 {
				return c
			}
		default:
			c = cmp.Compare(k.at(a), k.at(b))
		}
		if c != 0 {
			if k.desc {
				return -c
			}
			return c
		}
	}
	return cmp.Compare(a, b)
}

func lacking(is bool) int {
	if is {
		return 1
	}
	return 0
}
