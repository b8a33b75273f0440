package search

import (
	"context"
	"fmt"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
)

// Identity returns a text that two questions share only if they have the same answer, as long as no record changes: whoever
// asks them, they are for the same records, of which they see the same. It is for those who keep answers for a while. The error is that with
// which Aggregate would refuse the question, before an engine is asked.
func (x *Index) Identity(ctx context.Context, who *access.Principal, q *Question) (string, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	a, err := x.ask(ctx, who, q)
	if err != nil {
		return "", x.wrap(ctx, "identify", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %v limit %d sort %q\n", q.JQL, q.Indexes, a.joined, q.Limit, q.SortBy)
	for _, g := range q.Groups {
		b.WriteString(g.identity())
	}
	for _, m := range q.Metrics {
		fmt.Fprintf(&b, "metric %q %q %v\n", m.Op, m.Name, m.Percent)
	}
	for _, in := range a.indexes {
		fmt.Fprintf(&b, "index %v %v %v %d %v %v\n", in.groups, in.metrics, in.kept, in.outer, in.numbers, in.values)
	}
	for _, one := range a.aggregations {
		fmt.Fprintf(&b, "ask %q %v %d\n%s\n", one.Plan.Schema.Index, one.Largest, one.Limit, one.Plan)
		for _, g := range one.Groups {
			b.WriteString(g.identity())
		}
		for _, m := range one.Metrics {
			fmt.Fprintf(&b, "metric %q %s %v\n", m.Op, pathOf(m.Field), m.Percent)
		}
	}
	return b.String(), nil
}

// identity is everything about a group that changes its buckets.
func (g *Group) identity() string {
	calendar := ""
	if c := g.Calendar; c != nil {
		zone := ""
		if c.Zone != nil {
			zone = c.Zone.String()
		}
		calendar = fmt.Sprintf("%q %q %d", c.Unit, zone, c.WeekStart)
	}
	return fmt.Sprintf("group %q %s %s %v %q %v\n", g.Name, pathOf(g.Field), calendar, g.Width, g.Prefix, g.Missing)
}

func pathOf(f *record.Field) string {
	if f == nil {
		return "-"
	}
	return fmt.Sprintf("%q %v %v", f.Path, f.Kind, f.FoldCase)
}

// PageIdentity is [Index.Identity] of the first page of a query: two queries share it only if they find the same records in the same
// order, and show the same of them. The error is that with which Page would refuse the query.
func (x *Index) PageIdentity(ctx context.Context, who *access.Principal, q *Query) (string, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	r, err := x.resolve(ctx, who, q)
	if err != nil {
		return "", x.wrap(ctx, "identify", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %q\n", who.Tenant, q.JQL, q.Indexes, q.Fields)
	for _, t := range r.targets {
		fmt.Fprintf(&b, "read %q %v\n%s\n", t.plan.Schema.Index, t.unnamed, t.plan)
		for _, f := range t.shown.Fields() {
			fmt.Fprintf(&b, "column %q %s\n", f.Path, treatmentText(t.view.Treatment(f)))
		}
		for _, name := range []string{"_id", "_index"} {
			if f := t.view.Full().Field(name); f != nil {
				fmt.Fprintf(&b, "%s %s\n", name, treatmentText(t.view.Treatment(f)))
			}
		}
	}
	return b.String(), nil
}
