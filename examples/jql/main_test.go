package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// ask runs the program.
func ask(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return out.String(), errs.String(), err
}

// The line of the documentation works as it stands, from anywhere.
func TestFirstMinute(t *testing.T) {
	t.Chdir(t.TempDir())
	stdout, stderr, err := ask(t, "", "-mapping", "visits.json", `diagnosis ~ "malaria" AND age < 5 ORDER BY date DESC`, "visits.ndjson")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	require.Len(t, lines, 24)
	last := ""
	for _, line := range lines {
		require.Contains(t, strings.ToLower(line), "malaria")
		_, date, _ := strings.Cut(line, `"date": "`)
		require.True(t, last == "" || date[:10] <= last, "%s after %s", date[:10], last)
		last = date[:10]
	}
	require.Equal(t, "24 of 160 records\n", stderr)
}

func TestTable(t *testing.T) {
	stdout, _, err := ask(t, "", "-mapping", "visits.json", "-fields", "visit_id, name, symptoms,temperature",
		"visit_id IN (V-00001, V-00002) ORDER BY visit_id DESC", "visits.ndjson")
	require.NoError(t, err)
	lines := strings.Split(stdout, "\n")
	require.True(t, strings.HasPrefix(lines[0], "visit_id  name"), lines[0])
	require.True(t, strings.HasPrefix(lines[1], "V-00002  "), lines[1])
	require.True(t, strings.HasPrefix(lines[2], "V-00001  "), lines[2])
}

// A file in the working directory goes before the sample of its name, and - is standard input.
func TestOwnFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("visits.json", []byte(`{"properties": {"n": {"type": "long"}}}`), 0o600))
	stdout, stderr, err := ask(t, "{\"n\": 1}\n{\"n\": 2}\n", "-mapping", "visits.json", "n > 1", "-")
	require.NoError(t, err)
	require.Equal(t, "{\"n\": 2}\n", stdout)
	require.Equal(t, "1 of 2 records\n", stderr)
}

func TestWarning(t *testing.T) {
	_, stderr, err := ask(t, "", "-mapping", "visits.json", "followup_date != 2024-03-01", "visits.ndjson")
	require.NoError(t, err)
	require.Contains(t, stderr, "warning: 1:1: this also leaves out every record whose \"followup_date\" is empty")
}

func TestBadQuery(t *testing.T) {
	stdout, _, err := ask(t, "", "-mapping", "visits.json", "gendr = female", "visits.ndjson")
	var complaints jql.ErrorList
	require.ErrorAs(t, err, &complaints)
	require.Empty(t, stdout)
	require.Equal(t, "1:1: unknown field \"gendr\" in index \"visits\"; did you mean \"gender\"?\n | gendr = female\n | ^^^^^", complaints.Caret())
}

func TestBadCommandLine(t *testing.T) {
	for _, args := range [][]string{{}, {"age = 5", "visits.ndjson"}, {"-mapping", "visits.json", "age = 5"}, {"-nosuch"}} {
		_, stderr, err := ask(t, "", args...)
		require.ErrorIs(t, err, errUsage)
		require.Contains(t, stderr, "usage: jql")
	}
	_, _, err := ask(t, "", "-mapping", "visits.json", "-zone", "Mars/Olympus", "age = 5", "visits.ndjson")
	require.ErrorContains(t, err, "Mars/Olympus")
	require.ErrorIs(t, err, errUsage)
	_, _, err = ask(t, "", "-mapping", "visits.json", "-fields", "agee", "age = 5", "visits.ndjson")
	require.EqualError(t, err, `usage: -fields: there is no field "agee"; perhaps "age"`)
	_, _, err = ask(t, "", "age = 5", "visits.ndjson")
	require.EqualError(t, err, "usage: -mapping FILE is missing")
}

func TestBadFiles(t *testing.T) {
	_, _, err := ask(t, "", "-mapping", "nosuch.json", "age = 5", "visits.ndjson")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = ask(t, "", "-mapping", "visits.json", "age = 5", "nosuch.ndjson")
	require.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"mappings": {"properties": {"a": {"type": "alias", "path": "b"}}}}`), 0o600))
	_, _, err = ask(t, "", "-mapping", file, "age = 5", "visits.ndjson")
	var schemaErr *record.SchemaError
	require.ErrorAs(t, err, &schemaErr)

	// A broken line says where it is, and how many records came before it.
	_, _, err = ask(t, "{\"visit_id\": \"V-1\", \"age\": 3}\n{\"visit_id\": \"V-2\", \"age\": tru}\n", "-mapping", "visits.json", "age = 3", "-")
	var docErr *record.DocumentError
	require.ErrorAs(t, err, &docErr)
	require.Equal(t, 2, docErr.Line)
	require.Equal(t, 1, docErr.Records)
}

// What the mapping says and DHR does not understand is said aloud.
func TestUnknownMapping(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("m.json", []byte(`{"_meta": {"dhr": {"labls": {}}}, "properties": {"n": {"type": "integr"}}}`), 0o600))
	_, stderr, err := ask(t, "{}", "-mapping", "m.json", "", "-")
	require.NoError(t, err)
	require.Contains(t, stderr, "labls")
	require.Contains(t, stderr, "n")
	require.Contains(t, stderr, "1 of 1 records")
}
