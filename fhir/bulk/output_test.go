package bulk_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/storage"
)

func at(minutes int) string {
	return start.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

// K6, M1: since, until and the transaction time.
func TestTimes(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 50), nil)
	patients := func(parameters ...string) []string {
		m := h.export(t, asha(), ask(bulk.SystemLevel, append(parameters, "_type", "Patient")...))
		return h.lines(t, asha(), m, m.Output)
	}
	require.Len(t, patients("_since", at(-1)), 50)
	require.Len(t, patients("_since", at(0)), 49)
	require.Equal(t, []string{"Patient/P000011", "Patient/P000012"}, patients("_since", at(10), "_until", at(13)))
	require.Empty(t, patients("_since", at(49)))
	require.Empty(t, patients("_since", "2999-01-01T00:00:00Z"))
	require.Len(t, patients("_until", at(1)), 1)
	require.Len(t, patients("_since", "2026-10-31T23:59:59.9999Z"), 50) // finer than records have it

	// What is changed after the request is not in the export, though it is there when the work is done.
	h.clock.add(time.Until(start.Add(30*time.Minute + 30*time.Second)))
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.Equal(t, map[string]int64{"Patient": 31}, counts(m.Output))
	require.WithinDuration(t, start.Add(30*time.Minute+30*time.Second), m.TransactionTime, 20*time.Second)

	// A type of which it is not known when it was changed is exported whatever is asked, and that is said.
	m = h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Location", "_since", at(10)))
	require.Equal(t, map[string]int64{"Location": 50}, counts(m.Output))
	require.Contains(t, joined(h.lines(t, asha(), m, m.Errors)), "informational")
}

// M1: where a change is not found at once, the transaction time is earlier, so that the next export has it.
func TestDelay(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 50), func(h *house) { h.config.Delay = 10 * time.Minute })
	h.clock.add(time.Until(start.Add(30*time.Minute + 30*time.Second)))
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.Equal(t, map[string]int64{"Patient": 21}, counts(m.Output))
	require.WithinDuration(t, start.Add(20*time.Minute+30*time.Second), m.TransactionTime, 20*time.Second)
}

// M3: deletions are listed with since alone, apart from what is there; where nothing is known of them, the key is not there.
func TestDeleted(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 200), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient,Observation", "_since", at(90)))
	require.Equal(t, map[string]int64{"Bundle": 2 + 6}, counts(m.Deleted))
	all := h.lines(t, asha(), m, m.Deleted)
	require.Contains(t, all, `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/P000099"}}]}`)
	for _, line := range h.lines(t, asha(), m, m.Output) {
		require.NotContains(t, joined(all), `"`+line+`"`)
	}
	require.Equal(t, map[string]int64{"Patient": 107, "Observation": 3*107 - 1}, counts(m.Output))

	m = h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient", "_since", at(199)))
	require.NotNil(t, m.Deleted)
	require.Empty(t, m.Deleted)
	m = h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Condition", "_since", at(90)))
	require.Nil(t, m.Deleted)
	m = h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.Nil(t, m.Deleted)
	m = h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient,Condition", "_since", at(90)))
	require.Contains(t, joined(h.lines(t, asha(), m, m.Errors)), "which resources of type Condition")
	m = h.export(t, patient("P000099", "patient"), ask(bulk.PatientLevel, "_type", "Patient,Observation", "_since", at(0)))
	require.Equal(t, map[string]int64{"Bundle": 4}, counts(m.Deleted))
	require.Empty(t, m.Output)
}

// M3: what is deleted is listed though it may not match a search any more, of which the client has what matched it before; but not another id's. Until
// when it was deleted counts, for what comes later is of the next export.
func TestDeletedOfSearches(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 200), nil)
	deleted := func(parameters ...string) []string {
		m := h.export(t, asha(), ask(bulk.SystemLevel, append(parameters, "_type", "Observation")...))
		require.NotNil(t, m.Deleted)
		var ids []string
		for _, line := range h.lines(t, asha(), m, m.Deleted) {
			_, id, _ := strings.Cut(line, `"url":"Observation/`)
			id, _, _ = strings.Cut(id, `"`)
			ids = append(ids, id)
		}
		return ids
	}
	all := []string{"V000099-0", "V000099-1", "V000099-2", "V000199-0", "V000199-1", "V000199-2"}
	require.Equal(t, all, deleted("_since", at(0)))
	require.Equal(t, all, deleted("_since", at(0), "_typeFilter", "Observation?status=preliminary"), "it may have been preliminary")
	require.Equal(t, all, deleted("_since", at(0), "_typeFilter", "Observation?patient=P000007&status=final"))
	require.Equal(t, all, deleted("_since", at(0), "_typeFilter", "Observation?_lastUpdated=lt2026-11-01"))
	require.Equal(t, all[1:3], deleted("_since", at(0), "_typeFilter", "Observation?_id=V000099-1,V000099-2,V000001-0&status=preliminary"))
	require.Equal(t, all, deleted("_since", at(0), "_typeFilter", "Observation?%5Fid=V000099-1", "_typeFilter", "Observation?status=final"), "one of the searches may be any")
	require.Equal(t, []string{"V000099-1", "V000199-0"}, deleted("_since", at(0), "_typeFilter", "Observation?%5Fid=V000099-1", "_typeFilter", "Observation?status=final&_id=V000199-0"))
	require.Equal(t, all[:3], deleted("_since", at(0), "_until", at(150)))
	require.Equal(t, all[3:], deleted("_since", at(150)))
}

