package bulk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

const mapping = `{"properties": {"name": {"type": "keyword"}, "age": {"type": "integer"}}}`

func parse(t require.TestingT, mapping string) *record.Schema {
	s, err := record.ParseSchema("visits", []byte(mapping))
	require.NoError(t, err)
	return s
}

// fromTexts opens texts by their names.
func fromTexts(texts map[string]string) func(string) (io.ReadCloser, error) {
	return func(name string) (io.ReadCloser, error) {
		text, ok := texts[name]
		if !ok {
			return nil, os.ErrNotExist
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

// stored returns what an index holds, a record on each line, in the order of IDs.
func stored(t require.TestingT, d *memsearch.Driver, s *record.Schema) string {
	columns, err := s.Project()
	require.NoError(t, err)
	p := &plan.Plan{Schema: s, Where: plan.All{}, Order: []plan.Sort{{Field: s.Field("_id")}}}
	var out strings.Builder
	for r, err := range d.Read(context.Background(), &search.Read{Plan: p, Columns: columns, Source: true}) {
		require.NoError(t, err)
		fmt.Fprintf(&out, "%s %s\n", r.ID, r.Source())
	}
	return out.String()
}

func newEngine(t *testing.T, s *record.Schema) *memsearch.Driver {
	d := memsearch.New()
	require.NoError(t, d.Create(t.Context(), s))
	return d
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mapping, text string
		want                string   // what is stored
		refused             []string // line, ID, reason
		maxLine             int
	}{
		{name: "nothing"},
		{name: "only blanks", text: "\xef\xbb\xbf\r\n \t \n\n"},
		{
			name: "hits", text: "\xef\xbb\xbf" + `{"_index":"x","_id":"b","_source":{"age":3}}` + "\r\n\n  " + `{ "_source" : {"age": 4 } , "_id" : "\u0061", "_score": 1 } ` + "\n" + `{"_id":7,"_source":{}}`,
			want: "7 {}\na {\"age\": 4 }\nb {\"age\":3}\n",
		},
		{
			name: "plain documents with a key", mapping: `{"properties": {"code": {"type": "integer"}}, "_meta": {"dhr": {"key": "code"}}}`,
			text: `{"code":5}` + "\n" + `{"name":"x"}` + "\n" + `{"code":"06"}` + "\n" + `{"_id":"z","_source":{"code":7}}`,
			want: "06 {\"code\":\"06\"}\n5 {\"code\":5}\nz {\"code\":7}\n", refused: []string{"2 - code: the key of the record is missing"},
		},
		{
			name: "plain documents that begin with an underscore", mapping: `{"properties": {"_x": {"type": "keyword"}}, "_meta": {"dhr": {"key": "_x"}}}`,
			text: `{"_x":"1"}` + "\n" + `{"_x":"2","_source":[]}` + "\n" + `{"_x":"3","_source.a":1}` + "\n" + `{"_x":"4","_source":null}`,
			want: "1 {\"_x\":\"1\"}\n2 {\"_x\":\"2\",\"_source\":[]}\n3 {\"_x\":\"3\",\"_source.a\":1}\n4 {\"_x\":\"4\",\"_source\":null}\n",
		},
		{
			name: "broken lines",
			text: `{"_id":"a","_source":{"age":3}}` + "\n" + `{"_id":"b","_source":{"age":"old"}}` + "\n" + `{"age":}` + "\nage\n" + `{"_id":"c","_source":{}},"x":{}` + "\n" +
				" \t" + `{"_id":{},"_source":{}}` + "\n" + `{"_id":"","_source":{}}` + "\n" + `{"_id":["a","b"],"_source":{}}` + "\n" + `{"_id":"d","_id":"e","_source":{}}` + "\n" + `{"_id":"f"`,
			want: "a {\"age\":3}\n",
			refused: []string{
				`2 b column 29: age: "old" is not a whole number`, "3 - column 8: found '}' where a value is expected", "4 - column 1: found 'a' where an object is expected",
				"5 - column 25: found more where the end is expected", "6 - column 10: _id: found an object where a single value is expected", "7 - the _id is not one text, or empty",
				"8 - the _id is not one text, or empty", "9 - column 12: _id: the key stands twice in one object", "10 - column 12: the text ends where ',' or '}' is expected",
			},
		},
		{
			name: "long lines", maxLine: 40,
			text:    strings.Repeat(" ", 41) + "\n" + `{"_id":"a","_source":{"name":"12345678"}}` + "\r\n" + `{"_id":"b","_source":{"name":"123456"}}` + "\r\n" + strings.Repeat("x", 600<<10) + "\n" + `{"_id":"c","_source":{}}`,
			want:    "b {\"name\":\"123456\"}\nc {}\n",
			refused: []string{"1 - the line is longer than 40 bytes", "2 - the line is longer than 40 bytes", "4 - the line is longer than 40 bytes"},
		},
		{
			name: "a long ID", text: `{"_id":"` + strings.Repeat("x", 512) + `","_source":{}}` + "\n" + `{"_id":"` + strings.Repeat("y", 513) + `","_source":{}}`,
			want: strings.Repeat("x", 512) + " {}\n", refused: []string{"2 " + strings.Repeat("y", 512) + " the ID is longer than 512 bytes"},
		},
		{
			name: "bulk", text: `{"index":{"_id":"a"}}` + "\n" + `{"age":3}` + "\n\n" + `{ "create" : { "_index" : "x", "_type": "_doc", "routing": "r", "_id" : 5 } }` + "\r\n" + `{"age":4}` + "\n" +
				`{"index":{"_id":"a"}}` + "\n" + `{"index":5}` + "\n",
			want: "5 {\"age\":4}\na {\"index\":5}\n",
		},
		{
			name: "bulk that is refused", text: `{"delete":{"_id":"a"}}` + "\n" + `{"update":{"_id":"b"}}` + "\n" + `{"doc":{"age":3}}` + "\n" + `{"index":{"_id":"c","pipeline":"p"}}` + "\n" + `{"age":4}` + "\n" +
				`{"index":{"_id":"d"}}` + "\n" + `{"index":{"_id":"e"}}` + "\n" + `{"age":"x"}` + "\n" + `{"age":5}` + "\n" + `{"erase":{}}` + "\n" + `{"index":{"_id":"f"},"create":{}}` + "\n" + `{"index":{"_id":""}}` + "\n{}\n" +
				`{"index":{"_id":"g"` + "\n" + `{"index":{"_id":"h"}}` + "\n" + `{"age":6}` + "\n" + `{"index":{"_id":"i"}}`,
			want: "h {\"age\":6}\n",
			refused: []string{
				"1 a the action delete is not done by a load", "3 b the action update is not done by a load", "5 c the action depends on its pipeline, which a load does not know",
				"6 d the action has no document on the next line", `8 e column 8: age: "x" is not a whole number`,
				"9 - found a line that is no action where index, create, update or delete is expected", "10 - found a line that is no action where index, create, update or delete is expected",
				"11 - found a line that is no action where index, create, update or delete is expected", "13 - the _id is not one text, or empty",
				"14 - column 21: the text ends where ',' or '}' is expected", "17 i the action has no document on the next line",
			},
		},
		{
			name: "documents like actions", mapping: `{"properties": {"index": {"properties": {"x": {"type": "keyword"}}}, "k": {"type": "keyword"}}, "_meta": {"dhr": {"key": "k"}}}`,
			text: `{"index":{"x":"1"},"k":"a"}` + "\n" + `{"k":"b"}`, want: "a {\"index\":{\"x\":\"1\"},\"k\":\"a\"}\nb {\"k\":\"b\"}\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.mapping == "" {
				c.mapping = mapping
			}
			s := parse(t, c.mapping)
			for name, text := range map[string]string{"plain": c.text, "gzip": zip(t, c.text), "zstd": zst(t, c.text)} {
				d := newEngine(t, s)
				var refused []string
				opts := &bulk.Options{MaxLine: c.maxLine, Open: fromTexts(map[string]string{name: text}), Refused: func(r search.Refusal) {
					require.Equal(t, name, r.File)
					if r.ID == "" {
						r.ID = "-"
					}
					refused = append(refused, fmt.Sprint(r.Place, " ", r.ID, " ", r.Reason))
				}}
				report, err := bulk.Load(t.Context(), d, s, []string{name}, opts)
				require.NoError(t, err)
				require.Equal(t, c.want, stored(t, d, s), name)
				require.Equal(t, c.refused, refused, name)
				require.Len(t, report.Refusals, len(refused))
				require.EqualValues(t, len(refused), report.Refused)
				require.Equal(t, report.Read, report.Stored+report.Refused)
				require.Equal(t, 1, report.Files)
				n := strings.Count(c.want, "\n")
				require.GreaterOrEqual(t, report.Stored, int64(n))
			}
		})
	}
}

