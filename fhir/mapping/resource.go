package mapping

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/digit-health/dhr/fhir"
)

// A node is what makes a value: an *object, a *list, a *scalar or a *coding.
type node interface{ conditional() bool }

// An object makes a JSON object.
type object struct {
	place
	path     string // of the element
	resource string // the resource type of a resource, else empty
	typ      *fhir.Type
	members  []member // in R4's order
	when     *condition
	force    bool // constants alone make it, though something is taken from the record
}

type member struct {
	name  string
	order int
	value node
}

// A list makes a JSON array.
type list struct {
	place
	path  string
	items []item
}

// An item makes none, one or, with each, several members of an array.
type item struct {
	each      string // the path of a field, or empty
	eachPlace place
	value     node
}

// A scalar makes a primitive value.
type scalar struct {
	place
	path      string
	primitive string
	codes     []string
	text      string // as written
	from      []*template
	fallback  *string
	table     *codeMap
	when      *condition
	pick      string
	joined    bool
	separator string
	date      dateOptions
	encode    bool
	hash      bool // the id of a resource
	native    bool // the patient of a native resource
	// target is the resource type of a reference to Type/id; the templates are then of the id alone.
	reference bool
	target    string
	targets   []string
}

// A coding makes a Coding out of a code map.
type coding struct {
	scalar
	system string // of codes without one
}

// A condition is a $when.
type condition struct {
	place
	text string
}

func (o *object) conditional() bool { return o.when != nil }
func (l *list) conditional() bool {
	return !slices.ContainsFunc(l.items, func(i item) bool { return !i.value.conditional() })
}
func (s *scalar) conditional() bool { return s.when != nil }

// member returns the value of an element, or nil.
func (o *object) member(name string) node {
	for _, m := range o.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// set puts the value of an element into its place.
func (o *object) set(e *fhir.Element, value node) { o.put(e.Name, e.Order*2, value) }

func (o *object) put(name string, order int, value node) {
	o.members = append(o.members, member{name, order, value})
	slices.SortStableFunc(o.members, func(a, b member) int { return a.order - b.order })
}

// field returns the path of the field that a scalar is, or "".
func (s *scalar) field() string {
	if len(s.from) == 1 {
		if ref := s.from[0].single(); ref != nil && len(ref.options) == 1 && !ref.options[0].filter {
			return ref.options[0].path
		}
	}
	return ""
}

// A builder makes the nodes of one resource.
type builder struct {
	*reader
	zone *zone
}

// root returns the resource of a mapping.
func (b *builder) root(m *Mapping, typ *fhir.Type, p pair) *object {
	n := b.open(p.value, p.key)
	if n == nil {
		return nil
	}
	o := b.members(n, p.key, typ, typ.Name, nil)
	if o == nil {
		return nil
	}
	o.resource = typ.Name
	if o.when != nil {
		b.errors = append(b.errors, o.when.complain("a resource has no $when; expected where, beside resource"))
	}
	if o.member("id") == nil {
		t, _ := parseTemplate("{_id}")
		o.set(typ.Element("id"), &scalar{place: o.place, path: typ.Name + ".id", primitive: "id", text: "{_id}", from: []*template{t}})
	}
	if id, ok := o.member("id").(*scalar); ok {
		id.hash = true
		if id.when != nil {
			b.errors = append(b.errors, id.when.complain("an id has no $when, since a resource has always one"))
		}
	}
	if m.updated != nil {
		b.stamp(m, o)
	}
	return o
}

// stamp puts meta.lastUpdated into a resource.
func (b *builder) stamp(m *Mapping, o *object) {
	s := *m.updated
	s.path = o.path + ".meta.lastUpdated"
	meta, _ := o.member("meta").(*object)
	typ := fhir.TypeOf("Meta")
	if meta == nil {
		meta = &object{place: s.place, path: o.path + ".meta", typ: typ}
		o.set(o.typ.Element("meta"), meta)
	}
	if meta.member("lastUpdated") != nil {
		b.errors = append(b.errors, meta.complain("lastUpdated stands beside last_updated of the mapping; expected one of them"))
		return
	}
	meta.force = true
	meta.set(typ.Element("lastUpdated"), &s)
}

// value returns what makes the values of an element, or nil if there are none.
func (b *builder) value(n *yaml.Node, key, path string, e *fhir.Element) node {
	n = b.open(n, key)
	if n == nil || isNull(n) {
		return nil
	}
	b.depth++
	defer func() { b.depth-- }()
	if !e.List {
		if n.Kind == yaml.SequenceNode {
			b.complain(n, key, "found a list; expected one value, since the element does not repeat")
			return nil
		}
		return b.single(n, key, path, e)
	}
	if n.Kind != yaml.SequenceNode {
		b.complain(n, key, "found %s; expected a list, since the element repeats", found(n))
		return nil
	}
	return b.list(n, key, path, e)
}

func (b *builder) list(n *yaml.Node, key, path string, e *fhir.Element) node {
	l := &list{place: b.place(n, key), path: path}
	for i, c := range b.items(n, key, "items") {
		key := key + "[" + itoa(i) + "]"
		c = b.open(c, key)
		if c == nil {
			return nil
		}
		it := item{}
		if c.Kind == yaml.MappingNode {
			c, it = b.each(c, key)
		}
		it.value = b.single(c, key, path, e)
		if it.value != nil {
			l.items = append(l.items, it)
		}
	}
	if len(l.items) == 0 {
		return nil
	}
	return l
}

// each takes $each out of an item.
func (b *builder) each(n *yaml.Node, key string) (*yaml.Node, item) {
	var it item
	rest := *n
	rest.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Value != "$each" || it.each != "" {
			rest.Content = append(rest.Content, name, value)
			continue
		}
		path, ok := b.text(value, join(key, "$each"), "the path of a field")
		if ok && strings.ContainsAny(path, "{}|?[]*") {
			b.complain(value, join(key, "$each"), "found %q; expected the path of a field, without braces", path)
		}
		it.each, it.eachPlace = path, b.place(value, join(key, "$each"))
	}
	return &rest, it
}

