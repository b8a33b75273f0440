package dhr_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/search"
)

func asking(role string) *access.Principal {
	return &access.Principal{User: strings.ToLower(role), Tenant: "pb", Roles: []string{role}, Attributes: map[string][]string{"patient_id": {"P1"}}}
}

// serve returns a service over three visits, and its audit.
func serve(t *testing.T, change func(*dhr.Config)) (*dhr.Service, *audit.Log) {
	t.Helper()
	records, err := threeVisits(t.Context())
	require.NoError(t, err)
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	store := docstore.New(memdoc.New())
	trail := audit.Open(store, nil)
	c := dhr.Config{
		Engine: records, Policy: policy, Store: store, Audit: trail,
		Now: func() time.Time { return time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC) },
	}
	if change != nil {
		change(&c)
	}
	s, err := dhr.New(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		_ = trail.Close() // some tests have closed it
	})
	return s, trail
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	_, err := dhr.New(t.Context(), dhr.Config{})
	require.ErrorContains(t, err, "an engine and a policy")
}

// What needs a permission is refused without it, and tells which.
func TestPermissions(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, nil)
	ctx, nobody := t.Context(), &access.Principal{User: "nobody", Tenant: "pb"}
	q := &search.Query{}
	for name, ask := range map[string]func(who *access.Principal) error{
		"query":    func(who *access.Principal) error { _, err := s.Query(ctx, who, q, nil); return err },
		"validate": func(who *access.Principal) error { _, err := s.Validate(ctx, who, q); return err },
		"compile":  func(who *access.Principal) error { _, err := s.Compile(ctx, who, q, "plan", 1); return err },
		"complete": func(who *access.Principal) error { _, err := s.Complete(ctx, who, "", 0); return err },
		"suggest":  func(who *access.Principal) error { _, err := s.Suggest(ctx, who, nil, "age", "", 1); return err },
		"indexes":  func(who *access.Principal) error { _, err := s.Indexes(ctx, who); return err },
		"schemas":  func(who *access.Principal) error { _, err := s.Schemas(ctx, who); return err },
		"record":   func(who *access.Principal) error { _, err := s.Record(ctx, who, "visits", "V1"); return err },
	} {
		for _, who := range []*access.Principal{nobody, nil} {
			err := ask(who)
			require.ErrorIs(t, err, dhr.ErrForbidden, name)
			require.ErrorContains(t, err, "view", name)
		}
	}
	_, err := s.Audit(ctx, asking("ANALYST"), audit.Query{})
	require.ErrorIs(t, err, dhr.ErrForbidden)
	require.ErrorContains(t, err, "audit")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, nil)
	v, err := s.Validate(t.Context(), asking("ANALYST"), &search.Query{JQL: "age>3 and date<=-1w"})
	require.NoError(t, err)
	require.Empty(t, v.Errors)
	require.Equal(t, `age > 3 AND "date" <= -1w`, v.Canonical)
	v, err = s.Validate(t.Context(), asking("ANALYST"), &search.Query{JQL: "nome = 3"})
	require.NoError(t, err)
	require.NotEmpty(t, v.Errors)
	require.Equal(t, "nome = 3", v.Canonical)
	_, err = s.Validate(t.Context(), asking("ANALYST"), &search.Query{Indexes: []string{"none"}})
	require.ErrorIs(t, err, search.ErrUnknownIndex)
}

func TestCompile(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, func(c *dhr.Config) {
		c.Compilers = map[string]dhr.Compiler{"words": func(_ context.Context, p *plan.Plan, limit int) (any, error) {
			return strings.Fields(p.Where.String())[:1], nil
		}}
	})
	require.Equal(t, []string{"plan", "words"}, s.Targets())
	got, err := s.Compile(t.Context(), asking("PATIENT"), &search.Query{JQL: "age > 3"}, "words", 5)
	require.NoError(t, err)
	require.Equal(t, []string{"range"}, got[0].Query)
	require.NotContains(t, got[0].Plan, "P1", "the rules of the role are not shown")
	_, err = s.Compile(t.Context(), asking("PATIENT"), &search.Query{}, "oracle", 5)
	require.ErrorIs(t, err, dhr.ErrUnknownTarget)
}

