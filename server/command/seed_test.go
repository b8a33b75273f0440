package command

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/server/config"
)

// The sample goes where nothing is that it could be taken for, and is loaded to its end, once.
func TestSampleWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, load, index string // index is one of somebody's own
		want              bool
		says              string
	}{
		{"a new store", "embedded", "", true, ""},
		{"records of somebody's own", "embedded", "visits", false, ""},
		{"wanted beside records of somebody's own", "always", "visits", true, ""},
		{"an index of a name of the sample", "always", "health-data-patients", false, `there is an index "health-data-patients" already`},
		{"the same, alone there", "embedded", "health-data-patients", false, `there is an index "health-data-patients" already`},
		{"not wanted", "never", "", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			settings := config.Default()
			settings.Server.Data, settings.Sample.Load = t.TempDir(), c.load
			o, err := open(t.Context(), settings)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, o.Close()) })
			if c.index != "" {
				schema, err := record.ParseSchema(c.index, []byte(`{"properties": {"a": {"type": "keyword"}}}`))
				require.NoError(t, err)
				require.NoError(t, o.engine.Create(t.Context(), schema))
			}
			var errs bytes.Buffer
			p := &Program{Errors: &errs}
			mark, wanted, err := p.sampleWanted(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, c.want, wanted)
			require.Contains(t, errs.String(), c.says)
			if !wanted {
				return
			}
			again, wanted, err := p.sampleWanted(t.Context(), o) // after a server that did not come to the end
			require.NoError(t, err)
			require.True(t, wanted)
			_, err = o.mark(t.Context(), sampleState{}, again.Version)
			require.NoError(t, err)
			require.Equal(t, mark.Version, again.Version)
			_, wanted, err = p.sampleWanted(t.Context(), o)
			require.NoError(t, err)
			require.False(t, wanted)
		})
	}
}
