package dashboard

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// TestFavouritesAtOnce holds that favourites that are set at once by one user, also through other processes, are all kept.
func TestFavouritesAtOnce(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s, other *Filters) {
		either := []*Filters{s, other}
		for i := range 20 {
			mustCreate(t, s, olga, &Filter{Name: fmt.Sprint("n", i), JQL: "a = 1"})
		}
		favourites := func() int {
			page, err := s.List(t.Context(), olga, &ListQuery{Owner: "favourite"})
			require.NoError(t, err)
			return page.Total
		}
		errs := inParallel(20, func(i int) error { return either[i%2].SetFavourite(t.Context(), olga, fmt.Sprint("f", i+1), true) })
		require.Equal(t, 20, count(t, errs, nil))
		require.Equal(t, 20, favourites())
		errs = inParallel(20, func(i int) error { return either[i%2].SetFavourite(t.Context(), olga, fmt.Sprint("f", i+1), i < 5) })
		require.Equal(t, 20, count(t, errs, nil))
		require.Equal(t, 5, favourites())
	})
}

// TestFavouritesOfOne holds that favourites are of one user, and no one else's.
func TestFavouritesOfOne(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	f := mustCreate(t, s, olga, &Filter{Name: "n", JQL: "a = 1", SharePermissions: []SharePermission{{"public", "", Admin}}})
	require.NoError(t, s.SetFavourite(t.Context(), ravi, f.ID, true))
	require.NoError(t, s.SetFavourite(t.Context(), ravi, f.ID, true), "what is so already is left so")
	got, err := s.Get(t.Context(), ravi, f.ID)
	require.NoError(t, err)
	require.True(t, got.Favourite)
	require.Equal(t, int64(1), got.Version, "a favourite is no change of the filter")
	got, err = s.Get(t.Context(), olga, f.ID)
	require.NoError(t, err)
	require.False(t, got.Favourite)
	require.NoError(t, s.SetFavourite(t.Context(), olga, f.ID, false))

	// After the filter is gone, its trace can be removed, once.
	require.NoError(t, s.Delete(t.Context(), olga, f.ID, 1))
	page, err := s.List(t.Context(), ravi, &ListQuery{Owner: "favourite"})
	require.NoError(t, err)
	require.Zero(t, page.Total)
	require.NoError(t, s.SetFavourite(t.Context(), ravi, f.ID, false))
	require.ErrorIs(t, s.SetFavourite(t.Context(), ravi, f.ID, false), ErrNotFound)
}

// TestOtherPreferences holds that what else is in a user's document is left as it is.
func TestOtherPreferences(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	f := mustCreate(t, s, olga, &Filter{Name: "n", JQL: "a = 1"})
	_, err := s.store.Put(t.Context(), &docstore.Document{
		Key: userKey(olga), Name: "Olga", Labels: []string{"language:hi"},
		Body: json.RawMessage(`{"columns": [1.50, "<"], "favourites": {"dashboards": ["d"]}}`),
	}, 0)
	require.NoError(t, err)
	require.NoError(t, s.SetFavourite(t.Context(), olga, f.ID, true))
	doc, err := s.store.Get(t.Context(), userKey(olga))
	require.NoError(t, err)
	require.JSONEq(t, `{"columns":[1.50,"<"],"favourites":{"dashboards":["d"],"filters":["f1"]}}`, string(doc.Body))
	require.Contains(t, string(doc.Body), `[1.50,"<"]`, "as it was written")
	require.Equal(t, []string{"language:hi"}, doc.Labels)
	require.Equal(t, "Olga", doc.Name)

	for _, damage := range []string{`{"favourites": [1]}`, `{"favourites": {"filters": "f1"}}`} {
		doc.Body = json.RawMessage(damage)
		doc, err = s.store.Put(t.Context(), doc, doc.Version)
		require.NoError(t, err)
		require.ErrorIs(t, s.SetFavourite(t.Context(), olga, f.ID, true), docstore.ErrCorrupt)
		_, err = s.List(t.Context(), olga, nil)
		require.ErrorIs(t, err, docstore.ErrCorrupt)
	}
}

// TestManyFavourites holds the limit, and that favourites whose filters are gone make room.
func TestManyFavourites(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	var all []string
	for i := range MaxFavourites {
		all = append(all, seed(t, s, &Filter{ID: fmt.Sprint("s", i), Name: fmt.Sprint(i), JQL: "a = 1", Owner: "olga"}).ID)
	}
	_, err := s.store.Update(t.Context(), userKey(olga), func(d *docstore.Document) error { return s.setFavourites(d, all) })
	require.NoError(t, err)
	more := mustCreate(t, s, olga, &Filter{Name: "more", JQL: "a = 1"})
	err = s.SetFavourite(t.Context(), olga, more.ID, true)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "favourite: there are 1000 favourites already")
	_, err = s.Create(t.Context(), olga, &Filter{Name: "yet more", JQL: "a = 1", Favourite: true})
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "is made, but is no favourite")
	require.NoError(t, s.Delete(t.Context(), olga, "s7", 0))
	require.NoError(t, s.SetFavourite(t.Context(), olga, more.ID, true))
	page, err := s.List(t.Context(), olga, &ListQuery{Owner: "favourite"})
	require.NoError(t, err)
	require.Equal(t, MaxFavourites, page.Total)
}

// TestUserKeys holds that no two users share preferences, and that every user may have some.
func TestUserKeys(t *testing.T) {
	t.Parallel()
	seen := map[docstore.Key]bool{}
	long := strings.Repeat("u", 255)
	hashed := userKey(person(long, "viewer")).ID
	for _, user := range []string{"u", "U", "ü", long, long[:254], long[:200], hashed, "sha256:"} {
		key := userKey(&access.Principal{User: user, Tenant: "t"})
		require.False(t, seen[key], user)
		require.LessOrEqual(t, len(key.ID), 200)
		seen[key] = true
	}
}
