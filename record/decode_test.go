package record

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const documentMapping = `{"properties":{"id":{"type":"keyword"},"age":{"type":"integer"},"big":{"type":"long"},"u":{"type":"unsigned_long"},
	"price":{"type":"scaled_float","scaling_factor":100},"active":{"type":"boolean"},"born":{"type":"date"},"ip":{"type":"ip"},"v":{"type":"version"},
	"note":{"type":"text","fields":{"exact":{"type":"keyword","ignore_above":6}}},
	"address":{"properties":{"city":{"type":"keyword"},"lines":{"type":"text"}}},
	"visits":{"type":"nested","properties":{"at":{"type":"date"},"by":{"type":"keyword"}}},
	"geo":{"type":"geo_point"},"labels":{"type":"flattened"},"raw":{"type":"object","enabled":false},"area":{"type":"geo_shape"},
	"loose":{"type":"integer","ignore_malformed":true},"coded":{"type":"keyword","null_value":"none"},"kind":{"type":"constant_keyword","value":"task"}}}`

// everything is a projection of all fields of a mapping, and some keys.
func everything(tb testing.TB, mapping string, more ...string) *Projection {
	tb.Helper()
	s, err := ParseSchema("docs", []byte(mapping))
	require.NoError(tb, err)
	var paths []string
	for f := range s.All() {
		paths = append(paths, f.Path)
	}
	p, err := s.Project(append(paths, more...)...)
	require.NoError(tb, err)
	return p
}

func TestDecode(t *testing.T) {
	d := NewDecoder(everything(t, documentMapping, "labels.team", "labels.deep", "labels.deep.x"))
	var r Record
	golden(t, "documents.txt", func(doc string) string {
		if err := d.Decode([]byte(doc), &r); err != nil {
			var e *DocumentError
			require.ErrorAs(t, err, &e)
			return err.Error()
		}
		require.Equal(t, doc, string(r.Source()))
		return describeRecord(&r)
	})
}

// describeRecord lists the columns that hold values, with the text of those
// that are written otherwise than they compare.
func describeRecord(r *Record) string {
	var lines []string
	for i, f := range r.Projection().Fields() {
		var values []string
		for _, v := range r.Values(i) {
			text := v.String()
			if v.Text() != text && v.Kind() != String && v.Kind() != Version {
				text += " as " + v.Text()
			}
			values = append(values, text)
		}
		if values != nil {
			lines = append(lines, f.Path+": "+strings.Join(values, ", "))
		}
	}
	return strings.Join(lines, "\n")
}

const shapesMapping = `{"properties":{"k":{"type":"keyword"},"n":{"type":"integer"},"o":{"properties":{"a":{"type":"keyword"},"b":{"properties":{"c":{"type":"integer"}}}}},
	"l":{"type":"nested","properties":{"x":{"type":"keyword"}}},"g":{"type":"geo_point"},"fl":{"type":"flattened"},"off":{"type":"object","enabled":false},
	"t":{"type":"text","fields":{"raw":{"type":"keyword","ignore_above":3}}},"dot.ted":{"type":"keyword"}}}`

func TestShapesAsElasticsearch(t *testing.T) {
	data, err := os.ReadFile("testdata/shapes.txt")
	require.NoError(t, err)
	apart := []string{`{"":1}`, `{"a..b":1}`, `{".":1}`, `{"o":{"":1}}`, // names of keys that are not wanted
		`{"k":"\ud800"}`} // half a pair: U+FFFD, not a question mark
	d := NewDecoder(everything(t, shapesMapping, "fl.a", "fl.b.c", "fl.a.b"))
	cases := 0
	for _, line := range strings.Split(string(data), "\n") {
		doc, want, ok := strings.Cut(line, "\t")
		if !ok || slices.Contains(apart, doc) {
			continue
		}
		cases++
		var r Record
		err := d.Decode([]byte(doc), &r)
		require.Equal(t, want == "-", err != nil, "%s: %v", doc, err)
		if err != nil {
			continue
		}
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(want), &fields))
		for _, path := range []string{"k", "n", "o.a", "o.b.c", "t.raw", "dot.ted", "fl.a", "fl.b.c", "fl.a.b"} {
			if fields[path] == nil {
				fields[path] = json.RawMessage("[]")
			}
			require.True(t, sameValues(r.Lookup(path), string(fields[path])), "%s: %s: got %v, want %s", doc, path, r.Lookup(path), fields[path])
		}
	}
	require.Greater(t, cases, 40)
}

