package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/campaign"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/fhir/mappings"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/server/sample"
)

const households = 300

// loaded are the indexes of the sample and of the campaigns, loaded once.
var loaded = map[string]func() (*search.Index, error){
	mappings.Sample: sync.OnceValues(func() (*search.Index, error) {
		w := sampleWorld()
		return w.load(context.Background()) // it outlives the test that asks first
	}),
	mappings.Campaign: sync.OnceValues(func() (*search.Index, error) {
		w := campaignWorld(households)
		return w.load(context.Background()) // it outlives the test that asks first
	}),
}

func indexOf(t *testing.T, file string) *search.Index {
	t.Helper()
	index, err := loaded[file]()
	require.NoError(t, err)
	return index
}

func mapperOf(t *testing.T, name string) *mapping.Mapper {
	t.Helper()
	set, err := mappings.Shipped(mappings.Sample, mappings.Campaign)
	require.NoError(t, err)
	for _, m := range set.Mappings() {
		if m.Name == name {
			x, err := bind(t.Context(), indexOf(t, fileOf(name)), m, nil)
			require.NoError(t, err)
			return x
		}
	}
	require.Fail(t, "there is no mapping "+name)
	return nil
}

func fileOf(mapping string) string {
	if strings.HasPrefix(mapping, "hcm-") {
		return mappings.Campaign
	}
	return mappings.Sample
}

// count returns how many records of an index match all the conditions.
func count(t *testing.T, file, index string, conditions ...string) int {
	t.Helper()
	var all []string
	for _, c := range conditions {
		if c != "" {
			all = append(all, "("+c+")")
		}
	}
	n, _, err := indexOf(t, file).Count(t.Context(), who, &search.Query{JQL: strings.Join(all, " AND "), Indexes: []string{index}}, 0)
	require.NoError(t, err)
	return int(n)
}

// resourcesOf returns how many resources a mapping has that a search finds.
func resourcesOf(t *testing.T, name, searched string) int {
	t.Helper()
	x := mapperOf(t, name)
	m := x.Mapping()
	found := ""
	if searched != "" {
		var err error
		found, err = x.Search(searched)
		require.NoError(t, err, "%s?%s", name, searched)
	}
	return count(t, fileOf(name), m.Index, condition(m), found)
}

var references = regexp.MustCompile(`"reference":"([^"]+)"`)

// Each record is a sound resource with an id of its own, and what it refers to is there.
func TestEveryResource(t *testing.T) {
	t.Parallel()
	dir, each := t.TempDir(), 0
	if testing.Short() { // the race detector has seen all after some
		each = 50
	}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, dir, households, &choice{each: each}))
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	require.NoError(t, err)
	require.Len(t, files, strings.Count(out.String(), "\n"))
	there, wanted := map[string]bool{}, map[string]string{}
	for _, file := range files {
		typ := strings.Split(filepath.Base(file), ".")[1]
		f, err := os.Open(file)
		require.NoError(t, err)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		n := 0
		for ; lines.Scan(); n++ {
			var r struct{ ResourceType, ID string }
			require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
			require.Equal(t, typ, r.ResourceType)
			require.False(t, there[typ+"/"+r.ID], "%s: the id %s twice", file, r.ID)
			there[typ+"/"+r.ID] = true
			for _, m := range references.FindAllSubmatch(lines.Bytes(), -1) {
				wanted[string(m[1])] = r.ResourceType + "/" + r.ID
			}
		}
		require.NoError(t, lines.Err())
		require.NoError(t, f.Close())
		require.Positive(t, n, file)
	}
	if each > 0 {
		return
	}
	deleted := deletedIDs()
	for reference, by := range wanted {
		_, id, _ := strings.Cut(reference, "/")
		require.True(t, there[reference] || deleted[id], "%s refers to %s, which is not there", by, reference)
	}
	require.Greater(t, len(wanted), 50_000)
}

// deletedIDs are the households and individuals of the campaigns that are marked as deleted: tasks still refer to them.
func deletedIDs() map[string]bool {
	all := map[string]bool{}
	for _, index := range []string{campaign.Households, campaign.Individuals} {
		for id, doc := range campaign.Documents(index, households) {
			if bytes.Contains(doc, []byte(`"isDeleted":true`)) {
				all[id] = true
			}
		}
	}
	return all
}

