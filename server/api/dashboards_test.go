package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
)

// filterOf saves a filter as the analyst, for all to read, and returns its id.
func filterOf(t *testing.T, s *server, name, jql string) string {
	t.Helper()
	made := s.send("analyst", "POST", "/v1/filters", m{"name": name, "jql": jql, "allowed_indexes": []string{"visits"}, "share_permissions": []m{{"type": "public", "permission": "read"}}})
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	id, _ := made.json["id"].(string)
	return id
}

func gadget(kind, title, filter string, row int, config m) m {
	g := m{"type": kind, "title": title, "filter_id": filter, "position": m{"row": row, "col": 0, "width": 6, "height": 2}}
	if config != nil {
		g["config"] = config
	}
	return g
}

func TestDashboards(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	filter := filterOf(t, s, "all", "")
	made := s.send("analyst", "POST", "/v1/dashboards", m{"name": "Morning", "description": "x", "share_permissions": []m{{"type": "public", "permission": "read"}, {"type": "user", "id": "exporter", "permission": "write"}}})
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	path := made.header.Get("Location")
	require.Equal(t, `"1"`, made.header.Get("ETag"))
	require.EqualValues(t, 0, made.json["gadget_count"])

	added := s.send("exporter", "POST", path+"/gadgets", gadget("bar-chart", "By district", filter, 0, m{"group_by": "district"}))
	require.Equal(t, http.StatusCreated, added.status, string(added.body))
	one := added.header.Get("Location")
	require.Equal(t, `"1"`, added.header.Get("ETag"))
	require.Equal(t, http.StatusForbidden, s.send("patient", "POST", path+"/gadgets", gadget("stat", "x", filter, 9, nil)).status)
	overlap := s.send("analyst", "POST", path+"/gadgets", gadget("stat", "x", filter, 1, nil))
	require.Equal(t, http.StatusUnprocessableEntity, overlap.status)
	require.Equal(t, "body.position", at(t, list(t, overlap.json, "errors")[0], "location"))
	unfit := s.send("analyst", "POST", path+"/gadgets", gadget("stat", "x", filter, 4, m{"metric": "sum", "metric_field": "district"}))
	require.Equal(t, http.StatusUnprocessableEntity, unfit.status)
	require.Equal(t, "body.config.metric_field", at(t, list(t, unfit.json, "errors")[0], "location"))
	require.Equal(t, http.StatusUnprocessableEntity, s.send("analyst", "POST", path+"/gadgets", gadget("stat", "x", "none", 4, nil)).status)

	got := s.send("patient", "GET", one, nil)
	require.Equal(t, http.StatusOK, got.status)
	body := got.json
	body["title"] = "Districts"
	require.Equal(t, http.StatusPreconditionRequired, s.send("exporter", "PUT", one, body).status)
	put := s.send("exporter", "PUT", one, body, "If-Match", `"1"`)
	require.Equal(t, http.StatusOK, put.status, string(put.body))
	require.Equal(t, `"2"`, put.header.Get("ETag"))
	require.Equal(t, http.StatusPreconditionFailed, s.send("exporter", "PUT", one, body, "If-Match", `"1"`).status)
	id, _ := body["id"].(string)
	nested := path + "/gadgets/" + id
	patch := s.send("analyst", "PATCH", nested, `{"config": {"limit": 2, "sort": "key"}}`, "If-Match", `"2"`, "Content-Type", "application/merge-patch+json")
	require.Equal(t, http.StatusOK, patch.status, string(patch.body))
	require.EqualValues(t, 2, at(t, patch.json, "config", "limit"))
	patch = s.send("analyst", "PATCH", one, `{"config": {"sort": null, "limit": null}}`, "If-Match", `"3"`, "Content-Type", "application/merge-patch+json")
	require.Equal(t, http.StatusOK, patch.status, string(patch.body))
	require.Equal(t, map[string]any{"group_by": "district"}, at(t, patch.json, "config"))
	require.Equal(t, http.StatusNotFound, s.send("analyst", "GET", "/v1/dashboards/other/gadgets/"+id, nil).status)
	require.Len(t, list(t, s.send("patient", "GET", path+"/gadgets", nil).json, "gadgets"), 1)

	config := s.send("exporter", "GET", path+"/config", nil)
	require.Len(t, list(t, config.json, "gadgets"), 1)
	same := s.send("exporter", "PUT", path, config.json, "If-Match", config.header.Get("ETag"))
	require.Equal(t, http.StatusOK, same.status, string(same.body))
	require.Equal(t, config.header.Get("ETag"), same.header.Get("ETag"), "what was read can be sent back")
	copied := s.send("patient", "POST", path+"/copy", nil)
	require.Equal(t, http.StatusCreated, copied.status, string(copied.body))
	require.EqualValues(t, 1, copied.json["gadget_count"])
	require.Equal(t, http.StatusNoContent, s.send("patient", "PUT", path+"/favourite", nil).status)
	require.EqualValues(t, 1, s.send("patient", "GET", "/v1/dashboards?owner=favourite", nil).json["total"])

	cascade := s.send("analyst", "POST", path+"/permissions/cascade?dry_run=true", nil)
	require.Equal(t, http.StatusOK, cascade.status, string(cascade.body))
	require.Equal(t, "nothing_to_do", at(t, list(t, cascade.json, "filters")[0], "outcome"))
	require.Equal(t, http.StatusForbidden, s.send("exporter", "POST", path+"/permissions/cascade", nil).status)
	require.Equal(t, http.StatusNoContent, s.send("exporter", "DELETE", nested, nil, "If-Match", `"4"`).status)
	require.Equal(t, http.StatusNotFound, s.send("exporter", "GET", one, nil).status)
	require.Equal(t, http.StatusNoContent, s.send("analyst", "DELETE", path, nil).status)
	require.Equal(t, http.StatusNotFound, s.send("analyst", "GET", path+"/data", nil).status)
}

