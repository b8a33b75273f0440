package essearch_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/essearch"
	"github.com/digit-health/dhr/search/searchtest"
)

// TestElasticsearch runs the suite on the server at DHR_TEST_ELASTICSEARCH_URL.
func TestElasticsearch(t *testing.T) { runSuite(t, "DHR_TEST_ELASTICSEARCH_URL") }

// TestOpenSearch runs the suite on the server at DHR_TEST_OPENSEARCH_URL.
func TestOpenSearch(t *testing.T) { runSuite(t, "DHR_TEST_OPENSEARCH_URL") }

func runSuite(t *testing.T, variable string) {
	host := os.Getenv(variable)
	if host == "" {
		t.Skipf("NOT TESTED: %s is not set", variable)
	}
	open := func(t testing.TB) search.Driver {
		transport, err := essearch.Dial(&essearch.Cluster{Hosts: []string{host}})
		require.NoError(t, err)
		d, err := essearch.Open(t.Context(), transport, nil)
		require.NoError(t, err)
		return d
	}
	searchtest.Run(t, searchtest.Harness{
		Engine:       variable,
		Open:         open,
		Again:        func(t testing.TB, _ search.Driver) search.Driver { return open(t) },
		Prefix:       "essearch-suite-",
		Types:        map[string]string{"version": "", "unsigned_long": "", "scaled_float": ""},
		OpenContexts: func() (int, error) { return openContexts(host) },
	})
}

// openContexts returns how many searches the cluster's own statistics count as open.
func openContexts(host string) (int, error) {
	res, err := http.Get(host + "/_nodes/stats/indices/search")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var answer struct {
		Nodes map[string]struct {
			Indices struct {
				Search struct {
					Open int `json:"open_contexts"`
				} `json:"search"`
			} `json:"indices"`
		} `json:"nodes"`
	}
	err = json.NewDecoder(res.Body).Decode(&answer)
	n := 0
	for _, node := range answer.Nodes {
		n += node.Indices.Search.Open
	}
	return n, err
}
