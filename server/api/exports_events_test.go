package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/api"
)

// held starts a server with an export that waits for its gate.
func held(t *testing.T, opts *api.Options) (s *server, path string, gate chan struct{}) {
	t.Helper()
	gate = make(chan struct{})
	o := newOffice(t)
	o.config.Formats = append(o.config.Formats, gated(gate))
	s = o.start(t, opts)
	t.Cleanup(func() {
		select {
		case <-gate:
		default:
			close(gate)
		}
	})
	begun := s.send("exporter", "POST", "/v1/exports", m{"jql": children, "format": "gated"})
	require.Equal(t, http.StatusAccepted, begun.status, string(begun.body))
	return s, begun.header.Get("Location"), gate
}

// A stream says how far an export is until its end, and goes on where it was left.
func TestEvents(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s, path, gate := held(t, &api.Options{WriteTimeout: 50 * time.Millisecond, Heartbeat: 10 * time.Millisecond, Metrics: registry})
	var all []event
	last := int64(0)
	comments := 0
	for e := range s.stream(t.Context(), "exporter", path+"/events") {
		if e.name == "" {
			if comments++; comments == 8 { // longer than the time to write: the stream is kept alive
				close(gate)
			}
			continue
		}
		all = append(all, e)
		require.Contains(t, path, e.data["id"])
		if e.name != "end" {
			n, err := strconv.ParseInt(e.id, 10, 64)
			require.NoError(t, err)
			require.Greater(t, n, last)
			last = n
		}
	}
	require.Equal(t, "state", all[0].name)
	require.Equal(t, "end", all[len(all)-1].name)
	require.Equal(t, "completed", all[len(all)-1].data["status"])
	require.Equal(t, "state", all[len(all)-2].name)
	states := map[any]int{}
	for _, e := range all {
		if e.name == "state" {
			states[e.data["status"]]++
		}
	}
	for status, n := range states {
		require.Equal(t, 1, n, status)
	}
	got := s.send("exporter", "GET", path, nil)
	require.Equal(t, got.json, all[len(all)-1].data)

	for id, want := range map[string][]string{
		"": {"state", "end"}, "1": {"state", "end"}, "nonsense": {"state", "end"}, all[len(all)-2].id: {"end"},
	} {
		var names []string
		for _, e := range s.events("exporter", path+"/events", "Last-Event-ID", id) {
			names = append(names, e.name)
		}
		require.Equal(t, want, names, id)
	}
	seen := s.send("exporter", "GET", path+"/events", nil, "Last-Event-ID", all[len(all)-1].id)
	require.Equal(t, http.StatusNoContent, seen.status, "so that a browser does not ask again")
	head := s.send("exporter", "HEAD", path+"/events", nil)
	require.Equal(t, http.StatusOK, head.status)
	require.Equal(t, "text/event-stream", head.header.Get("Content-Type"))
	require.Contains(t, string(s.send("", "GET", "/metrics", nil).body), `route="GET /v1/exports/{id}/events",status="200"`)
}

// Streams end with the server, with their client and when there are too many of a user; a request that is not for one of them is not kept waiting.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	ending := make(chan struct{})
	s, path, _ := held(t, &api.Options{Ending: ending, Limits: &api.Limits{Concurrent: 1}})
	var streams []func(func(event) bool)
	ctx, leave := context.WithCancel(t.Context())
	for range 32 {
		streams = append(streams, s.stream(ctx, "exporter", path+"/events"))
	}
	got := s.send("exporter", "GET", path+"/events", nil)
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, s.send("exporter", "GET", path, nil).status, "streams have no turn among the others")
	require.Equal(t, http.StatusTooManyRequests, s.send("promoted", "GET", path+"/files/1", nil).status, "who is the same user")
	leave()
	for _, stream := range streams {
		for range stream { // to its end
		}
	}
	again := func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.URL+path+"/events", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer exporter")
		got, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, got.Body.Close())
		return got.StatusCode == http.StatusOK
	}
	require.Eventually(t, again, 10*time.Second, 10*time.Millisecond, "those who have gone are not counted")

	stream := s.stream(t.Context(), "exporter", path+"/events")
	close(ending)
	for e := range stream {
		require.NotEqual(t, "end", e.name)
	}
	require.Equal(t, http.StatusOK, s.send("exporter", "GET", path, nil).status)
}

