package mapping

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/digit-health/dhr/fhir"
)

// A shortForm is what a short form stands for; the value is nil after a complaint.
type shortForm struct{ value node }

// The short forms, the types they stand for, and the keys that go with them.
var shortForms = []struct {
	key   string
	types []string
	keys  []string
}{
	{"$code", []string{"Coding", "CodeableConcept"}, []string{"$code", "$system", "$display", "$text", "$map", "$default", "$when", "$pick"}},
	{"$reference", []string{"Reference"}, []string{"$reference", "$display", "$when", "$pick"}},
	{"$quantity", []string{"Quantity", "Age", "Duration", "Count", "Distance", "Money"}, []string{"$quantity", "$unit", "$text", "$system", "$when", "$pick"}},
}

// short returns what a short form stands for, or nil if n is none.
func (b *builder) short(n *yaml.Node, key, path string, e *fhir.Element) *shortForm {
	for _, form := range shortForms {
		if !hasKey(n, form.key) {
			continue
		}
		if !slices.Contains(form.types, e.Type.Name) {
			b.complain(n, join(key, form.key), "found in an element of type %s; expected in one of type %s", e.Type.Name, oneOf(form.types))
			return &shortForm{}
		}
		one := map[string]pair{}
		for _, p := range b.pairs(n, key, "directives") {
			name := p.name.Value
			if !slices.Contains(form.keys, name) {
				b.complain(p.name, p.key, "unknown beside %s%s; expected one of %s", form.key, didYouMean(fhir.Nearest(name, form.keys)), oneOf(form.keys))
				continue
			}
			one[name] = p
		}
		o := &object{place: b.place(n, key), path: path, typ: e.Type}
		if p, ok := one["$when"]; ok {
			o.when = b.when(p)
		}
		switch form.key {
		case "$code":
			return &shortForm{b.codeForm(o, one)}
		case "$reference":
			b.referenceForm(o, one, e.Targets)
		default:
			b.quantityForm(o, one)
		}
		if len(o.members) == 0 {
			return &shortForm{}
		}
		return &shortForm{o}
	}
	return nil
}

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// part puts the value of a directive into an object as an element.
func (b *builder) part(o *object, one map[string]pair, directive, name string) *scalar {
	p, ok := one[directive]
	if !ok {
		return nil
	}
	e := o.typ.Element(name)
	n := b.open(p.value, p.key)
	if n == nil {
		return nil
	}
	s := b.scalar(n, p.key, o.path+"."+name, e.Primitive, e.Codes)
	if s == nil {
		return nil
	}
	if len(s.from) == 0 {
		return nil
	}
	if pick, ok := one["$pick"]; ok {
		b.pick(s, pick)
	}
	o.set(e, s)
	return s
}

func (b *builder) referenceForm(o *object, one map[string]pair, targets []string) {
	if s := b.part(o, one, "$reference", "reference"); s != nil {
		b.referTo(s, one["$reference"].value, one["$reference"].key, targets)
	}
	b.part(o, one, "$display", "display")
}

func (b *builder) quantityForm(o *object, one map[string]pair) {
	b.part(o, one, "$quantity", "value")
	unit, ok := one["$unit"]
	if o.typ.Name == "Money" {
		if ok {
			b.part(o, one, "$unit", "currency")
		}
		return
	}
	if !ok {
		b.complainAt(o, o.key, "$unit is missing; expected the code of a unit")
		return
	}
	b.part(o, one, "$unit", "code")
	if _, ok := one["$text"]; ok {
		b.part(o, one, "$text", "unit")
	} else {
		b.part(o, map[string]pair{"$unit": unit}, "$unit", "unit")
	}
	system := &scalar{place: o.place, path: o.path + ".system", primitive: "uri", text: knownSystems["ucum"],
		from: []*template{{parts: []part{{literal: knownSystems["ucum"]}}}}}
	if p, ok := one["$system"]; ok {
		if text, ok := b.text(p.value, p.key, "a code system"); ok {
			system.from[0].parts[0].literal = b.system(p.value, p.key, text)
		}
	}
	o.set(o.typ.Element("system"), system)
}

// codeForm returns a Coding, or a CodeableConcept with one.
func (b *builder) codeForm(o *object, one map[string]pair) node {
	concept := o
	if o.typ.Name == "CodeableConcept" {
		o = &object{place: concept.place, path: concept.path + ".coding", typ: fhir.TypeOf("Coding")}
	} else if p, ok := one["$text"]; ok {
		b.complain(p.name, p.key, "found in an element of type Coding; expected in a CodeableConcept")
	}
	made := b.coding(o, one)
	if s, ok := o.member("code").(*scalar); ok && s.isConstant() { // a constant code stands for itself, whatever is shown of it
		o.force, concept.force = true, true
	}
	if concept == o {
		return made
	}
	if made != nil {
		e := concept.typ.Element("coding")
		concept.set(e, &list{place: o.place, path: o.path, items: []item{{value: made}}})
	}
	b.part(concept, one, "$text", "text")
	if len(concept.members) == 0 {
		return nil
	}
	return concept
}

// coding returns what makes a Coding, or nil.
func (b *builder) coding(o *object, one map[string]pair) node {
	p := one["$code"]
	system := ""
	if s, ok := one["$system"]; ok {
		if text, ok := b.text(s.value, s.key, "a code system"); ok {
			system = b.system(s.value, s.key, text)
		}
	}
	if m, ok := one["$map"]; ok {
		if d, ok := one["$display"]; ok {
			b.complain(d.name, d.key, "stands beside $map, which says what is displayed; expected one of them")
		}
		c := &coding{scalar: scalar{place: o.place, path: o.path, primitive: "code", table: b.mapOf(m.value, m.key), when: o.when}, system: system}
		if c.table == nil {
			return nil
		}
		b.source(&c.scalar, p.value, p.key)
		if d, ok := one["$default"]; ok {
			b.fallback(&c.scalar, d)
		}
		if pick, ok := one["$pick"]; ok {
			b.pick(&c.scalar, pick)
		}
		if len(c.from) == 0 {
			return nil
		}
		return c
	}
	s := b.part(o, one, "$code", "code")
	if s == nil {
		return nil
	}
	if d, ok := one["$default"]; ok {
		b.fallback(s, d)
	}
	if system != "" {
		o.set(o.typ.Element("system"), &scalar{place: o.place, path: o.path + ".system", primitive: "uri", text: system,
			from: []*template{{parts: []part{{literal: system}}}}})
	}
	b.part(o, one, "$display", "display")
	return o
}
