package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

var (
	update = flag.Bool("update", false, "write the pictures of testdata again")
	look   = flag.String("look", "", "a directory for what is made by tests and not kept in testdata: PDF and PNG, to be looked at")
)

// keep writes a file to be looked at, if anybody wants to look.
func keep(tb testing.TB, name string, data []byte) {
	tb.Helper()
	if *look != "" {
		require.NoError(tb, os.WriteFile(filepath.Join(*look, name), data, 0o644))
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	for _, p := range pictures() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			d, err := chart.Layout(p.c, p.o)
			require.NoError(t, err)
			require.Empty(t, d.Complaints())
			var got bytes.Buffer
			require.NoError(t, d.SVG(&got))
			wellFormed(t, got.Bytes())
			file := filepath.Join("testdata", p.name+".svg")
			if *update {
				require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String(), "look at it, and if it is right, go test -update")
		})
	}
}

func wellFormed(tb testing.TB, text []byte) {
	tb.Helper()
	r := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(tb, err)
		if e, ok := token.(xml.StartElement); ok {
			require.Contains(tb, []string{"svg", "title", "desc", "g", "rect", "circle", "path", "text"}, e.Name.Local)
		}
	}
}
