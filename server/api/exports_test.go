package api_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const children = `age < 3 ORDER BY visit_id`

// An export goes from the question to the file, in every format.
func TestExports(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	for _, format := range []string{"csv", "excel", "json", "ndjson", "pdf"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t = t
			begun := s.send("exporter", "POST", "/v1/exports", m{"jql": children, "format": format, "fields": []string{"visit_id", "age"}, "options": m{"title": "Kinder " + format}})
			require.Equal(t, http.StatusAccepted, begun.status, string(begun.body))
			path := begun.header.Get("Location")
			require.Equal(t, "/v1/exports/"+begun.json["id"].(string), path)
			require.Equal(t, "1", begun.header.Get("Retry-After"))
			require.Equal(t, "exporter", begun.json["user_id"])
			require.Equal(t, "initiated", begun.json["status"])
			s.events("exporter", path+"/events")

			got := s.send("exporter", "GET", path, nil)
			require.Equal(t, "completed", got.json["status"], string(got.body))
			require.Empty(t, got.header.Get("Retry-After"))
			require.EqualValues(t, 100, got.json["progress"])
			require.EqualValues(t, 6, got.json["total_records"])
			require.EqualValues(t, 6, got.json["processed_records"])
			require.Equal(t, got.json, s.send("exporter", "GET", "/export/process/"+got.json["id"].(string), nil).json)
			files := list(t, got.json, "files")
			require.Len(t, files, 1)
			manifest := s.send("exporter", "GET", path+"/manifest", nil)
			require.Equal(t, http.StatusOK, manifest.status, string(manifest.body))
			require.Equal(t, files, manifest.json["files"])

			file := s.send("exporter", "GET", path+"/files/1", nil)
			require.Equal(t, http.StatusOK, file.status)
			sum := sha256.Sum256(file.body)
			require.Equal(t, at(t, files[0], "sha256"), hex.EncodeToString(sum[:]))
			require.Equal(t, fmt.Sprint(at(t, files[0], "size")), file.header.Get("Content-Length"))
			require.Equal(t, at(t, files[0], "media_type"), file.header.Get("Content-Type"))
			require.Equal(t, `"`+hex.EncodeToString(sum[:])+`"`, file.header.Get("ETag"))
			require.Equal(t, "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":", file.header.Get("Repr-Digest"))
			require.Equal(t, "bytes", file.header.Get("Accept-Ranges"))
			require.Equal(t, `attachment; filename="`+at(t, files[0], "name").(string)+`"`, file.header.Get("Content-Disposition"))
		})
	}
}

// The routes of the design document are the same.
func TestExportsByTheirOldNames(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	begun := s.send("exporter", "POST", "/export/bulk", m{"jql": children, "format": "csv"})
	require.Equal(t, http.StatusAccepted, begun.status, string(begun.body))
	require.Equal(t, "/export/process/"+begun.json["id"].(string), begun.header.Get("Location"))
	require.Equal(t, http.StatusOK, s.send("exporter", "GET", begun.header.Get("Location"), nil).status)
}

func TestExportedFilters(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	f := s.send("admin", "POST", "/v1/filters", m{"name": "Kinder", "jql": children, "share_permissions": []m{{"type": "public", "permission": "read"}}})
	id := f.json["id"].(string)
	path, end := s.exported("exporter", m{"filter_id": id, "format": "ndjson", "fields": []string{"visit_id"}})
	require.Equal(t, "completed", end["status"])
	require.Equal(t, id, end["filter_id"])
	require.Equal(t, children, end["jql"])
	got := s.send("exporter", "GET", path+"/files/1", nil)
	require.Equal(t, 6, bytes.Count(got.body, []byte("\n")))
	require.Equal(t, http.StatusNotFound, s.send("exporter", "POST", "/v1/exports", m{"filter_id": "none", "format": "csv"}).status)
}

