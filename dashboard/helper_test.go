package dashboard

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/jql"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// testRoles are roles by what they may do. They see nothing: a share is no matter of sight.
var testRoles = map[string][]access.Permission{
	"viewer":  {access.MayView},
	"analyst": {access.MayView, access.MayShare},
	"steward": {access.MayView, access.MayAdmin},
	"admin":   {access.MayView, access.MayShare, access.MayAdmin},
	"blind":   {access.MayShare, access.MayExport, access.MayAudit},
}

// secret stands in queries that only who has the role admin may ask.
const secret = "secret = 1"

// checkQuery parses, and knows the field secret to administrators alone.
func checkQuery(_ context.Context, who *access.Principal, text string, _ []string) error {
	if _, err := jql.Parse(text, nil); err != nil {
		return err
	}
	if text == secret && who.Roles[0] != "admin" {
		return errUnknownField
	}
	return nil
}

var errUnknownField = fmt.Errorf("unknown field %q", "secret")

var start = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

// newFilters returns filters over a driver, with a clock that goes by a second each time it is looked at, and
// ids that count from 1.
func newFilters(t *testing.T, driver docstore.Driver) *Filters {
	t.Helper()
	roles := map[string]access.Role{}
	for name, may := range testRoles {
		roles[name] = access.Role{Permissions: may}
	}
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	if driver == nil {
		driver = memdoc.New()
	}
	var ticks, ids atomic.Int64
	return NewFilters(docstore.New(driver), policy, checkQuery, &Options{
		Now:   func() time.Time { return start.Add(time.Duration(ticks.Add(1)-1) * time.Second) },
		NewID: func() string { return fmt.Sprint("f", ids.Add(1)) },
	})
}

// person returns a user of tenant pb.
func person(user, role string, groups ...string) *access.Principal {
	return &access.Principal{User: user, Tenant: "pb", Roles: []string{role}, Groups: groups}
}

func mustCreate(t *testing.T, s *Filters, who *access.Principal, f *Filter) *Filter {
	t.Helper()
	made, err := s.Create(t.Context(), who, f)
	require.NoError(t, err)
	return made
}

// seed stores a filter of tenant pb without looking whether its name is free.
func seed(t *testing.T, s *Filters, f *Filter) *docstore.Document {
	t.Helper()
	body, err := encodeBody(f.body())
	require.NoError(t, err)
	d, err := s.store.Put(t.Context(), &docstore.Document{
		Key: docstore.Key{Tenant: "pb", Kind: "filters", ID: f.ID}, Name: sortName(f.Name), Labels: f.sharing().labels(), Body: body,
	}, 0)
	require.NoError(t, err)
	return d
}

// withUser is a share with one user.
func withUser(id string, level Level) SharePermission {
	return SharePermission{Type: "user", ID: id, Permission: level}
}

// names are those of the filters, in order.
func names(page *FilterPage) []string {
	all := []string{}
	for _, f := range page.Filters {
		all = append(all, f.Name)
	}
	return all
}
