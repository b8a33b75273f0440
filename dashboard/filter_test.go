package dashboard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
)

var (
	olga  = person("olga", "analyst", "nurses")
	ravi  = person("ravi", "analyst")
	chief = person("chief", "admin")
)

func TestFilterLives(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	made, err := s.Create(t.Context(), olga, &Filter{
		Name: "  Fever <5> & co \n", Description: "line\n\ttwo", JQL: `a < 5 AND b = "é"`, AllowedIndexes: []string{"visits", "stock-*"},
		SharePermissions: []SharePermission{withUser("ravi", Write)}, Favourite: true,
	})
	require.NoError(t, err)
	want := &Filter{
		Name: "Fever <5> & co", Description: "line\n\ttwo", JQL: `a < 5 AND b = "é"`, AllowedIndexes: []string{"visits", "stock-*"},
		Owner: "olga", SharePermissions: []SharePermission{withUser("ravi", Write)},
		ID: "f1", Permission: Own, Favourite: true, CreatedAt: start, UpdatedAt: start, Version: 1,
	}
	require.Equal(t, want, made)
	got, err := s.Get(t.Context(), olga, "f1")
	require.NoError(t, err)
	require.Equal(t, want, got)

	changed, err := s.Replace(t.Context(), ravi, "f1", &Filter{Name: "Fever", JQL: "a = 1"}, 1)
	require.NoError(t, err)
	require.Equal(t, &Filter{
		Name: "Fever", JQL: "a = 1", AllowedIndexes: []string{}, Owner: "olga", SharePermissions: want.SharePermissions,
		ID: "f1", Permission: Write, CreatedAt: start, UpdatedAt: start.Add(time.Second), Version: 2,
	}, changed)
	_, err = s.Replace(t.Context(), olga, "f1", &Filter{Name: "late", JQL: "a = 1"}, 1)
	require.ErrorIs(t, err, ErrConflict)
	require.EqualError(t, err, `dashboard: filter "f1": changed in the meantime: it has version 2, version 1 was expected`)

	same, err := s.Replace(t.Context(), ravi, "f1", changed, 0)
	require.NoError(t, err)
	require.Equal(t, changed, same, "what changes nothing leaves the version")

	given, err := s.ChangeOwner(t.Context(), olga, "f1", "ravi", 2)
	require.NoError(t, err)
	require.Equal(t, "ravi", given.Owner)
	require.Empty(t, given.Permission, "olga is left without")
	_, err = s.Get(t.Context(), olga, "f1")
	require.ErrorIs(t, err, ErrNotFound)

	shares, err := s.Permissions(t.Context(), ravi, "f1")
	require.NoError(t, err)
	require.Equal(t, want.SharePermissions, shares)
	cleared, err := s.SetPermissions(t.Context(), ravi, "f1", nil, 3)
	require.NoError(t, err)
	require.Equal(t, []SharePermission{}, cleared.SharePermissions)

	require.ErrorIs(t, s.Delete(t.Context(), ravi, "f1", 3), ErrConflict)
	require.NoError(t, s.Delete(t.Context(), ravi, "f1", 4))
	require.ErrorIs(t, s.Delete(t.Context(), ravi, "f1", 0), ErrNotFound)
}

