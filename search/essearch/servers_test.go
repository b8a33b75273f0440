package essearch_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search/essearch"
)

// onServers runs a test on each server whose variable is set.
func onServers(t *testing.T, test func(t *testing.T, host string, d *essearch.Driver)) {
	t.Helper()
	for _, variable := range []string{"DHR_TEST_ELASTICSEARCH_URL", "DHR_TEST_OPENSEARCH_URL"} {
		t.Run(variable, func(t *testing.T) {
			host := os.Getenv(variable)
			if host == "" {
				t.Skipf("NOT TESTED: %s is not set", variable)
			}
			transport, err := essearch.Dial(&essearch.Cluster{Hosts: []string{host}})
			require.NoError(t, err)
			d, err := essearch.Open(t.Context(), transport, nil)
			require.NoError(t, err)
			test(t, host, d)
		})
	}
}
