package dashboard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
)

// relations are how one who asks stands to a filter of olga's, in tenant pb.
var relations = []struct {
	name   string
	share  *SharePermission // with ravi, a group of his, or all
	user   string
	tenant string
}{
	{name: "owner", user: "olga", tenant: "pb"},
	{"user read", &SharePermission{"user", "ravi", Read}, "ravi", "pb"},
	{"user write", &SharePermission{"user", "ravi", Write}, "ravi", "pb"},
	{"user admin", &SharePermission{"user", "ravi", Admin}, "ravi", "pb"},
	{"group read", &SharePermission{"group", "nurses", Read}, "ravi", "pb"},
	{"group write", &SharePermission{"group", "nurses", Write}, "ravi", "pb"},
	{"group admin", &SharePermission{"group", "nurses", Admin}, "ravi", "pb"},
	{"public read", &SharePermission{"public", "", Read}, "ravi", "pb"},
	{"public write", &SharePermission{"public", "", Write}, "ravi", "pb"},
	{"public admin", &SharePermission{"public", "", Admin}, "ravi", "pb"},
	{"other user", &SharePermission{"user", "nurses", Admin}, "ravi", "pb"},
	{"other group", &SharePermission{"group", "ravi", Admin}, "ravi", "pb"},
	{name: "stranger", user: "ravi", tenant: "pb"},
	{name: "owner, elsewhere", user: "olga", tenant: "hr"},
	{"user, elsewhere", &SharePermission{"user", "ravi", Admin}, "ravi", "hr"},
	{"group, elsewhere", &SharePermission{"group", "nurses", Admin}, "ravi", "hr"},
	{"public, elsewhere", &SharePermission{"public", "", Admin}, "ravi", "hr"},
}

// actions are what may be done with a filter, which is also shared with old.
var actions = []struct {
	name    string
	changes bool
	do      func(context.Context, *Filters, *access.Principal, *Filter) error
}{
	{"get", false, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.Get(ctx, who, f.ID)
		return err
	}},
	{"list", false, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		page, err := s.List(ctx, who, nil)
		if err == nil && page.Total == 0 {
			return ErrNotFound
		}
		return err
	}},
	{"run", false, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		q, err := s.Query(ctx, who, f.ID)
		if err == nil && q.JQL != f.JQL {
			return errors.New("another question")
		}
		return err
	}},
	{"copy", false, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.Copy(ctx, who, f.ID, "")
		return err
	}},
	{"favour", false, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		return s.SetFavourite(ctx, who, f.ID, true)
	}},
	{"replace", true, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.Replace(ctx, who, f.ID, &Filter{Name: "new", JQL: "a = 2"}, f.Version)
		return err
	}},
	{"patch", true, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.Patch(ctx, who, f.ID, []byte(`{"description": "new"}`), f.Version)
		return err
	}},
	{"share", true, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.SetPermissions(ctx, who, f.ID, append(f.SharePermissions, withUser("new", Read)), f.Version)
		return err
	}},
	{"raise", true, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.Patch(ctx, who, f.ID, []byte(`{"share_permissions": [{"type": "user", "id": "old", "permission": "write"}]}`), f.Version)
		return err
	}},
	{"unshare", true, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.Replace(ctx, who, f.ID, &Filter{Name: f.Name, JQL: f.JQL, SharePermissions: f.SharePermissions[1:]}, f.Version)
		return err
	}},
	{"give", true, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		_, err := s.ChangeOwner(ctx, who, f.ID, "new", f.Version)
		return err
	}},
	{"delete", true, func(ctx context.Context, s *Filters, who *access.Principal, f *Filter) error {
		return s.Delete(ctx, who, f.ID, f.Version)
	}},
}

