package essearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/searchtest"
)

type hostTransport struct{ base string }

func (h hostTransport) Perform(r *http.Request) (*http.Response, error) {
	u, err := r.URL.Parse(h.base + r.URL.RequestURI())
	if err != nil {
		return nil, err
	}
	r.URL = u
	return http.DefaultClient.Do(r)
}

type partial struct {
	*Driver
	schemas map[string]*record.Schema
}

func (p *partial) Schemas(_ context.Context, name string) ([]*record.Schema, error) {
	if s := p.schemas[name]; s != nil {
		return []*record.Schema{s}, nil
	}
	return nil, nil
}
func (p *partial) Aggregate(context.Context, []*search.Aggregation) ([]*search.Table, error) {
	return nil, search.ErrUnsupported
}

func TestSeam(t *testing.T) {
	url := os.Getenv("SEAM_URL")
	d, err := Open(t.Context(), hostTransport{url}, nil)
	require.NoError(t, err)
	p := &partial{d, map[string]*record.Schema{}}
	prod, err := d.client.product(t.Context())
	require.NoError(t, err)
	types := map[string]string{"version": "", "unsigned_long": "", "wildcard": "", "constant_keyword": "", "scaled_float": ""}
	if prod.openSearch {
		types = map[string]string{"version": "", "flattened": "flat_object", "constant_keyword": ""}
	}
	searchtest.Run(t, searchtest.Harness{
		Engine: prod.String(), Prefix: "essearch-", Types: types,
		Open: func(testing.TB) search.Driver { return p },
		Fill: func(t testing.TB, _ search.Driver, s *record.Schema, docs []*record.Record) {
			p.schemas[s.Index] = s
			m, err := s.MarshalJSON()
			require.NoError(t, err)
			var whole map[string]any
			require.NoError(t, json.Unmarshal(m, &whole))
			whole["settings"] = map[string]any{"number_of_shards": 3, "number_of_replicas": 0}
			m, _ = json.Marshal(whole)
			ctx := context.Background()
			_ = d.client.ask(ctx, &request{method: "DELETE", path: "/" + s.Index}, new(any))
			seamCache.Delete(s.Index)
			require.NoError(t, d.client.ask(ctx, &request{method: "PUT", path: "/" + s.Index, body: m}, new(any)))
			var b bytes.Buffer
			for _, r := range docs {
				id, _ := json.Marshal(r.ID)
				src := bytes.ReplaceAll(r.Source(), []byte("\n"), nil)
				src = bytes.Replace(src, []byte(`"": "empty`), []byte(`"E": "empty`), 1)
				fmt.Fprintf(&b, "{\"index\":{\"_id\":%s}}\n%s\n", id, src)
			}
			var answer struct {
				Errors bool
				Items  []json.RawMessage
			}
			require.NoError(t, d.client.ask(ctx, &request{method: "POST", path: "/" + s.Index + "/_bulk?refresh=true", body: b.Bytes(), ndjson: true}, &answer))
			if answer.Errors {
				for _, it := range answer.Items {
					if bytes.Contains(it, []byte("error")) {
						t.Logf("%s", it)
					}
				}
			}
			t.Cleanup(func() { _ = d.client.ask(ctx, &request{method: "DELETE", path: "/" + s.Index}, new(any)) })
		},
	})
}
