package record

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// golden runs a file of cases: blocks with an empty line between them, each of
// which is an input and, behind a line that begins with "=", what becomes of
// it. Lines before the first block that begin with # are for the reader.
func golden(t *testing.T, name string, run func(input string) string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var out []string
	for _, block := range strings.Split(strings.TrimRight(string(data), "\n"), "\n\n") {
		if strings.HasPrefix(block, "#") {
			out = append(out, block)
			continue
		}
		input, want, _ := strings.Cut(block, "\n= ")
		input = strings.TrimSpace(input)
		got := strings.TrimSpace(run(input))
		if !*update {
			require.Equal(t, strings.TrimSpace(want), got, "%s: %s", file, input)
		}
		out = append(out, input+"\n= "+got)
	}
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644))
	}
}
