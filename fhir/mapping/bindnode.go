package mapping

import (
	"slices"
	"strings"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/record"
)

// node makes the op of a node; nil if it never has a value.
func (b *binder) node(n node) op {
	switch n := n.(type) {
	case *object:
		return b.object(n)
	case *list:
		return b.list(n)
	case *coding:
		return b.coding(n)
	case *scalar:
		return b.scalar(n)
	}
	return nil
}

func (b *binder) object(o *object) op {
	made := &opObject{path: o.path, name: o.path[strings.LastIndexByte(o.path, '.')+1:], when: b.condition(o.when), force: o.force, open: []byte("{")}
	if o.resource != "" {
		made.open = []byte(`{"resourceType":"` + o.resource + `"`)
		made.resource = true
	}
	groups := map[string]int{}
	if o.typ != nil {
		b.groups(made, o, groups)
	}
	for _, m := range o.members {
		value := b.node(m.value)
		if value == nil {
			continue
		}
		if _, constant := value.(*opConst); !constant {
			made.dynamic = true
		}
		group, ok := groups[m.name]
		if !ok {
			group = -1
		}
		made.members = append(made.members, opMember{key: []byte(`"` + m.name + `":`), op: value, group: group, extension: strings.HasPrefix(m.name, "_")})
	}
	if !made.dynamic && made.when == nil && !made.resource && len(made.members) > 0 && len(b.errors) == 0 {
		if raw, st := made.append(nil, newRun(&Mapper{})); st == constantly {
			return &opConst{raw: raw}
		}
	}
	return made
}

// groups gathers the members of which one is required, or of which one alone may be there.
func (b *binder) groups(made *opObject, o *object, groups map[string]int) {
	byName := map[string]int{}
	for _, e := range o.typ.Elements() {
		name := e.Name
		if e.Choice != "" {
			name = e.Choice
		}
		required := e.Required || e.Name == "id" && o == b.m.root
		if !required && (e.Choice == "" || o.member(e.Name) == nil && o.member("_"+e.Name) == nil) {
			continue
		}
		g, ok := byName[name]
		if !ok {
			g = len(made.groups)
			byName[name] = g
			made.groups = append(made.groups, group{name: name, required: required, choice: e.Choice != ""})
		}
		groups[e.Name], groups["_"+e.Name] = g, g
	}
}

func (b *binder) list(l *list) op {
	made := &opList{path: l.path}
	dynamic := false
	for _, it := range l.items {
		item := opItem{}
		if it.each != "" {
			s, src := b.each(it)
			if s == nil {
				continue
			}
			b.open = append(b.open, s)
			item.op = b.node(it.value)
			b.open = b.open[:len(b.open)-1]
			item.each, item.scope = src, s
		} else {
			item.op = b.node(it.value)
		}
		if item.op == nil {
			continue
		}
		if _, constant := item.op.(*opConst); !constant || item.each != nil {
			dynamic = true
		}
		made.items = append(made.items, item)
	}
	if len(made.items) == 0 {
		return nil
	}
	if !dynamic {
		raw, _ := made.append(nil, nil)
		return &opConst{raw: raw}
	}
	return made
}

// lookup makes the values of a code map.
func lookup(m *codeMap, write func(*code) []byte) (entries map[string][]byte, other []byte, hasOther bool) {
	entries = make(map[string][]byte, len(m.entries))
	for text, c := range m.entries {
		entries[text] = nil
		if c.code != "" {
			entries[text] = write(c)
		}
	}
	if m.other != nil {
		hasOther = true
		if m.other.code != "" {
			other = write(m.other)
		}
	}
	return entries, other, hasOther
}

func (b *binder) coding(c *coding) op {
	made := &opScalar{path: c.path, when: b.condition(c.when), pick: c.pick, table: true}
	write := func(one *code) []byte {
		system := one.system
		if system == "" {
			system = c.system
		}
		raw := []byte{'{'}
		if system != "" {
			raw = append(fhir.AppendString(append(raw, `"system":`...), system), ',')
		}
		raw = fhir.AppendString(append(raw, `"code":`...), one.code)
		if one.display != "" {
			raw = fhir.AppendString(append(raw, `,"display":`...), one.display)
		}
		return append(raw, '}')
	}
	made.entries, made.other, made.hasOther = lookup(c.table, write)
	if c.fallback != nil {
		made.fallback = write(&code{code: *c.fallback})
	}
	if !b.templates(made, &c.scalar) {
		return nil
	}
	return made
}

// constantOf returns a constant as JSON.
func constantOf(primitive, text string) []byte {
	switch primitive {
	case "boolean", "decimal", "integer", "positiveInt", "unsignedInt":
		return []byte(text)
	}
	return fhir.AppendString(nil, text)
}