// TestSharing holds the whole table of who may do what, and that what is refused changes nothing.
func TestSharing(t *testing.T) {
	t.Parallel()
	row := []string{"role", "relation"}
	for _, a := range actions {
		row = append(row, a.name)
	}
	table := [][]string{{"yes: allowed; no: forbidden; -: not found."}, {}, row}
	for _, role := range []string{"viewer", "analyst", "steward", "admin", "blind"} {
		table = append(table, nil)
		for i, r := range relations {
			row := []string{role, r.name}
			for j := range actions {
				row = append(row, tryAction(t, role, i, j))
			}
			table = append(table, row)
		}
	}
	got := layOut(table)
	const file = "testdata/sharing.txt"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// layOut returns a table in columns that people can read.
func layOut(table [][]string) string {
	var b strings.Builder
	for _, row := range table {
		line := strings.Join(row, "")
		if len(row) > 1 {
			line = fmt.Sprintf("%-8s%-19s", row[0], row[1])
			for _, cell := range row[2:] {
				line += fmt.Sprintf("%-9s", cell)
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// tryAction returns the cell of the table.
func tryAction(t *testing.T, role string, relation, action int) string {
	t.Helper()
	s, r, a := newFilters(t, nil), relations[relation], actions[action]
	olga := person("olga", "analyst")
	in := &Filter{Name: "n", JQL: "a = 1", SharePermissions: []SharePermission{withUser("old", Read)}}
	if r.share != nil {
		in.SharePermissions = append(in.SharePermissions, *r.share)
	}
	f := mustCreate(t, s, olga, in)
	who := &access.Principal{User: r.user, Tenant: r.tenant, Roles: []string{role}, Groups: []string{"x", "nurses"}}
	err := a.do(t.Context(), s, who, f)

	now, gone := s.Get(t.Context(), person("chief", "admin"), f.ID)
	changed := gone != nil || now.Version != f.Version
	require.Equal(t, a.changes && err == nil, changed, "%s, %s, %s: %v", role, r.name, a.name, err)
	favourites, broken := s.favourites(t.Context(), who)
	require.NoError(t, broken)
	require.Equal(t, a.name == "favour" && err == nil, len(favourites) > 0)
	switch {
	case err == nil:
		return "yes"
	case errors.Is(err, ErrForbidden):
		return "no"
	case errors.Is(err, ErrNotFound):
		return "-"
	}
	t.Errorf("%s, %s, %s: %v", role, r.name, a.name, err)
	return "?"
}

// TestLevels holds what is right for a filter and what listings find it by against each other: whatever
// the shares, a principal finds by labels exactly what it may read.
func TestLevels(t *testing.T) {
	t.Parallel()
	for _, r := range relations {
		var of sharing
		of.owner = "olga"
		if r.share != nil {
			of.shares = []SharePermission{*r.share}
		}
		who := &access.Principal{User: r.user, Groups: []string{"x", "nurses", "", "\x00", strings.Repeat("g", 256)}}
		labels := append(sharedLabels(who), "owner:"+who.User)
		found := slices.ContainsFunc(labels, func(l string) bool { return slices.Contains(of.labels(), l) })
		require.Equal(t, of.level(who) != "", found, r.name)
	}
}

// TestHighestLevel holds that of several shares the highest counts.
func TestHighestLevel(t *testing.T) {
	t.Parallel()
	of := sharing{"olga", []SharePermission{withUser("ravi", Read), {"group", "g", Admin}, {"public", "", Write}}}
	require.Equal(t, Own, of.level(&access.Principal{User: "olga"}))
	require.Equal(t, Admin, of.level(&access.Principal{User: "ravi", Groups: []string{"g"}}))
	require.Equal(t, Write, of.level(&access.Principal{User: "ravi"}))
	require.Equal(t, Write, of.level(&access.Principal{User: "g", Groups: []string{"olga"}}))
}

// TestGiving holds when MayShare is needed: for each share that somebody did not have, and not for less.
func TestGiving(t *testing.T) {
	t.Parallel()
	share := func(all ...SharePermission) sharing { return sharing{"olga", all} }
	a, b := withUser("a", Write), SharePermission{"group", "a", Write}
	less, more := withUser("a", Read), withUser("a", Admin)
	for _, c := range []struct {
		before, after sharing
		gives, same   bool
	}{
		{share(), share(), false, true},
		{share(), share(less), true, false},
		{share(a), share(), false, false},
		{share(a), share(less), false, false},
		{share(a), share(more), true, false},
		{share(a), share(b), true, false},
		{share(a, b), share(b, a), false, true},
		{share(a, b), share(b), false, false},
		{share(a), share(SharePermission{"public", "", Read}), true, false},
	} {
		require.Equal(t, c.gives, c.after.gives(c.before), "%v to %v", c.before, c.after)
		require.Equal(t, c.same, c.after.same(c.before), "%v to %v", c.before, c.after)
	}
}