// The choices of a request come to the file.
func TestExportOptions(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	path, end := s.exported("exporter", m{
		"jql": children, "format": "csv", "fields": []string{"visit_id", "symptoms", "age"}, "max_results": 5, "storage": "disk", "as_of": "2026-11-27T10:00:00Z",
		"options": m{"bom": false, "delimiter": ";", "lists": "join", "list_separator": " & ", "labels": true, "part_rows": 2, "title": "ज्वर & Fieber", "time_zone": "Asia/Kolkata"},
	})
	require.Equal(t, "completed", end["status"], end)
	require.Equal(t, true, end["truncated"])
	require.Equal(t, "max_results", end["truncated_reason"])
	require.Len(t, list(t, end, "files"), 3)
	got := s.send("exporter", "GET", path+"/files/3", nil)
	require.Equal(t, http.StatusOK, got.status)
	lines := strings.Split(strings.TrimSpace(string(got.body)), "\n")
	require.Len(t, lines, 2, "%q", got.body)
	require.True(t, strings.HasSuffix(lines[0], ";Age in years"), lines[0])
	require.Contains(t, lines[1], ";fever & cough")
	require.Regexp(t, `^attachment; filename="[ -~]+"; filename\*=UTF-8''%E0%A4%9C%E0%A5%8D%E0%A4%B5%E0%A4%B0[^ "]*-3\.csv$`, got.header.Get("Content-Disposition"))
	require.Equal(t, http.StatusNotFound, s.send("exporter", "GET", path+"/files/4", nil).status)

	path, end = s.exported("exporter", m{"jql": children, "format": "csv", "options": m{"compression": "zip"}})
	require.Equal(t, "completed", end["status"])
	got = s.send("exporter", "GET", path+"/files/1", nil, "Accept-Encoding", "gzip")
	require.Empty(t, got.header.Get("Content-Encoding"), "the bytes are those of the hash")
	_, err := zip.NewReader(bytes.NewReader(got.body), int64(len(got.body)))
	require.NoError(t, err)
}

// A request that is sent again under its key is the same export.
func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	ask := func(user, key, jql string) *answer {
		return s.send(user, "POST", "/v1/exports", m{"jql": jql, "format": "csv", "as_of": "2026-11-27T10:00:00Z"}, "Idempotency-Key", key)
	}
	first := ask("exporter", "k-1", children)
	require.Equal(t, http.StatusAccepted, first.status, string(first.body))
	require.Empty(t, first.header.Get("Idempotent-Replayed"))
	s.events("exporter", first.header.Get("Location")+"/events")
	again := ask("exporter", "k-1", children)
	require.Equal(t, http.StatusAccepted, again.status, string(again.body))
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Equal(t, "completed", again.json["status"])
	require.Empty(t, again.header.Get("Retry-After"))

	other := ask("exporter", "k-1", "age < 4")
	require.Equal(t, http.StatusConflict, other.status)
	require.Equal(t, "idempotency_conflict", other.json["code"])
	theirs := ask("admin", "k-1", children)
	require.Equal(t, http.StatusAccepted, theirs.status)
	require.NotEqual(t, first.header.Get("Location"), theirs.header.Get("Location"))
	require.NotEqual(t, first.header.Get("Location"), ask("exporter", "k-2", children).header.Get("Location"))
	for _, key := range []string{"", "ü", strings.Repeat("k", 256)} {
		require.Equal(t, http.StatusUnprocessableEntity, ask("exporter", key, children).status, key)
	}
}

func TestExportLists(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	var made []string
	for i := range 5 {
		_, end := s.exported("exporter", m{"jql": "age < 3", "format": "json", "max_results": i + 1})
		made = append([]string{end["id"].(string)}, made...)
	}
	ids := func(user, query string) (ids []string, got *answer) {
		got = s.send(user, "GET", "/v1/exports?"+query, nil)
		require.Equal(t, http.StatusOK, got.status, string(got.body))
		for _, e := range list(t, got.json, "exports") {
			ids = append(ids, at(t, e, "id").(string))
		}
		require.Equal(t, got.json["is_last"] == false, got.json["next_page_token"] != nil)
		return ids, got
	}
	all, got := ids("exporter", "")
	require.Equal(t, made, all)
	require.Equal(t, true, got.json["is_last"])
	require.EqualValues(t, 50, got.json["max_results"])
	all, got = ids("exporter", "max_results=5")
	require.Equal(t, made, all)
	require.Equal(t, true, got.json["is_last"], "a full page may be the last")
	all, got = ids("exporter", "start_at=1&max_results=2")
	require.Equal(t, made[1:3], all)
	require.Equal(t, false, got.json["is_last"])
	token := got.json["next_page_token"].(string)
	all, got = ids("exporter", "start_at=1&max_results=2&page_token="+token)
	require.Equal(t, made[3:], all)
	require.Equal(t, true, got.json["is_last"])
	for query, want := range map[string]int{
		"start_at=4": 1, "start_at=5": 0, "start_at=10000": 0, "status=completed": 5, "status=failed": 0, "status=failed&status=completed": 5, "user_id=exporter": 5,
	} {
		all, _ = ids("exporter", query)
		require.Len(t, all, want, query)
	}
	for query, want := range map[string]int{"": 0, "user_id=exporter": 5, "user_id=*": 5, "user_id=none": 0} {
		all, _ = ids("admin", query)
		require.Len(t, all, want, query)
	}
	require.Equal(t, 422, s.send("admin", "GET", "/v1/exports?user_id="+strings.Repeat("%C3%BC", 150), nil).status, "a name has a length in bytes")
	all, _ = ids("foreign", "user_id=*")
	require.Empty(t, all)
	for query, want := range map[string]int{
		"user_id=admin": 403, "user_id=*": 403, "status=done": 422, "status=": 422, "user_id=": 422, "page_token=x": 400, "page_token=": 422, "page_token=" + token + "x": 400,
		"page_token=e30%3D": 400, "start_at=10001": 422, "max_results=0": 422, "max_results=1001": 422, "owner=me": 422, "user_id=a&user_id=b": 422,
		"user_id=%01": 422, "page_token=eyJuYW1lIjoiXHUwMDAwIn0": 400,
	} {
		require.Equal(t, want, s.send("exporter", "GET", "/v1/exports?"+query, nil).status, query)
	}
}

