package essearch

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/digit-health/dhr/search"
)

// count has the engine count what a question finds, in a point in time if there is one.
func (q *question) count(ctx context.Context, path string, pt *point, limit int64) (int64, error) {
	body := append(append([]byte(nil), `{"size":0,"query":`...), q.query...)
	body = append(body, `,"track_total_hits":`...)
	if limit > 0 && limit < math.MaxInt32 {
		body = strconv.AppendInt(body, limit, 10)
	} else {
		body = append(body, "true"...)
	}
	if pt != nil {
		body = pt.append(append(body, `,"pit":`...))
	}
	r := &request{method: http.MethodPost, path: path, body: append(body, '}'), query: url.Values{"allow_partial_search_results": {"false"}}, snapshot: pt != nil}
	var p page
	if err := q.d.client.do(ctx, r, func(body io.Reader) error { return p.read(body, tooLarge) }); err != nil {
		return 0, err
	}
	if pt != nil {
		pt.renew(p.pit)
	}
	switch {
	case p.total < 0 || p.more && (limit <= 0 || p.total < limit):
		return 0, fmt.Errorf("%w: it counts no records", search.ErrBadAnswer)
	case limit > 0:
		return min(p.total, limit), nil
	}
	return p.total, nil
}
