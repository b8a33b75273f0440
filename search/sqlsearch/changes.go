package sqlsearch

import (
	"fmt"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Of histories SQL knows nothing, and every record that may match has to be read and looked at. So what a history says of a field is
// kept with the vectors of an index, as a part of them, once it has been asked for often enough to be worth reading
// every document: once, and once more for each recordsForTelling records.
const recordsForTelling = 2_000

// told reports whether a condition can be answered from vectors and from what histories say.
func told(l *sqlgen.Layout, n plan.Node) bool {
	can := true
	plan.Walk(n, func(n plan.Node) bool {
		switch n.(type) {
		case plan.And, plan.Or, plan.Not:
		default:
			f, h := historyOf(n)
			can = can && (f != nil && h != nil || l.Can(n))
		}
		return can
	})
	return can
}

// historyOf returns what a condition on a history is about, or nil for any other.
func historyOf(n plan.Node) (*record.Field, *record.History) {
	switch n := n.(type) {
	case plan.Was:
		return n.Field, n.History
	case plan.Changed:
		return n.Field, n.History
	}
	return nil, nil
}

// history returns the records for which a condition on a history holds, or errBySQL if what it says is not kept.
func (f *finding) history(n plan.Node) (vectorSet, error) {
	s, key := &f.v.d.vectors, n.String()
	if set := s.leaf(f.t, key); set != nil {
		return set, nil
	}
	c, err := f.changes(historyOf(n))
	if err != nil {
		return nil, err
	}
	match, err := c.Match(n)
	if err != nil {
		return nil, err
	}
	set := newVectorSet(f.t.n)
	for i := range f.t.n {
		if i&(1<<16-1) == 0 && f.ctx.Err() != nil {
			return nil, f.ctx.Err()
		}
		if match(i) {
			set.add(i)
		}
	}
	s.keep(f.t, key, set)
	return set, nil
}

// changes returns what a history says of a field.
func (f *finding) changes(field *record.Field, h *record.History) (*eval.Changes, error) {
	c, err := eval.NewChanges(f.p.Schema, field, h)
	if err != nil {
		return nil, err
	}
	s, name := &f.v.d.vectors, "\x01"+c.Name()
	if f.t.n > mostPaged || !s.worth(f.t, name, f.t.n/recordsForTelling) {
		return nil, errBySQL
	}
	p, err := s.part(f.ctx, f.t, name, func() (*vectorPart, error) {
		err := f.readChanges(c, s.left(f.t))
		return &vectorPart{changes: c, bytes: c.Size()}, err
	})
	if err != nil {
		return nil, err
	}
	return p.changes, nil
}

// worth counts how often a part was asked for, and reports whether that was more than so many times.
func (s *vectors) worth(t *vectorIndex, name string, times int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.askedFor[name]++
	return t.askedFor[name] > times+1
}

// readChanges adds all records to c, unless that takes more bytes than are left.
func (f *finding) readChanges(c *eval.Changes, left int64) error {
	decoder, r := record.NewDecoder(c.Projection()), &record.Record{Index: f.x.schema.Index}
	var bad error
	err := f.rows("SELECT doc FROM "+f.x.table("source")+" ORDER BY rid", func(s *stmt) bool {
		if bad = decoder.Decode(s.bytes(0), r); bad != nil {
			bad = fmt.Errorf("%w: a record of index %q: %w", search.ErrCorrupt, f.x.schema.Index, bad)
			return false
		}
		c.Add(r)
		return c.Size() <= left && c.Len() <= f.t.n
	})
	switch {
	case err != nil:
		return err
	case bad != nil:
		return bad
	case c.Size() > left:
		return errBySQL
	case c.Len() != f.t.n:
		return f.otherwise(c.Len())
	}
	c.Clip()
	return nil
}
