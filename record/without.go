package record

import (
	"encoding/json"
	"slices"
	"strings"
)

// Without returns the schema as it would be if the fields that hide reports
// had never been declared: no name finds them, nor one that is like theirs, and
// [Schema.MarshalJSON] does not speak of them. A field that is hidden takes its
// sub-fields with it. With one of its fields or parts a history is hidden, with
// the key the key.
//
// An object and a nested object are asked about for themselves and keep the
// fields inside of them that are not hidden: these stay where they are. Once
// one of them is hidden, or the object itself, the object as a whole cannot be
// found any more. A flattened field that is hidden takes its keys with it, unless some,
// which may be nil, says that a few of them are to be found; then, and
// in a flattened field that is not hidden, hide is asked about each key
// when it is looked up. A record's own _id and _index, if hidden, are no longer names of
// fields, though Schema.Field knows them still.
//
// The fields are new ones with the same paths. Settings of the mapping that mean
// nothing to DHR are left out of it, and Schema.Unknown is empty. hide must
// answer alike for as long as the schema is used, to several goroutines.
func (s *Schema) Without(hide, some func(*Field) bool) *Schema {
	t := &Schema{Index: s.Index, Label: s.Label, Dynamic: s.Dynamic, byPath: map[string]*Field{}, byName: map[string][]*Field{}}
	t.own.flat, t.own.hide, t.own.open = s.own.flat, hide, map[string]*Field{}
	w := without{t: t, hide: hide, some: some}
	t.fields, _ = w.fields(s.fields, nil)
	for _, path := range []string{"_id", "_index"} {
		f := s.Field(path)
		if hide(f) {
			t.own.open[path] = f
		} else {
			t.byPath[path] = f
		}
	}
	if s.Key != nil {
		t.Key = t.byPath[s.Key.Path]
	}
	for i := range s.Histories {
		if h, ok := w.history(&s.Histories[i]); ok {
			t.Histories = append(t.Histories, h)
		}
	}
	(&mappingReader{s: t}).names()
	t.own.raw = w.definition(s.own.raw)
	return t
}

// without makes the schema t.
type without struct {
	t          *Schema
	hide, some func(*Field) bool
}

// fields copies what remains of a list of fields, and reports whether that is all of it.
func (w *without) fields(list []*Field, parent *Field) (kept []*Field, whole bool) {
	whole = true
	for _, f := range list {
		some, all := w.field(f, parent)
		kept, whole = append(kept, some...), whole && all
	}
	return kept, whole
}

// field copies what remains of f: f, or the fields inside of it, or nothing.
func (w *without) field(f, parent *Field) (kept []*Field, whole bool) {
	g := new(Field)
	*g = *f
	g.parent, g.Subs, g.Fields = parent, nil, nil
	hidden := w.hide(f)
	switch {
	case f.Kind == Object || f.Kind == Nested:
		before := len(w.t.own.open)
		g.Fields, whole = w.fields(f.Fields, g)
		if hidden || !whole {
			if len(g.Fields) > 0 || len(w.t.own.open) > before {
				w.t.own.open[g.Path] = g
			}
			return g.Fields, false
		}
	case hidden:
		if f.Kind == Flattened && w.some != nil && w.some(f) {
			w.t.own.open[g.Path] = g
		}
		return nil, false
	default:
		whole = true
		for _, sub := range f.Subs {
			some, all := w.field(sub, g)
			g.Subs, whole = append(g.Subs, some...), whole && all
		}
	}
	w.t.byPath[g.Path] = g
	return []*Field{g}, whole
}

// history copies h, unless something that it needs is gone.
func (w *without) history(h *History) (c History, ok bool) {
	find := func(f *Field) *Field {
		if f == nil {
			return nil
		}
		return w.t.byPath[f.Path]
	}
	c = History{Path: h.Path, Field: find(h.Field), From: find(h.From), To: find(h.To), At: find(h.At), Author: find(h.Author)}
	for _, path := range h.Fields {
		if w.t.byPath[path] == nil {
			return c, false
		}
	}
	c.Fields = slices.Clone(h.Fields)
	return c, w.t.at(h.Path) != nil && c.Field != nil && c.From != nil && c.To != nil && c.At != nil
}

// at returns the declared field with this path, also where it cannot be found
// as a whole any more.
func (s *Schema) at(path string) *Field {
	if f := s.byPath[path]; f != nil {
		return f
	}
	return s.own.open[path]
}

// opened returns the flattened field that name alone stands for, and of which
// only some keys may be found.
func (s *Schema) opened(name string) (found *Field) {
	same := func(other string) bool { return strings.EqualFold(other, name) }
	for _, f := range s.own.open {
		if f.Kind != Flattened || !same(f.Path) && !slices.ContainsFunc(f.Aliases, same) {
			continue
		}
		if found != nil {
			return nil
		}
		found = f
	}
	return found
}