// single returns what makes one value of an element.
func (b *builder) single(n *yaml.Node, key, path string, e *fhir.Element) node {
	if isNull(n) {
		return nil
	}
	switch {
	case e.Primitive == "Resource" && e.Name == "contained":
		return b.contained(n, key, path)
	case e.Primitive == "Resource":
		b.complain(n, key, "a resource within a resource is not mapped, but for contained")
		return nil
	case e.Type == nil:
		if s := b.scalar(n, key, path, e.Primitive, e.Codes); s != nil {
			return s
		}
		return nil
	case n.Kind != yaml.MappingNode:
		b.complain(n, key, "found %s; expected the elements of %s", found(n), e.Type.Name)
		return nil
	}
	if short := b.short(n, key, path, e); short != nil {
		return short.value
	}
	if o := b.members(n, key, e.Type, path, e.Targets); o != nil {
		return o
	}
	return nil
}

// contained returns a resource inside of a resource.
func (b *builder) contained(n *yaml.Node, key, path string) node {
	if n.Kind != yaml.MappingNode {
		b.complain(n, key, "found %s; expected a resource", found(n))
		return nil
	}
	rest := *n
	rest.Content = nil
	name := ""
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "resourceType" {
			name, _ = b.text(n.Content[i+1], join(key, "resourceType"), "a resource type")
			continue
		}
		rest.Content = append(rest.Content, n.Content[i], n.Content[i+1])
	}
	if !slices.Contains(fhir.Types(), name) {
		b.complain(n, join(key, "resourceType"), "found %q; expected a resource type of R4%s", name, didYouMean(fhir.Nearest(name, fhir.Types())))
		return nil
	}
	o := b.members(&rest, key, fhir.TypeOf(name), path, nil)
	if o == nil {
		return nil
	}
	o.resource = name
	if id, ok := o.member("id").(*scalar); ok {
		id.hash = true
	}
	return o
}

// elementType is the type of what stands under the name of a primitive with _ before it.
var elementType = struct{ id, extension *fhir.Element }{
	&fhir.Element{Name: "id", Primitive: "string"},
	&fhir.Element{Name: "extension", List: true, Order: 1},
}

