package search_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/search"
)

// What one saw, another may see too, or not.
func TestCovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	sight := func(who *access.Principal, indexes ...string) json.RawMessage {
		text, err := scan(t, w.Index, who, ask("", indexes...), nil).Sight()
		require.NoError(t, err)
		return text
	}
	all, own := sight(admin), sight(officer)
	require.JSONEq(t, string(own), string(sight(officer)))
	require.NotContains(t, string(own), "Pune", "it holds no values")
	for name, c := range map[string]struct {
		who     *access.Principal
		before  json.RawMessage
		columns []string
		want    bool
	}{
		"everything as before":    {admin, all, []string{"patient.name", "district", "role"}, true},
		"some as before":          {officer, own, []string{"patient.name", "district"}, true},
		"everything in place":     {admin, own, []string{"patient.name", "district"}, true},
		"less in place":           {officer, all, []string{"district"}, false},
		"nobody's place":          {&access.Principal{User: "x"}, own, []string{"district"}, false},
		"an index that is gone":   {admin, json.RawMessage(`[{"index":"gone"}]`), nil, false},
		"another treatment":       {officer, json.RawMessage(`[{"index":"visits","rows":["x"],"masked":{"patient.name":"\"hidden\""}}]`), []string{"patient.name"}, false},
		"nothing that was looked": {officer, json.RawMessage(`[]`), nil, true},
	} {
		got, err := w.Covers(t.Context(), c.who, c.before, c.columns, &ask("").Options)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	_, err := w.Covers(t.Context(), admin, json.RawMessage(`{}`), nil, nil)
	require.ErrorIs(t, err, search.ErrInvalid)
	require.ErrorContains(t, err, "no sight")
}