func TestDashboardData(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	filter := filterOf(t, s, "all", "ORDER BY visit_id")
	made := s.send("analyst", "POST", "/v1/dashboards", m{
		"name": "Morning", "share_permissions": []m{{"type": "public", "permission": "read"}},
		"gadgets": []m{
			gadget("stat", "How many", filter, 0, nil),
			gadget("bar-chart", "<b>By district</b>", filter, 2, m{"group_by": "district"}),
			gadget("line-chart", "By month", filter, 4, m{"group_by": "date", "interval": "month", "split_by": "district"}),
			gadget("table", "Who", filter, 6, m{"columns": []string{"visit_id", "age"}, "limit": 2}),
		},
	})
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	path := made.header.Get("Location")
	data := s.send("analyst", "GET", path+"/data", nil)
	require.Equal(t, http.StatusOK, data.status, string(data.body))
	gadgets := list(t, data.json, "gadgets")
	require.Len(t, gadgets, 4)
	for i, title := range []string{"How many", "<b>By district</b>", "By month", "Who"} {
		require.Equal(t, title, at(t, gadgets[i], "title"))
		require.Nil(t, at(t, gadgets[i], "error"))
		require.EqualValues(t, 120, at(t, gadgets[i], "total"))
	}
	points := list(t, list(t, gadgets[1], "series")[0], "points")
	require.Len(t, points, 3)
	for _, p := range points { // a click opens the records behind a bar
		jql, _ := at(t, p, "jql").(string)
		require.Equal(t, at(t, p, "count"), s.send("analyst", "POST", "/v1/query", m{"jql": jql, "allowed_indexes": []string{"visits"}}).json["total"], jql)
	}
	require.Len(t, list(t, gadgets[3], "records"), 2)
	require.Equal(t, "V000", at(t, list(t, gadgets[3], "records")[0], "fields", "visit_id"))

	his := list(t, s.send("patient", "GET", path+"/data", nil).json, "gadgets")
	require.EqualValues(t, 6, at(t, his[0], "total"), "a share shows the layout, and no more data than before")
	require.EqualValues(t, 120, at(t, list(t, s.send("analyst", "GET", path+"/data", nil).json, "gadgets")[0], "total"))

	lines := s.send("analyst", "GET", path+"/data", nil, "Accept", "application/x-ndjson", "Accept-Encoding", "identity")
	require.Equal(t, "application/x-ndjson", lines.header.Get("Content-Type"))
	all := bytes.Split(bytes.TrimSpace(lines.body), []byte("\n"))
	require.Len(t, all, 5)
	var last m
	require.NoError(t, json.Unmarshal(all[4], &last))
	require.Equal(t, true, last["end"])

	one, _ := at(t, gadgets[1], "gadget_id").(string)
	single := s.send("analyst", "GET", "/v1/gadgets/"+one+"/data?as_of=2026-01-01T00:00:00Z&time_zone=Asia/Kolkata", nil)
	require.Equal(t, http.StatusOK, single.status, string(single.body))
	require.Equal(t, "Asia/Kolkata", at(t, single.json, "question", "time_zone"))
	require.Equal(t, "2026-01-01T00:00:00Z", at(t, single.json, "question", "as_of"))
	require.Equal(t, http.StatusUnprocessableEntity, s.send("analyst", "GET", path+"/data?time_zone=Mars", nil).status)
	preview := s.send("analyst", "POST", "/v1/gadgets/preview", gadget("pie-chart", "x", filter, 0, m{"group_by": "district"}))
	require.Equal(t, http.StatusOK, preview.status, string(preview.body))
	require.EqualValues(t, 120, preview.json["total"])
	require.Equal(t, http.StatusUnprocessableEntity, s.send("analyst", "POST", "/v1/gadgets/preview", gadget("pie-chart", "x", filter, 0, nil)).status)

	require.Equal(t, http.StatusNoContent, s.send("analyst", "DELETE", "/v1/filters/"+filter, nil).status)
	gone := s.send("analyst", "GET", path+"/data", nil)
	require.Equal(t, http.StatusOK, gone.status, "a filter that is gone is a sentence")
	for _, g := range list(t, gone.json, "gadgets") {
		require.Equal(t, "filter_not_found", at(t, g, "error", "code"))
	}
}

