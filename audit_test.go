package dhr_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

var (
	admin   = &access.Principal{User: "admin", Tenant: "pb", Roles: []string{"ADMIN"}}
	analyst = &access.Principal{User: "analyst", Tenant: "pb", Roles: []string{"ANALYST"}}
	foreign = &access.Principal{User: "foreign", Tenant: "mz", Roles: []string{"ADMIN"}}
	nobody  = &access.Principal{User: "nobody", Tenant: "pb"}
)

// newAudited returns a service over one index of one record, and a function that returns what was noted since it was last called.
func newAudited(t *testing.T) (*dhr.Service, func(tenant string) []audit.Entry) {
	t.Helper()
	engine := memsearch.New()
	schema, err := record.ParseSchema("visits", []byte(`{"mappings":{"properties":{"age":{"type":"integer"},"ward":{"type":"keyword"}}}}`))
	require.NoError(t, err)
	require.NoError(t, engine.Create(t.Context(), schema))
	all, err := schema.ProjectAll()
	require.NoError(t, err)
	_, err = engine.Load(t.Context(), schema, func(yield func(*search.Document) bool) {
		for r, err := range record.ReadNDJSON(strings.NewReader(`{"_id":"v1","_source":{"age":5,"ward":"A"}}`), "visits", all) {
			require.NoError(t, err)
			yield(&search.Document{Record: r, Place: 1})
		}
	}, nil)
	require.NoError(t, err)
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	store := docstore.New(memdoc.New())
	trail := audit.Open(store, nil)
	t.Cleanup(func() { require.NoError(t, trail.Close()) })
	s, err := dhr.New(t.Context(), dhr.Config{Engine: engine, Policy: policy, Store: store, Audit: trail})
	require.NoError(t, err)
	seen := int64(0)
	return s, func(tenant string) []audit.Entry {
		t.Helper()
		list, err := trail.List(t.Context(), &audit.Query{Tenant: tenant})
		require.NoError(t, err)
		var fresh []audit.Entry
		for _, e := range list {
			if e.Seq > seen {
				fresh = append(fresh, e)
			}
		}
		if len(fresh) > 0 {
			seen = fresh[0].Seq
		}
		return fresh
	}
}

// line says of an entry who did what, and how it ended.
func line(e audit.Entry) string {
	return strings.Join([]string{e.User, e.Action, e.Object, e.Detail["outcome"]}, " ")
}

// Whatever was asked or changed is noted once, also what was refused.
func TestWhatIsNoted(t *testing.T) {
	t.Parallel()
	s, noted := newAudited(t)
	ctx := t.Context()
	f, err := s.Filters().Create(ctx, analyst, &dashboard.Filter{Name: "n", JQL: "age = 5", SharePermissions: []dashboard.SharePermission{{Type: "user", ID: "ravi", Permission: dashboard.Read}}})
	require.NoError(t, err)
	id := "filter/" + f.ID
	one := noted("pb")
	require.Len(t, one, 2)
	require.Equal(t, "analyst filter.create filter/ begun", line(one[1]))
	require.Equal(t, "analyst filter.create "+id+" done", line(one[0]))
	require.Equal(t, map[string]string{"outcome": "done", "version": "1", "owner": "analyst", "shares": "user:ravi:read"}, one[0].Detail)
	for want, do := range map[string]func() error{
		"admin query.run visits done": func() error {
			_, err := s.Query(ctx, admin, &search.Query{Indexes: []string{"visits"}}, nil)
			return err
		},
		"nobody query.run * denied":   func() error { _, err := s.Query(ctx, nobody, nil, nil); return err },
		"admin query.run none denied": func() error { _, err := s.Query(ctx, admin, &search.Query{Indexes: []string{"none"}}, nil); return err },
		"admin query.run * failed":    func() error { _, err := s.Query(ctx, admin, &search.Query{JQL: "age >"}, nil); return err },
		"admin query.run a\ufffdb\ufffd denied": func() error {
			_, err := s.Query(ctx, admin, &search.Query{Indexes: []string{"a\nb\xff"}}, nil)
			return err
		},
		"admin values.read visits done": func() error {
			_, err := s.Suggest(ctx, admin, []string{"visits"}, "age", "", 10)
			return err
		},
		"admin values.read * done": func() error {
			found, err := s.Complete(ctx, admin, "ward = ", 7)
			require.Contains(t, found, jql.Completion{Text: "A", Kind: "value", Replace: jql.Span{Start: 7, End: 7}})
			return err
		},
		"nobody values.read * denied":            func() error { _, err := s.Suggest(ctx, nobody, nil, "age", "", 10); return err },
		"admin record.read visits/v1 done":       func() error { _, err := s.Record(ctx, admin, "visits", "v1"); return err },
		"nobody record.read visits/v1 denied":    func() error { _, err := s.Record(ctx, nobody, "visits", "v1"); return err },
		"nobody query.run " + id + " denied":     func() error { _, err := s.Filters().Query(ctx, nobody, f.ID); return err },
		"admin query.run filter/a\ufffd denied":  func() error { _, err := s.Filters().Query(ctx, admin, "a\x00"); return err },
		"nobody filter.delete " + id + " denied": func() error { return s.Filters().Delete(ctx, nobody, f.ID, 0) },
		"analyst filter.change " + id + " failed": func() error {
			_, err := s.Filters().Patch(ctx, analyst, f.ID, []byte(`{"name":""}`), 0)
			return err
		},
	} {
		if err := do(); strings.HasSuffix(want, " done") {
			require.NoError(t, err, want)
		} else {
			require.Error(t, err, want)
		}
		got := noted("pb")
		entries := 1
		if strings.Contains(want, " filter.") { // that it was begun is noted besides
			entries = 2
		}
		require.Len(t, got, entries, want)
		require.Equal(t, want, line(got[0]))
	}
	_, err = s.Filters().Query(ctx, foreign, f.ID)
	require.ErrorIs(t, err, dashboard.ErrNotFound)
	got := noted("mz")
	require.Len(t, got, 1)
	require.Equal(t, "foreign query.run "+id+" denied", line(got[0]))
}

