package essearch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// What OpenSearch would read as a year is refused there, and stored elsewhere.
func TestMisreadDatesAreRefused(t *testing.T) {
	t.Parallel()
	s, err := record.ParseSchema("visits", []byte(`{"properties": {"k": {"type": "keyword"}, "at": {"type": "date"}, "ms": {"type": "date", "format": "epoch_millis"}}}`))
	require.NoError(t, err)
	columns, err := s.ProjectAll()
	require.NoError(t, err)
	for _, c := range []struct {
		doc, reason string
	}{
		{`{"at": -10561}`, "at: OpenSearch reads the date -10561 as a year; write it as 1969-12-31T23:59:49.439Z"},
		{`{"at": ["2024-01-31", "-9999999999"]}`, "at: OpenSearch reads the date -9999999999 as a year; write it as 1969-09-07T06:13:20.001Z"},
		{`{"at": -999}`, ""},
		{`{"at": -10000000000}`, ""},
		{`{"at": 1706659200000, "k": "-10561", "ms": -10561}`, ""},
	} {
		r := &record.Record{ID: "a"}
		require.NoError(t, record.NewDecoder(columns).Decode([]byte(c.doc), r))
		got := (&bulker{years: yearFields(&product{openSearch: true}, s)}).refusal(&search.Document{Record: r, Place: 7})
		if c.reason == "" {
			require.Nil(t, got, c.doc)
		} else {
			require.Equal(t, &search.Refusal{Place: 7, ID: "a", Reason: c.reason}, got, c.doc)
		}
		require.Nil(t, (&bulker{years: yearFields(&product{}, s)}).refusal(&search.Document{Record: r}), "by Elasticsearch")
	}
}
