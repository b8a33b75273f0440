package essearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A fake is a cluster with one index, visits, of some documents, whose storage
// order is also that of their key. It understands what the driver asks of it.
type fake struct {
	docs int
	// strangers is how many of the documents, the last ones, lack the helping field with their id.
	strangers int
	id        func(i int) string // of a document; by default v0000000 and so on
	version   string             // what GET / says; by default Elasticsearch 8.11.3
	mapping   string             // by default with a declared key

	// fault, if not nil, may answer the nth search, from 1, instead.
	fault func(n int, r *http.Request) (*http.Response, error)

	mu       sync.Mutex
	searches int
	opened   int
	closed   []string
	bodies   []string
	pause    []time.Duration
}

const fakeMapping = `{"_meta":{"dhr":{"key":"visit_id"}},"properties":{"visit_id":{"type":"keyword"},"age":{"type":"integer"},"district":{"type":"keyword"},"weight":{"type":"double"}}}`

// driver opens a driver on the fake, whose pauses take no time.
func (f *fake) driver(t testing.TB, opts Options) *Driver {
	t.Helper()
	opts.clock.random = func() float64 { return 0.5 }
	opts.clock.sleep = func(ctx context.Context, d time.Duration) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pause = append(f.pause, d)
		return ctx.Err()
	}
	d, err := Open(t.Context(), f, &opts)
	require.NoError(t, err)
	return d
}

