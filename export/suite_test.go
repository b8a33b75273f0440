package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
)

func TestCSVFormat(t *testing.T) {
	t.Parallel()
	exporttest.Run(t, export.CSV(), &exporttest.Options{Read: readCSV})
}

func TestJSONFormat(t *testing.T) {
	t.Parallel()
	exporttest.Run(t, export.JSON(), &exporttest.Options{Read: func(tb testing.TB, file []byte) [][]string {
		tb.Helper()
		var objects []json.RawMessage
		require.NoError(tb, json.Unmarshal(file, &objects))
		return readObjects(tb, objects)
	}})
}

func TestNDJSONFormat(t *testing.T) {
	t.Parallel()
	exporttest.Run(t, export.NDJSON(), &exporttest.Options{Read: func(tb testing.TB, file []byte) [][]string {
		tb.Helper()
		var objects []json.RawMessage
		for line := range strings.Lines(string(file)) {
			require.True(tb, strings.HasSuffix(line, "\n"))
			objects = append(objects, json.RawMessage(strings.TrimSuffix(line, "\n")))
		}
		return readObjects(tb, objects)
	}})
}

// crlf stands for a line break in a quoted cell, which encoding/csv would read as LF.
const crlf = "\u2400"

func readCSV(tb testing.TB, file []byte) [][]string {
	tb.Helper()
	text := strings.ReplaceAll(strings.TrimPrefix(string(file), "\uFEFF"), "\r\n", crlf)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(tb, err)
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], crlf, "\r\n")
		}
	}
	return rows
}

// readObjects returns the keys of the first object, and the values of all:
// texts as they are, anything else as it stands there.
func readObjects(tb testing.TB, objects []json.RawMessage) [][]string {
	tb.Helper()
	var rows [][]string
	for i, object := range objects {
		d := json.NewDecoder(bytes.NewReader(object))
		_, err := d.Token()
		require.NoError(tb, err)
		var keys, row []string
		for d.More() {
			key, err := d.Token()
			require.NoError(tb, err)
			keys = append(keys, key.(string))
			var value json.RawMessage
			require.NoError(tb, d.Decode(&value))
			text := string(value)
			switch {
			case text == "null":
				text = ""
			case text[0] == '"':
				require.NoError(tb, json.Unmarshal(value, &text))
			}
			row = append(row, text)
		}
		if i == 0 {
			rows = append(rows, keys)
		}
		require.Equal(tb, rows[0], keys)
		rows = append(rows, row)
	}
	return rows
}
