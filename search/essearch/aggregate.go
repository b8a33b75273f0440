package essearch

import (
	"context"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// Aggregate answers several questions.
func (d *Driver) Aggregate(ctx context.Context, questions []*search.Aggregation) ([]*search.Table, error) {
	tables := make([]*search.Table, len(questions))
	for i, a := range questions {
		t, err := d.aggregateHere(ctx, a)
		if err != nil {
			return nil, err
		}
		tables[i] = t
	}
	return tables, nil
}

// aggregateHere answers a question from the records themselves.
func (d *Driver) aggregateHere(ctx context.Context, a *search.Aggregation) (*search.Table, error) {
	return exact.Aggregate(ctx, a, a.Plan.Where, d.unordered)
}
