package dashboard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
)

func TestListings(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	asha := person("asha", "viewer", "nurses", "nurses", "")
	public := []SharePermission{{"public", "", Read}}
	mustCreate(t, s, olga, &Filter{Name: "b fever", JQL: "a = 1"})
	mustCreate(t, s, olga, &Filter{Name: "A Fever", JQL: "a = 1", SharePermissions: []SharePermission{{"group", "nurses", Write}, withUser("asha", Read)}})
	mustCreate(t, s, olga, &Filter{Name: "c", JQL: "a = 1", SharePermissions: public})
	mustCreate(t, s, asha, &Filter{Name: "Ärger", JQL: "a = 1"})
	mustCreate(t, s, asha, &Filter{Name: "d", JQL: "a = 1", Favourite: true})
	given := mustCreate(t, s, ravi, &Filter{Name: "e", JQL: "a = 1", SharePermissions: []SharePermission{withUser("asha", Admin)}})
	require.NoError(t, s.SetFavourite(t.Context(), asha, given.ID, true))
	mustCreate(t, s, &access.Principal{User: "asha", Tenant: "hr", Roles: []string{"analyst"}}, &Filter{Name: "elsewhere", JQL: "a = 1", SharePermissions: public})

	for _, c := range []struct {
		who  *access.Principal
		q    *ListQuery
		want string
	}{
		{asha, nil, "A Fever, c, d, e, Ärger"},
		{asha, &ListQuery{Owner: "all"}, "A Fever, c, d, e, Ärger"},
		{asha, &ListQuery{Owner: "me"}, "d, Ärger"},
		{asha, &ListQuery{Owner: "shared"}, "A Fever, c, e"},
		{asha, &ListQuery{Owner: "favourite"}, "d, e"},
		{asha, &ListQuery{Name: "FEVER"}, "A Fever"},
		{asha, &ListQuery{Name: "äR"}, "Ärger"},
		{asha, &ListQuery{Owner: "shared", Name: "none"}, ""},
		{olga, nil, "A Fever, b fever, c"},
		{olga, &ListQuery{Owner: "shared"}, ""},
		{chief, nil, "A Fever, b fever, c, d, e, Ärger"},
		{chief, &ListQuery{Owner: "shared"}, "c"},
		{chief, &ListQuery{Owner: "me"}, ""},
		{chief, &ListQuery{Owner: "favourite"}, ""},
		{person("new", "viewer"), nil, "c"},
		{manyGroups("asha"), nil, "A Fever, c, d, e, Ärger"},
		{manyGroups("new"), nil, "A Fever, c"},
		{manyGroups("new", "admin"), &ListQuery{Owner: "shared"}, "A Fever, c"},
	} {
		page, err := s.List(t.Context(), c.who, c.q)
		require.NoError(t, err)
		require.Equal(t, c.want, strings.Join(names(page), ", "), "%s %v", c.who.User, c.q)
		require.Equal(t, len(page.Filters), page.Total)
		require.Nil(t, page.Next)
		for _, f := range page.Filters {
			got, err := s.Get(t.Context(), c.who, f.ID)
			require.NoError(t, err)
			require.Equal(t, got, f)
		}
	}

	// A favourite that can no longer be read is in no listing and no total, and comes back.
	_, err := s.SetPermissions(t.Context(), ravi, given.ID, nil, 0)
	require.NoError(t, err)
	page, err := s.List(t.Context(), asha, &ListQuery{Owner: "favourite"})
	require.NoError(t, err)
	require.Equal(t, []string{"d"}, names(page))
	require.Equal(t, 1, page.Total)
	_, err = s.SetPermissions(t.Context(), ravi, given.ID, []SharePermission{withUser("asha", Read)}, 0)
	require.NoError(t, err)
	page, err = s.List(t.Context(), asha, &ListQuery{Owner: "favourite"})
	require.NoError(t, err)
	require.Equal(t, []string{"d", "e"}, names(page))
}

// manyGroups returns a user who is in more groups than a query of a store may name.
func manyGroups(user string, roles ...string) *access.Principal {
	who := person(user, "viewer")
	who.Roles = append(who.Roles, roles...)
	for i := range 2000 {
		who.Groups = append(who.Groups, fmt.Sprint("g", i))
	}
	who.Groups = append(who.Groups, "nurses")
	return who
}

