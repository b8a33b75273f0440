package mapping

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// Bind checks the mapping against the schema of its index and plans it, once for all records. The error is an [Errors].
func (m *Mapping) Bind(schema *record.Schema) (*Mapper, error) {
	b := &binder{m: m, schema: schema, main: &scope{}}
	b.scopes = []*scope{b.main}
	x := &Mapper{mapping: m, schema: schema}
	b.question(m.Where, m.where)
	b.question(m.Deleted, m.deleted)
	if m.root != nil {
		x.root, _ = b.object(m.root).(*opObject)
	}
	x.id = b.identity(m.id)
	switch m.patient {
	case nil:
	case m.id:
		x.patient = x.id
	default:
		x.patient = b.identity(m.patient)
		if x.patient != nil {
			x.patient.path, x.patient.bases = m.Type, m.bases
			elsewhere := *x.patient
			elsewhere.elsewhere, x.elsewhere = true, &elsewhere
		}
	}
	if m.updated != nil && m.Native {
		b.scalar(m.updated)
	}
	for _, name := range sortedNames(m.params) {
		b.param(m.params[name])
	}
	b.finish(x)
	if err := b.errors.err(); err != nil {
		return nil, err
	}
	x.pool.New = func() any { return newRun(x) }
	return x, nil
}

// A binder makes ops of nodes.
type binder struct {
	m      *Mapping
	schema *record.Schema
	errors Errors
	main   *scope
	scopes []*scope // all of them; the first is that of the record
	open   []*scope // those of $each around what is bound, from the outermost
	bags   []*bag
}

// A scope is where fields are looked up: the record, or one value of $each.
type scope struct {
	number     int
	each       string
	source     string   // where the values stand in a document
	object     bool     // the values are objects
	fields     []string // the columns
	projection *record.Projection
	conditions []*plan.Plan
	matchers   []*eval.Matcher // of all but the main scope
}

// column returns the number of a field's column.
func (s *scope) column(path string) int {
	if i := slices.Index(s.fields, path); i >= 0 {
		return i
	}
	s.fields = append(s.fields, path)
	return len(s.fields) - 1
}

// holds reports whether a field is looked up in a scope of $each.
func (s *scope) holds(f *record.Field) bool {
	if s.object {
		return strings.HasPrefix(f.Path, s.each+".")
	}
	return f.Path == s.each || f.Source == s.source
}

func (b *binder) complain(p place, format string, args ...any) {
	b.errors = append(b.errors, p.complain(format, args...))
}

// finish makes the projections, now that all columns are known.
func (b *binder) finish(x *Mapper) {
	x.fields, x.scopes, x.bags = b.main.fields, b.scopes, b.bags
	for _, s := range b.scopes[1:] {
		s.projection = b.project(s.each, s.object, s.fields)
		for _, p := range s.conditions {
			if s.projection == nil {
				return
			}
			m, err := eval.Compile(p, s.projection)
			if err != nil {
				b.complain(b.m.place, "%s", err)
				return
			}
			s.matchers = append(s.matchers, m)
		}
	}
	for _, g := range b.bags {
		g.projection = b.project(g.path, true, g.fields)
	}
	if len(b.errors) == 0 {
		p, err := b.schema.Project(b.main.fields...)
		if err != nil {
			b.complain(b.m.place, "%s", err)
			return
		}
		for _, c := range b.main.conditions {
			if _, err := eval.Compile(c, p); err != nil {
				b.complain(b.m.place, "%s", err)
			}
		}
	}
}

func (b *binder) project(path string, object bool, fields []string) *record.Projection {
	var p *record.Projection
	var err error
	if object {
		p, err = b.schema.ProjectNested(path, fields...)
	} else {
		p, err = b.schema.Project(fields...)
	}
	if err != nil {
		b.complain(b.m.place, "%s", err)
	}
	return p
}

// The instants by which it is found out whether a condition depends on the time.
var (
	oneDay   = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	otherDay = time.Date(2019, 8, 17, 16, 15, 14, 0, time.UTC)
)

func (b *binder) resolve(text string, at place, now time.Time, user string) *plan.Plan {
	q, err := jql.Parse(text, nil)
	if err != nil {
		b.complain(at, "%s", err)
		return nil
	}
	opts := &jql.ResolveOptions{Now: now, User: user}
	if b.m.zone != nil {
		opts.Zone = b.m.zone.loc
	}
	res, err := jql.Resolve(context.Background(), q, []*record.Schema{b.schema}, opts)
	if err != nil {
		b.complain(at, "found %q, which does not fit index %q: %s", text, b.schema.Index, err)
		return nil
	}
	return res.Plans[0]
}

// question checks a condition that is not evaluated here.
func (b *binder) question(text string, at place) {
	if text != "" {
		b.resolve(text, at, oneDay, "")
	}
}

// condition plans a $when; nil if there is none.
func (b *binder) condition(c *condition) *opCondition {
	if c == nil {
		return nil
	}
	p := b.resolve(c.text, c.place, oneDay, "one")
	if p == nil {
		return nil
	}
	if other := b.resolve(c.text, c.place, otherDay, "other"); other != nil && !plan.Equal(p.Where, other.Where) {
		b.complain(c.place, "found %q, which depends on when it is asked, and by whom; expected a condition on the record alone", c.text)
		return nil
	}
	fields := plan.Fields(&plan.Plan{Schema: p.Schema, Where: p.Where})
	in, inside := b.main, 0
	for _, f := range fields {
		if s := b.scopeOf(f); s != b.main {
			in = s
			inside++
		}
	}
	for _, f := range fields {
		if s := b.scopeOf(f); s != in {
			b.complain(c.place, "found %q, which asks about one value of $each: %s, and about others; expected two conditions, one within the other", c.text, in.each)
			return nil
		}
		in.column(f.Path)
	}
	in.conditions = append(in.conditions, p)
	return &opCondition{scope: in.number, number: len(in.conditions) - 1}
}

