package essearch

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/searchtest"
)

type oneHost struct{ base string }

func (h oneHost) Perform(r *http.Request) (*http.Response, error) {
	u, err := r.URL.Parse(h.base + r.URL.RequestURI())
	if err != nil {
		return nil, err
	}
	r.URL = u
	return http.DefaultClient.Do(r)
}

func TestWhole(t *testing.T) {
	url := os.Getenv("ESDSL_URL")
	if url == "" {
		t.Skip("no ESDSL_URL")
	}
	d, err := Open(t.Context(), oneHost{url}, nil)
	require.NoError(t, err)
	prod, err := d.client.product(t.Context())
	require.NoError(t, err)
	types := map[string]string{"version": "", "unsigned_long": "", "wildcard": "", "constant_keyword": "", "scaled_float": ""}
	if prod.openSearch {
		types = map[string]string{"version": "", "flattened": "flat_object", "constant_keyword": ""}
	}
	searchtest.Run(t, searchtest.Harness{
		Engine: prod.String(), Prefix: "esdsl-", Types: types,
		Open: func(testing.TB) search.Driver { return d },
	})
}
