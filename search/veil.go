package search

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// Records that are equal in all that a query orders by stand in the order of their ids.
// Where these are masked, that order would tell which record is which to
// whoever knows the ids from elsewhere. There it is the order of what is shown of the
// ids, and of a keyed digest where that is the same. No engine knows that order, so
// all of the records that are equal otherwise are read for a page, of which it holds as many as it needs.

// An ordering gives the keys by which the records of a target are ordered.
type ordering struct {
	*eval.Order
	veil *veil // nil if the ids may be seen, or do not matter
}

// Keys is as [eval.Order.Keys].
func (o *ordering) Keys(dst []record.Value, r *record.Record) []record.Value {
	first := len(dst)
	dst = o.Order.Keys(dst, r)
	if o.veil != nil {
		dst[first+o.veil.at] = o.veil.key(r)
	}
	return dst
}

// A veil makes keys of ids that tell nothing of them but what is shown.
type veil struct {
	view   *access.View
	secret []byte
	at     int // where the id is among the keys
}

// newVeil returns the veil of an order, or nil if it needs none.
func newVeil(v *access.View, order []plan.Sort, secret []byte) *veil {
	at := slices.IndexFunc(order, func(s plan.Sort) bool { return s.Field != nil && s.Field.Path == "_id" })
	if at < 0 || v.Shown(order[at].Field) && !v.Masked(order[at].Field) {
		return nil
	}
	return &veil{v, secret, at}
}

func (v *veil) key(r *record.Record) record.Value {
	h := hmac.New(sha256.New, v.secret)
	h.Write([]byte(strconv.Itoa(len(r.Index)) + ":" + r.Index + r.ID)) // a hash never fails to write
	return record.StringValue(v.view.ID(r.ID) + "\x00" + hex.EncodeToString(h.Sum(nil)[:16]))
}

// records reads records in the order of the target, in which the keys of r.After are too.
func (t *target) records(ctx context.Context, d Driver, r *Read) record.Stream {
	if t.order.veil == nil {
		return d.Read(ctx, r)
	}
	return func(yield func(*record.Record, error) bool) {
		at := t.order.veil.at
		g := group{order: t.plan.Order[:at], after: r.After, skip: r.Skip, limit: r.Limit}
		inner := *r
		inner.Skip, inner.Limit = 0, 0
		if r.After != nil { // begin with all that are equal to it
			inner.After = slices.Clone(r.After)
			for i := at; i < len(inner.After); i++ { // the id, and perhaps the index
				inner.After[i] = record.StringValue("")
			}
		}
		for rec, err := range d.Read(ctx, &inner) {
			if err != nil {
				yield(nil, err)
				return
			}
			keys := t.order.Keys(nil, rec)
			if !g.holds(keys) && !g.flush(yield) {
				return
			}
			g.add(keys, rec)
		}
		g.flush(yield)
	}
}

// A group are records that are equal in all that a query orders by.
type group struct {
	order       []plan.Sort // up to the id
	after       []record.Value
	skip, limit int
	list        []veiled
}

type veiled struct {
	keys   []record.Value
	record *record.Record
}

func (g *group) holds(keys []record.Value) bool {
	return len(g.list) == 0 || eval.CompareKeys(g.order, g.list[0].keys, keys) == 0
}

// add adds a record to the group, which forgets what is beyond its limit.
func (g *group) add(keys []record.Value, r *record.Record) {
	one := veiled{keys, r}
	if g.after != nil && eval.CompareKeys(g.order, keys, g.after) == 0 && g.id(keys) <= g.id(g.after) {
		return
	}
	for i := range keys {
		keys[i] = keys[i].Clone()
	}
	one.record = r.Clone()
	g.list = append(g.list, one)
	if most := g.skip + g.limit; g.limit > 0 && len(g.list) >= 2*most+100 {
		g.sort()
		clear(g.list[most:])
		g.list = g.list[:most]
	}
}

// id returns that of some keys.
func (g *group) id(keys []record.Value) string { return keys[len(g.order)].Text() }

func (g *group) sort() {
	slices.SortFunc(g.list, func(a, b veiled) int { return strings.Compare(g.id(a.keys), g.id(b.keys)) })
}

// flush yields the records of the group, and reports whether more are wanted.
func (g *group) flush(yield func(*record.Record, error) bool) bool {
	g.sort()
	for _, one := range g.list {
		if g.skip > 0 {
			g.skip--
			continue
		}
		if !yield(one.record, nil) {
			return false
		}
		if g.limit--; g.limit == 0 {
			return false
		}
	}
	g.list = g.list[:0]
	return true
}