// What a list of mappings takes out of one index is all that is in it.
func TestNothingIsLeftOut(t *testing.T) {
	t.Parallel()
	results, medicines, conditions, allergies, tests := 0, 0, 0, 0, map[string]bool{}
	visits, err := sample.Documents(sample.Visits)
	require.NoError(t, err)
	for _, doc := range visits {
		var v struct {
			LabResults  []struct{ Loinc string } `json:"lab_results"`
			Medications []struct{ Name string }
		}
		require.NoError(t, json.Unmarshal(doc, &v))
		medicines += len(v.Medications)
		for _, r := range v.LabResults {
			results++
			tests[r.Loinc] = true
		}
	}
	patients, err := sample.Documents(sample.Patients)
	require.NoError(t, err)
	for _, doc := range patients {
		var p struct{ Conditions, Allergies any }
		require.NoError(t, json.Unmarshal(doc, &p))
		conditions += lengthOf(p.Conditions)
		allergies += lengthOf(p.Allergies)
	}
	require.Len(t, tests, 6)
	require.Equal(t, results, resourcesOfAll(t, "sample-lab-"))
	require.Equal(t, medicines, resourcesOfAll(t, "sample-rx-"))
	require.Equal(t, allergies, resourcesOfAll(t, "sample-allergy-"))
	require.Equal(t, conditions, resourcesOf(t, "sample-hypertension", "")+resourcesOf(t, "sample-diabetes", "")+resourcesOf(t, "sample-tuberculosis", ""))
	require.Equal(t, count(t, mappings.Sample, sample.Analytics), resourcesOf(t, "sample-stock-reports", "")+resourcesOf(t, "sample-coverage-reports", "")+resourcesOf(t, "sample-case-reports", ""))

	// Of the tasks those stay out that gave nothing to a household, or nothing in a campaign of another type than chemoprevention.
	tasks := resourcesOf(t, "hcm-medications", "") + resourcesOf(t, "hcm-vaccinations", "") + resourcesOf(t, "hcm-deliveries", "")
	nothing := count(t, mappings.Campaign, campaign.Tasks, `Data.productName IS EMPTY AND Data.projectType != "MR-DN"`)
	require.Equal(t, count(t, mappings.Campaign, campaign.Tasks), tasks+nothing)
	require.Positive(t, nothing)
	// Of stock what was lost.
	lost := count(t, mappings.Campaign, campaign.Stock, "Data.reason IN (LOST_IN_STORAGE, DAMAGED_IN_TRANSIT)")
	require.Equal(t, count(t, mappings.Campaign, campaign.Stock), resourcesOf(t, "hcm-stock-received", "")+resourcesOf(t, "hcm-stock-dispatched", "")+lost)
	require.Positive(t, lost)
}

// lengthOf is how many values a field has: none, one, or a list.
func lengthOf(v any) int {
	switch v := v.(type) {
	case nil:
		return 0
	case []any:
		return len(v)
	}
	return 1
}

// resourcesOfAll returns how many resources the mappings have whose names begin so.
func resourcesOfAll(t *testing.T, prefix string) int {
	t.Helper()
	set, err := mappings.Shipped(mappings.Sample)
	require.NoError(t, err)
	n := 0
	for _, m := range set.Mappings() {
		if strings.HasPrefix(m.Name, prefix) {
			n += resourcesOf(t, m.Name, "")
		}
	}
	return n
}

// The sample's own tasks, of which no individual is known, can be handed out as well.
func TestTasksOfTheSample(t *testing.T) {
	t.Parallel()
	w := world{mappings.Campaign, []string{sample.Tasks}, sample.Schema, sample.Documents}
	index, err := w.load(t.Context())
	require.NoError(t, err)
	n := 0
	for _, name := range []string{"hcm-medications", "hcm-vaccinations", "hcm-deliveries"} {
		m := mapperOf(t, name).Mapping()
		made, err := write(t.Context(), index, m, filepath.Join(t.TempDir(), "tasks.ndjson"), &choice{})
		require.NoError(t, err)
		n += made
	}
	require.Equal(t, 6315, n)
}

// Searches find what the records say; the numbers were counted in the documents.
func TestSearches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mapping, search string
		want            int
	}{
		{"sample-patients", "gender=female", 6414},
		{"sample-patients", "gender=female,male", 12000},
		{"sample-patients", "gender:not=female", 5586},
		{"sample-patients", "language=ta", 942},
		{"sample-patients", "language=urn:ietf:bcp:47|ta", 942},
		{"sample-patients", "identifier=https://sample.example/patients|P0000007", 1},
		{"sample-patients", "identifier=https://elsewhere.example/|P0000007", 0},
		{"sample-patients", "_id=P0000001,P0000778,P9", 2},
		{"sample-patients", "birthdate=2004-05-16&_id=P0000007", 1},
		{"sample-patients", "birthdate=lt2004-05-16&_id=P0000007", 0},
		{"sample-patients", "death-date:missing=false", 43},
		{"sample-hypertension", "code=http://hl7.org/fhir/sid/icd-10|I10", 1397},
		{"sample-hypertension", "code=E11.9", 0},
		{"sample-encounters", "class=AMB", 17186 + 1839 + 2528},
		{"sample-encounters", "class=http://terminology.hl7.org/CodeSystem/v3-ActCode|EMER", 1257},
		{"sample-encounters", "status=finished", 26000},
		{"sample-encounters", "status=planned", 0},
		{"sample-encounters", "subject=Patient/P0009612&_id=V00000013", 1},
		{"sample-encounters", "patient=P0009612&_id=V00000013", 1},
		{"sample-encounters", "patient=P0009613&_id=V00000013", 0},
		{"sample-diagnoses", "code=B50.9", 4986},
		{"sample-diagnoses", "severity=24484000", 2391},
		{"sample-diagnoses", "encounter=Encounter/V00000008", 1},
		{"sample-lab-glucose", "code=http://loinc.org|1558-6", 964},
		{"sample-lab-glucose", "category=vital-signs", 0},
		{"sample-treatments", "status=revoked", 239 + 795},
		{"sample-treatments", "status=unknown", 785},
		{"sample-outcomes", "based-on=CarePlan/T0000070", 1},
		{"sample-stock-reports", "period=2025-06&_id=STOCK-202506-00101-AL", 1},
	} {
		require.Equal(t, c.want, resourcesOf(t, c.mapping, c.search), "%s?%s", c.mapping, c.search)
	}
}