func (f *fake) Perform(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch path := r.Method + " " + r.URL.Path; path {
	case "GET /":
		return reply(200, orText(f.version, `{"version":{"number":"8.11.3","build_flavor":"default"}}`)), nil
	case "GET /visits":
		return reply(200, `{"visits":{"mappings":`+orText(f.mapping, fakeMapping)+`,"settings":{"index":{"uuid":"u"}}}}`), nil
	case "POST /visits/_pit", "POST /visits/_search/point_in_time":
		f.opened++
		return reply(200, `{"id":"pit-0"}`), nil
	case "POST /visits/_count":
		n := 0
		if f.strangers > 0 {
			n = 1
		}
		return reply(200, fmt.Sprintf(`{"count":%d,"_shards":{"total":1,"failed":0}}`, n)), nil
	case "DELETE /_pit", "DELETE /_search/point_in_time":
		f.closed = append(f.closed, string(body))
		return reply(200, `{"succeeded":true}`), nil
	case "POST /_search", "POST /visits/_search":
		if bytes.Contains(body, []byte(`"_id":{"order"`)) {
			return reply(400, `{"error":{"type":"illegal_argument_exception","reason":"Fielddata access on the _id field is disallowed"},"status":400}`), nil
		}
		f.searches++
		f.bodies = append(f.bodies, string(body))
		if f.fault != nil {
			if res, err := f.fault(f.searches, r); res != nil || err != nil {
				return res, err
			}
		}
		return f.search(body)
	default:
		return reply(404, `{"error":{"type":"index_not_found_exception","reason":"no such index [`+r.URL.Path+`]"},"status":404}`), nil
	}
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// search answers a search for all documents.
func (f *fake) search(body []byte) (*http.Response, error) {
	var q struct {
		Size, From  int
		Total       any               `json:"track_total_hits"`
		SearchAfter []json.RawMessage `json:"search_after"`
		PIT         *struct{ ID string }
		Sort        []any
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	from := q.From
	if len(q.SearchAfter) > 0 {
		n, err := strconv.Atoi(strings.Trim(string(q.SearchAfter[0]), `"kv`))
		if err != nil {
			return nil, err
		}
		from = n + 1
	}
	var b bytes.Buffer
	b.WriteString(`{"took":1,"timed_out":false,`)
	if q.PIT != nil {
		fmt.Fprintf(&b, `"pit_id":"pit-%d",`, f.searches)
	}
	b.WriteString(`"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{`)
	if q.Total != false {
		fmt.Fprintf(&b, `"total":{"value":%d,"relation":"eq"},`, f.docs)
	}
	b.WriteString(`"max_score":null,"hits":[`)
	for i := from; i < min(from+q.Size, f.docs); i++ {
		if i > from {
			b.WriteByte(',')
		}
		id := fmt.Sprintf("v%07d", i)
		if f.id != nil {
			id = f.id(i)
		}
		sort := fmt.Sprintf(`%d,%d`, i, i)
		if first, ok := q.Sort[0].(map[string]any); ok && first["visit_id"] != nil {
			sort = fmt.Sprintf(`"k%07d"`, i)
		}
		if first, ok := q.Sort[0].(map[string]any); ok && first["dhr_id"] != nil {
			if sort = fmt.Sprintf(`"v%07d"`, i); i >= f.docs-f.strangers {
				sort = "null"
			}
		}
		fmt.Fprintf(&b, `{"_index":"visits","_id":"%s","_score":null,"_source":{"visit_id":"k%07d","age":%d,"district":"d%d"},"sort":[%s]}`, id, i, i%90, i%36, sort)
	}
	b.WriteString(`]}}`)
	return reply(200, b.String()), nil
}

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// schema is the schema of the fake's index.
func (f *fake) schema(t testing.TB) *record.Schema {
	t.Helper()
	s, err := record.ParseSchema("visits", []byte(`{"mappings":`+orText(f.mapping, fakeMapping)+`}`))
	require.NoError(t, err)
	return s
}

// all asks for every record, ordered by the unique key.
func (f *fake) all(t testing.TB) *plan.Plan {
	s := f.schema(t)
	key := s.Key
	if key == nil {
		key = s.Field("_id")
	}
	return &plan.Plan{Schema: s, Where: plan.All{}, Order: []plan.Sort{{Field: key}}}
}

func (f *fake) columns(t testing.TB) *record.Projection {
	p, err := f.schema(t).Project("_id", "age", "district")
	require.NoError(t, err)
	return p
}

// drain reads a stream to its end or its error.
func drain(records record.Stream) (ids []string, err error) {
	for r, err := range records {
		if err != nil {
			return ids, err
		}
		ids = append(ids, strings.Clone(r.ID))
	}
	return ids, nil
}

// counts returns how many points in time were opened and closed.
func (f *fake) counts() (opened, closed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened, len(f.closed)
}

func (f *fake) ids(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		if f.id != nil {
			ids = append(ids, f.id(i))
			continue
		}
		ids = append(ids, fmt.Sprintf("v%07d", i))
	}
	return ids
}

func TestReadPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		skip, limit int
		from, to    int
		searches    int
	}{
		{"a page", 0, 50, 0, 50, 1},
		{"an offset", 100, 20, 100, 120, 1},
		{"the last offset", 10_000, 20, 10_000, 10_020, 2},
		{"several pages", 0, 4000, 0, 4000, 2},
		{"all", 0, 0, 0, 25_000, 4},
		{"beyond the end", 10_000, 20_000, 10_000, 25_000, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{docs: 25_000}
			d := f.driver(t, Options{})
			got, err := drain(d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t), Skip: c.skip, Limit: c.limit}))
			require.NoError(t, err)
			require.Equal(t, f.ids(c.from, c.to), got)
			if c.searches > 0 {
				require.Equal(t, c.searches, f.searches, "%s", strings.Join(f.bodies, "\n"))
			}
			for _, body := range f.bodies {
				require.NotContains(t, body, "filter_path")
			}
			require.Zero(t, f.opened)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3}
	d := f.driver(t, Options{})
	for _, c := range []struct {
		name string
		read search.Read
		want error
	}{
		{"a negative offset", search.Read{Skip: -1}, search.ErrInvalid},
		{"a negative limit", search.Read{Limit: -1}, search.ErrInvalid},
		{"an offset beyond the window", search.Read{Skip: 10_001}, search.ErrWindow},
		{"keys of another order", search.Read{After: make([]record.Value, 3)}, search.ErrInvalid},
	} {
		c.read.Plan, c.read.Columns = f.all(t), f.columns(t)
		_, err := drain(d.Read(t.Context(), &c.read))
		require.ErrorIs(t, err, c.want, c.name)
	}
	require.Zero(t, f.searches)
}
