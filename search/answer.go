package search

import (
	"cmp"
	"math"
	"slices"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/record"
)

// answer joins the tables of the indexes, and sorts and cuts their buckets.
func (a *asking) answer(tables []*Table) (*Answer, error) {
	out := &Answer{Warnings: a.warnings}
	outer, err := a.join(out, tables)
	if err != nil {
		return nil, err
	}
	if a.sortsOuter() {
		a.cutOuter(out, outer)
		return out, nil
	}
	slices.SortFunc(out.Buckets, a.compare)
	if limit := a.question.Limit; limit > 0 && len(out.Buckets) > limit {
		for _, b := range out.Buckets[limit:] {
			out.Cut++
			out.Others += b.Count
		}
		out.Buckets = out.Buckets[:limit]
	}
	return out, nil
}

// join adds up the tables of the indexes in out, and returns the buckets of the first of two
// groups, if they must be known by themselves.
func (a *asking) join(out *Answer, tables []*Table) (outer *buckets, err error) {
	all := newBuckets(a)
	outer = newBuckets(a)
	for _, in := range a.indexes {
		table := tables[in.main]
		out.Total += table.Total
		if in.kept {
			if table.More {
				out.Cut, out.Others = -1, out.Others+table.Others
			}
			for _, b := range table.Buckets {
				all.add(in.whole(a.question, b))
			}
		}
		switch {
		case !a.sortsOuter() || in.outer < 0 && !a.question.Groups[0].Missing:
		case in.outer >= 0:
			for _, b := range tables[in.outer].Buckets {
				outer.add(Bucket{Keys: b.Keys, Count: b.Count})
			}
		default: // without the field there is one bucket of the first group: all records
			outer.add(Bucket{Keys: make([]record.Value, 1), Count: table.Total})
		}
	}
	if err := a.joinValues(all, tables); err != nil {
		return nil, err
	}
	out.Buckets = all.list
	for _, b := range out.Buckets { // each index had a number, but what they add up to may be none
		for i, v := range b.Values {
			if !finite(v) {
				return nil, tooGreat(a.question.Metrics[i].Op, a.question.Metrics[i].Name)
			}
		}
	}
	return outer, nil
}

// joinValues makes the metrics of several indexes that cannot be added up.
func (a *asking) joinValues(all *buckets, tables []*Table) error {
	if !a.joined {
		return nil
	}
	j := &joints{buckets: all, held: make([]int, len(a.question.Metrics))}
	for i := range a.indexes {
		if in := &a.indexes[i]; in.kept {
			if err := j.join(in, tables); err != nil {
				return err
			}
		}
	}
	return j.settle()
}

// whole gives a bucket of an index a key for each group and a value for each metric.
func (in *asked) whole(q *Question, b Bucket) Bucket {
	w := Bucket{Count: b.Count, Keys: in.keys(b.Keys), Values: make([]record.Value, len(in.metrics))}
	for i, at := range in.metrics {
		switch op := q.Metrics[i].Op; {
		case at >= 0:
			w.Values[i] = b.Values[at]
		case op == "count" || op == "values" || op == "cardinality":
			w.Values[i] = record.IntValue(0)
		}
	}
	return w
}

// keys returns a key for each group, where an index has given those of the groups that it knows.
func (in *asked) keys(known []record.Value) []record.Value {
	keys := make([]record.Value, len(in.groups))
	for i, at := range in.groups {
		if at >= 0 {
			keys[i] = known[at]
		}
	}
	return keys
}

// compare orders the buckets of one group, or none.
func (a *asking) compare(v, w Bucket) int {
	c := 0
	switch a.metric {
	case sortByKey:
	case sortByCount:
		c = cmp.Compare(w.Count, v.Count)
	default:
		c = greatestFirst(v.Values[a.metric], w.Values[a.metric])
	}
	if c == 0 {
		c = compareKeys(v.Keys, w.Keys)
	}
	return c
}

// greatestFirst compares figures, Null last.
func greatestFirst(v, w record.Value) int {
	if v.IsNull() || w.IsNull() {
		return cmp.Compare(bit(v.IsNull()), bit(w.IsNull()))
	}
	return eval.CompareValues(w, v)
}

// compareKeys orders keys ascending, Null last.
func compareKeys(v, w []record.Value) int {
	for i := range v {
		c := 0
		if v[i].IsNull() || w[i].IsNull() {
			c = cmp.Compare(bit(v[i].IsNull()), bit(w[i].IsNull()))
		} else {
			c = eval.CompareValues(v[i], w[i])
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cutOuter sorts buckets of two groups by those of the first, and leaves out what is beyond the limit.
func (a *asking) cutOuter(out *Answer, outer *buckets) {
	place := map[string]int{}
	slices.SortFunc(outer.list, a.compare)
	for i, b := range outer.list {
		if limit := a.question.Limit; limit > 0 && i >= limit {
			out.Cut++
			out.Others += b.Count
			continue
		}
		place[placeOf(b.Keys)] = i
	}
	of := func(b Bucket) (int, bool) {
		i, ok := place[placeOf(b.Keys[:1])]
		return i, ok
	}
	out.Buckets = slices.DeleteFunc(out.Buckets, func(b Bucket) bool {
		_, ok := of(b)
		return !ok
	})
	slices.SortFunc(out.Buckets, func(v, w Bucket) int {
		i, _ := of(v)
		j, _ := of(w)
		if c := cmp.Compare(i, j); c != 0 {
			return c
		}
		return compareKeys(v.Keys, w.Keys)
	})
}

// buckets are those of several indexes, added up by their keys.
type buckets struct {
	asking *asking
	list   []Bucket
	place  map[string]int
}

func newBuckets(a *asking) *buckets { return &buckets{asking: a, place: map[string]int{}} }

func (s *buckets) add(b Bucket) {
	key := placeOf(b.Keys)
	i, ok := s.place[key]
	if !ok {
		s.place[key] = len(s.list)
		s.list = append(s.list, b)
		return
	}
	have := &s.list[i]
	have.Count += b.Count
	for m := range b.Values {
		have.Values[m] = addUp(s.asking.question.Metrics[m].Op, have.Values[m], b.Values[m])
	}
}

// placeOf returns what tells keys apart.
func placeOf(keys []record.Value) string { return string(appendKeys(nil, alike(keys))) }

// alike returns keys of which equal numbers are of one kind, whatever the kinds of their fields
// in the indexes.
func alike(keys []record.Value) []record.Value {
	same := make([]record.Value, len(keys))
	for i, v := range keys {
		same[i] = v
		switch v.Kind() {
		case record.Uint:
			if v.Uint() <= math.MaxInt64 {
				same[i] = record.IntValue(int64(v.Uint()))
			}
		case record.Float:
			switch f := v.Float(); {
			case f != math.Trunc(f):
			case f >= -1<<63 && f < 1<<63:
				same[i] = record.IntValue(int64(f))
			case f >= 1<<63 && f < 1<<64:
				same[i] = record.UintValue(uint64(f))
			}
		}
	}
	return same
}

// addUp joins the figures of two indexes.
func addUp(op string, v, w record.Value) record.Value {
	switch {
	case v.IsNull():
		return w
	case w.IsNull():
		return v
	}
	switch op {
	case "count", "values":
		return record.IntValue(v.Int() + w.Int())
	case "sum", "avg": // of an average it is the sums
		return record.FloatValue(v.Float() + w.Float())
	case "min":
		if eval.CompareValues(w, v) < 0 {
			return w
		}
	case "max":
		if eval.CompareValues(w, v) > 0 {
			return w
		}
	}
	return v
}