// TestCallersKeepTheirs holds that what is returned and what was given are not kept.
func TestCallersKeepTheirs(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	in := &Filter{Name: " n ", JQL: "a = 1", AllowedIndexes: []string{"i"}, SharePermissions: []SharePermission{withUser("ravi", Read)}}
	made := mustCreate(t, s, olga, in)
	require.Equal(t, " n ", in.Name)
	made.AllowedIndexes[0], made.SharePermissions[0].ID = "x", "x"
	in.AllowedIndexes[0], in.SharePermissions[0].ID = "y", "y"
	got, err := s.Get(t.Context(), olga, made.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"i"}, got.AllowedIndexes)
	require.Equal(t, "ravi", got.SharePermissions[0].ID)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	many := make([]SharePermission, MaxShares+1)
	for i := range many {
		many[i] = withUser(fmt.Sprint(i), Read)
	}
	long := strings.Repeat("é", 256)
	for _, c := range []struct {
		in   *Filter
		want string
	}{
		{nil, "there is no filter"},
		{&Filter{}, "name: must not be empty"},
		{&Filter{Name: " \t "}, "name: must not be empty"},
		{&Filter{Name: long}, "name: has 256 characters, at most 255 are allowed"},
		{&Filter{Name: "a\xff"}, `name: must be UTF-8, got "a\xff"`},
		{&Filter{Name: "a\x00b"}, `name: must have no control characters, got "a\x00b"`},
		{&Filter{Name: "n", Description: strings.Repeat("d", 4097)}, "description: has 4097 bytes, at most 4096 are allowed"},
		{&Filter{Name: "n", Description: "\xff"}, "description: must be UTF-8"},
		{&Filter{Name: "n", Description: "\x1b[1m"}, "description: must have no control characters but tabs and line ends"},
		{&Filter{Name: "n", JQL: "a = \xff"}, "jql: must be UTF-8"},
		{&Filter{Name: "n", AllowedIndexes: make([]string, 1001)}, "allowed_indexes: there are 1001, at most 1000 are allowed"},
		{&Filter{Name: "n", AllowedIndexes: []string{"a", "b", "a"}}, `allowed_indexes[2]: is there twice: "a"`},
		{&Filter{Name: "n", AllowedIndexes: []string{"a", ""}}, "allowed_indexes[1]: must not be empty"},
		{&Filter{Name: "n", SharePermissions: many}, "share_permissions: there are 901, at most 900 are allowed"},
		{&Filter{Name: "n", SharePermissions: []SharePermission{{"user", "", Read}}}, "share_permissions[0].id: must not be empty"},
		{&Filter{Name: "n", SharePermissions: []SharePermission{{"group", long, Read}}}, "share_permissions[0].id: has 512 bytes, at most 255 are allowed"},
		{&Filter{Name: "n", SharePermissions: []SharePermission{{"public", "x", Read}}}, `share_permissions[0].id: public has no id, got "x"`},
		{&Filter{Name: "n", SharePermissions: []SharePermission{{"role", "x", Read}}}, `share_permissions[0].type: must be user, group or public, got "role"`},
		{&Filter{Name: "n", SharePermissions: []SharePermission{{"user", "x", Own}}}, `share_permissions[0].permission: must be read, write or admin, got "owner"`},
		{&Filter{Name: "n", SharePermissions: []SharePermission{withUser("x", Read), withUser("x", Admin)}}, "share_permissions[1]: there are two for user x"},
		{&Filter{Name: "", JQL: "\xff", AllowedIndexes: []string{""}}, "name: must not be empty (and 2 more)"},
		{&Filter{Name: "n", JQL: strings.Repeat(" ", 1<<20) + "a = 1"}, ""}, // of the query's own limit
		{&Filter{Name: "n", JQL: strings.Repeat(" ", 1<<20-5) + "a = 1"}, "is too large to be kept"},
	} {
		s := newFilters(t, nil)
		_, err := s.Create(t.Context(), chief, c.in)
		require.ErrorContains(t, err, c.want)
		if c.want != "" {
			var first *FieldError
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorAs(t, err, &first)
		}
		if c.in != nil {
			kept := mustCreate(t, s, chief, &Filter{Name: "kept", JQL: "a = 1"})
			_, err = s.Replace(t.Context(), chief, kept.ID, c.in, 0)
			require.ErrorContains(t, err, c.want)
		}
		page, err := s.List(t.Context(), chief, &ListQuery{Name: "n"})
		require.NoError(t, err)
		require.Zero(t, page.Total, "nothing is kept of what was refused")
	}
}

