package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/server/api"
)

// With RequestInfo, the member of this name is as if it were not there, wherever it stands; all that is strange
// besides is refused as ever.
func TestRequestInfo(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{RequestInfo: true})
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"RequestInfo": {"apiId": "a", "userInfo": {"uuid": "u,}"}}, "jql": "age < 3"}`, http.StatusOK},
		{` { "RequestInfo" : null , "jql" : "age < 3" , "max_results": 7 } `, http.StatusOK},
		{`{"jql": "age < 3", "RequestInfo": {"a": [1, 2, {}]}}`, http.StatusOK},
		{`{"jql": "age < 3", "RequestInfo": [], "max_results": 7}`, http.StatusOK},
		{`{"jql": "age < 3"}`, http.StatusOK},
		{`{"RequestInfo": {}}`, http.StatusUnprocessableEntity},
		{`{"RequestInfo": {}, "jql": "age < 3", "limit": 7}`, http.StatusUnprocessableEntity},
		{`{"RequestInfo": {}, "RequestInfo": {}, "jql": "age < 3"}`, http.StatusBadRequest},
		{`{"requestInfo": {}, "jql": "age < 3"}`, http.StatusUnprocessableEntity},
		{`{"RequestInfo": {}, "jql": "age < 3"`, http.StatusBadRequest},
		{`{"RequestInfo": {}, "jql": }`, http.StatusBadRequest},
		{`{"RequestInfo": {}, , "jql": "age < 3"}`, http.StatusBadRequest},
		{`[{"RequestInfo": {}}]`, http.StatusUnprocessableEntity},
	} {
		a := s.send("analyst", http.MethodPost, "/v1/query", c.body)
		require.Equal(t, c.want, a.status, "%s: %s", c.body, a.body)
		if c.want == http.StatusOK {
			require.EqualValues(t, 6, a.json["total"], c.body)
		}
	}
	plain := start(t, nil)
	require.Equal(t, http.StatusUnprocessableEntity, plain.send("analyst", http.MethodPost, "/v1/query", `{"RequestInfo": {}, "jql": "age < 3"}`).status)
}

// The authenticator sees the body as it came.
func TestRequestInfoIsSeen(t *testing.T) {
	t.Parallel()
	inner := start(t, nil)
	h, err := api.New(inner.service, &api.Options{RequestInfo: true, Authenticate: auth.Func(func(r *http.Request) (*access.Principal, error) {
		text, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Contains(t, string(text), `"authToken"`)
		r.Body = io.NopCloser(strings.NewReader(string(text)))
		return users["analyst"], nil
	})})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/query", strings.NewReader(`{"RequestInfo": {"authToken": "t"}, "jql": "age < 3"}`)))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
}
