package essearch_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search/essearch"
)

// The official client's transport will do for Open, and what Dial returns will do for its requests.
var _ = func(t esapi.Transport) essearch.Transport { return t }

func TestDialServesTheRequestsOfTheOfficialClient(t *testing.T) {
	t.Parallel()
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	transport, err := essearch.Dial(&essearch.Cluster{Hosts: []string{server.URL}})
	require.NoError(t, err)
	answer, err := esapi.CatIndicesRequest{}.Do(t.Context(), transport)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusNoContent, answer.StatusCode)
	require.Equal(t, "/_cat/indices", asked)
}
