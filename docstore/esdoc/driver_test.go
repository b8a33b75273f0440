package esdoc_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/docstoretest"
	"github.com/digit-health/dhr/docstore/esdoc"
)

// direct is a transport to one host.
type direct struct{ host string }

func (d direct) Perform(req *http.Request) (*http.Response, error) {
	u, err := url.Parse(d.host)
	if err != nil {
		return nil, err
	}
	req.URL.Scheme, req.URL.Host = u.Scheme, u.Host
	return http.DefaultClient.Do(req)
}

// TestElasticsearch runs the suite on the server at DHR_TEST_ELASTICSEARCH_URL.
func TestElasticsearch(t *testing.T) { runSuite(t, "DHR_TEST_ELASTICSEARCH_URL") }

// TestOpenSearch runs the suite on the server at DHR_TEST_OPENSEARCH_URL.
func TestOpenSearch(t *testing.T) { runSuite(t, "DHR_TEST_OPENSEARCH_URL") }

func runSuite(t *testing.T, variable string) {
	host := os.Getenv(variable)
	if host == "" {
		t.Skipf("NOT TESTED: %s is not set", variable)
	}
	docstoretest.Run(t, docstoretest.Harness{
		New:   func(t testing.TB) string { return newPrefix(t, host) },
		Open:  func(t testing.TB, prefix string) docstore.Driver { return open(t, host, prefix) },
		Large: 4000, // one by one; -docstoretest.large says more
	})
}

func open(t testing.TB, host, prefix string) *esdoc.Driver {
	d, err := esdoc.Open(t.Context(), direct{host}, &esdoc.Options{Prefix: prefix})
	require.NoError(t, err)
	return d
}

// newPrefix returns what no name of an index begins with. Those of which the name does are removed in the end.
func newPrefix(t testing.TB, host string) string {
	prefix := "docs-store-" + strings.ToLower(rand.Text()[:10]) + "-"
	t.Cleanup(func() {
		res, err := http.Get(host + "/_cat/indices/" + prefix + "*?format=json&h=index")
		require.NoError(t, err)
		defer res.Body.Close()
		var indexes []struct{ Index string }
		require.NoError(t, json.NewDecoder(res.Body).Decode(&indexes))
		for _, i := range indexes {
			req, err := http.NewRequest(http.MethodDelete, host+"/"+i.Index, nil)
			require.NoError(t, err)
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			res.Body.Close()
		}
	})
	return prefix
}
