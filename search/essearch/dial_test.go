package essearch

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
)

// serve is the fake behind HTTP.
func (f *fake) serve(seen func(*http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen != nil {
			seen(r)
		}
		res, err := f.Perform(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer res.Body.Close()
		w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	})
}

func count(t *testing.T, c *Cluster) error {
	t.Helper()
	transport, err := Dial(c)
	require.NoError(t, err)
	f := &fake{}
	d, err := Open(t.Context(), transport, &Options{Retries: -1})
	require.NoError(t, err)
	_, err = d.Count(t.Context(), f.all(t), 0)
	return err
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Header]
	f := &fake{docs: 3}
	server := httptest.NewServer(f.serve(func(r *http.Request) {
		h := r.Header.Clone()
		got.Store(&h)
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		name string
		Cluster
		want string
	}{
		{"nothing", Cluster{}, ""},
		{"basic", Cluster{User: "asha", Password: "sécret"}, "Basic YXNoYTpzw6ljcmV0"},
		{"key", Cluster{APIKey: "a2V5"}, "APIKey a2V5"},
		{"token", Cluster{Token: "t0ken"}, "Bearer t0ken"},
	} {
		c.Hosts = []string{server.URL + "/"}
		require.NoError(t, count(t, &c.Cluster), c.name)
		h := *got.Load()
		require.Equal(t, c.want, h.Get("Authorization"), c.name)
		require.Equal(t, "application/json", h.Get("Content-Type"))
		require.Equal(t, "application/json", h.Get("Accept"))
		require.Empty(t, h.Get("Accept-Encoding"))
	}
}

func TestCustomCA(t *testing.T) {
	t.Parallel()
	f := &fake{docs: 3}
	server := httptest.NewTLSServer(f.serve(nil))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	require.ErrorIs(t, count(t, &Cluster{Hosts: []string{server.URL}}), search.ErrUnavailable, "a stranger is not trusted")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, count(t, &Cluster{Hosts: []string{server.URL}, CA: ca}))
}

// When one host is down the next one answers, and the question is none the wiser.
func TestAnotherHost(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	f := &fake{docs: 2500}
	up := httptest.NewServer(f.serve(nil))
	t.Cleanup(up.Close)
	for _, hosts := range [][]string{{down.URL, up.URL}, {up.URL, down.URL}} {
		transport, err := Dial(&Cluster{Hosts: hosts})
		require.NoError(t, err)
		d, err := Open(t.Context(), transport, &Options{clock: f.driver(t, Options{}).client.clock})
		require.NoError(t, err)
		for range 3 {
			got, err := drain(d.Read(t.Context(), &search.Read{Plan: f.all(t), Columns: f.columns(t)}))
			require.NoError(t, err)
			require.Equal(t, f.ids(0, 2500), got)
		}
	}
}

func TestDialRefuses(t *testing.T) {
	t.Parallel()
	good := []string{"http://es:9200"}
	for _, c := range []*Cluster{
		{},
		{Hosts: []string{""}},
		{Hosts: []string{"es:9200"}},
		{Hosts: []string{"ftp://es"}},
		{Hosts: []string{"http://es:9200/?x=1"}},
		{Hosts: slices.Concat(good, []string{"http://user:hidden@"})},
		{Hosts: good, User: "u", Password: "p", APIKey: "k"},
		{Hosts: good, Token: "t", APIKey: "k"},
		{Hosts: good, Password: "p"},
		{Hosts: good, CA: []byte("no certificate")},
	} {
		_, err := Dial(c)
		require.ErrorIs(t, err, search.ErrInvalid)
		require.NotContains(t, err.Error(), "hidden")
	}
	_, err := Open(t.Context(), nil, nil)
	require.ErrorIs(t, err, search.ErrInvalid)
}
