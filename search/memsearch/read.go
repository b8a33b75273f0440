package memsearch

import (
	"context"
	"fmt"
	"slices"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// Read implements [search.Driver].
func (d *Driver) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		v, err := d.now(r.Plan.Schema.Index)
		if err != nil {
			yield(nil, err)
			return
		}
		found, err := v.ordered(ctx, r.Plan, part{})
		if err != nil {
			yield(nil, err)
			return
		}
		if r.After != nil {
			found = slices.DeleteFunc(found, func(k keyed) bool { return eval.CompareKeys(r.Plan.Order, k.keys, r.After) <= 0 })
		}
		found = found[min(r.Skip, len(found)):]
		if r.Limit > 0 {
			found = found[:min(r.Limit, len(found))]
		}
		lens := newLens(v, r.Columns)
		for _, k := range found {
			rec, err := lens.read(ctx, &v.docs[k.at])
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Count implements [search.Driver].
func (d *Driver) Count(ctx context.Context, p *plan.Plan, limit int64) (int64, error) {
	v, err := d.now(p.Schema.Index)
	if err != nil {
		return 0, err
	}
	return exact.Count(ctx, p, limit, p.Where, v.reader())
}

// Aggregate implements [search.Driver].
func (d *Driver) Aggregate(ctx context.Context, questions []*search.Aggregation) ([]*search.Table, error) {
	tables := make([]*search.Table, len(questions))
	views := map[string]*view{}
	for i, a := range questions {
		if err := a.Validate(); err != nil {
			return nil, err
		}
		name := a.Plan.Schema.Index
		if views[name] == nil {
			v, err := d.now(name)
			if err != nil {
				return nil, err
			}
			views[name] = v
		}
		var err error
		if tables[i], err = exact.Aggregate(ctx, a, a.Plan.Where, views[name].reader()); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// reader returns a reader of v for questions in which the order does not matter.
func (v *view) reader() exact.Reader {
	return func(ctx context.Context, r *search.Read) record.Stream {
		return v.scan(ctx, r.Plan, r.Columns, part{}, nil)
	}
}

// A part is which documents of a view are asked for: one of several slices,
// and of that what begins at a place.
type part struct{ slice, slices, from int }

func (p part) all(v *view) func(yield func(at int) bool) {
	return func(yield func(at int) bool) {
		step := max(p.slices, 1)
		for at := p.slice; at < len(v.docs); at += step {
			if at >= p.from && !yield(at) {
				return
			}
		}
	}
}

// scan returns the matching records in the order in which they are stored, and
// keeps in next, if not nil, the place behind each.
func (v *view) scan(ctx context.Context, p *plan.Plan, columns *record.Projection, which part, next *int) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		m, err := newMatcher(v, p)
		if err != nil {
			yield(nil, err)
			return
		}
		lens := newLens(v, columns)
		for at := range which.all(v) {
			r, err := m.read(ctx, &v.docs[at])
			if err == nil && !m.Match(r) {
				continue
			}
			if err == nil {
				r, err = lens.read(ctx, &v.docs[at])
			}
			if next != nil && err == nil {
				*next = at + 1
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// A keyed is a document with its sort keys.
type keyed struct {
	keys []record.Value
	at   int
}

// ordered returns the matching documents in the order of the plan.
func (v *view) ordered(ctx context.Context, p *plan.Plan, which part) ([]keyed, error) {
	m, err := newMatcher(v, p)
	if err != nil {
		return nil, err
	}
	order, err := eval.CompileOrder(p, m.columns)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrUnknownField, err)
	}
	var found []keyed
	for at := range which.all(v) {
		r, err := m.read(ctx, &v.docs[at])
		if err != nil {
			return nil, err
		}
		if !m.Match(r) {
			continue
		}
		keys := order.Keys(make([]record.Value, 0, len(p.Order)), r)
		for i, k := range keys {
			keys[i] = k.Clone()
		}
		found = append(found, keyed{keys, at})
	}
	slices.SortFunc(found, func(a, b keyed) int { return eval.CompareKeys(p.Order, a.keys, b.keys) })
	return found, nil
}

// A matcher reads what a plan needs of documents, and matches it.
type matcher struct {
	*eval.Matcher
	*lens
}

func newMatcher(v *view, p *plan.Plan) (*matcher, error) {
	var paths []string
	for _, f := range plan.Fields(p) {
		paths = append(paths, f.Path)
	}
	columns, err := v.schema.Project(paths...)
	if err != nil { // the plan may know more than the index
		columns, err = p.Schema.Project(paths...)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrUnknownField, err)
	}
	m, err := eval.Compile(p, columns)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrUnknownField, err)
	}
	return &matcher{m, newLens(v, columns)}, nil
}

// A lens shows documents as records of one projection.
type lens struct {
	index   string
	columns *record.Projection
	views   map[*record.Schema]*record.Decoder // by the schema of the document; nil if all that is asked for was kept
	record  record.Record
	reads   int
}

func newLens(v *view, columns *record.Projection) *lens {
	return &lens{index: v.schema.Index, columns: columns, views: make(map[*record.Schema]*record.Decoder)}
}

// read returns a document as a record, valid until the next call.
func (l *lens) read(ctx context.Context, doc *document) (*record.Record, error) {
	if l.reads++; l.reads%64 == 1 { // now and then
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	schema := doc.Projection().Schema()
	decoder, ok := l.views[schema]
	if !ok {
		var err error
		if decoder, err = l.decoder(doc.Projection()); err != nil {
			return nil, err
		}
		l.views[schema] = decoder
	}
	if decoder == nil {
		return doc.Project(l.columns), nil
	}
	l.record.ID, l.record.Index = doc.ID, l.index
	if err := decoder.Decode(doc.Source(), &l.record); err != nil {
		return nil, fmt.Errorf("%w: document %q: %w", search.ErrCorrupt, doc.ID, err)
	}
	return l.record.Project(l.columns), nil
}

// decoder returns what reads the lens's columns from documents that were kept with
// others, or nil if they are among those. A field that the documents' schema lacks,
// or has otherwise, has no values.
func (l *lens) decoder(kept *record.Projection) (*record.Decoder, error) {
	s, all := kept.Schema(), true
	var paths []string
	for _, f := range l.columns.Fields() {
		g := s.Field(f.Path)
		if g != nil && g.Kind == f.Kind {
			paths = append(paths, f.Path)
			all = all && kept.Column(f.Path) >= 0
		} else if g != nil {
			all = false
		}
	}
	if all {
		return nil, nil
	}
	columns, err := s.Project(paths...)
	if err != nil {
		return nil, err
	}
	return record.NewDecoder(columns), nil
}
