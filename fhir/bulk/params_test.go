package bulk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/docstoretest"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
)

// What is wrong with a kick-off is told at once, with the parameter, the FHIR issue type and words.
func TestRefused(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), func(h *house) { h.idle = true })
	post := func(r *bulk.Request) *bulk.Request {
		r.Post = true
		return r
	}
	for name, c := range map[string]struct {
		r                     *bulk.Request
		parameter, code, says string
		lenient               bool // goes on if it may
	}{
		"K6 format":                 {ask(bulk.SystemLevel, "_outputFormat", "application/fhir+xml"), "_outputFormat", "not-supported", "ndjson", true},
		"K6 format twice":           {ask(bulk.SystemLevel, "_outputFormat", "ndjson", "_outputFormat", "ndjson"), "_outputFormat", "value", "2 times", false},
		"K6 since a day":            {ask(bulk.SystemLevel, "_since", "2026-01-01"), "_since", "value", "2026-01-31T10:15:30Z", false},
		"K6 since nonsense":         {ask(bulk.SystemLevel, "_since", "yesterday"), "_since", "value", "yesterday", false},
		"K6 since empty":            {ask(bulk.SystemLevel, "_since", ""), "_since", "value", "no value", false},
		"K6 until before since":     {ask(bulk.SystemLevel, "_since", "2026-01-02T00:00:00Z", "_until", "2026-01-01T00:00:00Z"), "_until", "value", "Nothing is after", false},
		"K6 type unknown":           {ask(bulk.SystemLevel, "_type", "Patient,Obsrvation"), "_type", "not-supported", "Is Observation meant?", true},
		"K6 type not offered":       {ask(bulk.SystemLevel, "_type", "Patient,Encounter"), "_type", "not-supported", "There are Patient, Observation", true},
		"K6 type outside":           {ask(bulk.PatientLevel, "_type", "Patient,Location"), "_type", "not-supported", "not of the Patient compartment", true},
		"K6 type empty":             {ask(bulk.SystemLevel, "_type", "Patient,,Observation"), "_type", "value", "empty", false},
		"K6 no type left":           {ask(bulk.SystemLevel, "_type", "Encounter"), "_type", "not-supported", "There are", false},
		"K6 elements path":          {ask(bulk.SystemLevel, "_elements", "Patient.name.text"), "_elements", "value", "outermost", false},
		"K6 elements unknown":       {ask(bulk.SystemLevel, "_elements", "Patient.nme"), "_elements", "value", "no element", false},
		"K6 elements of one type":   {ask(bulk.SystemLevel, "_type", "Patient", "_elements", "Patient.nme"), "_elements", "value", "no element", false},
		"K6 too many elements":      {ask(bulk.SystemLevel, "_elements", many("Patient.x")), "_elements", "too-costly", "1000", false},
		"K6 too many types":         {ask(bulk.SystemLevel, "_type", many("Type")), "_type", "too-costly", "1000", false},
		"K6 too many filters":       {ask(bulk.SystemLevel, "_typeFilter", many("Patient?_id=P")), "_typeFilter", "too-costly", "1000", false},
		"K6 too many patients":      {post(ask(bulk.PatientLevel, "patient", many("Patient/P"))), "patient", "too-costly", "5000", false},
		"K6 elements of no type":    {ask(bulk.SystemLevel, "_elements", "shoeSize"), "_elements", "value", "shoeSize", false},
		"K6 patient at system":      {post(ask(bulk.SystemLevel, "patient", "Patient/P000001")), "patient", "invalid", "system level", false},
		"K6 patient in GET":         {ask(bulk.PatientLevel, "patient", "Patient/P000001"), "patient", "invalid", "POST", false},
		"K6 patient no reference":   {post(ask(bulk.PatientLevel, "patient", "Group/7")), "patient", "value", "Patient/123", false},
		"K6 patient unknown":        {post(ask(bulk.PatientLevel, "patient", "Patient/P000001", "patient", "Patient/nobody")), "patient", "not-found", "nobody", false},
		"K6 patient no member":      {post(group(ask(bulk.GroupLevel, "patient", "Patient/P000003"), "few")), "patient", "not-found", "P000003", false},
		"K6 associated":             {ask(bulk.SystemLevel, "includeAssociatedData", "_custom"), "includeAssociatedData", "not-supported", "LatestProvenanceResources", true},
		"K6 filter of nothing":      {ask(bulk.SystemLevel, "_typeFilter", "status=final"), "_typeFilter", "value", "Observation?code", false},
		"K6 filter of other type":   {ask(bulk.SystemLevel, "_type", "Patient", "_typeFilter", "Observation?status=final"), "_typeFilter", "not-supported", "not exported", true},
		"K6 filter parameter":       {ask(bulk.SystemLevel, "_typeFilter", "Observation?shoe=7"), "_typeFilter", "not-supported", "shoe", true},
		"K6 filter chain":           {ask(bulk.SystemLevel, "_typeFilter", "Observation?subject.name=Asha"), "_typeFilter", "not-supported", "subject.name", true},
		"K6 filter sort":            {ask(bulk.SystemLevel, "_typeFilter", "Observation?_sort=status"), "_typeFilter", "not-supported", "_sort", true},
		"K6 organize":               {ask(bulk.SystemLevel, "organizeOutputBy", "Encounter"), "organizeOutputBy", "not-supported", "Patient", true},
		"K6 long":                   {ask(bulk.SystemLevel, "allowPartialManifests", strings.Repeat("yes", 100_000)), "allowPartialManifests", "value", "true nor false", false},
		"K6 partial":                {ask(bulk.SystemLevel, "allowPartialManifests", "yes"), "allowPartialManifests", "value", "true nor false", false},
		"K6 size zero":              {ask(bulk.SystemLevel, "_maximumFileSize", "0"), "_maximumFileSize", "value", "positive", false},
		"K6 size word":              {ask(bulk.SystemLevel, "_minimumFileSize", "large"), "_minimumFileSize", "value", "positive", false},
		"K6 least above most":       {ask(bulk.SystemLevel, "_minimumFileSize", "90000", "_maximumFileSize", "80000"), "_minimumFileSize", "value", "less than _maximumFileSize", false},
		"K6 least is most":          {ask(bulk.SystemLevel, "_minimumFileSize", "80000", "_maximumFileSize", "80000"), "_minimumFileSize", "value", "less than _maximumFileSize", false},
		"K6 most below a resource":  {ask(bulk.SystemLevel, "_maximumFileSize", "65535"), "_maximumFileSize", "value", "65536", false},
		"K7 unknown parameter":      {ask(bulk.SystemLevel, "_anonymize", "true"), "_anonymize", "not-supported", "_typeFilter", true},
		"K6 no such level":          {ask("household"), "", "value", "household", false},
		"K9 scope of the token":     {scope(ask(bulk.SystemLevel, "_type", "Patient,Observation"), "Patient"), "_type", "forbidden", "Observation", false},
		"K9 scope without traces":   {scope(ask(bulk.SystemLevel, "_type", "Patient", "includeAssociatedData", "RelevantProvenanceResources"), "Patient"), "includeAssociatedData", "forbidden", "Provenance", false},
		"K9 scope of nothing there": {scope(ask(bulk.SystemLevel), "Encounter"), "_type", "forbidden", "none", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := h.Start(t.Context(), asha(), c.r)
			var wrong *bulk.ParameterError
			require.ErrorAs(t, err, &wrong)
			require.ErrorIs(t, err, bulk.ErrInvalid)
			require.Equal(t, c.parameter, wrong.Parameter)
			require.Equal(t, c.code, wrong.Code, wrong.Diagnostics)
			require.Contains(t, wrong.Diagnostics, c.says)
			require.Less(t, len(wrong.Diagnostics), 3000)
			require.True(t, wrong.Status >= 400 && wrong.Status < 500)
			again := *c.r
			again.Lenient = true
			_, err = h.Start(t.Context(), asha(), &again)
			require.Equal(t, c.lenient, err == nil, "lenient: %v", err)
		})
	}
}