// TestGreatest holds that what is just within the limits is kept, by people of the longest names.
func TestGreatest(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	user := func(i int) string { return fmt.Sprintf("%0255d", i) }
	who := &access.Principal{User: user(0), Tenant: strings.Repeat("t", 100), Roles: []string{"admin"}}
	in := &Filter{Name: strings.Repeat("\U00010400", 255), Description: strings.Repeat("\\", 4096), JQL: "a = 1"}
	for i := range MaxShares {
		in.SharePermissions = append(in.SharePermissions, SharePermission{"group", user(i), Admin})
	}
	for i := range 1000 {
		in.AllowedIndexes = append(in.AllowedIndexes, user(i))
	}
	made := mustCreate(t, s, who, in)
	require.NoError(t, s.SetFavourite(t.Context(), who, made.ID, true))
	for _, q := range []*ListQuery{nil, {Owner: "me", Name: "\U00010428\U00010428"}, {Owner: "favourite"}} { // in lower case
		page, err := s.List(t.Context(), who, q)
		require.NoError(t, err)
		require.Equal(t, []string{in.Name}, names(page))
		require.True(t, page.Filters[0].Favourite)
	}
	same, err := s.Patch(t.Context(), who, made.ID, []byte(`{}`), 1)
	require.NoError(t, err)
	require.Equal(t, in.SharePermissions, same.SharePermissions)
}

// TestNobody holds that who has no name, or no tenant, has nothing.
func TestNobody(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	for _, who := range []*access.Principal{
		nil,
		{Tenant: "pb", Roles: []string{"admin"}},
		{User: "u", Roles: []string{"admin"}},
		{User: "u", Tenant: strings.Repeat("t", 101), Roles: []string{"admin"}},
		{User: "a\nb", Tenant: "pb", Roles: []string{"admin"}},
		{User: strings.Repeat("u", 256), Tenant: "pb", Roles: []string{"admin"}},
		{User: "u", Tenant: "pb", Roles: []string{"unknown"}},
	} {
		_, err := s.Create(t.Context(), who, &Filter{Name: "n", JQL: "a = 1"})
		require.ErrorIs(t, err, ErrForbidden)
		_, err = s.List(t.Context(), who, nil)
		require.ErrorIs(t, err, ErrForbidden)
		_, err = s.Get(t.Context(), who, "f1")
		require.ErrorIs(t, err, ErrForbidden)
		require.ErrorIs(t, s.SetFavourite(t.Context(), who, "f1", false), ErrForbidden)
	}
}

func TestIDsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	for _, id := range []string{"", "f1", "../f1", "a\x00", "\xff", strings.Repeat("f", 1000)} {
		_, err := s.Get(t.Context(), chief, id)
		require.ErrorIs(t, err, ErrNotFound)
		_, err = s.Patch(t.Context(), chief, id, []byte(`not even JSON`), 0)
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorIs(t, s.Delete(t.Context(), chief, id, 1), ErrNotFound)
		require.ErrorIs(t, s.SetFavourite(t.Context(), chief, id, true), ErrNotFound)
		require.ErrorIs(t, s.SetFavourite(t.Context(), chief, id, false), ErrNotFound)
	}
}

// TestChecks holds whose sight a query is checked with: of who saves it, when it changes, and of who runs it.
func TestChecks(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	_, err := s.Create(t.Context(), olga, &Filter{Name: "n", JQL: secret})
	require.ErrorIs(t, err, errUnknownField)
	_, err = s.Create(t.Context(), olga, &Filter{Name: "n", JQL: "a ="})
	var complaints jql.ErrorList
	require.ErrorAs(t, err, &complaints)

	f := mustCreate(t, s, chief, &Filter{Name: "n", JQL: secret, SharePermissions: []SharePermission{withUser("olga", Write)}})
	_, err = s.Query(t.Context(), olga, f.ID)
	require.ErrorIs(t, err, errUnknownField, "a share gives no sight")
	_, err = s.Copy(t.Context(), olga, f.ID, "")
	require.ErrorIs(t, err, errUnknownField)
	renamed, err := s.Patch(t.Context(), olga, f.ID, []byte(`{"name": "m"}`), 0)
	require.NoError(t, err, "who leaves the query as it is may rename it")
	require.Equal(t, secret, renamed.JQL)
	_, err = s.Patch(t.Context(), olga, f.ID, []byte(`{"allowed_indexes": ["i"]}`), 0)
	require.ErrorIs(t, err, errUnknownField)
	_, err = s.Patch(t.Context(), olga, f.ID, []byte(`{"jql": "a = 1"}`), 0)
	require.NoError(t, err)
	_, err = s.Patch(t.Context(), olga, f.ID, []byte(`{"jql": "secret = 1"}`), 0)
	require.ErrorIs(t, err, errUnknownField)
	q, err := s.Query(t.Context(), olga, f.ID)
	require.NoError(t, err)
	require.Equal(t, "a = 1", q.JQL)
}

