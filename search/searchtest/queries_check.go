package searchtest

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A question is a query with its plan, for the corpus of one run.
type question struct {
	query
	plan *plan.Plan
}

// questions returns the queries that have a plan for the server under test.
func (s *suite) questions(t tb) (all []question) {
	t.Helper()
	if s.asked != nil {
		return s.asked
	}
	defer func() { s.asked = all }()
	refused, absent := 0, 0
	whole := newCorpus(t, "whole", nil).schema
	for _, q := range allQueries(t) {
		p, code, err := q.resolve(s.corpus.schema)
		require.NoError(t, err)
		switch {
		case p != nil && (len(s.corpus.absent) == 0 || s.answerable(t, q, p, whole)):
			all = append(all, question{q, p})
		case len(s.corpus.absent) > 0 && code == "unknown_field" || p != nil:
			absent++
		default:
			refused++
		}
	}
	require.GreaterOrEqual(t, len(all), 500)
	t.Logf("%d queries; besides, the language refuses %d, and %d ask for a field that is left out", len(all), refused, absent)
	return all
}

// answerable reports whether the plan is that of the whole mapping, so that
// no part of it has gone with a field.
func (s *suite) answerable(t tb, q query, p *plan.Plan, whole *record.Schema) bool {
	t.Helper()
	full, _, err := q.resolve(whole)
	require.NoError(t, err)
	return full != nil && full.String() == p.String()
}

// queries checks that the records that Read returns are those of package eval, in the same
// order, and that Count counts them, exactly and up to a limit.
func (s *suite) queries(t tb) {
	v := s.judge(t)
	defer v.close()
	projections := s.projections(t)
	all := s.questions(t)
	side(tenth(all), func(i int, q question) {
		want, err := s.corpus.ask(q.plan)
		if err != nil {
			v.wrong("%s: %v", q, err)
			return
		}
		s.checks.queries.Add(1)
		s.checkRead(t, v, q, want, &search.Read{Plan: q.plan, Columns: projections[i%len(projections)]}, 0)
		if i%3 != 0 {
			s.checkCount(t, v, q, int64(len(want.records)), []int64{0, 1, 7, 1000}[i%4])
		}
	})
}

// projections are columns to ask for in turn: few, none, the record's own, parts of objects.
func (s *suite) projections(t tb) (all []*record.Projection) {
	t.Helper()
	for _, paths := range [][]string{{"code", "age"}, {}, {"_id", "seen"}, {"contacts.age", "weight"}, {"name.keyword", "labels", "_index"}} {
		p, err := s.corpus.schema.Project(paths...)
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// checkRead asks r and compares the IDs with those of want from the one at start on.
func (s *suite) checkRead(t tb, v *verdict, q question, want *answer, r *search.Read, start int) {
	s.checks.all.Add(1)
	end := len(want.records)
	start = min(start, end)
	if r.Limit > 0 {
		end = min(end, start+r.Limit)
	}
	got, err := ids(s.driver.Read(t.Context(), r))
	if err != nil {
		v.wrong("%s\n%s\nread %+v: %v", q, indent(q.plan), *r, err)
		return
	}
	if diff := s.corpus.differ(idsOf(want.records[start:end]), got); diff != "" {
		v.wrong("%s\n%s\nafter %v skip %d limit %d: %s", q, indent(q.plan), r.After, r.Skip, r.Limit, diff)
	}
}

func (s *suite) checkCount(t tb, v *verdict, q question, want, limit int64) {
	s.checks.all.Add(1)
	got, err := s.driver.Count(t.Context(), q.plan, limit)
	switch {
	case err != nil:
		v.wrong("%s\n%s\ncount up to %d: %v", q, indent(q.plan), limit, err)
	case limit > 0 && want >= limit && (got < limit || got > want), (limit == 0 || want < limit) && got != want:
		v.wrong("%s\n%s\ncount up to %d is %d, want %d", q, indent(q.plan), limit, got, want)
	}
}

func indent(p *plan.Plan) string { return "  " + strings.ReplaceAll(p.String(), "\n", "\n  ") }
