package record

import (
	"strconv"
	"strings"
)

// arrange puts fields with dots in their names into the objects that these
// speak of, and hands down what objects say of all they hold.
func (r *mappingReader) arrange() *SchemaError {
	moved := false
	for i, f := range r.all {
		if f.Path != f.Source {
			continue
		}
		up, err := r.holder(r.at[i], f)
		if err != nil {
			return err
		}
		moved = moved || up != f.parent
		f.parent = up
	}
	if moved {
		r.hang()
	}
	for _, f := range r.all {
		f.inherit()
	}
	return nil
}

// holder returns the innermost object that holds f, which stands at n: its
// parent, or one that the dots in its name lead to.
func (r *mappingReader) holder(n *node, f *Field) (up *Field, err *SchemaError) {
	at, flat := 0, r.s.own.flat
	if up = f.parent; up != nil {
		at, flat = len(up.Path)+1, up.own.flat
	}
	for {
		dot := strings.IndexByte(f.Path[at:], '.')
		if dot < 0 {
			return up, nil
		}
		g := r.s.byPath[f.Path[:at+dot]]
		at += dot + 1
		switch {
		case g == nil || g.Kind == Unknown:
		case flat: // where the dots are part of the names
			g.own.prefix = true
		case g.Kind == Object || g.Kind == Nested:
			up, flat = g, g.own.flat
		default:
			return nil, n.err("the field " + strconv.Quote(f.Path) + " stands below " + strconv.Quote(g.Path) + ", which is no object")
		}
	}
}

// hang makes the lists of fields again, as the parents have it.
func (r *mappingReader) hang() {
	r.s.fields = nil
	for _, f := range r.all {
		f.Fields = nil
	}
	for _, f := range r.all {
		switch {
		case f.Path != f.Source:
		case f.parent == nil:
			r.s.fields = append(r.s.fields, f)
		default:
			f.parent.Fields = append(f.parent.Fields, f)
		}
	}
}

// inherit takes over what the objects around f say.
func (f *Field) inherit() {
	for p := f.parent; p != nil; p = p.parent {
		if p.Kind == Nested && f.Nested == "" {
			f.Nested = p.Path
		}
		if p.own.opaque {
			f.Searchable, f.own.malformed = false, true
		}
	}
}

// inheritPersonal marks f if it stands in something personal.
func (f *Field) inheritPersonal() {
	for p := f.parent; p != nil; p = p.parent {
		f.Personal = f.Personal || p.Personal
	}
}

// subobjects reads whether the dots in the names of an object's fields are no objects.
func (r *mappingReader) subobjects(p *node) (flat bool) {
	switch p.text() {
	case "true":
	case "false":
		return true
	default:
		r.unknown(p)
	}
	return false
}

// flat reports whether path stands in an object, or a schema, for which the dots
// in the names of fields are no objects.
func (s *Schema) flat(path string) bool {
	for i := strings.IndexByte(path, '.'); i >= 0; {
		if f := s.at(path[:i]); f != nil && f.own.flat {
			return true
		}
		next := strings.IndexByte(path[i+1:], '.')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return s.own.flat
}

// indexSettings reads the settings of an index that matter to its fields.
func (r *mappingReader) indexSettings(settings *node) (err *SchemaError) {
	r.normalizers = setting(settings, "analysis.normalizer")
	if n := setting(settings, "mapping.ignore_malformed"); n != nil {
		if r.malformed, err = n.mustBool(); err != nil {
			return err
		}
	}
	if n := setting(settings, "mapping.coerce"); n != nil {
		coerce, err := n.mustBool()
		if err != nil {
			return err
		}
		r.noCoerce = !coerce
	}
	return nil
}

// defaults gives f what the settings of the index say, for its own to change.
func (r *mappingReader) defaults(f *Field) {
	switch f.Kind {
	case Int, Float:
		f.own.malformed, f.own.noCoerce = r.malformed, r.noCoerce
	case Uint, Bool, Time, IP, JSON:
		f.own.malformed = r.malformed
	}
}

// setting finds a setting of an index, whose name may stand with dots or in
// objects, with or without the word index in front.
func setting(n *node, name string) *node {
	if found := dig(n, "index."+name); found != nil {
		return found
	}
	return dig(n, name)
}

// dig returns the value inside n to which the parts of name lead.
func dig(n *node, name string) *node {
	for _, m := range n.members {
		rest, ok := strings.CutPrefix(name, m.key)
		switch {
		case !ok:
		case rest == "":
			return m
		case rest[0] == '.':
			if found := dig(m, rest[1:]); found != nil {
				return found
			}
		}
	}
	return nil
}