func TestBadListings(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	for want, q := range map[string]*ListQuery{
		`owner: must be me, shared, favourite, all, got "mine"`:                    {Owner: "mine"},
		`name: must be UTF-8, got "\xff"`:                                          {Name: "\xff"},
		"start_at: must not be negative, got -1":                                   {StartAt: -1},
		"max_results: must be 1 to 1000, got 1001":                                 {MaxResults: 1001},
		"max_results: must be 1 to 1000, got -5":                                   {MaxResults: -5},
		"start_at: must not be given together with the place after which to begin": {StartAt: 1, After: &docstore.Cursor{}},
	} {
		_, err := s.List(t.Context(), olga, q)
		require.ErrorIs(t, err, ErrInvalid)
		require.EqualError(t, err, "dashboard: list filters: "+want)
	}
}

// TestPages holds that the pages of a long listing have every filter once and in order, by number and by place, and
// that the total is on each; and that pages by place do so while others come and go.
func TestPages(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	var want []string
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(5000) {
		f := &Filter{ID: fmt.Sprint("s", i), Name: fmt.Sprintf("%c%04d", "aAbB"[i%4], i), JQL: "a = 1", Owner: "olga"}
		switch i % 5 {
		case 0:
			f.Owner = "ravi" // olga may not see it
		case 1:
			f.Owner = "ravi"
			f.SharePermissions = []SharePermission{{"group", "nurses", Read}, withUser("olga", Read), {"public", "", Read}}
		}
		seed(t, s, f)
		if i%5 != 0 {
			want = append(want, f.Name)
		}
	}
	slices.SortFunc(want, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })

	require.Equal(t, want, allPages(t, s, &ListQuery{MaxResults: 300}, func(q *ListQuery, page *FilterPage) {
		require.Equal(t, 4000, page.Total)
		q.StartAt += len(page.Filters)
	}))

	total, made := 4000, (*Filter)(nil)
	require.Equal(t, want, allPages(t, s, &ListQuery{MaxResults: 999}, func(q *ListQuery, page *FilterPage) {
		require.Equal(t, total, page.Total)
		q.After = page.Next
		if made != nil {
			require.NoError(t, s.Delete(t.Context(), olga, made.ID, 0))
		}
		made, total = mustCreate(t, s, olga, &Filter{Name: fmt.Sprint("0 before all ", q.After.ID), JQL: "a = 1"}), 4001
	}))

	last, err := s.List(t.Context(), olga, &ListQuery{StartAt: 1 << 40})
	require.NoError(t, err)
	require.Empty(t, last.Filters)
	require.Nil(t, last.Next)
	require.Equal(t, 4001, last.Total)
	some, err := s.List(t.Context(), olga, &ListQuery{Name: "A0", Owner: "me"})
	require.NoError(t, err)
	require.Len(t, some.Filters, 50, "without a number, 50 are shown")
	require.Equal(t, 300, some.Total)
	require.NotNil(t, some.Next)
}

// allPages returns the names on all pages that olga sees, asking for each as next says.
func allPages(t *testing.T, s *Filters, q *ListQuery, next func(*ListQuery, *FilterPage)) []string {
	t.Helper()
	var all []string
	for {
		page, err := s.List(t.Context(), olga, q)
		require.NoError(t, err)
		all = append(all, names(page)...)
		if page.Next == nil {
			return all
		}
		require.Len(t, page.Filters, q.MaxResults)
		next(q, page)
	}
}

// A lister calls something before each listing.
type lister struct {
	docstore.Driver
	before func()
}

func (l *lister) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	l.before()
	return l.Driver.List(ctx, q)
}

// TestRenamedWhileListed holds that what moves while it is listed is counted once.
func TestRenamedWhileListed(t *testing.T) {
	t.Parallel()
	memory := memdoc.New()
	s := newFilters(t, memory)
	for i := range docstore.MaxPage {
		seed(t, s, &Filter{ID: fmt.Sprint("s", i), Name: fmt.Sprintf("n%04d", i), JQL: "a = 1", Owner: "olga"})
	}
	other, calls := newFilters(t, memory), 0
	s.store = docstore.New(&lister{memory, func() {
		if calls++; calls == 2 {
			_, err := other.Patch(t.Context(), olga, "s0", []byte(`{"name": "z"}`), 0)
			require.NoError(t, err)
		}
	}})
	page, err := s.List(t.Context(), olga, nil)
	require.NoError(t, err)
	require.Equal(t, 2, calls)
	require.Equal(t, docstore.MaxPage, page.Total)
}
