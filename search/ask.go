package search

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// asking is a question as it is put to the driver.
type asking struct {
	question     *Question
	warnings     jql.ErrorList
	indexes      []asked
	aggregations []*Aggregation
	first        int  // of its aggregations among those of all questions
	joined       bool // of several indexes is a metric that cannot be added up
	metric       int  // by which buckets are sorted, or sortByKey, sortByCount
}

const (
	sortByKey   = -1
	sortByCount = -2
)

// asked is what is asked of one index. An index that lacks a field has no value in any record.
type asked struct {
	groups  []int // for each group its place in the aggregation, or -1 if the field is not there
	metrics []int // for each metric likewise
	kept    bool  // buckets count, not only the total
	main    int   // the place of the aggregation
	outer   int   // that of the first group alone, or -1
	// Of the metrics that are joined of several indexes: the places of their numbers of values,
	// the fields of those made of the values themselves, and the places of the aggregations of these.
	numbers map[int]int
	tallies map[int]*record.Field
	values  map[int]int
}

// ask resolves a question.
func (x *Index) ask(ctx context.Context, who *access.Principal, q *Question) (*asking, error) {
	if q == nil {
		return nil, fmt.Errorf("%w: no question", ErrInvalid)
	}
	a := &asking{question: q}
	if err := a.sorting(); err != nil {
		return nil, err
	}
	r, err := x.resolve(ctx, who, &Query{JQL: q.JQL, Parse: q.Parse, Indexes: q.Indexes, Options: q.Options})
	if err != nil {
		return nil, err
	}
	a.warnings = r.warnings
	if err := a.known(r); err != nil {
		return nil, err
	}
	for _, t := range r.targets {
		if err := a.add(t, r); err != nil {
			return nil, err
		}
	}
	return a, a.alike()
}

func (a *asking) sorting() error {
	q := a.question
	if len(q.Groups) > 2 || q.Limit < 0 {
		return fmt.Errorf("%w: %d groups and a limit of %d", ErrInvalid, len(q.Groups), q.Limit)
	}
	if len(q.Metrics) > maxMetrics {
		return invalid("%d metrics, at most %d are allowed", len(q.Metrics), maxMetrics)
	}
	switch q.SortBy {
	case "", "key":
		a.metric = sortByKey
	case "count":
		a.metric = sortByCount
	default:
		n, err := strconv.Atoi(q.SortBy)
		if err != nil || n < 0 || n >= len(q.Metrics) || len(q.Groups) != 1 {
			return fmt.Errorf("%w: buckets cannot be sorted by %q", ErrInvalid, q.SortBy)
		}
		a.metric = n
	}
	return nil
}

// sortsOuter reports whether the buckets of the first of two groups must be known by themselves.
func (a *asking) sortsOuter() bool {
	return len(a.question.Groups) == 2 && (a.question.Limit > 0 || a.metric == sortByCount)
}

// known holds that each field is in at least one of the indexes.
func (a *asking) known(r *resolved) error {
	names := []string{}
	for _, g := range a.question.Groups {
		names = append(names, g.Name)
	}
	for _, m := range a.question.Metrics {
		if m.Name != "" || m.Op != "count" {
			names = append(names, m.Name)
		}
	}
	views := make([]*access.View, len(r.targets))
	for i, t := range r.targets {
		views[i] = t.view
	}
	for _, name := range names {
		found := false
		for _, t := range r.targets {
			f, err := exactField(t, name)
			if err != nil {
				return err
			}
			found = found || f != nil
		}
		if !found {
			return fmt.Errorf("%w %q%s", ErrUnknownField, name, didYouMean(views, name))
		}
	}
	return nil
}

