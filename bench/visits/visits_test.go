package visits_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/record"
)

// Figures can be compared only as long as the documents are the same.
func TestSourcesStayTheSame(t *testing.T) {
	t.Parallel()
	hash := sha256.New()
	for range 2 {
		hash.Reset()
		for _, doc := range visits.Sources(1000) {
			hash.Write(doc)
		}
	}
	require.Equal(t, "6b955c7077653ac849fe2b1cfd12f84fefadb3e5e85ac46d87d49d2f6478141c", hex.EncodeToString(hash.Sum(nil)))
}

func TestDocumentsAreAsDescribed(t *testing.T) {
	t.Parallel()
	const n = 20_000
	s, err := visits.Schema(visits.Index)
	require.NoError(t, err)
	docs, failed := visits.Documents(s, n)
	bytes, count := 0, 0
	present := map[string]int{}
	different := map[string]map[string]bool{}
	for d := range docs {
		count++
		require.EqualValues(t, count, d.Place)
		require.Equal(t, d.Record.ID, d.Record.Lookup("visit_id")[0].Text())
		bytes += len(d.Record.Source())
		for f := range s.All() {
			values := d.Record.Lookup(f.Path)
			if len(values) == 0 {
				continue
			}
			present[f.Path]++
			if f.Kind == record.String {
				if different[f.Path] == nil {
					different[f.Path] = map[string]bool{}
				}
				different[f.Path][string(append([]byte(nil), values[0].Text()...))] = true
			}
		}
	}
	require.NoError(t, failed())
	require.Equal(t, n, count)
	require.InDelta(t, 355, bytes/n, 5)
	require.InDelta(t, 0.6, float64(present["followup_date"])/n, 0.02)
	require.InDelta(t, 0.85, float64(present["medication"])/n, 0.02)
	require.InDelta(t, 0.8, float64(present["notes"])/n, 0.02)
	require.InDelta(t, 0.8, float64(present["symptoms"])/n, 0.02)
	require.Equal(t, n, present["visit_date"])
	require.Len(t, different["visit_id"], n)
	require.Len(t, different["district"], 36)
	require.Len(t, different["medication"], 120)
	require.Less(t, len(different["patient_id"]), n)
}
