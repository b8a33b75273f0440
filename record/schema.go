package record

import "strings"

// A Field is one field of a [Schema]. Fields are made by [ParseSchema] and
// never change afterwards: they may be shared and compared by pointer.
type Field struct {
	// Path is the full dotted name by which the engine knows the field, such
	// as Data.userName, or Data.userName.keyword for a sub-field of a text.
	Path string
	// Source is the dotted path of the value inside the document. It is Path,
	// but for a sub-field, whose value stands at its parent.
	Source string
	// Type is the mapping's own word, such as scaled_float, kept as written.
	Type string
	// Kind is what DHR makes of the type.
	Kind Kind

	// Label is the heading for people; empty means the path.
	Label string
	// Aliases are further names that queries may use.
	Aliases []string
	// Personal marks a field that holds personal data.
	Personal bool
	// Ordered marks a string field whose values may be compared with < and >.
	Ordered bool
	// FoldCase marks a string field whose values are equal when they differ
	// in case only.
	FoldCase bool
	// Searchable is false for a field that is stored but not indexed.
	Searchable bool

	// Nested is the path of the innermost nested object that holds the field,
	// or empty.
	Nested string
	// Formats are the date formats in the order in which they are tried.
	Formats []string
	// Scale is the scaling_factor of a scaled_float, else 0.
	Scale float64
	// IgnoreAbove is the length in UTF-16 units above which a string is not
	// indexed: it then counts as missing in this field. 0 means no limit.
	IgnoreAbove int
	// Analyzer is the analyzer of a text field; empty means standard.
	Analyzer string
	// Dynamic is the object's own dynamic setting; empty means inherited.
	Dynamic string

	// Subs are the multi-fields in the order of the mapping.
	Subs []*Field
	// Fields are the fields of an object in the order of the mapping.
	Fields []*Field

	parent *Field
	own    fieldState // see mapping.go
}

// Name returns the heading for people: the label, or else the path.
func (f *Field) Name() string {
	if f.Label != "" {
		return f.Label
	}
	return f.Path
}

// Exact returns the field that holds whole values: f itself, or for a text
// its first searchable sub-field that is not text. It returns nil if there is none.
func (f *Field) Exact() *Field {
	if f.Kind != Text {
		return f
	}
	for _, s := range f.Subs {
		if s.Kind != Text && s.Searchable {
			return s
		}
	}
	return nil
}

// FullText returns the field that is found by its words: f itself if it is a
// text, or its first searchable sub-field that is one, or nil.
func (f *Field) FullText() *Field {
	if f.Kind == Text {
		return f
	}
	for _, s := range f.Subs {
		if s.Kind == Text && s.Searchable {
			return s
		}
	}
	return nil
}

// A History says where the records of an index keep the changes of a field,
// for the operators WAS and CHANGED. Each of its entries is an object at Path,
// which must be nested.
type History struct {
	// Path is the nested object that holds one entry per change.
	Path string
	// Fields are the paths of the fields whose changes are kept.
	Fields []string
	// Field, From, To, At and Author are the paths of an entry's parts: which
	// field changed, its value before and after, when, and by whom. Author is
	// nil where the source does not say.
	Field, From, To, At, Author *Field
}

// A Schema says which fields the records of one index have.
// A Schema never changes and is safe for concurrent use.
type Schema struct {
	// Index is the name of the index.
	Index string
	// Label is the index's heading for people, or empty.
	Label string
	// Dynamic is the dynamic setting of the outermost level; empty means true.
	Dynamic string
	// Key is the field whose value is unique in each record, where the mapping
	// declares one, else nil. The record's _id is always unique.
	Key *Field
	// Histories are the declared sources for WAS and CHANGED.
	Histories []History
	// Unknown are the places in the mapping file whose type or setting DHR does
	// not know, such as mappings.properties.area.type. They are kept and written
	// back; a field whose type is unknown can be shown, but not searched.
	Unknown []string

	fields []*Field
	byPath map[string]*Field
	byName map[string][]*Field
	own    schemaState // see mapping.go
}

// History returns the declared source of the changes of f, or nil.
func (s *Schema) History(f *Field) *History {
	for i := range s.Histories {
		for _, path := range s.Histories[i].Fields {
			if path == f.Path || path == f.Source {
				return &s.Histories[i]
			}
		}
	}
	return nil
}

// Fields returns the fields of the outermost level in the order of the mapping.
// The caller must not change the slice.
func (s *Schema) Fields() []*Field { return s.fields }

// Field returns the field with exactly this path, which may be a key inside a
// flattened field, or the record's own _id or _index; or nil.
func (s *Schema) Field(path string) *Field {
	if f := s.byPath[path]; f != nil {
		return f
	}
	if path == "_id" || path == "_index" {
		return s.own.open[path]
	}
	return s.flattenedKey(path, false)
}

// Lookup returns the fields that a person may mean by name: the field with
// that path; else those with that path in another case, that alias, or that
// label, in this order of preference, each without regard to case; else the key
// inside a flattened field that has one of these names. More than one means
// that the name is ambiguous.
func (s *Schema) Lookup(name string) []*Field {
	if f := s.byPath[name]; f != nil {
		return []*Field{f}
	}
	if ff := s.byName[strings.ToLower(name)]; ff != nil {
		return ff
	}
	for _, fold := range []bool{false, true} {
		if f := s.flattenedKey(name, fold); f != nil {
			return []*Field{f}
		}
	}
	return nil
}
