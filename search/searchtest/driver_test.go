package searchtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// simple is the simplest driver that could be right: lists in memory, and a
// look at every record. The suite is tried on it, and on what breaks it.
type simple struct {
	mu      sync.Mutex
	indexes map[string]*table
	shots   map[string]*shot
	next    int
}

var _ search.Loader = (*simple)(nil)

// A table never changes; a load makes another.
type table struct {
	schema *record.Schema
	ids    []string
	docs   map[string]*record.Record
}

func newSimple() *simple {
	return &simple{indexes: map[string]*table{}, shots: map[string]*shot{}}
}

// projection has all that the suite asks for.
func (t *table) projection() (*record.Projection, error) {
	var paths []string
	for f := range t.schema.All() {
		paths = append(paths, f.Path)
	}
	for _, key := range append(flattenedKeys, "flat.a", "flat.b", "flat.c.d") {
		if t.schema.Field(key) != nil {
			paths = append(paths, key)
		}
	}
	return t.schema.Project(paths...)
}

func (d *simple) table(index string) (*table, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.indexes[index]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w %q", search.ErrUnknownIndex, index)
}

func (d *simple) Schemas(_ context.Context, name string) (all []*record.Schema, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, index := range slices.Sorted(maps.Keys(d.indexes)) {
		if ok, err := path.Match(strings.ReplaceAll(name, "[", "\\["), index); err == nil && ok {
			all = append(all, d.indexes[index].schema)
		}
	}
	return all, nil
}

// matching decodes the records that match, in order, with all that p and columns need.
func (t *table) matching(ctx context.Context, p *plan.Plan) ([]*record.Record, *eval.Order, error) {
	projection, err := t.projection()
	if err != nil {
		return nil, nil, err
	}
	matcher, err := eval.Compile(p, projection)
	if err != nil {
		return nil, nil, err
	}
	order, err := eval.CompileOrder(p, projection)
	if err != nil {
		return nil, nil, err
	}
	var all []*record.Record
	for _, id := range t.ids {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if r := t.docs[id]; matcher.Match(r) {
			all = append(all, r)
		}
	}
	return all, order, nil
}

func (d *simple) Read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		t, err := d.table(r.Plan.Schema.Index)
		if err != nil {
			yield(nil, err)
			return
		}
		t.read(ctx, r)(yield)
	}
}

func (t *table) read(ctx context.Context, r *search.Read) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		all, order, err := t.matching(ctx, r.Plan)
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(all, order.Compare)
		if r.After != nil {
			all = slices.DeleteFunc(all, func(o *record.Record) bool {
				return eval.CompareKeys(r.Plan.Order, order.Keys(nil, o), r.After) <= 0
			})
		}
		all = all[min(r.Skip, len(all)):]
		if r.Limit > 0 {
			all = all[:min(r.Limit, len(all))]
		}
		decoder, out := record.NewDecoder(r.Columns), &record.Record{}
		for _, o := range all {
			out.ID, out.Index = o.ID, o.Index
			err := decoder.Decode(o.Source(), out)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

func (d *simple) Count(ctx context.Context, p *plan.Plan, _ int64) (int64, error) {
	t, err := d.table(p.Schema.Index)
	if err != nil {
		return 0, err
	}
	all, _, err := t.matching(ctx, p)
	return int64(len(all)), err
}

func (d *simple) Create(_ context.Context, s *record.Schema) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.indexes[s.Index]
	if t == nil {
		d.indexes[s.Index] = &table{schema: s, docs: map[string]*record.Record{}}
		return nil
	}
	merged, err := t.schema.Merge(s)
	if err != nil {
		return fmt.Errorf("%w: %w", search.ErrSchemaConflict, err)
	}
	next := &table{schema: merged, ids: t.ids, docs: map[string]*record.Record{}}
	if err := next.decode(t); err != nil {
		return err
	}
	d.indexes[s.Index] = next
	return nil
}

// decode reads the documents of another table again, with the fields of this one.
func (t *table) decode(from *table) error {
	projection, err := t.projection()
	if err != nil {
		return err
	}
	for id, r := range from.docs {
		again := &record.Record{ID: r.ID, Index: r.Index}
		if err := record.NewDecoder(projection).Decode(r.Source(), again); err != nil {
			return err
		}
		t.docs[id] = again.Clone()
	}
	return nil
}

func (d *simple) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (int64, error) {
	t, err := d.table(s.Index)
	if err != nil {
		return 0, err
	}
	next := &table{t.schema, slices.Clone(t.ids), maps.Clone(t.docs)}
	projection, err := t.projection()
	if err != nil {
		return 0, err
	}
	n, decoder := int64(0), record.NewDecoder(projection)
	for doc := range docs {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if doc.Record.ID == "" {
			refuse(search.Refusal{Place: doc.Place, Reason: "no ID"})
			continue
		}
		n++
		id := strings.Clone(doc.Record.ID)
		if next.docs[id] == nil {
			next.ids = append(next.ids, id)
		}
		r := &record.Record{ID: id, Index: s.Index}
		if err := decoder.Decode(slices.Clone(doc.Record.Source()), r); err != nil {
			return 0, err
		}
		next.docs[id] = r.Clone()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.indexes[s.Index] = next
	return n, nil
}

func (d *simple) Drop(_ context.Context, index string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.indexes, index)
	return nil
}

// A shot is a snapshot.
type shot struct {
	*table
	driver *simple
	token  string
}

func (d *simple) Snapshot(_ context.Context, index, token string) (search.Snapshot, error) {
	if token != "" {
		d.mu.Lock()
		defer d.mu.Unlock()
		if s := d.shots[token]; s != nil && s.schema.Index == index {
			return s, nil
		}
		return nil, search.ErrSnapshotLost
	}
	t, err := d.table(index)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	s := &shot{t, d, strconv.Itoa(d.next)}
	d.shots[s.token] = s
	return s, nil
}

func (s *shot) Token() string { return s.token }

func (s *shot) lost() error {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	if s.driver.shots[s.token] == nil {
		return search.ErrSnapshotLost
	}
	return nil
}

func (s *shot) Count(ctx context.Context, p *plan.Plan) (int64, error) {
	if err := s.lost(); err != nil {
		return 0, err
	}
	all, _, err := s.matching(ctx, p)
	return int64(len(all)), err
}

func (s *shot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	at := 0
	var wrong error
	if scan.From != "" {
		at, wrong = strconv.Atoi(scan.From)
	}
	r := &search.Read{Plan: scan.Plan, Columns: scan.Columns, Source: scan.Source}
	return func(yield func(*record.Record, error) bool) {
		if err := errors.Join(s.lost(), wrong); err != nil {
			yield(nil, err)
			return
		}
		n := 0
		for r, err := range s.read(ctx, r) {
			if err != nil {
				yield(nil, err)
				return
			}
			n++
			if n <= at || scan.Slices > 1 && n%scan.Slices != scan.Slice {
				continue
			}
			at = n
			if !yield(r, nil) {
				return
			}
		}
	}, func() string { return strconv.Itoa(at) }
}

func (s *shot) Close() error {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	delete(s.driver.shots, s.token)
	return nil
}

func (d *simple) Aggregate(ctx context.Context, questions []*search.Aggregation) (tables []*search.Table, _ error) {
	for _, a := range questions {
		t, err := d.table(a.Plan.Schema.Index)
		if err != nil {
			return nil, err
		}
		all, _, err := t.matching(ctx, a.Plan)
		if err != nil {
			return nil, err
		}
		tables = append(tables, tabulate(a, all))
	}
	return tables, nil
}
