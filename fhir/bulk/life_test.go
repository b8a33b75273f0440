package bulk_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
)

// D1: whatever the state, after DELETE there is nothing, at once; what a worker is about to store goes too.
func TestDelete(t *testing.T) {
	t.Parallel()
	waiting := open(t, memory(t, 10), func(h *house) { h.idle = true })
	e, err := waiting.Start(t.Context(), asha(), ask(bulk.SystemLevel))
	require.NoError(t, err)
	require.Equal(t, "0% waiting", e.Progress)
	require.NoError(t, waiting.Delete(t.Context(), asha(), e.ID))
	require.ErrorIs(t, waiting.Delete(t.Context(), asha(), e.ID), bulk.ErrNotFound)

	there := make(chan struct{}, 1)
	running, _ := disturbed(t, 210, true, func(ctx context.Context, what string, n int) error {
		if what != "record visits" || n != 333 {
			return nil
		}
		there <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}, nil)
	e, err = running.Start(t.Context(), asha(), ask(bulk.SystemLevel, "_type", "Patient,Observation"))
	require.NoError(t, err)
	<-there
	require.NoError(t, running.Delete(t.Context(), asha(), e.ID))
	_, err = running.Get(t.Context(), asha(), e.ID)
	require.ErrorIs(t, err, bulk.ErrNotFound)
	for j, err := range running.jobs.Watch(t.Context(), "pb", "fhir-exports", e.ID) {
		require.NoError(t, err)
		if j.State.Finished() {
			require.Equal(t, job.Cancelled, j.State)
		}
	}
	require.Zero(t, running.stored(t))
	require.NoError(t, running.Sweep(t.Context()))
	_, err = running.jobs.Get(t.Context(), "pb", "fhir-exports", e.ID)
	require.ErrorIs(t, err, job.ErrNotFound)

	done := open(t, memory(t, 10), nil)
	m := done.export(t, asha(), ask(bulk.SystemLevel))
	require.NotZero(t, done.stored(t))
	require.NoError(t, done.Delete(t.Context(), asha(), m.ID))
	require.Zero(t, done.stored(t))
	_, err = done.Manifest(t.Context(), asha(), m.ID, 0)
	require.ErrorIs(t, err, bulk.ErrNotFound)
	require.Contains(t, done.noted(), "delete asha done 80")
}

// S5, F4: files are there for 24 hours, and as long as somebody reads them; then the export says that it has expired, and in the end is gone.
func TestExpiry(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.WithinDuration(t, h.clock.now().Add(24*time.Hour), m.ExpiresAt, time.Minute)
	d, err := h.OpenFile(t.Context(), asha(), m.ID, "Patient-1.ndjson")
	require.NoError(t, err)
	r, err := d.Open(t.Context(), false, 0, -1)
	require.NoError(t, err)
	h.clock.add(23 * time.Hour)
	require.NoError(t, h.Sweep(t.Context()))
	require.NotZero(t, h.stored(t))

	h.clock.add(2 * time.Hour)
	_, err = h.Manifest(t.Context(), asha(), m.ID, 0)
	require.ErrorIs(t, err, bulk.ErrExpired)
	_, err = h.OpenFile(t.Context(), asha(), m.ID, "Patient-1.ndjson")
	require.ErrorIs(t, err, bulk.ErrExpired)
	require.NoError(t, h.Sweep(t.Context()))
	require.NotZero(t, h.stored(t), "somebody reads")
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Len(t, all, int(d.Size))
	require.NoError(t, r.Close())
	require.NoError(t, h.Sweep(t.Context()))
	require.Zero(t, h.stored(t))
	require.Contains(t, h.noted(), "expire asha done 10")
	e, err := h.Get(t.Context(), asha(), m.ID)
	require.NoError(t, err)
	require.Equal(t, job.Expired, e.Status)
	require.Zero(t, e.Pages)

	h.clock.add(25 * time.Hour)
	require.NoError(t, h.Sweep(t.Context()))
	_, err = h.Get(t.Context(), asha(), m.ID)
	require.ErrorIs(t, err, bulk.ErrNotFound)
}