// boardRoutes are what is asked of dashboards; {id} is a dashboard's, {gadget} that of its gadget.
var boardRoutes = []struct {
	method, path string
	body         any
}{
	{"GET", "/v1/dashboards", nil},
	{"POST", "/v1/dashboards", m{"name": "mine"}},
	{"POST", "/v1/dashboards", m{"name": "ours", "share_permissions": []m{{"type": "public", "permission": "read"}}}},
	{"POST", "/v1/gadgets/preview", m{"type": "stat", "title": "x", "filter_id": "{filter}", "position": m{"row": 0, "col": 0, "width": 1, "height": 1}}},
	{"GET", "/v1/dashboards/{id}", nil},
	{"GET", "/v1/dashboards/{id}/config", nil},
	{"GET", "/v1/dashboards/{id}/data", nil},
	{"GET", "/v1/dashboards/{id}/gadgets", nil},
	{"POST", "/v1/dashboards/{id}/gadgets", m{"type": "stat", "title": "x", "filter_id": "{filter}", "position": m{"row": 9, "col": 0, "width": 1, "height": 1}}},
	{"PUT", "/v1/dashboards/{id}", m{"name": "new"}},
	{"PATCH", "/v1/dashboards/{id}", m{"description": "new"}},
	{"DELETE", "/v1/dashboards/{id}", nil},
	{"POST", "/v1/dashboards/{id}/copy", m{"name": "copied"}},
	{"PUT", "/v1/dashboards/{id}/owner", m{"owner": "somebody"}},
	{"PUT", "/v1/dashboards/{id}/favourite", nil},
	{"DELETE", "/v1/dashboards/{id}/favourite", nil},
	{"GET", "/v1/dashboards/{id}/permissions", nil},
	{"PUT", "/v1/dashboards/{id}/permissions", m{"share_permissions": []m{{"type": "user", "id": "another", "permission": "read"}}}},
	{"POST", "/v1/dashboards/{id}/permissions/cascade?dry_run=true", nil},
	{"GET", "/v1/gadgets/{gadget}", nil},
	{"GET", "/v1/gadgets/{gadget}/data", nil},
	{"GET", "/v1/gadgets/{gadget}/chart.svg", nil},
	{"GET", "/v1/dashboards/{id}/report.pdf", nil},
	{"PUT", "/v1/gadgets/{gadget}", m{"type": "stat", "title": "new", "filter_id": "{filter}", "position": m{"row": 0, "col": 0, "width": 1, "height": 1}}},
	{"PATCH", "/v1/gadgets/{gadget}", m{"title": "new"}},
	{"DELETE", "/v1/gadgets/{gadget}", nil},
	{"GET", "/v1/dashboards/{id}/gadgets/{gadget}", nil},
	{"PATCH", "/v1/dashboards/{id}/gadgets/{gadget}", m{"title": "new"}},
	{"DELETE", "/v1/dashboards/{id}/gadgets/{gadget}", nil},
}

