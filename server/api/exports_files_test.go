package api_test

import (
	"bytes"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/api"
	"github.com/digit-health/dhr/storage"
)

// Parts of a file are sent as they are asked for.
func TestRanges(t *testing.T) {
	t.Parallel()
	for name, more := range map[string][]storage.Backend{"plain": nil, "sealed": {&shelf{scheme: "ipfs"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOffice(t, more...).start(t, nil)
			path, end := s.exported("exporter", m{"jql": "ORDER BY visit_id", "format": "ndjson"})
			require.Equal(t, "completed", end["status"])
			require.Equal(t, name == "sealed", at(t, list(t, end, "files")[0], "sealed") != nil)
			path += "/files/1"
			whole := s.send("exporter", "GET", path, nil)
			require.Equal(t, http.StatusOK, whole.status)
			file, etag := whole.body, whole.header.Get("ETag")
			for _, c := range []struct {
				header []string
				status int
				want   []byte
				about  string
			}{
				{[]string{"Range", "bytes=0-9"}, 206, file[:10], "bytes 0-9/"},
				{[]string{"Range", "bytes=100-199"}, 206, file[100:200], "bytes 100-199/"},
				{[]string{"Range", "bytes=100-"}, 206, file[100:], "bytes 100-"},
				{[]string{"Range", "bytes=-7"}, 206, file[len(file)-7:], "bytes "},
				{[]string{"Range", "bytes=0-"}, 206, file, "bytes 0-"},
				{[]string{"Range", "bytes=-99999999"}, 206, file, "bytes 0-"},
				{[]string{"Range", "bytes=0-0" + strings.Repeat(",0-0", 20)}, 200, file, ""},
				{[]string{"Range", "pages=1"}, 200, file, ""},
				{[]string{"Range", "bytes=3-5", "If-Range", etag}, 206, file[3:6], "bytes 3-5/"},
				{[]string{"Range", "bytes=3-5", "If-Range", `"other"`}, 200, file, ""},
				{[]string{"If-None-Match", etag}, 304, []byte{}, ""},
				{[]string{"If-None-Match", `"other"`}, 200, file, ""},
				{[]string{"If-Match", etag}, 200, file, ""},
			} {
				got := s.send("exporter", "GET", path, nil, c.header...)
				require.Equal(t, c.status, got.status, c.header)
				require.True(t, bytes.Equal(c.want, got.body), c.header)
				require.Equal(t, c.about != "", got.header.Get("Content-Range") != "", c.header)
				require.Contains(t, got.header.Get("Content-Range"), c.about)
				require.Equal(t, etag, got.header.Get("ETag"))
			}
			for _, bad := range []string{"bytes=99999999-", "bytes=9-5", "bytes=x", "bytes=-0"} {
				got := s.send("exporter", "GET", path, nil, "Range", bad)
				require.Equal(t, http.StatusRequestedRangeNotSatisfiable, got.status, bad)
				require.Equal(t, "range_not_satisfiable", got.json["code"])
				require.Empty(t, got.header.Get("ETag"))
			}
			got := s.send("exporter", "GET", path, nil, "If-Match", `"other"`)
			require.Equal(t, http.StatusPreconditionFailed, got.status)
			require.Equal(t, "precondition_failed", got.json["code"])

			got = s.send("exporter", "HEAD", path, nil)
			require.Equal(t, http.StatusOK, got.status)
			require.EqualValues(t, len(file), at(t, list(t, end, "files")[0], "size"))
			require.Equal(t, whole.header.Get("Content-Length"), got.header.Get("Content-Length"))
			require.Equal(t, whole.header.Get("Content-Disposition"), got.header.Get("Content-Disposition"))
			require.Empty(t, got.body)

			got = s.send("exporter", "GET", path, nil, "Range", "bytes=1-4,10-19,-5")
			require.Equal(t, http.StatusPartialContent, got.status)
			media, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
			require.NoError(t, err)
			require.Equal(t, "multipart/byteranges", media)
			parts := multipart.NewReader(bytes.NewReader(got.body), params["boundary"])
			for _, want := range [][]byte{file[1:5], file[10:20], file[len(file)-5:]} {
				part, err := parts.NextPart()
				require.NoError(t, err)
				got, err := io.ReadAll(part)
				require.NoError(t, err)
				require.Equal(t, string(want), string(got))
			}
		})
	}
}