// add puts the question to one index.
func (a *asking) add(t *target, r *resolved) error {
	q := a.question
	in := asked{kept: true, main: len(a.aggregations), outer: -1, numbers: map[int]int{}, tallies: map[int]*record.Field{}, values: map[int]int{}}
	g := &Aggregation{Plan: t.plan}
	for _, group := range q.Groups {
		if c := group.Calendar; c != nil && c.Zone == nil {
			group.Calendar = &Calendar{Unit: c.Unit, Zone: r.options.Zone, WeekStart: r.options.WeekStart}
		}
		var err error
		if group.Field, err = exactField(t, group.Name); err != nil {
			return err
		}
		if group.Field == nil {
			in.groups = append(in.groups, -1)
			in.kept = in.kept && group.Missing
			continue
		}
		in.groups = append(in.groups, len(g.Groups))
		g.Groups = append(g.Groups, group)
	}
	if err := a.addMetrics(g, &in, t, len(r.targets) > 1); err != nil {
		return err
	}
	outer := g.Groups[:min(1, len(g.Groups))]
	if !in.kept { // only the total is of interest, and the first of two groups
		g.Groups, g.Metrics, in.tallies, in.numbers = nil, nil, nil, nil
	}
	if err := g.Validate(); err != nil {
		return err
	}
	if len(r.targets) == 1 && len(q.Groups) == 1 && q.Limit > 0 && a.metric == sortByCount {
		g.Largest, g.Limit = true, q.Limit
	}
	a.aggregations = append(a.aggregations, g)
	if a.sortsOuter() && in.groups[0] >= 0 { // also if the field of the second group is not there
		in.outer = len(a.aggregations)
		a.aggregations = append(a.aggregations, &Aggregation{Plan: t.plan, Groups: outer})
	}
	a.addTallies(g, &in)
	a.indexes = append(a.indexes, in)
	return nil
}

// alike holds that the keys of a group mean the same in all indexes.
func (a *asking) alike() error {
	for i := range a.question.Groups {
		first := map[record.Kind]*Group{}
		for _, in := range a.indexes {
			if at := in.groups[i]; at < 0 || !in.kept {
				continue
			}
			g := &a.aggregations[in.main].Groups[in.groups[i]]
			one := first[g.Field.Kind]
			if one == nil {
				first[g.Field.Kind] = g
				continue
			}
			if err := alikeIn(one.Field, g.Field); err != nil {
				return fmt.Errorf("a group: %w", err)
			}
			if g.Calendar != nil && one.Field.DateOnly() != g.Field.DateOnly() && g.Calendar.zone() != time.UTC {
				return fmt.Errorf("a group: %w: %q holds days in some of the indexes and instants in others, which share their spans in UTC alone; ask them one by one, or in UTC",
					ErrInvalid, g.Field.Path)
			}
		}
	}
	return nil
}

func (a *asking) addMetrics(g *Aggregation, in *asked, t *target, several bool) error {
	for _, m := range a.question.Metrics {
		f, err := exactField(t, m.Name)
		if err != nil {
			return err
		}
		if f == nil && m.Name != "" {
			in.metrics = append(in.metrics, -1)
			continue
		}
		if several && (m.Op == "avg" || apart(m.Op)) {
			if err := a.addJoined(g, in, Metric{Op: m.Op, Field: f, Percent: m.Percent}); err != nil {
				return err
			}
			a.joined = true
			continue
		}
		in.metrics = append(in.metrics, len(g.Metrics))
		g.Metrics = append(g.Metrics, Metric{Op: m.Op, Field: f, Percent: m.Percent})
	}
	return nil
}

// exactField returns the field of whole values that a name stands for, or nil
// if the principal sees none.
func exactField(t *target, name string) (*record.Field, error) {
	if name == "" {
		return nil, nil
	}
	found := t.view.Schema().Lookup(name)
	switch {
	case len(found) == 0:
		return nil, nil
	case len(found) > 1:
		return nil, fmt.Errorf("%w %q: it may be %s or %s", ErrUnknownField, name, found[0].Path, found[1].Path)
	}
	if f := found[0].Exact(); f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%w: the text %q has no field of whole values", ErrInvalid, found[0].Path)
}
