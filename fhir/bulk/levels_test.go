package bulk_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search/memsearch"
)

// of returns how many resources of a manifest belong to each patient.
func (h *house) of(t *testing.T, who *access.Principal, m *bulk.Manifest) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, line := range h.lines(t, who, m, m.Output) {
		_, id, _ := strings.Cut(line, "/")
		id, _, _ = strings.Cut(id, "-")
		all["P"+id[1:]]++
	}
	return all
}

// K1, K8: at patient level there is what belongs to patients; at group level what belongs to members; each with the Patient.
func TestLevels(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 30), nil)
	m := h.export(t, asha(), ask(bulk.PatientLevel))
	require.Equal(t, map[string]int64{"Patient": 30, "Observation": 90, "Condition": 30, "Provenance": 60}, counts(m.Output))

	m = h.export(t, asha(), group(ask(bulk.GroupLevel), "few"))
	require.Equal(t, map[string]int{"P000001": 1 + 3 + 1 + 2, "P000002": 1 + 3 + 1 + 2}, h.of(t, asha(), m))

	m = h.export(t, asha(), group(ask(bulk.GroupLevel, "_type", "Patient"), "d1"))
	require.Equal(t, map[string]int64{"Patient": 10}, counts(m.Output))

	m = h.export(t, asha(), group(ask(bulk.GroupLevel), "none")) // an empty group is no error
	require.Empty(t, m.Output)
	require.NotNil(t, m.Output)
	require.Empty(t, m.Errors)

	r := ask(bulk.PatientLevel, "patient", "Patient/P000003", "patient", "https://dhr.example/fhir/r4/Patient/P000004")
	r.Post, r.URL = true, "https://dhr.example/fhir/r4/Patient/$export"
	require.Equal(t, map[string]int{"P000003": 7, "P000004": 7}, h.of(t, asha(), h.export(t, asha(), r)))

	r = group(ask(bulk.GroupLevel, "patient", "Patient/P000002"), "few")
	r.Post = true
	require.Equal(t, map[string]int{"P000002": 7}, h.of(t, asha(), h.export(t, asha(), r)))
}

// K8: references may be absolute, on a base of this server; who refers to another server's patient belongs to nobody here, and that is said.
func TestAbsoluteReferences(t *testing.T) {
	t.Parallel()
	const n = 4
	lines := strings.SplitAfter(documents("native", n), "\n")
	lines[1] = strings.Replace(lines[1], "Patient/", "https://dhr.example/fhir/r4/Patient/", 1)
	lines[2] = strings.Replace(lines[2], "Patient/", "https://elsewhere.example/fhir/r4/Patient/", 1)
	lines[3] = strings.Replace(lines[3], "Patient/", "https://old.example/Patient/", 1)
	engine := memsearch.New()
	fill(t, engine, "native", strings.Join(lines, ""))
	fill(t, engine, "patients", documents("patients", n))
	h := open(t, engine, func(h *house) { h.config.Bases = []string{"https://dhr.example/fhir/r4", "https://old.example/"} })
	for _, organized := range []bool{false, true} {
		r := ask(bulk.PatientLevel, "_type", "Patient,Condition")
		if organized {
			r.Parameters["organizeOutputBy"] = []string{"Patient"}
		}
		m := h.export(t, asha(), r)
		got := slices.DeleteFunc(h.lines(t, asha(), m, m.Output), func(line string) bool { return !strings.HasPrefix(line, "Condition/") })
		require.Equal(t, []string{"Condition/C000000", "Condition/C000001", "Condition/C000003"}, got)
		told := joined(h.lines(t, asha(), m, m.Errors))
		require.Equal(t, 1, strings.Count(told, "OperationOutcome"))
		require.Contains(t, told, `"diagnostics":"1 resources`)
		for id, want := range map[string]int64{"P000000": 1, "P000001": 1, "P000002": 0, "P000003": 1} {
			for _, base := range []string{"", "https://dhr.example/fhir/r4/", "https://old.example/"} {
				one := ask(bulk.PatientLevel, "_type", "Condition", "patient", base+"Patient/"+id)
				one.Post = true
				m := h.export(t, asha(), one)
				require.Equal(t, want, counts(m.Output)["Condition"], id)
				require.Empty(t, m.Errors, "of somebody else nothing is said")
			}
		}
		one := ask(bulk.PatientLevel, "patient", "https://elsewhere.example/fhir/r4/Patient/P000001")
		one.Post = true
		_, err := h.Start(t.Context(), asha(), one)
		require.ErrorContains(t, err, "no reference to a patient here")
	}
}

