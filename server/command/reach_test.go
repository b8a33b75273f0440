package command_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A cluster that is away at the start is told once, by its address and with what follows, and holds nothing up.
func TestEngineAwayAtStart(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	host := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	s := serve(t, t.TempDir(), map[string]string{"DHR_ELASTICSEARCH_USERNAME": "reader", "DHR_ELASTICSEARCH_PASSWORD": "geheimnis"}, "-es", host)
	got, _ := s.ask(http.MethodGet, "/v1/query?jql=", nil)
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	s.stop()
	log := s.errors.String()
	require.Equal(t, 1, strings.Count(log, "the engine of the records does not answer; the server starts without it"), log)
	require.Contains(t, log, `"hosts":["`+host+`"]`)
	require.Equal(t, 1, strings.Count(log, "FHIR mappings could not be held against their indexes"), log)
	require.Zero(t, strings.Count(log, "what is needed does not answer"), log)
	require.NotContains(t, log, "geheimnis")
	require.NotContains(t, log, "reader")
}
