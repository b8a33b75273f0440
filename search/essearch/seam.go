package essearch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

var seamCache sync.Map

func (d *Driver) compiler(ctx context.Context, index string) (*esdsl.Compiler, error) {
	if c, ok := seamCache.Load(d); ok {
		return c.(*esdsl.Compiler), nil
	}
	path, err := indexPath(index, "/_mapping")
	if err != nil {
		return nil, err
	}
	p, err := d.client.product(ctx)
	if err != nil {
		return nil, err
	}
	var text []byte
	err = d.client.do(ctx, &request{method: http.MethodGet, path: path}, func(b io.Reader) (err error) {
		text, err = io.ReadAll(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	s, err := record.ParseSchema(index, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrBadAnswer, err)
	}
	c, err := esdsl.New(s, &esdsl.Options{SortByID: p.sortsByID})
	seamCache.Store(d, c)
	return c, err
}

func original(source []byte) []byte { return source }