// A record of which it cannot be said to whom it belongs is not dropped from an export of all patients: it is told, and counted.
// In an export of some patients nothing is said of it.
func TestPatientUnsaid(t *testing.T) {
	t.Parallel()
	engine := memsearch.New()
	for index := range schemas {
		docs := documents(index, 3)
		if index == "visits" {
			docs += `{"visit_id":"twins","patient_id":["P000001","P000002"],"pulse":60,"state":"final"}` + "\n" + `{"visit_id":"nobody","pulse":60,"state":"final"}` + "\n"
		}
		fill(t, engine, index, docs)
	}
	h := open(t, engine, nil)
	m := h.export(t, asha(), ask(bulk.PatientLevel, "_type", "Observation"))
	require.Equal(t, map[string]int64{"Observation": 9}, counts(m.Output))
	require.Equal(t, map[string]int64{"OperationOutcome": 1}, counts(m.Errors))
	require.Contains(t, h.lines(t, asha(), m, m.Errors)[0], "twins")

	m = h.export(t, asha(), ask(bulk.PatientLevel, "_type", "Observation", "organizeOutputBy", "Patient"))
	require.Equal(t, map[string]int64{"OperationOutcome": 1}, counts(m.Errors))

	m = h.export(t, asha(), group(ask(bulk.GroupLevel, "_type", "Observation"), "few"))
	require.Equal(t, map[string]int64{"Observation": 6}, counts(m.Output))
	require.Empty(t, m.Errors)
}

// A patient may be asked for of whatever mapping makes it.
func TestPatientsOfSeveralMappings(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 5), func(h *house) {
		h.config.Mappings = parse(t, strings.Replace(mappings, "mappings:", `mappings:
  - name: wards
    index: places
    type: Patient
    resource:
      id: "{place_id}"
`, 1))
	})
	r := ask(bulk.PatientLevel, "_type", "Patient", "patient", "Patient/P000003", "patient", "Patient/L000001")
	r.Post = true
	require.ElementsMatch(t, []string{"Patient/P000003", "Patient/L000001"}, func() []string {
		m := h.export(t, asha(), r)
		return h.lines(t, asha(), m, m.Output)
	}())
	r = ask(bulk.PatientLevel, "patient", "Patient/P000003", "patient", "Patient/L000009")
	r.Post = true
	_, err := h.Start(t.Context(), asha(), r)
	require.ErrorContains(t, err, "L000009")
}

// M3: that a member of a group was deleted is told, though who is deleted is no member any more; and so is what was deleted with it.
func TestGroupDeletions(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 200), nil)
	since := []string{"_type", "Patient,Observation", "_since", "2026-01-01T00:00:00Z"}
	m := h.export(t, asha(), group(ask(bulk.GroupLevel, since...), "d1"))
	all := joined(h.lines(t, asha(), m, m.Deleted))
	require.Contains(t, all, `"Patient/P000199"`)
	require.Contains(t, all, `"Observation/V000199-2"`)
	require.NotContains(t, all, "000099", "which was of another district")
	require.NotContains(t, joined(h.lines(t, asha(), m, m.Output)), "000199")

	who := patient("P000004", "patient")
	m = h.export(t, who, group(ask(bulk.GroupLevel, since...), "d1"))
	require.Empty(t, m.Deleted)
	who = patient("P000199", "careless patient")
	m = h.export(t, who, group(ask(bulk.GroupLevel, since...), "d1"))
	require.Equal(t, map[string]int64{"Bundle": 4}, counts(m.Deleted))
}

// A group with more members than are asked for in a query is complete all the same.
func TestLargeGroup(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 1500), nil)
	m := h.export(t, asha(), group(ask(bulk.GroupLevel, "_type", "Patient,Condition"), "d1"))
	deleted := int64(0) // of the members
	for i := 99; i < 1500; i += 100 {
		if i%3 == 1 {
			deleted++
		}
	}
	require.Equal(t, map[string]int64{"Patient": 500 - deleted, "Condition": 500 - deleted}, counts(m.Output))
	for id := range h.of(t, asha(), m) {
		require.Equal(t, 1, number(id)%3, id)
	}
}

func number(id string) (n int) {
	for _, c := range strings.TrimLeft(id, "P") {
		n = 10*n + int(c-'0')
	}
	return n
}