// What is sent is as the standard has it, and at once, also through a gateway. A gateway that ends does not cut it.
func TestEventsThroughAGateway(t *testing.T) {
	t.Parallel()
	inner, path, gate := held(t, &api.Options{Roles: []string{"export"}})
	ending := make(chan struct{})
	for name, s := range map[string]*server{"itself": inner, "a gateway": gateway(t, map[string]string{"export": inner.URL}, &api.Options{Ending: ending, Heartbeat: time.Hour})} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path+"/events", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer exporter")
		got, err := http.DefaultClient.Do(r)
		require.NoError(t, err, name)
		t.Cleanup(func() { require.NoError(t, got.Body.Close()) })
		require.Equal(t, "text/event-stream", got.Header.Get("Content-Type"))
		require.Equal(t, []string{"no-store, no-transform"}, got.Header.Values("Cache-Control"))
		lines := bufio.NewReader(got.Body)
		for _, want := range []string{`^retry: 2000$`, `^$`, `^event: state$`, `^id: \d+$`, `^data: \{"id":"[a-z0-9]+",.*\}$`, `^$`} {
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.Regexp(t, want, line[:len(line)-1])
		}
		if s != inner {
			close(ending)
			_, err = io.ReadAll(lines)
			require.NoError(t, err, "the stream ends, and is not cut")
		}
	}
	close(gate)
	require.NotEmpty(t, inner.events("exporter", path+"/events"))
}

// Exports through a gateway are those of the process behind it.
func TestExportsThroughAGateway(t *testing.T) {
	t.Parallel()
	inner := newOffice(t).start(t, &api.Options{Roles: []string{"export"}})
	s := gateway(t, map[string]string{"export": inner.URL}, nil)
	path, end := s.exported("exporter", m{"jql": "", "format": "csv"})
	require.Equal(t, "completed", end["status"])
	direct := inner.send("exporter", "GET", path+"/files/1", nil)
	got := s.send("exporter", "GET", path+"/files/1", nil, "Accept-Encoding", "gzip")
	require.Equal(t, direct.body, got.body)
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Disposition", "Content-Encoding", "ETag", "Accept-Ranges", "Repr-Digest", "Last-Modified", "Cache-Control"} {
		require.Equal(t, direct.header.Values(name), got.header.Values(name), name)
	}
	part := s.send("exporter", "GET", path+"/files/1", nil, "Range", "bytes=5-8", "Accept-Encoding", "gzip")
	require.Equal(t, http.StatusPartialContent, part.status)
	require.Equal(t, direct.body[5:9], part.body)
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, s.send("exporter", "GET", path+"/files/1", nil, "Range", "bytes=9999999-").status)
	begun := s.send("exporter", "POST", "/v1/exports", m{"jql": children, "format": "csv"}, "Idempotency-Key", "k")
	again := s.send("exporter", "POST", "/v1/exports", m{"jql": children, "format": "csv"}, "Idempotency-Key", "k")
	require.Equal(t, begun.json["id"], again.json["id"])
	require.Equal(t, []any{"csv", "excel", "json", "ndjson", "pdf"}, s.send("exporter", "GET", "/v1/capabilities", nil).json["formats"])
	require.EqualValues(t, 2000, at(t, s.send("exporter", "GET", "/v1/capabilities", nil).json, "limits", "exports", "max_parts"))
	require.Equal(t, http.StatusNotFound, s.send("stranger", "GET", "/v1/query", nil).status)
	require.Equal(t, http.StatusUnauthorized, s.send("stranger", "GET", path, nil).status)
}
