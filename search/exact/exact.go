// Package exact answers in Go what an engine cannot, so that its driver need
// not refuse it: conditions that have no counterpart in the engine's language
// (WAS and CHANGED in most), and aggregations of the records that remain.
package exact

import (
	"context"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Narrow returns a condition in which every leaf is one that the engine can
// answer, and that holds for every record for which n holds. It is exact if it
// holds for no other. A leaf that the engine cannot answer is replaced by
// All, or by what instead returns for it, which must hold for more records.
func Narrow(n plan.Node, can func(leaf plan.Node) bool, instead func(leaf plan.Node) plan.Node) (narrowed plan.Node, exact bool) {
	panic("to be written")
}

// A Reader reads records of an engine that answers plans whose leaves it can.
type Reader func(ctx context.Context, r *search.Read) record.Stream

// Read answers r by reading what the narrowed plan matches and leaving out
// what the plan does not match.
func Read(ctx context.Context, r *search.Read, narrowed plan.Node, read Reader) record.Stream {
	panic("to be written")
}

// Count counts the records that p matches, up to limit if that is positive.
func Count(ctx context.Context, p *plan.Plan, limit int64, narrowed plan.Node, read Reader) (int64, error) {
	panic("to be written")
}

// Aggregate answers a question from records, read one by one.
func Aggregate(ctx context.Context, a *search.Aggregation, narrowed plan.Node, read Reader) (*search.Table, error) {
	panic("to be written")
}
