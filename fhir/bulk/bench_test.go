package bulk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/search/sqlsearch"
)

// BenchmarkExport measures exports end to end, from the kick-off to files on disk, hashed and compressed.
func BenchmarkExport(b *testing.B) {
	const n = 30_000
	engines := map[string]func(b *testing.B) search.Loader{
		"memory": func(*testing.B) search.Loader { return memsearch.New() },
		"sqlite": func(b *testing.B) search.Loader {
			b.Helper()
			d, err := sqlsearch.Open(b.Context(), b.TempDir(), nil)
			require.NoError(b, err)
			b.Cleanup(func() { _ = d.Close() })
			return d
		},
	}
	for _, name := range []string{"memory", "sqlite"} {
		engine := engines[name](b)
		for index := range schemas {
			docs := ""
			if index == "patients" || index == "native" {
				docs = documents(index, n)
			}
			fill(b, engine, index, docs)
		}
		h := open(b, engine, nil)
		for kind, r := range map[string]*bulk.Request{
			"native":    ask(bulk.SystemLevel, "_type", "Condition"),
			"mapped":    ask(bulk.SystemLevel, "_type", "Patient"),
			"organized": ask(bulk.PatientLevel, "_type", "Patient", "organizeOutputBy", "Patient"),
		} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				resources := int64(0)
				for b.Loop() {
					m := h.export(b, asha(), r)
					for i := range m.Output {
						resources += m.Output[i].Count
					}
					require.NoError(b, h.Delete(b.Context(), asha(), m.ID))
				}
				b.ReportMetric(float64(resources)/b.Elapsed().Seconds(), "resources/s")
			})
		}
	}
}