// K6: searches of one type are added up, and restrict no other.
func TestTypeFilter(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 100), nil)
	count := func(parameters ...string) map[string]int64 {
		return counts(h.export(t, asha(), ask(bulk.SystemLevel, append(parameters, "_type", "Patient,Observation")...)).Output)
	}
	require.Equal(t, map[string]int64{"Patient": 99, "Observation": 3}, count("_typeFilter", "Observation?patient=P000007"))
	require.Equal(t, map[string]int64{"Patient": 1, "Observation": 6}, count("_typeFilter", "Observation?patient=P000007,Observation?patient=Patient/P000008,Patient?_id=P000001"))
	require.Equal(t, map[string]int64{"Patient": 2, "Observation": 296}, count("_typeFilter", "Patient?_id=P000001,P000002"))
	require.Equal(t, map[string]int64{"Patient": 99}, count("_typeFilter", "Observation?status=final&code=1234-5"))
	require.Equal(t, map[string]int64{"Patient": 99, "Observation": 296}, count("_typeFilter", "Observation?status=final&code=http://loinc.org|8867-4"))
}

// K6: elements are dropped, and the resources say so.
func TestElements(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 3), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient,Condition", "_elements", "gender,Condition.code"))
	for i := range m.Output {
		text := h.read(t, asha(), m.ID, &m.Output[i])
		require.Equal(t, 3, strings.Count(text, "SUBSETTED"), text)
		require.NotContains(t, text, "Asha")
		switch m.Output[i].Type {
		case "Patient":
			require.Contains(t, text, "female")
		case "Condition":
			require.Contains(t, text, "fever")
		}
	}
}

// Files are cut at the greatest number of resources and of bytes, exactly; together they are the whole, in order.
func TestSplit(t *testing.T) {
	t.Parallel()
	const n = 24
	engine := memsearch.New()
	fill(t, engine, "native", padded(n, 7000))
	whole := open(t, engine, nil)
	m := whole.export(t, asha(), ask(bulk.SystemLevel, "_type", "Condition"))
	require.Len(t, m.Output, 1)
	want := whole.read(t, asha(), m.ID, &m.Output[0])

	for _, records := range []int64{5, 12, n - 1, n, n + 1} {
		h := open(t, engine, func(h *house) { h.config.Limits.FileRecords = records })
		m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Condition"))
		text := ""
		for i := range m.Output {
			text += h.read(t, asha(), m.ID, &m.Output[i])
			require.LessOrEqual(t, m.Output[i].Count, records)
			require.Equal(t, fmt.Sprintf("Condition-%d.ndjson", i+1), m.Output[i].Name)
		}
		require.Len(t, m.Output, int((n+records-1)/records))
		require.Equal(t, want, text)
	}
	line := len(want) / n
	for _, most := range []int{10 * line, 12*line - 1, len(want) - 1, len(want), len(want) + 1} {
		m := whole.export(t, asha(), ask(bulk.SystemLevel, "_type", "Condition", "_maximumFileSize", fmt.Sprint(most)))
		text := ""
		for i := range m.Output {
			one := whole.read(t, asha(), m.ID, &m.Output[i])
			require.LessOrEqual(t, len(one), most)
			text += one
		}
		require.Equal(t, want, text)
		require.Equal(t, most < len(want), len(m.Output) > 1)
	}
	// A least size goes before the number of resources.
	h := open(t, engine, func(h *house) { h.config.Limits.FileRecords = 1 })
	m = h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Condition", "_minimumFileSize", fmt.Sprint(7*line), "_maximumFileSize", fmt.Sprint(10*line)))
	require.Len(t, m.Output, 4)
	for i := range m.Output[:2] {
		require.GreaterOrEqual(t, m.Output[i].Size, int64(7*line))
	}
}

