package parts_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/parts"
)

// What is packed comes out again, and an error of the writer is told by Close, each time.
func TestPack(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("fever, cough\n"), 20_000)
	for _, compression := range []string{"", "none", "gzip", "zip"} {
		var b bytes.Buffer
		w, err := parts.Pack(&b, compression, "fever.csv")
		require.NoError(t, err)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, w.Close())
		name := compression
		if name == "none" {
			name = ""
		}
		require.True(t, bytes.Equal(text, unpack(t, name, b.Bytes(), &parts.File{MediaType: "application/" + name})), compression)

		w, err = parts.Pack(failing{}, compression, "fever.csv")
		require.NoError(t, err)
		_, _ = w.Write(text)
		require.ErrorIs(t, w.Close(), errFailing)
		require.ErrorIs(t, w.Close(), errFailing)
	}
	_, err := parts.Pack(nil, "rar", "")
	require.ErrorIs(t, err, parts.ErrInvalid)
}

var errFailing = errors.New("no room")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }
