package fetch

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.10": true, "::1": true,
		"": false, "localhost.example.org": false, "127.0.0.1.example.org": false, "10.0.0.1": false, "::": false, "0.0.0.0": false, "2130706433": false,
	} {
		require.Equal(t, want, Loopback(host), host)
	}
}

func TestClientsDoNotFollow(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	t.Cleanup(server.Close)
	theirs := &http.Client{Timeout: time.Minute}
	for _, c := range []*http.Client{Client(nil, 0), Client(nil, time.Second), Client(theirs, 0)} {
		response, err := c.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusFound, response.StatusCode)
		c.CloseIdleConnections()
	}
	require.Nil(t, theirs.CheckRedirect, "the client of somebody else was changed")
	require.Equal(t, time.Minute, Client(theirs, 0).Timeout)
}