// A file that is not what was stored is never taken for it.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"shelf", "ipfs"} {
		for name, change := range map[string]func([]byte) []byte{
			"another byte": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			"too short":    func(b []byte) []byte { return b[:len(b)-1] },
			"too long":     func(b []byte) []byte { return append(b, 'x') },
			"empty":        func([]byte) []byte { return nil },
		} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				t.Parallel()
				kept := &shelf{scheme: scheme}
				s := newOffice(t, kept).start(t, nil)
				small, _ := s.exported("exporter", m{"jql": children, "format": "ndjson"})
				great, end := s.exported("exporter", m{"jql": "", "format": "json", "options": m{"lists": "explode"}})
				require.EqualValues(t, 120, end["total_records"], end)
				require.Greater(t, at(t, list(t, end, "files")[0], "size"), 32768., "more than is sent at once")
				kept.change(change)
				got := s.send("exporter", "GET", small+"/files/1", nil)
				require.Equal(t, http.StatusInternalServerError, got.status)
				if scheme != "ipfs" {
					require.Equal(t, "file_damaged", got.json["code"])
				}
				require.Empty(t, got.header.Get("Content-Disposition"))

				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+great+"/files/1", nil)
				require.NoError(t, err)
				r.Header.Set("Authorization", "Bearer exporter")
				answer, err := http.DefaultClient.Do(r)
				require.NoError(t, err)
				defer answer.Body.Close()
				_, err = io.ReadAll(answer.Body)
				require.True(t, err != nil || answer.StatusCode == http.StatusInternalServerError, "%d %v", answer.StatusCode, err)
			})
		}
	}
}

// What cannot be had from the storage is told apart.
func TestFilesThatCannotBeHad(t *testing.T) {
	t.Parallel()
	kept := &shelf{scheme: "shelf"}
	var log strings.Builder
	s := newOffice(t, kept).start(t, &api.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	path, _ := s.exported("exporter", m{"jql": children, "format": "csv"})
	kept.fail(storage.ErrUnavailable)
	got := s.send("exporter", "GET", path+"/files/1", nil)
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Equal(t, "storage_unavailable", got.json["code"])
	kept.fail(storage.ErrNotFound)
	got = s.send("exporter", "GET", path+"/files/1", nil)
	require.Equal(t, http.StatusGone, got.status)
	require.Equal(t, "file_missing", got.json["code"])
	kept.fail(nil)
	require.Equal(t, http.StatusOK, s.send("exporter", "GET", path+"/files/1", nil).status)
	s.Close()
	require.Contains(t, log.String(), `"route":"GET /v1/exports/{id}/files/{n}"`)
	require.NotContains(t, log.String(), strings.TrimPrefix(path, "/v1/exports/"), "the path is not in the log")
}

// Where a storage has a way of its own to its files, the answer is that way.
func TestLinks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &shelf{scheme: "shelf", link: "https://files.example.org/get/"})
	o.config.Links = []string{"shelf"}
	s := o.start(t, nil)
	path, _ := s.exported("exporter", m{"jql": children, "format": "csv"})
	got := s.send("exporter", "GET", path+"/files/1", nil)
	require.Equal(t, http.StatusFound, got.status)
	require.True(t, strings.HasPrefix(got.header.Get("Location"), "https://files.example.org/get/"))
	require.Empty(t, got.body)
	told := s.send("exporter", "GET", path+"/files/1", nil, "Prefer", "no-redirect")
	require.Equal(t, http.StatusNoContent, told.status)
	require.Equal(t, "no-redirect", told.header.Get("Preference-Applied"))
	require.Equal(t, got.header.Get("Location"), told.header.Get("Location"))
	require.Empty(t, told.body)
	path, _ = s.exported("exporter", m{"jql": children, "format": "csv", "storage": "disk"})
	got = s.send("exporter", "GET", path+"/files/1", nil, "Prefer", "no-redirect")
	require.Equal(t, http.StatusOK, got.status)
	require.Empty(t, got.header.Get("Preference-Applied"))
}

