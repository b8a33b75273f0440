package command

import (
	"bytes"
	"context"
	"net"
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

// Of processes that begin together, the one that answers queries loads the sample, and no other.
func TestSampleOfOneProcess(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"filter", "configuration"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			ctx, end := context.WithCancel(t.Context())
			defer end()
			env := map[string]string{"DHR_DATA": t.TempDir(), "SERVER_PORT": "0"}
			var errs bytes.Buffer
			p := &Program{Out: ended{end}, Errors: &errs, Env: func(name string) string { return env[name] }}
			require.Equal(t, exitDone, p.Run(ctx, []string{"-roles", role}), errs.String())
			require.NotContains(t, errs.String(), "sample")
		})
	}
}

// An ended ends a server with its first words, which say where it is.
type ended struct{ end context.CancelFunc }

func (e ended) Write(b []byte) (int, error) {
	e.end()
	return len(b), nil
}

func TestFromHere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ip, want string }{
		{"0.0.0.0", "127.0.0.1:3000"}, {"::", "127.0.0.1:3000"}, {"10.0.0.1", "10.0.0.1:3000"}, {"::1", "[::1]:3000"},
	} {
		require.Equal(t, c.want, fromHere(&net.TCPAddr{IP: net.ParseIP(c.ip), Port: 3000}))
	}
}
