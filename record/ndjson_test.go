package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const visitMapping = `{"properties":{"id":{"type":"keyword"},"age":{"type":"integer"}},"_meta":{"dhr":{"key":"id"}}}`

// readAll returns a line for each record of a text: index/ID and the first value of each column.
func readAll(t *testing.T, r io.Reader, p *Projection) (lines []string, err error) {
	t.Helper()
	for r, err := range ReadNDJSON(r, "visits.ndjson", p) {
		if err != nil {
			require.Nil(t, r)
			return lines, err
		}
		require.Same(t, p, r.Projection())
		line := r.Index + "/" + r.ID
		for i := range p.Fields() {
			line += " " + r.Value(i).Text()
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func project(t *testing.T, mapping string, paths ...string) *Projection {
	t.Helper()
	s, err := ParseSchema("visits", []byte(mapping))
	require.NoError(t, err)
	p, err := s.Project(paths...)
	require.NoError(t, err)
	return p
}

func TestReadNDJSON(t *testing.T) {
	keyless := `{"properties":{"id":{"type":"keyword"},"age":{"type":"integer"}}}`
	for _, test := range []struct {
		name, mapping, text string
		want                []string
	}{
		{"by key", visitMapping, "{\"id\":\"a\",\"age\":1}\n{\"age\":2,\"id\":\"b\"}\n", []string{"visits/a 1", "visits/b 2"}},
		{"by line", keyless, "{\"age\":1}\n\n  \n{\"age\":2}", []string{"visits/1 1", "visits/4 2"}},
		{"crlf and mark", keyless, "\xef\xbb\xbf{\"age\":1}\r\n\r\n{\"age\":2}\r\n", []string{"visits/1 1", "visits/3 2"}},
		{"hits", visitMapping, `{"_index":"visits-7","_id":"x","_score":1,"_source":{"id":"a","age":1},"sort":[1]}` + "\n" +
			`{"_id":"\u00e9","_source":{"age":2}}` + "\n" + ` { "_source" : {"id":"c","age":3} } ` + "\n",
			[]string{"visits-7/x 1", "visits/é 2", "visits/c 3"}},
		{"no hit", visitMapping, `{"_id":"x","id":"a","age":1}` + "\n" + `{"_source":"paper","id":"b","age":2}`, []string{"visits/a 1", "visits/b 2"}},
		{"empty", visitMapping, "", nil},
		{"blank", visitMapping, "\n \n\t\r\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := project(t, test.mapping, "age")
			for _, r := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text)),
				iotest.DataErrReader(strings.NewReader(test.text))} {
				got, err := readAll(t, r, p)
				require.NoError(t, err)
				require.Equal(t, test.want, got)
			}
		})
	}
}

