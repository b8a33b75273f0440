package mapping

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/digit-health/dhr/fhir"
)

func itoa(i int) string { return strconv.Itoa(i) }

var scalarKeys = []string{"$value", "$default", "$map", "$when", "$pick", "$join", "$from", "$zone", "$clock", "$precision", "$encode"}

// scalar returns what makes a primitive value, or nil after a complaint.
func (b *builder) scalar(n *yaml.Node, key, path, primitive string, codes []string) *scalar {
	s := &scalar{place: b.place(n, key), path: path, primitive: primitive, codes: codes}
	s.date.zone = b.zone
	switch n.Kind {
	case yaml.ScalarNode:
		b.source(s, n, key)
		return s
	case yaml.SequenceNode:
		b.complain(n, key, "found a list; expected one value")
		return nil
	}
	all := b.pairs(n, key, "$value with its directives")
	i := slices.IndexFunc(all, func(p pair) bool { return p.name.Value == "$value" })
	if i < 0 {
		b.complain(n, key, "found keys with values; expected a single value of type %s, or {$value: …}", primitive)
		return nil
	}
	for _, p := range all { // the map comes first, since it says what the constants may be
		if p.name.Value == "$map" {
			s.table = b.mapOf(p.value, p.key)
		}
	}
	for _, p := range all {
		b.directive(s, p)
	}
	b.checkMap(s)
	return s
}

func (b *builder) directive(s *scalar, p pair) {
	switch name := p.name.Value; name {
	case "$value":
		b.source(s, p.value, p.key)
	case "$default":
		b.fallback(s, p)
	case "$map":
	case "$when":
		s.when = b.when(p)
	case "$pick":
		b.pick(s, p)
	case "$join":
		n := b.open(p.value, p.key)
		if n == nil {
			return
		}
		if n.Kind != yaml.ScalarNode {
			b.complain(n, p.key, "found %s; expected a text", found(n))
		}
		s.joined, s.separator = true, n.Value
	case "$from", "$zone", "$clock", "$precision":
		if !slices.Contains([]string{"date", "dateTime", "instant"}, s.primitive) {
			b.complain(p.name, p.key, "found in an element of type %s; expected in one of type date, dateTime or instant", s.primitive)
			return
		}
		b.dateOption(&s.date, name[1:], p)
		if s.primitive == "instant" && name == "$precision" && slices.Contains([]string{"year", "month", "day"}, s.date.precision) {
			b.complain(p.value, p.key, "found %q in an element of type instant; expected second or milli", s.date.precision)
		}
	case "$encode":
		if text, ok := b.text(p.value, p.key, "base64"); ok && (text != "base64" || s.primitive != "base64Binary") {
			b.complain(p.value, p.key, "found %q in an element of type %s; expected base64 in one of type base64Binary", text, s.primitive)
		}
		s.encode = true
	default:
		b.complain(p.name, p.key, "unknown directive%s; expected one of %s", didYouMean(fhir.Nearest(name, scalarKeys)), oneOf(scalarKeys))
	}
}

func (b *builder) pick(s *scalar, p pair) {
	text, ok := b.text(p.value, p.key, "first or last")
	if ok && text != "first" && text != "last" {
		b.complain(p.value, p.key, "found %q; expected first or last", text)
	}
	s.pick = text
}

// source reads a constant, a template, or a list of these.
func (b *builder) source(s *scalar, n *yaml.Node, key string) {
	n = b.open(n, key)
	if n == nil {
		return
	}
	if n.Kind == yaml.SequenceNode {
		for i, c := range b.items(n, key, "templates") {
			b.source(s, c, key+"["+itoa(i)+"]")
		}
		return
	}
	if n.Kind != yaml.ScalarNode || isNull(n) {
		b.complain(n, key, "found %s; expected a constant or a template", found(n))
		return
	}
	t := &template{}
	if n.ShortTag() == "!!str" {
		var complaint string
		if t, complaint = parseTemplate(n.Value); complaint != "" {
			b.complain(n, key, "%s", complaint)
			return
		}
	} else {
		t.parts = []part{{literal: n.Value}}
	}
	if s.text == "" {
		s.text = n.Value
	}
	s.from = append(s.from, t)
	if text, ok := t.constant(); ok && s.table == nil && !s.encode {
		b.constant(s, n, key, text)
	}
}

