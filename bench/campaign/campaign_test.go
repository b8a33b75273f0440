package campaign_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/campaign"
	"github.com/digit-health/dhr/record"
)

// The documents are the same on every machine, and fit their mapping.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, index := range campaign.Indexes() {
		schema, err := campaign.Schema(index)
		require.NoError(t, err)
		columns, err := schema.ProjectAll()
		require.NoError(t, err)
		decoder := record.NewDecoder(columns)
		sum, ids := sha256.New(), map[string]bool{}
		for id, doc := range campaign.Documents(index, 200) {
			require.False(t, ids[id], "%s: %s twice", index, id)
			ids[id] = true
			sum.Write(doc)
			require.NoError(t, decoder.Decode(doc, new(record.Record)), "%s", doc)
			var fields map[string]any
			require.NoError(t, json.Unmarshal(doc, &fields))
			unknown(t, schema, "", fields)
		}
		require.GreaterOrEqual(t, len(ids), 200)
		require.Equal(t, sums[index], hex.EncodeToString(sum.Sum(nil)[:8]), index)
	}
}

var sums = map[string]string{
	campaign.Households:  "d124c64bbad85c54",
	campaign.Members:     "36c1e974816f8bfc",
	campaign.Individuals: "0a934c9fc6c11005",
	campaign.Stock:       "23ad366e3568bd61",
	campaign.Tasks:       "110425d1a79d1afd",
}

// unknown fails where a document has a field that the mapping lacks.
func unknown(t *testing.T, s *record.Schema, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			below := name
			if path != "" {
				below = path + "." + name
			}
			unknown(t, s, below, inner)
		}
	case []any:
		for _, inner := range v {
			unknown(t, s, path, inner)
		}
	default:
		require.NotNil(t, s.Field(path), path)
	}
}

// An index that is none of ours has no documents and no mapping.
func TestUnknownIndex(t *testing.T) {
	t.Parallel()
	for range campaign.Documents("pgr-services", 5) {
		require.Fail(t, "there are documents")
	}
	_, err := campaign.Schema("pgr-services")
	require.Error(t, err)
}