func zip(t require.TestingT, text string) string {
	var b bytes.Buffer
	for _, part := range []string{text[:len(text)/2], text[len(text)/2:]} { // two members are one file
		w := gzip.NewWriter(&b)
		_, err := io.WriteString(w, part)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	return b.String()
}

func zst(t require.TestingT, text string) string {
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return "\x50\x2a\x4d\x18\x02\x00\x00\x00xy" + string(w.EncodeAll([]byte(text), nil))
}

// The same file loaded twice is the same data once.
func TestLoadTwice(t *testing.T) {
	t.Parallel()
	s := parse(t, mapping)
	d := newEngine(t, s)
	const twins = `{"age":3}` + "\n" + `{"age":4}` + "\n" + `{"age":3}` + "\n"
	opts := &bulk.Options{Open: fromTexts(map[string]string{"a": twins, "b": `{"age":4}` + "\n" + `{"age":5}`, "c": `{"_source":{"age":3},"x":1}` + "\n" + `{"_source":{"age":3}}`})}
	want := ""
	for range 2 {
		report, err := bulk.Load(t.Context(), d, s, []string{"a", "b"}, opts)
		require.NoError(t, err)
		require.Equal(t, &bulk.Report{Files: 2, Read: 5, Stored: 5}, report)
		got := stored(t, d, s)
		require.Equal(t, 4, strings.Count(got, "\n"), got)
		if want != "" {
			require.Equal(t, want, got)
		}
		want = got
	}
	require.Contains(t, want, "-2 {\"age\":3}\n")
}

func TestLoadFaults(t *testing.T) {
	t.Parallel()
	s := parse(t, mapping)
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, `{"_id":"%04d","_source":{"age":%d,"name":"%x"}}`+"\n", i, i, i*i*i)
	}
	whole := text.String()
	for name, packed := range map[string]string{"gzip": zip(t, whole), "zstd": zst(t, whole)} {
		for _, cut := range []int{1, 5, 11, 100, len(packed) / 3, len(packed)/2 + 1, len(packed) - 9, len(packed) - 4} {
			d := newEngine(t, s)
			opts := &bulk.Options{Open: fromTexts(map[string]string{"cut": packed[:len(packed)-cut], "good": `{"_id":"z","_source":{}}`})}
			report, err := bulk.Load(t.Context(), d, s, []string{"cut", "none", "good"}, opts)
			var fault *bulk.FileError
			require.ErrorAs(t, err, &fault, "%s without its last %d bytes", name, cut)
			require.Equal(t, "cut", fault.File, "%s without its last %d bytes", name, cut)
			require.Equal(t, fault.Line, report.Read-1)
			require.ErrorIs(t, err, os.ErrNotExist)
			require.Equal(t, 1, report.Files)
			require.Equal(t, report.Read, report.Stored)
			require.Zero(t, report.Refused)
			got := strings.Count(stored(t, d, s), "\n")
			require.EqualValues(t, report.Stored, got)
			require.LessOrEqual(t, got, 2001)
		}
	}
	for begin, want := range map[string]string{
		"[{}]": "JSON array", "\n [": "JSON array", "PK\x03\x04": "zip archive", "BZh91": "bzip2", "\xfd7zXZ\x00": "xz", "\xff\xfe{\x00": "UTF-16",
		zip(t, whole) + "garbage": "damaged", "\x1f\x8b": "cut off", "\x28\xb5\x2f\xfd": "cut off",
	} {
		d := newEngine(t, s)
		_, err := bulk.Load(t.Context(), d, s, []string{"file"}, &bulk.Options{Open: fromTexts(map[string]string{"file": begin})})
		var fault *bulk.FileError
		require.ErrorAs(t, err, &fault, "%.20q", begin)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `bulk: file: after line `)
	}
}