func TestDeletedExports(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	path, _ := s.exported("exporter", m{"jql": children, "format": "csv"})
	got := s.send("exporter", "DELETE", path, nil)
	require.Equal(t, http.StatusAccepted, got.status)
	require.Empty(t, got.body)
	for _, r := range [][2]string{{"GET", path}, {"DELETE", path}, {"GET", path + "/files/1"}, {"GET", path + "/manifest"}, {"GET", path + "/events"}} {
		require.Equal(t, http.StatusNotFound, s.send("exporter", r[0], r[1], nil).status, r)
	}
}

// A preview is what the file begins with.
func TestPreviews(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	body := m{"jql": "ORDER BY visit_id", "format": "csv", "fields": []string{"visit_id", "age"}, "options": m{"title": "Alle"}}
	got := s.send("exporter", "POST", "/v1/exports/preview", body)
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	require.Equal(t, "50", got.header.Get("X-Records"))
	require.Equal(t, `attachment; filename="Alle-preview.csv"`, got.header.Get("Content-Disposition"))
	require.Contains(t, got.header.Get("Content-Type"), "text/csv")
	path, _ := s.exported("exporter", body)
	file := s.send("exporter", "GET", path+"/files/1", nil)
	require.True(t, bytes.HasPrefix(file.body, got.body))
	require.Equal(t, 51, bytes.Count(got.body, []byte("\n")))
	require.Len(t, list(t, s.send("exporter", "GET", "/v1/exports", nil).json, "exports"), 1, "nothing is kept")
	require.Equal(t, http.StatusForbidden, s.send("analyst", "POST", "/v1/exports/preview", body).status)
}