func (b *binder) scalar(s *scalar) op {
	made := &opScalar{path: s.path, primitive: s.primitive, when: b.condition(s.when), pick: s.pick, joined: s.joined, separator: s.separator,
		date: s.date, encode: s.encode, hash: s.hash, native: s.native, reference: s.reference, target: s.target, targets: s.targets}
	made.kind = kindOf(s)
	if s.codes != nil {
		made.codes = map[string]bool{}
		for _, c := range s.codes {
			made.codes[c] = true
		}
		made.codeList = s.codes
	}
	if s.table != nil {
		made.table = true
		made.entries, made.other, made.hasOther = lookup(s.table, func(c *code) []byte { return constantOf(s.primitive, c.code) })
	}
	if s.fallback != nil {
		made.fallback = constantOf(s.primitive, *s.fallback)
	}
	if !b.templates(made, s) && made.fallback == nil {
		return nil
	}
	if text, ok := s.only(); ok && made.when == nil && !made.table && !made.encode && !made.hash {
		return &opConst{raw: constantOf(s.primitive, text)}
	}
	return made
}

// only returns the text of a scalar that is one constant.
func (s *scalar) only() (string, bool) {
	if len(s.from) != 1 {
		return "", false
	}
	return s.from[0].constant()
}

// identity returns the op of an id outside of the resource.
func (b *binder) identity(s *scalar) *opScalar {
	id := *s
	id.hash, id.primitive, id.codes = true, "id", nil
	if id.path == "" {
		id.path = b.m.Type + ".id"
	}
	made, _ := b.scalar(&id).(*opScalar)
	return made
}

// templates binds the templates of a scalar. It reports false if none can ever have a value.
func (b *binder) templates(made *opScalar, s *scalar) bool {
	for _, t := range s.from {
		bound, ok := b.template(t, made, s.place)
		if ok {
			made.from = append(made.from, bound)
		}
	}
	return len(made.from) > 0
}

func (b *binder) template(t *template, made *opScalar, at place) (opTemplate, bool) {
	var bound opTemplate
	for _, p := range t.parts {
		if p.ref == nil {
			bound.parts = append(bound.parts, opPart{literal: p.literal})
			continue
		}
		var sources []*opSource
		for _, o := range p.ref.options {
			src, f := b.source(o, at)
			if src == nil {
				continue
			}
			src.date = dateKind(f)
			if len(t.parts) == 1 {
				b.fits(made, src, f, at)
			}
			sources = append(sources, src)
		}
		if len(sources) == 0 {
			return bound, false
		}
		bound.parts = append(bound.parts, opPart{sources: sources})
	}
	bound.single = len(bound.parts) == 1 && bound.parts[0].sources != nil
	return bound, true
}

// fits complains about a field whose kind no value of the element can be made of.
func (b *binder) fits(made *opScalar, src *opSource, f *record.Field, at place) {
	if made.table || f == nil || src.axis != 0 {
		return
	}
	textual := f.Kind == record.String || f.Kind == record.Text
	numeric := f.Kind == record.Int || f.Kind == record.Uint || f.Kind == record.Float
	ok := true
	switch made.kind {
	case kindBool:
		ok = textual || f.Kind == record.Bool
	case kindNumber:
		ok = textual || numeric
	case kindDate:
		ok = textual || f.Kind == record.Time || numeric
		if numeric && made.date.from == "" {
			b.complain(at, "found %q, a field of numbers; expected dates, or $from: epoch_millis or epoch_seconds", f.Path)
		}
		if made.primitive == "instant" && f.DateOnly() && !made.date.own {
			b.complain(at, "found %q, a field of days; expected one with times of day, or $zone, in which the day begins", f.Path)
		}
	}
	if !ok {
		b.complain(at, "found %q, a field of type %s; expected one that can be a %s", f.Path, f.Type, made.primitive)
	}
}

// dateKind says how exact the values of a date field are.
func dateKind(f *record.Field) precision {
	if f == nil || f.Kind != record.Time || !f.DateOnly() {
		return 0
	}
	least := precision(0)
	for _, format := range f.Formats {
		p := day
		switch {
		case slices.Contains([]string{"year", "strict_year", "weekyear", "strict_weekyear", "yyyy", "uuuu"}, format):
			p = year
		case slices.Contains([]string{"year_month", "strict_year_month", "yyyy-MM", "uuuu-MM", "yyyyMM", "uuuuMM", "MM/yyyy", "MM-yyyy", "yyyy/MM"}, format):
			p = month
		}
		least = max(least, p)
	}
	return least
}
