package api_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/api"
)

// pipes is a listener of connections that hold nothing: what one side does not read, the other cannot write.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Who asks, and does not take the answer, holds nothing for ever.
func TestAnswersThatAreNotTaken(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{WriteTimeout: 50 * time.Millisecond})
	closed, l := make(chan struct{}), make(pipes, 1)
	h := &http.Server{Handler: s.Config.Handler, ReadHeaderTimeout: time.Minute, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}}
	done := make(chan error, 1)
	go func() { done <- h.Serve(l) }()
	client, server := net.Pipe()
	l <- server
	_, err := io.WriteString(client, "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the connection is still held")
	}
	require.NoError(t, client.Close())
	close(l)
	require.ErrorIs(t, <-done, net.ErrClosed)
	require.NoError(t, h.Close())
}
