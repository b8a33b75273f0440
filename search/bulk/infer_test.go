package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
	"github.com/digit-health/dhr/search/memsearch"
)

const inferredText = `{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}`

// inferred returns the properties that are inferred of the lines of a file, with text for the mapping of a text.
func inferred(t *testing.T, text string) (string, error) {
	s, err := bulk.Infer(t.Context(), "visits", []string{"f"}, &bulk.Options{Open: fromTexts(map[string]string{"f": text})})
	if err != nil {
		require.Nil(t, s)
		return "", err
	}
	require.Equal(t, "visits", s.Index)
	b, err := json.Marshal(s)
	require.NoError(t, err)
	properties, ok := strings.CutPrefix(string(b), `{"mappings":{"properties":`)
	require.True(t, ok, "%s", b)
	return strings.ReplaceAll(strings.TrimSuffix(properties, "}}"), inferredText, "text"), nil
}

func TestInfer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nothing":     {"", `{}`},
		"no value":    {`{"a":null,"b":[],"c":[null,[]]}`, `{}`},
		"one of each": {`{"s":"x","i":5,"f":1.5,"b":true,"d":"2024-05-01","o":{"p":{"q":-1}},"e":{}}`, `{"s":text,"i":{"type":"long"},"f":{"type":"double"},"b":{"type":"boolean"},"d":{"type":"date"},"o":{"properties":{"p":{"properties":{"q":{"type":"long"}}}}},"e":{"type":"object"}}`},
		"numbers":     {`{"a":1.0,"b":1e3,"c":-0,"d":12345678901234567890,"e":1E-2}`, `{"a":{"type":"double"},"b":{"type":"double"},"c":{"type":"long"},"d":{"type":"long"},"e":{"type":"double"}}`},
		"texts of digits": {
			`{"id":"0071","year":"2024","signed":"-2024","float":"1.5","bool":"true","compact":"20240501"}`,
			`{"id":text,"year":text,"signed":text,"float":text,"bool":text,"compact":text}`,
		},
		"dates": {
			`{"a":"2024-05","b":"2024-05-01T10:11:12.123Z","c":"2024-05-01T10:11+05:30","d":"2024/05/01","e":"2024/05/01 10:11:12","f":"2024-02-31","g":"01-05-2024","h":"2024-5-1","i":"2024-05-01 10:11"}`,
			`{"a":{"type":"date"},"b":{"type":"date"},"c":{"type":"date"},"d":{"type":"date","format":"yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"},"e":{"type":"date","format":"yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"},"f":text,"g":text,"h":text,"i":text}`,
		},
		"the last document counts as the first": {`{"a":1,"b":"2024-05-01","c":1}` + "\n" + `{"a":2,"b":"2024-06-01"}` + "\n" + `{"a":1.5,"b":"May","c":true}`, `{"a":{"type":"double"},"b":text,"c":text}`},
		"a field that is a text already":        {`{"a":"x"}` + "\n" + `{"a":"2024-05-01"}` + "\n" + `{"a":5}`, `{"a":text}`},
		"kinds of dates":                        {`{"a":["2024-05-01","2024/05/01"],"b":["2024-05-01",5]}`, `{"a":text,"b":text}`},
		"lists":                                 {`{"a":[1,[2.5]],"b":[{"c":1},{"d":"x"}],"e":[null,true]}`, `{"a":{"type":"double"},"b":{"properties":{"c":{"type":"long"},"d":text}},"e":{"type":"boolean"}}`},
		"dotted keys":                           {`{"a.b":1,"a":{"c":true}}` + "\n" + `{"a":{"b":2}}`, `{"a":{"properties":{"b":{"type":"long"},"c":{"type":"boolean"}}}}`},
		"escapes":                               {`{"\u0061\"\\":"\"}","é":"\\","x y":" 5"}`, `{"a\"\\":text,"é":text,"x y":text}`},
		"hits":                                  {`{"_id":"1","_source":{"a":1}}` + "\n" + `{"_id":"2","_source":{"b":1}}`, `{"a":{"type":"long"},"b":{"type":"long"}}`},
		"bulk":                                  {`{"index":{"_id":"1"}}` + "\n" + `{"a":1}` + "\n" + `{"delete":{"_id":"1"}}`, `{"a":{"type":"long"}}`},
		"lines that Load refuses":               {`{"a":1}` + "\nx\n" + `{"a":"x"` + "\n" + `{"b":1}`, `{"a":{"type":"long"},"b":{"type":"long"}}`},
		"as deep as may be":                     {strings.Repeat(`{"o":`, 20) + "1" + strings.Repeat("}", 20), strings.Repeat(`{"o":{"properties":`, 19) + `{"o":{"type":"long"}}` + strings.Repeat("}}", 19)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := inferred(t, c.text)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

// fields is a document of n texts, which count twice.
func fields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"f%d":"x"`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestInferFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"an object":    {`{"a":{"b":1}}` + "\n\n" + `{"a":{"b":{"c":1}}}`, "bulk: f: line 3: a.b: found an object where line 1 of f has a value; a field is one or the other"},
		"a value":      {`{"a":[{"b":1}]}` + "\n" + `{"a":"x"}`, "bulk: f: line 2: a: found a value where line 1 of f has an object; a field is one or the other"},
		"in one list":  {`{"a":[1,{}]}`, "bulk: f: line 1: a: found an object where line 1 of f has a value; a field is one or the other"},
		"by its dots":  {`{"a":1,"a.b":1}`, "bulk: f: line 1: a: found an object where line 1 of f has a value; a field is one or the other"},
		"depth":        {strings.Repeat(`{"o":`, 21) + "1" + strings.Repeat("}", 21), "bulk: f: line 1: " + strings.Repeat("o.", 19) + "o: more than 20 objects in each other"},
		"many fields":  {fields(500) + "\n" + `{"last":1}`, "bulk: f: line 2: last: it is more than the 1000 fields, with objects and sub-fields, that an index may have; write a mapping with those that matter"},
		"empty name":   {`{"":1}`, "bulk: f: line 1: : a name that is empty, or has an empty part, fits no mapping"},
		"empty part":   {`{"a":{"b..c":1}}`, "bulk: f: line 1: a..c: a name that is empty, or has an empty part, fits no mapping"},
		"a long name":  {`{"` + strings.Repeat("x", 1001) + `":1}`, "bulk: f: line 1: " + strings.Repeat("x", 100) + "…: a path of more than 1000 bytes"},
		"engine's own": {`{"_id":"x","a":1}`, `bulk: f: line 1: _id: the name belongs to the engine; an ID stands beside the document: {"_id": …, "_source": {…}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := inferred(t, c.text)
			var fault *bulk.MappingError
			require.ErrorAs(t, err, &fault)
			require.ErrorIs(t, err, search.ErrInvalid)
			require.Equal(t, strings.ReplaceAll(c.want, "a..c", "a.b..c"), err.Error())
		})
	}
	got, err := inferred(t, fields(500))
	require.NoError(t, err)
	require.Equal(t, 500, strings.Count(got, "text"))
	_, err = inferred(t, fields(499)+"\n"+`{"a":1,"b":2}`+"\n"+`{"b":"x"}`) // a field that becomes a text has one more
	require.ErrorContains(t, err, "line 3: b: it is more than")
}

