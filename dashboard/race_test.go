package dashboard

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/docstore/sqldoc"
)

// onStores runs a test over memory and over SQLite, where writers really come between each other.
func onStores(t *testing.T, test func(t *testing.T, s, other *Filters)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		memory := memdoc.New()
		test(t, newFilters(t, memory), newFilters(t, memory))
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "config.sqlite")
		test(t, newFilters(t, openSQLite(t, path)), newFilters(t, openSQLite(t, path)))
	})
}

// openSQLite opens a store as another process would.
func openSQLite(t *testing.T, path string) docstore.Driver {
	t.Helper()
	d, err := sqldoc.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// TestTwoWriters holds that of many writers of one version one succeeds, and that those that do not
// care for the version all do.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s, other *Filters) {
		f := mustCreate(t, s, olga, &Filter{Name: "n", JQL: "a = 1"})
		either := []*Filters{s, other}
		errs := inParallel(20, func(i int) error {
			_, err := either[i%2].Patch(t.Context(), olga, f.ID, fmt.Appendf(nil, `{"description": "%d"}`, i), 1)
			return err
		})
		require.Equal(t, 1, count(t, errs, ErrConflict))
		errs = inParallel(20, func(i int) error {
			_, err := either[i%2].Patch(t.Context(), olga, f.ID, fmt.Appendf(nil, `{"description": "any %d"}`, i), 0)
			return err
		})
		require.Equal(t, 20, count(t, errs, nil))
		got, err := s.Get(t.Context(), olga, f.ID)
		require.NoError(t, err)
		require.Equal(t, int64(22), got.Version)
		errs = inParallel(6, func(i int) error { return either[i%2].Delete(t.Context(), olga, f.ID, int64(20+i)) })
		require.Equal(t, 1, countAny(errs))
	})
}

// TestOneName holds that of many that give one name at once one succeeds, and that the others leave nothing.
func TestOneName(t *testing.T) {
	t.Parallel()
	onStores(t, func(t *testing.T, s, other *Filters) {
		other.newID = func() string { return "o" + s.newID() }
		either := []*Filters{s, other}
		for round := range 10 {
			name := fmt.Sprint("round ", round)
			renamed := mustCreate(t, s, olga, &Filter{Name: "before " + name, JQL: "a = 1"})
			errs := inParallel(8, func(i int) error {
				if i == 0 {
					_, err := s.Replace(t.Context(), olga, renamed.ID, &Filter{Name: name, JQL: "a = 1"}, 1)
					return err
				}
				_, err := either[i%2].Create(t.Context(), olga, &Filter{Name: name, JQL: "a = 1"})
				return err
			})
			require.Equal(t, 1, count(t, errs, ErrTaken))
			page, err := s.List(t.Context(), olga, &ListQuery{Owner: "me", Name: name})
			require.NoError(t, err)
			same := slices.DeleteFunc(names(page), func(n string) bool { return n != name })
			require.Len(t, same, 1)
		}
	})
}

// countAny returns how many succeeded.
func countAny(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

// A meddler does something just before and just after the next Put. What it does puts without it.
type meddler struct {
	docstore.Driver
	before, after func()
}

func (m *meddler) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	do := *m
	m.before, m.after = nil, nil
	if do.before != nil {
		do.before()
	}
	d, err := m.Driver.Put(ctx, d, expect)
	if do.after != nil {
		do.after()
	}
	return d, err
}

// TestOneNameInEveryOrder holds the same where one call comes into the middle of another.
func TestOneNameInEveryOrder(t *testing.T) {
	t.Parallel()
	create := func(s *Filters) error {
		_, err := s.Create(t.Context(), olga, &Filter{Name: "x", JQL: "a = 1"})
		return err
	}
	rename := func(s *Filters) error {
		_, err := s.Patch(t.Context(), olga, "f1", []byte(`{"name": "x", "description": "d"}`), 0)
		return err
	}
	for _, first := range []func(*Filters) error{create, rename} {
		for _, edited := range []bool{false, true} {
			m := &meddler{Driver: memdoc.New()}
			s := newFilters(t, m)
			mustCreate(t, s, olga, &Filter{Name: "before", JQL: "a = 1"})
			var other *Filter
			m.before = func() { other = mustCreate(t, s, olga, &Filter{Name: "X", JQL: "a = 2"}) }
			m.after = func() {
				if !edited {
					return
				}
				_, err := s.Patch(t.Context(), olga, other.ID, []byte(`{"description": "e"}`), 0)
				require.NoError(t, err)
			}
			require.ErrorIs(t, first(s), ErrTaken, "the other had it earlier")
			page, err := s.List(t.Context(), olga, nil)
			require.NoError(t, err)
			require.Equal(t, []string{"before", "X"}, names(page))
			require.Empty(t, page.Filters[0].Description, "what was undone is as it was")
		}
		m := &meddler{Driver: memdoc.New()}
		s := newFilters(t, m)
		mustCreate(t, s, olga, &Filter{Name: "before", JQL: "a = 1"})
		m.after = func() { require.ErrorIs(t, create(s), ErrTaken, "the other comes later") }
		require.NoError(t, first(s))
	}
}

// TestOtherWritersBetween holds that who does not care for the version comes through when somebody else is faster, and who
// does hears of it; and that a change of a filter while it gets its name takes the name from nobody.
func TestOtherWritersBetween(t *testing.T) {
	t.Parallel()
	m := &meddler{Driver: memdoc.New()}
	s := newFilters(t, m)
	meddle := func() {
		_, err := s.Patch(t.Context(), chief, "f1", []byte(`{"description": "meddled"}`), 0)
		require.NoError(t, err)
	}
	m.after = meddle
	made := mustCreate(t, s, olga, &Filter{Name: "n", JQL: "a = 1"})
	m.before = func() {
		_, err := s.Patch(t.Context(), chief, "f1", []byte(`{"description": "again"}`), 0)
		require.NoError(t, err)
	}
	got, err := s.Patch(t.Context(), olga, made.ID, []byte(`{"jql": "a = 2"}`), 0)
	require.NoError(t, err)
	require.Equal(t, [2]string{"again", "a = 2"}, [2]string{got.Description, got.JQL}, "neither change is lost")
	m.before = meddle
	_, err = s.Patch(t.Context(), olga, made.ID, []byte(`{"jql": "a = 3"}`), got.Version)
	require.ErrorIs(t, err, ErrConflict)
}

// inParallel runs something n times at once and returns the errors.
func inParallel(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = do(i) })
	}
	group.Wait()
	return errs
}

// count returns how many succeeded; the others must have failed with want.
func count(t *testing.T, errs []error, want error) int {
	t.Helper()
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		require.ErrorIs(t, err, want)
	}
	return n
}
