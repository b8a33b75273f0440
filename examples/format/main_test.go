package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/exporttest"
)

func TestTSV(t *testing.T) {
	t.Parallel()
	exporttest.Run(t, TSV(), &exporttest.Options{Read: func(tb testing.TB, file []byte) [][]string {
		tb.Helper()
		unescape := strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r")
		var rows [][]string
		for line := range strings.Lines(string(file)) {
			cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			for i := range cells {
				cells[i] = unescape.Replace(cells[i])
			}
			rows = append(rows, cells)
		}
		return rows
	}})
}

func TestOutput(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(&out))
	require.Equal(t, `ndjson:
{"name":"Asha","doses":[1,2],"seen":"2026-03-01T03:00:00Z"}
{"name":"Ravi\u0009Kumar","doses":null,"seen":"2026-03-02"}
tsv:
name	doses	seen
Asha	1; 2	2026-03-01T03:00:00Z
Ravi\tKumar		2026-03-02
`, out.String())
}
