package search_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

func scan(t testing.TB, x *search.Index, who *access.Principal, q *search.Query, o *search.ScanOptions) *search.Scanner {
	t.Helper()
	s, err := x.Scan(t.Context(), who, q, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// read returns the ids of a stream; it stops after so many if stop is not negative.
func read(t testing.TB, records record.Stream, stop int) (all []string) {
	t.Helper()
	if stop == 0 {
		return nil
	}
	for r, err := range records {
		require.NoError(t, err)
		if all = append(all, r.ID); len(all) == stop {
			break
		}
	}
	return all
}

// An ordered scan gives what the pages give; any scan gives each record once, also
// when it goes on at a checkpoint after each record in turn.
func TestScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, text := range []string{"", "age > 3 ORDER BY age DESC, district", "district = Nowhere"} {
		for _, indexes := range [][]string{{"visits"}, {"visits", "staff"}} {
			q := ask(text, indexes...)
			want := strings.Fields(ids(pages(t, w.Index, admin, q, 1000)))
			for _, o := range []search.ScanOptions{{}, {Ordered: true}, {Source: true}} {
				s := scan(t, w.Index, admin, q, &o)
				total, err := s.Total(t.Context())
				require.NoError(t, err)
				require.Equal(t, int64(len(want)), total)
				got := read(t, s.Slice(0).Records(t.Context()), -1)
				if o.Ordered {
					require.Len(t, got, len(want))
					require.Equal(t, strings.Join(want, " "), strings.Join(got, " "))
				}
				require.ElementsMatch(t, want, got)
				for stop := 0; stop <= len(want); stop += 3 {
					slice := s.Slice(0)
					first := read(t, slice.Records(t.Context()), stop)
					checkpoint, err := slice.Checkpoint()
					require.NoError(t, err)
					again := o
					again.Resume = []string{checkpoint}
					rest := read(t, scan(t, w.Index, admin, q, &again).Slice(0).Records(t.Context()), -1)
					require.Equal(t, strings.Join(got, " "), strings.Join(slices.Concat(first, rest), " "), "%q stopped after %d", text, stop)
				}
			}
		}
	}
}

// Slices are disjoint, together the whole, may be read side by side, and go on each for itself.
func TestScanSlices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	want := strings.Fields(ids(pages(t, w.Index, admin, ask(""), 1000)))
	for _, ordered := range []bool{false, true} {
		o := &search.ScanOptions{Slices: 3, Ordered: ordered}
		s := scan(t, w.Index, admin, ask(""), o)
		parts := make([][]string, 3)
		o.Resume = make([]string, 3)
		var all sync.WaitGroup
		for i := range parts {
			all.Go(func() {
				slice := s.Slice(i)
				parts[i] = read(t, slice.Records(t.Context()), i)
				o.Resume[i], _ = slice.Checkpoint()
			})
		}
		all.Wait()
		again := scan(t, w.Index, admin, ask(""), o)
		for i := range parts {
			parts[i] = append(parts[i], read(t, again.Slice(i).Records(t.Context()), -1)...)
		}
		require.ElementsMatch(t, want, slices.Concat(parts...))
	}
}

// A scan does not see what is stored after it was opened, and is not resumed over it.
func TestScanIsASnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s, err := w.Scan(t.Context(), admin, ask("", "staff"), nil)
	require.NoError(t, err)
	fill(t, w.driver, "staff", staffMapping, []string{`{"_id": "s9", "_source": {"age": 99}}`, `{"_id": "s0", "_source": {"age": 98}}`})
	slice := s.Slice(0)
	require.Len(t, read(t, slice.Records(t.Context()), -1), 8)
	checkpoint, err := slice.Checkpoint()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "once more")
	_, err = w.Scan(t.Context(), admin, ask("", "staff"), &search.ScanOptions{Resume: []string{checkpoint}})
	require.ErrorIs(t, err, search.ErrSnapshotLost)
}

