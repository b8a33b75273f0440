package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/essearch"
	"github.com/digit-health/dhr/search/sqlsearch"
	"github.com/digit-health/dhr/server/command"
	"github.com/digit-health/dhr/server/sample"
)

// A place is an engine that holds the sample, and the flags of a server over it.
type place struct {
	flags []string
	env   map[string]string
}

// inPart loads some indexes of the sample alone.
type inPart struct {
	search.Loader

	names []string
}

func (l *inPart) Create(ctx context.Context, s *record.Schema) error {
	if !slices.Contains(l.names, s.Index) {
		return nil
	}
	s, err := plain(s)
	if err != nil {
		return err
	}
	return l.Loader.Create(ctx, s)
}

// plain returns the schema of an index of the sample with scaled_float as double. The Elasticsearch that .ci/services
// starts is made of parts, and lacks the one with that type.
func plain(s *record.Schema) (*record.Schema, error) {
	text, err := sample.Mapping(s.Index)
	if err != nil {
		return nil, err
	}
	return record.ParseSchema(s.Index, scaled.ReplaceAll(text, []byte(`"type": "double"`)))
}

var scaled = regexp.MustCompile(`"type": "scaled_float", "scaling_factor": \d+`)

func (l *inPart) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (int64, error) {
	if !slices.Contains(l.names, s.Index) {
		return 0, nil
	}
	s, err := plain(s)
	if err != nil {
		return 0, err
	}
	return l.Loader.Load(ctx, s, docs, refuse)
}

// asked are the indexes that are asked: with -short, few.
func asked() []string {
	if testing.Short() {
		return []string{sample.Analytics}
	}
	return sample.Indexes()
}

// load stores the sample in an engine, and checks that it is all there.
func load(t *testing.T, l search.Loader) {
	t.Helper()
	for _, name := range sample.Indexes() {
		require.NoError(t, l.Drop(t.Context(), name))
	}
	require.NoError(t, sample.Load(t.Context(), &inPart{l, asked()}, nil))
}

func inSQLite(t *testing.T) *place {
	dir := t.TempDir()
	d, err := sqlsearch.Open(t.Context(), filepath.Join(dir, "records.db"), nil)
	require.NoError(t, err)
	load(t, d)
	require.NoError(t, d.Close())
	return &place{flags: []string{"-data", dir}}
}

func inPostgres(t *testing.T) *place {
	at := os.Getenv("DHR_TEST_POSTGRES_URL")
	if at == "" {
		t.Skip("SKIPPED: set DHR_TEST_POSTGRES_URL to ask a server over PostgreSQL what one over SQLite is asked")
	}
	schema := fmt.Sprintf("dhr_equal_%d", os.Getpid())
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		c, err := pgx.Connect(ctx, at)
		require.NoError(t, err)
		defer c.Close(ctx)
		for _, name := range []string{schema, schema + "_config"} {
			_, err = c.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{name}.Sanitize()+" CASCADE")
			require.NoError(t, err)
		}
	})
	d, err := sqlsearch.OpenPostgres(t.Context(), at, &sqlsearch.PostgresOptions{Schema: schema})
	require.NoError(t, err)
	load(t, d)
	require.NoError(t, d.Close())
	return &place{flags: []string{"-data", t.TempDir(), "-postgres", at}, env: map[string]string{"DHR_POSTGRES_SCHEMA": schema}}
}

// inCluster loads the sample under its own names: a cluster has no other place for it.
func inCluster(variable string) func(*testing.T) *place {
	return func(t *testing.T) *place {
		at := os.Getenv(variable)
		if at == "" {
			t.Skipf("SKIPPED: set %s to ask a server over that cluster what one over SQLite is asked", variable)
		}
		transport, err := essearch.Dial(&essearch.Cluster{Hosts: []string{at}})
		require.NoError(t, err)
		d, err := essearch.Open(t.Context(), transport, nil)
		require.NoError(t, err)
		t.Cleanup(func() {
			for _, name := range sample.Indexes() {
				require.NoError(t, d.Drop(context.WithoutCancel(t.Context()), name))
			}
		})
		load(t, d)
		return &place{flags: []string{"-data", t.TempDir(), "-es", at}}
	}
}

