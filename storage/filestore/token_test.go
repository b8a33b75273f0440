package filestore_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/filestore"
	"github.com/digit-health/dhr/storage/filestoretest"
)

// An issuer gives tokens T1, T2 and so on; only the last is good.
type issuer struct {
	*httptest.Server
	given atomic.Int64
	mu    sync.Mutex
	forms []url.Values
	basic []string
}

func newIssuer(t testing.TB, answer func(n int64) (status int, body string)) *issuer {
	t.Helper()
	i := &issuer{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		user, password, _ := r.BasicAuth()
		i.mu.Lock()
		i.forms, i.basic = append(i.forms, r.PostForm), append(i.basic, user+":"+password)
		i.mu.Unlock()
		status, body := answer(i.given.Add(1))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(i.Close)
	return i
}

func token(n int64) (int, string) {
	return 200, fmt.Sprintf(`{"access_token":"T%d","expires_in":3600}`, n)
}

// guard lets a server take only the token that is good.
func guard(server *filestoretest.Server, header string, good func() string) {
	server.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get(header) == good() {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

// One token serves many requests, in the header and with the grant of each dialect.
func TestTokenIsKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect             filestore.Dialect
		token               filestore.Token
		header, value, form string
	}{
		{
			filestore.V2, filestore.Token{Username: "export", Password: "s3cret", Scope: "read", Fields: map[string]string{"tenantId": "pb", "userType": "SYSTEM"}},
			"auth-token", "T1", "grant_type=password&password=s3cret&scope=read&tenantId=pb&userType=SYSTEM&username=export",
		},
		{filestore.V3, filestore.Token{}, "Authorization", "Bearer T1", "grant_type=client_credentials"},
	} {
		i := newIssuer(t, token)
		server := filestoretest.New(t, string(c.dialect))
		guard(server, c.header, func() string { return c.value })
		c.token.URL, c.token.ClientID, c.token.ClientSecret = i.URL, "dhr", "hush"
		s := store(t, server.URL, &filestore.Options{Dialect: c.dialect, Token: &c.token})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := s.Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 8, server.Count())
		require.EqualValues(t, 1, i.given.Load())
		require.Equal(t, c.form, i.forms[0].Encode())
		require.Equal(t, "dhr:hush", i.basic[0])
	}
}

// A token that the service no longer takes is replaced, once; the upload is sent again, a stream too.
func TestTokenIsReplaced(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, token)
	server := filestoretest.New(t, "v3")
	var good atomic.Value
	good.Store("Bearer T1")
	guard(server, "Authorization", func() string { return good.Load().(string) })
	s := store(t, server.URL, &filestore.Options{Dialect: filestore.V3, Token: &filestore.Token{URL: i.URL}})
	put(t, s)
	good.Store("Bearer T2")
	_, err := s.Put(t.Context(), "a.csv", io.MultiReader(strings.NewReader(csv)), pb())
	require.NoError(t, err)
	require.EqualValues(t, 2, i.given.Load())

	good.Store("Bearer none")
	_, err = s.Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
	require.ErrorIs(t, err, storage.ErrAuth)
	require.Equal(t, "AUTH_FAILED", storage.Class(err))
	require.EqualValues(t, 3, i.given.Load())
	require.Equal(t, 2, server.Count())
}

// A token that has ended by its own word is not sent.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, func(n int64) (int, string) { return 200, fmt.Sprintf(`{"access_token":"T%d","expires_in":1e-9}`, n) })
	server := filestoretest.New(t, "v3")
	guard(server, "Authorization", func() string { return fmt.Sprintf("Bearer T%d", i.given.Load()) })
	put(t, store(t, server.URL, &filestore.Options{Dialect: filestore.V3, Token: &filestore.Token{URL: i.URL}}))
	require.EqualValues(t, 2, i.given.Load(), "one for the upload and one to look at it")
}

// What the token endpoint answers is told apart, and its secrets are never shown.
func TestTokenErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		want   error
	}{
		{400, `{"error":"invalid_grant","hint":"hush"}`, storage.ErrAuth},
		{401, `hush`, storage.ErrAuth},
		{403, `hush`, storage.ErrAuth},
		{500, `hush`, storage.ErrUnavailable},
		{302, `hush`, storage.ErrUnavailable},
		{200, `hush`, storage.ErrUnavailable},
		{200, `{"token":"hush"}`, storage.ErrUnavailable},
		{200, `{"access_token":"hush\r\nX: y"}`, storage.ErrUnavailable},
	} {
		i := newIssuer(t, func(int64) (int, string) { return c.status, c.body })
		server := filestoretest.New(t, "v2")
		s := store(t, server.URL, &filestore.Options{Token: &filestore.Token{URL: i.URL, ClientSecret: "hush"}, Retries: -1})
		_, err := s.Put(t.Context(), "a.csv", strings.NewReader(csv), pb())
		require.ErrorIs(t, err, c.want, "%d %s", c.status, c.body)
		require.NotContains(t, err.Error(), "hush")
		require.Zero(t, server.Count())
	}
}
