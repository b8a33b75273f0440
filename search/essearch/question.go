package essearch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// A question is a plan as it is put to the cluster.
type question struct {
	d       *Driver
	plan    *plan.Plan
	product *product
	c       *esdsl.Compiler
	ids     bool // records are ordered by the helping field with their id
	query   []byte
	// exact says that the query finds what the plan matches; otherwise it finds more.
	exact bool
}

// question translates a plan.
func (d *Driver) question(ctx context.Context, p *plan.Plan) (*question, error) {
	product, err := d.client.product(ctx)
	if err != nil {
		return nil, err
	}
	l, err := d.layout(ctx, p.Schema.Index)
	if err != nil {
		return nil, err
	}
	c := l.compiler
	q := &question{d: d, plan: p, product: product, c: c, ids: l.ids}
	where, exactly := exact.Narrow(p.Where, c.Can, c.Instead)
	q.exact = exactly
	if q.query, err = c.Query(where); err != nil {
		// What is beyond the limits of the engine is sorted out here, from all records.
		q.exact = false
		q.query, err = c.Query(plan.All{})
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

// An ordering is an order as the engine is asked for it.
type ordering struct {
	sort []byte // a JSON array
	// keys is how many keys of the plan, and shared how many values of the sort,
	// the engine's order has in common with the plan's.
	keys, shared int
}

// order returns the engine's order that has as many keys of the plan as
// possible. It is the plan's own if these are all.
func (q *question) order() ordering {
	for n := len(q.plan.Order); n > 0; n-- {
		if sort, err := q.c.Sort(q.plan.Order[:n]); err == nil {
			return ordering{sort, n, elements(sort)}
		}
	}
	return ordering{sort: []byte("[]")}
}

// total reports whether o is the plan's order.
func (q *question) total(o ordering) bool { return o.keys == len(q.plan.Order) && o.shared > 0 }

// idValue returns which of the sort values, from 1, is the helping field with
// the record's id, or 0 if none is.
func (q *question) idValue(o ordering) int {
	if last := q.plan.Order[len(q.plan.Order)-1].Field; q.ids && q.total(o) && last != nil && last.Path == "_id" {
		return o.shared
	}
	return 0
}

// afresh asks once more if the cluster was found to hold records without the
// helping field, before any was yielded.
func (d *Driver) afresh(index string, yield func(*record.Record, error) bool, ask func(yield func(*record.Record, error) bool) error) error {
	begun := false
	err := ask(func(r *record.Record, err error) bool {
		begun = true
		return yield(r, err)
	})
	if errors.Is(err, errWithoutID) {
		d.layouts.put(index, nil)
		if !begun {
			return ask(yield)
		}
	}
	return err
}

// untied adds to an order what tells records apart that are equal in it, which
// works for a point in time only. On OpenSearch it does so but for a few.
func (q *question) untied(o ordering) []byte {
	if q.product.openSearch {
		return appendElement(o.sort, `"_doc"`)
	}
	if o.shared == 0 { // _shard_doc alone is quadratic
		return []byte(`["_doc","_shard_doc"]`)
	}
	return appendElement(o.sort, `"_shard_doc"`)
}

// head returns the members of a search's body that stay the same from page to page.
func (q *question) head(sort []byte, slice, slices int) []byte {
	b := append(make([]byte, 0, len(q.query)+len(sort)+128), `{"track_total_hits":false,"query":`...)
	b = append(append(append(b, q.query...), `,"sort":`...), sort...)
	if slices > 1 {
		b = strconv.AppendInt(append(b, `,"slice":{"id":`...), int64(slice), 10)
		b = strconv.AppendInt(append(b, `,"max":`...), int64(slices), 10)
		b = append(b, '}')
	}
	return b
}

// A view reads records from the documents of hits.
type view struct {
	columns reading
	// The condition is looked at if matcher is not nil, the order if order is not nil;
	// plan has the fields that they need.
	plan    reading
	matcher *eval.Matcher
	order   *eval.Order
	scratch []record.Value
}

// view returns what reads columns, and the keys of the plan's order if asked.
func (q *question) view(columns *record.Projection, keys bool) (*view, error) {
	v := &view{columns: newReading(columns)}
	if q.exact && !keys {
		return v, nil
	}
	var paths []string
	for _, f := range plan.Fields(q.plan) {
		paths = append(paths, f.Path)
	}
	projection, err := q.plan.Schema.Project(paths...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrUnknownField, err)
	}
	v.plan = newReading(projection)
	if !q.exact {
		if v.matcher, err = eval.Compile(q.plan, projection); err != nil {
			return nil, fmt.Errorf("%w: %w", search.ErrInvalid, err)
		}
	}
	if keys {
		if v.order, err = eval.CompileOrder(q.plan, projection); err != nil {
			return nil, fmt.Errorf("%w: %w", search.ErrInvalid, err)
		}
	}
	return v, nil
}

// A reading decodes documents into a record that is used again.
type reading struct {
	decoder *record.Decoder
	record  record.Record
	index   string
}

func newReading(p *record.Projection) reading { return reading{decoder: record.NewDecoder(p)} }

// read decodes a document. The record points into all that is given.
func (r *reading) read(id, index, source []byte) (*record.Record, error) {
	if r.index != string(index) {
		r.index = string(index)
	}
	r.record.ID, r.record.Index = lend(id), r.index
	if source == nil {
		return nil, fmt.Errorf("%w: the index %q keeps no documents", search.ErrUnsupported, index)
	}
	if err := r.decoder.Decode(source, &r.record); err != nil {
		return nil, fmt.Errorf("the document with _id %q of %q: %w", id, index, err)
	}
	return &r.record, nil
}

// lend returns b as a string that shares its bytes.
func lend(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
