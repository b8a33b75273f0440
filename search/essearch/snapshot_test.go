package essearch

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const withoutKey = `{"properties":{"visit_id":{"type":"keyword"},"age":{"type":"integer"},"district":{"type":"keyword"},"weight":{"type":"double"}}}`

// backwards gives ids that stand in the opposite order of the documents.
func backwards(i int) string { return fmt.Sprintf("w%07d", 9_999_999-i) }

func TestScan(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		f := &fake{docs: 25_000}
		d := f.driver(t, Options{})
		s, err := d.Snapshot(t.Context(), "visits", "")
		require.NoError(t, err)
		require.Equal(t, "pit-0", s.Token())
		records, _ := s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t), Ordered: ordered})
		got, err := drain(records)
		require.NoError(t, err)
		require.Equal(t, f.ids(0, 25_000), got)
		last := fmt.Sprintf("pit-%d", f.searches)
		require.Equal(t, last, s.Token(), "the latest id counts")
		require.NoError(t, s.Close())
		require.NoError(t, s.Close(), "closing twice is once")
		require.Equal(t, []string{`{"id":"` + last + `"}`}, f.closed)
		for i, body := range f.bodies {
			require.Contains(t, body, fmt.Sprintf(`"pit":{"id":"pit-%d","keep_alive":"300s"}`, i))
			require.Contains(t, body, `"track_total_hits":false`)
		}
		n := `"sort":["_doc","_shard_doc"]`
		if ordered {
			n = `"sort":[{"visit_id":`
		}
		require.Contains(t, f.bodies[0], n)
	}
}

// A snapshot that is left is not closed, and goes on in other hands.
func TestLeave(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 2500}
	left, err := f.driver(t, Options{}).Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, left.(*snapshot).Leave())
	}
	require.NoError(t, left.Close())
	require.Empty(t, f.closed)
	s, err := f.driver(t, Options{}).Snapshot(t.Context(), "visits", left.Token())
	require.NoError(t, err)
	records, _ := s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t)})
	got, err := drain(records)
	require.NoError(t, err)
	require.Equal(t, f.ids(0, f.docs), got)
	require.NoError(t, s.Close())
	require.Len(t, f.closed, 1)
}

// A scan that is resumed at any record goes on with the next, also in the hands
// of another driver.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		ordered bool
		mapping string
	}{
		{"in the engine's order", false, ""},
		{"in the order of a key", true, ""},
		{"in an order that the engine does not have", true, withoutKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{docs: 2500, mapping: c.mapping}
			want := f.ids(0, f.docs)
			d := f.driver(t, Options{})
			s, err := d.Snapshot(t.Context(), "visits", "")
			require.NoError(t, err)
			scan := search.Scan{Plan: f.all(t), Columns: f.columns(t), Ordered: c.ordered}
			for _, stop := range []int{1, 2, 999, 1000, 1001, 2499, 2500} {
				scan.From = ""
				records, position := s.Scan(t.Context(), &scan)
				require.Empty(t, position())
				n := 0
				for r, err := range records {
					require.NoError(t, err)
					require.Equal(t, want[n], r.ID)
					if n++; n == stop {
						break
					}
				}
				scan.From = position()
				again, err := f.driver(t, Options{}).Snapshot(t.Context(), "visits", s.Token())
				require.NoError(t, err)
				records, position = again.Scan(t.Context(), &scan)
				require.Equal(t, scan.From, position(), "before the first record")
				got, err := drain(records)
				require.NoError(t, err)
				require.Equal(t, want[stop:], append([]string{}, got...), "after %d", stop)
			}
		})
	}
}

func TestBadPositions(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3}
	s, err := f.driver(t, Options{}).Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	for _, from := range []string{"x", "{}", `{"before":{"a":1},"passed":1}`, `{"before":[1],"passed":-1}`, `{"before":[1],"passed":1}}`} {
		records, _ := s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t), From: from})
		_, err := drain(records)
		require.ErrorIs(t, err, search.ErrBadToken, from)
	}
	for _, c := range []struct{ slice, slices int }{{-1, 2}, {2, 2}, {1, 0}, {0, -1}} {
		records, _ := s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t), Slice: c.slice, Slices: c.slices})
		_, err := drain(records)
		require.ErrorIs(t, err, search.ErrInvalid)
	}
}

// A snapshot that is lost in the middle is an error, and none is opened in its place.
func TestLostInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{lost, `{"error":{"type":"index_not_found_exception"},"status":404}`} {
		f := &fake{docs: 25_000, fault: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 3 {
				return reply(404, gone), nil
			}
			return nil, nil
		}}
		d := f.driver(t, Options{})
		s, err := d.Snapshot(t.Context(), "visits", "")
		require.NoError(t, err)
		records, position := s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t)})
		got, err := drain(records)
		require.ErrorIs(t, err, search.ErrSnapshotLost)
		require.NotErrorIs(t, err, search.ErrUnknownIndex)
		require.Equal(t, f.ids(0, len(got)), got)
		require.NotEmpty(t, position())
		require.Equal(t, 1, f.opened)
		_, err = s.Count(t.Context(), f.all(t))
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
}

func TestLostToken(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3, fault: func(int, *http.Request) (*http.Response, error) { return reply(404, lost), nil }}
	_, err := f.driver(t, Options{}).Snapshot(t.Context(), "visits", "pit-7")
	require.ErrorIs(t, err, search.ErrSnapshotLost)
	f.fault = func(int, *http.Request) (*http.Response, error) {
		return reply(400, `{"error":{"type":"illegal_argument_exception","reason":"invalid id"},"status":400}`), nil
	}
	_, err = f.driver(t, Options{}).Snapshot(t.Context(), "visits", "rubbish")
	require.ErrorIs(t, err, search.ErrBadToken)
}

