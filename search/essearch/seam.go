package essearch

import (
	"context"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

type compiler interface {
	Can(plan.Node) bool
	Instead(plan.Node) plan.Node
	Query(plan.Node) ([]byte, error)
	Sort([]plan.Sort) ([]byte, error)
	SearchAfter([]plan.Sort, []record.Value) ([]byte, error)
}

func (d *Driver) compiler(ctx context.Context, index string) (compiler, error) {
	return nil, search.ErrUnsupported
}

func original(source []byte) []byte { return source }
