package record

import (
	"slices"
	"strconv"
	"strings"
)

// meta reads what _meta.dhr says, and makes the names by which fields are found.
func (r *mappingReader) meta(meta *node) *SchemaError {
	s := r.s
	s.own.aliases = map[string][]*Field{}
	if err := r.nativeAliases(); err != nil {
		return err
	}
	var dhr *node
	if meta != nil {
		dhr = meta.get("dhr")
	}
	if dhr != nil {
		if err := dhr.mustObject(); err != nil {
			return err
		}
		// aliases come first, since the other members may use them
		for _, first := range []bool{true, false} {
			for _, n := range dhr.members {
				if (n.key == "aliases") != first {
					continue
				}
				if err := r.dhr(n); err != nil {
					return err
				}
			}
		}
	}
	for _, f := range r.all {
		f.inheritPersonal()
	}
	r.names()
	return nil
}

// dhr reads one member of _meta.dhr.
func (r *mappingReader) dhr(n *node) (err *SchemaError) {
	switch n.key {
	case "label":
		r.s.Label, err = n.mustString()
	case "labels":
		err = r.labels(n)
	case "aliases":
		err = r.aliases(n)
	case "personal":
		err = r.each(n, func(_ *node, f *Field) *SchemaError {
			f.Personal = true
			if f.Path != f.Source { // the same value has other fields
				f.parent.Personal = true
			}
			return nil
		})
	case "ordered":
		err = r.strings(n, func(f *Field) { f.Ordered = true })
	case "case_insensitive":
		err = r.strings(n, func(f *Field) { f.FoldCase = true })
	case "key":
		r.s.Key, err = r.keyField(n)
	case "history":
		err = r.histories(n)
	default:
		r.unknown(n)
	}
	return err
}

// find returns the field that the name in n means: a path or an alias.
func (r *mappingReader) find(n *node) (*Field, *SchemaError) {
	name, err := n.mustString()
	if err != nil {
		return nil, err
	}
	return r.named(n, name)
}

func (r *mappingReader) named(n *node, name string) (*Field, *SchemaError) {
	if f := r.s.byPath[name]; f != nil && name != "_id" && name != "_index" {
		return f, nil
	}
	switch ff := r.s.own.aliases[name]; {
	case len(ff) == 1:
		return ff[0], nil
	case len(ff) > 1:
		return nil, n.err(strconv.Quote(name) + " means several fields")
	}
	return nil, n.err("no such field " + strconv.Quote(shorten(name)) + r.s.didYouMean(name))
}