// members returns an object with elements of a type.
func (b *builder) members(n *yaml.Node, key string, typ *fhir.Type, path string, targets []string) *object {
	all := b.pairs(n, key, "the elements of "+typ.Name)
	if all == nil {
		if n.Kind == yaml.MappingNode {
			b.complain(n, key, "found no elements of %s", typ.Name)
		}
		return nil
	}
	o := &object{place: b.place(n, key), path: path, typ: typ}
	for _, p := range all {
		name := p.name.Value
		switch {
		case name == "$when":
			o.when = b.when(p)
		case strings.HasPrefix(name, "$"):
			b.complain(p.name, p.key, "unknown directive; of an object it can be $when, of an item of a list also $each, and $code, $reference or $quantity of such types")
		case strings.HasPrefix(name, "_"):
			b.extended(o, p, path)
		default:
			b.element(o, p, path, targets)
		}
	}
	b.check(o, key)
	return o
}

// element adds one element to an object.
func (b *builder) element(o *object, p pair, path string, targets []string) {
	name := p.name.Value
	e := o.typ.Element(name)
	if e == nil {
		for _, c := range o.typ.Elements() {
			if c.Choice == name || c.Choice == name+"[x]" {
				b.complain(p.name, p.key, "found a choice; expected the name of one of its members, such as %s", c.Name)
				return
			}
		}
		b.complain(p.name, p.key, "no such element of %s%s", o.typ.Name, didYouMean(fhir.Nearest(name, o.typ.Names())))
		return
	}
	value := b.value(p.value, p.key, path+"."+name, e)
	if value == nil {
		return
	}
	if s, ok := value.(*scalar); ok {
		switch {
		case name == "system" && e.Primitive == "uri":
			b.named(s, p)
		case name == "reference" && o.typ.Name == "Reference":
			b.referTo(s, p.value, p.key, targets)
		case e.Primitive == "xhtml" && !s.isConstant():
			b.complain(p.value, p.key, "found %q; expected a constant, since a narrative is not mapped", s.text)
		}
	}
	o.set(e, value)
}

// extended adds the extension of a primitive.
func (b *builder) extended(o *object, p pair, path string) {
	name := p.name.Value[1:]
	e := o.typ.Element(name)
	if e == nil || e.Type != nil || e.Primitive == "Resource" || e.List {
		b.complain(p.name, p.key, "found %q; expected _ and the name of an element of %s that is primitive and does not repeat", p.name.Value, o.typ.Name)
		return
	}
	ext := &object{place: b.place(p.value, p.key), path: path + "." + name}
	for _, m := range b.pairs(p.value, p.key, "id or extension") {
		switch m.name.Value {
		case "$when":
			ext.when = b.when(m)
		case "id":
			if v := b.value(m.value, m.key, ext.path+".id", elementType.id); v != nil {
				ext.put("id", 0, v)
			}
		case "extension":
			list := &fhir.Element{Name: "extension", List: true, Type: fhir.TypeOf("Extension")}
			if v := b.value(m.value, m.key, ext.path+".extension", list); v != nil {
				ext.put("extension", 1, v)
			}
		default:
			b.complain(m.name, m.key, "unknown key; expected id or extension")
		}
	}
	o.put("_"+name, e.Order*2+1, ext)
}

// check complains about choices with several members, and about what is required and missing.
func (b *builder) check(o *object, key string) {
	free := map[string][]string{}
	there := map[string]bool{}
	for _, m := range o.members {
		e := o.typ.Element(strings.TrimPrefix(m.name, "_"))
		there[e.Name] = true
		if e.Choice != "" {
			there[e.Choice] = true
			if !m.value.conditional() && m.name == e.Name {
				free[e.Choice] = append(free[e.Choice], e.Name)
			}
		}
	}
	for choice, names := range free {
		if len(names) > 1 {
			b.errors = append(b.errors, o.complain("found %s; expected one member of %s, or a $when for all but one", strings.Join(names, " and "), choice))
		}
	}
	told := map[string]bool{}
	for _, e := range o.typ.Elements() {
		name := e.Name
		if e.Choice != "" {
			name = e.Choice
		}
		if e.Required && !there[name] && !told[name] {
			told[name] = true
			b.complainAt(o, key, "%s is required and is missing", name)
		}
	}
}

func (b *builder) complainAt(o *object, key, format string, args ...any) {
	e := o.complain(format, args...)
	e.Key = key
	b.errors = append(b.errors, e)
}

func (b *builder) when(p pair) *condition {
	text := b.jql(p.value, p.key)
	if text == "" {
		return nil
	}
	return &condition{b.place(p.value, p.key), text}
}
