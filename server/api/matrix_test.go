package api_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/export/process"
)

var update = flag.Bool("update", false, "write testdata anew; read the difference")

// askers are the columns of the matrix, each a user of the roles.
var askers = []string{"patient", "analyst", "exporter", "admin", "nobody", "stranger"}

// relations are in which way a filter has to do with who asks.
var relations = []string{"own", "shared read", "shared write", "shared admin", "by group", "public", "not shared", "other tenant"}

// routes are what is asked; {id} is a filter's.
var routes = []struct {
	method, path string
	body         any
}{
	{"GET", "/v1/capabilities", nil},
	{"GET", "/v1/me", nil},
	{"POST", "/v1/query", m{"jql": "age > 3"}},
	{"GET", "/v1/query?jql=age+%3E+3", nil},
	{"POST", "/v1/query/validate", m{"jql": "age > 3"}},
	{"POST", "/v1/query/compile", m{"jql": "age > 3", "target": "plan"}},
	{"POST", "/v1/jql/parse", m{"queries": []string{"a = 1"}}},
	{"POST", "/v1/jql/complete", m{"jql": "a", "cursor": 1}},
	{"GET", "/v1/jql/autocompletedata", nil},
	{"GET", "/v1/jql/autocompletedata/suggestions?field_name=district", nil},
	{"GET", "/v1/indexes", nil},
	{"GET", "/v1/indexes/visits", nil},
	{"GET", "/v1/filters", nil},
	{"POST", "/v1/filters", m{"name": "mine", "jql": "age > 3"}},
	{"POST", "/v1/filters", m{"name": "ours", "jql": "age > 3", "share_permissions": []m{{"type": "public", "permission": "read"}}}},
	{"GET", "/v1/filters/{id}", nil},
	{"GET", "/v1/filters/{id}/records", nil},
	{"PUT", "/v1/filters/{id}", m{"name": "new", "jql": "age > 4"}},
	{"PATCH", "/v1/filters/{id}", m{"description": "new"}},
	{"DELETE", "/v1/filters/{id}", nil},
	{"POST", "/v1/filters/{id}/copy", m{"name": "copied"}},
	{"PUT", "/v1/filters/{id}/owner", m{"owner": "somebody"}},
	{"PUT", "/v1/filters/{id}/favourite", nil},
	{"DELETE", "/v1/filters/{id}/favourite", nil},
	{"GET", "/v1/filters/{id}/permissions", nil},
	{"PUT", "/v1/filters/{id}/permissions", m{"share_permissions": []m{{"type": "user", "id": "another", "permission": "read"}}}},
	{"PUT", "/v1/filters/{id}/permissions", m{"share_permissions": []m{}}},
}

// TestMatrix asks every route as every role, of things in every relation to who asks. Its answers are
// testdata/matrix.txt, which is read when it changes.
func TestMatrix(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	fmt.Fprintf(&got, "%-34s %-13s", "# route", "filter")
	for _, who := range askers {
		fmt.Fprintf(&got, " %-8s", who)
	}
	got.WriteString("\n")
	for i, r := range routes {
		all := []string{"-"}
		if strings.Contains(r.path, "{id}") {
			all = relations
		}
		path, _, _ := strings.Cut(r.path, "?")
		if i > 0 && routes[i-1].method == r.method && routes[i-1].path == r.path {
			path += " again"
		}
		for _, relation := range all {
			fmt.Fprintf(&got, "%-34s %-13s", r.method+" "+strings.TrimPrefix(path, "/v1"), relation)
			for _, who := range askers {
				s := start(t, nil)
				at := strings.ReplaceAll(r.path, "{id}", filterIn(t, s, relation, who))
				fmt.Fprintf(&got, " %-8d", s.send(who, r.method, at, r.body, "If-Match", "*").status)
				s.Close()
			}
			got.WriteString("\n")
		}
	}
	exportRows(t, &got)
	fhirRows(t, &got)
	boardRows(t, &got)
	const name = "testdata/matrix.txt"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(name, []byte(trimmed(got.String())), 0o600))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), trimmed(got.String()))
}

