package process_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

// Values at the ends of what fields, formats and JavaScript can hold come out as they were, or are counted.
func TestOutOfRange(t *testing.T) {
	t.Parallel()
	engine := memsearch.New()
	schema, err := record.ParseSchema("limits", []byte(`{"properties": {"id": {"type": "keyword"}, "n": {"type": "long"},
		"u": {"type": "unsigned_long"}, "d": {"type": "double"}, "at": {"type": "date"}, "text": {"type": "keyword"}}}`))
	require.NoError(t, err)
	require.NoError(t, engine.Create(t.Context(), schema))
	long := strings.Repeat("ä", 40_000)
	docs := strings.Join([]string{
		`{"id":"1","n":9223372036854775807,"u":18446744073709551615,"d":1.7976931348623157e308,"at":"9999-12-31T23:59:59.999Z","text":"😀 =1+1"}`,
		`{"id":"2","n":-9223372036854775808,"u":0,"d":5e-324,"at":"0001-01-01T00:00:00Z","text":"=1+1"}`,
		`{"id":"3","n":9007199254740993,"text":""}`,
		fmt.Sprintf(`{"id":"4","text":%q}`, long),
	}, "\n")
	report, err := bulk.Load(t.Context(), engine, schema, []string{"docs"}, &bulk.Options{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(docs)), nil },
	})
	require.NoError(t, err)
	require.EqualValues(t, 4, report.Stored)
	h := open(t, engine, nil)
	for _, format := range formats {
		p := h.export(t, asha(), &process.Request{Format: format, JQL: "ORDER BY id"})
		require.EqualValues(t, 4, p.Files[0].Rows)
		text := h.read(t, asha(), p.ID, 1)
		m, err := h.Manifest(t.Context(), asha(), p.ID)
		require.NoError(t, err)
		require.EqualValues(t, 4, m.Report.Rows)
		switch format {
		case "csv":
			require.Contains(t, text, "9223372036854775807,18446744073709551615,1.7976931348623157e308,9999-12-31T23:59:59.999Z,😀 =1+1\n")
			require.Contains(t, text, "'=1+1")
			require.Contains(t, text, long)
			require.EqualValues(t, 1, m.Report.Escaped)
		case "ndjson", "json":
			require.Contains(t, text, `"n":9223372036854775807,"u":18446744073709551615,"d":1.7976931348623157e308`)
			require.Contains(t, text, `"n":9007199254740993`)
			require.Contains(t, text, `"text":""`)
		case "excel":
			require.EqualValues(t, 1, m.Report.Cut)
			require.Positive(t, m.Report.AsText)
			require.Contains(t, strings.Join(m.Warnings, "\n"), "1 cells are longer")
		case "pdf":
			require.Contains(t, m.Report.Replaced, "U+1F600")
			require.NotEmpty(t, m.Warnings)
		}
	}
}