// K9: a patient gets what belongs to it, at every level, whatever its role shows.
func TestPatientScope(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 30), nil)
	mine := map[string]int{"P000004": 7}
	for _, role := range []string{"patient", "exporting patient", "careless patient"} {
		who := patient("P000004", role)
		require.Equal(t, mine, h.of(t, who, h.export(t, who, ask(bulk.PatientLevel))), role)
		require.Equal(t, mine, h.of(t, who, h.export(t, who, group(ask(bulk.GroupLevel), "d1"))), role)
		m := h.export(t, who, group(ask(bulk.GroupLevel), "few")) // it is no member
		require.Empty(t, m.Output, role)

		r := ask(bulk.PatientLevel, "patient", "Patient/P000005")
		r.Post = true
		_, err := h.Start(t.Context(), who, r)
		var wrong *bulk.ParameterError
		require.ErrorAs(t, err, &wrong, role)
		require.Equal(t, "not-found", wrong.Code)
	}
	who := patient("P000004", "exporting patient")
	require.Equal(t, mine, h.of(t, who, h.export(t, who, ask(bulk.SystemLevel))))
	for _, role := range []string{"patient", "careless patient"} {
		_, err := h.Start(t.Context(), patient("P000004", role), ask(bulk.SystemLevel))
		require.ErrorIs(t, err, bulk.ErrForbidden, role)
	}
	_, err := h.Start(t.Context(), patient("", "patient"), ask(bulk.PatientLevel))
	require.ErrorIs(t, err, bulk.ErrForbidden)
	_, err = h.Start(t.Context(), user("x", "nobody"), ask(bulk.PatientLevel))
	require.ErrorIs(t, err, bulk.ErrForbidden)
	_, err = h.Start(t.Context(), nil, ask(bulk.PatientLevel))
	require.ErrorIs(t, err, bulk.ErrForbidden)
}

// A2: an export of somebody else is not there, but for an administrator of the tenant.
func TestOwner(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	other := &access.Principal{User: "asha", Tenant: "mh", Roles: []string{"exporter"}}
	for _, who := range []*access.Principal{user("ravi", "exporter"), patient("P000001", "patient"), other} {
		_, err := h.Get(t.Context(), who, m.ID)
		require.ErrorIs(t, err, bulk.ErrNotFound)
		_, err = h.Manifest(t.Context(), who, m.ID, 0)
		require.ErrorIs(t, err, bulk.ErrNotFound)
		_, err = h.OpenFile(t.Context(), who, m.ID, m.Output[0].Name)
		require.ErrorIs(t, err, bulk.ErrNotFound)
		require.ErrorIs(t, h.Delete(t.Context(), who, m.ID), bulk.ErrNotFound)
		for _, err := range h.Watch(t.Context(), who, m.ID) {
			require.ErrorIs(t, err, bulk.ErrNotFound)
		}
	}
	boss := user("boss", "exporter", "admin")
	_, err := h.Get(t.Context(), boss, m.ID)
	require.NoError(t, err)
	for _, id := range []string{"", "nothing", "../x", strings.Repeat("x", 300)} {
		_, err = h.Get(t.Context(), asha(), id)
		require.ErrorIs(t, err, bulk.ErrNotFound, "%q", id)
	}
	_, err = h.OpenFile(t.Context(), asha(), m.ID, "Patient-2.ndjson")
	require.ErrorIs(t, err, bulk.ErrNotFound)
}

// K9: who sees less now than the files hold does not get them; the work is done under the policy of its time.
func TestNarrowed(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient,Location"))
	less := user("asha", "district")
	less.Attributes = map[string][]string{"district": {"D1"}}
	_, err := h.Manifest(t.Context(), less, m.ID, 0)
	require.ErrorIs(t, err, bulk.ErrNarrowed)
	require.ErrorIs(t, err, bulk.ErrForbidden)
	_, err = h.OpenFile(t.Context(), less, m.ID, "Patient-1.ndjson")
	require.ErrorIs(t, err, bulk.ErrNarrowed)
	_, err = h.OpenFile(t.Context(), less, m.ID, "Location-1.ndjson") // which it sees as before
	require.NoError(t, err)
	_, err = h.OpenFile(t.Context(), user("asha", "nobody"), m.ID, "Patient-1.ndjson")
	require.ErrorIs(t, err, bulk.ErrForbidden)

	// The other way round: what it saw of the district is less than it sees now.
	few := h.export(t, less, ask(bulk.SystemLevel, "_type", "Patient"))
	_, err = h.OpenFile(t.Context(), asha(), few.ID, "Patient-1.ndjson")
	require.NoError(t, err)

	// A patient who is another one now.
	of := h.export(t, patient("P000004", "careless patient"), ask(bulk.PatientLevel, "_type", "Patient"))
	who := patient("P000005", "careless patient")
	who.User = "u-P000004"
	_, err = h.OpenFile(t.Context(), who, of.ID, "Patient-1.ndjson")
	require.ErrorIs(t, err, bulk.ErrNarrowed)
}