// serve starts a server over a place, and returns its URL.
func (p *place) serve(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan int, 1)
	var errs screen
	program := &command.Program{Out: out, Errors: &errs, Version: "test", Env: func(name string) string {
		if name == "DHR_SAMPLE_LOAD" {
			return "never"
		}
		return p.env[name]
	}}
	go func() {
		ended <- program.Run(ctx, append([]string{"serve", "-addr", "127.0.0.1:0"}, p.flags...))
		out.Close()
	}()
	t.Cleanup(func() {
		stop()
		require.Zero(t, <-ended, errs.String())
	})
	var said bytes.Buffer
	for part := make([]byte, 512); ; {
		n, err := in.Read(part)
		said.Write(part[:n])
		if m := greeting.FindSubmatch(said.Bytes()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, in) }()
			return string(m[1])
		}
		require.NoError(t, err, errs.String())
	}
}

// A request is one whose answer must be the same whatever the engine.
type request struct {
	method, path string
	body         any
}

func (r *request) String() string {
	text, _ := json.Marshal(r.body)
	return strings.TrimSuffix(r.method+" "+r.path+" "+string(text), " null")
}

// ofProcess is what an answer has of its process: under which id it is logged, and tokens that are sealed with its key.
var ofProcess = regexp.MustCompile(`"(trace_id|next_page_token)":"[^"]*"`)

// answer returns an answer as all must give it, and the token of the page behind it.
func (r *request) answer(t *testing.T, at string) (text, token string) {
	t.Helper()
	body, err := json.Marshal(r.body)
	require.NoError(t, err)
	if r.body == nil {
		body = nil
	}
	sent, err := http.NewRequestWithContext(t.Context(), r.method, at+r.path, bytes.NewReader(body))
	require.NoError(t, err)
	sent.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(sent)
	require.NoError(t, err)
	defer got.Body.Close()
	answered, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Less(t, got.StatusCode, 500, "%s: %s", r, answered)
	var page struct {
		Next string `json:"next_page_token"`
	}
	_ = json.Unmarshal(answered, &page)
	return got.Status + " " + ofProcess.ReplaceAllString(string(answered), `"$1":"…"`), page.Next
}

// answers asks all requests, and for queries the page behind the first as well.
func answers(t *testing.T, at string, all []request) []string {
	t.Helper()
	var texts []string
	for _, r := range all {
		text, token := r.answer(t, at)
		texts = append(texts, text)
		if body, ok := r.body.(map[string]any); ok && token != "" {
			body["page_token"] = token
			text, _ = r.answer(t, at)
			delete(body, "page_token")
			texts = append(texts, text)
		}
	}
	return texts
}

var tableRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| ([0-9,]+) \\|$")

// requests are the questions of docs/sample-data.md, those of the sample's filters, and of others whose
// answers might differ: of texts, orders, suggestions, vocabulary and mistakes.
func requests(t *testing.T) []request {
	t.Helper()
	page, err := os.ReadFile("../../docs/sample-data.md")
	require.NoError(t, err)
	rows := tableRow.FindAllStringSubmatch(string(page), -1)
	require.Len(t, rows, 10)
	var all []request
	ask := func(jql string, index string, more ...any) {
		if !slices.Contains(asked(), index) {
			return
		}
		body := map[string]any{"jql": jql, "allowed_indexes": []string{index}, "as_of": sample.AsOf(), "max_results": 40}
		for i := 0; i < len(more); i += 2 {
			body[more[i].(string)] = more[i+1] //nolint:forcetypeassert // of this test
		}
		all = append(all, request{http.MethodPost, "/v1/query", body},
			request{http.MethodPost, "/v1/query/validate", map[string]any{"jql": jql, "allowed_indexes": []string{index}}})
	}
	for _, r := range rows {
		ask(r[1], r[2])
	}
	for _, f := range sample.Filters() {
		ask(f.JQL, f.Indexes[0])
	}
	for _, c := range differing {
		ask(c.jql, c.index)
	}
	for _, index := range asked() {
		name := url.QueryEscape(index)
		ask("", index, "max_results", 300)
		ask("", index, "start_at", 1234, "count", "capped", "time_zone", "Asia/Kolkata")
		ask("no_such_field = 1", index)
		all = append(all, request{http.MethodGet, "/v1/indexes/" + name, nil}, request{http.MethodGet, "/v1/jql/autocompletedata?index=" + name, nil},
			request{http.MethodPost, "/v1/jql/complete", map[string]any{"jql": "district = Ma", "cursor": 13, "allowed_indexes": []string{index}}})
		for _, field := range []string{"district", "diagnosis", "status", "facility", "name", "age", "kind"} {
			all = append(all, request{http.MethodGet, "/v1/jql/autocompletedata/suggestions?index=" + name + "&field_name=" + field, nil},
				request{http.MethodGet, "/v1/jql/autocompletedata/suggestions?index=" + name + "&field_name=" + field + "&field_value=ma", nil})
		}
	}
	return all
}

