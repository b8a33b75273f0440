package essearch_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
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
	const prefix = "essearch-suite-"
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
		Engine:       engine(t, host),
		Open:         open,
		Again:        func(t testing.TB, _ search.Driver) search.Driver { return open(t) },
		Prefix:       prefix,
		Types:        absentFields(t, host, absentTypes(t, host)),
		OpenContexts: func() (int, error) { return openContexts(host, prefix+"*") },
	})
}

// fetch asks the server itself, and returns the status.
func fetch(t testing.TB, method, url, body string, v any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.NoError(t, json.NewDecoder(res.Body).Decode(v))
	return res.StatusCode
}

func engine(t testing.TB, host string) string {
	var answer struct {
		Version struct{ Distribution, Number string }
	}
	fetch(t, http.MethodGet, host, "", &answer)
	if answer.Version.Distribution == "" {
		return "elasticsearch " + answer.Version.Number
	}
	return answer.Version.Distribution + " " + answer.Version.Number
}

// absentTypes are those of the corpus that the server has not, as some modules
// of it are not published.
func absentTypes(t testing.TB, host string) map[string]string {
	absent := map[string]string{}
	for _, typ := range []string{"version", "unsigned_long", "scaled_float"} {
		url := host + "/essearch-suite-type"
		body := `{"mappings":{"properties":{"x":{"type":"` + typ + `"`
		if typ == "scaled_float" {
			body += `,"scaling_factor":100`
		}
		status := fetch(t, http.MethodPut, url, body+`}}}}`, new(any))
		if status == http.StatusOK && typ == "version" && strings.HasPrefix(engine(t, host), "opensearch") {
			absent[typ] = "" // OpenSearch's is another type, which refuses 1.0 and v1
		}
		if status == http.StatusBadRequest {
			absent[typ] = ""
			continue
		}
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, http.StatusOK, fetch(t, http.MethodDelete, url, "", new(any)))
	}
	return absent
}

// absentFields are those of the corpus of which the server does not take all
// values: 7.17 refuses milliseconds before 1970 where no other format is named.
func absentFields(t testing.TB, host string, absent map[string]string) map[string]string {
	url := host + "/essearch-suite-field"
	require.Equal(t, http.StatusOK, fetch(t, http.MethodPut, url, `{"mappings":{"properties":{"x":{"type":"date","format":"epoch_millis"}}}}`, new(any)))
	if fetch(t, http.MethodPut, url+"/_doc/1", `{"x":-1}`, new(any)) == http.StatusBadRequest {
		absent[".stamp"] = ""
	}
	require.Equal(t, http.StatusOK, fetch(t, http.MethodDelete, url, "", new(any)))
	return absent
}

// openContexts returns how many searches the server's own statistics count as open.
func openContexts(host, index string) (int, error) {
	res, err := http.Get(host + "/" + index + "/_stats/search")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var answer struct {
		All struct {
			Total struct {
				Search struct {
					Open int `json:"open_contexts"`
				} `json:"search"`
			} `json:"total"`
		} `json:"_all"`
	}
	err = json.NewDecoder(res.Body).Decode(&answer)
	return answer.All.Total.Search.Open, err
}