// scopeOf returns the scope in which a field is looked up.
func (b *binder) scopeOf(f *record.Field) *scope {
	for _, s := range slices.Backward(b.open) {
		if s.holds(f) {
			return s
		}
	}
	return b.main
}

// each opens the scope of an item.
func (b *binder) each(it item) (*scope, *opSource) {
	f := b.field(it.each, it.eachPlace, false)
	if f == nil {
		return nil, nil
	}
	outer := b.scopeOf(f)
	src := &opSource{scope: outer.number, column: outer.column(f.Path), name: f.Path}
	s := &scope{number: len(b.scopes), each: f.Path, source: f.Source, object: f.Kind == record.Nested || f.Kind == record.Object}
	switch f.Kind {
	case record.Flattened, record.JSON, record.Unknown:
		b.complain(it.eachPlace, "found %q, a field of type %s; expected a list of objects or of values", f.Path, f.Type)
		return nil, nil
	}
	if !s.object {
		s.column(f.Path)
	}
	b.scopes = append(b.scopes, s)
	return s, src
}

// field returns the field of a path, or nil, after a complaint unless it may be absent.
func (b *binder) field(path string, at place, optional bool) *record.Field {
	f := b.schema.Field(path)
	if f == nil && !optional {
		b.complain(at, "unknown field %q of index %q%s", path, b.schema.Index, didYouMean(b.schema.Nearest(path)))
	}
	return f
}

// source returns where an option's values come from, and their field; nil after a complaint, or if the field may be absent.
func (b *binder) source(o option, at place) (*opSource, *record.Field) {
	if o.path == "_id" {
		return &opSource{id: true, name: "_id"}, b.schema.Field("_id")
	}
	if o.filter {
		return b.bagged(o, at)
	}
	f := b.schema.Field(o.path)
	if f == nil {
		if src, point := b.point(o, at); src != nil {
			return src, point
		}
		b.field(o.path, at, o.optional)
		return nil, nil
	}
	switch f.Kind {
	case record.Object, record.Nested:
		b.complain(at, "found %q, which holds objects; expected a field of values, or $each", o.path)
		return nil, nil
	case record.Flattened, record.Unknown, record.JSON:
		b.complain(at, "found %q, a field of type %s; expected a field of single values", o.path, f.Type)
		return nil, nil
	}
	s := b.scopeOf(f)
	return &opSource{scope: s.number, column: s.column(f.Path), name: f.Path}, f
}

// point returns a coordinate of a geo_point: path.lat or path.lon.
func (b *binder) point(o option, _ place) (*opSource, *record.Field) {
	path, axis, ok := cutLast(o.path)
	if !ok || axis != "lat" && axis != "lon" {
		return nil, nil
	}
	f := b.schema.Field(path)
	if f == nil || f.Type != "geo_point" {
		return nil, nil
	}
	s := b.scopeOf(f)
	return &opSource{scope: s.number, column: s.column(f.Path), name: o.path, axis: axis[1]}, f
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return path, "", false
	}
	return path[:i], path[i+1:], true
}

// bagged returns the source of a member of an object in a list.
func (b *binder) bagged(o option, at place) (*opSource, *record.Field) {
	list := b.field(o.path, at, o.optional)
	if list == nil {
		return nil, nil
	}
	if list.Kind != record.Nested && list.Kind != record.Object {
		b.complain(at, "found %q, a field of type %s; expected a list of objects", o.path, list.Type)
		return nil, nil
	}
	key := b.field(o.path+"."+o.key, at, o.optional)
	value := b.field(o.path+"."+o.member, at, o.optional)
	if key == nil || value == nil {
		return nil, nil
	}
	switch value.Kind {
	case record.Object, record.Nested, record.Flattened, record.Unknown, record.JSON:
		b.complain(at, "found %q, a field of type %s; expected a field of single values", value.Path, value.Type)
		return nil, nil
	}
	outer := b.scopeOf(list)
	g := b.bag(outer, list.Path)
	src := &opSource{bag: g, key: g.column(key.Path), column: g.column(value.Path), value: o.value,
		name: o.path + "[" + o.key + "=" + o.value + "]." + o.member}
	return src, value
}

// A bag is a list of objects in which some are looked up by a member.
type bag struct {
	number     int
	path       string
	from       *opSource
	fields     []string
	projection *record.Projection
}

func (g *bag) column(path string) int {
	if i := slices.Index(g.fields, path); i >= 0 {
		return i
	}
	g.fields = append(g.fields, path)
	return len(g.fields) - 1
}

func (b *binder) bag(outer *scope, path string) *bag {
	for _, g := range b.bags {
		if g.path == path && g.from.scope == outer.number {
			return g
		}
	}
	g := &bag{number: len(b.bags), path: path, from: &opSource{scope: outer.number, column: outer.column(path), name: path}}
	b.bags = append(b.bags, g)
	return g
}
