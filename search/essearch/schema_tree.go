package essearch

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/record"
)

// An indexInfo is what the cluster says of one index.
type indexInfo struct {
	Mappings object `json:"mappings"`
	Settings struct {
		Index struct {
			Analysis any `json:"analysis"`
			Mapping  any `json:"mapping"`
		} `json:"index"`
	} `json:"settings"`
}

// An object is a JSON object whose numbers are json.Number.
type object = map[string]any

func decodeIndexes(text []byte) (map[string]*indexInfo, error) {
	var answer map[string]*indexInfo
	return answer, decodeNumbers(text, &answer)
}

func decodeNumbers(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

// A tree is an index definition that can be changed.
type tree struct {
	mappings object
	settings object
	text     string // the definition as it was written, if nothing was changed
}

func (i *indexInfo) tree() *tree {
	t := &tree{mappings: i.Mappings, settings: object{}}
	if t.mappings == nil {
		t.mappings = object{}
	}
	index := object{}
	if i.Settings.Index.Analysis != nil {
		index["analysis"] = i.Settings.Index.Analysis
	}
	if i.Settings.Index.Mapping != nil {
		index["mapping"] = i.Settings.Index.Mapping
	}
	if len(index) > 0 {
		t.settings["index"] = index
	}
	return t
}

// treeOf reads the definition that a schema is.
func treeOf(s *record.Schema) (*tree, error) {
	text, err := s.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var raw object
	if err := decodeNumbers(text, &raw); err != nil {
		return nil, err
	}
	t := &tree{mappings: child(raw, "mappings"), settings: child(raw, "settings")}
	if t.mappings == nil {
		t.mappings = object{}
	}
	if t.settings == nil {
		t.settings = object{}
	}
	return t, nil
}

// schema reads the tree as a schema.
func (t *tree) schema(index string) (*record.Schema, error) {
	if t.text != "" {
		return record.ParseSchema(index, []byte(t.text))
	}
	text, err := json.Marshal(object{"settings": t.settings, "mappings": t.mappings})
	if err != nil {
		return nil, err
	}
	return record.ParseSchema(index, text)
}

func child(o object, name string) object {
	c, _ := o[name].(object)
	return c
}

func (t *tree) hasID() bool {
	f := child(child(t.mappings, "properties"), esdsl.IDField)
	return f["type"] == "keyword"
}

func (t *tree) dropID() { delete(child(t.mappings, "properties"), esdsl.IDField) }

// merge takes the fields of another index into t. Where both have a field,
// but not of one type, it is of a type that can only be shown.
func (t *tree) merge(other *tree) {
	mergeFields(t.mappings, other.mappings, "properties")
	if child(t.mappings, "_meta") == nil && other.mappings["_meta"] != nil {
		t.mappings["_meta"] = other.mappings["_meta"]
	}
	if len(t.settings) == 0 {
		t.settings = other.settings
	}
}

func mergeFields(into, from object, list string) {
	theirs := child(from, list)
	if len(theirs) == 0 {
		return
	}
	ours := child(into, list)
	if ours == nil {
		ours = object{}
		into[list] = ours
	}
	for name, f := range theirs {
		their, ok := f.(object)
		our, known := ours[name].(object)
		switch {
		case !ok:
		case !known:
			ours[name] = f
		case typeOf(our) != typeOf(their) || !alike(our, their):
			ours[name] = object{"type": "conflict"}
		default:
			mergeFields(our, their, "properties")
			mergeFields(our, their, "fields")
		}
	}
}

func typeOf(f object) string {
	if t, ok := f["type"].(string); ok {
		return t
	}
	return "object"
}

// alike reports whether two fields of one type read and find values in one way.
func alike(a, b object) bool {
	for _, name := range []string{"format", "normalizer", "analyzer", "scaling_factor", "null_value", "value", "index", "doc_values", "ignore_above", "enabled"} {
		one, err := json.Marshal(a[name])
		if err != nil {
			return false
		}
		other, err := json.Marshal(b[name])
		if err != nil || !bytes.Equal(one, other) {
			return false
		}
	}
	return true
}

// declaredName is the member of _meta in which an index made by DHR keeps the definition
// that it was made from, as a text: the engine puts fields into another order, and
// objects around those with dots in their names.
const declaredName = "dhr_declared"

// visible returns the tree as users see it: without the fields that help DHR. engine
// is t as a schema.
func (t *tree) visible(index string, engine *record.Schema) (*tree, error) {
	out := &tree{settings: t.settings, mappings: shallow(t.mappings)}
	p := visibleFields(child(t.mappings, "properties"))
	delete(p, esdsl.IDField)
	out.mappings["properties"] = p
	meta := shallow(child(t.mappings, "_meta"))
	text, ok := meta[declaredName].(string)
	if !ok {
		return out, nil
	}
	delete(meta, declaredName)
	out.mappings["_meta"] = meta
	declared, err := record.ParseSchema(index, []byte(text))
	if err != nil || !stillHolds(declared, engine) {
		return out, nil //nolint:nilerr // somebody else wrote there
	}
	d, err := treeOf(declared)
	if err != nil {
		return nil, err
	}
	d.text = text
	extra := object{}
	undeclared(extra, p, "", declared)
	if len(extra) == 0 {
		return d, nil
	}
	d.text = ""
	fields := child(d.mappings, "properties")
	if fields == nil {
		fields = object{}
		d.mappings["properties"] = fields
	}
	for path, f := range extra {
		fields[path] = f
	}
	return d, nil
}

// stillHolds reports whether the engine has the fields that were declared.
func stillHolds(declared, engine *record.Schema) bool {
	for f := range declared.All() {
		if g := engine.Field(f.Path); g == nil || g.Type != f.Type && g.Kind != f.Kind {
			return false
		}
	}
	return true
}

// undeclared collects by their paths those of the engine's fields which were not declared.
func undeclared(extra, fields object, prefix string, declared *record.Schema) {
	for name, v := range fields {
		f, ok := v.(object)
		if !ok {
			continue
		}
		path := prefix + name
		switch {
		case declared.Field(path) == nil && !leads(path, declared):
			extra[path] = f
		default:
			undeclared(extra, child(f, "properties"), path+".", declared)
		}
	}
}

// leads reports whether path is that of an object around a declared field.
func leads(path string, declared *record.Schema) bool {
	for f := range declared.All() {
		if strings.HasPrefix(f.Path, path+".") {
			return true
		}
	}
	return false
}

func shallow(o object) object {
	out := make(object, len(o))
	for k, v := range o {
		out[k] = v
	}
	return out
}

func visibleFields(fields object) object {
	out := make(object, len(fields))
	for name, v := range fields {
		f, ok := v.(object)
		if !ok {
			out[name] = v
			continue
		}
		f = shallow(f)
		if p := child(f, "properties"); p != nil {
			f["properties"] = visibleFields(p)
		}
		if subs := child(f, "fields"); subs != nil {
			subs = shallow(subs)
			for sub := range subs {
				if sub == lowerName || strings.HasPrefix(sub, lowerName+"_") {
					delete(subs, sub)
				}
			}
			if f["fields"] = subs; len(subs) == 0 {
				delete(f, "fields")
			}
		}
		out[name] = f
	}
	return out
}

// lowerName begins the names of sub-fields in lower case: see esdsl.LowerPath.
const lowerName = "dhr_lower"

// overlay takes what a declaration says in _meta.dhr in place of what t says, and
// the fields that t lacks. These the engine does not search.
func (t *tree) overlay(declared *record.Schema) error {
	d, err := treeOf(declared)
	if err != nil {
		return err
	}
	t.text = ""
	addFields(t.mappings, d.mappings, "properties")
	meta := shallow(child(t.mappings, "_meta"))
	if dhr, ok := child(d.mappings, "_meta")["dhr"]; ok {
		meta["dhr"] = dhr
	}
	t.mappings["_meta"] = meta
	return nil
}

func addFields(into, from object, list string) {
	theirs := child(from, list)
	if len(theirs) == 0 {
		return
	}
	ours := child(into, list)
	if ours == nil {
		ours = object{}
	} else {
		ours = shallow(ours)
	}
	into[list] = ours
	for name, f := range theirs {
		their, ok := f.(object)
		our, known := ours[name].(object)
		switch {
		case !ok:
		case !known:
			ours[name] = f
		default:
			our = shallow(our)
			ours[name] = our
			addFields(our, their, "properties")
			if typeOf(our) == typeOf(their) {
				addFields(our, their, "fields")
			}
		}
	}
}
