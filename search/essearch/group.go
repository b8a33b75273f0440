package essearch

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// maxHeld is how many bytes of documents are held to put them in order.
const maxHeld = 256 << 20

// A group holds records that are equal in the engine's order.
type group struct {
	order  []plan.Sort
	key    []byte // the sort values that they share
	before []byte // the sort values of the record before the first
	begun  bool

	held  []held
	bytes int
	// bound is how many of them, the first ones, are wanted; 0 means all. Then at most twice as
	// many are held, and none behind worst if there is one.
	bound int
	worst []record.Value
}

// A held is a record that waits for the others of its group.
type held struct {
	id, index, source []byte
	keys              []record.Value
}

// begin makes g the group of hits with the key.
func (g *group) begin(key, before []byte, bound int) {
	g.key, g.before, g.begun = append(g.key[:0], key...), append(g.before[:0], before...), true
	g.bound, g.worst, g.bytes = bound, nil, 0
	clear(g.held)
	g.held = g.held[:0]
}

// grouped yields records in the order of the plan, of which the engine's is only
// the beginning.
func (w *walk) grouped(ctx context.Context) error {
	g := &group{order: w.keys}
	var key, last []byte
	for p, err := range w.pager.pages(ctx) {
		if err != nil {
			return err
		}
		if !g.begun {
			last = append(last, p.before...)
		}
		for i := range p.hits {
			h := &p.hits[i]
			key = groupKey(key[:0], p.bytes(h.sort), w.shared, w.zeros)
			if !g.begun || !bytes.Equal(key, g.key) {
				if done, err := w.flush(g); done || err != nil {
					return err
				}
				g.begin(key, last, w.wanted())
			}
			if err := w.hold(g, p, h); err != nil {
				return err
			}
			last = append(last[:0], p.bytes(h.sort)...)
		}
	}
	_, err := w.flush(g)
	return err
}

// wanted is how many records of a group can be among those that are yielded, 0
// for all.
func (w *walk) wanted() int {
	if w.limit == 0 {
		return 0
	}
	return w.skip + w.limit
}

// hold puts a hit into the group, unless it does not match, or can be seen not
// to be among those that are yielded.
func (w *walk) hold(g *group, p *page, h *hit) error {
	id, index, source := p.text(h.id), p.text(h.index), p.document(h)
	r, err := w.plan.read(id, index, source)
	if err != nil {
		return err
	}
	if w.matcher != nil && !w.matcher.Match(r) {
		return nil
	}
	keys := w.order.Keys(w.scratch[:0], r)
	w.scratch = keys
	switch {
	case w.after != nil && eval.CompareKeys(g.order, keys, w.after) <= 0:
		return nil
	case g.worst != nil && eval.CompareKeys(g.order, keys, g.worst) >= 0:
		return nil
	}
	return g.add(id, index, source, keys, w.ties)
}

// add keeps a record of which nothing may be shared.
func (g *group) add(id, index, source []byte, keys []record.Value, ties int) error {
	all := make([]byte, 0, len(id)+len(index)+len(source))
	all = append(append(append(all, id...), index...), source...)
	i, j := len(id), len(id)+len(index)
	k := held{all[:i:i], all[i:j:j], all[j:], make([]record.Value, len(keys))}
	for n, v := range keys {
		k.keys[n] = v.Clone()
	}
	g.held = append(g.held, k)
	g.bytes += len(all)
	if g.bound > 0 && len(g.held) >= 2*g.bound {
		g.prune()
	}
	if len(g.held) > max(ties, 2*g.bound) || g.bytes > maxHeld {
		return fmt.Errorf("%w: more than %d records are equal in what the cluster orders by, which are too many to put in order here; declare a key in _meta.dhr", search.ErrUnsupported, len(g.held)-1)
	}
	return nil
}

// prune forgets what is not wanted.
func (g *group) prune() {
	g.sort()
	clear(g.held[g.bound:])
	g.held = g.held[:g.bound]
	g.worst = g.held[g.bound-1].keys
	g.bytes = 0
	for i := range g.held {
		k := &g.held[i]
		g.bytes += len(k.id) + len(k.index) + len(k.source)
	}
}

func (g *group) sort() {
	slices.SortFunc(g.held, func(a, b held) int { return eval.CompareKeys(g.order, a.keys, b.keys) })
}

// flush yields the records of the group. It returns true after the last that is wanted.
func (w *walk) flush(g *group) (done bool, err error) {
	if !g.begun {
		return false, nil
	}
	g.sort()
	for i := range g.held {
		if w.passed > 0 {
			w.passed--
			continue
		}
		if w.skip > 0 {
			w.skip--
			continue
		}
		k := &g.held[i]
		r, err := w.columns.read(k.id, k.index, k.source)
		if err != nil {
			return false, err
		}
		w.place = place{before: g.before, passed: i + 1}
		if !w.yield(r, nil) || w.done() {
			return true, nil
		}
	}
	w.passed = 0
	return false, nil
}
