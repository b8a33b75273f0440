package essearch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/essearch"
)

// A foreign index is one that DHR did not make: without helping fields, with
// three shards, with ids of every form.
type foreign struct {
	name   string
	schema *record.Schema
	ids    []string // ascending
	ages   map[string]int
}

const foreignRecords = 7000

func newForeign(t *testing.T, host, name string) *foreign {
	t.Helper()
	f := &foreign{name: name, ages: map[string]int{}}
	fetch(t, http.MethodDelete, host+"/"+name, "", new(any))
	status := fetch(t, http.MethodPut, host+"/"+name, `{"settings":{"number_of_shards":3,"number_of_replicas":0},"mappings":{"properties":{"age":{"type":"integer"},"weight":{"type":"double"}}}}`, new(any))
	require.Equal(t, http.StatusOK, status)
	t.Cleanup(func() {
		req, err := http.NewRequest(http.MethodDelete, host+"/"+name, nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
	})
	r := rand.New(rand.NewPCG(3, 4))
	var body strings.Builder
	for i := range foreignRecords {
		id := []string{fmt.Sprint(i), fmt.Sprintf("%05d", i), fmt.Sprintf("Ab-%d_", i), fmt.Sprintf("é %d", i), fmt.Sprintf("😀%d", i)}[i%5]
		age := r.IntN(5)
		f.ids, f.ages[id] = append(f.ids, id), age
		weight := []string{"1.50", "-0.0", "0", "0.0", "2e0"}[r.IntN(5)]
		fmt.Fprintf(&body, "{\"index\":{\"_id\":%q}}\n{\"age\":%d, \"weight\":%s}\n", id, age, weight)
	}
	slices.Sort(f.ids)
	var answer struct{ Errors bool }
	require.Equal(t, http.StatusOK, fetch(t, http.MethodPost, host+"/"+name+"/_bulk?refresh=true", body.String(), &answer))
	require.False(t, answer.Errors)
	var err error
	f.schema, err = record.ParseSchema(name, []byte(`{"properties":{"age":{"type":"integer"},"weight":{"type":"double"}}}`))
	require.NoError(t, err)
	return f
}

func (f *foreign) plan(order ...plan.Sort) *plan.Plan {
	return &plan.Plan{Schema: f.schema, Where: plan.All{}, Order: append(order, plan.Sort{Field: f.schema.Field("_id")})}
}

func (f *foreign) columns(t *testing.T) *record.Projection {
	p, err := f.schema.Project("age", "weight")
	require.NoError(t, err)
	return p
}

// byAge are the ids by age, descending.
func (f *foreign) byAge() []string {
	ids := slices.Clone(f.ids)
	slices.SortStableFunc(ids, func(a, b string) int { return f.ages[b] - f.ages[a] })
	return ids
}

func collect(t *testing.T, records record.Stream) (ids []string) {
	t.Helper()
	for r, err := range records {
		require.NoError(t, err)
		ids = append(ids, strings.Clone(r.ID))
	}
	return ids
}

// Indexes that DHR did not make are read in every order, page by page and whole.
func TestForeign(t *testing.T) {
	onServers(t, func(t *testing.T, host string, d *essearch.Driver) {
		f := newForeign(t, host, "essearch-foreign")
		columns := f.columns(t)
		age := plan.Sort{Field: f.schema.Field("age"), Desc: true}
		n, err := d.Count(t.Context(), f.plan(), 0)
		require.NoError(t, err)
		require.EqualValues(t, foreignRecords, n)
		n, err = d.Count(t.Context(), f.plan(), 100)
		require.NoError(t, err)
		require.EqualValues(t, 100, n)
		for _, c := range []struct {
			p    *plan.Plan
			want []string
		}{{f.plan(), f.ids}, {f.plan(age), f.byAge()}} {
			require.Equal(t, c.want, collect(t, d.Read(t.Context(), &search.Read{Plan: c.p, Columns: columns})))
			require.Equal(t, c.want[6990:], collect(t, d.Read(t.Context(), &search.Read{Plan: c.p, Columns: columns, Skip: 6990, Limit: 100})))
		}
		// Zeros of either sign are one.
		weight := plan.Sort{Field: f.schema.Field("weight")}
		var last string
		var before float64
		for r, err := range d.Read(t.Context(), &search.Read{Plan: f.plan(weight), Columns: columns, Limit: 4000}) {
			require.NoError(t, err)
			if w := r.Value(1).Float(); w == before {
				require.Less(t, last, r.ID)
			} else {
				require.Less(t, before, w)
				before = w
			}
			last = strings.Clone(r.ID)
		}
	})
}

// A snapshot of several shards is scanned whole, in slices, and from any place.
func TestForeignSnapshot(t *testing.T) {
	onServers(t, func(t *testing.T, host string, d *essearch.Driver) {
		f := newForeign(t, host, "essearch-foreign-snapshot")
		s, err := d.Snapshot(t.Context(), f.name, "")
		require.NoError(t, err)
		age := plan.Sort{Field: f.schema.Field("age"), Desc: true}
		fetch(t, http.MethodPost, host+"/"+f.name+"/_doc/new?refresh=true", `{"age":9}`, new(any))
		n, err := s.Count(t.Context(), f.plan())
		require.NoError(t, err)
		require.EqualValues(t, foreignRecords, n, "a snapshot does not change")

		scan := search.Scan{Plan: f.plan(age), Columns: f.columns(t), Ordered: true}
		records, _ := s.Scan(t.Context(), &scan)
		require.Equal(t, f.byAge(), collect(t, records))
		for _, ordered := range []bool{false, true} {
			scan.Ordered, scan.From = ordered, ""
			records, _ := s.Scan(t.Context(), &scan)
			whole := collect(t, records)
			sorted := slices.Sorted(slices.Values(whole))
			require.Equal(t, f.ids, sorted)
			var parts []string
			for i := range 4 {
				part := scan
				part.Slice, part.Slices = i, 4
				records, _ := s.Scan(t.Context(), &part)
				parts = append(parts, collect(t, records)...)
			}
			slices.Sort(parts)
			require.Equal(t, f.ids, parts)
			for _, stop := range []int{1, 999, 1000, 1001, 5555} {
				scan.From = ""
				records, position := s.Scan(t.Context(), &scan)
				n := 0
				for _, err := range records {
					require.NoError(t, err)
					if n++; n == stop {
						break
					}
				}
				scan.From = position()
				records, _ = s.Scan(t.Context(), &scan)
				require.Equal(t, whole[stop:], collect(t, records), "after %d", stop)
			}
		}
		require.NoError(t, s.Close())
		records, _ = s.Scan(t.Context(), &scan)
		for _, err := range records {
			require.ErrorIs(t, err, search.ErrSnapshotLost)
		}
		_, err = d.Snapshot(t.Context(), f.name, s.Token())
		require.ErrorIs(t, err, search.ErrSnapshotLost)
		_, err = d.Snapshot(t.Context(), f.name, "rubbish")
		require.ErrorIs(t, err, search.ErrBadToken)
	})
}

// Whatever is cancelled, and whenever, leaves nothing open on the server.
func TestCancelLeavesNothing(t *testing.T) {
	onServers(t, func(t *testing.T, host string, d *essearch.Driver) {
		f := newForeign(t, host, "essearch-foreign-cancel")
		read := &search.Read{Plan: f.plan(), Columns: f.columns(t)}
		for _, wait := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			for _, err := range d.Read(ctx, read) {
				if err != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
			}
			cancel()
		}
		for _, err := range d.Read(t.Context(), read) {
			require.NoError(t, err)
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		s, err := d.Snapshot(ctx, f.name, "")
		require.NoError(t, err)
		open, err := openContexts(host, f.name)
		require.NoError(t, err)
		require.Positive(t, open, "the statistics show what is open")
		records, _ := s.Scan(ctx, &search.Scan{Plan: f.plan(), Columns: f.columns(t)})
		n := 0
		for _, err := range records {
			if n++; n == 10 {
				cancel()
			}
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
			}
		}
		cancel()
		require.NoError(t, s.Close())
		require.Eventually(t, func() bool {
			open, err := openContexts(host, f.name)
			return err == nil && open == 0
		}, 10*time.Second, 20*time.Millisecond)
	})
}
