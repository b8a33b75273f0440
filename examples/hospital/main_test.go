package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/fhir/mappings"
	"github.com/digit-health/dhr/search"
)

const patients = 120

// printed is what the program says of so many patients.
const printed = `{"id":632,"patient_id":49,"description":"Hemoglobin [Mass/volume] in Blood","value_number":6.9,"value_unit":"g/dL"}
1 records

hospital-patients        Patient               120 resources, 0 records refused
hospital-encounters      Encounter             231 resources, 0 records refused
hospital-observations    Observation           744 resources, 0 records refused
hospital-prescriptions   MedicationRequest     223 resources, 0 records refused
hospital-documents       DocumentReference      43 resources, 0 records refused
hospital-provenances     Provenance           1241 resources, 0 records refused
hospital-conditions      Condition             112 resources, 0 records refused
hospital-consents        Consent               191 resources, 0 records refused
`

// inSQLite makes a hospital in a file.
func inSQLite(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hospital.db")
	require.NoError(t, makeSQLite(t.Context(), file, patients))
	return file
}

// output runs the program over a database and returns what it printed, and its files by their names.
func output(t *testing.T, db, schema string) (string, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, db, schema, dir))
	names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	require.NoError(t, err)
	files := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		files[filepath.Base(name)] = string(text)
	}
	return out.String(), files
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	text, files := output(t, inSQLite(t), "")
	require.Equal(t, strings.Split(printed, "\n"), strings.Split(text, "\n"))
	checkResources(t, files)
}

// checkResources looks at every resource, and at what they refer to.
func checkResources(t *testing.T, files map[string]string) {
	t.Helper()
	require.Len(t, files, 8)
	there, wanted := map[string]bool{}, map[string]string{}
	for name, text := range files {
		typ := strings.Split(name, ".")[1]
		for line := range strings.Lines(text) {
			require.NoError(t, fhir.Check([]byte(strings.TrimSuffix(line, "\n"))), line)
			var r struct {
				ResourceType, ID string
				Subject, Patient struct{ Reference string }
				Target           []struct{ Reference string }
			}
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			require.Equal(t, typ, r.ResourceType)
			there[typ+"/"+r.ID] = true
			for _, reference := range append(r.Target, r.Subject, r.Patient) {
				if reference.Reference != "" {
					wanted[reference.Reference] = typ + "/" + r.ID
				}
			}
		}
	}
	missing := 0
	for reference := range wanted {
		if !there[reference] {
			require.True(t, strings.HasPrefix(reference, "Patient/"), reference) // one that is marked as deleted
			missing++
		}
	}
	require.LessOrEqual(t, missing, 3)
}

// PostgreSQL and SQLite hand out the same bytes. The sample is not changed by it.
func TestPostgres(t *testing.T) {
	t.Parallel()
	url := os.Getenv("DHR_TEST_POSTGRES_URL")
	if url == "" {
		t.Skip("SKIPPED: set DHR_TEST_POSTGRES_URL to read the tables from PostgreSQL")
	}
	const schema = "dhr_example_hospital"
	var script strings.Builder
	require.NoError(t, writeSQL(&script, patients))
	execute(t, url, "DROP SCHEMA IF EXISTS "+schema+" CASCADE; CREATE SCHEMA "+schema+"; SET search_path TO "+schema+"; "+script.String())
	t.Cleanup(func() { execute(t, url, "DROP SCHEMA "+schema+" CASCADE") })
	text, files := output(t, url, schema)
	require.Equal(t, strings.Split(printed, "\n"), strings.Split(text, "\n"))
	_, want := output(t, inSQLite(t), "")
	for name := range want {
		require.Equal(t, sorted(want[name]), sorted(files[name]), name)
	}
}

func execute(t *testing.T, url, script string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
}

// sorted returns the lines in an order that does not depend on the database.
func sorted(text string) []string {
	return slices.Sorted(strings.Lines(text))
}