func TestDecodeInvalidUTF8(t *testing.T) {
	d := NewDecoder(everything(t, documentMapping))
	var r Record
	for doc, offset := range map[string]int{
		"{\"id\":\"ab\xffcd\"}":           9,
		"{\"x\":\"ab\xc0\x80\"}":          8,
		"{\"k\xed\xa0\x80\":1}":           3,
		"{\"id\":\xff}":                   6,
		"\xef\xbb\xbf{}":                  0,
		"{\"id\":\"हिन्दी ok \xe0\xa4\"}": 29,
	} {
		var e *DocumentError
		require.ErrorAs(t, d.Decode([]byte(doc), &r), &e, "%q", doc)
		require.Equal(t, offset, e.Offset, "%q: %v", doc, e)
	}
	require.NoError(t, d.Decode([]byte(`{"id":"हिन्दी ਪੰਜਾਬੀ"}`), &r))
	require.Equal(t, "हिन्दी ਪੰਜਾਬੀ", r.Lookup("id")[0].Text())
}

func TestDecodeDepth(t *testing.T) {
	d := NewDecoder(everything(t, documentMapping))
	nest := func(n int) []byte {
		return []byte(`{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`)
	}
	var r Record
	require.NoError(t, d.Decode(nest(maxDepth-1), &r))
	require.ErrorContains(t, d.Decode(nest(maxDepth), &r), "nested too deep")
	require.ErrorContains(t, d.Decode([]byte(strings.Repeat(`{"address":`, 1_000_000)), &r), "nested too deep")
	require.ErrorContains(t, d.Decode([]byte(`{"id":`+strings.Repeat(`[`, 1_000_000)), &r), "nested too deep")
	require.NoError(t, d.Decode([]byte(`{"id":["x"]}`), &r)) // the decoder is not spoilt
}

func TestDecodeMetaColumns(t *testing.T) {
	s, err := ParseSchema("docs", []byte(documentMapping))
	require.NoError(t, err)
	p, err := s.Project("_index", "id", "_id", "id")
	require.NoError(t, err)
	r := Record{ID: "7", Index: "docs-2024"}
	d := NewDecoder(p)
	for range 2 {
		require.NoError(t, d.Decode([]byte(`{"id":"x","_id":"other"}`), &r))
		require.Equal(t, "_index: \"docs-2024\"\nid: \"x\"\n_id: \"7\"\nid: \"x\"", describeRecord(&r))
	}
	require.Equal(t, 1, p.Column("id"))
	require.Equal(t, -1, p.Column("age"))
	require.Same(t, s, p.Schema())
}

func TestProjectErrors(t *testing.T) {
	s, err := ParseSchema("docs", []byte(documentMapping))
	require.NoError(t, err)
	_, err = s.Project("id", "adress.city")
	var e *SchemaError
	require.ErrorAs(t, err, &e)
	require.EqualError(t, err, `record: schema of "docs": adress.city: no such field; did you mean "address.city"?`)
	_, err = s.ProjectNested("id", "id")
	require.EqualError(t, err, `record: schema of "docs": id: no such object`)
	_, err = s.ProjectNested("visits", "id")
	require.EqualError(t, err, `record: schema of "docs": id: not inside of visits`)
}

// A list of objects that are not nested is one of JSON values as well, each of which can be read further.
func TestDecodeObjects(t *testing.T) {
	s, err := ParseSchema("docs", []byte(documentMapping))
	require.NoError(t, err)
	outer, err := s.Project("address")
	require.NoError(t, err)
	inner, err := s.ProjectNested("address", "address.city")
	require.NoError(t, err)
	var doc, object Record
	require.NoError(t, NewDecoder(outer).Decode([]byte(`{"address":[{"city":"Pune"},{"city":["Agra","Delhi"]}]}`), &doc))
	require.Len(t, doc.Values(0), 2)
	require.NoError(t, NewDecoder(inner).Decode([]byte(doc.Values(0)[1].Text()), &object))
	require.Len(t, object.Values(0), 2)
	require.Equal(t, "Delhi", object.Values(0)[1].Text())
}

