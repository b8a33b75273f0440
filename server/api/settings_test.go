package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/server/api"
)

// smallPages is a server whose pages have at most 7 records and whose dialect is Jira's.
func smallPages(t *testing.T) *server {
	t.Helper()
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	service, err := dhr.New(t.Context(), dhr.Config{Engine: visits(t), Policy: policy, PageSize: 7, Parse: &jql.ParseOptions{Jira: true}})
	require.NoError(t, err)
	h, err := api.New(service, &api.Options{Authenticate: auth.Func(authenticate), MaxResults: 7})
	require.NoError(t, err)
	s := &server{Server: httptest.NewServer(h), t: t, service: service}
	t.Cleanup(s.Close)
	return s
}

// A server with small pages answers who does not say how many records it wants.
func TestSmallPages(t *testing.T) {
	t.Parallel()
	s := smallPages(t)
	for _, got := range []*answer{
		s.send("admin", http.MethodGet, "/v1/query?jql=", nil), s.send("admin", http.MethodPost, "/v1/query", m{"jql": ""}),
	} {
		require.Equal(t, 200, got.status, string(got.body))
		require.Len(t, list(t, got.json, "records"), 7)
		require.EqualValues(t, 7, got.json["max_results"])
		require.Equal(t, false, got.json["is_last"])
	}
	require.Equal(t, 422, s.send("admin", http.MethodPost, "/v1/query", m{"jql": "", "max_results": 8}).status)
	capabilities := s.send("admin", http.MethodGet, "/v1/capabilities", nil)
	require.EqualValues(t, 7, at(t, capabilities.json, "limits", "max_results"))
}

// A question that names no dialect is in the server's.
func TestDialects(t *testing.T) {
	t.Parallel()
	const dhrOnly = "access = 5" // a word that Jira reserves
	for name, s := range map[string]*server{"jira": smallPages(t), "dhr": start(t, nil)} {
		for _, dialect := range []string{"", "dhr", "jira"} {
			refused := dialect == "jira" || dialect == "" && name == "jira"
			parse := m{"queries": []string{dhrOnly}}
			ask := m{"jql": dhrOnly}
			if dialect != "" {
				parse["dialect"], ask["dialect"] = dialect, dialect
			}
			got := s.send("admin", http.MethodPost, "/v1/jql/parse", parse)
			one, ok := list(t, got.json, "queries")[0].(map[string]any)
			require.True(t, ok)
			require.Equal(t, refused, one["errors"] != nil, "%s server, dialect %q: %s", name, dialect, got.body)
			got = s.send("admin", http.MethodPost, "/v1/query/validate", ask)
			require.Equal(t, refused, got.json["canonical"] == "", "%s server, dialect %q: %s", name, dialect, got.body)
		}
	}
}

// What pages of other origins may do is what the options say.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	s := start(t, &api.Options{Origins: []string{"https://a.example"}, CORS: api.CORS{Methods: []string{"GET"}, Headers: []string{"X-Mine"}, Credentials: true, MaxAge: time.Minute}})
	ask := func(method, header string) http.Header {
		return s.send("", http.MethodOptions, "/v1/filters/x", nil, "Origin", "https://a.example", "Access-Control-Request-Method", method, "Access-Control-Request-Headers", header).header
	}
	got := ask("GET", "x-mine")
	require.Equal(t, "https://a.example", got.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", got.Get("Access-Control-Allow-Credentials"))
	require.Equal(t, "60", got.Get("Access-Control-Max-Age"))
	require.Empty(t, ask("DELETE", "x-mine").Get("Access-Control-Allow-Methods"))
	require.Empty(t, ask("GET", "if-match").Get("Access-Control-Allow-Headers"))
}

// The instant before all others is not taken for none.
func TestTheFirstInstant(t *testing.T) {
	t.Parallel()
	require.Equal(t, 422, start(t, nil).send("admin", http.MethodPost, "/v1/query", m{"jql": "", "as_of": "0001-01-01T00:00:00Z"}).status)
}

// A time zone has one name, so that few of them are remembered.
func TestNamesOfTimeZones(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, name := range []string{"Asia/Kolkata", "UTC"} {
		require.Equal(t, 200, s.send("admin", http.MethodPost, "/v1/query", m{"jql": "", "time_zone": name}).status, name)
	}
	for _, name := range []string{"Asia//Kolkata", "Asia/./Kolkata", "./UTC", "UTC/", "Asia/../UTC", "../UTC", "..", "/UTC", "Local", "."} {
		require.Equal(t, 422, s.send("admin", http.MethodPost, "/v1/query", m{"jql": "", "time_zone": name}).status, name)
	}
}
