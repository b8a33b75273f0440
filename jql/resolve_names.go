package jql

import (
	"cmp"
	"strings"

	"github.com/digit-health/dhr/record"
)

// field finds the field of the current schema that a name stands for. It
// returns nil if there is none, having complained if no schema has it.
func (r *resolver) field(f *Field) *record.Field {
	if r.at == 0 && !r.checkName(f) {
		if r.meaningless == nil {
			r.meaningless = make(map[*Field]bool)
		}
		r.meaningless[f] = true
	}
	if r.meaningless[f] {
		return nil
	}
	if found := r.schema.Lookup(f.Name); len(found) == 1 && len(f.Properties) == 0 {
		return found[0]
	}
	return nil
}

// checkName complains of a name that means nothing, or too much, over all schemas.
func (r *resolver) checkName(f *Field) bool {
	if len(f.Properties) > 0 {
		r.fail(f.Properties[0].Span, "property_unsupported",
			"the field "+quoted(f.Name)+" has no properties in brackets; name the field itself, as in a.b.c")
		return false
	}
	var first *record.Field
	var lacking []string
	for _, s := range r.schemas {
		found := s.Lookup(f.Name)
		switch {
		case len(found) == 0:
			lacking = append(lacking, s.Index)
		case len(found) > 1:
			return r.ambiguous(f, s, found)
		case first == nil:
			first = found[0]
		case family(first) != family(found[0]):
			return r.conflict(f, first, found[0], s)
		}
	}
	if first == nil {
		return r.unknown(f)
	}
	if len(lacking) > 0 {
		then := "this clause matches nothing there"
		if r.sorting {
			then = "the records there come last"
		}
		r.warn(f.Span, "field_not_in_index", "the field "+quoted(f.Name)+" does not exist in "+indexes(lacking)+"; "+then).Found = f.Text
	}
	return true
}

func (r *resolver) unknown(f *Field) bool {
	names := make([]string, len(r.schemas))
	var near string
	var all []string // of each index
	for i, s := range r.schemas {
		names[i] = s.Index
		if len(r.errs) < maxComplaints-1 {
			if one := s.Nearest(f.Name); one != "" {
				all = append(all, one)
			}
		}
	}
	if len(all) > 0 {
		near = cmp.Or(nearest(f.Name, all), all[0])
	}
	e := r.fail(f.Span, "unknown_field", "unknown field "+quoted(f.Name)+" in "+indexes(names))
	e.Found = f.Text
	e.Expected = []string{"a field"}
	if near != "" {
		e.Message += "; did you mean " + quoted(near) + "?"
		e.Suggestion = bareText(near)
	}
	return false
}

func (r *resolver) ambiguous(f *Field, s *record.Schema, found []*record.Field) bool {
	paths := make([]string, len(found))
	for i, g := range found {
		paths[i] = g.Path
	}
	e := r.fail(f.Span, "ambiguous_field",
		"the name "+quoted(f.Name)+" stands for several fields of index "+quoted(s.Index)+": "+strings.Join(paths, ", "))
	e.Found, e.Expected = f.Text, paths
	return false
}

func (r *resolver) conflict(f *Field, a, b *record.Field, second *record.Schema) bool {
	first := r.schemas[0]
	for _, s := range r.schemas {
		if s.Field(a.Path) == a {
			first = s
			break
		}
	}
	r.fail(f.Span, "conflicting_types", "the field "+quoted(f.Name)+" is "+what(a)+" in index "+quoted(first.Index)+
		" but "+what(b)+" in index "+quoted(second.Index)).Found = f.Text
	return false
}

// family groups the kinds whose values can be asked for and ordered together.
func family(f *record.Field) record.Kind {
	switch f.Kind {
	case record.Int, record.Uint, record.Float:
		return record.Float
	case record.String, record.Text:
		return record.String
	case record.Object, record.Nested, record.Flattened:
		return record.Object
	}
	return f.Kind
}

// what says what a field is, for people.
func what(f *record.Field) string {
	switch f.Type {
	case "", "object":
		return "an object"
	case "ip", "integer", "unsigned_long":
		return "an " + f.Type + " field"
	}
	return "a " + f.Type + " field"
}

// indexes names indexes for people.
func indexes(names []string) string {
	if len(names) == 1 {
		return "index " + quoted(names[0])
	}
	for i, n := range names {
		names[i] = quoted(n)
	}
	return "indexes " + strings.Join(names, ", ")
}

// either lists alternatives for people: "a", "a or b", "a, b or c".
func either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// fieldOperators are the operators that a field has, in the order of their use.
func fieldOperators(f *record.Field, history bool) []string {
	var ops []string
	if !f.Searchable {
		return nil
	}
	exact := f.Exact()
	if exact != nil && isScalar(exact) {
		ops = append(ops, "=", "!=")
	}
	if f.FullText() != nil {
		ops = append(ops, "~", "!~")
	}
	if exact != nil && isScalar(exact) && exact.Kind != record.Bool && (exact.Kind != record.String || exact.Ordered) {
		ops = append(ops, ">", ">=", "<", "<=")
	}
	if exact != nil && isScalar(exact) {
		ops = append(ops, "IN", "NOT IN")
	}
	ops = append(ops, "IS", "IS NOT")
	if history && exact != nil && isScalar(exact) && exact.Kind != record.Time {
		ops = append(ops, "WAS", "WAS NOT", "WAS IN", "WAS NOT IN", "CHANGED")
	}
	return ops
}
