package api_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCharts draws every kind of gadget, also of no records and of a filter that is gone, in every way.
func TestCharts(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	all, none := filterOf(t, s, "all", "ORDER BY visit_id"), filterOf(t, s, "none", "age = 1000")
	gone := filterOf(t, s, "gone", "")
	board := m{"name": "Ward 7/<b>", "share_permissions": []m{{"type": "public", "permission": "read"}}}
	var gadgets []m
	for _, filter := range []string{all, none, gone} {
		for _, g := range []m{
			gadget("stat", "How many", filter, 0, nil),
			gadget("stat", "Since", filter, 0, m{"metric": "min", "metric_field": "date"}),
			gadget("stat", "November", filter, 0, m{"group_by": "date", "interval": "month", "compare": "previous_period"}),
			gadget("pie-chart", "<script>alert(1)</script> & \"co\"", filter, 0, m{"group_by": "district"}),
			gadget("pie-chart", "Several values", filter, 0, m{"group_by": "symptoms"}),
			gadget("pie-chart", "Cost", filter, 0, m{"group_by": "district", "metric": "sum", "metric_field": "cost", "limit": 2}),
			gadget("bar-chart", "Ages", filter, 0, m{"group_by": "district", "metric": "avg", "metric_field": "age"}),
			gadget("bar-chart", "Split", filter, 0, m{"group_by": "date", "interval": "month", "split_by": "district"}),
			gadget("bar-chart", "Cut", filter, 0, m{"group_by": "diagnosis", "limit": 5}),
			gadget("line-chart", "By week", filter, 0, m{"group_by": "date", "interval": "week"}),
			gadget("table", "Who", filter, 0, m{"columns": []string{"visit_id", "age", "symptoms", "date"}, "limit": 3}),
			gadget("table", "Last", filter, 0, m{"group_by": "district", "metric": "max", "metric_field": "date"}),
			gadget("table", "Districts", filter, 0, m{"group_by": "district", "split_by": "symptoms"}),
		} {
			g["position"] = m{"row": 2 * len(gadgets), "col": 0, "width": 1 + len(gadgets)%12, "height": 2}
			gadgets = append(gadgets, g)
		}
	}
	board["gadgets"] = gadgets
	made := s.send("analyst", "POST", "/v1/dashboards", board)
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	path := made.header.Get("Location")
	require.Equal(t, http.StatusNoContent, s.send("analyst", "DELETE", "/v1/filters/"+gone, nil).status)
	for i, g := range list(t, s.send("analyst", "GET", path+"/gadgets", nil).json, "gadgets") {
		id, _ := at(t, g, "id").(string)
		title, _ := at(t, g, "title").(string)
		svg := s.send("analyst", "GET", "/v1/gadgets/"+id+"/chart.svg?theme=dark&locale=hi&width=480&height=240", nil)
		require.Equal(t, http.StatusOK, svg.status, "%s: %s", title, svg.body)
		require.Equal(t, "image/svg+xml", svg.header.Get("Content-Type"))
		require.Contains(t, svg.header.Get("Content-Security-Policy"), "default-src 'none'")
		wellFormed(t, svg.body)
		require.NotContains(t, string(svg.body), "<script")
		text := string(svg.body)
		require.Contains(t, text, `<title id="chart-`+id+`-title">`, "several stand in one page")
		switch {
		case i >= 26:
			require.Contains(t, text, "is not shared with you", title)
		case i == 4 || i == 17:
			require.NotContains(t, text, "%", "of records with several values there are no shares")
		}
		png := s.send("analyst", "GET", "/v1/gadgets/"+id+"/chart.png?title=false&scale=0.5", nil)
		require.Equal(t, http.StatusOK, png.status, "%s: %s", title, png.body)
		require.True(t, bytes.HasPrefix(png.body, []byte("\x89PNG")))
	}
	require.Equal(t, http.StatusForbidden, s.send("analyst", "GET", path+"/report.pdf", nil).status, "a file to take away needs export")
	report := s.send("exporter", "GET", path+"/report.pdf?locale=en-IN&time_zone=Asia/Kolkata", nil)
	require.Equal(t, http.StatusOK, report.status, string(report.body))
	require.Equal(t, "application/pdf", report.header.Get("Content-Type"))
	require.True(t, bytes.HasPrefix(report.body, []byte("%PDF-")))
	require.Contains(t, report.header.Get("Content-Disposition"), `attachment; filename=`)
	require.Equal(t, http.StatusNotFound, s.send("exporter", "GET", "/v1/dashboards/none/report.pdf", nil).status)

	one, _ := at(t, list(t, s.send("analyst", "GET", path+"/gadgets", nil).json, "gadgets")[0], "id").(string)
	for _, bad := range []string{"locale=xx", "theme=pink", "width=1", "height=99999", "time_zone=Mars", "as_of=soon", "color=red"} {
		require.Equal(t, http.StatusUnprocessableEntity, s.send("analyst", "GET", "/v1/gadgets/"+one+"/chart.svg?"+bad, nil).status, bad)
	}
	require.Equal(t, http.StatusUnprocessableEntity, s.send("analyst", "GET", "/v1/gadgets/"+one+"/chart.png?width=4000&height=4000&scale=4", nil).status)
	require.Equal(t, http.StatusUnprocessableEntity, s.send("exporter", "GET", path+"/report.pdf?locale=xx", nil).status)
	require.Equal(t, http.StatusNotFound, s.send("analyst", "GET", "/v1/gadgets/none/chart.svg", nil).status)
}

// TestEmptyReport holds that a dashboard without gadgets is a report too, and that a language that is none is said to be so of it as of any other.
func TestEmptyReport(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	made := s.send("exporter", "POST", "/v1/dashboards", m{"name": "Nothing yet"})
	require.Equal(t, http.StatusCreated, made.status, string(made.body))
	path := made.header.Get("Location") + "/report.pdf"
	require.Equal(t, http.StatusOK, s.send("exporter", "GET", path, nil).status)
	bad := s.send("exporter", "GET", path+"?locale=xx", nil)
	require.Equal(t, http.StatusUnprocessableEntity, bad.status, string(bad.body))
	require.Equal(t, "query.locale", at(t, list(t, bad.json, "errors")[0], "location"))
}

// wellFormed holds that a text is XML from its beginning to its end.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, string(text))
	}
}
