package search

import (
	"context"
	"fmt"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
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

func (x *Index) aggregate(ctx context.Context, who *access.Principal, questions []*Question) ([]*Answer, error) {
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
	tables, err := x.driver.Aggregate(ctx, all)
	if err != nil {
		return nil, err
	}
	if len(tables) != len(all) {
		return nil, fmt.Errorf("%w: %d tables for %d questions", ErrBadAnswer, len(tables), len(all))
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