func TestScanOfAnOfficer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := 0
	for r, err := range scan(t, w.Index, officer, ask(""), nil).Slice(0).Records(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, "Pune", r.Lookup("district")[0].Text())
		require.Equal(t, "A", r.Lookup("patient.name")[0].Text())
		require.Nil(t, r.Source())
		n++
	}
	require.Equal(t, 10, n)
	_, err := w.Scan(t.Context(), officer, ask(""), &search.ScanOptions{Source: true})
	require.ErrorIs(t, err, search.ErrInvalid)
	for r, err := range scan(t, w.Index, admin, ask("", "staff"), &search.ScanOptions{Source: true}).Slice(0).Records(t.Context()) {
		require.NoError(t, err)
		require.Contains(t, string(r.Source()), `"nurse"`)
	}
}

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	one, err := scan(t, w.Index, admin, ask("", "visits"), nil).Slice(0).Checkpoint()
	require.NoError(t, err)
	resume := func(who *access.Principal, text string, o search.ScanOptions) error {
		_, err := w.Scan(t.Context(), who, ask(text, "visits"), &o)
		return err
	}
	require.NoError(t, resume(admin, "", search.ScanOptions{Resume: []string{one}}))
	for name, err := range map[string]error{
		"another question":  resume(admin, "age = 1", search.ScanOptions{Resume: []string{one}}),
		"another principal": resume(officer, "", search.ScanOptions{Resume: []string{one}}),
		"another order":     resume(admin, "", search.ScanOptions{Resume: []string{one}, Ordered: true}),
		"other slices":      resume(admin, "", search.ScanOptions{Resume: []string{one, one}, Slices: 2}),
		"nonsense":          resume(admin, "", search.ScanOptions{Resume: []string{"x"}}),
	} {
		require.ErrorIs(t, err, search.ErrBadToken, name)
	}
	for _, o := range []search.ScanOptions{{Slices: -1}, {Slices: 2000}, {Resume: []string{one}, Slices: 3}} {
		require.ErrorIs(t, resume(admin, "", o), search.ErrInvalid)
	}
	require.ErrorIs(t, resume(nil, "", search.ScanOptions{}), search.ErrInvalid)
	_, err = w.Scan(t.Context(), officer, ask("", "staff"), nil)
	require.ErrorIs(t, err, search.ErrUnknownIndex)

	ctx, cancel := context.WithCancel(t.Context())
	got := 0
	var last error
	for _, err := range scan(t, w.Index, admin, ask("", "visits"), nil).Slice(0).Records(ctx) {
		if err != nil {
			last = err
			break
		}
		got++
		cancel()
	}
	cancel()
	require.Equal(t, 1, got)
	require.ErrorIs(t, last, context.Canceled)
}

// What is asked of a scan that is closed, or of a slice that is not there, is an error.
func TestScanClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	failure := func(p *search.Slice) (failed error) {
		for r, err := range p.Records(t.Context()) {
			require.Nil(t, r)
			failed = err
		}
		return failed
	}
	for _, indexes := range [][]string{{"visits"}, {"visits", "staff"}} {
		for _, ordered := range []bool{false, true} {
			s, err := w.Scan(t.Context(), admin, ask("", indexes...), &search.ScanOptions{Ordered: ordered, Slices: 2})
			require.NoError(t, err)
			for _, n := range []int{-1, 2, 1 << 40} {
				require.ErrorIs(t, failure(s.Slice(n)), search.ErrInvalid)
				_, err = s.Slice(n).Checkpoint()
				require.ErrorIs(t, err, search.ErrInvalid)
			}
			before := s.Slice(0)
			require.NoError(t, s.Close())
			_, err = s.Total(t.Context())
			require.ErrorIs(t, err, search.ErrSnapshotLost)
			require.ErrorIs(t, failure(before), search.ErrSnapshotLost)
			require.ErrorIs(t, failure(s.Slice(1)), search.ErrSnapshotLost)
			require.ErrorIs(t, failure(s.Slice(2)), search.ErrInvalid)
			_, err = before.Checkpoint()
			require.NoError(t, err)
			require.NotEmpty(t, s.Columns())
		}
	}
}