func TestOwnersOfNewFilters(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	_, err := s.Create(t.Context(), olga, &Filter{Name: "n", JQL: "a = 1", Owner: "ravi"})
	require.ErrorIs(t, err, ErrForbidden)
	made := mustCreate(t, s, olga, &Filter{Name: "n", JQL: "a = 1", Owner: "olga"})
	require.Equal(t, "olga", made.Owner)
	made = mustCreate(t, s, chief, &Filter{Name: "n", JQL: "a = 1", Owner: "ravi"})
	require.Equal(t, "ravi", made.Owner)
	require.Equal(t, Admin, made.Permission)
	_, err = s.ChangeOwner(t.Context(), chief, made.ID, "", 0)
	require.ErrorIs(t, err, ErrInvalid)
	_, err = s.ChangeOwner(t.Context(), chief, made.ID, "olga", 0)
	require.ErrorIs(t, err, ErrTaken, "olga has one of that name")
}

func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	first := mustCreate(t, s, olga, &Filter{Name: "Kelvin", JQL: "a = 1"})
	mustCreate(t, s, ravi, &Filter{Name: "Kelvin", JQL: "a = 1"})
	_, err := s.Create(t.Context(), olga, &Filter{Name: "\u212aELVIN ", JQL: "a = 1"}) // the Kelvin sign
	require.ErrorIs(t, err, ErrTaken)
	other := mustCreate(t, s, olga, &Filter{Name: "Celsius", JQL: "a = 1"})
	_, err = s.Patch(t.Context(), olga, other.ID, []byte(`{"name": "kelvin"}`), 0)
	require.ErrorIs(t, err, ErrTaken)
	require.NotErrorIs(t, err, ErrConflict)
	_, err = s.Patch(t.Context(), olga, first.ID, []byte(`{"name": "KELVIN"}`), 0)
	require.NoError(t, err, "one may change the case of its own name")
	require.NoError(t, s.Delete(t.Context(), olga, first.ID, 0))
	_, err = s.Patch(t.Context(), olga, other.ID, []byte(`{"name": "kelvin"}`), 0)
	require.NoError(t, err, "a name is free when its filter is gone")
	mustCreate(t, s, &access.Principal{User: "olga", Tenant: "hr", Roles: []string{"viewer"}}, &Filter{Name: "kelvin", JQL: "a = 1"})
}

func TestCopies(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	f := mustCreate(t, s, olga, &Filter{
		Name: strings.Repeat("n", 250), Description: "d", JQL: "a = 1", AllowedIndexes: []string{"i"},
		SharePermissions: []SharePermission{{"public", "", Read}}, Favourite: true,
	})
	for n := range 11 {
		made, err := s.Copy(t.Context(), ravi, f.ID, "")
		require.NoError(t, err)
		require.Equal(t, copyName(f.Name, n+1), made.Name)
		require.Len(t, made.Name, 255)
		require.True(t, strings.HasPrefix(made.Name, "Copy of nnn"))
		require.Equal(t, "ravi", made.Owner)
		require.Empty(t, made.SharePermissions)
		require.False(t, made.Favourite)
		require.Equal(t, [3]string{"d", "a = 1", "i"}, [3]string{made.Description, made.JQL, made.AllowedIndexes[0]})
	}
	made, err := s.Copy(t.Context(), ravi, f.ID, "mine")
	require.NoError(t, err)
	require.Equal(t, "mine", made.Name)
	_, err = s.Copy(t.Context(), ravi, f.ID, "MINE")
	require.ErrorIs(t, err, ErrTaken)
	require.NotContains(t, copyName("x", 2), "\n")
	require.Equal(t, "Copy of x (2)", copyName("x", 2))
}
