package record

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Bounds on a mapping, far above what any engine carries.
const (
	maxFields = 20_000
	maxPath   = 1024
)

// fieldState is what a field needs to read its values.
type fieldState struct {
	formats   []dateFormat
	dateOnly  bool
	noCoerce  bool
	malformed bool // a value that does not fit is missing, not an error
	opaque    bool // enabled is false: any JSON may stand here
	flat      bool // subobjects is false: the dots in the names inside are no objects
	prefix    bool // other fields stand below it, in such an object
	null      Value
	constant  Value
	key       bool // a key inside a flattened field
	min, max  int64
	want      string // what a whole number or a date must be
}

// schemaState is what a schema needs to answer for itself.
type schemaState struct {
	raw     []byte
	flat    bool                // as a field's
	aliases map[string][]*Field // by the very name
	keys    keyCache
	// hide and open are those of a schema made by Without: which keys of
	// flattened fields are hidden, and what can no longer be found as a whole.
	hide func(*Field) bool
	open map[string]*Field
}

// ParseSchema reads a mapping file as Elasticsearch takes and gives it: an index
// definition {"mappings": …}, a bare mapping {"properties": …}, or the answer
// to GET _mapping for one index, {"<index>": {"mappings": …}}. The index is the
// name the schema gets; if it is empty, the one in such an answer.
//
// The member _meta.dhr of the mapping holds what Elasticsearch has no word for:
//
//	label             the index's heading
//	labels            {path: heading}
//	aliases           {name: path or [paths]}
//	personal          [paths] of personal data, an object with all it holds
//	ordered           [paths] of strings that may be compared with < and >
//	case_insensitive  [paths] of strings that are equal in any case
//	key               path of a field that is unique in each record
//	history           {path, fields: [paths], keys: {field, from, to, at, author}} or a list of such
//
// Wherever a path stands, an alias may stand as well. A field whose name has dots
// belongs to the object these lead to, unless subobjects is false. Of the
// settings of an index its normalizers, mapping.ignore_malformed and
// mapping.coerce are read as well. Types and settings that DHR does not know are kept and listed in [Schema.Unknown]. Everything else
// that is wrong is a *[SchemaError].
func ParseSchema(index string, mapping []byte) (*Schema, error) {
	root, err := parseTree(mapping)
	if err == nil {
		r := mappingReader{s: &Schema{Index: index, byPath: map[string]*Field{}, byName: map[string][]*Field{}}}
		if err = r.file(root); err == nil {
			return r.s, nil
		}
	}
	err.Index = index
	return nil, err
}

// MarshalJSON writes the schema as an index definition, {"mappings": …}, that
// says all that was read, in the same order.
func (s *Schema) MarshalJSON() ([]byte, error) { return bytes.Clone(s.own.raw), nil }

type mappingReader struct {
	s           *Schema
	all         []*Field // depth first
	at          []*node  // where each of them stands
	natives     []native
	normalizers *node
	malformed   bool // the index's own ignore_malformed
	noCoerce    bool // the index's own coerce is false
}

// A native is a field of type alias.
type native struct {
	path   string
	target *node
}

// file finds the mapping in whichever form the file has.
func (r *mappingReader) file(root *node) *SchemaError {
	if err := root.mustObject(); err != nil {
		return err
	}
	body, m, bare := root, root.get("mappings"), false
	switch {
	case m != nil:
	case root.get("properties") != nil || root.get("_meta") != nil || root.get("dynamic") != nil:
		m, bare = root, true
	case len(root.members) == 1 && root.members[0].isObject() && root.members[0].get("mappings") != nil:
		body, m = root.members[0], root.members[0].get("mappings")
		if r.s.Index == "" {
			r.s.Index = body.key
		}
	case len(root.members) > 1 && root.members[0].get("mappings") != nil:
		return root.err("found the mappings of several indexes where one is expected")
	default:
		return root.err(`found no "mappings" and no "properties"`)
	}
	if err := m.mustObject(); err != nil {
		return err
	}
	if err := r.mapping(body, m); err != nil {
		return err
	}
	out, err := definition(body, bare)
	r.s.own.raw = out
	return err
}

