package bulk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/search/memsearch"
)

// odd returns an engine with n patients whose ids are none that FHIR has.
func odd(t *testing.T, n int) *memsearch.Driver {
	t.Helper()
	engine := memsearch.New()
	var patients, visits strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&patients, `{"patient_id":"नाम %d","name":"Asha","gender":"F","district":"D%d"}`+"\n", i, i%3)
		_, _ = fmt.Fprintf(&visits, `{"visit_id":"V%d","patient_id":"नाम %d","pulse":70,"state":"final"}`+"\n", i, i)
	}
	for index := range schemas {
		docs := ""
		switch index {
		case "patients":
			docs = patients.String()
		case "visits":
			docs = visits.String()
		}
		fill(t, engine, index, docs)
	}
	return engine
}

// Ids that FHIR does not have are found again all the same, and a record that does not say when it was changed is there whatever is asked.
func TestOddIDs(t *testing.T) {
	t.Parallel()
	id := func(i int) string { return mapping.ID(fmt.Sprintf("नाम %d", i)) }
	h := open(t, odd(t, 9), func(h *house) {
		h.config.Groups = append(h.config.Groups, bulk.Group{ID: "odd", Members: []string{"नाम 4", id(5)}})
	})
	both := map[string]int64{"Patient": 9, "Observation": 9}
	require.Equal(t, both, counts(h.export(t, asha(), ask(bulk.PatientLevel)).Output))
	require.Equal(t, both, counts(h.export(t, asha(), ask(bulk.PatientLevel, "_since", "2026-11-01T00:00:00Z", "_until", "2026-11-02T00:00:00Z")).Output))

	r := ask(bulk.PatientLevel, "patient", "Patient/"+id(3))
	r.Post = true
	m := h.export(t, asha(), r)
	require.Equal(t, []string{"Patient/" + id(3), "Observation/V3"}, h.lines(t, asha(), m, m.Output))

	m = h.export(t, asha(), group(ask(bulk.GroupLevel, "_type", "Observation"), "odd"))
	require.Equal(t, []string{"Observation/V4", "Observation/V5"}, h.lines(t, asha(), m, m.Output))
	require.ElementsMatch(t, []string{id(4), id(5)}, members(t, h, asha(), "odd"))

	m = h.export(t, asha(), group(ask(bulk.GroupLevel, "_type", "Patient"), "d1"))
	require.Equal(t, []string{"Patient/" + id(1), "Patient/" + id(4), "Patient/" + id(7)}, h.lines(t, asha(), m, m.Output))

	who := patient("नाम 6", "careless patient")
	m = h.export(t, who, ask(bulk.PatientLevel))
	require.Equal(t, []string{"Patient/" + id(6), "Observation/V6"}, h.lines(t, who, m, m.Output))

	m = h.export(t, asha(), ask(bulk.PatientLevel, "organizeOutputBy", "Patient"))
	require.EqualValues(t, 27, m.Output[0].Count)
}

// A request that is too long to be kept is refused in words.
func TestTooLong(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 1), func(h *house) { h.idle = true })
	r := ask(bulk.SystemLevel, "_type", "Patient")
	r.URL = strings.Repeat("x", 1<<20)
	_, err := h.Start(t.Context(), asha(), r)
	var wrong *bulk.ParameterError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "too-costly", wrong.Code)
	require.Equal(t, 413, wrong.Status)
}