// Every question and every change is noted: who, from where, what, how many records, and how it ended.
func TestAudit(t *testing.T) {
	t.Parallel()
	s, trail := serve(t, nil)
	ctx := dhr.WithAddress(t.Context(), netip.MustParseAddr("10.1.2.3"))
	who := asking("ANALYST")
	_, err := s.Query(ctx, who, &search.Query{JQL: "age < 5"}, nil)
	require.NoError(t, err)
	_, err = s.Query(ctx, who, &search.Query{JQL: "age <"}, nil)
	require.Error(t, err)
	_, err = s.Query(ctx, &access.Principal{User: "x", Tenant: "pb"}, nil, nil)
	require.ErrorIs(t, err, dhr.ErrForbidden)
	f, err := s.Filters().Create(ctx, who, &dashboard.Filter{Name: "children", JQL: "age < 5"})
	require.NoError(t, err)
	_, err = s.Filters().SetPermissions(ctx, who, f.ID, []dashboard.SharePermission{{Type: "public", Permission: dashboard.Read}}, 0)
	require.NoError(t, err)
	require.ErrorIs(t, s.Filters().Delete(ctx, asking("EXPORTER"), f.ID, 0), dashboard.ErrForbidden)

	entries, err := s.Audit(ctx, asking("ADMIN"), audit.Query{})
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		require.Equal(t, "10.1.2.3", e.Address)
		got = append(got, strings.Join([]string{e.User, e.Action, e.Detail["outcome"]}, " "))
	}
	require.Equal(t, []string{
		"exporter filter.delete denied", "exporter filter.delete begun", "analyst filter.share done", "analyst filter.share begun",
		"analyst filter.create done", "analyst filter.create begun",
		"x query.run denied", "analyst query.run failed", "analyst query.run done",
	}, got)
	require.EqualValues(t, 2, entries[8].Count)
	require.NotContains(t, entries[8].Detail["query"], "age", "the text may name persons")
	report, err := trail.Verify(ctx, nil)
	require.NoError(t, err)
	require.Nil(t, report.Break)
	require.EqualValues(t, 9, report.Entries)

	foreign := asking("ADMIN")
	foreign.Tenant = "mz"
	entries, err = s.Audit(ctx, foreign, audit.Query{Tenant: "pb"})
	require.NoError(t, err)
	require.Empty(t, entries, "a tenant sees its own")
}

// What cannot be noted is not answered.
func TestAuditFailsClosed(t *testing.T) {
	t.Parallel()
	s, trail := serve(t, nil)
	require.NoError(t, trail.Close())
	page, err := s.Query(t.Context(), asking("ANALYST"), nil, nil)
	require.ErrorIs(t, err, audit.ErrClosed)
	require.Nil(t, page)
}

// Groups come from the host's directory, and the host's functions are known.
func TestCircumstances(t *testing.T) {
	t.Parallel()
	errNoGroup := errors.New("no such group")
	s, _ := serve(t, func(c *dhr.Config) {
		c.Members = func(_ context.Context, group string) ([]string, error) {
			if group != "siblings" {
				return nil, errNoGroup
			}
			return []string{"P2", "P9"}, nil
		}
	})
	page, err := s.Query(t.Context(), asking("ADMIN"), &search.Query{JQL: `patient_id IN membersOf(siblings) AND date >= startOfMonth()`}, nil)
	require.NoError(t, err)
	require.Len(t, page.Records, 1)
	require.Equal(t, "V2", page.Records[0].ID)
	_, err = s.Query(t.Context(), asking("ADMIN"), &search.Query{JQL: `patient_id IN membersOf(none)`}, nil)
	require.Error(t, err)
}