// many returns far more values than anybody needs, each once.
func many(of string) string {
	all := make([]string, 300_000)
	for i := range all {
		all[i] = fmt.Sprint(of, i)
	}
	return strings.Join(all, ",")
}

func group(r *bulk.Request, id string) *bulk.Request {
	r.Group = id
	return r
}

func scope(r *bulk.Request, types ...string) *bulk.Request {
	r.Types = types
	return r
}

// K2, K6: what clients write in one way or the other is understood.
func TestSpellings(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	for name, r := range map[string]*bulk.Request{
		"fhir+ndjson":       ask(bulk.SystemLevel, "_type", "Patient", "_outputFormat", "application/fhir+ndjson"),
		"plus as blank":     ask(bulk.SystemLevel, "_type", "Patient", "_outputFormat", "application/fhir ndjson"),
		"ndjson":            ask(bulk.SystemLevel, "_type", "Patient", "_outputFormat", "ndjson"),
		"application":       ask(bulk.SystemLevel, "_type", "Patient", "_outputFormat", "application/ndjson"),
		"since with blank":  ask(bulk.SystemLevel, "_type", "Patient", "_since", "2020-01-01T00:00:00 00:00"),
		"since with zone":   ask(bulk.SystemLevel, "_type", "Patient", "_since", "2020-01-01T00:00:00.5+05:30"),
		"elements":          ask(bulk.SystemLevel, "_type", "Patient", "_elements", "id,Patient.name", "_elements", "gender"),
		"elements of all":   ask(bulk.SystemLevel, "_type", "Patient", "_elements", "deceased,Patient.multipleBirth"),
		"smallest size":     ask(bulk.SystemLevel, "_type", "Patient", "_maximumFileSize", "65536"),
		"size":              ask(bulk.SystemLevel, "_type", "Patient", "_minimumFileSize", "10", "_maximumFileSize", "100000"),
		"provenance":        ask(bulk.SystemLevel, "_type", "Patient", "includeAssociatedData", "LatestProvenanceResources"),
		"until the future":  ask(bulk.SystemLevel, "_type", "Patient", "_until", "2999-01-01T00:00:00Z"),
		"allow partial":     ask(bulk.SystemLevel, "_type", "Patient", "allowPartialManifests", "false"),
		"filter that finds": ask(bulk.SystemLevel, "_type", "Patient", "_typeFilter", "Patient?_lastUpdated=ge2020-01-01"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, map[string]int64{"Patient": 10}, counts(h.export(t, asha(), r).Output))
		})
	}
	comma := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient,Observation"))
	repeated := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Observation", "_type", "Patient"))
	require.Equal(t, counts(comma.Output), counts(repeated.Output))
}

