package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

// A user as DIGIT 2's user service and gateway write one.
func user(uuid, name, tenant, role, of string) string {
	return fmt.Sprintf(`{"id": 7, "uuid": %q, "userName": %q, "name": "N", "type": "EMPLOYEE", "active": true, "tenantId": %q, `+
		`"roles": [{"name": "R", "code": %q, "tenantId": %q}]}`, uuid, name, tenant, role, of)
}

// users are those of DIGIT, by their tokens.
var users = map[string]string{
	"t-distributor": user("11b0e02b", "DIST-7", "pb.amritsar", "DISTRIBUTOR", "pb.amritsar"),
	"t-district":    user("2f0b6c11", "SUP-1", "pb.amritsar", "DISTRICT_SUPERVISOR", "pb.amritsar"),
	"t-state":       user("3c9d1e22", "SUP-2", "pb", "NATIONAL_SUPERVISOR", "pb"),
	"t-admin":       user("4d8e2f33", "ADM-1", "mz", "SYSTEM_ADMINISTRATOR", "mz"),
	"t-citizen":     user("5e7f3044", "CIT-1", "pb", "CITIZEN", "pb"),
}

// serve starts the service over the tasks of testdata.
func serve(t *testing.T, signIn auth.Authenticator) *url.URL {
	t.Helper()
	mapping, err := os.ReadFile("testdata/project-task-index-v1.json")
	require.NoError(t, err)
	schema, err := record.ParseSchema("project-task-index-v1", mapping)
	require.NoError(t, err)
	engine := memsearch.New()
	require.NoError(t, engine.Create(t.Context(), schema))
	report, err := bulk.Load(t.Context(), engine, schema, []string{"testdata/tasks.ndjson"}, nil)
	require.NoError(t, err)
	require.EqualValues(t, 4, report.Stored)
	service, err := reports(t.Context(), engine, docstore.New(memdoc.New()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, service.Close()) })
	handler, err := routes(service, signIn)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	return at
}

// gateway plays DIGIT 2's: it asks who a token belongs to, takes away what the client says of the user, and says it
// itself, in RequestInfo of a JSON body or else in x-user-info.
func gateway(t *testing.T, to *url.URL) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(to)
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("X-User-Info")
		user := users[r.Header.Get("Auth-Token")]
		r.Header.Del("Auth-Token")
		if user == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodPost {
			r.Header.Set("X-User-Info", user)
			proxy.ServeHTTP(w, r)
			return
		}
		var body map[string]json.RawMessage
		if !decoded(w, r, &body) {
			return
		}
		body["RequestInfo"] = json.RawMessage(`{"apiId": "Rainmaker", "ts": 1, "correlationId": "c-1", "userInfo": ` + user + `}`)
		text, err := json.Marshal(body)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g.URL
}

func decoded(w http.ResponseWriter, r *http.Request, to any) bool {
	err := json.NewDecoder(r.Body).Decode(to)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
	return err == nil
}

// ask sends a request, and returns the status and the answer.
func ask(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// found returns the ids of the records of an answer.
func found(t *testing.T, text string) []string {
	t.Helper()
	var page struct{ Records []struct{ ID string } }
	require.NoError(t, json.Unmarshal([]byte(text), &page), text)
	ids := []string{}
	for _, r := range page.Records {
		ids = append(ids, r.ID)
	}
	return ids
}

const question = `{"RequestInfo": {"apiId": "Rainmaker", "userInfo": {"uuid": "somebody", "tenantId": "mz"}}, "jql": "Data.taskDates >= 2026-07-01"}`

// Behind the gateway everybody sees what the role and the tenant give, asked by POST as by GET, whatever the client says of itself.
func TestBehindTheGateway(t *testing.T) {
	t.Parallel()
	signIn, err := signIn("", []string{"127.0.0.0/8"})
	require.NoError(t, err)
	at := gateway(t, serve(t, signIn)) + prefix
	for _, c := range []struct {
		token string
		want  []string
	}{
		{"t-distributor", []string{"T-1"}},
		{"t-district", []string{"T-1", "T-2"}},
		{"t-state", []string{"T-1", "T-2", "T-3"}},
		{"t-admin", []string{"T-4"}},
	} {
		status, text := ask(t, http.MethodPost, at+"/v1/query", question, "auth-token", c.token)
		require.Equal(t, http.StatusOK, status, text)
		require.Equal(t, c.want, found(t, text), c.token)
		status, text = ask(t, http.MethodGet, at+"/v1/query?jql=Data.taskDates+%3E%3D+2026-07-01", "", "auth-token", c.token)
		require.Equal(t, http.StatusOK, status, text)
		require.Equal(t, c.want, found(t, text), c.token)
	}
	status, text := ask(t, http.MethodPost, at+"/v1/query", question, "auth-token", "t-district")
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, text, "Simran", "a name, to who analyses")
	status, text = ask(t, http.MethodPost, at+"/v1/query", question, "auth-token", "t-citizen")
	require.Equal(t, http.StatusForbidden, status, text)
	status, _ = ask(t, http.MethodPost, at+"/v1/query", question, "auth-token", "guessed")
	require.Equal(t, http.StatusUnauthorized, status)
}

// Who comes past the gateway is nobody: the network of the gateway is another one here.
func TestPastTheGateway(t *testing.T) {
	t.Parallel()
	signIn, err := signIn("", []string{"10.0.0.0/24"})
	require.NoError(t, err)
	at := serve(t, signIn).String() + prefix
	made := `{"RequestInfo": {"userInfo": ` + users["t-admin"] + `}, "jql": ""}`
	for _, header := range [][]string{nil, {"x-user-info", users["t-admin"]}} {
		status, text := ask(t, http.MethodPost, at+"/v1/query", made, header...)
		require.Equal(t, http.StatusUnauthorized, status, text)
	}
	status, text := ask(t, http.MethodGet, at+"/health", "")
	require.Equal(t, http.StatusOK, status, text)
	require.Contains(t, text, `"status":"ok"`)
}

// With the user service, a token tells who asks, from wherever it comes.
func TestToken(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := users[r.URL.Query().Get("access_token")]
		if r.URL.Path != "/user/_details" || user == "" {
			http.Error(w, `{"Errors": [{"code": "InvalidAccessTokenException"}]}`, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, user)
	}))
	t.Cleanup(service.Close)
	signIn, err := signIn(service.URL+"/user", []string{"10.0.0.0/24"})
	require.NoError(t, err)
	at := serve(t, signIn).String() + prefix
	status, text := ask(t, http.MethodPost, at+"/v1/query", `{"RequestInfo": {"authToken": "t-state"}, "jql": "status = BENEFICIARY_REFUSED"}`)
	require.Equal(t, http.StatusOK, status, text)
	require.Equal(t, []string{"T-2"}, found(t, text))
	status, text = ask(t, http.MethodGet, at+"/v1/me", "", "auth-token", "t-distributor")
	require.Equal(t, http.StatusOK, status, text)
	require.Contains(t, text, `"allowed_indexes":["project-task-index-v1"]`)
	status, _ = ask(t, http.MethodGet, at+"/v1/me", "", "auth-token", "guessed")
	require.Equal(t, http.StatusUnauthorized, status)
}

// Without a gateway of which it is known where it is, nobody is believed.
func TestGatewaysAreNeeded(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{{""}, {"0.0.0.0/0"}, {"gateway"}} {
		_, err := signIn("", list)
		require.Error(t, err, list)
	}
}
