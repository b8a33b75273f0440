package essearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A walk yields the records of a search one by one.
type walk struct {
	*view
	pager *pager
	yield func(*record.Record, error) bool
	skip  int // so many records are still left out
	limit int // so many are still yielded, 0 for all
	// writes asks for the number and the term of each hit.
	writes bool

	// For records that the engine has in groups of equal ones:
	keys   []plan.Sort
	shared int            // the sort values that are equal in a group
	after  []record.Value // the keys behind which to begin, or nil
	ties   int            // how many records may be held
	zeros  []zeroKey

	passed int // so many were passed behind where the pager begins
	place  place
}

// A place is where a walk stands: before is the sort values behind which, after
// so many records, it goes on.
type place struct {
	page   *page // if not nil, before is that of its hit
	hit    int
	before []byte
	passed int
}

// A position is a place as it is written for others.
type position struct {
	Before json.RawMessage `json:"before,omitempty"`
	Passed int             `json:"passed"`
}

// String returns the position of the place, empty before the first record.
func (p *place) String() string {
	before, passed := p.before, p.passed
	if p.page != nil {
		first := p.hit
		for first > 0 && bytes.Equal(p.page.bytes(p.page.hits[first-1].sort), p.page.bytes(p.page.hits[p.hit].sort)) {
			first--
		}
		passed = p.hit - first + 1
		if before = p.page.before; first > 0 {
			before = p.page.bytes(p.page.hits[first-1].sort)
		}
	}
	if passed == 0 {
		return ""
	}
	text, err := json.Marshal(position{before, passed})
	if err != nil { // the engine's sort values are sound JSON
		return ""
	}
	return string(text)
}

// from makes a walk go on at a position.
func (w *walk) from(text string) error {
	if text == "" {
		return nil
	}
	var p position
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Passed <= 0 || len(p.Before) > 0 && p.Before[0] != '[' {
		return fmt.Errorf("%w: %q is no position of a scan", search.ErrBadToken, text)
	}
	w.pager.after, w.passed = p.Before, p.Passed
	w.place = place{before: bytes.Clone(p.Before), passed: p.Passed}
	return nil
}

// direct yields records in the engine's order.
func (w *walk) direct(ctx context.Context) error {
	for p, err := range w.pager.pages(ctx) {
		if err != nil {
			return err
		}
		for i := range p.hits {
			if w.passed > 0 { // hits, whether they match or not
				w.passed--
				continue
			}
			h := &p.hits[i]
			if w.matcher != nil {
				r, err := w.plan.read(p.text(h.id), p.text(h.index), p.document(h))
				if err != nil {
					return err
				}
				if !w.matcher.Match(r) {
					continue
				}
			}
			if w.skip > 0 {
				w.skip--
				continue
			}
			r, err := w.columns.read(p.text(h.id), p.text(h.index), p.document(h))
			if err != nil {
				return err
			}
			w.place.page, w.place.hit = p, i
			if !w.yield(r, nil) || w.done() {
				return nil
			}
		}
	}
	return nil
}

// done counts a record that was yielded, and reports whether it was the last.
func (w *walk) done() bool {
	if w.limit > 0 {
		w.limit--
		return w.limit == 0
	}
	return false
}

// text returns the characters of a string.
func (p *page) text(s span) []byte { return unquote(p.bytes(s)) }

// document returns the document of a hit as it was loaded, or nil.
func (p *page) document(h *hit) []byte {
	if h.source.to == 0 {
		return nil
	}
	return original(p.bytes(h.source))
}