// K7: each thing that was ignored is an OperationOutcome of the export.
func TestLenient(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	r := ask(bulk.SystemLevel, "_type", "Patient,Encounter", "_anonymize", "true", "_typeFilter", "Patient?shoe=7", "organizeOutputBy", "Encounter")
	r.Lenient = true
	m := h.export(t, asha(), r)
	require.Equal(t, map[string]int64{"Patient": 10}, counts(m.Output))
	require.Equal(t, map[string]int64{"warning": 4}, m.Errors[0].Severities)
	all := h.lines(t, asha(), m, m.Errors)
	require.Len(t, all, 4)
	for i, parameter := range []string{"_anonymize", "_type", "organizeOutputBy", "_typeFilter"} {
		require.Contains(t, joined(all), `"expression":["`+parameter+`"]`, i)
	}
}

func joined(all []string) (text string) {
	for _, line := range all {
		text += line + "\n"
	}
	return text
}

// 429: of kick-offs at once, of which each has found that there is room, as many are exports as there may be.
func TestBusyAtOnce(t *testing.T) {
	t.Parallel()
	const n, most = 8, 1
	h := open(t, memory(t, 10), func(h *house) {
		h.docs, h.idle = docstore.New(docstoretest.NewBarrier(memdoc.New(), "fhir-exports", n)), true
		h.config.Limits.PerUser = most
	})
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := h.Start(context.WithoutCancel(t.Context()), asha(), ask(bulk.SystemLevel))
			errs <- err
		}()
	}
	begun := 0
	for range n {
		err := <-errs
		if err == nil {
			begun++
			continue
		}
		require.ErrorIs(t, err, bulk.ErrBusy)
		require.ErrorContains(t, err, "a user may have 1")
	}
	require.Equal(t, most, begun)
	left, err := h.jobs.List(t.Context(), &job.Query{Tenant: "pb", Kind: "fhir-exports"})
	require.NoError(t, err)
	require.Len(t, left, most)
}

// 429: too many exports of a user, or of a tenant; one that was deleted does not count any more, at once.
func TestBusy(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), func(h *house) {
		h.idle = true
		h.config.Limits.PerUser, h.config.Limits.PerTenant = 2, 3
	})
	first, err := h.Start(t.Context(), asha(), ask(bulk.SystemLevel))
	require.NoError(t, err)
	second, err := h.Start(t.Context(), asha(), ask(bulk.SystemLevel))
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID, "equal requests are exports of their own")
	_, err = h.Start(t.Context(), asha(), ask(bulk.SystemLevel))
	require.ErrorIs(t, err, bulk.ErrBusy)
	_, err = h.Start(t.Context(), user("ravi", "exporter"), ask(bulk.SystemLevel))
	require.NoError(t, err)
	_, err = h.Start(t.Context(), user("meena", "exporter"), ask(bulk.SystemLevel))
	require.ErrorIs(t, err, bulk.ErrBusy)
	require.NoError(t, h.Delete(t.Context(), asha(), first.ID))
	_, err = h.Start(t.Context(), user("meena", "exporter"), ask(bulk.SystemLevel))
	require.NoError(t, err)
	_, err = h.Get(t.Context(), asha(), first.ID)
	require.ErrorIs(t, err, bulk.ErrNotFound)
	_, err = h.jobs.Get(t.Context(), "pb", "fhir-exports", first.ID)
	require.ErrorIs(t, err, job.ErrNotFound)
}