// differing are questions that engines have their own ideas about.
var differing = []struct{ index, jql string }{
	{sample.Visits, "diagnosis ~ malaria AND age < 5 AND district IN (Mabiri, Kelengu) ORDER BY date DESC"},
	{sample.Visits, "symptoms = fever AND symptoms != cough ORDER BY district, age DESC"},
	{sample.Visits, `notes ~ "\"fever and\"" ORDER BY visited_at`},
	{sample.Visits, "notes ~ காய்ச்சல் OR notes ~ بخار"},
	{sample.Visits, "NOT (severity = severe OR age >= 5) AND notes IS NOT EMPTY ORDER BY severity, visit_id DESC"},
	{sample.Visits, "follow_up > now() ORDER BY follow_up"},
	{sample.Patients, "name ~ a* ORDER BY name DESC"},
	{sample.Patients, "conditions IN (Asthma, Epilepsy) AND phone IS EMPTY ORDER BY birth_date"},
	{sample.Patients, "insurance_number > 9007199254740992 ORDER BY insurance_number DESC"},
	{sample.Treatments, "status WAS active BEFORE 2026-01-01 ORDER BY cost DESC"},
	{sample.Treatments, "status CHANGED TO stopped AFTER startOfYear() ORDER BY adherence_percent"},
	{sample.Outcomes, `days > 10 AND days < 20 AND fatal = "false" ORDER BY days, outcome DESC`},
	{sample.Analytics, "coverage_percent > 99.5 ORDER BY coverage_percent DESC, district"},
	{sample.Analytics, "kind IN (cases, campaign) AND month >= 2026-06-01 ORDER BY cases DESC"},
	{sample.Analytics, "on_hand IS EMPTY ORDER BY month, district DESC"},
	{sample.Tasks, "age_months < 12 AND district = Kelengu ORDER BY date"},
	{sample.Tasks, `Data.cycleIndex = "1" OR facility IS EMPTY`},
}

// The same server answers the same, byte for byte, whatever holds the records.
func TestEnginesAnswerEqually(t *testing.T) {
	t.Parallel()
	all := requests(t)
	begun := time.Now()
	want := answers(t, inSQLite(t).serve(t), all)
	refused := 0
	for _, text := range want {
		if !strings.HasPrefix(text, "200 ") {
			refused++
		}
	}
	t.Logf("%d answers, of which %d refusals", len(want), refused)
	require.Less(t, 2*refused, len(want))
	t.Log("SQLite answered after", time.Since(begun))
	for name, open := range map[string]func(*testing.T) *place{
		"PostgreSQL": inPostgres, "Elasticsearch": inCluster("DHR_TEST_ELASTICSEARCH_URL"), "OpenSearch": inCluster("DHR_TEST_OPENSEARCH_URL"),
	} {
		t.Run(name, func(t *testing.T) {
			got := answers(t, open(t).serve(t), all)
			require.Len(t, got, len(want))
			for i := range want {
				if want[i] != got[i] {
					t.Errorf("answer %d\nSQLite: %s\n%s: %s", i, near(want[i], got[i]), name, near(got[i], want[i]))
				}
			}
		})
	}
}

// near returns the part of a text where it begins to differ from another.
func near(text, other string) string {
	i := 0
	for i < len(text) && i < len(other) && text[i] == other[i] {
		i++
	}
	return text[max(i-200, 0):min(i+300, len(text))]
}
