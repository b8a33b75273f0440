package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/fhir/fhirtest"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	load "github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/server/api"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

// The indexes of the clinic. Of every tenth patient nothing is left but that it was deleted, and one visit of patient 5 cannot be mapped.
var clinicSchemas = map[string]string{
	"patients": `{"_meta": {"dhr": {"key": "patient_id"}}, "properties": {"patient_id": {"type": "keyword"}, "name": {"type": "keyword"},
		"gender": {"type": "keyword"}, "district": {"type": "keyword"}, "status": {"type": "keyword"}, "updated_at": {"type": "date"}}}`,
	"visits": `{"_meta": {"dhr": {"key": "visit_id"}}, "properties": {"visit_id": {"type": "keyword"}, "patient_id": {"type": "keyword"},
		"pulse": {"type": "integer"}, "state": {"type": "keyword"}, "updated_at": {"type": "date"}}}`,
	"places": `{"_meta": {"dhr": {"key": "place_id"}}, "properties": {"place_id": {"type": "keyword"}, "patient_id": {"type": "keyword"}, "name": {"type": "keyword"}}}`,
}

const clinicMappings = `
mappings:
  - name: patients
    index: patients
    type: Patient
    deleted: status = deleted
    last_updated: updated_at
    resource:
      id: "{patient_id}"
      name: [{text: "{name}"}]
      gender: {$value: "{gender}", $map: {F: female, M: male}}
    search:
      gender: {type: token, field: gender, map: {F: female, M: male}}
  - name: pulses
    index: visits
    type: Observation
    patient: "{patient_id}"
    last_updated: updated_at
    resource:
      id: "{visit_id}"
      status: "{state}"
      code: {coding: [{system: loinc, code: 8867-4}]}
      subject: {$reference: "Patient/{patient_id}"}
      valueQuantity: {$quantity: "{pulse}", $unit: /min}
    search:
      status: {type: token, field: state}
  - name: places
    index: places
    type: Location
    resource:
      id: "{place_id}"
      name: "{name}"
`

// What is in the clinic.
const (
	clinicPatients = 27 // 30 less 3 that were deleted
	clinicPulses   = 59 // 2 of each of 30, less one that cannot be mapped
	clinicPlaces   = 4
)

var clinicBegins = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func clinicDocuments(index string) string {
	var b strings.Builder
	for i := range 30 {
		at := clinicBegins.Add(time.Duration(i) * time.Hour).Format(time.RFC3339)
		switch {
		case index == "patients":
			status := []string{"active", "deleted"}[max(0, i%10-8)]
			_, _ = fmt.Fprintf(&b, `{"patient_id":"P%02d","name":"Asha %d","gender":"%s","district":"D%d","status":"%s","updated_at":"%s"}`+"\n", i, i, "FM"[i%2:i%2+1], i%3, status, at)
		case index == "visits":
			for v := range 2 {
				state := "final"
				if i == 5 && v == 0 {
					state = "done" // which is no status of an Observation
				}
				_, _ = fmt.Fprintf(&b, `{"visit_id":"V%02d-%d","patient_id":"P%02d","pulse":%d,"state":"%s","updated_at":"%s"}`+"\n", i, v, i, 60+i, state, at)
			}
		case i < clinicPlaces:
			_, _ = fmt.Fprintf(&b, `{"place_id":"L%d","name":"Ward %d"}`+"\n", i, i)
		}
	}
	return b.String()
}

// A clinic is a server with exports of FHIR, on the embedded engine. What is left out of it is filled in by open.
type clinic struct {
	*httptest.Server

	t       *testing.T
	opts    api.Options
	config  bulk.Config
	engine  search.Driver
	store   *docstore.Store
	service *dhr.Service
	url     string // of the server, before it has begun
	jobs    job.Options
	idle    bool // nobody works on exports
	signIn  bool // with a token, as users or as a SMART client; otherwise everybody is exporter

	mu    sync.Mutex
	ahead time.Duration
}

func (c *clinic) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clinic) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

var (
	clientKey = sync.OnceValues(func() (*fhirtest.Key, error) { return fhirtest.NewKey("ES384", "es") })
	rsaKey    = sync.OnceValues(func() (*fhirtest.Key, error) { return fhirtest.NewKey("RS384", "rs") })
)