func TestDecodeNested(t *testing.T) {
	s, err := ParseSchema("docs", []byte(documentMapping))
	require.NoError(t, err)
	outer, err := s.Project("visits")
	require.NoError(t, err)
	inner, err := s.ProjectNested("visits", "visits.by", "visits.at")
	require.NoError(t, err)
	var r, visit Record
	require.NoError(t, NewDecoder(outer).Decode([]byte(`{"visits":[{"at":"2024-01-31","by":"x"},{"by":["y","z"]}]}`), &r))
	d := NewDecoder(inner)
	var got []string
	for _, v := range r.Values(0) {
		require.NoError(t, d.Decode([]byte(v.Text()), &visit))
		got = append(got, describeRecord(&visit))
	}
	require.Equal(t, []string{"visits.by: \"x\"\nvisits.at: 2024-01-31T00:00:00Z as 2024-01-31", `visits.by: "y", "z"`}, got)
	err = d.Decode([]byte(`{"at":"soon"}`), &visit)
	require.ErrorContains(t, err, "offset 6: visits.at: ")
}

// A column for each of many keys takes the other way to find them.
func TestDecodeManyColumns(t *testing.T) {
	var mapping, doc strings.Builder
	for i := range 300 {
		fmt.Fprintf(&mapping, `,"f%d":{"type":"integer"}`, i)
		fmt.Fprintf(&doc, `,"f%d":%d`, i, i)
	}
	p := everything(t, `{"properties":{`+mapping.String()[1:]+`}}`)
	var r Record
	require.NoError(t, NewDecoder(p).Decode([]byte(`{`+doc.String()[1:]+`}`), &r))
	for i := range 300 {
		require.Equal(t, int64(i), r.Value(i).Int())
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d := taskDecoder(t)
	wide := NewDecoder(everything(t, documentMapping, "labels.team"))
	docs := [][]byte{[]byte(taskDocument), []byte(`{"id":["x\u00e9","y"],"ip":["10.0.0.1","::1"],"v":"1.2","price":36.50,"born":"2024-01-31T10:00:00Z",
		"geo":[1,2],"labels":{"team":"red"},"address.city":"Kano","visits":[{"by":"x"}],"note":"rather long"}`)}
	var r Record
	for i, d := range []*Decoder{d, wide} {
		allocs := testing.AllocsPerRun(100, func() {
			if err := d.Decode(docs[i], &r); err != nil {
				t.Fatal(err)
			}
		})
		require.Zero(t, allocs)
	}
}

func TestResetAppendClone(t *testing.T) {
	p := everything(t, documentMapping)
	r := Record{ID: "1", Index: "docs"}
	require.Nil(t, r.Lookup("id"))
	r.Reset(p)
	require.True(t, r.Value(0).IsNull())
	r.Append(p.Column("id"), StringValue("a"))
	r.Append(p.Column("id"), StringValue("b"))
	r.Append(p.Column("age"), IntValue(7))
	c := r.Clone()
	r.Reset(p)
	require.Empty(t, r.Lookup("id"))
	require.Equal(t, "id: \"a\", \"b\"\nage: 7", describeRecord(c))
	require.Equal(t, "1", c.ID)
	require.Nil(t, c.Lookup("nothing"))

	doc := []byte(`{"id":"abc","ip":"10.0.0.1","note":"x\ty","born":"2024-01-31"}`)
	require.NoError(t, NewDecoder(p).Decode(doc, &r))
	c = r.Clone()
	want := describeRecord(&r)
	clear(doc)
	clear(r.scratch)
	require.Equal(t, want, describeRecord(c))
	require.Contains(t, string(c.Source()), `"abc"`)
	c.Append(0, StringValue("more")) // does not reach into the next column
	require.Equal(t, want, strings.Replace(describeRecord(c), `, "more"`, "", 1))
}

// A decoder that has seen other documents reads like a new one, whatever their
// keys and the order of these.
func TestDecodeChangingShapes(t *testing.T) {
	p := everything(t, shapesMapping, "fl.a", "fl.a.b")
	keys := []string{`"k"`, `"k" `, `"n"`, `"o"`, `"o.a"`, `"a"`, `"b"`, `"c"`, `"fl"`, `"off"`, `"t"`, `"\u006b"`, `"x"`, `"kk"`, `"l"`, `""`}
	var document func(t *rapid.T, depth int) string
	document = func(t *rapid.T, depth int) string {
		var members []string
		for _, key := range rapid.SliceOfN(rapid.SampledFrom(keys), 0, 8).Draw(t, "keys") {
			value := rapid.SampledFrom([]string{`1`, `"v"`, `[]`, `null`, `[1,"2"]`, `{`}).Draw(t, "value")
			if value == "{" && depth < 3 {
				value = document(t, depth+1)
			} else if value == "{" {
				value = "{}"
			}
			members = append(members, key+":"+value)
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	rapid.Check(t, func(t *rapid.T) {
		old := NewDecoder(p)
		for range 10 {
			doc := []byte(document(t, 0))
			var r, s Record
			got, want := old.Decode(doc, &r), NewDecoder(p).Decode(doc, &s)
			if fmt.Sprint(got) != fmt.Sprint(want) || want == nil && describeRecord(&r) != describeRecord(&s) {
				t.Fatalf("%s: %v, %v", doc, got, want)
			}
		}
	})
}

// FuzzDecode holds the decoder against encoding/json: the same verdict on valid
// UTF-8, and the same values.
func FuzzDecode(f *testing.F) {
	for _, doc := range []string{taskDocument, `{"s":"x","n":{"s":["a",{"b":1}]},"t":[1,2]}`, `{"s":"\ud800\u0041\n"}`, `{"n":{"s":"a"},"n":{}}`,
		`{"n.s":"x","a":{"":null}}`, ` { "s" : [ ] , "x" : -0.5e-7 } `, `{"s":"é","t":true}`, "{\"s\":\"\xff\"}", `[1]`, `{"s":1}x`} {
		f.Add([]byte(doc))
	}
	s, err := ParseSchema("", []byte(`{"properties":{"s":{"type":"keyword"},"t":{"type":"object","enabled":false},"n":{"properties":{"s":{"type":"keyword"}}}}}`))
	require.NoError(f, err)
	p, err := s.Project("s", "n.s", "t")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, doc []byte) {
		var r, again Record
		d := NewDecoder(p)
		err := d.Decode(doc, &r)
		if twice := d.Decode(doc, &again); fmt.Sprint(twice) != fmt.Sprint(err) || err == nil && describeRecord(&again) != describeRecord(&r) {
			t.Fatalf("%q: %v, then %v", doc, err, twice)
		}
		var tree map[string]any
		dec := json.NewDecoder(strings.NewReader(string(doc)))
		dec.UseNumber()
		oracle := dec.Decode(&tree)
		if oracle == nil && !json.Valid(doc) {
			oracle = fmt.Errorf("trailing data")
		}
		if oracle == nil && tree == nil {
			oracle = fmt.Errorf("null")
		}
		if err != nil {
			e := err.(*DocumentError)
			if e.Offset < 0 || e.Offset > len(doc) {
				t.Fatalf("%q: offset of %v", doc, e)
			}
			sound := e.Path != "" || strings.Contains(e.Message, "UTF-8") || e.Message == "nested too deep"
			if oracle == nil && !sound {
				t.Fatalf("%q: refused: %v", doc, err)
			}
			return
		}
		if oracle != nil {
			t.Fatalf("%q: accepted, but %v", doc, oracle)
		}
		if want := scalars(tree["s"], nil); !strings.Contains(string(doc), ".") && !reflect.DeepEqual(texts(r.Values(0)), want) {
			t.Fatalf("%q: got %q, want %q", doc, texts(r.Values(0)), want)
		}
		if c := r.Clone(); describeRecord(c) != describeRecord(&r) {
			t.Fatalf("%q: the clone differs", doc)
		}
	})
}

func texts(vs []Value) (list []string) {
	for _, v := range vs {
		list = append(list, v.Text())
	}
	return list
}

// scalars lists the single values in x as text.
func scalars(x any, list []string) []string {
	switch x := x.(type) {
	case string:
		return append(list, x)
	case json.Number, bool:
		return append(list, fmt.Sprint(x))
	case []any:
		for _, e := range x {
			list = scalars(e, list)
		}
	}
	return list
}
