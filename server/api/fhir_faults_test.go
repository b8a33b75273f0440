package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/fhirtest"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/server/api"
)

// A failing engine fails with what it is told to, when it is asked for a snapshot or for schemas.
type failing struct {
	search.Driver

	snapshots, schemas atomic.Pointer[error]
	panics             atomic.Bool
}

func (f *failing) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	if err := f.snapshots.Load(); err != nil {
		return nil, *err
	}
	return f.Driver.Snapshot(ctx, index, token)
}

func (f *failing) Schemas(ctx context.Context, name string) ([]*record.Schema, error) {
	if f.panics.Load() {
		panic("a secret of the engine")
	}
	if err := f.schemas.Load(); err != nil {
		return nil, *err
	}
	return f.Driver.Schemas(ctx, name)
}

// S3: an export that has failed says so, with a status of 5xx and a reason, and never 202 for ever.
func TestFHIRFailures(t *testing.T) {
	t.Parallel()
	engine := &failing{Driver: clinicEngine(t)}
	c := openClinic(t, func(c *clinic) {
		c.engine, c.jobs = engine, job.Options{MaxAttempts: 2, Backoff: func(int) time.Duration { return time.Millisecond }}
	})
	ended := func(status string) *answer {
		for {
			got := c.ask("", http.MethodGet, status, nil)
			if got.status != http.StatusAccepted && got.header.Get("X-Export-Status") != "202 Accepted" {
				return got
			}
			require.NoError(t, quick(t.Context(), time.Second))
		}
	}
	for name, x := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"S3 an engine that is gone": {search.ErrUnavailable, http.StatusServiceUnavailable, "no-store"},
		"S3 what nobody expected":   {errors.New("a secret of the engine"), http.StatusInternalServerError, "exception"},
	} {
		t.Run(name, func(t *testing.T) {
			engine.snapshots.Store(&x.err)
			status := c.kick("", "$export")
			got := ended(status)
			require.Equal(t, x.status, got.status, string(got.body))
			require.Equal(t, x.code, c.code(got))
			require.NotContains(t, string(got.body), "secret")
			require.Equal(t, x.status, c.ask("", http.MethodGet, status, nil).status, "it stays so")

			apart := c.kick("", "$export", "Prefer", "separate-export-status")
			got = ended(apart)
			require.Equal(t, http.StatusOK, got.status, "K4")
			require.Regexp(t, `^5\d\d `, got.header.Get("X-Export-Status"))
			require.Equal(t, "OperationOutcome", got.json["resourceType"])
			require.Equal(t, http.StatusAccepted, c.ask("", http.MethodDelete, status, nil).status, "D1")
			require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, status, nil).status)
		})
	}
	t.Run("S3 a failure that passes", func(t *testing.T) {
		engine.snapshots.Store(nil)
		got, err := c.client().Export(t.Context(), &fhirtest.Request{})
		require.NoError(t, err)
		require.EqualValues(t, clinicPatients, got.Count["Patient"])
	})
	t.Run("at the kick-off", func(t *testing.T) {
		gone := search.ErrUnavailable
		engine.schemas.Store(&gone)
		got := c.ask("", http.MethodGet, "/fhir/r4/$export", nil)
		require.Equal(t, http.StatusServiceUnavailable, got.status)
		require.Equal(t, "transient", c.code(got))
		engine.panics.Store(true)
		got = c.ask("", http.MethodGet, "/fhir/r4/$export", nil)
		require.Equal(t, http.StatusInternalServerError, got.status)
		require.Equal(t, "exception", c.code(got))
		require.NotContains(t, string(got.body), "secret")
	})
}

// A gateway forwards FHIR; URLs are those that its clients see, and errors OperationOutcomes, also its own.
func TestFHIRThroughGateways(t *testing.T) {
	t.Parallel()
	inner := openClinic(t, func(c *clinic) {
		c.opts.Roles, c.opts.Base, c.opts.Proxies = []string{"fhir"}, "/inner", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	to, err := url.Parse(inner.url + "/inner")
	require.NoError(t, err)
	h, err := api.New(nil, &api.Options{
		Authenticate: inner.opts.Authenticate, NoSignIn: true, Roles: []string{"gateway"}, Base: "/outer", Gateway: &api.Gateway{Processes: map[string]*url.URL{"fhir": to}},
	})
	require.NoError(t, err)
	outer := httptest.NewServer(http.StripPrefix("/outer", h))
	t.Cleanup(outer.Close)
	c := &clinic{t: t, url: outer.URL, Server: outer}
	f := &fhirtest.Client{Base: outer.URL + "/outer/fhir/r4", Wait: quick}
	got, err := f.Export(t.Context(), &fhirtest.Request{Post: true})
	require.NoError(t, err)
	require.EqualValues(t, clinicPulses, got.Count["Observation"])
	require.True(t, strings.HasPrefix(got.Status, outer.URL+"/outer/fhir/r4/$export-status/"), got.Status)
	require.NotContains(t, string(got.Manifests[0]), "/inner")
	require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, "/outer/fhir/r4/$export-status/x", nil).status)
	require.Equal(t, http.StatusBadRequest, c.ask("", http.MethodGet, "/outer/fhir/r4/$export?_x=1", nil).status)
	inner.Close()
	gone := c.ask("", http.MethodGet, "/outer/fhir/r4/metadata", nil)
	require.Equal(t, http.StatusBadGateway, gone.status)
	require.Equal(t, "transient", c.code(gone))
}