func TestReadNDJSONErrors(t *testing.T) {
	good := "{\"id\":\"a\",\"age\":1}\n"
	for _, test := range []struct{ name, text, want string }{
		{"value", good + "\n{\"id\":\"b\",\"age\":\"old\"}\n", `record: visits.ndjson:3:17: age: "old" is not a whole number (after 1 records)`},
		{"value in a hit", good + `{"_id":"b","_source":{"age":"old"}}`, `record: visits.ndjson:2:29: age: "old" is not a whole number (after 1 records)`},
		{"broken", good + good + "{\"id\":\"b\",\n\"age\":1}", `record: visits.ndjson:3:11: the text ends where a key in double quotes is expected (after 2 records)`},
		{"broken hit", `{"_id":"b","_source":{"age":1}`, `record: visits.ndjson:1:31: the text ends where ',' or '}' is expected (after 0 records)`},
		{"no key", good + "{\"age\":1}", `record: visits.ndjson:2:1: id: the key of the record is missing (after 1 records)`},
		{"after a mark", "\xef\xbb\xbf{\"id\":\"a\",\"age\":\"x\"}", `record: visits.ndjson:1:20: age: "x" is not a whole number (after 0 records)`},
		{"hit after a mark", "\xef\xbb\xbf" + `{"_id":"b","_source":{"age":"x"}}`, `record: visits.ndjson:1:32: age: "x" is not a whole number (after 0 records)`},
		{"broken after a mark", "\xef\xbb\xbf" + `{"_id":"b","_source":{]}`, `record: visits.ndjson:1:26: found ']' where a key in double quotes is expected (after 0 records)`},
		{"line behind a mark", "\xef\xbb\xbf\n[", `record: visits.ndjson:2:1: found '[' where an object is expected (after 0 records)`},
		{"two sources", `{"_id":"b","_source":{"age":1},"_source":{"age":2}}`, `record: visits.ndjson:1:32: the key stands twice in one object (after 0 records)`},
		{"a source and a text", `{"_source":{"age":1},"_source":"x"}`, `record: visits.ndjson:1:22: the key stands twice in one object (after 0 records)`},
		{"two ids", `{"_id":"b","_\u0069d":"c","_source":{"age":1}}`, `record: visits.ndjson:1:12: the key stands twice in one object (after 0 records)`},
		{"two indexes", `{"_source":{"age":1},"_index":"b","_index":"b"}`, `record: visits.ndjson:1:35: the key stands twice in one object (after 0 records)`},
		{"list", "[\n", `record: visits.ndjson:1:1: found '[' where an object is expected (after 0 records)`},
		{"second mark", good + "\xef\xbb\xbf" + good, `record: visits.ndjson:2:1: found a byte-order mark where an object is expected (after 1 records)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := readAll(t, strings.NewReader(test.text), project(t, visitMapping, "age"))
			var e *DocumentError
			require.ErrorAs(t, err, &e)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestReadNDJSONReaderFails(t *testing.T) {
	failure := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader("{\"id\":\"a\",\"age\":1}\n{\"id\":"), iotest.ErrReader(failure))
	got, err := readAll(t, r, project(t, visitMapping, "age"))
	require.ErrorIs(t, err, failure)
	require.EqualError(t, err, "record: visits.ndjson:2:1: disk on fire (after 1 records)")
	require.Len(t, got, 1)

	_, err = readAll(t, stuck{}, project(t, visitMapping, "age"))
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestReadNDJSONLeaveEarly(t *testing.T) {
	text := strings.Repeat("{\"id\":\"a\",\"age\":1}\n", 10)
	n := 0
	for _, err := range ReadNDJSON(strings.NewReader(text), "", project(t, visitMapping, "age")) {
		require.NoError(t, err)
		if n++; n == 3 {
			break
		}
	}
	require.Equal(t, 3, n)
}

// The texts of a record hold until the next one, whatever the buffer does.
func TestReadNDJSONLongLines(t *testing.T) {
	p := project(t, visitMapping, "id")
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "{\"x\":%q,\"id\":\"%d\"}\n", strings.Repeat("y", i*7919), i)
	}
	n := 0
	for r, err := range ReadNDJSON(iotest.HalfReader(strings.NewReader(b.String())), "", p) {
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(n), r.ID)
		require.Equal(t, fmt.Sprint(n), r.Value(0).Text())
		n++
	}
	require.Equal(t, 50, n)
}

func TestLineTooLong(t *testing.T) {
	for _, text := range []string{"ok\n0123456789\n", "ok\n0123456789", "ok\n" + strings.Repeat("x", 1<<20)} {
		l := lineReader{r: iotest.OneByteReader(strings.NewReader(text)), max: 9}
		line, err := l.next()
		require.NoError(t, err)
		require.Equal(t, "ok", string(line))
		_, err = l.next()
		require.EqualError(t, err, "record: document, offset 9: the line is longer than 9 bytes")
		require.LessOrEqual(t, len(l.buf), 64<<10)
	}
}

func TestReadNDJSONAllocations(t *testing.T) {
	p := project(t, visitMapping, "age")
	for _, line := range []string{`{"id":"a","age":1}`, `{"_index":"i\u00e9","_id":"a\u00e9","_source":{"age":2.0}}`} {
		allocs := func(n int) float64 {
			text := strings.Repeat(line+"\n", n)
			return testing.AllocsPerRun(5, func() {
				for _, err := range ReadNDJSON(strings.NewReader(text), "", p) {
					if err != nil {
						t.Fatal(err)
					}
				}
			})
		}
		require.Equal(t, allocs(10), allocs(1000), line)
	}
}

func FuzzReadNDJSON(f *testing.F) {
	f.Add("{\"id\":\"a\",\"age\":1}\n\n{\"_id\":\"b\",\"_source\":{\"age\":2}}\r\n")
	f.Add("{\"_source\":{},\"_id\":5}\n{\"id\":\"\\ud83d\"}")
	s, err := ParseSchema("visits", []byte(visitMapping))
	require.NoError(f, err)
	p, err := s.Project("age", "_id")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for r, err := range ReadNDJSON(iotest.HalfReader(strings.NewReader(text)), os.DevNull, p) {
			if err != nil {
				if e := err.(*DocumentError); e.Records != n || e.Line <= 0 || e.Offset < 0 || e.Error() == "" {
					t.Fatalf("%q: %#v", text, e)
				}
				continue
			}
			if n++; r.ID == "" || r.Value(1).Text() != r.ID {
				t.Fatalf("%q: ID %q", text, r.ID)
			}
		}
	})
}