// Every request for an export that is not well formed is refused by a problem document that names the place.
func TestBadExports(t *testing.T) {
	t.Parallel()
	s := exporting(t, nil)
	for name, c := range map[string]struct {
		body  any
		want  int
		code  string
		place string
	}{
		"nothing to export":      {m{"format": "csv"}, 422, "invalid_request", "body.jql"},
		"a query and a filter":   {m{"jql": "", "filter_id": "a", "format": "csv"}, 422, "invalid_request", "body.filter_id"},
		"no format":              {m{"jql": ""}, 422, "invalid_request", "body"},
		"an unknown format":      {m{"jql": "", "format": "docx"}, 422, "invalid_request", "body.format"},
		"an unknown storage":     {m{"jql": "", "format": "csv", "storage": "tape"}, 422, "invalid_request", "body.storage"},
		"an unknown member":      {m{"jql": "", "format": "csv", "max_result": 5}, 422, "invalid_request", "body"},
		"an unknown option":      {m{"jql": "", "format": "csv", "options": m{"colour": "red"}}, 422, "invalid_request", "body.options"},
		"an unknown delimiter":   {m{"jql": "", "format": "csv", "options": m{"delimiter": "x"}}, 422, "invalid_request", "body.options.delimiter"},
		"an unknown zone":        {m{"jql": "", "format": "csv", "options": m{"time_zone": "Mars/Olympus"}}, 422, "invalid_request", "body.options.time_zone"},
		"an unknown compression": {m{"jql": "", "format": "csv", "options": m{"compression": "rar"}}, 422, "invalid_request", "body.options.compression"},
		"lists of another kind":  {m{"jql": "", "format": "csv", "options": m{"lists": "drop"}}, 422, "invalid_request", "body.options.lists"},
		"options that are null":  {m{"jql": "", "format": "csv", "options": nil}, 422, "invalid_request", "body.options"},
		"a bom that is null":     {m{"jql": "", "format": "csv", "options": m{"bom": nil}}, 422, "invalid_request", "body.options.bom"},
		"a jql that is null":     {m{"jql": nil, "format": "csv"}, 422, "invalid_request", "body.jql"},
		"parts without rows":     {m{"jql": "", "format": "csv", "options": m{"part_rows": 0}}, 422, "invalid_request", "body.options.part_rows"},
		"a negative maximum":     {m{"jql": "", "format": "csv", "max_results": -1}, 422, "invalid_request", "body.max_results"},
		"a maximum of text":      {m{"jql": "", "format": "csv", "max_results": "5"}, 422, "invalid_request", "body.max_results"},
		"no instant":             {m{"jql": "", "format": "csv", "as_of": "yesterday"}, 422, "invalid_request", "body.as_of"},
		"the first instant":      {m{"jql": "", "format": "csv", "as_of": "0001-01-01T00:00:00Z"}, 422, "invalid_request", "body.as_of"},
		"a title of two lines":   {m{"jql": "", "format": "csv", "options": m{"title": "a\nb"}}, 422, "invalid_request", "body.options.title"},
		"a bad query":            {m{"jql": "age >", "format": "csv"}, 400, "invalid_query", ""},
		"a field that is not":    {m{"jql": "agee > 3", "format": "csv"}, 400, "invalid_query", ""},
		"a hidden field":         {m{"jql": "name = x", "format": "csv"}, 400, "invalid_query", ""},
		"an unknown index":       {m{"jql": "", "format": "csv", "allowed_indexes": []string{"none"}}, 404, "unknown_index", ""},
		"an unknown column":      {m{"jql": "", "format": "csv", "fields": []string{"nme"}}, 422, "unknown_field", ""},
		"no JSON":                {"jql=", 400, "malformed_request", ""},
		"no body":                {nil, 400, "malformed_request", ""},
		"a member twice":         {`{"jql":"age = 5","format":"csv","jql":""}`, 400, "malformed_request", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t = t
			for _, path := range []string{"/v1/exports", "/export/bulk", "/v1/exports/preview"} {
				got := s.send("exporter", "POST", path, c.body)
				require.Equal(t, c.want, got.status, string(got.body))
				require.Equal(t, c.code, got.json["code"], string(got.body))
				if c.place != "" {
					require.True(t, strings.HasPrefix(at(t, list(t, got.json, "errors")[0], "location").(string), c.place), string(got.body))
				}
			}
			require.Empty(t, list(t, s.send("exporter", "GET", "/v1/exports", nil).json, "exports"))
		})
	}
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"PUT", "/v1/exports", 405}, {"POST", "/v1/exports/none", 405}, {"GET", "/export/bulk", 405}, {"DELETE", "/export/process/none", 405}, {"GET", "/v1/exports/none", 404},
		{"GET", "/v1/exports/preview", 405}, {"DELETE", "/v1/exports/preview", 405}, {"OPTIONS", "/v1/exports/preview", 405},
		{"DELETE", "/v1/exports/none", 404}, {"GET", "/v1/exports/none/manifest", 404}, {"GET", "/v1/exports/none/events", 404}, {"GET", "/v1/exports/none/files/1", 404},
		{"GET", "/v1/exports/none/files/0", 422}, {"GET", "/v1/exports/none/files/one", 422}, {"GET", "/v1/exports/none/files", 404}, {"GET", "/v1/exports/a%2Fb", 404},
		{"GET", "/v1/exports/%00", 404}, {"GET", "/v1/exports/" + strings.Repeat("a", 201), 422}, {"GET", "/v1/exports/none?x=1", 422}, {"GET", "/v1/exports/none/events?x=1", 422},
	} {
		got := s.send("exporter", c.method, c.path, nil)
		require.Equal(t, c.want, got.status, "%s %s: %s", c.method, c.path, got.body)
	}
}

// Without exports there are no routes of them, and the capabilities say so.
func TestWithoutExports(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	require.Equal(t, http.StatusNotFound, s.send("exporter", "POST", "/v1/exports", m{"jql": "", "format": "csv"}).status)
	got := s.send("exporter", "GET", "/v1/capabilities", nil)
	require.Empty(t, got.json["formats"])
	require.Nil(t, at(t, got.json, "limits", "exports"))
	s = exporting(t, nil)
	got = s.send("exporter", "GET", "/v1/capabilities", nil)
	require.Equal(t, []any{"csv", "excel", "json", "ndjson", "pdf"}, got.json["formats"])
	require.Equal(t, []any{"disk"}, got.json["storage"])
	require.Equal(t, m{"max_parts": 2000., "retention_seconds": 7 * 24 * 3600.}, at(t, got.json, "limits", "exports"))
}
