package sqlsearch

import (
	"context"
	"errors"
	"iter"

	"github.com/digit-health/dhr/search"
)

// What the tests of package sqlsearch_test look at from outside.
var (
	PgError  = pgError
	Escape   = escape
	Unescape = unescape
)

// Busy returns the number of connections in use, and of those that snapshots hold, or nothing
// if there are none.
func Busy(d *Postgres) []int {
	used, held := int(d.pool.Stat().AcquiredConns()), len(d.slots)
	if used == 0 && held == 0 && len(d.holds) == 0 {
		return nil
	}
	return []int{used, held, len(d.holds)}
}

// LoadKnowing loads as Load does, and remembers at most so many strings, of so many bytes. It
// returns the most that was remembered between two batches.
func LoadKnowing(ctx context.Context, d *Postgres, index string, docs iter.Seq[*search.Document], most, bytes int) (codes, terms, length int, err error) {
	l := d.newLoad(index, func(r search.Refusal) { err = errors.New(r.Reason) })
	l.most, l.mostBytes = most, bytes
	_, failed := l.load(ctx, func(yield func(*search.Document) bool) {
		for doc := range docs {
			codes, terms, length = max(codes, len(l.known)), max(terms, len(l.terms)), max(length, l.termBytes)
			if !yield(doc) {
				return
			}
		}
	})
	return codes, terms, length, errors.Join(failed, err)
}

// Made returns how many connections were made.
func Made(d *Postgres) int64 { return d.pool.Stat().NewConnsCount() }
