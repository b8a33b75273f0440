package search

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A Query is a question as a person asks it. The zero Query is for every record
// of every index that the principal may see.
type Query struct {
	// JQL is the question.
	JQL string
	// Parse are the dialect and the limits of the text. If nil, the defaults.
	Parse *jql.ParseOptions
	// Indexes are the names of indexes, aliases and data streams, or patterns with *. If
	// empty, all. Each record counts once, however many of the names hold it: an alias of
	// which all indexes are asked by their own names is left out, and what
	// the principal may see of these counts. Names that have records in common otherwise are ErrInvalid.
	Indexes []string
	// Fields are the fields to return: paths, aliases or labels, or a pattern of
	// paths such as patient.*, in the order of the columns. If empty, every field that holds values and that the
	// principal may see. A field that some of the indexes lack is missing there.
	Fields []string
	// Options are the circumstances of the question. Their User does not count:
	// it is the principal. Their Now, if zero, is the clock's.
	Options jql.ResolveOptions
	// Seen is the instant for which the principal's own rules count, if they name relative dates, whatever
	// the question is as of: who backdates a question sees no more by it. If zero, it is the clock's. It never comes from who
	// asks; pages and checkpoints keep it.
	Seen time.Time
}

// A target is a query as it is put to one index.
type target struct {
	view    *access.View
	scope   plan.Node          // of the principal alone
	plan    *plan.Plan         // with the principal's scope
	shown   *record.Projection // what is returned
	read    *record.Projection // that, and what the order needs
	order   ordering
	masked  []bool // of the columns shown
	plain   bool   // all of the columns shown, and the ids, are shown as they are
	unnamed bool   // the name of the index is not shown
}

// resolved is a query with its meaning for every index it is put to.
type resolved struct {
	targets  []*target
	order    []plan.Sort // for comparing keys across indexes
	warnings jql.ErrorList
	options  jql.ResolveOptions
	seen     time.Time // Query.Seen
}

// resolve gives q its meaning as who asks it. With source, whole documents are wanted.
func (x *Index) resolve(ctx context.Context, who *access.Principal, q *Query) (*resolved, error) {
	if q == nil {
		q = &Query{}
	}
	r := &resolved{options: q.Options}
	if r.options.Now.IsZero() {
		r.options.Now = x.opts.Now()
	}
	rules := r.options
	if rules.Now = q.Seen; q.Seen.IsZero() {
		rules.Now = x.opts.Now()
	}
	rules.Now = rules.Now.Truncate(time.Millisecond)
	r.seen = rules.Now
	found, several, err := x.apart(ctx, who, q.Indexes, &rules)
	if err != nil {
		return nil, err
	}
	parsed, err := jql.Parse(q.JQL, q.Parse)
	if err != nil {
		return nil, err
	}
	r.options.User = who.User
	views := viewsOf(found)
	schemas := make([]*record.Schema, len(views))
	for i, v := range views {
		schemas[i] = v.Schema()
	}
	meaning, err := jql.Resolve(ctx, parsed, schemas, &r.options)
	if err != nil {
		return nil, err
	}
	r.warnings = meaning.Warnings
	if several { // then ids, and keys, are unique in each index alone
		for i, p := range meaning.Plans {
			p.Order = append(slices.Clone(p.Order), plan.Sort{Field: views[i].Full().Field("_index")})
		}
	}
	if r.order, err = commonOrder(meaning.Plans); err != nil {
		return nil, err
	}
	columns, err := chooseFields(views, q.Fields)
	if err != nil {
		return nil, err
	}
	for i, s := range found {
		t, err := x.newTarget(s, meaning.Plans[i], columns[i])
		if err != nil {
			return nil, err
		}
		r.targets = append(r.targets, t)
	}
	return r, nil
}

// newTarget joins the meaning of a query to what the principal may see.
func (x *Index) newTarget(s *seen, p *plan.Plan, columns []string) (t *target, err error) {
	v := s.View
	t = &target{view: v, scope: s.scope, plan: &plan.Plan{Schema: v.Full(), Where: plan.NewAnd(s.scope, p.Where), Order: p.Order}}
	if t.shown, err = v.Full().Project(columns...); err != nil {
		return nil, err
	}
	t.read, t.plain = t.shown, v.Plain()
	wanted := slices.Clone(columns)
	for _, s := range p.Order {
		if s.Field != nil && !isMeta(s.Field) && !slices.Contains(wanted, s.Field.Path) {
			wanted = append(wanted, s.Field.Path)
		}
	}
	if len(wanted) > len(columns) {
		if t.read, err = v.Full().Project(wanted...); err != nil {
			return nil, err
		}
	}
	if f := v.Full().Field("_index"); f != nil {
		t.unnamed = !v.Shown(f) || v.Masked(f)
	}
	for _, f := range t.shown.Fields() {
		t.masked = append(t.masked, v.Masked(f))
	}
	t.order.veil = newVeil(v, p.Order, x.seal.(sealer).veil)
	t.order.Order, err = eval.CompileOrder(t.plan, t.read)
	return t, err
}

