package command_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var blocks = regexp.MustCompile("(?ms)^```(ndjson|console)\n(.*?)^```$")

// What docs/command-line.md shows is what the commands print, standard output first.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "command-line.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	file, env := filepath.Join(dir, "visits.ndjson"), map[string]string{"DHR_DATA": filepath.Join(dir, "data")}
	ran := 0
	for _, b := range blocks.FindAllStringSubmatch(string(text), -1) {
		if b[1] == "ndjson" {
			require.NoError(t, os.WriteFile(file, []byte(b[2]), 0o600))
			continue
		}
		var got strings.Builder
		for _, line := range strings.SplitAfter(b[2], "\n") {
			if words, ok := strings.CutPrefix(line, "$ server "); ok {
				out, errs, _ := run(t, env, nil, split(strings.ReplaceAll(words, "visits.ndjson", file))...)
				got.WriteString(line + strings.ReplaceAll(out+errs, file, "visits.ndjson"))
				ran++
			}
		}
		require.Equal(t, b[2], got.String())
	}
	require.GreaterOrEqual(t, ran, 7)
}
