package search

import (
	"context"
	"fmt"
	"math"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// A Question asks for figures about the records that a query finds. Its Fields do not matter.
type Question struct {
	Query
	// Groups are none, one or two. Their fields are given by Name; a Calendar
	// without a zone is in that of the query, and has its week.
	Groups []Group
	// Metrics are the figures of each bucket beside the number of its records.
	// Their fields are given by Name.
	Metrics []Metric
	// SortBy is how buckets are ordered: "key" (the default), ascending, Null
	// last; "count", the most records first; or a number, as "0", for a metric, the
	// greatest first, Null last. Of equal ones the lesser key comes first. With two groups it is the
	// buckets of the first that are ordered, by the number of their records; those of the second come in the order of
	// their keys within each.
	SortBy string
	// Limit is the greatest number of buckets; with two groups, of buckets of the first. If zero, all.
	Limit int
}

// An Answer answers a [Question].
type Answer struct {
	Buckets []Bucket
	// Cut is how many buckets the limit left out, and Others the number of records in them, added
	// up; with two groups, of the first. If Cut is negative, it is not known how many.
	Cut    int
	Others int64
	// Total is the number of records found, in buckets or not.
	Total    int64
	Warnings jql.ErrorList
}

// Aggregate answers questions, one answer each, in one round trip to the engine.
// A question of several indexes joins their figures exactly. A cardinality and a percentile there are made of
// the values themselves, of which there may be 2^18 in an index and 2^20 in all, else the error is
// ErrTooManyBuckets; in two groups they are ErrUnsupported, and so is the percentile of values of
// which a record has one twice.
func (x *Index) Aggregate(ctx context.Context, who *access.Principal, questions ...*Question) ([]*Answer, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	answers, err := x.aggregate(ctx, who, questions)
	return answers, x.wrap(ctx, "aggregate", err)
}

// Bounds on what is asked at once, far above what a dashboard of one page needs.
const maxQuestions, maxMetrics = 256, 64

func (x *Index) aggregate(ctx context.Context, who *access.Principal, questions []*Question) ([]*Answer, error) {
	if len(questions) > maxQuestions {
		return nil, invalid("%d questions at once, at most %d are allowed", len(questions), maxQuestions)
	}
	var asked []*asking
	var all []*Aggregation
	for i, q := range questions {
		a, err := x.ask(ctx, who, q)
		if err != nil {
			if len(questions) > 1 {
				err = fmt.Errorf("question %d: %w", i+1, err)
			}
			return nil, err
		}
		a.first = len(all)
		all = append(all, a.aggregations...)
		asked = append(asked, a)
	}
	if len(all) == 0 {
		return nil, nil
	}
	tables, err := x.tables(ctx, all)
	if err != nil {
		return nil, err
	}
	var answers []*Answer
	for _, a := range asked {
		answer, err := a.answer(tables[a.first:])
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// tables puts aggregations to the driver: there is a table for each.
func (x *Index) tables(ctx context.Context, all []*Aggregation) ([]*Table, error) {
	tables, err := x.driver.Aggregate(ctx, all)
	if err != nil {
		return nil, err
	}
	if len(tables) != len(all) {
		return nil, fmt.Errorf("%w: %d tables for %d questions", ErrBadAnswer, len(tables), len(all))
	}
	for i, a := range all {
		if err := a.check(tables[i]); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// check holds that a table answers a, with figures that are numbers.
func (a *Aggregation) check(t *Table) error {
	if t == nil {
		return fmt.Errorf("%w: a question without a table", ErrBadAnswer)
	}
	for _, b := range t.Buckets {
		if len(b.Keys) != len(a.Groups) || len(b.Values) != len(a.Metrics) {
			return fmt.Errorf("%w: a bucket of %d keys and %d figures for %d groups and %d metrics", ErrBadAnswer, len(b.Keys), len(b.Values), len(a.Groups), len(a.Metrics))
		}
		for i, k := range b.Keys {
			if !finite(k) {
				return invalid("intervals of width %v are too narrow for values of %q", a.Groups[i].Width, a.Groups[i].Field.Path)
			}
		}
		for i, v := range b.Values {
			if !finite(v) {
				return tooGreat(a.Metrics[i].Op, a.Metrics[i].Field.Path)
			}
		}
	}
	return nil
}

func tooGreat(op, field string) error {
	return fmt.Errorf("%w: the %s of %q is beyond all numbers", ErrUnsupported, op, field)
}

// finite reports whether v is no infinity, and none of the figures that are no numbers.
func finite(v record.Value) bool {
	return v.Kind() != record.Float || !math.IsInf(v.Float(), 0) && !math.IsNaN(v.Float())
}
