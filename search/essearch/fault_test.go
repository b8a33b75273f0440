package essearch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// with returns a reply with one header more.
func with(res *http.Response, key, value string) *http.Response {
	res.Header.Set(key, value)
	return res
}

// half is a reply whose connection breaks.
func half() *http.Response {
	res := reply(200, "")
	res.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"took":1,"timed_out":false,"hits":{"hi`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	return res
}

const (
	tooMany   = `{"error":{"root_cause":[{"type":"es_rejected_execution_exception","reason":"queue full"}],"type":"search_phase_execution_exception","reason":"all shards failed"},"status":429}`
	lost      = `{"error":{"root_cause":[{"type":"search_context_missing_exception","reason":"No search context found for id [92]"}],"type":"search_phase_execution_exception","reason":"all shards failed","phase":"query","failed_shards":[{"shard":0,"reason":{"type":"search_context_missing_exception","reason":"No search context found"}}]},"status":404}`
	noHits    = `"hits":{"max_score":null,"hits":[]}}`
	goodShard = `"_shards":{"total":1,"successful":1,"failed":0},`
)

// A search that fails for good is the right error, and nothing is yielded before it.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		reply func() (*http.Response, error)
		want  error
		tries int
	}{
		{"down", func() (*http.Response, error) { return nil, errors.New("connection refused") }, search.ErrUnavailable, 6},
		{"overloaded for ever", func() (*http.Response, error) { return reply(429, tooMany), nil }, search.ErrOverloaded, 6},
		{"starting for ever", func() (*http.Response, error) {
			return reply(503, `{"error":{"type":"cluster_block_exception","reason":"blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];"},"status":503}`), nil
		}, search.ErrOverloaded, 6},
		{"asked for a pause too long", func() (*http.Response, error) { return with(reply(429, tooMany), "Retry-After", "3600"), nil }, search.ErrOverloaded, 1},
		{"a gateway that reaches nobody", func() (*http.Response, error) { return with(reply(502, "<html>"), "Content-Type", "text/html"), nil }, search.ErrUnavailable, 6},
		{"a page for people", func() (*http.Response, error) {
			return with(reply(200, "<html>hello"), "Content-Type", "text/html"), nil
		}, search.ErrBadAnswer, 1},
		{"a page for people that says it is JSON", func() (*http.Response, error) { return reply(200, "<html>hello"), nil }, search.ErrBadAnswer, 1},
		{"a page for people that says it was not found", func() (*http.Response, error) { return reply(404, "<html>not here"), nil }, search.ErrBadAnswer, 1},
		{"half a body, then the connection breaks", func() (*http.Response, error) { return half(), nil }, search.ErrBadAnswer, 6},
		{"half a body", func() (*http.Response, error) { return reply(200, `{"took":1,"timed_out":false,"hits":{"hi`), nil }, search.ErrBadAnswer, 1},
		{"an empty body", func() (*http.Response, error) { return reply(200, ``), nil }, search.ErrBadAnswer, 1},
		{"no hits", func() (*http.Response, error) { return reply(200, `{"took":1}`), nil }, search.ErrBadAnswer, 1},
		{"half a compressed body", func() (*http.Response, error) {
			return with(reply(200, "\x1f\x8b\x08\x00"), "Content-Encoding", "gzip"), nil
		}, search.ErrBadAnswer, 1},
		{"a hit without sort values", func() (*http.Response, error) {
			return reply(200, `{`+goodShard+`"hits":{"hits":[{"_index":"visits","_id":"1","_source":{}}]}}`), nil
		}, search.ErrBadAnswer, 1},
		{"a hit of a wrong shape", func() (*http.Response, error) {
			return reply(200, `{`+goodShard+`"hits":{"hits":[{"_index":5,"_id":{},"_source":{},"sort":[1]}]}}`), nil
		}, search.ErrBadAnswer, 1},
		{"a shard that failed", func() (*http.Response, error) {
			return reply(200, `{"timed_out":false,"_shards":{"total":3,"successful":2,"failed":1},`+noHits), nil
		}, search.ErrPartial, 1},
		{"a shard that failed, said at the end", func() (*http.Response, error) {
			return reply(200, `{"hits":{"hits":[]},"_shards":{"total":3,"successful":2,"failed":1}}`), nil
		}, search.ErrPartial, 1},
		{"a search cut short", func() (*http.Response, error) { return reply(200, `{"timed_out":true,`+goodShard+noHits), nil }, search.ErrPartial, 1},
		{"an index that is gone", func() (*http.Response, error) {
			return reply(404, `{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [visits]"}],"type":"index_not_found_exception"},"status":404}`), nil
		}, search.ErrUnknownIndex, 1},
		{"an account that is not known", func() (*http.Response, error) {
			return reply(401, `{"error":{"type":"security_exception","reason":"unable to authenticate user [dhr]"},"status":401}`), nil
		}, search.ErrUnavailable, 1},
		{"an account that is not known, said in plain text", func() (*http.Response, error) {
			return with(reply(401, "Unauthorized"), "Content-Type", "text/plain"), nil
		}, search.ErrUnavailable, 1},
		{"an account without rights", func() (*http.Response, error) {
			return reply(403, `{"error":{"type":"security_exception","reason":"action [indices:data/read/search] is unauthorized"},"status":403}`), nil
		}, search.ErrUnavailable, 1},
		{"a blocked index", func() (*http.Response, error) {
			return reply(403, `{"error":{"type":"cluster_block_exception","reason":"index [visits] blocked by: [FORBIDDEN/5/index read-only (api)];"},"status":403}`), nil
		}, search.ErrReadOnly, 1},
		{"too many buckets", func() (*http.Response, error) {
			return reply(400, `{"error":{"type":"search_phase_execution_exception","caused_by":{"type":"too_many_buckets_exception","reason":"65536"}},"status":400}`), nil
		}, search.ErrTooManyBuckets, 1},
		{"too many clauses", func() (*http.Response, error) {
			return reply(400, `{"error":{"type":"x","failed_shards":[{"reason":{"type":"too_many_nested_clauses","reason":"1024"}}]},"status":400}`), nil
		}, search.ErrUnsupported, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{docs: 10, fault: func(int, *http.Request) (*http.Response, error) { return c.reply() }}
			d := f.driver(t, Options{})
			ids, err := drain(d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t)}))
			require.ErrorIs(t, err, c.want)
			require.Empty(t, ids)
			require.Equal(t, c.tries, f.searches)
			_, err = d.Count(t.Context(), f.all(t), 0)
			if c.name != "a hit without sort values" && c.name != "a hit of a wrong shape" {
				require.ErrorIs(t, err, c.want)
			} else {
				require.ErrorIs(t, err, search.ErrBadAnswer) // it counts nothing
			}
		})
	}
}

