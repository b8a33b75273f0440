package search

import (
	"context"
	"fmt"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// Suggest returns up to limit values of a field, of the records that the
// principal may see, that begin with a prefix in any case: those of most records
// first, each as a bucket with its key and count. The field is of strings, or a text with a field of whole values.
func (x *Index) Suggest(ctx context.Context, who *access.Principal, indexes []string, field, prefix string, limit int) ([]Bucket, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	all, err := x.suggest(ctx, who, indexes, field, prefix, limit)
	return all, x.wrap(ctx, "suggest", err)
}

func (x *Index) suggest(ctx context.Context, who *access.Principal, indexes []string, field, prefix string, limit int) ([]Bucket, error) {
	if limit < 1 || limit > x.opts.PageSize {
		return nil, fmt.Errorf("%w: %d suggestions, at least one and at most %d can be had", ErrInvalid, limit, x.opts.PageSize)
	}
	q := &Question{Query: Query{Indexes: indexes}, Groups: []Group{{Name: field, Prefix: prefix}}, SortBy: "count", Limit: limit}
	a, err := x.ask(ctx, who, q)
	if err != nil {
		return nil, err
	}
	tables, err := x.tables(ctx, a.aggregations)
	if err != nil {
		return nil, err
	}
	answer, err := a.answer(tables)
	if err != nil {
		return nil, err
	}
	return answer.Buckets, nil
}

// Get returns the record of an index with an id, with the fields of
// [Query.Fields], and its document if the principal may see every field; or nil
// if there is none that the principal may see. It may be kept.
func (x *Index) Get(ctx context.Context, who *access.Principal, index, id string, fields ...string) (*record.Record, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	r, err := x.get(ctx, who, index, id, fields)
	return r, x.wrap(ctx, "get", err)
}

func (x *Index) get(ctx context.Context, who *access.Principal, index, id string, fields []string) (*record.Record, error) {
	r, err := x.resolve(ctx, who, &Query{Indexes: []string{index}, Fields: fields})
	if err != nil {
		return nil, err
	}
	for _, t := range r.targets {
		if t.view.ID(id) != id { // ids are masked, and must not be guessed
			continue
		}
		p := *t.plan
		p.Where = plan.NewAnd(p.Where, plan.NewTerms(p.Schema.Field("_id"), record.StringValue(id)))
		for found, err := range x.driver.Read(ctx, &Read{Plan: &p, Columns: t.read, Limit: 1, Source: t.view.Plain()}) {
			if err != nil {
				return nil, err
			}
			return t.show(found, new(record.Record)).Clone(), nil
		}
	}
	return nil, nil
}
