package sqlsearch

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A foreignTable is a table or a view that exists already. It never changes once it is prepared.
type foreignTable struct {
	name    string
	from    string // as it is written in SQL
	dialect sqlgen.Dialect
	columns []*foreignColumn
	primary string // the column that is the primary key, or empty
	idOf    func(column *foreignColumn) string

	schema *record.Schema
	layout *sqlgen.Layout
	id     string // the expression of the key as text
}

// A foreignColumn is a column of a table.
type foreignColumn struct {
	name string
	// property is what its field is in a mapping.
	property string
	// shown is the expression of the value over m, as text or as a number.
	shown string
	// form is what the text is in JSON.
	form jsonForm
	// value and fold are as in sqlgen.Column; without a value SQL compares nothing.
	value   string
	fold    bool
	notNull bool
	// kind is that of the field for which value is meant, in sub if that is not empty.
	sub string
	// declared says that the mapping file says what the field is.
	declared bool
}

// A jsonForm is how a text is written into a document.
type jsonForm uint8

const (
	jsonString jsonForm = iota // as a string
	jsonRaw                    // as it is: JSON, a number
	jsonBool                   // as true, unless it is 0
)

var errNoKey = fmt.Errorf("%w: it has no key: name a column under _meta.dhr.key of a mapping file", search.ErrInvalid)

// prepare makes the schema and the layout.
func (t *foreignTable) prepare(mapping []byte) error {
	file, err := t.mapping(mapping)
	if err != nil {
		return err
	}
	if t.schema, err = record.ParseSchema(t.name, file); err != nil {
		return fmt.Errorf("%w: %w", search.ErrInvalid, err)
	}
	if t.schema.Key == nil {
		return errNoKey
	}
	key := t.column(t.schema.Key.Source)
	if key == nil {
		return fmt.Errorf("%w: its key %q is no column", search.ErrInvalid, t.schema.Key.Path)
	}
	t.id = t.idOf(key)
	columns := map[string]*sqlgen.Column{}
	for _, c := range t.columns {
		c.addTo(columns, t.schema)
	}
	t.layout = &sqlgen.Layout{
		Dialect: t.dialect, Table: t.from,
		ID: &sqlgen.Column{Value: t.id, Required: true},
		Column: func(f *record.Field) *sqlgen.Column {
			if own := t.schema.Field(f.Path); own == nil || own.Kind != f.Kind {
				return nil
			}
			return columns[f.Path]
		},
	}
	return nil
}

// addTo adds what SQL knows of the column's field.
func (c *foreignColumn) addTo(columns map[string]*sqlgen.Column, s *record.Schema) {
	f := s.Field(c.name)
	if f == nil || c.declared || c.value == "" {
		return
	}
	if c.sub != "" { // the text itself is there or not; its sub-field has the value
		columns[f.Path] = &sqlgen.Column{Value: c.value, Required: c.notNull}
		if f = s.Field(c.name + "." + c.sub); f == nil {
			return
		}
	}
	if f.FoldCase && !c.fold {
		return
	}
	columns[f.Path] = &sqlgen.Column{Value: c.value, Required: c.notNull, Fold: c.fold}
}

func (t *foreignTable) column(name string) *foreignColumn {
	for _, c := range t.columns {
		if c.name == name {
			return c
		}
	}
	return nil
}