// After a cancel in the middle the stream ends with the context's error, and the
// snapshot can still be closed, once.
func TestCancelInTheMiddle(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 25_000}
	d := f.driver(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := d.Snapshot(ctx, "visits", "")
	require.NoError(t, err)
	records, _ := s.Scan(ctx, &search.Scan{Plan: f.all(t), Columns: f.columns(t)})
	n := 0
	for r, err := range records {
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			require.Nil(t, r)
			break
		}
		if n++; n == 1500 {
			cancel()
		}
	}
	require.GreaterOrEqual(t, n, 1500)
	require.Less(t, n, 25_000)
	require.NoError(t, s.Close())
	opened, closed := f.counts()
	require.Equal(t, []int{1, 1}, []int{opened, closed})
}

// A context that ends while a snapshot is being opened leaves none open.
func TestCancelWhileOpening(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3}
	asked, release := make(chan struct{}), make(chan struct{})
	d, err := Open(t.Context(), transportFunc(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/_pit") && r.Method == http.MethodPost {
			close(asked)
			<-release
		}
		return f.Perform(r)
	}), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err = d.Snapshot(ctx, "visits", "")
	require.ErrorIs(t, err, context.Canceled)
	close(release)
	require.Eventually(t, func() bool {
		opened, closed := f.counts()
		return opened == 1 && closed == 1
	}, 5*time.Second, time.Millisecond)
}

// An order by _id that the cluster refuses is made here, from a point in time
// that is closed in every case, and holds no more than what is asked for.
func TestOrderByID(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 25_000, mapping: withoutKey, id: backwards}
	all := f.ids(0, f.docs)
	slices.Reverse(all)
	for _, c := range []struct {
		name        string
		skip, limit int
		ties        int
		want        []string
		err         error
	}{
		{"a page", 0, 50, 0, all[:50], nil},
		{"an offset", 100, 7, 0, all[100:107], nil},
		{"all", 0, 0, 0, all, nil},
		{"a page holds little", 0, 50, 100, all[:50], nil},
		{"all, of which too many are to be held", 0, 0, 20_000, nil, search.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{docs: 25_000, mapping: withoutKey, id: backwards}
			d := f.driver(t, Options{Ties: c.ties})
			got, err := drain(d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t), Skip: c.skip, Limit: c.limit}))
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, got)
			require.Equal(t, 1, f.opened)
			require.Len(t, f.closed, 1)
		})
	}
	d := f.driver(t, Options{})
	after := []record.Value{record.StringValue(all[499])}
	got, err := drain(d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t), After: after, Skip: 1, Limit: 3}))
	require.NoError(t, err)
	require.Equal(t, all[501:504], got)
	for _, err := range d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t)}) {
		require.NoError(t, err)
		break
	}
	require.Equal(t, 2, f.opened)
	require.Len(t, f.closed, 2)
}

// What the engine cannot answer is looked at record by record.
func TestInexact(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 5000, mapping: `{"_meta":{"dhr":{"key":"visit_id"}},"properties":{"visit_id":{"type":"keyword"},"age":{"type":"integer","index":false,"doc_values":false},"district":{"type":"keyword"}}}`}
	s := f.schema(t)
	p := f.all(t)
	age := s.Field("age")
	p.Where = plan.Terms{Field: age, Values: []record.Value{record.IntValue(7)}}
	d := f.driver(t, Options{})
	n, err := d.Count(t.Context(), p, 0)
	require.NoError(t, err)
	require.EqualValues(t, 56, n)
	n, err = d.Count(t.Context(), p, 10)
	require.NoError(t, err)
	require.EqualValues(t, 10, n)
	got, err := drain(d.Read(t.Context(), &search.Read{Plan: p, Columns: f.columns(t), Skip: 2, Limit: 2}))
	require.NoError(t, err)
	require.Equal(t, []string{"v0000187", "v0000277"}, got)
	opened, closed := f.counts()
	require.Equal(t, opened, closed)
}

// Records that others stored in an index made by DHR have no copy of their id to
// be ordered by. They are noticed, and then ordered as in any other index.
func TestStrangers(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 1500, mapping: `{"properties":{"dhr_id":{"type":"keyword"},"age":{"type":"integer"},"district":{"type":"keyword"}}}`}
	d := f.driver(t, Options{})
	read := &search.Read{Plan: f.all(t), Columns: f.columns(t)}
	got, err := drain(d.Read(t.Context(), read))
	require.NoError(t, err)
	require.Equal(t, f.ids(0, 1500), got)
	require.Contains(t, f.bodies[0], `"dhr_id"`)

	f.strangers = 2
	_, err = drain(d.Read(t.Context(), read))
	require.ErrorIs(t, err, errWithoutID, "the first page was yielded before they came")
	f.strangers = 0
	d = f.driver(t, Options{})
	_, err = d.Count(t.Context(), f.all(t), 0)
	require.NoError(t, err)
	f.strangers = 1000
	s, err := d.Snapshot(t.Context(), "visits", "")
	require.NoError(t, err)
	records, _ := s.Scan(t.Context(), &search.Scan{Plan: f.all(t), Columns: f.columns(t), Ordered: true})
	got, err = drain(records)
	require.NoError(t, err)
	require.Equal(t, f.ids(0, 1500), got)
}
