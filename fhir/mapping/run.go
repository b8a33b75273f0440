package mapping

import (
	"fmt"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/record"
)

// A run is the memory in which one record is mapped at a time.
type run struct {
	x          *Mapper
	record     *record.Record
	projection *record.Projection
	columns    []int           // of the main scope, in the record's projection
	main       []*eval.Matcher // the conditions of the main scope, for that projection
	scopes     []scopeRun
	bags       []bagRun
	text       []byte
	whole      []byte // a resource of which a subset is wanted
	one        [1]record.Value
	some       []record.Value
	path       string // why the record cannot be mapped
	reason     string
}

// A scopeRun is the present value of a $each.
type scopeRun struct {
	record   record.Record
	decoder  *record.Decoder
	doc      []byte
	matchers []*eval.Matcher
}

// A bagRun holds the objects of a list.
type bagRun struct {
	decoder *record.Decoder
	records []record.Record
	docs    [][]byte
	n       int
	filled  bool
}

func newRun(x *Mapper) *run {
	r := &run{x: x, scopes: make([]scopeRun, len(x.scopes)), bags: make([]bagRun, len(x.bags))}
	for i, s := range x.scopes {
		if s.each == "" {
			continue
		}
		if s.object {
			r.scopes[i].decoder = record.NewDecoder(s.projection)
		}
		for _, m := range s.matchers {
			r.scopes[i].matchers = append(r.scopes[i].matchers, m.Clone())
		}
	}
	for i, g := range x.bags {
		r.bags[i].decoder = record.NewDecoder(g.projection)
	}
	return r
}

// begin makes the run ready for a record.
func (x *run) begin(r *record.Record) error {
	x.record, x.path, x.reason = r, "", ""
	for i := range x.bags {
		x.bags[i].filled = false
	}
	if p := r.Projection(); p != x.projection || p == nil {
		return x.rebind(p)
	}
	return nil
}

// rebind finds the columns in another projection.
func (x *run) rebind(p *record.Projection) error {
	x.projection = nil
	if p == nil {
		return fmt.Errorf("mapping: record %q has no columns; ask for the fields of the mapper", x.record.ID)
	}
	x.columns = x.columns[:0]
	for _, path := range x.x.fields {
		c := p.Column(path)
		if c < 0 {
			return fmt.Errorf("mapping: record %q has no column %q; ask for the fields of the mapper", x.record.ID, path)
		}
		x.columns = append(x.columns, c)
	}
	x.main = x.main[:0]
	for _, c := range x.x.scopes[0].conditions {
		m, err := eval.Compile(c, p)
		if err != nil {
			return fmt.Errorf("mapping: record %q: %w", x.record.ID, err)
		}
		x.main = append(x.main, m)
	}
	x.projection = p
	return nil
}

func (x *run) fail(path, format string, args ...any) status {
	x.path, x.reason = path, format
	if len(args) > 0 {
		x.reason = fmt.Sprintf(format, args...)
	}
	return failed
}

// unmappable returns the reason of the last failure.
func (x *run) unmappable() error {
	return &UnmappableError{ID: x.record.ID, Path: x.path, Reason: x.reason}
}

func (x *run) matches(c *opCondition) bool {
	if c.scope == 0 {
		return x.main[c.number].Match(x.record)
	}
	s := &x.scopes[c.scope]
	return s.matchers[c.number].Match(&s.record)
}

// enter makes v the present value of a scope, or says why it cannot be read.
func (x *run) enter(s *scope, v record.Value) string {
	at := &x.scopes[s.number]
	if !s.object {
		at.record.Reset(s.projection)
		for i := range s.fields {
			at.record.Append(i, v)
		}
		return ""
	}
	at.doc = v.AppendText(at.doc[:0])
	if err := at.decoder.Decode(at.doc, &at.record); err != nil {
		return fmt.Sprintf("an object of the field %q cannot be read: %s", s.each, err)
	}
	return ""
}

// raw returns the values of a source as they are.
func (x *run) raw(s *opSource) []record.Value {
	switch {
	case s.id:
		x.one[0] = record.StringValue(x.record.ID)
		return x.one[:]
	case s.bag != nil:
		return x.found(s)
	case s.scope == 0:
		return x.record.Values(x.columns[s.column])
	}
	return x.scopes[s.scope].record.Values(s.column)
}

// found returns the values of a member of the object that is looked up.
func (x *run) found(s *opSource) []record.Value {
	g := &x.bags[s.bag.number]
	if !g.filled || s.bag.from.scope != 0 {
		x.fill(s.bag, g)
	}
	for i := range g.records[:g.n] {
		r := &g.records[i]
		for _, k := range r.Values(s.key) {
			if k.Text() == s.value {
				return r.Values(s.column)
			}
		}
	}
	return nil
}

// fill reads the objects of a list. One that cannot be read makes the record unmappable.
func (x *run) fill(b *bag, g *bagRun) {
	g.n, g.filled = 0, true
	for _, v := range x.raw(b.from) {
		if g.n == len(g.records) {
			g.records = append(g.records, record.Record{})
			g.docs = append(g.docs, nil)
		}
		g.docs[g.n] = v.AppendText(g.docs[g.n][:0])
		if err := g.decoder.Decode(g.docs[g.n], &g.records[g.n]); err != nil {
			x.fail(b.path, "an object of the field %q cannot be read: %s", b.path, err)
			return
		}
		g.n++
	}
}

// values returns the values of the first of the sources that has any, without those that are empty.
func (x *run) values(sources []*opSource) ([]record.Value, *opSource) {
	for _, s := range sources {
		all := x.raw(s)
		if x.reason != "" {
			return nil, nil
		}
		if s.axis != 0 && len(all) > 0 {
			all = x.axis(all, s.axis)
		}
		empty := 0
		for _, v := range all {
			if isEmpty(v) {
				empty++
			}
		}
		if empty == len(all) {
			continue
		}
		if empty > 0 {
			x.some = x.some[:0]
			for _, v := range all {
				if !isEmpty(v) {
					x.some = append(x.some, v)
				}
			}
			all = x.some
		}
		return all, s
	}
	return nil, nil
}

func isEmpty(v record.Value) bool {
	switch v.Kind() {
	case record.Null:
		return true
	case record.String:
		return v.Text() == ""
	}
	return false
}
