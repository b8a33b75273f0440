// Package memsearch keeps records in memory: the engine for tests and small
// data, and the reference by which other engines are measured. It answers with
// package eval, which is right by definition, and looks at every record for
// every question.
//
// # Use
//
//	engine := memsearch.New()
//	err := engine.Create(ctx, schema)
//	...
//	report, err := bulk.Load(ctx, engine, schema, []string{"visits.ndjson"}, nil)
//
// # Memory
//
// Documents are kept as the bytes they came as and as records with all the
// declared fields. A question in an order holds the sort keys of every record that matches; one without, such as
// a count or an unordered scan, holds nothing.
//
// # Concurrency
//
// What is published never changes: a load makes a new list of documents and
// puts it in the place of the old one, at its end and at once. Whoever reads the old list
// goes on reading it. A snapshot is such a list, kept until it is closed.
package memsearch

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A Driver holds indexes in memory. It is safe for concurrent use. The zero
// Driver is empty and ready.
type Driver struct {
	mu        sync.Mutex
	indexes   map[string]*index
	snapshots map[string]*view // by token, until they are closed
}

var _ search.Loader = (*Driver)(nil)

// New returns a driver without any index.
func New() *Driver { return &Driver{} }

// An index is what is stored under one name. It is guarded by Driver.mu.
type index struct {
	view
	places map[string]int // where in docs each ID stands
}

// A view is what a question is asked of. It never changes: new documents stand
// behind the end of docs, replaced ones in another list.
type view struct {
	schema *record.Schema
	docs   []document
}

// A document is a record with its source, under the columns of the schema that
// it was loaded under.
type document struct{ *record.Record }

// Create implements [search.Loader]. Documents that were loaded before a field
// was added have no value in it.
func (d *Driver) Create(_ context.Context, s *record.Schema) error {
	if s.Index == "" || strings.Contains(s.Index, "*") {
		return fmt.Errorf("%w: an index with the name %q", search.ErrInvalid, s.Index)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if ix := d.indexes[s.Index]; ix != nil {
		merged, err := ix.schema.Merge(s)
		if err != nil {
			return fmt.Errorf("%w: %w", search.ErrSchemaConflict, err)
		}
		ix.schema = merged
		return nil
	}
	if d.indexes == nil {
		d.indexes = make(map[string]*index)
	}
	d.indexes[s.Index] = &index{view: view{schema: s}, places: make(map[string]int)}
	return nil
}

// Drop implements [search.Loader]. Snapshots of the index remain.
func (d *Driver) Drop(_ context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.indexes, name)
	return nil
}

// Schemas implements [search.Driver]. There are no aliases.
func (d *Driver) Schemas(_ context.Context, name string) ([]*record.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*record.Schema
	for _, key := range slices.Sorted(maps.Keys(d.indexes)) {
		if fits(name, key) {
			found = append(found, d.indexes[key].schema)
		}
	}
	return found, nil
}

// fits reports whether name is pattern, in which each * stands for any characters.
func fits(pattern, name string) bool {
	first, rest, ok := strings.Cut(pattern, "*")
	if !ok {
		return name == pattern
	}
	if name, ok = strings.CutPrefix(name, first); !ok {
		return false
	}
	for {
		part, more, ok := strings.Cut(rest, "*")
		if !ok {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}

// now returns the view of an index as it is.
func (d *Driver) now(name string) (*view, error) {
	_, v, err := d.at(name)
	return v, err
}

func (d *Driver) at(name string) (*index, *view, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ix := d.indexes[name]
	if ix == nil {
		return nil, nil, unknown(name)
	}
	v := ix.view
	return ix, &v, nil
}

func unknown(name string) error { return fmt.Errorf("%w: %q", search.ErrUnknownIndex, name) }

// Load implements [search.Loader]. All documents of one call are one batch:
// readers see them when the call returns, and after an error none is stored.
func (d *Driver) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (int64, error) {
	ix, v, err := d.at(s.Index)
	if err != nil {
		return 0, err
	}
	columns, err := v.schema.ProjectAll()
	if err != nil {
		return 0, err
	}
	decoder, r := record.NewDecoder(columns), record.Record{}
	var batch []document
	for doc := range docs {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r.ID, r.Index = doc.Record.ID, s.Index
		reason := ""
		if r.ID == "" {
			reason = "the document has no ID"
		} else if err := decoder.Decode(doc.Record.Source(), &r); err != nil {
			reason = err.Error()
		}
		if reason != "" {
			refuse(search.Refusal{Place: doc.Place, ID: strings.Clone(doc.Record.ID), Reason: reason})
			continue
		}
		batch = append(batch, document{r.Clone()})
	}
	return d.publish(ctx, ix, s.Index, batch)
}

// publish stores documents in ix, unless it was dropped meanwhile.
func (d *Driver) publish(ctx context.Context, ix *index, name string, batch []document) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if d.indexes[name] != ix {
		return 0, unknown(name)
	}
	published, cloned := len(ix.docs), false
	for _, doc := range batch {
		at, known := ix.places[doc.ID]
		if !known {
			ix.places[doc.ID] = len(ix.docs)
			ix.docs = append(ix.docs, doc)
			continue
		}
		if at < published && !cloned {
			ix.docs, cloned = slices.Clone(ix.docs), true
		}
		ix.docs[at] = doc
	}
	return int64(len(batch)), nil
}