// There is no schema of a part of the documents.
func TestInferUnreadable(t *testing.T) {
	t.Parallel()
	whole := zip(t, strings.Repeat(`{"a":1}`+"\n", 1000))
	opts := &bulk.Options{Open: fromTexts(map[string]string{"whole": whole, "cut": whole[:len(whole)-4], "array": "[1]"})}
	for _, name := range []string{"none", "cut", "array"} {
		s, err := bulk.Infer(t.Context(), "visits", []string{"whole", name}, opts)
		var fault *bulk.FileError
		require.ErrorAs(t, err, &fault)
		require.Equal(t, name, fault.File)
		require.Nil(t, s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := bulk.Infer(ctx, "visits", []string{"whole"}, opts)
	require.ErrorIs(t, err, context.Canceled)
}

// What was inferred takes every one of the documents.
func TestInferredTakesAll(t *testing.T) {
	t.Parallel()
	const text = `{"a":1,"b":true,"c":"2024-05-01","d":"2024/05/01","e":[1,2.5],"f":{},"g":"x","h":1}` + "\n" +
		`{"a":"x","b":5,"c":"May","d":"2024/05/01 10:11:12","e":9223372036854775807,"f":{"g":[{"h":null}]},"g":2.50,"h":1}` + "\n" +
		`{"a":"2024-05-01","b":null,"c":7,"d":"2024/12/31","e":[],"f":null,"g":false}`
	opts := &bulk.Options{Open: fromTexts(map[string]string{"f": text})}
	s, err := bulk.Infer(t.Context(), "visits", []string{"f"}, opts)
	require.NoError(t, err)
	d := newEngine(t, s)
	report, err := bulk.Load(t.Context(), d, s, []string{"f"}, opts)
	require.NoError(t, err)
	require.Equal(t, &bulk.Report{Files: 1, Read: 3, Stored: 3}, report)
}

// Elasticsearch, told nothing of these documents, makes the same of them.
func TestInferLikeElasticsearch(t *testing.T) {
	t.Parallel()
	address := os.Getenv("DHR_TEST_ELASTICSEARCH_URL")
	if address == "" {
		t.Skip("SKIPPED: set DHR_TEST_ELASTICSEARCH_URL to compare with the mapping of a real server")
	}
	const index = "cli-infer-test"
	ask := func(method, path, body string) []byte {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.True(t, answer.StatusCode < 300 || method == http.MethodDelete, "%s", b)
		return b
	}
	var values []string
	for _, text := range []string{
		"x", "0071", "2024", "+2024", "-2024", "2024-05", "2024-05-01", "2024-05-01T10", "2024-05-01T10:11", "2024-05-01T10:11:12", "2024-05-01T10:11:12.123456789Z", "2024-05-01T10:11:12,5Z",
		"2024-05-01T10:11:12+0530", "2024-05-01T10:11:12+05:30", "2024-05-01T10:11:12+05", "2024-05-01 10:11:12", "2024-5-1", "20240501", "2024/05/01", "2024/5/1", "2024/05/01 10:11:12", "2024/05/01 10:11",
		"2024/13/01", "2024-13-01", "2024-05-01T25:00", "2024-W05", "2024-121", "1.5", "1e5", "1714557600000", "true", "", " 2024-05-01", "2024-05-01 ", "12:30", "T12:30", "2024-05-01T", "NaN",
		"10000-05-01", "999-05-01", "+2024-05-01", "-2024-05-01", "2024-05-01T10:11:12Z[UTC]", "2024-05-01T10:11:12z", "2024-05-01T10:11:12GMT", "2024-05-01t10:11", "2024-05-01T24:00:00", "2024-05-01T23:59:60Z",
	} {
		b, err := json.Marshal(text)
		require.NoError(t, err)
		values = append(values, string(b))
	}
	values = append(values, "0", "-5", "9223372036854775807", "1.0", "1e2", "1E-2", "true", "false", "null", "[]", "{}", `{"a":1}`, "[1,2]", `["x"]`, `[{"a":1},{"b":"x"}]`, "[[1.5]]", "[null,true]", "[{}]", `{"a.b":{"c.d":1}}`)
	var doc bytes.Buffer
	for i, v := range values {
		fmt.Fprintf(&doc, `,"v%02d":%s`, i, v)
	}
	text := "{" + doc.String()[1:] + "}"
	ask(http.MethodDelete, "/"+index, "")
	defer ask(http.MethodDelete, "/"+index, "")
	ask(http.MethodPut, "/"+index, `{"settings":{"number_of_replicas":0}}`)
	ask(http.MethodPost, "/"+index+"/_doc", text)
	theirs, err := record.ParseSchema("", ask(http.MethodGet, "/"+index+"/_mapping", ""))
	require.NoError(t, err)
	ours, err := bulk.Infer(t.Context(), "x", []string{"f"}, &bulk.Options{Open: fromTexts(map[string]string{"f": text})})
	require.NoError(t, err)
	var got, want []string
	for i, v := range values {
		path := fmt.Sprintf("v%02d", i)
		// Elasticsearch takes seven digits to be enough for a number; that is the one difference.
		want = append(want, v+" "+strings.ReplaceAll(shape(theirs.Field(path)), `"float"`, `"double"`))
		got = append(got, v+" "+shape(ours.Field(path)))
	}
	require.Equal(t, want, got)
}

// shape is what a field is, with its formats, sub-fields and fields in alphabetical order.
func shape(f *record.Field) string {
	if f == nil {
		return "nothing"
	}
	type part struct {
		Type    string
		Formats []string
		Above   int
		Parts   map[string]string
	}
	p := part{Type: f.Type, Formats: f.Formats, Above: f.IgnoreAbove, Parts: map[string]string{}}
	for _, g := range append(f.Subs, f.Fields...) {
		p.Parts[g.Path[len(f.Path):]] = shape(g)
	}
	b, _ := json.Marshal(p)
	return strings.ReplaceAll(string(b), `\`, "")
}

func BenchmarkInfer(b *testing.B) {
	text := strings.Repeat(`{"id":"0071","name":"Asha","age":34,"weight":52.5,"visited":"2024-05-01T10:11:12Z","address":{"district":"Nashik","pin":"422001"},"tags":["a","b"]}`+"\n", 10_000)
	opts := &bulk.Options{Open: fromTexts(map[string]string{"f": text})}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := bulk.Infer(b.Context(), "visits", []string{"f"}, opts)
		require.NoError(b, err)
	}
}

func FuzzInfer(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"a.b":[1,{"c":"2024-05-01"}]}`, `{"a":{"b":null},"\u0061":tru}`, "{\"a\" : [ \"\\\"\" , -1.5e3 ] }\n{\"a\":{}}", `{"index":{}}` + "\n" + `{"x":"y"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		opts := &bulk.Options{Open: fromTexts(map[string]string{"f": text})}
		s, err := bulk.Infer(t.Context(), "visits", []string{"f"}, opts)
		if err != nil {
			return
		}
		empty, err := record.ParseSchema("visits", []byte(`{"properties":{}}`))
		require.NoError(t, err)
		load := func(s *record.Schema) *bulk.Report {
			d := memsearch.New()
			require.NoError(t, d.Create(t.Context(), s))
			report, err := bulk.Load(t.Context(), d, s, []string{"f"}, opts)
			require.NoError(t, err)
			return report
		}
		// What is refused is so for what it is, or since a key stands twice or a number is too large, but not for its type.
		bare := load(empty)
		for _, r := range load(s).Refusals {
			same := strings.Contains(r.Reason, "twice") || strings.Contains(r.Reason, "whole number from") || strings.Contains(r.Reason, "of a size")
			for _, b := range bare.Refusals {
				same = same || b.Place == r.Place
			}
			require.True(t, same, "%+v", r)
		}
	})
}
