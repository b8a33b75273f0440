package sqlsearch

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/digit-health/dhr/record"
)

// A flattener finds the values of the keys of flattened fields. Which keys a
// document has is looked up in its JSON; what their values are, a decoder says.
type flattener struct {
	schema   *record.Schema
	decoders map[string]*keyDecoder
	record   record.Record
}

type keyDecoder struct {
	decoder *record.Decoder
	keys    []string // of the columns
}

// maxDecoders is how many sets of keys are remembered.
const maxDecoders = 256

// add adds the keys of the document of r to b.
func (fl *flattener) add(b *batch, e *encoder, r *record.Record, source []byte) {
	for i, f := range e.fields {
		if f.Kind != record.Flattened {
			continue
		}
		keys := map[string]bool{}
		for _, v := range r.Values(e.columns[i]) {
			var tree any
			if json.Unmarshal([]byte(v.Text()), &tree) == nil {
				leaves("", tree, keys)
			}
		}
		if len(keys) == 0 {
			continue
		}
		d := fl.decoder(f, keys)
		fl.record.ID, fl.record.Index = r.ID, r.Index
		if d == nil || d.decoder.Decode(source, &fl.record) != nil {
			continue
		}
		for n, key := range d.keys {
			for ord, v := range fl.record.Values(n) {
				b.keys = append(b.keys, keyValue{i, ord, b.text(key), b.value(v, f.FoldCase)})
			}
		}
	}
}

// leaves adds the dotted paths of what stands in a JSON value.
func leaves(path string, tree any, keys map[string]bool) {
	switch t := tree.(type) {
	case map[string]any:
		for key, v := range t {
			below := key
			if path != "" {
				below = path + "." + key
			}
			leaves(below, v, keys)
		}
	case []any:
		for _, v := range t {
			leaves(path, v, keys)
		}
	default:
		if path != "" {
			keys[path] = true
		}
	}
}

// decoder returns the decoder for a set of keys of f, or nil if none of them can be asked for.
func (fl *flattener) decoder(f *record.Field, set map[string]bool) *keyDecoder {
	keys := make([]string, 0, len(set))
	for key := range set {
		if g := fl.schema.Field(f.Path + "." + key); g != nil && g.Kind == record.String {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	name := f.Path + "\x00" + strings.Join(keys, "\x00")
	if d := fl.decoders[name]; d != nil {
		return d
	}
	paths := make([]string, len(keys))
	for i, key := range keys {
		paths[i] = f.Path + "." + key
	}
	p, err := fl.schema.Project(paths...)
	if err != nil {
		return nil
	}
	if fl.decoders == nil || len(fl.decoders) >= maxDecoders {
		fl.decoders = map[string]*keyDecoder{}
	}
	d := &keyDecoder{record.NewDecoder(p), keys}
	fl.decoders[name] = d
	return d
}
