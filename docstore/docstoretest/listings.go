package docstoretest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
)

// names are in the order of their code points. UTF-16, case and accents would order them otherwise.
var names = []string{"", " ", "0", "10", "9", "A", "B", "Z", "_", "a", "ab", "b", "e\u0301", "z", "É", "é", "ß", "अ", "ਪ", "漢", "\ufffd", "😀", "\U0010ffff"}

// Every order, direction, tenant, choice of labels and size of page gives what a naive reading gives.
func testListings(t *testing.T, s *suite) {
	store := s.open(t)
	random := rand.New(rand.NewPCG(1, 2))
	var documents []*docstore.Document
	for i := range 80 {
		d := s.document(fmt.Sprintf("%s%d", names[1+random.IntN(len(names)-1)], i/3), names[random.IntN(len(names))])
		d.Tenant = []string{"pb", "ka", "é"}[i%3]
		for _, label := range []string{"a", "b", "group:Ω", "ab"} {
			if random.IntN(3) == 0 {
				d.Labels = append(d.Labels, label)
			}
		}
		documents = append(documents, s.make(t, store, d))
	}
	for i, d := range documents[:30] { // some have another place then
		d.Name = names[random.IntN(len(names))]
		stored, err := store.Put(t.Context(), d, 1)
		require.NoError(t, err)
		documents[i] = stored
	}
	for _, q := range questions(s.kind) {
		for _, size := range []int{1000, 7, 3, 1} {
			if size == 1 && len(q.Any) == 0 && testing.Short() {
				continue
			}
			q.Limit = size
			want := naive(documents, q)
			got := all(t, store, q)
			require.Equal(t, ids(want), ids(got), "%+v", q)
			require.Equal(t, want, got, "%+v", q)
		}
	}
}

// questions returns one query of each form.
func questions(kind string) []*docstore.Query {
	var list []*docstore.Query
	for _, order := range []docstore.Order{docstore.ByID, docstore.ByName, docstore.ByChange} {
		for _, descending := range []bool{false, true} {
			for _, tenant := range []string{"", "ka"} {
				for _, any := range [][]string{nil, {"a"}, {"group:Ω", "b"}, {"none", "ab"}, {"A"}} {
					list = append(list, &docstore.Query{Kind: kind, Tenant: tenant, AllTenants: tenant == "", Any: any, Order: order, Descending: descending})
				}
			}
		}
	}
	return list
}

// naive answers a query, without its limit, from all documents.
func naive(documents []*docstore.Document, q *docstore.Query) []*docstore.Document {
	var found []*docstore.Document
	for _, d := range documents {
		mine := q.AllTenants || d.Tenant == q.Tenant
		if mine && (len(q.Any) == 0 || slices.ContainsFunc(q.Any, func(l string) bool { return slices.Contains(d.Labels, l) })) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b *docstore.Document) int {
		order := cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Tenant, b.Tenant))
		switch q.Order {
		case docstore.ByName:
			order = cmp.Or(cmp.Compare(a.Name, b.Name), order)
		case docstore.ByChange:
			order = cmp.Compare(a.Change, b.Change)
		}
		if q.Descending {
			return -order
		}
		return order
	})
	return found
}

// A page begins behind a place, whatever stands there, and is full if enough follows.
func testCursors(t *testing.T, s *suite) {
	store, ctx := s.open(t), t.Context()
	made := map[string]*docstore.Document{}
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		made[id] = s.make(t, store, s.document(id, "same name"))
	}
	require.NoError(t, store.Delete(ctx, made["c"].Key, 1))
	for _, order := range []docstore.Order{docstore.ByID, docstore.ByName, docstore.ByChange} {
		q := &docstore.Query{Tenant: "pb", Kind: s.kind, Order: order, After: made["c"].Cursor()}
		require.Equal(t, []string{"d", "e"}, ids(all(t, store, q)), "behind one that is gone")
		q.Descending = true
		require.Equal(t, []string{"b", "a"}, ids(all(t, store, q)))
		q.After = made["a"].Cursor()
		require.Empty(t, all(t, store, q))
		q.After, q.Limit = made["e"].Cursor(), 2
		page, err := store.List(ctx, q)
		require.NoError(t, err)
		require.Equal(t, []string{"d", "b"}, ids(page))
	}
	empty := &docstore.Query{Tenant: "pb", Kind: s.kind, After: &docstore.Cursor{}}
	require.Len(t, all(t, store, empty), 4, "the empty cursor stands before everything")
	empty.Order = docstore.ByChange
	require.Len(t, all(t, store, empty), 4)
	empty.After.Change = 1 << 62
	require.Empty(t, all(t, store, empty))

	seen := 0
	for d, err := range store.All(ctx, &docstore.Query{Tenant: "pb", Kind: s.kind, Limit: 2}) {
		require.NoError(t, err)
		if seen++; d.ID == "b" {
			break
		}
	}
	require.Equal(t, 2, seen, "leaving the loop ends the reading")
}

// Pages of a large kind are complete, and no document is on two.
func testLarge(t *testing.T, s *suite) {
	store := s.open(t)
	n := cmp.Or(s.Large, 100_000)
	if testing.Short() {
		n = 2000
	}
	n = cmp.Or(*large, n)
	id := func(i int) string { return fmt.Sprintf("%06d", i) }
	began := time.Now()
	inParallel(t, 16, func(t testing.TB, worker int) {
		for i := worker; i < n; i += 16 {
			labels := []string{"all", fmt.Sprintf("owner:%d", i%1000)}
			if _, err := store.Put(t.Context(), s.document(id(i), fmt.Sprintf("name %d", i*7919%n/10), labels...), 0); err != nil {
				t.Errorf("document %d: %v", i, err)
				return
			}
		}
	})
	t.Logf("%d documents made in %v", n, time.Since(began).Round(time.Millisecond))
	for _, q := range []docstore.Query{
		{Order: docstore.ByID}, {Order: docstore.ByName}, {Order: docstore.ByName, Any: []string{"all"}, Descending: true}, {Order: docstore.ByChange},
	} {
		q.Tenant, q.Kind = "pb", s.kind
		began := time.Now()
		seen, last := make(map[string]bool, n), (*docstore.Document)(nil)
		for d, err := range store.All(t.Context(), &q) {
			require.NoError(t, err)
			if seen[d.ID] || last != nil && naive([]*docstore.Document{last, d}, &q)[0] != last {
				t.Fatalf("%+v: %q is there twice or out of order", q, d.ID)
			}
			seen[d.ID], last = true, d
		}
		require.Len(t, seen, n)
		t.Logf("%d documents listed %+v in %v", n, q, time.Since(began).Round(time.Millisecond))
	}
	began = time.Now()
	q := &docstore.Query{Tenant: "pb", Kind: s.kind, Any: []string{"owner:7"}, Order: docstore.ByName, Limit: 50}
	page, err := store.List(t.Context(), q)
	require.NoError(t, err)
	require.Len(t, page, min(50, (n+992)/1000))
	t.Logf("the first %d of one owner in %v", len(page), time.Since(began).Round(10*time.Microsecond))
}