// openClinic opens a clinic; change may change it before.
func openClinic(t *testing.T, change func(c *clinic)) *clinic {
	t.Helper()
	c := &clinic{t: t, store: docstore.New(memdoc.New()), Server: httptest.NewUnstartedServer(nil)}
	c.url = "http://" + c.Listener.Addr().String()
	c.opts = api.Options{Version: "test", Polls: 10_000, Now: c.now}
	set, err := mapping.Parse("clinic.yaml", []byte(clinicMappings))
	require.NoError(t, err)
	c.config = bulk.Config{
		Mappings: set.Mappings(), PatientAttribute: "patient_id", Spool: t.TempDir(),
		Groups: []bulk.Group{
			{ID: "d1", Name: "District 1", Description: "A < B", JQL: "district = D1"}, {ID: "few", Members: []string{"P01", "P02"}}, {ID: "none", JQL: "district = nowhere"},
			{ID: "secret", Members: []string{"P03"}, Roles: []string{"ADMIN"}},
		},
	}
	if change != nil {
		change(c)
	}
	if c.engine == nil {
		c.engine = clinicEngine(t)
	}
	c.begin()
	return c
}

func clinicEngine(t *testing.T) search.Driver {
	t.Helper()
	engine, err := sqlsearch.Open(t.Context(), t.TempDir()+"/records.db", nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	for index, text := range clinicSchemas {
		schema, err := record.ParseSchema(index, []byte(text))
		require.NoError(t, err)
		require.NoError(t, engine.Create(t.Context(), schema))
		report, err := load.Load(t.Context(), engine, schema, []string{"docs"}, &load.Options{
			Open: func(string) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(clinicDocuments(index))), nil
			},
		})
		require.NoError(t, err)
		require.Zero(t, report.Refused)
	}
	return engine
}

// begin begins to serve.
func (c *clinic) begin() {
	c.t.Helper()
	d, err := disk.Open(c.t.TempDir(), nil)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = d.Close() })
	c.config.Files, err = storage.New(d)
	require.NoError(c.t, err)
	var runner job.Runner
	if !c.idle {
		runner = localjob.New()
	}
	c.jobs.Poll, c.jobs.Progress, c.jobs.Now = 5*time.Millisecond, time.Millisecond, c.now
	c.config.Jobs = job.New(c.store, runner, &c.jobs)
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(c.t, err)
	policy, err := access.NewPolicy(roles, nil)
	require.NoError(c.t, err)
	everybody := auth.Fixed(users["exporter"])
	c.opts.NoSignIn, c.opts.Authenticate = true, everybody
	if c.signIn {
		c.config.RequiresAccessToken = true
		c.opts.NoSignIn, c.opts.Tokens = false, c.tokens()
		c.opts.Authenticate = auth.Chain(c.opts.Tokens, auth.Func(authenticate))
	}
	c.service, err = dhr.New(c.t.Context(), dhr.Config{Engine: c.engine, Policy: policy, Store: c.store, FHIR: &c.config, Now: c.now})
	require.NoError(c.t, err)
	c.Config.Handler, err = api.New(c.service, &c.opts)
	require.NoError(c.t, err)
	if c.opts.Base != "" {
		c.Config.Handler = http.StripPrefix(c.opts.Base, c.Config.Handler)
	}
	c.Start()
	c.t.Cleanup(func() {
		c.Close()
		require.NoError(c.t, c.service.Close())
	})
}

// tokens gives tokens to the clients research, who may have all, and state, who may have patients.
func (c *clinic) tokens() *smart.Server {
	c.t.Helper()
	var all []smart.Client
	for id, client := range map[string]struct {
		key    func() (*fhirtest.Key, error)
		scopes []string
	}{"research": {clientKey, []string{"system/*.rs"}}, "state": {rsaKey, []string{"system/Patient.rs"}}} {
		k, err := client.key()
		require.NoError(c.t, err)
		keys, err := jwtauth.ParseKeys(k.JWKS())
		require.NoError(c.t, err)
		all = append(all, smart.Client{ID: id, Keys: keys, Scopes: client.scopes, Principal: &access.Principal{Tenant: "pb", Roles: []string{"EXPORTER"}}})
	}
	s, err := smart.New(c.store, []byte(strings.Repeat("s", 31)+"t"), all, &smart.Options{TokenURL: c.url + "/auth/token", Under: "/fhir/", Now: c.now})
	require.NoError(c.t, err)
	return s
}