// M2: no data is a manifest without files.
func TestNothing(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 0), nil)
	for _, level := range []bulk.Level{bulk.SystemLevel, bulk.PatientLevel} {
		m := h.export(t, asha(), ask(level))
		require.Equal(t, []bulk.File{}, m.Output)
		require.Equal(t, []bulk.File{}, m.Errors)
		require.True(t, m.Complete)
	}
	m := h.export(t, asha(), ask(bulk.PatientLevel, "organizeOutputBy", "Patient"))
	require.Empty(t, m.Output)
	require.Equal(t, "Patient", m.OrganizedBy)
	require.Zero(t, h.stored(t))
}

// The same data makes the same bytes.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 60), func(h *house) { h.config.Limits.FileRecords = 40 })
	for _, more := range [][]string{nil, {"organizeOutputBy", "Patient"}} {
		first := h.export(t, asha(), ask(bulk.SystemLevel, more...))
		second := h.export(t, asha(), ask(bulk.SystemLevel, more...))
		require.NotEmpty(t, first.Output)
		require.Equal(t, first.Output, second.Output)
		require.Equal(t, first.Errors, second.Errors)
	}
}

// F1, F2: files are handed out plain and compressed, whole and in ranges, and are what the manifest says.
func TestDownload(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 40), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	d, err := h.OpenFile(t.Context(), asha(), m.ID, "Patient-1.ndjson")
	require.NoError(t, err)
	read := func(packed bool, offset, length int64) []byte {
		r, err := d.Open(t.Context(), packed, offset, length)
		require.NoError(t, err)
		all, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		return all
	}
	sum := func(b []byte) string {
		s := sha256.Sum256(b)
		return hex.EncodeToString(s[:])
	}
	text := read(false, 0, -1)
	require.Len(t, text, int(d.Size))
	require.Equal(t, d.SHA256, sum(text))
	packed := read(true, 0, -1)
	require.Len(t, packed, int(d.Gzip.Size))
	require.Equal(t, d.Gzip.SHA256, sum(packed))
	unzip, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	again, err := io.ReadAll(unzip)
	require.NoError(t, err)
	require.Equal(t, text, again)
	for _, c := range [][2]int64{{0, 0}, {0, 1}, {5, 10}, {100, -1}, {d.Size - 1, 5}, {d.Size, -1}, {0, d.Size}, {0, d.Size + 9}} {
		end := d.Size
		if c[1] >= 0 {
			end = min(d.Size, c[0]+c[1])
		}
		require.Equal(t, string(text[c[0]:end]), string(read(false, c[0], c[1])), "%v", c)
	}
	require.Equal(t, packed[7:10], read(true, 7, 3))
	for _, offset := range []int64{-1, d.Size + 1} {
		_, err = d.Open(t.Context(), false, offset, -1)
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
}

// Who wants it has files lie as they are.
func TestUncompressed(t *testing.T) {
	t.Parallel()
	engine := memory(t, 40)
	want := open(t, engine, nil)
	w := want.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	h := open(t, engine, func(h *house) { h.config.Uncompressed = true })
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.Nil(t, m.Output[0].Gzip)
	require.Equal(t, w.Output[0].SHA256, m.Output[0].SHA256)
	require.Equal(t, want.read(t, asha(), w.ID, &w.Output[0]), h.read(t, asha(), m.ID, &m.Output[0]))
	d, err := h.OpenFile(t.Context(), asha(), m.ID, "Patient-1.ndjson")
	require.NoError(t, err)
	_, err = d.Open(t.Context(), true, 0, -1)
	require.ErrorIs(t, err, storage.ErrUnsupported)
}

// A file that was changed where it lies is not handed out as if it were whole.
func TestDamaged(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 40), nil)
	m := h.export(t, asha(), ask(bulk.SystemLevel, "_type", "Patient"))
	require.NoError(t, filepath.WalkDir(filepath.Join(h.folder, "files"), func(file string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		b[len(b)/2] ^= 1
		require.NoError(t, os.Chmod(file, 0o600))
		return os.WriteFile(file, b, 0o600)
	}))
	d, err := h.OpenFile(t.Context(), asha(), m.ID, "Patient-1.ndjson")
	require.NoError(t, err)
	for _, packed := range []bool{false, true} {
		r, err := d.Open(t.Context(), packed, 0, -1)
		if err == nil {
			_, err = io.ReadAll(r)
			require.NoError(t, r.Close())
		}
		require.ErrorIs(t, err, bulk.ErrDamaged)
	}
}