// mapping returns the mapping of the table's columns, overlaid by a mapping file.
func (t *foreignTable) mapping(file []byte) ([]byte, error) {
	properties, meta, err := readMapping(file)
	if err != nil {
		return nil, fmt.Errorf("%w: the mapping file: %w", search.ErrInvalid, err)
	}
	var b strings.Builder
	b.WriteString(`{"mappings": {"properties": {`)
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.Write(appendJSON(nil, c.name))
		b.WriteString(": ")
		if declared, ok := properties[c.name]; ok {
			c.declared = true
			b.Write(declared)
			delete(properties, c.name)
			continue
		}
		b.WriteString(c.property)
	}
	for name := range properties {
		return nil, fmt.Errorf("%w: the mapping file has the field %q, which is no column", search.ErrInvalid, name)
	}
	if _, ok := meta["key"]; !ok && t.primary != "" {
		meta["key"] = json.RawMessage(appendJSON(nil, t.primary))
	}
	if err := t.foldCase(meta); err != nil {
		return nil, err
	}
	dhr, err := json.Marshal(meta)
	if err != nil {
		return nil, err
	}
	b.WriteString(`}, "_meta": {"dhr": `)
	b.Write(dhr)
	b.WriteString(`}}}`)
	return []byte(b.String()), nil
}

// foldCase adds the columns whose values are equal in any case.
func (t *foreignTable) foldCase(meta map[string]json.RawMessage) error {
	var paths []string
	if list, ok := meta["case_insensitive"]; ok {
		if err := json.Unmarshal(list, &paths); err != nil {
			return fmt.Errorf("%w: the mapping file: case_insensitive: %w", search.ErrInvalid, err)
		}
	}
	for _, c := range t.columns {
		if c.fold && !c.declared {
			paths = append(paths, c.name)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	list, err := json.Marshal(paths)
	meta["case_insensitive"] = list
	return err
}

// readMapping returns the properties and the _meta.dhr of a mapping file.
func readMapping(file []byte) (properties, meta map[string]json.RawMessage, err error) {
	properties, meta = map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if len(file) == 0 {
		return properties, meta, nil
	}
	type mappings struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Meta       struct {
			DHR map[string]json.RawMessage `json:"dhr"`
		} `json:"_meta"`
	}
	var root struct {
		mappings
		Mappings *mappings `json:"mappings"`
	}
	if err := json.Unmarshal(file, &root); err != nil {
		return nil, nil, err
	}
	m := &root.mappings
	if root.Mappings != nil {
		m = root.Mappings
	}
	for name, p := range m.Properties {
		properties[name] = p
	}
	for name, p := range m.Meta.DHR {
		meta[name] = p
	}
	return properties, meta, nil
}

// needed returns the columns that a Read needs.
func (t *foreignTable) needed(r *search.Read) (columns []*foreignColumn) {
	wanted := map[string]bool{}
	for _, f := range r.Columns.Fields() {
		wanted[f.Source] = true
	}
	for _, c := range t.columns {
		use := r.Source
		for path := range wanted {
			use = use || path == c.name || strings.HasPrefix(path, c.name+".")
		}
		if use {
			columns = append(columns, c)
		}
	}
	return columns
}

// list returns what is read: the key and the columns.
func (t *foreignTable) list(columns []*foreignColumn) string {
	var b strings.Builder
	b.WriteString(t.id)
	for _, c := range columns {
		b.WriteString(", ")
		b.WriteString(c.shown)
	}
	return b.String()
}

// document appends the JSON document of a row.
func (t *foreignTable) document(b []byte, columns []*foreignColumn, row []any) []byte {
	b = append(b, '{')
	first := true
	for i, c := range columns {
		v, ok := text(row[i])
		if !ok {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendJSON(b, c.name)
		b = append(b, ':')
		switch {
		case c.form == jsonBool:
			if v == "0" || v == "false" {
				b = append(b, "false"...)
			} else {
				b = append(b, "true"...)
			}
		case c.form == jsonRaw && json.Valid([]byte(v)):
			b = append(b, v...)
		default:
			b = appendJSON(b, v)
		}
	}
	return append(b, '}')
}

// text returns what a querier returned as text; false for NULL.
func text(x any) (string, bool) {
	switch x := x.(type) {
	case nil:
		return "", false
	case string:
		return x, true
	case []byte:
		return string(x), true
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return "", false
		}
	}
	return fmt.Sprint(x), true
}

const hexDigits = "0123456789abcdef"

// appendJSON appends a string of JSON.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r) // what is no UTF-8 is U+FFFD
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}