// S6: pages of a manifest are there as soon as they are full, and never change but for the next one.
func TestPartialManifests(t *testing.T) {
	t.Parallel()
	there, on := make(chan struct{}, 1), make(chan struct{})
	h, _ := disturbed(t, 210, true, func(_ context.Context, what string, n int) error {
		if what == "record visits" && n == 333 {
			there <- struct{}{}
			<-on
		}
		return nil
	}, nil)
	e, err := h.Start(t.Context(), asha(), ask(bulk.SystemLevel, "_type", "Patient,Observation,Location", "allowPartialManifests", "true"))
	require.NoError(t, err)
	<-there
	e, err = h.Get(t.Context(), asha(), e.ID)
	require.NoError(t, err)
	require.Equal(t, 1, e.Pages) // 5 files of patients, 6 of visits, and an error file
	before, err := h.Manifest(t.Context(), asha(), e.ID, 0)
	require.NoError(t, err)
	require.False(t, before.Complete)
	require.Zero(t, before.Next)
	require.Len(t, append(before.Output, before.Errors...), 10)
	_ = h.lines(t, asha(), before, before.Output) // they can be had
	_, err = h.Manifest(t.Context(), asha(), e.ID, 1)
	require.ErrorIs(t, err, bulk.ErrNotReady)
	_, err = h.OpenFile(t.Context(), asha(), e.ID, "Observation-6.ndjson")
	require.ErrorIs(t, err, bulk.ErrNotFound, "it is not listed yet")
	close(on)
	e = h.wait(t, asha(), e.ID)
	require.Equal(t, job.Completed, e.Status, "%+v", e.Error)
	require.Equal(t, 3, e.Pages)
	all := map[string]int64{}
	for page := range 3 {
		m, err := h.Manifest(t.Context(), asha(), e.ID, page)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2, 0}[page], m.Next)
		require.Equal(t, before.TransactionTime, m.TransactionTime)
		if page == 0 {
			require.Equal(t, before.Output, m.Output)
			require.Equal(t, before.Errors, m.Errors)
		}
		for of, n := range counts(m.Output) {
			all[of] += n
		}
	}
	require.Equal(t, map[string]int64{"Patient": 208, "Observation": 622, "Location": 210}, all)
	_, err = h.Manifest(t.Context(), asha(), e.ID, 3)
	require.ErrorIs(t, err, bulk.ErrNotFound)
}

// S6: an export fails rather than that a file which was listed is another one.
func TestListedNeverChanges(t *testing.T) {
	t.Parallel()
	h, _ := disturbed(t, 210, false, at1("record visits", 555, context.DeadlineExceeded), nil)
	e, err := h.Start(t.Context(), asha(), ask(bulk.SystemLevel, "_type", "Patient,Observation", "allowPartialManifests", "true"))
	require.NoError(t, err)
	e = h.wait(t, asha(), e.ID)
	require.Equal(t, job.Failed, e.Status)
	require.Equal(t, "SNAPSHOT_LOST", e.Error.Code)
	require.Zero(t, h.stored(t))
}

// A step that sorts begins anew after a failure. Nothing of it is listed before it is done, so that this costs time, and not the export.
func TestSortedAnew(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*bulk.Request{
		"by patients":       ask(bulk.PatientLevel, "_type", "Patient,Observation", "allowPartialManifests", "true", "organizeOutputBy", "Patient"),
		"latest provenance": ask(bulk.PatientLevel, "_type", "Observation", "allowPartialManifests", "true", "includeAssociatedData", "LatestProvenanceResources"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h *house
			var id string
			n, most, failAt := 0, 0, map[string]int{"by patients": 25, "latest provenance": 43}[name]
			ready := make(chan struct{})
			h, _ = disturbed(t, 500, true, nil, func(ctx context.Context, what string, at int) error {
				if what != "put" {
					return nil
				}
				select {
				case <-ready:
				case <-ctx.Done():
					return ctx.Err()
				}
				e, err := h.Get(ctx, asha(), id)
				if err != nil {
					return err
				}
				if n, most = at, max(most, e.Pages); at == failAt {
					return errors.New("boom")
				}
				return nil
			})
			e, err := h.Start(t.Context(), asha(), r)
			require.NoError(t, err)
			id = e.ID
			close(ready)
			e = h.wait(t, asha(), e.ID)
			require.Equal(t, job.Completed, e.Status, "%+v", e.Error)
			require.Greater(t, n, failAt+7, "it was done anew")
			require.Greater(t, e.Pages, 1)
			if name == "by patients" {
				require.Zero(t, most, "no page was there before")
			} else {
				require.Positive(t, most, "the steps before it are listed")
			}
			lines := 0
			for page := range e.Pages {
				m, err := h.Manifest(t.Context(), asha(), e.ID, page)
				require.NoError(t, err)
				lines += len(h.lines(t, asha(), m, m.Output))
			}
			require.Equal(t, map[string]int{"by patients": 495 + 1480 + 495, "latest provenance": 1480 + 500}[name], lines)
		})
	}
}