// definition returns the index definition n without white space. A bare
// mapping is put into one, from which its settings are taken out.
func definition(n *node, bare bool) ([]byte, *SchemaError) {
	var out bytes.Buffer
	if !bare {
		if err := json.Compact(&out, n.raw); err != nil {
			return nil, n.err(err.Error())
		}
		return out.Bytes(), nil
	}
	out.WriteByte('{')
	if set := n.get("settings"); set != nil {
		out.WriteString(`"settings":`)
		if err := json.Compact(&out, set.raw); err != nil {
			return nil, set.err(err.Error())
		}
		out.WriteByte(',')
	}
	out.WriteString(`"mappings":{`)
	first := true
	for _, m := range n.members {
		if m.key == "settings" {
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.Write(appendQuoted(out.AvailableBuffer(), m.key))
		out.WriteByte(':')
		if err := json.Compact(&out, m.raw); err != nil {
			return nil, m.err(err.Error())
		}
	}
	out.WriteString("}}")
	return out.Bytes(), nil
}

// mapping reads the mapping m of the index definition body.
func (r *mappingReader) mapping(body, m *node) *SchemaError {
	if set := body.get("settings"); set != nil {
		if err := r.indexSettings(set); err != nil {
			return err
		}
	}
	r.metaField("_id")
	r.metaField("_index")
	for _, n := range m.members {
		var err *SchemaError
		switch {
		case n.key == "properties":
			r.s.fields, err = r.properties(n, nil)
		case n.key == "dynamic":
			r.s.Dynamic = r.dynamic(n)
		case n.key == "subobjects":
			r.s.own.flat = r.subobjects(n)
		case n.key == "_meta" || rootSettings[n.key] || n.key == "settings" && m == body:
		case len(m.members) == 1 && n.get("properties") != nil:
			err = n.err("a mapping type, which Elasticsearch 7 gave up: its properties belong directly under mappings")
		default:
			r.unknown(n)
		}
		if err != nil {
			return err
		}
	}
	if err := r.arrange(); err != nil {
		return err
	}
	return r.meta(m.get("_meta"))
}

// metaField adds a field that every record has.
func (r *mappingReader) metaField(path string) {
	r.s.byPath[path] = &Field{Path: path, Source: path, Type: path, Kind: String, Ordered: true, Searchable: true}
}

func (r *mappingReader) unknown(n *node) { r.s.Unknown = append(r.s.Unknown, n.path()) }

// add enters f under its path.
func (r *mappingReader) add(n *node, f *Field) *SchemaError {
	switch {
	case r.s.byPath[f.Path] != nil:
		return n.err("a second field with the path " + strconv.Quote(f.Path))
	case len(f.Path) > maxPath:
		return n.err("a path of more than " + strconv.Itoa(maxPath) + " bytes")
	case len(r.all) == maxFields:
		return n.err("more than " + strconv.Itoa(maxFields) + " fields")
	}
	r.s.byPath[f.Path] = f
	r.all, r.at = append(r.all, f), append(r.at, n)
	return nil
}

// properties reads the fields of an object; the outermost has no parent.
func (r *mappingReader) properties(n *node, parent *Field) ([]*Field, *SchemaError) {
	if err := n.mustObject(); err != nil {
		return nil, err
	}
	var fields []*Field
	for _, m := range n.members {
		f, err := r.property(m, parent)
		if err != nil {
			return nil, err
		}
		if f != nil {
			fields = append(fields, f)
		}
	}
	return fields, nil
}

// property reads one field; a field of type alias gives nil.
func (r *mappingReader) property(n *node, parent *Field) (*Field, *SchemaError) {
	for _, part := range strings.Split(n.key, ".") {
		if strings.TrimSpace(part) == "" {
			return nil, n.err("a name with an empty part")
		}
	}
	f := &Field{Path: n.key, Searchable: true, parent: parent}
	if parent != nil {
		f.Path = parent.Path + "." + n.key
	}
	f.Source = f.Path
	if err := r.typeOf(n, f); err != nil {
		return nil, err
	}
	if f.Type == "alias" {
		target := n.get("path")
		if target == nil {
			return nil, n.err("an alias without a path")
		}
		r.natives = append(r.natives, native{f.Path, target})
		return nil, nil
	}
	if err := r.add(n, f); err != nil {
		return nil, err
	}
	return f, r.params(n, f)
}

// typeOf sets the type and kind of f.
func (r *mappingReader) typeOf(n *node, f *Field) *SchemaError {
	if err := n.mustObject(); err != nil {
		return err
	}
	t := n.get("type")
	switch {
	case t != nil:
		name, err := t.mustString()
		if err != nil {
			return err
		}
		f.Type = name
	case n.get("properties") != nil || n.get("enabled") != nil || n.get("dynamic") != nil:
		f.Type = "object"
	default:
		return n.err("a field without a type")
	}
	kind, known := kinds[f.Type]
	if !known && f.Type != "alias" {
		kind, f.Searchable = Unknown, false
		r.unknown(t)
	}
	f.Kind = kind
	r.defaults(f)
	switch f.Kind {
	case Time:
		f.Formats = defaultFormats(f.Type)
	case Int:
		f.own.min, f.own.max = intRange(f.Type)
		f.own.want = wantRange(f.Type)
	}
	return nil
}