// A type of which not every field may be seen is refused when it is asked for by name, and left out with a word otherwise.
func TestHiddenFields(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	who := user("ravi", "nameless")
	_, err := h.Start(t.Context(), who, ask(bulk.SystemLevel, "_type", "Patient"))
	require.ErrorIs(t, err, bulk.ErrForbidden)
	m := h.export(t, who, ask(bulk.SystemLevel))
	require.NotContains(t, counts(m.Output), "Patient")
	require.Contains(t, joined(h.lines(t, who, m, m.Errors)), "Patient")

	roles := map[string]access.Role{"half": {Permissions: []access.Permission{access.MayView, access.MayExport}, Grants: []access.Grant{
		{Indexes: []string{"native"}, Fields: []access.FieldRule{{Fields: []string{"code"}}}, Others: visible}, {Indexes: []string{"places"}, Others: visible},
	}}}
	half := open(t, memory(t, 10), func(h *house) { h.roles = roles })
	_, err = half.Start(t.Context(), user("ravi", "half"), ask(bulk.SystemLevel, "_type", "Condition"))
	require.ErrorIs(t, err, bulk.ErrForbidden)
	m = half.export(t, user("ravi", "half"), ask(bulk.SystemLevel))
	require.Equal(t, map[string]int64{"Location": 10}, counts(m.Output))
}

// The permission is gone when the work is done.
func TestForbiddenInWorker(t *testing.T) {
	t.Parallel()
	asking := open(t, memory(t, 10), func(h *house) { h.idle = true })
	e, err := asking.Start(t.Context(), asha(), ask(bulk.SystemLevel))
	require.NoError(t, err)
	working := open(t, asking.engine, func(h *house) {
		h.docs = asking.docs
		h.roles = map[string]access.Role{"exporter": {Permissions: []access.Permission{access.MayView}, Grants: roles["exporter"].Grants}}
	})
	for j, err := range working.jobs.Watch(t.Context(), "pb", "fhir-exports", e.ID) {
		require.NoError(t, err)
		if j.State.Finished() {
			require.Equal(t, job.Failed, j.State)
		}
	}
	got, err := asking.Get(t.Context(), asha(), e.ID)
	require.NoError(t, err)
	require.Equal(t, &bulk.Problem{Code: "FORBIDDEN", Issue: "forbidden", Message: "The user may not export any more."}, got.Error)
}

// Groups are known to whom the configuration says, with the members that these may see.
func TestGroups(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 30), nil)
	all, err := h.Groups(t.Context(), asha())
	require.NoError(t, err)
	require.Equal(t, []bulk.GroupInfo{{ID: "d1", Name: "District 1", Quantity: -1}, {ID: "few", Quantity: -1}, {ID: "none", Quantity: -1}}, all)
	one, err := h.Group(t.Context(), asha(), "d1")
	require.NoError(t, err)
	require.Equal(t, &bulk.GroupInfo{ID: "d1", Name: "District 1", Quantity: 10}, one)
	require.Equal(t, []string{"P000001", "P000002"}, members(t, h, asha(), "few"))
	require.Equal(t, []string{"P000001"}, members(t, h, patient("P000001", "patient"), "few"))
	require.Equal(t, []string{"P000004"}, members(t, h, patient("P000004", "careless patient"), "d1"))
	for _, id := range []string{"secret", "nothing", ""} {
		_, err = h.Group(t.Context(), asha(), id)
		require.ErrorIs(t, err, bulk.ErrNotFound)
		_, err = h.Start(t.Context(), asha(), group(ask(bulk.GroupLevel), id)) // at kick-off
		require.ErrorIs(t, err, bulk.ErrNotFound)
	}
	_, err = h.Groups(t.Context(), user("x", "nobody"))
	require.ErrorIs(t, err, bulk.ErrForbidden)
}

func members(t *testing.T, h *house, who *access.Principal, id string) (all []string) {
	t.Helper()
	for one, err := range h.Members(t.Context(), who, id) {
		require.NoError(t, err)
		all = append(all, one)
	}
	slices.Sort(all)
	return all
}