// A configuration that makes no sense is refused.
func TestConfig(t *testing.T) {
	t.Parallel()
	good := open(t, memory(t, 1), func(h *house) { h.idle = true })
	for name, change := range map[string]func(c *bulk.Config){
		"mappings":     func(c *bulk.Config) { c.Mappings = nil },
		"same mapping": func(c *bulk.Config) { c.Mappings = append(c.Mappings, c.Mappings[0]) },
		"deleted": func(c *bulk.Config) {
			c.Mappings = parse(t, strings.Replace(mappings, "status = deleted", "status WAS deleted", 1))
		},
		"files":         func(c *bulk.Config) { c.Files = nil },
		"scheme":        func(c *bulk.Config) { c.Scheme = "tape" },
		"spool":         func(c *bulk.Config) { c.Spool = "" },
		"limits":        func(c *bulk.Config) { c.Limits.Files = 2001 },
		"retention":     func(c *bulk.Config) { c.Retention = -1 },
		"group id":      func(c *bulk.Config) { c.Groups = []bulk.Group{{ID: "a/b"}} },
		"group twice":   func(c *bulk.Config) { c.Groups = []bulk.Group{{ID: "a"}, {ID: "a"}} },
		"group of both": func(c *bulk.Config) { c.Groups = []bulk.Group{{ID: "a", JQL: "x = 1", Members: []string{"b"}}} },
		"group query":   func(c *bulk.Config) { c.Groups = []bulk.Group{{ID: "a", JQL: "x ="}} },
		"group order":   func(c *bulk.Config) { c.Groups = []bulk.Group{{ID: "a", JQL: "ORDER BY x"}} },
	} {
		c := good.config
		change(&c)
		_, err := bulk.New(&c, &good.host)
		require.ErrorIs(t, err, bulk.ErrInvalid, name)
	}
	_, err := bulk.New(&good.config, &good.host)
	require.NoError(t, err)
	_, err = bulk.New(&good.config, &bulk.Host{})
	require.ErrorIs(t, err, bulk.ErrInvalid)
	_, err = bulk.New(nil, nil)
	require.ErrorIs(t, err, bulk.ErrInvalid)
}

// C1: what can be exported.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	c := open(t, memory(t, 1), func(h *house) { h.idle = true }).Capabilities()
	require.Equal(t, "application/fhir+ndjson", c.Formats[0])
	var types []string
	for _, of := range c.Types {
		types = append(types, of.Type)
		require.Equal(t, of.Type != "Location", of.Compartment)
		if of.Type == "Observation" {
			require.Contains(t, of.Search, bulk.SearchParam{Name: "status", Kind: "token"})
			require.Contains(t, of.Search, bulk.SearchParam{Name: "_lastUpdated", Kind: "date"})
		}
	}
	require.Equal(t, []string{"Condition", "Location", "Observation", "Patient", "Provenance"}, types)
	require.True(t, c.Groups)
	require.Equal(t, 24*time.Hour, c.Retention)
}

// What cannot be noted does not happen.
func TestNote(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.Equal(t, []string{"request asha done 0", "complete asha done 10"}, h.noted())
	_ = h.read(t, asha(), m.ID, &m.Output[0])
	_, err := h.OpenFile(t.Context(), user("ravi", "exporter"), m.ID, m.Output[0].Name)
	require.ErrorIs(t, err, bulk.ErrNotFound)
	_, err = h.Start(t.Context(), user("x", "nobody"), ask(bulk.SystemLevel))
	require.ErrorIs(t, err, bulk.ErrForbidden)
	require.Equal(t, []string{"download asha done 10", "download ravi refused 0", "request x refused 0"}, h.noted()[2:])

	full := errors.New("the audit is full")
	h.mu.Lock()
	h.refuse = full
	h.mu.Unlock()
	_, err = h.Start(t.Context(), asha(), ask(bulk.SystemLevel))
	require.ErrorIs(t, err, full)
	_, err = h.OpenFile(t.Context(), asha(), m.ID, m.Output[0].Name)
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, h.Delete(t.Context(), asha(), m.ID), full)
	h.clock.add(25 * time.Hour)
	require.ErrorIs(t, h.Sweep(t.Context()), full)
	jobs, err := h.jobs.List(t.Context(), &job.Query{Tenant: "pb", Kind: "fhir-exports"})
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	require.Equal(t, job.Completed, jobs[0].State)
}

// Two kick-offs of one user at once are two exports, and the work of both is done.
func TestBackToBack(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), func(h *house) { h.config.Limits.PerUser = 1 })
	for range 5 { // as Inferno does: kick-off, DELETE, and again
		e, err := h.Start(t.Context(), asha(), ask(bulk.SystemLevel))
		require.NoError(t, err)
		require.NoError(t, h.Delete(t.Context(), asha(), e.ID))
	}
	require.NoError(t, h.Sweep(t.Context()))
}
