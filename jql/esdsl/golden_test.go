package esdsl_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

var update = flag.Bool("update", false, "rewrite the sections of testdata/*.txtar")

// now is when the queries of testdata are asked.
var now = time.Date(2024, 3, 15, 10, 0, 0, 0, time.UTC)

func schema(t testing.TB) *record.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/mapping.json")
	require.NoError(t, err)
	s, err := record.ParseSchema("visits", text)
	require.NoError(t, err)
	return s
}

func compiler(t testing.TB, o *esdsl.Options) *esdsl.Compiler {
	t.Helper()
	c, err := esdsl.New(schema(t), o)
	require.NoError(t, err)
	return c
}

func resolve(t testing.TB, s *record.Schema, query string) *plan.Plan {
	t.Helper()
	q, err := jql.Parse(query, nil)
	require.NoError(t, err, query)
	r, err := jql.Resolve(t.Context(), q, []*record.Schema{s}, &jql.ResolveOptions{Now: now})
	require.NoError(t, err, query)
	return r.Plans[0]
}

// TestBodies checks every case of testdata/*.txtar: a query, what is sent for it, its sort, and
// for what cannot be sent what is sent instead.
func TestBodies(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		comment, cases := readCases(string(text))
		var got strings.Builder
		got.WriteString(comment)
		for _, c := range cases {
			got.WriteString("-- " + c[0] + " --\n" + c[1])
			got.WriteString(sections(t, c[0], strings.TrimSpace(c[1])))
		}
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o600))
			continue
		}
		require.Equal(t, string(text), got.String(), file)
	}
}

// readCases returns the comment of a file and its queries, with their names.
func readCases(text string) (comment string, cases [][2]string) {
	parts := strings.Split("\n"+text, "\n-- ")
	for _, part := range parts[1:] {
		name, body, _ := strings.Cut(part, " --\n")
		if !strings.Contains(name, "/") {
			cases = append(cases, [2]string{name, strings.TrimRight(body, "\n") + "\n"})
		}
	}
	return strings.TrimPrefix(parts[0], "\n") + "\n", cases
}

// sections returns what follows a query.
func sections(t *testing.T, name, query string) string {
	c, p := compiler(t, &esdsl.Options{Elasticsearch: true}), resolve(t, schema(t), query)
	var out strings.Builder
	section := func(what string, body []byte) {
		out.WriteString("-- " + name + "/" + what + " --\n" + pretty(t, body))
	}
	body, err := c.Query(p.Where)
	require.Equal(t, c.Can(p.Where), err == nil, "%s: %v", query, err)
	if err == nil {
		section("query", body)
	} else {
		require.ErrorIs(t, err, esdsl.ErrInexpressible)
		out.WriteString("-- " + name + "/refused --\n" + err.Error() + "\n")
		body, err = c.Query(c.Instead(p.Where))
		require.NoError(t, err)
		section("instead", body)
	}
	if len(p.Order) == 1 {
		return out.String()
	}
	sort, err := c.Sort(p.Order)
	if err != nil {
		require.ErrorIs(t, err, esdsl.ErrInexpressible)
		out.WriteString("-- " + name + "/sort refused --\n" + err.Error() + "\n")
		return out.String()
	}
	section("sort", sort)
	after, err := c.SearchAfter(p.Order, make([]record.Value, len(p.Order)))
	require.NoError(t, err)
	section("behind what is missing", after)
	return out.String()
}

// pretty writes JSON over several lines, small objects and lists on one.
func pretty(t *testing.T, body []byte) string {
	t.Helper()
	require.True(t, json.Valid(body), "%s", body)
	var out bytes.Buffer
	write(&out, body, "")
	return out.String() + "\n"
}

func write(out *bytes.Buffer, value json.RawMessage, indent string) {
	if len(value)+len(indent) <= 110 || value[0] != '{' && value[0] != '[' {
		out.Write(value)
		return
	}
	d := json.NewDecoder(bytes.NewReader(value))
	open, _ := d.Token()
	out.WriteString(open.(json.Delim).String() + "\n")
	for first := true; d.More(); first = false {
		if !first {
			out.WriteString(",\n")
		}
		out.WriteString(indent + "  ")
		if open == json.Delim('{') {
			key, _ := d.Token()
			name, _ := json.Marshal(key)
			out.Write(name)
			out.WriteString(": ")
		}
		var inner json.RawMessage
		_ = d.Decode(&inner)
		write(out, inner, indent+"  ")
	}
	end, _ := d.Token()
	out.WriteString("\n" + indent + end.(json.Delim).String())
}