// constant checks a constant of the element's type.
func (b *builder) constant(s *scalar, n *yaml.Node, key, text string) {
	switch tag := n.ShortTag(); s.primitive {
	case "boolean":
		if tag != "!!bool" {
			b.complain(n, key, "found %s; expected true or false", found(n))
			return
		}
	case "decimal", "integer", "positiveInt", "unsignedInt":
		if tag != "!!int" && tag != "!!float" {
			b.complain(n, key, "found %s; expected a number", found(n))
			return
		}
	}
	if expected := fhir.CheckPrimitive(s.primitive, text); expected != "" {
		b.complain(n, key, "found %q; expected %s", text, expected)
		return
	}
	if s.codes != nil && !slices.Contains(s.codes, text) {
		b.complain(n, key, "found %q; expected one of %s%s", text, oneOf(s.codes), didYouMean(fhir.Nearest(text, s.codes)))
	}
}

func (b *builder) fallback(s *scalar, p pair) {
	n := b.open(p.value, p.key)
	if n == nil {
		return
	}
	if n.Kind != yaml.ScalarNode || isNull(n) {
		b.complain(n, p.key, "found %s; expected a constant", found(n))
		return
	}
	b.constant(s, n, p.key, n.Value)
	text := n.Value
	s.fallback = &text
}

// checkMap checks the codes of a map against the element's type and binding.
func (b *builder) checkMap(s *scalar) {
	if s.table == nil {
		return
	}
	for c := range s.table.all {
		if expected := fhir.CheckPrimitive(s.primitive, c.code); expected != "" {
			b.errors = append(b.errors, c.place.complain("found %q, for %s; expected %s", c.code, s.path, expected))
		} else if s.codes != nil && !slices.Contains(s.codes, c.code) {
			b.errors = append(b.errors, c.place.complain("found %q, for %s; expected one of %s%s", c.code, s.path, oneOf(s.codes), didYouMean(fhir.Nearest(c.code, s.codes))))
		}
	}
}

// isConstant reports whether a scalar takes nothing from a record.
func (s *scalar) isConstant() bool {
	for _, t := range s.from {
		if _, ok := t.constant(); !ok {
			return false
		}
	}
	return true
}

// named puts the URI of a code system in the place of its name.
func (b *builder) named(s *scalar, p pair) {
	for _, t := range s.from {
		if text, ok := t.constant(); ok && text != "" {
			t.parts[0].literal = b.system(p.value, p.key, text)
		}
	}
}

// referTo makes a scalar a reference.
func (b *builder) referTo(s *scalar, n *yaml.Node, key string, targets []string) {
	s.reference, s.targets = true, targets
	for _, t := range s.from {
		text, constant := t.constant()
		first := ""
		if len(t.parts) > 0 {
			first = t.parts[0].literal
		}
		switch {
		case strings.HasPrefix(first, "#") || strings.HasPrefix(first, "urn:") || strings.Contains(first, "://"):
			continue
		case first == "" && !constant: // a field that holds Type/id
			continue
		}
		target, rest, ok := strings.Cut(first, "/")
		if !ok || constant && !fhir.IsID(rest) {
			b.complain(n, key, "found %q; expected Type/id, such as Patient/{patient_id}", s.text)
			return
		}
		if !b.refersTo(n, key, target, targets) {
			return
		}
		if constant {
			continue
		}
		if s.target != "" && s.target != target || len(s.from) > 1 && s.target == "" && t != s.from[0] {
			b.complain(n, key, "found %q; expected alternatives that refer to one type", text)
			return
		}
		s.target = target
		t.parts[0].literal = rest
		if rest == "" {
			t.parts = t.parts[1:]
		}
	}
}

func (b *builder) refersTo(n *yaml.Node, key, target string, targets []string) bool {
	if !slices.Contains(fhir.Types(), target) {
		b.complain(n, key, "found %q; expected a resource type of R4%s", target, didYouMean(fhir.Nearest(target, fhir.Types())))
		return false
	}
	if targets != nil && !slices.Contains(targets, target) && !slices.Contains(targets, "Resource") {
		b.complain(n, key, "found a reference to %s; expected one to %s", target, oneOf(targets))
		return false
	}
	return true
}
