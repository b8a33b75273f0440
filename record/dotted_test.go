package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const wholeMapping = `{"properties":{"o":{"properties":{"a":{"type":"keyword"},"p":{"properties":{"q":{"type":"long"}}}}},"n":{"type":"nested","properties":{"x":{"type":"keyword"}}},
	"fl":{"type":"flattened"},"off":{"type":"object","enabled":false},"sem":{"type":"semantic_text"},"g":{"type":"geo_point","ignore_malformed":true}}}`

// An object that is wanted as a whole has what keys with dots say of it.
func TestDottedKeysOfWholeObjects(t *testing.T) {
	s, err := ParseSchema("docs", []byte(wholeMapping))
	require.NoError(t, err)
	wholes := []string{"o", "o.p", "n", "fl", "off", "sem", "g"}
	alone, err := s.Project(wholes...)
	require.NoError(t, err)
	for _, p := range []*Projection{alone, everything(t, wholeMapping, "fl.a.b")} {
		d := NewDecoder(p)
		for _, test := range []struct {
			doc  string
			want map[string][]string
		}{
			{`{"o.a":"1"}`, map[string][]string{"o": {`{"a":"1"}`}}},
			{`{"o":{"b":"2"},"o.a":"1"}`, map[string][]string{"o": {`{"b":"2"}`, `{"a":"1"}`}}},
			{`{"o.p.q":[1, 2]}`, map[string][]string{"o": {`{"p.q":[1, 2]}`}, "o.p": {`{"q":[1, 2]}`}}},
			{`{"o":{"p.q":1}}`, map[string][]string{"o": {`{"p.q":1}`}, "o.p": {`{"q":1}`}}},
			{`{"o.p":{"q":1}}`, map[string][]string{"o": {`{"p":{"q":1}}`}, "o.p": {`{"q":1}`}}},
			{`{"n.x":"1","n.y":{"z":null}}`, map[string][]string{"n": {`{"x":"1"}`, `{"y":{"z":null}}`}}},
			{`{"fl.a":"1","fl.a.b":2}`, map[string][]string{"fl": {`{"a":"1"}`, `{"a.b":2}`}}},
			{`{"off.a.b":true}`, map[string][]string{"off": {`{"a.b":true}`}}},
			{`{"sem.text" : "x"}`, map[string][]string{"sem": {`{"text":"x"}`}}},
			{`{"fl\u002ea\"\\\u0001\u00e9":1}`, map[string][]string{"fl": {`{"a\"\\\u0001é":1}`}}},
			{`{"g.lat":1,"g.lon":2}`, nil},
			{`{"g.geohash":"u4pru"}`, map[string][]string{"g": {`{"geohash":"u4pru"}`}}},
			{`{"x.y":1,"ox.a":1,"o":null}`, nil},
		} {
			var r Record
			for range 2 { // the second time with guesses
				require.NoError(t, d.Decode([]byte(test.doc), &r), test.doc)
				for _, path := range wholes {
					require.Equal(t, test.want[path], texts(r.Lookup(path)), "%s: %s", test.doc, path)
				}
			}
		}
	}
}

func TestDottedKeysAllocateNothing(t *testing.T) {
	d := NewDecoder(everything(t, wholeMapping))
	doc := []byte(`{"o.p.q":1,"o.a":"x","n.x":["1","2"],"fl.a":1,"fl\u002eb":2,"off.a":{"b":1}}`)
	var r Record
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := d.Decode(doc, &r); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestDecodeNestedFromDottedKeys(t *testing.T) {
	s, err := ParseSchema("docs", []byte(wholeMapping))
	require.NoError(t, err)
	outer, err := s.Project("n")
	require.NoError(t, err)
	inner, err := s.ProjectNested("n", "n.x")
	require.NoError(t, err)
	var r, entry Record
	require.NoError(t, NewDecoder(outer).Decode([]byte(`{"n.x":"1"}`), &r))
	require.NoError(t, NewDecoder(inner).Decode([]byte(r.Value(0).Text()), &entry))
	require.Equal(t, "1", entry.Value(0).Text())
}

// Where subobjects is false, a field may stand below one that is no object.
func TestDecodeWithoutSubobjects(t *testing.T) {
	for _, mapping := range []string{
		`{"subobjects":false,"properties":{"m.time":{"type":"long"},"m.time.max":{"type":"long"},"m.a.b":{"type":"keyword"}}}`,
		`{"properties":{"m":{"subobjects":false,"properties":{"time":{"type":"long"},"time.max":{"type":"long"},"a.b":{"type":"keyword"}}}}}`,
	} {
		p := project(t, mapping, "m.time", "m.time.max", "m.a.b")
		d := NewDecoder(p)
		var r Record
		for doc, want := range map[string]string{
			`{"m.time":1,"m.time.max":2,"m.a.b":"x"}`:       "m.time: 1\nm.time.max: 2\nm.a.b: \"x\"",
			`{"m":{"time":1,"time.max":2,"a.b":"x"}}`:       "m.time: 1\nm.time.max: 2\nm.a.b: \"x\"",
			`{"m":{"time":{"max":2},"a":{"b":"x","c":[]}}}`: "m.time.max: 2\nm.a.b: \"x\"",
			`{"m":{"time.max":2,"a":5}}`:                    "m.time.max: 2",
		} {
			require.NoError(t, d.Decode([]byte(doc), &r), doc)
			require.Equal(t, want, describeRecord(&r), doc)
		}
		require.NoError(t, NewDecoder(project(t, mapping, "m.time")).Decode([]byte(`{"m":{"time":{"max":2}}}`), &r))
	}
}

// Whether a document is refused does not hang on which of the fields of one
// value are wanted.
func TestDecodeUnknownTypeWithSubField(t *testing.T) {
	const mapping = `{"properties":{"a":{"type":"semantic_text","fields":{"raw":{"type":"keyword"}}},"g":{"type":"geo_point","fields":{"raw":{"type":"keyword"}}}}}`
	for doc, want := range map[string]string{
		`{"a":{"text":"x"}}`:                         `a: {"text":"x"}`,
		`{"a":"x"}`:                                  "a: \"x\"\na.raw: \"x\"",
		`{"a":["x",{"y":1}]}`:                        "a: [\"x\",{\"y\":1}]\na.raw: \"x\"",
		`{"a":[null],"g":[null,[]]}`:                 "a: [null]",
		`{"g":{"lat":1,"lon":2}}`:                    `g: {"lat":1,"lon":2}`,
		`{"a":null,"g":["1,2"]}`:                     "g: \"1,2\"\ng.raw: \"1,2\"",
		`{"g":{"type":"Point","coordinates":[1,2]}}`: `g: {"type":"Point","coordinates":[1,2]}`,
	} {
		var r Record
		require.NoError(t, NewDecoder(project(t, mapping, "a", "a.raw", "g", "g.raw")).Decode([]byte(doc), &r), doc)
		require.Equal(t, want, describeRecord(&r))
		require.NoError(t, NewDecoder(project(t, mapping, "a.raw", "g.raw")).Decode([]byte(doc), &r), doc)
	}
}
