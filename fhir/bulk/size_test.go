package bulk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

// padded returns n conditions, each of about so many bytes.
func padded(n, bytes int) string {
	return strings.ReplaceAll(documents("native", n), "fever", strings.Repeat("fever", bytes/5))
}

// K6, S4: a resource that no file has room for is in none. An error file says which it is, and the others are there.
func TestResourcesLargerThanFiles(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	lines := strings.SplitAfter(documents("native", 6), "\n")
	lines[2] = strings.Replace(lines[2], "fever", strings.Repeat("f", most), 1)
	lines[4] = strings.Replace(lines[4], "fever", strings.Repeat("f", most-len(lines[4])), 1) // which has room, but not behind the header of a block
	engine := memsearch.New()
	fill(t, engine, "native", strings.Join(lines, ""))
	fill(t, engine, "patients", documents("patients", 6))
	h := open(t, engine, nil)
	for name, x := range map[string]struct {
		parameters []string
		large      []string
	}{
		"by type":     {nil, []string{"C000002"}},
		"by patients": {[]string{"organizeOutputBy", "Patient"}, []string{"C000002", "C000004"}},
	} {
		parameters := append([]string{"_type", "Patient,Condition", "_maximumFileSize", fmt.Sprint(most)}, x.parameters...)
		m := h.export(t, asha(), ask(bulk.PatientLevel, parameters...))
		resources := 0
		for _, line := range h.lines(t, asha(), m, m.Output) {
			if !strings.HasPrefix(line, "{") {
				resources++
			}
			for _, id := range x.large {
				require.NotContains(t, line, id, name)
			}
		}
		require.Equal(t, 12-len(x.large), resources, name)
		for _, f := range append(m.Output, m.Errors...) {
			require.LessOrEqual(t, f.Size, int64(most), name)
		}
		told := h.lines(t, asha(), m, m.Errors)
		require.Len(t, told, len(x.large), name)
		for i, id := range x.large {
			require.Contains(t, told[i], `"code":"too-long"`)
			require.Contains(t, told[i], id)
			require.Contains(t, told[i], fmt.Sprint(most))
		}
		e, err := h.Get(t.Context(), asha(), m.ID)
		require.NoError(t, err)
		require.EqualValues(t, 12-len(x.large), e.Resources, name)
	}
}

const nativeTraces = `
mappings:
  - {name: patients, index: patients, type: Patient, resource: {id: "{patient_id}"}}
  - {name: traces, index: native, type: Provenance, native: true}
`

// about returns a Provenance as it came.
func about(id, target, text string, hour int) string {
	return fmt.Sprintf(`{"resourceType":"Provenance","id":%q,"target":[{"reference":%q}],"recorded":"2026-11-01T%02d:00:00Z","agent":[{"who":{"display":%q}}]}`+"\n", id, target, hour, text)
}

// K6, K8: Provenance is about what it refers to, relative or by a URL of this server, also in a version; what another server has under the same id is something else.
func TestProvenanceOfOthers(t *testing.T) {
	t.Parallel()
	engine := memsearch.New()
	fill(t, engine, "patients", documents("patients", 2))
	fill(t, engine, "native", about("T1", "Patient/P000000", "a", 1)+about("T2", "https://elsewhere.example/fhir/Patient/P000000", "b", 2)+
		about("T3", "https://dhr.example/fhir/r4/Patient/P000001/_history/3", "c", 3)+about("T4", "https://dhr.example/fhir/r4/x/Patient/P000001", "d", 4)+about("T5", "Device/P000001", "e", 5))
	h := open(t, engine, func(h *house) {
		h.config.Mappings, h.config.Bases = parse(t, nativeTraces), []string{"https://dhr.example/fhir/r4/"}
	})
	for _, which := range []string{"LatestProvenanceResources", "RelevantProvenanceResources"} {
		m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient", "includeAssociatedData", which))
		require.Equal(t, []string{"Patient/P000000", "Patient/P000001", "Provenance/T1", "Provenance/T3"}, h.lines(t, asha(), m, m.Output))
	}
}

// Of the latest Provenance that no file has room for, no earlier one takes the place.
func TestProvenanceLargerThanFiles(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	engine := memsearch.New()
	fill(t, engine, "patients", documents("patients", 2))
	fill(t, engine, "native", about("T1", "Patient/P000000", "a", 1)+about("T2", "Patient/P000000", strings.Repeat("b", most), 2)+about("T3", "Patient/P000001", "c", 3))
	h := open(t, engine, func(h *house) { h.config.Mappings = parse(t, nativeTraces) })
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient", "includeAssociatedData", "LatestProvenanceResources", "_maximumFileSize", fmt.Sprint(most)))
	require.Equal(t, []string{"Patient/P000000", "Patient/P000001", "Provenance/T3"}, h.lines(t, asha(), m, m.Output))
	told := h.lines(t, asha(), m, m.Errors)
	require.Len(t, told, 1)
	require.Contains(t, told[0], "T2")
}

// Where there would be too many files, or too much in them, the export fails, and says so.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	few := open(t, memory(t, 30), func(h *house) { h.config.Limits.FileRecords, h.config.Limits.Files = 10, 2 })
	e, err := few.Start(t.Context(), asha(), ask(bulk.SystemLevel, "_type", "Condition"))
	require.NoError(t, err)
	require.Equal(t, "TOO_MANY_FILES", few.wait(t, asha(), e.ID).Error.Code)
	small := open(t, memory(t, 30), func(h *house) { h.config.Limits.Bytes = 100 })
	e, err = small.Start(t.Context(), asha(), ask(bulk.SystemLevel, "_type", "Condition"))
	require.NoError(t, err)
	require.Equal(t, "EXPORT_TOO_LARGE", small.wait(t, asha(), e.ID).Error.Code)
	require.Zero(t, small.stored(t))
}