// boardRows asks the routes of dashboards as every role, of dashboards in every relation to who asks.
func boardRows(t *testing.T, to *strings.Builder) {
	t.Helper()
	for _, r := range boardRoutes {
		all := []string{"-"}
		if strings.Contains(r.path, "{id}") || strings.Contains(r.path, "{gadget}") {
			all = relations
		}
		path, _, _ := strings.Cut(r.path, "?")
		for _, relation := range all {
			row(t, to, r.method+" "+strings.TrimPrefix(path, "/v1"), relation)
			for _, who := range askers {
				s := start(t, nil)
				board, filter := boardIn(t, s, relation, who)
				id, gadget := "", ""
				if board != nil {
					id, gadget = board.ID, board.Gadgets[0].ID
				}
				body := r.body
				if body != nil {
					text, err := json.Marshal(body)
					require.NoError(t, err)
					body = strings.ReplaceAll(string(text), "{filter}", filter)
				}
				at := strings.NewReplacer("{id}", id, "{gadget}", gadget).Replace(r.path)
				status(t, to, s.send(who, r.method, at, body, "If-Match", "*").status)
				s.Close()
			}
			to.WriteString("\n")
		}
	}
}

// boardIn makes a dashboard with one gadget that has to do with who in that way, and a filter that all may read.
func boardIn(t *testing.T, s *server, relation, who string) (*dashboard.Dashboard, string) {
	t.Helper()
	boss := &access.Principal{User: "boss", Tenant: "pb", Roles: []string{"ADMIN"}}
	open, err := s.service.Filters().Create(t.Context(), boss, &dashboard.Filter{Name: "open", JQL: "age > 3", SharePermissions: []dashboard.SharePermission{{Type: "public", Permission: dashboard.Read}}})
	require.NoError(t, err)
	if relation == "-" {
		return nil, open.ID
	}
	shares, owner, tenant := related(relation, who)
	maker := *boss
	maker.Tenant = tenant
	filter := open.ID
	if tenant != boss.Tenant {
		other, err := s.service.Filters().Create(t.Context(), &maker, &dashboard.Filter{Name: "open", JQL: "age > 3"})
		require.NoError(t, err)
		filter = other.ID
	}
	made, err := s.service.Dashboards().Create(t.Context(), &maker, &dashboard.Dashboard{
		Name: "of somebody", SharePermissions: shares,
		Gadgets: []*dashboard.Gadget{{Type: "stat", Title: "x", FilterID: filter, Position: dashboard.Position{Width: 1, Height: 1}}},
	})
	require.NoError(t, err)
	if owner != "" {
		made, err = s.service.Dashboards().ChangeOwner(t.Context(), boss, made.ID, owner, 0)
		require.NoError(t, err)
	}
	return made, open.ID
}