// Whoever sees a filter from now on is noted, whatever the change was called.
func TestSharesAreNoted(t *testing.T) {
	t.Parallel()
	s, noted := newAudited(t)
	ctx := t.Context()
	f, err := s.Filters().Create(ctx, analyst, &dashboard.Filter{Name: "n", JQL: "age = 5"})
	require.NoError(t, err)
	_, err = s.Filters().Patch(ctx, analyst, f.ID, []byte(`{"share_permissions":[{"type":"public","permission":"write"},{"type":"group","id":"g","permission":"read"}]}`), 0)
	require.NoError(t, err)
	require.Equal(t, "public::write group:g:read", noted("pb")[0].Detail["shares"])
	var many []dashboard.SharePermission
	for i := range 200 {
		many = append(many, dashboard.SharePermission{Type: "user", ID: strings.Repeat("é", i+1), Permission: dashboard.Read})
	}
	_, err = s.Filters().SetPermissions(ctx, analyst, f.ID, many[:100], 0)
	require.NoError(t, err)
	first := noted("pb")[0].Detail["shares"]
	require.Regexp(t, `^user:é:read .*…[0-9a-f]{16}$`, first)
	_, err = s.Filters().SetPermissions(ctx, analyst, f.ID, many[:99], 0)
	require.NoError(t, err)
	require.NotEqual(t, first, noted("pb")[0].Detail["shares"])
}

// What was done is noted although who did it has gone.
func TestWhoHasGoneIsNoted(t *testing.T) {
	t.Parallel()
	s, noted := newAudited(t)
	f, err := s.Filters().Create(t.Context(), analyst, &dashboard.Filter{Name: "n", JQL: "age = 5"})
	require.NoError(t, err)
	noted("pb")
	gone, cancel := context.WithCancel(dhr.WithAddress(t.Context(), netip.MustParseAddr("192.0.2.7")))
	cancel()
	_, err = s.Query(gone, admin, nil, nil)
	require.Error(t, err)
	err = s.Filters().Delete(gone, analyst, f.ID, 0)
	got := noted("pb")
	require.Len(t, got, 3, err)
	require.Equal(t, "192.0.2.7", got[0].Address)
}

// A name that the audit does not take as it is keeps nobody from asking.
func TestLongNamesAreNoted(t *testing.T) {
	t.Parallel()
	s, noted := newAudited(t)
	long := &access.Principal{User: strings.Repeat("u", 256), Tenant: "pb", Roles: []string{"ADMIN"}}
	_, err := s.Query(t.Context(), long, nil, nil)
	require.NoError(t, err)
	require.Regexp(t, `^u+…[0-9a-f]{16}$`, noted("pb")[0].User)
}

// What cannot be noted is not done.
func TestWhatCannotBeNotedIsNotDone(t *testing.T) {
	t.Parallel()
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	store := docstore.New(memdoc.New())
	trail := audit.Open(store, nil)
	engine := memsearch.New()
	schema, err := record.ParseSchema("visits", []byte(`{"mappings":{"properties":{"age":{"type":"integer"},"ward":{"type":"keyword"}}}}`))
	require.NoError(t, err)
	require.NoError(t, engine.Create(t.Context(), schema))
	s, err := dhr.New(t.Context(), dhr.Config{Engine: engine, Policy: policy, Store: store, Audit: trail})
	require.NoError(t, err)
	f, err := s.Filters().Create(t.Context(), analyst, &dashboard.Filter{Name: "n"})
	require.NoError(t, err)
	require.NoError(t, trail.Close())
	_, err = s.Filters().Create(t.Context(), analyst, &dashboard.Filter{Name: "m"})
	require.Error(t, err)
	require.Error(t, s.Filters().Delete(t.Context(), analyst, f.ID, 0))
	page, err := s.Filters().List(t.Context(), analyst, nil)
	require.NoError(t, err)
	require.Len(t, page.Filters, 1)
	require.Equal(t, "n", page.Filters[0].Name)
}
