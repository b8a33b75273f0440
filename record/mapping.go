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
	disabled  bool // inside of an opaque object
	null      Value
	constant  Value
	key       bool // a key inside a flattened field
	min, max  int64
	want      string // what a whole number or a date must be
}

// schemaState is what a schema needs to answer for itself.
type schemaState struct {
	raw     []byte
	aliases map[string][]*Field // by the very name
	keys    keyCache
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
// Wherever a path stands, an alias may stand as well. Types and settings that
// DHR does not know are kept and listed in [Schema.Unknown]. Everything else
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
	natives     []native
	normalizers *node
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
	var out bytes.Buffer
	if bare {
		out.WriteString(`{"mappings":`)
	}
	if err := json.Compact(&out, body.raw); err != nil {
		return body.err(err.Error())
	}
	if bare {
		out.WriteByte('}')
	}
	r.s.own.raw = out.Bytes()
	return nil
}

// mapping reads the mapping m of the index definition body.
func (r *mappingReader) mapping(body, m *node) *SchemaError {
	if set := body.get("settings"); set != nil {
		r.normalizers = dig(set, "analysis", "normalizer")
		if r.normalizers == nil {
			r.normalizers = dig(set, "index", "analysis", "normalizer")
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
		case n.key == "_meta" || rootSettings[n.key]:
		case len(m.members) == 1 && n.get("properties") != nil:
			err = n.err("a mapping type, which Elasticsearch 7 gave up: its properties belong directly under mappings")
		default:
			r.unknown(n)
		}
		if err != nil {
			return err
		}
	}
	if err := r.conflicts(m); err != nil {
		return err
	}
	return r.meta(m.get("_meta"))
}

func dig(n *node, keys ...string) *node {
	for _, k := range keys {
		if n = n.get(k); n == nil {
			return nil
		}
	}
	return n
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
	r.all = append(r.all, f)
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
		f.Nested = parent.Nested
		if parent.Kind == Nested {
			f.Nested = parent.Path
		}
		f.own.disabled = parent.own.disabled || parent.own.opaque
		f.own.malformed = f.own.disabled
		f.Searchable = !f.own.disabled
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
	switch f.Kind {
	case Time:
		f.Formats = defaultFormats(f.Type)
	case Int:
		f.own.min, f.own.max = intRange(f.Type)
		f.own.want = wantRange(f.Type)
	}
	return nil
}

// conflicts finds the fields that stand below a field which is no object,
// as a name with dots can make them.
func (r *mappingReader) conflicts(m *node) *SchemaError {
	for _, f := range r.all {
		if f.Path != f.Source {
			continue
		}
		for i := strings.IndexByte(f.Path, '.'); i >= 0; {
			if up := r.s.byPath[f.Path[:i]]; up != nil && up.Kind != Object && up.Kind != Nested && up.Kind != Unknown {
				return m.err("the field " + strconv.Quote(f.Path) + " stands below " + strconv.Quote(up.Path) + ", which is no object")
			}
			next := strings.IndexByte(f.Path[i+1:], '.')
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
	return nil
}