// Times are asked for as they are written, whatever the index holds: milliseconds, instants with offsets, days.
func TestTimes(t *testing.T) {
	t.Parallel()
	const at = 1784000000123 // in July 2026, between two seconds
	instant := time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
	var later, made int
	for _, doc := range campaign.Documents(campaign.Tasks, households) {
		var task struct {
			Data struct {
				SyncedTime, CreatedTime  int64
				DeliveredTo, ProjectType string
			}
		}
		require.NoError(t, json.Unmarshal(doc, &task))
		if task.Data.ProjectType != "MR-DN" {
			continue
		}
		if task.Data.SyncedTime > at {
			later++
		}
		if task.Data.CreatedTime <= at {
			made++
		}
	}
	require.Positive(t, later)
	require.Positive(t, made)
	all := resourcesOf(t, "hcm-medications", "")
	require.Less(t, later, all)
	require.Equal(t, later, resourcesOf(t, "hcm-medications", "_lastUpdated=gt"+instant))
	require.Equal(t, all-later, resourcesOf(t, "hcm-medications", "_lastUpdated=le"+instant))
	require.Equal(t, made, resourcesOf(t, "hcm-medications", "effective-time=le"+instant))
	for _, c := range []struct{ search, jql string }{
		{"date=2026-07-01", `visited_at >= "2026-07-01T00:00:00Z" AND visited_at < "2026-07-02T00:00:00Z"`},
		{"date=2026-07", `visited_at >= "2026-07-01T00:00:00Z" AND visited_at < "2026-08-01T00:00:00Z"`},
		{"date=ge2026-07-01T00:00:00%2B05:30&date=lt2026-07-02T00:00:00%2B05:30", `visited_at >= "2026-06-30T18:30:00Z" AND visited_at < "2026-07-01T18:30:00Z"`},
	} {
		want := count(t, mappings.Sample, sample.Visits, c.jql)
		require.Positive(t, want)
		require.Equal(t, want, resourcesOf(t, "sample-encounters", c.search), c.search)
	}
}

// Every parameter that is declared can be asked: a resource has it, or has it not.
func TestEveryParameter(t *testing.T) {
	t.Parallel()
	set, err := mappings.Shipped(mappings.Sample, mappings.Campaign)
	require.NoError(t, err)
	params := 0
	for _, m := range set.Mappings() {
		all := resourcesOf(t, m.Name, "")
		for _, p := range m.Params {
			params++
			if p.Name == "_id" || p.Name == "_lastUpdated" || testing.Short() && params%10 != 0 {
				continue
			}
			with, without := resourcesOf(t, m.Name, p.Name+":missing=false"), resourcesOf(t, m.Name, p.Name+":missing=true")
			require.Equal(t, all, with+without, "%s of %s", p.Name, m.Name)
			require.Positive(t, with, "%s of %s", p.Name, m.Name)
		}
	}
	require.Greater(t, params, 150)
}

// The compartments of some patients are their records.
func TestCompartments(t *testing.T) {
	t.Parallel()
	ids := []string{"P0000001", "P0009612", "nobody"}
	for _, name := range []string{"sample-patients", "sample-encounters", "sample-diagnoses", "sample-treatments", "sample-outcomes", "sample-weight"} {
		x := mapperOf(t, name)
		of, err := x.OfPatients(ids...)
		require.NoError(t, err)
		m := x.Mapping()
		want := count(t, mappings.Sample, m.Index, condition(m), fmt.Sprintf("patient_id IN (%s)", strings.Join(ids, ", ")))
		require.Equal(t, want, count(t, mappings.Sample, m.Index, condition(m), of), name)
	}
}

// A folder that cannot be made is told.
func TestFolderIsAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, run(t.Context(), &bytes.Buffer{}, file, 1, &choice{each: 1}))
}