// each calls do for every field named in the list n.
func (r *mappingReader) each(n *node, do func(*node, *Field) *SchemaError) *SchemaError {
	list, err := n.mustList()
	if err != nil {
		return err
	}
	for _, m := range list {
		f, err := r.find(m)
		if err == nil {
			err = do(m, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// strings calls do for every string field named in the list n. A text stands
// for its exact sub-field as well.
func (r *mappingReader) strings(n *node, do func(*Field)) *SchemaError {
	return r.each(n, func(m *node, f *Field) *SchemaError {
		exact := f.Exact()
		if exact == nil || exact.Kind != String {
			return m.err("the field " + strconv.Quote(f.Path) + " is no keyword and has none")
		}
		do(f)
		do(exact)
		return nil
	})
}

func (r *mappingReader) labels(n *node) *SchemaError {
	if err := n.mustObject(); err != nil {
		return err
	}
	for _, m := range n.members {
		f, err := r.named(m, m.key)
		if err != nil {
			return err
		}
		if f.Label, err = m.mustString(); err != nil {
			return err
		}
	}
	return nil
}

func (r *mappingReader) aliases(n *node) *SchemaError {
	if err := n.mustObject(); err != nil {
		return err
	}
	for _, m := range n.members {
		if strings.TrimSpace(m.key) == "" {
			return m.err("an alias without a name")
		}
		list, err := m.mustList()
		if err != nil {
			return err
		}
		for _, t := range list {
			f := r.s.byPath[t.text()]
			if f == nil {
				return t.err("no such field " + strconv.Quote(shorten(t.text())) + r.s.didYouMean(t.text()))
			}
			if err := r.alias(m, m.key, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// alias makes name a further name of f.
func (r *mappingReader) alias(n *node, name string, f *Field) *SchemaError {
	if g := r.s.byPath[name]; g != nil && g != f {
		return n.err("the alias " + strconv.Quote(name) + " is the path of another field")
	}
	if !slices.Contains(f.Aliases, name) {
		f.Aliases = append(f.Aliases, name)
		r.s.own.aliases[name] = append(r.s.own.aliases[name], f)
	}
	return nil
}

// nativeAliases reads the fields of type alias.
func (r *mappingReader) nativeAliases() *SchemaError {
	for _, a := range r.natives {
		target, err := a.target.mustString()
		if err != nil {
			return err
		}
		f := r.s.byPath[target]
		switch {
		case f == nil:
			return a.target.err("no such field " + strconv.Quote(shorten(target)) + r.s.didYouMean(target))
		case f.Kind == Object || f.Kind == Nested:
			return a.target.err("an alias of " + strconv.Quote(target) + ", which is an object")
		}
		if err := r.alias(a.target, a.path, f); err != nil {
			return err
		}
	}
	return nil
}

// keyField returns the field that is unique in each record.
func (r *mappingReader) keyField(n *node) (*Field, *SchemaError) {
	f, err := r.find(n)
	if err != nil {
		return nil, err
	}
	if f = f.Exact(); f == nil || f.Nested != "" {
		return nil, n.err("a key must be a field with whole values outside of nested objects")
	}
	switch f.Kind {
	case String, Int, Uint, IP, Version:
		return f, nil
	}
	return nil, n.err("a field of kind " + f.Kind.String() + " cannot be a key")
}

func (r *mappingReader) histories(n *node) *SchemaError {
	list := n.items
	if !n.list {
		list = []*node{n}
	}
	for _, m := range list {
		h, err := r.history(m)
		if err != nil {
			return err
		}
		r.s.Histories = append(r.s.Histories, h)
	}
	return nil
}

// history reads one source of changes.
func (r *mappingReader) history(n *node) (h History, err *SchemaError) {
	if err := n.mustObject(); err != nil {
		return h, err
	}
	for _, m := range n.members {
		if m.key != "path" && m.key != "fields" && m.key != "keys" {
			r.unknown(m)
		}
	}
	path, fields := n.get("path"), n.get("fields")
	if path == nil || fields == nil {
		return h, n.err(`a history needs "path" and "fields"`)
	}
	nested, err := r.find(path)
	if err != nil {
		return h, err
	}
	if nested.Kind != Nested {
		return h, path.err("the field " + strconv.Quote(nested.Path) + " is not nested")
	}
	h.Path = nested.Path
	err = r.each(fields, func(m *node, f *Field) *SchemaError {
		if r.s.History(f) != nil || slices.Contains(h.Fields, f.Path) {
			return m.err("a second history of " + strconv.Quote(f.Path))
		}
		h.Fields = append(h.Fields, f.Path)
		return nil
	})
	if err != nil {
		return h, err
	}
	return h, r.historyKeys(n, &h)
}

// historyKeys finds the parts of an entry of h.
func (r *mappingReader) historyKeys(n *node, h *History) *SchemaError {
	at, keys := n, n.get("keys")
	if keys != nil {
		if err := keys.mustObject(); err != nil {
			return err
		}
		at = keys
	}
	parts := map[string]**Field{"field": &h.Field, "from": &h.From, "to": &h.To, "at": &h.At, "author": &h.Author}
	for _, m := range at.members {
		if at == keys && parts[m.key] == nil {
			r.unknown(m)
		}
	}
	for _, part := range []string{"field", "from", "to", "at", "author"} {
		where, name := at, part
		if m := at.get(part); m != nil && at == keys {
			text, err := m.mustString()
			if err != nil {
				return err
			}
			where, name = m, text
		}
		f := r.s.byPath[h.Path+"."+name]
		if f == nil && strings.HasPrefix(name, h.Path+".") {
			f = r.s.byPath[name]
		}
		if f == nil && part == "author" && where == at {
			continue
		}
		if f == nil {
			return where.err("no such field " + strconv.Quote(h.Path+"."+name))
		}
		if part == "at" && f.Kind != Time {
			return where.err("the field " + strconv.Quote(f.Path) + " is no date")
		}
		*parts[part] = f
	}
	return nil
}
