package export_test

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
	"github.com/digit-health/dhr/record"
)

const twoTexts = `{"properties":{"a":{"type":"keyword"},"b":{"type":"keyword"}}}`

func TestCSV(t *testing.T) {
	t.Parallel()
	two, one := project(t, twoTexts, "a", "b"), project(t, twoTexts, "a")
	for _, c := range []struct {
		name    string
		columns *record.Projection
		opts    *export.Options
		doc     string
		want    string
	}{
		{"for people", two, nil, `{"a":"x","b":"=y"}`, "\uFEFFa,b\nx,'=y\n"},
		{"for programs", two, export.Plain(), `{"a":"x","b":"=y"}`, "a,b\nx,=y\n"},
		{"semicolon", two, &export.Options{Delimiter: ';', NoBOM: true}, `{"a":"x;y","b":"x,y"}`, "a;b\n\"x;y\";x,y\n"},
		{"tab", two, &export.Options{Delimiter: '\t', NoBOM: true}, `{"a":"x\ty","b":"\t"}`, "a\tb\n\"x\ty\"\t\"'\t\"\n"},
		{"bar", two, &export.Options{Delimiter: '|', NoBOM: true}, `{"a":"x|y"}`, "a|b\n\"x|y\"|\n"},
		{"null and empty", two, export.Plain(), `{"b":""}`, "a,b\n,\"\"\n"},
		{"null alone is no empty line", one, export.Plain(), `{}`, "a\n\"\"\n"},
		{"line breaks", two, export.Plain(), `{"a":"x\ny","b":"x\r\ny\r"}`, "a,b\n\"x\ny\",\"x\r\ny\r\"\n"},
		{"quotes", two, export.Plain(), `{"a":"\"","b":"a\"\"b"}`, "a,b\n\"\"\"\",\"a\"\"\"\"b\"\n"},
		{"separator", two, &export.Options{NoBOM: true, Separator: ","}, `{"a":["x","y"]}`, "a,b\n\"x,y\",\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file, _ := write(t, export.CSV(), c.columns, c.opts, c.doc)
			require.Equal(t, c.want, file)
		})
	}
}

// A heading is text like any other: a field may be called anything.
func TestCSVHeadings(t *testing.T) {
	t.Parallel()
	p := project(t, `{"properties":{"@timestamp":{"type":"date"},"b":{"type":"keyword"}},
		"_meta":{"dhr":{"labels":{"@timestamp":"When, and \"where\"","b":"=1"}}}}`, "@timestamp", "b")
	file, report := write(t, export.CSV(), p, nil)
	require.Equal(t, "\uFEFF'@timestamp,b\n", file)
	require.Equal(t, int64(1), report.Escaped)
	file, _ = write(t, export.CSV(), p, &export.Options{Labels: true, NoBOM: true})
	require.Equal(t, "\"When, and \"\"where\"\"\",'=1\n", file)
	file, _ = write(t, export.NDJSON(), p, &export.Options{Labels: true}, `{"b":"x"}`)
	want := `{"When, and \"where\"":null,"=1":"x"}` + "\n"
	require.Equal(t, want, file)
}

// Columns of several indexes are asked for once; JSON cannot have two of one name.
func TestColumns(t *testing.T) {
	t.Parallel()
	a := project(t, `{"properties":{"x":{"type":"keyword"},"y":{"type":"keyword"}}}`, "x", "y")
	b := project(t, `{"properties":{"y":{"type":"keyword"},"z":{"type":"keyword"}},"_meta":{"dhr":{"labels":{"y":"Why","z":"Why"}}}}`, "z", "y")
	columns := export.Columns(nil, a, b)
	require.Equal(t, []export.Column{{Path: "x"}, {Path: "y", Label: "Why"}, {Path: "z", Label: "Why"}}, columns)
	require.Equal(t, []export.Column{{Path: "z", Label: "Why"}, {Path: "x"}, {Path: "y", Label: "Why"}}, export.Columns([]string{"?", "z", "x"}, a, b))
	require.Equal(t, []export.Column{{Path: "y", Label: "Why"}, {Path: "z", Label: "Why"}, {Path: "x"}}, export.Columns([]string{"Y", "why", "*"}, a, b))
	require.Equal(t, columns, export.Columns([]string{"x", "[", "*"}, a, b))
	_, err := export.JSON().NewEncoder(io.Discard, columns, nil)
	require.NoError(t, err)
	_, err = export.JSON().NewEncoder(io.Discard, columns, &export.Options{Labels: true})
	require.ErrorIs(t, err, export.ErrInvalid)
	require.EqualError(t, err, `export: json: invalid export: two columns are called "Why"`)
	_, err = export.CSV().NewEncoder(io.Discard, columns, &export.Options{Labels: true})
	require.NoError(t, err)
}

// Whatever the texts are, a reader gets them back.
func TestCSVRoundTrip(outer *testing.T) {
	outer.Parallel()
	t := outer
	p := project(t, twoTexts, "a", "b")
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringOf(rapid.RuneFrom([]rune("ab \t\r\n\",;|'=-é🩺"))), 2, 2)
		rows := rapid.SliceOf(texts).Draw(t, "rows")
		opts := export.Plain()
		var file strings.Builder
		e, err := export.CSV().NewEncoder(&file, export.Columns(nil, p), opts)
		require.NoError(t, err)
		want := [][]string{{"a", "b"}}
		var r record.Record
		for _, row := range rows {
			r.Reset(p)
			r.Append(0, record.StringValue(row[0]))
			r.Append(1, record.StringValue(row[1]))
			require.NoError(t, e.Encode(&r))
			want = append(want, row)
		}
		require.NoError(t, e.Close())
		require.Equal(t, want, readCSV(outer, []byte(file.String())))
	})
}

// No cell costs an allocation.
func TestNoAllocations(t *testing.T) {
	records := exporttest.Tasks(t, 100)
	for _, f := range []*export.Format{export.CSV(), export.JSON(), export.NDJSON()} {
		e, err := f.NewEncoder(io.Discard, export.Columns(nil, records[0].Projection()), nil)
		require.NoError(t, err)
		for range 10 { // until the buffer has its size
			for _, r := range records {
				require.NoError(t, e.Encode(r))
			}
		}
		got := testing.AllocsPerRun(500, func() { _ = e.Encode(records[rand.IntN(len(records))]) })
		require.Zero(t, got, f.Name)
	}
}
