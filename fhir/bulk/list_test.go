package bulk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
)

// ids lists all exports that a query finds, page after page.
func (h *house) ids(t *testing.T, who *access.Principal, q *bulk.ListQuery) []string {
	t.Helper()
	ids := []string{}
	for {
		page, err := h.List(t.Context(), who, q)
		require.NoError(t, err)
		for _, e := range page.Exports {
			ids = append(ids, e.ID)
		}
		if page.Next == nil {
			return ids
		}
		require.Len(t, page.Exports, q.MaxResults)
		q.After = page.Next
	}
}

// The list has one's own exports, the newest first, and for administrators those of the tenant.
func TestList(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), func(h *house) { h.idle = true })
	begin := func(who *access.Principal, r *bulk.Request) string {
		h.clock.add(time.Second)
		e, err := h.Start(t.Context(), who, r)
		require.NoError(t, err)
		return e.ID
	}
	want := []string{}
	for range 5 {
		want = append([]string{begin(asha(), ask(bulk.SystemLevel))}, want...)
	}
	ravi := begin(user("ravi", "exporter"), ask(bulk.PatientLevel))
	boss, foreign := user("boss", "exporter", "admin"), user("boss", "exporter", "admin")
	foreign.Tenant = "mz"
	require.Equal(t, want, h.ids(t, asha(), nil))
	for _, n := range []int{1, 2, 5, 1000} {
		require.Equal(t, want, h.ids(t, asha(), &bulk.ListQuery{MaxResults: n}), n)
	}
	page, err := h.List(t.Context(), asha(), &bulk.ListQuery{MaxResults: 5})
	require.NoError(t, err)
	require.Nil(t, page.Next, "a full page may be the last")
	require.Empty(t, h.ids(t, boss, nil))
	require.Equal(t, append([]string{ravi}, want...), h.ids(t, boss, &bulk.ListQuery{UserID: "*"}))
	require.Equal(t, []string{ravi}, h.ids(t, boss, &bulk.ListQuery{UserID: "ravi", Status: []job.State{job.Initiated}}))
	require.Empty(t, h.ids(t, boss, &bulk.ListQuery{UserID: "*", Status: []job.State{job.Completed, job.Cancelled}}))
	require.Empty(t, h.ids(t, foreign, &bulk.ListQuery{UserID: "*"}))

	// What was deleted is not there, and makes no page shorter.
	require.NoError(t, h.Delete(t.Context(), asha(), want[1]))
	left := []string{want[0], want[2], want[3], want[4]}
	require.Equal(t, left, h.ids(t, asha(), &bulk.ListQuery{MaxResults: 2}))

	_, err = h.List(t.Context(), asha(), &bulk.ListQuery{UserID: "ravi"})
	require.ErrorIs(t, err, bulk.ErrForbidden)
	_, err = h.List(t.Context(), asha(), &bulk.ListQuery{UserID: "*"})
	require.ErrorIs(t, err, bulk.ErrForbidden)
	_, err = h.List(t.Context(), user("x", "nobody"), nil)
	require.ErrorIs(t, err, bulk.ErrForbidden)
	for _, q := range []*bulk.ListQuery{{Status: []job.State{"queued"}}, {MaxResults: -1}, {MaxResults: 1001}} {
		_, err = h.List(t.Context(), asha(), q)
		var e *bulk.ParameterError
		require.ErrorAs(t, err, &e)
		require.Contains(t, []string{"status", "max_results"}, e.Parameter)
	}
}

// The list says what was asked for, and what became of it; what has expired is listed as that, thrown away or not.
func TestListSays(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 100), nil)
	since := start.Add(-time.Hour)
	r := ask(bulk.GroupLevel, "_type", "Patient,Observation", "_since", since.Format(time.RFC3339), "_elements", "id,Patient.name", "_typeFilter", "Observation?status=final")
	r.Group = "d1"
	m := h.export(t, asha(), r)
	page, err := h.List(t.Context(), asha(), &bulk.ListQuery{Status: []job.State{job.Completed}})
	require.NoError(t, err)
	require.Len(t, page.Exports, 1)
	e := page.Exports[0]
	require.Equal(t, m.ID, e.ID)
	require.Equal(t, bulk.GroupLevel, e.Level)
	require.Equal(t, "d1", e.Group)
	require.Equal(t, []string{"Patient", "Observation"}, e.Types)
	require.True(t, since.Equal(e.Since))
	require.True(t, e.Until.IsZero())
	require.Equal(t, []string{"id", "Patient.name"}, e.Elements)
	require.Equal(t, []string{"Observation?status=final"}, e.Filters)
	require.Equal(t, len(m.Output)+len(m.Errors)+len(m.Deleted), e.Files)
	require.Positive(t, e.Bytes)
	count := int64(0)
	for i := range m.Output {
		count += m.Output[i].Count
	}
	require.Equal(t, count, e.Resources)

	everything := h.export(t, asha(), ask(bulk.SystemLevel))
	page, err = h.List(t.Context(), asha(), nil)
	require.NoError(t, err)
	require.Equal(t, everything.ID, page.Exports[0].ID)
	require.EqualValues(t, 1, page.Exports[0].Unmappable)

	h.clock.add(25 * time.Hour)
	require.Empty(t, h.ids(t, asha(), &bulk.ListQuery{Status: []job.State{job.Completed}}))
	expired := h.ids(t, asha(), &bulk.ListQuery{Status: []job.State{job.Expired}})
	require.Len(t, expired, 2)
	require.NoError(t, h.Sweep(t.Context()))
	require.Equal(t, expired, h.ids(t, asha(), &bulk.ListQuery{Status: []job.State{job.Expired}}))
}
