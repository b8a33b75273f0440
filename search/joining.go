package search

import (
	"fmt"
	"slices"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/record"
)

// An average, a cardinality and a percentile of several indexes are not to be had from those of
// each. They are made of sums and numbers of values, and of the values
// themselves with the number of records of each: a question of its own, with the field as its last group.

// maxJoined is how many values are held at once to be joined, of all buckets of a metric.
const maxJoined = 1 << 20

// A joint is a metric of a bucket in the making.
type joint struct {
	n     int64 // values
	tally map[string]*tallied
}

// A tallied value is one that several indexes may have.
type tallied struct {
	value record.Value
	n     int64 // records, of all indexes
}

// apart reports whether a metric of several indexes is made of the values themselves.
func apart(op string) bool { return op == "cardinality" || op == "percentile" }

// addJoined asks an index for what a metric of several indexes is made of.
func (a *asking) addJoined(g *Aggregation, in *asked, m Metric) error {
	if err := m.validate(); err != nil {
		return err
	}
	if m.Op == "avg" {
		in.metrics = append(in.metrics, len(g.Metrics))
		g.Metrics = append(g.Metrics, Metric{Op: "sum", Field: m.Field})
	} else {
		if len(a.question.Groups) > 1 {
			return fmt.Errorf("%w: the %s of several indexes in two groups", ErrUnsupported, m.Op)
		}
		in.metrics = append(in.metrics, -1)
	}
	i := len(in.metrics) - 1
	if m.Op != "cardinality" {
		in.numbers[i] = len(g.Metrics)
		g.Metrics = append(g.Metrics, Metric{Op: "values", Field: m.Field})
	}
	if apart(m.Op) {
		in.tallies[i] = m.Field
	}
	return nil
}

// addTallies puts the questions of an index whose groups are those of its metrics' values.
func (a *asking) addTallies(g *Aggregation, in *asked) {
	for i, m := range a.question.Metrics {
		if f := in.tallies[i]; f != nil && apart(m.Op) {
			in.values[i] = len(a.aggregations)
			groups := append(slices.Clone(g.Groups), Group{Field: f})
			a.aggregations = append(a.aggregations, &Aggregation{Plan: g.Plan, Groups: groups})
		}
	}
}

// joints are those of the buckets of an answer, one for each metric.
type joints struct {
	buckets *buckets
	list    [][]joint
	held    []int // values, of each metric
}

// of returns the joints of a bucket.
func (j *joints) of(keys []record.Value) []joint {
	at := j.buckets.place[placeOf(keys)]
	for len(j.list) <= at {
		j.list = append(j.list, make([]joint, len(j.buckets.asking.question.Metrics)))
	}
	return j.list[at]
}

// join adds what an index has answered.
func (j *joints) join(in *asked, tables []*Table) error {
	for _, b := range tables[in.main].Buckets {
		all := j.of(in.keys(b.Keys))
		for i, at := range in.numbers {
			all[i].n += b.Values[at].Int()
		}
	}
	for i, at := range in.values {
		for _, b := range tables[at].Buckets {
			last := len(b.Keys) - 1
			one := &j.of(in.keys(b.Keys[:last]))[i]
			if err := j.add(i, one, b.Keys[last], b.Count); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *joints) add(metric int, one *joint, v record.Value, n int64) error {
	key := placeOf([]record.Value{v})
	if one.tally == nil {
		one.tally = map[string]*tallied{}
	}
	have := one.tally[key]
	if have == nil {
		if j.held[metric]++; j.held[metric] > maxJoined {
			return fmt.Errorf("%w: a %s of more than %d different values of several indexes",
				ErrTooManyBuckets, j.buckets.asking.question.Metrics[metric].Op, maxJoined)
		}
		have = &tallied{value: v}
		one.tally[key] = have
	}
	have.n += n
	return nil
}

// settle gives the buckets their metrics.
func (j *joints) settle() error {
	for at := range j.buckets.list {
		b := &j.buckets.list[at]
		all := j.of(b.Keys)
		for i, m := range j.buckets.asking.question.Metrics {
			var err error
			switch m.Op {
			case "avg":
				if !b.Values[i].IsNull() {
					b.Values[i] = record.FloatValue(b.Values[i].Float() / float64(all[i].n))
				}
			case "cardinality":
				b.Values[i] = record.IntValue(int64(len(all[i].tally)))
			case "percentile":
				b.Values[i], err = all[i].percentile(&m)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *joint) percentile(m *Metric) (record.Value, error) {
	var values []*tallied
	total := int64(0)
	for _, t := range o.tally {
		values = append(values, t)
		total += t.n
	}
	if total != o.n {
		return record.Value{}, fmt.Errorf("%w: the percentile of %q in several indexes, where a record has a value more than once, or changed meanwhile",
			ErrUnsupported, m.Name)
	}
	slices.SortFunc(values, func(a, b *tallied) int { return eval.CompareValues(a.value, b.value) })
	rank := m.Rank(total)
	for _, t := range values {
		if rank -= t.n; rank <= 0 {
			return t.value, nil
		}
	}
	return record.Value{}, nil
}