// denied keeps to itself what an access rule says.
func (x *Index) denied(ctx context.Context, who *access.Principal, err error) error {
	if !errors.Is(err, access.ErrDenied) {
		return err
	}
	if x.opts.Denied != nil {
		x.opts.Denied(ctx, who, err)
	}
	return access.ErrDenied
}

func isMeta(f *record.Field) bool { return f.Path == "_id" || f.Path == "_index" }

// show returns what the principal may see of r, in out or as r itself. It is valid as long as r is.
func (t *target) show(r, out *record.Record) *record.Record {
	if t.plain && r.Projection() == t.shown {
		return r
	}
	out.Reset(t.shown)
	out.ID, out.Index = t.view.ID(r.ID), r.Index
	if t.unnamed {
		out.Index = ""
	}
	for i, f := range t.shown.Fields() {
		values := r.Values(i)
		if t.masked[i] {
			values = t.view.Mask(nil, f, values)
		}
		for _, v := range values {
			out.Append(i, v)
		}
	}
	return out
}

// commonOrder returns an order by which the keys of all plans compare.
func commonOrder(plans []*plan.Plan) ([]plan.Sort, error) {
	if len(plans) == 0 {
		return nil, nil
	}
	order := slices.Clone(plans[0].Order)
	for _, p := range plans[1:] {
		for i, s := range p.Order {
			if s.Field == nil {
				continue
			}
			if err := alikeIn(order[i].Field, s.Field); err != nil {
				return nil, fmt.Errorf("the order: %w", err)
			}
			if f := order[i].Field; f == nil || f.Kind != record.String { // how strings compare is their field's
				order[i].Field = s.Field
			}
		}
	}
	return order, nil
}

// alikeIn holds that the strings of a field count alike in two indexes: with or
// without regard to case. Otherwise they are neither in one order nor in the same buckets.
func alikeIn(one, other *record.Field) error {
	if one == nil || other == nil || one.Kind != record.String || other.Kind != record.String || one.FoldCase == other.FoldCase {
		return nil
	}
	return fmt.Errorf("%w: %q counts without regard to case in some of the indexes and with it in others; ask them one by one, or by another field",
		ErrInvalid, other.Path)
}

// chooseFields returns the paths of the columns of each view.
func chooseFields(views []*access.View, names []string) ([][]string, error) {
	columns := make([][]string, len(views))
	if len(names) == 0 {
		for i, v := range views {
			columns[i] = shownLeaves(v, func(string) bool { return true })
		}
		return columns, nil
	}
	for _, name := range names {
		found := false
		for i, v := range views {
			paths, err := fieldsNamed(v, name)
			if err != nil {
				return nil, err
			}
			for _, p := range paths {
				if !slices.Contains(columns[i], p) {
					columns[i] = append(columns[i], p)
				}
			}
			found = found || len(paths) > 0
		}
		if !found {
			return nil, fmt.Errorf("%w %q%s", ErrUnknownField, name, didYouMean(views, name))
		}
	}
	return columns, nil
}

// fieldsNamed returns the paths of the fields of a view that a name stands for.
func fieldsNamed(v *access.View, name string) ([]string, error) {
	if strings.Contains(name, "*") {
		if _, err := path.Match(name, ""); err != nil {
			return nil, fmt.Errorf("%w: the pattern %q of fields", ErrInvalid, name)
		}
		return shownLeaves(v, func(p string) bool {
			ok, err := path.Match(name, p)
			return ok && err == nil
		}), nil
	}
	found := v.Schema().Lookup(name)
	if len(found) == 0 { // only what is masked is not there
		found = v.Full().Lookup(name)
	}
	var paths []string
	for _, f := range found {
		if v.Shown(f) {
			paths = append(paths, f.Path)
		}
	}
	if len(paths) > 1 {
		return nil, fmt.Errorf("%w %q: it may be %s", ErrUnknownField, name, strings.Join(paths, " or "))
	}
	return paths, nil
}

// shownLeaves returns the paths of the fields that hold values and may be
// shown: no objects, and of a text only itself.
func shownLeaves(v *access.View, fits func(path string) bool) []string {
	var paths []string
	for f := range v.Full().All() {
		switch f.Kind {
		case record.Object, record.Nested:
			continue
		}
		if f.Path == f.Source && v.Shown(f) && fits(f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func didYouMean(views []*access.View, name string) string {
	for _, v := range views {
		if near := v.Schema().Nearest(name); near != "" && near != name {
			return fmt.Sprintf("; did you mean %q?", near)
		}
	}
	return ""
}