// exportRoutes are what is asked of exports; {id} is an export's.
var exportRoutes = []struct {
	method, path string
	body         any
}{
	{"POST", "/v1/exports", m{"jql": children, "format": "csv"}},
	{"POST", "/export/bulk", m{"jql": children, "format": "csv"}},
	{"POST", "/v1/exports/preview", m{"jql": children, "format": "csv"}},
	{"GET", "/v1/exports", nil},
	{"GET", "/v1/exports?user_id=somebody", nil},
	{"GET", "/v1/exports?user_id=*", nil},
	{"GET", "/v1/exports/{id}", nil},
	{"GET", "/export/process/{id}", nil},
	{"GET", "/v1/exports/{id}/events", nil},
	{"GET", "/v1/exports/{id}/manifest", nil},
	{"GET", "/v1/exports/{id}/files/1", nil},
	{"DELETE", "/v1/exports/{id}", nil},
}

// exportRows asks the routes of exports as every role, of exports that are who asks's, another's and, under the same
// name, another tenant's.
func exportRows(t *testing.T, to *strings.Builder) {
	t.Helper()
	s := exporting(t, nil)
	for _, r := range exportRoutes {
		all := []string{"-"}
		if strings.Contains(r.path, "{id}") {
			all = []string{"own", "another's", "other tenant"}
		}
		for _, relation := range all {
			_, err := fmt.Fprintf(to, "%-34s %-13s", r.method+" "+strings.TrimPrefix(r.path, "/v1"), relation)
			require.NoError(t, err)
			for _, who := range askers {
				at := strings.ReplaceAll(r.path, "{id}", exportIn(t, s, relation, who))
				_, err := fmt.Fprintf(to, " %-8d", s.send(who, r.method, at, r.body).status)
				require.NoError(t, err)
			}
			to.WriteString("\n")
		}
	}
}

// exportIn makes an export of what an exporter sees that has to do with who in that way, and returns its id.
func exportIn(t *testing.T, s *server, relation, who string) string {
	t.Helper()
	owner := &access.Principal{User: who, Tenant: "pb", Roles: []string{"EXPORTER"}}
	switch relation {
	case "-":
		return ""
	case "another's":
		owner.User = "somebody"
	case "other tenant":
		owner.Tenant = "mz"
	}
	p, err := s.service.Exports().Start(t.Context(), owner, &process.Request{JQL: children, Format: "csv", Fields: []string{"visit_id"}}, nil)
	require.NoError(t, err)
	for seen, err := range s.service.Exports().Watch(t.Context(), owner, p.ID) {
		require.NoError(t, err)
		p = seen
	}
	require.EqualValues(t, "completed", p.Status)
	return p.ID
}

func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

// filterIn makes a filter that has to do with who in that way, and returns its id.
func filterIn(t *testing.T, s *server, relation, who string) string {
	t.Helper()
	if relation == "-" {
		return ""
	}
	boss := &access.Principal{User: "boss", Tenant: "pb", Roles: []string{"ADMIN"}}
	shares, owner, tenant := related(relation, who)
	boss.Tenant = tenant
	f := &dashboard.Filter{Name: "of somebody", JQL: "age > 3", SharePermissions: shares}
	made, err := s.service.Filters().Create(t.Context(), boss, f)
	require.NoError(t, err)
	if owner != "" {
		_, err = s.service.Filters().ChangeOwner(t.Context(), boss, made.ID, owner, 0)
		require.NoError(t, err)
	}
	return made.ID
}

// related returns with whom something is shared, who owns it if another than who makes it, and of which tenant it is, so that it has to do
// with who in that way.
func related(relation, who string) (shares []dashboard.SharePermission, owner, tenant string) {
	tenant = "pb"
	switch relation {
	case "own":
		owner = who
	case "shared read", "shared write", "shared admin":
		shares = []dashboard.SharePermission{{Type: "user", ID: who, Permission: dashboard.Level(strings.TrimPrefix(relation, "shared "))}}
	case "by group":
		shares = []dashboard.SharePermission{{Type: "group", ID: "district-12", Permission: dashboard.Read}}
	case "public":
		shares = []dashboard.SharePermission{{Type: "public", Permission: dashboard.Read}}
	case "other tenant":
		tenant = "mz"
		shares = []dashboard.SharePermission{{Type: "public", Permission: dashboard.Admin}, {Type: "user", ID: who, Permission: dashboard.Admin}}
	}
	return shares, owner, tenant
}

// row begins a row of the matrix, and status adds to it.
func row(t *testing.T, to *strings.Builder, route, relation string) {
	t.Helper()
	_, err := fmt.Fprintf(to, "%-34s %-13s", route, relation)
	require.NoError(t, err)
}

func status(t *testing.T, to *strings.Builder, got int) {
	t.Helper()
	_, err := fmt.Fprintf(to, " %-8d", got)
	require.NoError(t, err)
}