// What passes is waited for: with pauses that grow, or as long as the cluster asks.
func TestRetries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		reply func() (*http.Response, error)
		want  []time.Duration
	}{
		{"overloaded", func() (*http.Response, error) { return reply(429, tooMany), nil }, []time.Duration{75 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond}},
		{"a pause that is asked for", func() (*http.Response, error) { return with(reply(503, `{}`), "Retry-After", "2"), nil },
			[]time.Duration{2075 * time.Millisecond, 2150 * time.Millisecond, 2300 * time.Millisecond}},
		{"half a body", func() (*http.Response, error) { return half(), nil }, []time.Duration{75 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond}},
		{"a connection that breaks", func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, []time.Duration{75 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{docs: 10, fault: func(n int, _ *http.Request) (*http.Response, error) {
				if n <= 3 {
					return c.reply()
				}
				return nil, nil
			}}
			d := f.driver(t, Options{})
			ids, err := drain(d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t)}))
			require.NoError(t, err)
			require.Equal(t, f.ids(0, 10), ids)
			require.Equal(t, c.want, f.pause)
		})
	}
}

// A cluster that is down when the driver is opened is an error of the question;
// the next one asks again.
func TestDownAtStart(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3}
	up := false
	d, err := Open(t.Context(), transportFunc(func(r *http.Request) (*http.Response, error) {
		if !up {
			return nil, errors.New("connection refused")
		}
		return f.Perform(r)
	}), &Options{Retries: -1})
	require.NoError(t, err)
	_, err = d.Count(t.Context(), f.all(t), 0)
	require.ErrorIs(t, err, search.ErrUnavailable)
	require.ErrorContains(t, err, "connection refused")
	up = true
	n, err := d.Count(t.Context(), f.all(t), 0)
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Perform(r *http.Request) (*http.Response, error) { return f(r) }