// definition writes what remains of the mapping raw.
func (w *without) definition(raw []byte) []byte {
	root, err := parseTree(raw)
	if err != nil { // it was read once already
		return []byte(`{"mappings":{}}`)
	}
	out := []byte{'{'}
	if set := root.get("settings"); set != nil {
		out = append(w.settings(append(out, `"settings":`...), set), ',')
	}
	out = append(out, `"mappings":{`...)
	m := root.get("mappings")
	for _, key := range []string{"dynamic", "subobjects"} {
		if n := m.get(key); n != nil {
			out = append(appendMember(out, n), ',')
		}
	}
	meta, err2 := json.Marshal(map[string]any{"dhr": w.meta()})
	if err2 == nil {
		out = append(append(append(out, `"_meta":`...), meta...), ',')
	}
	out = append(out, `"properties":`...)
	if p := m.get("properties"); p != nil {
		out = w.members(out, p, "")
	} else {
		out = append(out, "{}"...)
	}
	return append(out, "}}"...)
}

// settings writes the settings that matter to fields.
func (w *without) settings(out []byte, set *node) []byte {
	out = append(out, '{')
	for _, name := range []string{"analysis.normalizer", "mapping.ignore_malformed", "mapping.coerce"} {
		if n := setting(set, name); n != nil {
			out = appendQuoted(comma(out), name)
			out = appendCompact(append(out, ':'), n)
		}
	}
	return append(out, '}')
}

// keptParams are the settings of a field that are written.
var keptParams = set("type", "null_value", "value", "index", "enabled", "dynamic", "subobjects", "ignore_malformed", "coerce",
	"ignore_above", "scaling_factor", "analyzer", "normalizer", "format")

// members writes the fields in n that remain; prefix is the path of what holds them.
func (w *without) members(out []byte, n *node, prefix string) []byte {
	out = append(out, '{')
	for _, m := range n.members {
		path := prefix + m.key
		if w.t.at(path) == nil {
			continue
		}
		out = appendQuoted(comma(out), m.key)
		out = append(out, ":{"...)
		for _, p := range m.members {
			switch {
			case keptParams[p.key]:
				out = appendMember(comma(out), p)
			case (p.key == "properties" || p.key == "fields") && p.isObject():
				out = append(appendQuoted(comma(out), p.key), ':')
				out = w.members(out, p, path+".")
			}
		}
		out = append(out, '}')
	}
	return append(out, '}')
}

// comma separates the next member of an object from those before it.
func comma(out []byte) []byte {
	if out[len(out)-1] == '{' {
		return out
	}
	return append(out, ',')
}

func appendMember(out []byte, n *node) []byte {
	return appendCompact(append(appendQuoted(out, n.key), ':'), n)
}

// appendCompact appends a value of a mapping without white space.
func appendCompact(out []byte, n *node) []byte {
	switch {
	case n.isObject():
		out = append(out, '{')
		for _, m := range n.members {
			out = appendMember(comma(out), m)
		}
		return append(out, '}')
	case n.list:
		out = append(out, '[')
		for i, m := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendCompact(out, m)
		}
		return append(out, ']')
	}
	return append(out, n.raw...)
}

// A dhrMeta is the member _meta.dhr of a mapping.
type dhrMeta struct {
	Label    string              `json:"label,omitempty"`
	Labels   map[string]string   `json:"labels,omitempty"`
	Aliases  map[string][]string `json:"aliases,omitempty"`
	Personal []string            `json:"personal,omitempty"`
	Ordered  []string            `json:"ordered,omitempty"`
	Fold     []string            `json:"case_insensitive,omitempty"`
	Key      string              `json:"key,omitempty"`
	History  []historyMeta       `json:"history,omitempty"`
}

type historyMeta struct {
	Path   string            `json:"path"`
	Fields []string          `json:"fields"`
	Keys   map[string]string `json:"keys"`
}

// meta says of the fields that remain what their mapping has no word for.
func (w *without) meta() *dhrMeta {
	t := w.t
	d := &dhrMeta{Label: t.Label, Labels: map[string]string{}, Aliases: map[string][]string{}}
	for f := range t.All() {
		if f.Label != "" {
			d.Labels[f.Path] = f.Label
		}
		for _, a := range f.Aliases {
			d.Aliases[a] = append(d.Aliases[a], f.Path)
		}
		if f.Personal {
			d.Personal = append(d.Personal, f.Path)
		}
		if f.Kind == String && f.Ordered {
			d.Ordered = append(d.Ordered, f.Path)
		}
		if f.Kind == String && f.FoldCase {
			d.Fold = append(d.Fold, f.Path)
		}
	}
	if t.Key != nil {
		d.Key = t.Key.Path
	}
	for _, h := range t.Histories {
		keys := map[string]string{}
		for part, f := range map[string]*Field{"field": h.Field, "from": h.From, "to": h.To, "at": h.At, "author": h.Author} {
			if f != nil {
				keys[part] = strings.TrimPrefix(f.Path, h.Path+".")
			}
		}
		d.History = append(d.History, historyMeta{h.Path, h.Fields, keys})
	}
	return d
}