// A failing engine ends the load, and the report says how far it came.
func TestLoadFails(t *testing.T) {
	t.Parallel()
	s := parse(t, mapping)
	d := memsearch.New()
	opts := &bulk.Options{Open: fromTexts(map[string]string{"a": `{"age":3}`})}
	report, err := bulk.Load(t.Context(), d, s, []string{"a"}, opts)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	require.Equal(t, &bulk.Report{}, report)

	require.NoError(t, d.Create(t.Context(), s))
	ctx, cancel := context.WithCancel(t.Context())
	opts.Open = func(string) (io.ReadCloser, error) {
		cancel()
		return io.NopCloser(strings.NewReader(`{"age":3}`)), nil
	}
	_, err = bulk.Load(ctx, d, s, []string{"a"}, opts)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, stored(t, d, s))

	broken := errors.New("the disk is gone")
	opts.Open = func(string) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(`{"_id":"a","_source":{}}`+"\n"+`{"_id":"b","_sou`), failing{broken})), nil
	}
	report, err = bulk.Load(t.Context(), d, s, []string{"a"}, opts)
	require.ErrorIs(t, err, broken)
	require.Equal(t, &bulk.Report{Read: 1, Stored: 1}, report)
	require.Equal(t, "a {}\n", stored(t, d, s))
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestKeep(t *testing.T) {
	t.Parallel()
	s := parse(t, mapping)
	for keep, want := range map[int]int{-1: 0, 0: 100, 3: 3} {
		called := 0
		opts := &bulk.Options{Keep: keep, Open: fromTexts(map[string]string{"a": strings.Repeat("x\n", 150)}), Refused: func(search.Refusal) { called++ }}
		report, err := bulk.Load(t.Context(), newEngine(t, s), s, []string{"a"}, opts)
		require.NoError(t, err)
		require.Equal(t, 150, called)
		require.EqualValues(t, 150, report.Refused)
		require.Len(t, report.Refusals, want)
	}
}