// slow never answers, but for the end of the context.
func slow(_ int, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSlow(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3, fault: slow}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := drain(f.driver(t, Options{}).Read(ctx, &search.Read{Plan: f.all(t), Columns: f.columns(t)}))
	require.ErrorIs(t, err, context.DeadlineExceeded, "the context's own end is the context's error")
	require.NotErrorIs(t, err, search.ErrUnavailable)

	f = &fake{docs: 3, fault: slow}
	_, err = drain(f.driver(t, Options{Timeout: 20 * time.Millisecond}).Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t)}))
	require.ErrorIs(t, err, search.ErrUnavailable)
	require.Equal(t, 1, f.searches, "what is slow is not asked twice")
}

// A pause for which the context leaves no time is not begun.
func TestNoTimeForAPause(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3, fault: func(int, *http.Request) (*http.Response, error) {
		return with(reply(429, tooMany), "Retry-After", "30"), nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := drain(f.driver(t, Options{}).Read(ctx, &search.Read{Plan: f.all(t), Columns: f.columns(t)}))
	require.ErrorIs(t, err, search.ErrOverloaded)
	require.Empty(t, f.pause)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, Error{429, "es_rejected_execution_exception", "queue full"}, *e)
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"", 0}, {"3", 3 * time.Second}, {"-3", 0}, {"x", 0}, {"99999999999999", 0},
		{"Fri, 02 Jan 2026 03:04:15 GMT", 10 * time.Second}, {"Fri, 02 Jan 2026 03:04:00 GMT", 0},
	} {
		require.Equal(t, c.want, retryAfter(http.Header{"Retry-After": {c.text}}, now), c.text)
	}
}

func TestCompressedAnswer(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3}
	d, err := Open(t.Context(), transportFunc(func(r *http.Request) (*http.Response, error) {
		res, err := f.Perform(r)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err = io.Copy(z, res.Body)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		res.Body = io.NopCloser(&b)
		return with(res, "Content-Encoding", "gzip"), nil
	}), nil)
	require.NoError(t, err)
	ids, err := drain(d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t)}))
	require.NoError(t, err)
	require.Equal(t, f.ids(0, 3), ids)
}

func TestProducts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want string
		err  error
	}{
		{`{"version":{"number":"7.17.29"}}`, "Elasticsearch 7.17", nil},
		{`{"version":{"number":"9.2.2","build_flavor":"default"}}`, "Elasticsearch 9.2", nil},
		{`{"version":{"distribution":"opensearch","number":"3.8.0"}}`, "OpenSearch 3.8", nil},
		{`{"version":{"distribution":"opensearch","number":"7.10.2"}}`, "OpenSearch 7.10", nil},
		{`{"version":{"number":"6.8.23"}}`, "", search.ErrUnsupported},
		{`{"version":{"number":"7.11.0"}}`, "", search.ErrUnsupported},
		{`{"version":{"number":"x"}}`, "", search.ErrBadAnswer},
		{`{"hello":"world"}`, "", search.ErrBadAnswer},
		{`[]`, "", search.ErrBadAnswer},
	} {
		f := &fake{version: c.text}
		p, err := f.driver(t, Options{}).client.product(t.Context())
		if c.err != nil {
			require.ErrorIs(t, err, c.err, c.text)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, p.String())
	}
}

// No name leads to another index, or to something that is none.
func TestIndexPath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "..", "_all", "-x", "+x", "a,b", "a*", "a b", "a/b", `a\b`, "<x>", "a?b", "a#b", "a\x00b", `a"b`, "a|b"} {
		_, err := indexPath(name, "/_search")
		require.ErrorIs(t, err, search.ErrUnknownIndex, "%q", name)
	}
	path, err := indexPath("visité-2024.01%2f", "/_search")
	require.NoError(t, err)
	require.Equal(t, "/visit%C3%A9-2024.01%252f/_search", path)
}

func TestUnknownIndex(t *testing.T) {
	t.Parallel()
	f := &fake{}
	d := f.driver(t, Options{})
	p := *f.all(t)
	other, err := record.ParseSchema("other", []byte(`{"mappings":`+fakeMapping+`}`))
	require.NoError(t, err)
	p.Schema = other
	_, err = d.Count(t.Context(), &p, 0)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	_, err = drain(d.Read(t.Context(), &search.Read{Plan: &p, Columns: f.columns(t)}))
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	_, err = d.Snapshot(t.Context(), "other", "")
	require.ErrorIs(t, err, search.ErrUnknownIndex)
}
