package searchtest

import (
	"bytes"
	_ "embed" // the corpus is needed wherever a driver is tested
	"encoding/json"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
)

//go:embed testdata/mapping.json
var mappingFile []byte

//go:embed testdata/documents.ndjson
var documentsFile []byte

// generatedDocuments is how many documents there are besides those written by hand.
const generatedDocuments = 320

// flattenedKeys are keys in flattened fields that questions are asked of.
var flattenedKeys = []string{"labels.color", "labels.a.b", "labels.odd key", "labels.n"}

// A corpus is documents of one index, decoded with all that questions are asked of.
type corpus struct {
	schema     *record.Schema
	projection *record.Projection
	records    []*record.Record // in the order of loading
	absent     []string         // what the server has no type for
}

// newCorpus returns the corpus, without the fields of absent types.
func newCorpus(t tb, index string, types map[string]string) *corpus {
	t.Helper()
	mapping, absent, err := adapt(mappingFile, types)
	require.NoError(t, err)
	schema, err := record.ParseSchema(index, mapping)
	require.NoError(t, err)
	require.Empty(t, schema.Unknown)
	c := &corpus{schema: schema, absent: absent, projection: everything(t, schema, flattenedKeys...)}
	c.read(t, documentsFile)
	c.read(t, generate(generatedDocuments))
	return c
}

// everything returns the projection with all fields of a schema, and those of
// the keys that are fields in it.
func everything(t tb, schema *record.Schema, keys ...string) *record.Projection {
	t.Helper()
	columns, err := schema.ProjectAll()
	require.NoError(t, err)
	var paths []string
	for _, f := range columns.Fields() {
		paths = append(paths, f.Path)
	}
	for _, key := range keys {
		if schema.Field(key) != nil {
			paths = append(paths, key)
		}
	}
	projection, err := schema.Project(paths...)
	require.NoError(t, err)
	return projection
}

// read appends the documents of a file.
func (c *corpus) read(t tb, file []byte) {
	t.Helper()
	for r, err := range record.ReadNDJSON(bytes.NewReader(file), "corpus", c.projection) {
		require.NoError(t, err)
		r = r.Clone()
		r.Index = c.schema.Index
		c.records = append(c.records, r)
	}
}

// adapt writes a mapping in a server's words: types are called as it calls
// them, and fields of types that it does not have are taken out, of what
// _meta says as well.
func adapt(mapping []byte, types map[string]string) (adapted []byte, absent []string, err error) {
	if len(types) == 0 {
		return mapping, nil, nil
	}
	var root map[string]any
	if err := json.Unmarshal(mapping, &root); err != nil {
		return nil, nil, err
	}
	a := adapter{types: types}
	mappings := root["mappings"].(map[string]any)
	a.properties(mappings["properties"], "")
	meta, _ := mappings["_meta"].(map[string]any)
	dhr, _ := meta["dhr"].(map[string]any)
	for key, list := range dhr {
		if list, ok := list.([]any); ok && key != "history" {
			dhr[key] = slices.DeleteFunc(list, func(path any) bool { return slices.Contains(a.gone, path.(string)) })
		}
	}
	slices.Sort(a.told)
	adapted, err = json.Marshal(root)
	return adapted, a.told, err
}

type adapter struct {
	types map[string]string
	gone  []string // paths
	told  []string // the same, with their types
}

func (a *adapter) properties(list any, prefix string) {
	fields, _ := list.(map[string]any)
	for name, field := range fields {
		field := field.(map[string]any)
		path := prefix + name
		typ, _ := field["type"].(string)
		other, named := a.types[typ]
		if _, alone := a.types["."+path]; alone || named && other == "" {
			delete(fields, name)
			a.gone = append(a.gone, path)
			a.told = append(a.told, path+" ("+typ+")")
			continue
		} else if named {
			field["type"] = other
		}
		a.properties(field["properties"], path+".")
		a.properties(field["fields"], path+".")
	}
}

// subset returns a corpus of those records whose IDs are chosen, under a schema of
// another name.
func (c *corpus) subset(t tb, index string, choose func(i int, r *record.Record) bool) *corpus {
	t.Helper()
	mapping, err := json.Marshal(c.schema)
	require.NoError(t, err)
	schema, err := record.ParseSchema(index, mapping)
	require.NoError(t, err)
	out := &corpus{schema: schema, absent: c.absent, projection: everything(t, schema, flattenedKeys...)}
	for i, r := range c.records {
		if choose(i, r) {
			out.add(t, r.ID, r.Source())
		}
	}
	return out
}

// add appends a document, or puts it in the place of the one with this ID.
func (c *corpus) add(t tb, id string, source []byte) {
	t.Helper()
	r := &record.Record{ID: id, Index: c.schema.Index}
	source = slices.Clone(source)
	require.NoError(t, record.NewDecoder(c.projection).Decode(source, r), "%s", source)
	r = r.Clone()
	if i := slices.IndexFunc(c.records, func(o *record.Record) bool { return o.ID == id }); i >= 0 {
		c.records[i] = r
		return
	}
	c.records = append(c.records, r)
}

// source returns the document with this ID, cut short where it is long.
func (c *corpus) source(id string) string {
	for _, r := range c.records {
		if r.ID == id {
			text := string(r.Source())
			if len(text) > 3000 {
				text = strings.ToValidUTF8(text[:3000], "") + " ..."
			}
			return text
		}
	}
	return "no such document in the corpus"
}