// A row that nobody foresaw is told, with its key and the reason, and the others are handed out.
func TestRowsThatCannotBeMapped(t *testing.T) {
	t.Parallel()
	file := inSQLite(t)
	change(t, file, `
UPDATE medical_records SET status = 'done?' WHERE id = 2;
UPDATE patients SET gender = 'X' WHERE id = 7;
UPDATE consents SET decision = 'perhaps' WHERE id = 3;`)
	text, files := output(t, file, "")
	for _, want := range []string{
		`record "7" cannot be mapped: Patient.gender: `, `record "3" cannot be mapped: Consent.provision.type: `, `record "2" cannot be mapped: Observation.status: `,
		"119 resources, 1 records refused", "190 resources, 1 records refused", "743 resources, 1 records refused",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, files["hospital-patients.Patient.ndjson"], `"id":"7"`)
	require.Equal(t, 119, strings.Count(files["hospital-patients.Patient.ndjson"], "\n"))
}

func change(t *testing.T, file, script string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), script)
	require.NoError(t, errors.Join(err, db.Close()))
}

// A document comes back as it was written.
func TestDocumentsAreWhole(t *testing.T) {
	t.Parallel()
	file := inSQLite(t)
	const content = "எல்லாம் நன்று.\n\"quoted\"\t' and \\ back"
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "UPDATE medical_records SET content = ? WHERE record_type = 'document'", content)
	require.NoError(t, errors.Join(err, db.Close()))
	_, files := output(t, file, "")
	lines := bufio.NewScanner(strings.NewReader(files["hospital-documents.DocumentReference.ndjson"]))
	n := 0
	for ; lines.Scan(); n++ {
		var r struct {
			Content []struct{ Attachment struct{ Data string } }
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		data, err := base64.StdEncoding.DecodeString(r.Content[0].Attachment.Data)
		require.NoError(t, err)
		require.Equal(t, content, string(data))
	}
	require.Positive(t, n)
}

// The search parameters of the mappings are answered by the tables, counted in SQL.
func TestSearches(t *testing.T) {
	t.Parallel()
	file := inSQLite(t)
	engine, err := open(t.Context(), file, "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	policy, err := access.NewPolicy(map[string]access.Role{"all": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}}}, nil)
	require.NoError(t, err)
	index, err := search.New(engine, policy, nil)
	require.NoError(t, err)
	who := &access.Principal{User: "test", Roles: []string{"all"}}
	set, err := mappings.Shipped(mappings.Hospital)
	require.NoError(t, err)
	byName := map[string]*mapping.Mapping{}
	for _, m := range set.Mappings() {
		byName[m.Name] = m
	}
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, c := range []struct{ name, search, sql string }{
		{"hospital-patients", "gender=female", "patients WHERE gender = 'F'"},
		{"hospital-patients", "identifier=https://hospital.example/mrn|MRN0000007", "patients WHERE mrn = 'MRN0000007'"},
		{"hospital-patients", "birthdate=ge1990-01-01&birthdate=lt2000", "patients WHERE birth_date >= '1990-01-01' AND birth_date < '2000-01-01'"},
		{"hospital-patients", "family=devi", "patients WHERE family_name = 'Devi'"},
		{"hospital-encounters", "class=IMP&status=finished", "medical_records WHERE record_type = 'encounter' AND code = 'inpatient' AND status = 'closed'"},
		{"hospital-observations", "code=http://loinc.org|8867-4,http://loinc.org|718-7", "medical_records WHERE record_type = 'observation' AND code IN ('8867-4', '718-7')"},
		{"hospital-observations", "subject=Patient/3,Patient/4", "medical_records WHERE record_type = 'observation' AND patient_id IN (3, 4)"},
		{"hospital-prescriptions", "status=active&intent=order", "medical_records WHERE record_type = 'prescription' AND status = 'active'"},
		{"hospital-conditions", "clinical-status=resolved", "medical_history WHERE clinical_status = 'resolved'"},
		{"hospital-consents", "status=inactive&scope=research", "consents WHERE status IN ('withdrawn', 'expired') AND scope = 'research'"},
	} {
		m := byName[c.name]
		schemas, err := index.Schemas(t.Context(), who, m.Index)
		require.NoError(t, err)
		x, err := m.Bind(schemas[0])
		require.NoError(t, err)
		found, err := x.Search(c.search)
		require.NoError(t, err, c.search)
		if m.Where != "" {
			found = "(" + found + ") AND (" + m.Where + ")"
		}
		got, _, err := index.Count(t.Context(), who, &search.Query{JQL: found, Indexes: []string{m.Index}}, 0)
		require.NoError(t, err)
		var want int64
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+c.sql).Scan(&want))
		require.Positive(t, want, c.sql)
		require.Equal(t, want, got, "%s?%s", c.name, c.search)
	}
}
