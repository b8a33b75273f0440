package essearch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/search"
)

const (
	// maxPage is the engines' own limit, index.max_result_window.
	maxPage   = 10_000
	firstPage = 1000
	// goodPage is the size in bytes that pages are made to have, tooLarge the one at which one
	// is given up and asked for again in parts.
	goodPage = 3 << 20
	tooLarge = 32 << 20
	// largest is the greatest size of a page with one record.
	largest = 1 << 30
)

// A pager asks for the hits of one search, page by page.
type pager struct {
	c     *client
	path  string
	head  []byte // of the body: the members that stay the same, without the closing brace
	point *point // or nil
	// runs says that the last sort value does not tell all records apart, but that
	// the sort values as a whole are those of few.
	runs bool

	mean  int    // the size in bytes of a hit, as far as is known
	after []byte // the sort values behind which the next page begins, or empty
	from  int
	left  int // how many hits are still wanted, 0 for all
	size  int // of the next page
	least int // that size may be
	// ids, if not 0, is which of the sort values, from 1, is the helping field with
	// the record's id, which every record must have.
	ids int
}

// errWithoutID is a record that lacks the helping field with its id.
var errWithoutID = fmt.Errorf("%w: meanwhile a record was stored that lacks %q; ask again", search.ErrUnavailable, esdsl.IDField)

// pages returns the pages one after the other; each is valid until the next.
// While one is being used the next is fetched. When the loop ends, so has all work.
func (g *pager) pages(ctx context.Context) iter.Seq2[*page, error] {
	return func(yield func(*page, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		now, next := &page{}, &page{}
		err := g.fetch(ctx, now)
		for {
			if err != nil {
				yield(nil, err)
				return
			}
			if now.last {
				yield(now, nil)
				return
			}
			var fetching sync.WaitGroup
			fetching.Go(func() { err = g.fetch(ctx, next) })
			if !yield(now, nil) {
				cancel()
				fetching.Wait()
				return
			}
			fetching.Wait()
			now, next = next, now
		}
	}
}

// fetch reads the next page into p.
func (g *pager) fetch(ctx context.Context, p *page) error {
	p.before = append(p.before[:0], g.after...)
	for {
		size := max(1, g.size)
		if g.left > 0 {
			size = min(size, g.left)
		}
		p.expect(size, min(size*g.mean, goodPage))
		err := g.ask(ctx, p, size)
		switch {
		case errors.Is(err, errTooLarge) && size > max(1, g.least):
			g.size = max(1, g.least, size/8)
			continue
		case err != nil:
			return err
		}
		p.last = len(p.hits) < size
		if !g.runs || p.whole() {
			break
		}
		if size == maxPage {
			return fmt.Errorf("%w: more than %d records that the engine cannot tell apart", search.ErrUnsupported, size)
		}
		g.least = min(maxPage, 4*size)
		g.size = g.least
	}
	g.adapt(p)
	if n := len(p.hits); n > 0 {
		g.after = append(g.after[:0], p.bytes(p.hits[n-1].sort)...)
		g.from = 0
		if g.left > 0 {
			if g.left -= n; g.left <= 0 {
				p.last = true
			}
		}
	}
	return nil
}

// ask sends one search.
func (g *pager) ask(ctx context.Context, p *page, size int) error {
	limit := tooLarge
	if size == 1 {
		limit = largest
	}
	r := &request{method: http.MethodPost, path: g.path, query: url.Values{"allow_partial_search_results": {"false"}}, body: g.body(size), snapshot: g.point != nil}
	if err := g.c.do(ctx, r, func(body io.Reader) error { return p.read(body, limit) }); err != nil {
		return err
	}
	if g.point != nil {
		g.point.renew(p.pit)
	}
	for i := range p.hits {
		if h := &p.hits[i]; p.first(h.sort) != '[' || p.first(h.id) != '"' || p.first(h.index) != '"' {
			return fmt.Errorf("%w: a hit lacks its _id, _index or sort", search.ErrBadAnswer)
		}
		if g.ids > 0 {
			if values, _ := firstElements(p.bytes(p.hits[i].sort), g.ids); bytes.HasSuffix(values, []byte("null")) {
				return errWithoutID
			}
		}
	}
	return nil
}

func (g *pager) body(size int) []byte {
	b := make([]byte, 0, len(g.head)+len(g.after)+1024)
	b = append(b, g.head...)
	b = strconv.AppendInt(append(b, `,"size":`...), int64(size), 10)
	if g.from > 0 {
		b = strconv.AppendInt(append(b, `,"from":`...), int64(g.from), 10)
	}
	if len(g.after) > 0 {
		b = append(append(b, `,"search_after":`...), g.after...)
	}
	if g.point != nil {
		b = g.point.append(append(b, `,"pit":`...))
	}
	return append(b, '}')
}

// adapt chooses the size of the next page from that of p.
func (g *pager) adapt(p *page) {
	if len(p.hits) == 0 {
		return
	}
	g.mean = max(1, len(p.buf)/len(p.hits))
	g.size = max(min(goodPage/g.mean, maxPage), 1, g.least)
}

// expect makes room for an answer of about so many hits and bytes, so that not
// ever larger pieces of memory are thrown away while it comes in.
func (p *page) expect(hits, size int) {
	if size > goodPage/4 {
		size = goodPage
	}
	if size += size/8 + minRead; cap(p.buf) < size {
		p.buf = make([]byte, 0, size)
	}
	p.hits = slices.Grow(p.hits[:0], hits)
}

// first returns the first byte of a value, or 0 if there is none.
func (p *page) first(s span) byte {
	if s.to == 0 {
		return 0
	}
	return p.buf[s.from]
}

// whole drops from a full page the hits at its end with equal sort values, of which
// there may be more, and puts the others with equal sort values in order. It returns false if
// no hit is left.
func (p *page) whole() bool {
	hits := p.hits
	if !p.last {
		n := len(hits) - 1
		end := p.bytes(hits[n].sort)
		for n > 0 && bytes.Equal(p.bytes(hits[n-1].sort), end) {
			n--
		}
		if n == 0 {
			return false
		}
		p.hits = hits[:n]
	}
	for from, to := 0, 0; from < len(p.hits); from = to {
		to = p.run(from)
		slices.SortFunc(p.hits[from:to], func(a, b hit) int {
			if c := bytes.Compare(p.bytes(a.index), p.bytes(b.index)); c != 0 {
				return c
			}
			return bytes.Compare(p.bytes(a.id), p.bytes(b.id))
		})
	}
	return true
}

// run returns the end of the run of hits from the given one that have its sort values.
func (p *page) run(from int) int {
	to := from + 1
	for to < len(p.hits) && bytes.Equal(p.bytes(p.hits[from].sort), p.bytes(p.hits[to].sort)) {
		to++
	}
	return to
}