// organizeOutputBy: blocks of patients, each with a header, the patient, and what belongs to him or her.
func TestOrganized(t *testing.T) {
	t.Parallel()
	engine := memory(t, 20)
	fill(t, engine, "visits", documents("visits", 26)[len(documents("visits", 25)):]) // of a patient who is not there
	h := open(t, engine, nil)
	m := h.export(t, asha(), ask(bulk.PatientLevel, "organizeOutputBy", "Patient"))
	require.Equal(t, "Patient", m.OrganizedBy)
	require.Len(t, m.Output, 1)
	require.Empty(t, m.Output[0].Type)
	all := h.lines(t, asha(), m, m.Output)
	plain := h.export(t, asha(), ask(bulk.PatientLevel))
	want := h.lines(t, asha(), plain, plain.Output)
	require.ElementsMatch(t, want, slices.DeleteFunc(slices.Clone(all), func(s string) bool { return strings.HasPrefix(s, "{") }))
	requireBlocks(t, all, false)

	for _, records := range []int64{3, 9, 20} { // a block has 8 lines or so
		h := open(t, engine, func(h *house) { h.config.Limits.FileRecords = records })
		m := h.export(t, asha(), ask(bulk.PatientLevel, "organizeOutputBy", "Patient"))
		var got []string
		for i := range m.Output {
			lines := h.lines(t, asha(), m, m.Output[i:i+1])
			require.LessOrEqual(t, len(lines), int(records))
			require.True(t, strings.HasPrefix(lines[0], `{"resourceType":"Parameters"`), "each file begins with a header")
			if i+1 < len(m.Output) && m.Output[i].ContinuesIn != "" {
				require.Equal(t, m.Output[i+1].Name, m.Output[i].ContinuesIn)
			}
			require.Equal(t, records == 3 && m.Output[i].ContinuesIn != "", m.Output[i].ContinuesIn != "", "a block that has room is not spread")
			got = append(got, lines...)
		}
		requireBlocks(t, got, records == 3)
		require.ElementsMatch(t, want, slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "{") }))
	}

	// At system level what belongs to nobody is left out, and that is said.
	m = h.export(t, asha(), ask(bulk.SystemLevel, "organizeOutputBy", "Patient"))
	require.Contains(t, joined(h.lines(t, asha(), m, m.Errors)), "Location")
}

// requireBlocks holds that lines are blocks, one for each patient, in which the patient comes first.
func requireBlocks(t *testing.T, lines []string, spread bool) {
	t.Helper()
	seen, at := map[string]bool{}, ""
	for i, line := range lines {
		if strings.HasPrefix(line, "{") {
			var header struct {
				Parameter []struct {
					Name           string
					ValueReference struct{ Reference string }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(line), &header))
			require.Equal(t, "header", header.Parameter[0].Name)
			if next := header.Parameter[0].ValueReference.Reference; next != at {
				require.False(t, seen[next], "%s has two blocks", next)
				seen[next], at = true, next
				require.Less(t, i+1, len(lines))
				if next != "Patient/P000025" { // who is not there
					require.Equal(t, next, lines[i+1])
				}
			} else {
				require.True(t, spread)
			}
			continue
		}
		_, id, _ := strings.Cut(line, "/")
		id, _, _ = strings.Cut(id, "-")
		require.Equal(t, at, "Patient/P"+id[1:])
	}
}

// includeAssociatedData: Provenance comes by itself unless other types are asked for, then it can be asked for besides.
func TestProvenance(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 20), nil)
	count := func(parameters ...string) map[string]int64 {
		return counts(h.export(t, asha(), ask(bulk.PatientLevel, parameters...)).Output)
	}
	require.EqualValues(t, 40, count()["Provenance"])
	require.NotContains(t, count("_type", "Patient"), "Provenance")
	require.EqualValues(t, 20, count("includeAssociatedData", "LatestProvenanceResources")["Provenance"])
	require.EqualValues(t, 40, count("includeAssociatedData", "RelevantProvenanceResources")["Provenance"])
	require.EqualValues(t, 40, count("_type", "Observation,Provenance", "includeAssociatedData", "LatestProvenanceResources")["Provenance"])
	require.Equal(t, map[string]int64{"Observation": 60, "Provenance": 40}, count("_type", "Observation", "includeAssociatedData", "RelevantProvenanceResources"))
	require.Equal(t, map[string]int64{"Observation": 60, "Provenance": 20}, count("_type", "Observation", "includeAssociatedData", "LatestProvenanceResources"))
	require.EqualValues(t, 40, count("_type", "Observation", "includeAssociatedData", "LatestProvenanceResources,RelevantProvenanceResources")["Provenance"])
	require.Equal(t, map[string]int64{"Patient": 20}, count("_type", "Patient", "includeAssociatedData", "RelevantProvenanceResources"))
	m := h.export(t, asha(), ask(bulk.PatientLevel, "_type", "Observation", "includeAssociatedData", "LatestProvenanceResources"))
	for _, line := range h.lines(t, asha(), m, m.Output) {
		require.False(t, strings.HasPrefix(line, "Provenance/") && strings.HasSuffix(line, "-0"), line)
	}
}