// After its time the files are gone, and the process says so.
func TestExpiredExports(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.config.Retention = time.Hour
	s := o.start(t, nil)
	path, end := s.exported("exporter", m{"jql": children, "format": "csv"})
	require.Equal(t, now.Add(time.Hour).Format(time.RFC3339), end["expires_at"])
	require.Equal(t, http.StatusOK, s.send("exporter", "GET", path+"/files/1", nil).status)
	o.later.Store(int64(time.Hour))
	for _, swept := range []bool{false, true} {
		if swept {
			require.NoError(t, s.service.Exports().Sweep(t.Context()))
			require.Equal(t, "expired", s.send("exporter", "GET", path, nil).json["status"])
		}
		for _, what := range []string{"/files/1", "/manifest"} {
			got := s.send("exporter", "GET", path+what, nil)
			require.Equal(t, http.StatusGone, got.status, string(got.body))
			require.Equal(t, "export_expired", got.json["code"])
		}
	}
}

// Who may see less than when the export was made does not get its file.
func TestNarrowedExports(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	path, end := s.exported("promoted", m{"jql": children, "format": "csv", "fields": []string{"visit_id", "name"}})
	require.Equal(t, "completed", end["status"])
	require.Equal(t, http.StatusOK, s.send("promoted", "GET", path+"/files/1", nil).status)
	for _, what := range []string{"/files/1", "/manifest"} {
		got := s.send("exporter", "GET", path+what, nil)
		require.Equal(t, http.StatusForbidden, got.status)
		require.Equal(t, "export_narrowed", got.json["code"])
	}
	require.Equal(t, http.StatusOK, s.send("exporter", "GET", path, nil).status, "the process is still his")
}

// An export that is not finished has no file yet, and says when to come again; one that has failed never.
func TestUnfinishedExports(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	gate := make(chan struct{})
	o.config.Formats = append(o.config.Formats, gated(gate))
	o.config.Limits.PerUser = 1
	s := o.start(t, nil)
	begun := s.send("exporter", "POST", "/v1/exports", m{"jql": children, "format": "gated"})
	require.Equal(t, http.StatusAccepted, begun.status, string(begun.body))
	path := begun.header.Get("Location")
	for _, what := range []string{"/files/1", "/manifest"} {
		got := s.send("exporter", "GET", path+what, nil)
		require.Equal(t, http.StatusConflict, got.status)
		require.Equal(t, "export_not_completed", got.json["code"])
		require.NotEmpty(t, got.header.Get("Retry-After"))
	}
	again := s.send("exporter", "POST", "/v1/exports", m{"jql": children, "format": "gated"})
	require.Equal(t, http.StatusAccepted, again.status, "an equal one is the same")
	require.Equal(t, path, again.header.Get("Location"))
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	busy := s.send("exporter", "POST", "/v1/exports", m{"jql": "", "format": "csv"})
	require.Equal(t, http.StatusTooManyRequests, busy.status)
	require.Equal(t, "too_many_exports", busy.json["code"])
	require.NotEmpty(t, busy.header.Get("Retry-After"))

	require.Equal(t, http.StatusAccepted, s.send("exporter", "DELETE", path, nil).status)
	close(gate)
	all := s.events("exporter", path+"/events")
	require.Equal(t, "cancelled", all[len(all)-1].data["status"])
	got := s.send("exporter", "GET", path+"/files/1", nil)
	require.Equal(t, http.StatusConflict, got.status)
	require.Empty(t, got.header.Get("Retry-After"))
	require.Equal(t, http.StatusAccepted, s.send("exporter", "DELETE", path, nil).status)
	require.Equal(t, http.StatusNotFound, s.send("exporter", "GET", path, nil).status)
}
