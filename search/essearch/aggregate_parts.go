package essearch

import (
	"context"
	"fmt"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// mostParts is in how many parts a question is asked at most, partsAtOnce how many of them in
// one request.
const (
	mostParts   = 200
	partsAtOnce = 4
)

// divisible reports whether the engine can be asked for a part of the values of the first group.
func (k *asked) divisible() bool {
	g := &k.Groups[0]
	return g.Calendar == nil && g.Width == 0 && g.Prefix == "" && g.Field.Kind != record.Bool
}

// later reports whether the ith group is the first one, and its first part was asked before.
func (k *asked) later(i int) bool { return i == 0 && k.part > 0 }

// askParts answers a question with more buckets than fit into one answer, in several. It returns
// nil if the engine has no exact answer.
func (d *Driver) askParts(ctx context.Context, k *asked) (*search.Table, error) {
	about, err := d.roughly(ctx, k)
	if err != nil {
		return nil, err
	}
	k.of = 1 + 2*about/k.size(0)
	if k.of > mostParts {
		return nil, nil
	}
	all := newTableReader(k)
	table := &search.Table{Total: -1}
	exactly, err := d.eachPart(ctx, k, func(part *asked, a *answer) (bool, error) {
		all.k = part
		total := a.Hits.Total.Value
		if !all.add(a) || table.Total >= 0 && table.Total != total {
			return false, nil
		}
		table.Total = total
		return true, all.prune()
	})
	if err != nil || !exactly {
		return nil, err
	}
	all.arrange(table)
	return table, nil
}

// eachPart asks for one part after the other. It stops, and returns false, when there is no answer to
// one, or take returns false.
func (d *Driver) eachPart(ctx context.Context, k *asked, take func(part *asked, a *answer) (bool, error)) (bool, error) {
	for first := int64(0); first < k.of; first += partsAtOnce {
		var parts []*asked
		for p := first; p < min(k.of, first+partsAtOnce); p++ {
			one := *k
			one.part = p
			parts = append(parts, &one)
		}
		answers, err := d.multi(ctx, parts, (*asked).body)
		if err != nil {
			return false, err
		}
		for i, a := range answers {
			if a == nil {
				return false, nil
			}
			if more, err := take(parts[i], a); err != nil || !more {
				return false, err
			}
		}
	}
	return true, nil
}

// countValues fills in those cardinalities of a table without groups that are too large for
// one answer, by counting the values in parts. It returns nil if that is not possible.
func (d *Driver) countValues(ctx context.Context, k *asked, metrics []int, table *search.Table) (*search.Table, error) {
	for _, i := range metrics {
		one := *k
		one.Aggregation = &search.Aggregation{Plan: k.Plan, Groups: []search.Group{{Field: k.Metrics[i].Field}}}
		about, err := d.roughly(ctx, &one)
		if err != nil {
			return nil, err
		}
		one.of = 1 + 2*about/one.size(0)
		if one.of > mostParts {
			return nil, nil
		}
		n := 0
		exactly, err := d.eachPart(ctx, &one, func(part *asked, a *answer) (bool, error) {
			r := newTableReader(part)
			ok := r.add(a) && a.Hits.Total.Value == table.Total
			n += len(r.buckets)
			return ok, nil
		})
		if err != nil || !exactly {
			return nil, err
		}
		table.Buckets[0].Values[i] = record.IntValue(int64(n))
	}
	return table, nil
}

// prune forgets buckets that cannot be in the table, and refuses too many.
func (r *tableReader) prune() error {
	if r.k.Limit > 0 && !r.k.Largest {
		var t search.Table
		r.arrange(&t)
		if t.More { // one more says so
			next := r.first(t.Buckets[len(t.Buckets)-1].Keys)
			t.Buckets = append(t.Buckets, next)
		}
		r.buckets = t.Buckets
	}
	if len(r.buckets) > exact.MaxBuckets {
		return fmt.Errorf("%w: more than %d; ask for them in pages", search.ErrTooManyBuckets, exact.MaxBuckets)
	}
	return nil
}

// first returns the first bucket behind keys, in the order that arrange has made.
func (r *tableReader) first(keys []record.Value) search.Bucket {
	for _, b := range r.buckets {
		if compareKeys(b.Keys, keys) > 0 {
			return b
		}
	}
	return search.Bucket{}
}

// roughly returns about how many values the first group has.
func (d *Driver) roughly(ctx context.Context, k *asked) (int64, error) {
	count := func(k *asked) []byte {
		w := &bodyWriter{k: k, b: k.head()}
		var l aggList
		w.agg(&l, "c")
		f := k.Groups[0].Field
		w.enter(f)
		w.text(`{"cardinality":{"field":`)
		w.string(k.q.c.GroupPath(f))
		w.text(`}}`)
		w.leave(f)
		w.endAggs(&l)
		return append(w.b, '}')
	}
	answers, err := d.multi(ctx, []*asked{k}, count)
	if err != nil || answers[0] == nil {
		return mostParts * onlyBuckets, err
	}
	n, ok := number(inside(child(answers[0].Aggregations, "c"), k.Groups[0].Field)["value"])
	if !ok {
		n = mostParts * onlyBuckets
	}
	return n, nil
}
