package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/server/api"
)

const visitsMapping = `{"mappings": {
	"_meta": {"dhr": {"label": "Visits", "labels": {"age": "Age in years"}, "personal": ["name"], "key": "visit_id"}},
	"properties": {
		"visit_id": {"type": "keyword"}, "patient_id": {"type": "keyword"}, "name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
		"age": {"type": "integer"}, "district": {"type": "keyword"}, "date": {"type": "date"}, "symptoms": {"type": "keyword"},
		"diagnosis": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}, "cost": {"type": "double"}}}}`

// now is when everything is asked.
var now = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)

// a server is the API over 120 visits, in memory.
type server struct {
	*httptest.Server

	t       *testing.T
	service *dhr.Service
}

func visits(t *testing.T) *memsearch.Driver {
	t.Helper()
	engine := memsearch.New()
	schema, err := record.ParseSchema("visits", []byte(visitsMapping))
	require.NoError(t, err)
	require.NoError(t, engine.Create(t.Context(), schema))
	var file strings.Builder
	for i := range 120 {
		fmt.Fprintf(&file, `{"visit_id":"V%03d","patient_id":"P%02d","name":"Name %d","age":%d,"district":%q,"date":"2026-%02d-%02d","symptoms":["fever","cough%d"],"diagnosis":"Severe malaria %d","cost":%d.50}`+"\n",
			i, i%20, i, i%90, []string{"Pune", "Thane", "Kano"}[i%3], i%12+1, i%28+1, i%4, i, i)
	}
	name := t.TempDir() + "/visits.ndjson"
	require.NoError(t, os.WriteFile(name, []byte(file.String()), 0o600))
	report, err := bulk.Load(t.Context(), engine, schema, []string{name}, nil)
	require.NoError(t, err)
	require.EqualValues(t, 120, report.Stored)
	return engine
}

// users are those who are known, by their tokens.
var users = map[string]*access.Principal{
	"patient":  {User: "patient", Tenant: "pb", Roles: []string{"PATIENT"}, Attributes: map[string][]string{"patient_id": {"P07"}}},
	"analyst":  {User: "analyst", Tenant: "pb", Roles: []string{"ANALYST"}, Groups: []string{"district-12"}},
	"exporter": {User: "exporter", Tenant: "pb", Roles: []string{"EXPORTER"}},
	"admin":    {User: "admin", Tenant: "pb", Roles: []string{"ADMIN"}},
	"nobody":   {User: "nobody", Tenant: "pb"},
	"foreign":  {User: "foreign", Tenant: "mz", Roles: []string{"ADMIN"}},
	// Who has the name of a SMART client.
	"research": {User: "research", Tenant: "pb", Roles: []string{"EXPORTER"}},
	// Those whose tokens another issuer gave, with its claim scope as the attribute smart_scope.
	"machine":  {User: "machine", Tenant: "pb", Roles: []string{"ADMIN"}, Attributes: map[string][]string{"smart_scope": {"profile system/Patient.rs email"}}},
	"machines": {User: "machines", Tenant: "pb", Roles: []string{"ADMIN"}, Attributes: map[string][]string{"smart_scope": {"system/*.rs"}}},
	"writer":   {User: "writer", Tenant: "pb", Roles: []string{"ADMIN"}, Attributes: map[string][]string{"smart_scope": {"openid", "system/Patient.c"}}},
	"app":      {User: "app", Tenant: "pb", Roles: []string{"ADMIN"}, Attributes: map[string][]string{"smart_scope": {"launch/patient patient/*.rs"}}},
	"visitor":  {User: "visitor", Tenant: "pb", Roles: []string{"ADMIN"}, Attributes: map[string][]string{"smart_scope": {"openid profile email"}}},
	"promoted": {User: "exporter", Tenant: "pb", Roles: []string{"ADMIN"}},
}

var errToken = errors.New("a token that nobody has")

func authenticate(r *http.Request) (*access.Principal, error) {
	if who := users[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]; who != nil {
		return who, nil
	}
	if r.Header.Get("Authorization") == "" {
		return nil, auth.ErrNoCredentials
	}
	return nil, fmt.Errorf("%w: %w", auth.ErrUnauthenticated, errToken)
}

// start starts a server without exports.
func start(t *testing.T, opts *api.Options) *server {
	t.Helper()
	return startWith(t, opts, &dhr.Config{Store: docstore.New(memdoc.New())})
}

// startWith starts a server with the store and the exports, if any, of a configuration.
func startWith(t *testing.T, opts *api.Options, c *dhr.Config) *server {
	t.Helper()
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	c.Engine, c.Policy = visits(t), policy
	if c.Now == nil {
		c.Now = func() time.Time { return now }
	}
	service, err := dhr.New(t.Context(), *c)
	require.NoError(t, err)
	if opts == nil {
		opts = &api.Options{}
	}
	opts.Authenticate, opts.Version = auth.Func(authenticate), "test"
	h, err := api.New(service, opts)
	require.NoError(t, err)
	s := &server{Server: httptest.NewServer(h), t: t, service: service}
	t.Cleanup(func() {
		s.Close()
		require.NoError(t, service.Close())
	})
	return s
}

// an answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

// send sends a request as a user; a body that is no string is sent as JSON. Every error must be a problem document.
func (s *server) send(user, method, path string, body any, header ...string) *answer {
	s.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		require.NoError(s.t, err)
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, reader)
	require.NoError(s.t, err)
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+user)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	require.NoError(s.t, err)
	defer got.Body.Close()
	a := &answer{status: got.StatusCode, header: got.Header}
	a.body, err = io.ReadAll(got.Body)
	require.NoError(s.t, err)
	if strings.Contains(got.Header.Get("Content-Type"), "json") && got.Header.Get("Content-Type") != "application/x-ndjson" && got.Header.Get("Content-Encoding") == "" && got.Header.Get("Content-Disposition") == "" {
		require.NoError(s.t, json.Unmarshal(a.body, &a.json), string(a.body))
	}
	if got.StatusCode >= 400 && method != http.MethodHead {
		s.problem(a)
	}
	return a
}

// problem checks that an error is a problem document that tells no secrets.
func (s *server) problem(a *answer) {
	s.t.Helper()
	require.Equal(s.t, "application/problem+json", a.header.Get("Content-Type"), string(a.body))
	require.EqualValues(s.t, a.status, a.json["status"])
	for _, member := range []string{"type", "title", "detail", "code", "trace_id"} {
		require.NotEmpty(s.t, a.json[member], "%s of %s", member, a.body)
	}
	require.Regexp(s.t, `^/problems/[a-z-]+$`, a.json["type"])
	require.NotRegexp(s.t, `goroutine |\.go:\d`, string(a.body))
}

// list returns what a member of an answer lists.
func list(t *testing.T, from any, member string) []any {
	t.Helper()
	m, ok := from.(map[string]any)
	require.True(t, ok)
	l, ok := m[member].([]any)
	require.True(t, ok, "%s of %v", member, from)
	return l
}

// at returns what stands under members, one in the other.
func at(t *testing.T, from any, members ...string) any {
	t.Helper()
	for _, name := range members {
		m, ok := from.(map[string]any)
		require.True(t, ok, "%s of %v", name, from)
		from = m[name]
	}
	return from
}