// client returns one that polls fast; of a clinic where one signs in it is research.
func (c *clinic) client() *fhirtest.Client {
	f := &fhirtest.Client{Base: c.url + c.opts.Base + "/fhir/r4", Wait: quick, Now: c.now}
	if c.signIn {
		f.ID, f.Key = "research", must(clientKey())
	}
	return f
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// quick waits not as long as it is told.
func quick(ctx context.Context, d time.Duration) error {
	const most = 10 * time.Millisecond
	t := time.NewTimer(min(d, most))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask sends a request, as a user if one is named; an error below /fhir must be an OperationOutcome.
func (c *clinic) ask(user, method, at string, body any, header ...string) *answer {
	c.t.Helper()
	if strings.HasPrefix(at, "/") {
		at = c.url + at
	}
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		require.NoError(c.t, err)
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, at, reader)
	require.NoError(c.t, err)
	if reader != nil {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+user)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(c.t, err)
	defer got.Body.Close()
	a := &answer{status: got.StatusCode, header: got.Header}
	a.body, err = io.ReadAll(got.Body)
	require.NoError(c.t, err)
	if media := got.Header.Get("Content-Type"); strings.HasSuffix(media, "json") && !strings.HasSuffix(media, "ndjson") {
		require.NoError(c.t, json.Unmarshal(a.body, &a.json), string(a.body))
	}
	if u, err := url.Parse(at); err == nil && strings.Contains(u.Path, "/fhir/") && a.status >= 400 && method != http.MethodHead {
		c.outcome(a)
	}
	return a
}

// outcome holds that an answer is an OperationOutcome, and returns what it says.
func (c *clinic) outcome(a *answer) string {
	c.t.Helper()
	require.Equal(c.t, "application/fhir+json", a.header.Get("Content-Type"), string(a.body))
	require.Equal(c.t, "OperationOutcome", a.json["resourceType"])
	issues := list(c.t, a.json, "issue")
	require.Len(c.t, issues, 1)
	for _, member := range []string{"severity", "code", "diagnostics"} {
		require.NotEmpty(c.t, at(c.t, issues[0], member))
	}
	text, ok := at(c.t, issues[0], "diagnostics").(string)
	require.True(c.t, ok)
	require.NotRegexp(c.t, `goroutine |\.go:\d`, text)
	return text
}

// code is the issue type of an OperationOutcome.
func (c *clinic) code(a *answer) string {
	c.t.Helper()
	text, _ := at(c.t, list(c.t, a.json, "issue")[0], "code").(string)
	return text
}

// kick begins an export of all, of a server without sign-in or as a user, and returns its status URL.
func (c *clinic) kick(user, path string, header ...string) string {
	c.t.Helper()
	got := c.ask(user, http.MethodGet, c.opts.Base+"/fhir/r4/"+path, nil, append([]string{"Accept", "application/fhir+json", "Prefer", "respond-async"}, header...)...)
	require.Equal(c.t, http.StatusAccepted, got.status, string(got.body))
	return got.header.Get("Content-Location")
}

// complete polls until an export is completed, and returns the answer with its manifest.
func (c *clinic) complete(user, status string) *answer {
	c.t.Helper()
	for {
		got := c.ask(user, http.MethodGet, status, nil, "Accept", "application/json")
		if got.status != http.StatusAccepted {
			require.Equal(c.t, http.StatusOK, got.status, string(got.body))
			return got
		}
		require.NoError(c.t, quick(c.t.Context(), time.Second))
	}
}

// refusal is what the server said to a kick-off of the test client.
func refusal(t *testing.T, err error) *fhirtest.Response {
	t.Helper()
	var r *fhirtest.Response
	require.ErrorAs(t, err, &r)
	return r
}
