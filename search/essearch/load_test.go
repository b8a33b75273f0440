package essearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// FuzzOriginal holds that a document comes back byte for byte once its id was put into it, and
// as often as it is asked for.
func FuzzOriginal(f *testing.F) {
	for _, source := range []string{`{}`, `{ }`, "{\t}", `{"a":1}`, `{"a":1 }`, `{"a":{"dhr_id":"x"}}`, `{"dhr_id":{"a":"}"}}`, `{"a":"\",\"dhr_id\":\"x\"}"}`, `{"a":[{}]}`} {
		f.Add(source, "id")
		f.Add(source, `x","dhr_id":"y"}`)
		f.Add(source, "\\\"\u2028<é😀")
	}
	f.Fuzz(func(t *testing.T, source, id string) {
		var plain map[string]json.RawMessage
		if json.Unmarshal([]byte(source), &plain) != nil || plain == nil {
			return // no document
		}
		trimmed := strings.Trim(source, " \t\r\n")
		stored := appendWithID(nil, []byte(source), id)
		require.True(t, json.Valid(stored), "%s", stored)
		for range 3 {
			require.Equal(t, trimmed, strings.TrimLeft(string(original(stored)), " \t\r\n"))
		}
	})
}

func TestOriginalOfOthers(t *testing.T) {
	t.Parallel()
	for _, source := range []string{``, `{}`, `{"a":1}`, `{"dhr_id":"x","a":1}`, `{"a":{"dhr_id":"x"}}`, `{"dhr_id":"x"`, `"dhr_id":"x"}`, `{"dhr_id":"x\`} {
		require.Equal(t, source, string(original([]byte(source))))
	}
}

// A cluster is a stand-in that stores what it is sent in bulk.
type cluster struct {
	mu     sync.Mutex
	sent   []string // the ids of each bulk request
	busy   int      // how many documents it has no room for at first
	answer func(r *http.Request, body []byte) (status int, text string)
}

func (c *cluster) Perform(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	status, text := c.respond(r, body)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

func (c *cluster) respond(r *http.Request, body []byte) (int, string) {
	if c.answer != nil {
		if status, text := c.answer(r, body); status != 0 {
			return status, text
		}
	}
	switch {
	case r.URL.Path == "/":
		return 200, `{"version":{"number":"8.11.3"}}`
	case strings.HasSuffix(r.URL.Path, "/_bulk"):
		return 200, c.bulk(body)
	case strings.HasSuffix(r.URL.Path, "/_refresh"):
		return 200, `{"_shards":{"failed":0}}`
	case strings.HasSuffix(r.URL.Path, "/_count"):
		return 200, `{"count":0,"_shards":{"failed":0}}`
	}
	return 200, `{"visits":{"mappings":{"properties":{"dhr_id":{"type":"keyword"},"a":{"type":"keyword"}}},"settings":{"index":{"uuid":"u"}}}}`
}

func (c *cluster) bulk(body []byte) string {
	var ids, items []string
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	failed := false
	for i := 0; i < len(lines); i += 2 {
		var action struct {
			Index struct {
				ID string `json:"_id"`
			} `json:"index"`
		}
		_ = json.Unmarshal(lines[i], &action)
		id := action.Index.ID
		ids = append(ids, id)
		switch {
		case c.busy > 0:
			c.busy--
			failed = true
			items = append(items, `{"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue is full"}}}`)
		case strings.HasPrefix(id, "bad"):
			failed = true
			items = append(items, `{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [a]","caused_by":{"type":"x","reason":"not so"}}}}`)
		default:
			items = append(items, `{"index":{"status":201}}`)
		}
	}
	c.sent = append(c.sent, strings.Join(ids, " "))
	return fmt.Sprintf(`{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
}

// testDriver returns a driver of a stand-in that never waits.
func testDriver(t testing.TB, c Transport) *Driver {
	t.Helper()
	d, err := Open(t.Context(), c, &Options{clock: clock{sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, random: func() float64 { return 0 }}})
	require.NoError(t, err)
	return d
}

func visits(t testing.TB) *record.Schema {
	t.Helper()
	s, err := record.ParseSchema("visits", []byte(`{"properties":{"a":{"type":"keyword"}}}`))
	require.NoError(t, err)
	return s
}

// documents yields one document for each id.
func documents(t testing.TB, s *record.Schema, ids ...string) iter.Seq[*search.Document] {
	t.Helper()
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	return func(yield func(*search.Document) bool) {
		for i, id := range ids {
			r := &record.Record{ID: id}
			if record.NewDecoder(columns).Decode([]byte("{\"a\":\n\""+strings.ToValidUTF8(id, "")+"\"}"), r) != nil {
				panic("no document")
			}
			if !yield(&search.Document{Record: r, Place: int64(i + 1)}) {
				return
			}
		}
	}
}

func TestLoadExplainsRefusals(t *testing.T) {
	t.Parallel()
	c := &cluster{}
	var refused []search.Refusal
	long := strings.Repeat("x", 513)
	n, err := testDriver(t, c).Load(t.Context(), visits(t), documents(t, visits(t), "a", "bad1", "", long, "b"), func(r search.Refusal) { refused = append(refused, r) })
	require.NoError(t, err)
	require.EqualValues(t, 5, n)
	require.Equal(t, []string{"a bad1 b"}, c.sent)
	require.Equal(t, []search.Refusal{
		{Place: 3, Reason: "the engine takes ids of 1 to 512 bytes, not of 0"},
		{Place: 4, ID: long, Reason: "the engine takes ids of 1 to 512 bytes, not of 513"},
		{Place: 2, ID: "bad1", Reason: "[1:6] failed to parse field [a]: not so"},
	}, refused)
}

// TestLoadSendsAgain holds that what the engine has no room for is sent again, but for what a later
// document has replaced.
func TestLoadSendsAgain(t *testing.T) {
	t.Parallel()
	c := &cluster{busy: 3}
	_, err := testDriver(t, c).Load(t.Context(), visits(t), documents(t, visits(t), "a", "b", "a", "c", "b"), func(search.Refusal) { t.Error("refused") })
	require.NoError(t, err)
	require.Equal(t, []string{"a b a c b", "a"}, c.sent)
	c = &cluster{busy: 1000}
	n, err := testDriver(t, c).Load(t.Context(), visits(t), documents(t, visits(t), "a"), func(search.Refusal) { t.Error("refused") })
	require.ErrorIs(t, err, search.ErrOverloaded)
	require.Zero(t, n)
}

// TestLoadSendsAgainWhatWasNotReplaced holds that a document is not given up for a later one with
// its id that the engine refuses.
func TestLoadSendsAgainWhatWasNotReplaced(t *testing.T) {
	t.Parallel()
	c, first := &cluster{}, true
	c.answer = func(r *http.Request, _ []byte) (int, string) {
		if !strings.HasSuffix(r.URL.Path, "/_bulk") || !first {
			return 0, ""
		}
		first = false
		return 200, `{"errors":true,"items":[{"index":{"status":429}},{"index":{"status":400,"error":{"type":"x","reason":"no"}}}]}`
	}
	var refused []int64
	_, err := testDriver(t, c).Load(t.Context(), visits(t), documents(t, visits(t), "a", "a"), func(r search.Refusal) { refused = append(refused, r.Place) })
	require.NoError(t, err)
	require.Equal(t, []int64{2}, refused)
	require.Equal(t, []string{"a"}, c.sent)
}

func TestLoadInSeveralRequests(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 2*bulkDocuments + 1 {
		ids = append(ids, fmt.Sprint(i))
	}
	c := &cluster{}
	n, err := testDriver(t, c).Load(t.Context(), visits(t), documents(t, visits(t), ids...), func(search.Refusal) { t.Error("refused") })
	require.NoError(t, err)
	require.EqualValues(t, len(ids), n)
	require.Len(t, c.sent, 3)
	require.Equal(t, strings.Join(ids, " "), strings.Join(c.sent, " "))
}

// TestLoadFails holds that an error says how many documents are certain to be stored.
func TestLoadFails(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{`{"errors":false,"items":[]}`, `{"items":[]}`, `{"errors":true,"items":[`, `<html>`, `{"errors":true,"items":[{"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index"}}}]}`} {
		requests := 0
		c := &cluster{}
		c.answer = func(r *http.Request, body []byte) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/_bulk") {
				if requests++; requests == 2 {
					return 200, bad
				}
			}
			return 0, ""
		}
		ids := make([]string, bulkDocuments+1)
		for i := range ids {
			ids[i] = fmt.Sprint(i)
		}
		n, err := testDriver(t, c).Load(t.Context(), visits(t), documents(t, visits(t), ids...), func(search.Refusal) { t.Error("refused") })
		require.Error(t, err)
		require.True(t, errorIsOne(err, search.ErrBadAnswer, search.ErrUnknownIndex), "%s: %v", bad, err)
		require.EqualValues(t, bulkDocuments, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := testDriver(t, &cluster{}).Load(ctx, visits(t), documents(t, visits(t), "a"), func(search.Refusal) { t.Error("refused") })
	require.ErrorIs(t, err, context.Canceled)
}

// TestLoadStops holds that what stands against any document is an error, not a refusal of each.
func TestLoadStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		item string
		want error
	}{
		{`{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index"}}`, search.ErrUnknownIndex},
		{`{"status":403,"error":{"type":"security_exception","reason":"action [indices:data/write/bulk[s]] is unauthorized"}}`, search.ErrUnavailable},
		{`{"status":403,"error":{"type":"cluster_block_exception","reason":"index [visits] blocked by: [FORBIDDEN/8/index write (api)];"}}`, search.ErrReadOnly},
		{`{"status":429,"error":{"type":"cluster_block_exception","reason":"index [visits] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"}}`, search.ErrFull},
	} {
		sent := 0
		engine := &cluster{answer: func(r *http.Request, _ []byte) (int, string) {
			if !strings.HasSuffix(r.URL.Path, "/_bulk") {
				return 0, ""
			}
			sent++
			return 200, `{"errors":true,"items":[{"index":{"status":201}},{"index":` + c.item + `}]}`
		}}
		n, err := testDriver(t, engine).Load(t.Context(), visits(t), documents(t, visits(t), "a", "b"), func(search.Refusal) { t.Error("refused") })
		require.ErrorIs(t, err, c.want)
		require.Zero(t, n)
		require.Equal(t, 1, sent, c.item)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	ours, err := record.ParseSchema("visits", []byte(`{"properties":{"dhr_id":{"type":"keyword"}}}`))
	require.NoError(t, err)
	require.ErrorIs(t, testDriver(t, &cluster{}).Create(t.Context(), ours), search.ErrSchemaConflict)
	for _, name := range []string{"Visits", "a*", "", "-a", "a/b", "a,b"} {
		s, err := record.ParseSchema(name, []byte(`{"properties":{"a":{"type":"keyword"}}}`))
		require.NoError(t, err)
		require.ErrorIs(t, testDriver(t, &cluster{}).Create(t.Context(), s), search.ErrInvalid, name)
	}
	other, err := record.ParseSchema("visits", []byte(`{"properties":{"a":{"type":"integer"},"b":{"type":"keyword"}}}`))
	require.NoError(t, err)
	c := &cluster{answer: func(r *http.Request, _ []byte) (int, string) {
		require.NotEqual(t, http.MethodPut, r.Method, "nothing may change")
		return 0, ""
	}}
	require.ErrorIs(t, testDriver(t, c).Create(t.Context(), other), search.ErrSchemaConflict)
	c = &cluster{answer: func(r *http.Request, _ []byte) (int, string) {
		switch {
		case r.Method == http.MethodPut:
			return 400, `{"error":{"type":"mapper_parsing_exception","reason":"No handler for type [version] declared on field [v]"},"status":400}`
		case r.URL.Path == "/visits":
			return 404, `{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}`
		}
		return 0, ""
	}}
	require.ErrorIs(t, testDriver(t, c).Create(t.Context(), visits(t)), search.ErrUnsupported)
}

func TestDropOfNothing(t *testing.T) {
	t.Parallel()
	c := &cluster{answer: func(*http.Request, []byte) (int, string) {
		return 404, `{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}`
	}}
	require.NoError(t, testDriver(t, c).Drop(t.Context(), "visits"))
	require.NoError(t, testDriver(t, c).Drop(t.Context(), "a*"))
}
