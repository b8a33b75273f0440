package fhir

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A Type is a type of R4 whose values are objects: a resource, a data type such as HumanName, or a part of one of these
// such as Patient.contact. Types never change.
type Type struct {
	// Name is the name of a resource or data type, or the path of the part.
	Name string
	// Resource says that it is a resource type.
	Resource bool

	elements []*Element
	byName   map[string]*Element
}

// An Element is a member of a Type.
type Element struct {
	// Name is the member's name in JSON; of a choice each member is an Element.
	Name string
	// Type is the type of its values, or nil if these are primitive or resources.
	Type *Type
	// Primitive is the type of primitive values, such as dateTime; "Resource" where any resource may stand, else empty.
	Primitive string
	// List says that the element repeats: in JSON it is an array.
	List bool
	// Required says that there must be a value; of a choice, that there must be one of its members.
	Required bool
	// Choice is the name of the choice the element belongs to, such as "value[x]", or empty.
	Choice string
	// Codes are the codes of a required binding, or nil.
	Codes []string
	// Targets are the resource types that a Reference may lead to, or nil if any.
	Targets []string
	// Order is the place of the element in the type.
	Order int
}

// Elements returns the elements in R4's order. The caller must not change the slice.
func (t *Type) Elements() []*Element { return t.elements }

// Element returns the element with this name in JSON, or nil.
func (t *Type) Element(name string) *Element { return t.byName[name] }

// Names returns the names of the elements in R4's order.
func (t *Type) Names() []string {
	names := make([]string, len(t.elements))
	for i, e := range t.elements {
		names[i] = e.Name
	}
	return names
}

// TypeOf returns the type with this name, or nil if R4 has none. Of data types there are those that R4's resources use.
func TypeOf(name string) *Type { return tables().byName[name] }

// Types returns the names of R4's resource types in their order, without the abstract ones.
func Types() []string {
	var names []string
	for _, m := range models {
		if name := m.Name(); name != "Resource" && name != "DomainResource" {
			names = append(names, name)
		}
	}
	return names
}

// A table holds all types.
type table struct {
	byName map[string]*Type
	byGo   map[reflect.Type]*Type
	notes  map[string]map[string]note
	codes  map[reflect.Type][]string
}

// A note is what elements.txt says of an element.
type note struct {
	primitive string
	required  bool
	targets   []string
}

//go:embed r4/elements.txt
var elementNotes string

var tables = sync.OnceValue(func() *table {
	t := &table{byName: map[string]*Type{}, byGo: map[reflect.Type]*Type{}, notes: readNotes(elementNotes), codes: map[reflect.Type][]string{}}
	for _, m := range models {
		t.typeOf(m, m.Name()).Resource = true
	}
	return t
})

// readNotes reads elements.txt. A line is a type or a part of one, then what the model does not say of its elements: name:primitive,
// name[x] of a choice, ! where a value is required, >A|B for what a reference may lead to.
func readNotes(text string) map[string]map[string]note {
	all := map[string]map[string]note{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		of := map[string]note{}
		for _, word := range words[1:] {
			var n note
			name, targets, ok := strings.Cut(word, ">")
			if ok {
				n.targets = strings.Split(targets, "|")
			}
			name, n.primitive, _ = strings.Cut(name, ":")
			name, n.required = strings.CutSuffix(name, "!")
			of[name] = n
		}
		all[words[0]] = of
	}
	return all
}

// typeOf returns the type of a struct, which it makes if there is none yet.
func (t *table) typeOf(g reflect.Type, name string) *Type {
	if made := t.byGo[g]; made != nil {
		return made
	}
	made := &Type{Name: name, byName: map[string]*Element{}}
	t.byGo[g], t.byName[name] = made, made
	notes := t.notes[name]
	for i := range g.NumField() {
		f := g.Field(i)
		e := t.element(g, name, f, notes)
		made.add(e)
		if e.Name == "text" && isResource(g) && hasField(g, "Extension") {
			made.add(&Element{Name: "contained", Primitive: "Resource", List: true})
		}
	}
	return made
}

func (t *Type) add(e *Element) {
	e.Order = len(t.elements)
	t.elements = append(t.elements, e)
	t.byName[e.Name] = e
}

func isResource(g reflect.Type) bool {
	return slices.Contains(models[:], g)
}

func hasField(g reflect.Type, name string) bool {
	_, ok := g.FieldByName(name)
	return ok
}

// element says what is known of a field of the model.
func (t *table) element(g reflect.Type, path string, f reflect.StructField, notes map[string]note) *Element {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	e := &Element{Name: name, Required: options != "omitempty"}
	of := f.Type
	if of.Kind() == reflect.Slice && of != rawType {
		e.List = true
		of = of.Elem()
	}
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	n := notes[name]
	e.Targets = n.targets
	e.Required = e.Required || n.required
	if choice, c, ok := choiceOf(name, of, notes); ok && n.primitive == "" {
		e.Choice, e.Required = choice, c.required
		if of.Name() == "Reference" {
			e.Targets = c.targets
		}
	}
	switch {
	case of.Kind() == reflect.Struct:
		part := of.Name()
		if part == g.Name()+f.Name {
			part = path + "." + name
		}
		e.Type = t.typeOf(of, part)
	case of == rawType:
		e.Primitive = "Resource"
	default:
		e.Primitive, e.Codes = t.primitive(e, of, n)
	}
	return e
}

var (
	rawType    = reflect.TypeFor[json.RawMessage]()
	numberType = reflect.TypeFor[json.Number]()
)

// primitive returns the type of a primitive value and the codes it is bound to.
func (t *table) primitive(e *Element, of reflect.Type, n note) (string, []string) {
	switch {
	case n.primitive != "":
	case e.Choice != "":
		n.primitive = primitiveOf(strings.TrimPrefix(e.Name, strings.TrimSuffix(e.Choice, "[x]")))
	case e.Name == "id":
		n.primitive = "id"
	case e.Name == "implicitRules" || e.Name == "url" && of.Kind() == reflect.String:
		n.primitive = "uri"
	case e.Name == "language":
		n.primitive = "code"
	case of == numberType:
		n.primitive = "decimal"
	case of.Kind() == reflect.Bool:
		n.primitive = "boolean"
	case of.Kind() == reflect.Int:
		n.primitive = "integer"
	default:
		n.primitive = "string"
	}
	codes := t.codesOf(of)
	if codes != nil {
		n.primitive = "code"
	}
	return n.primitive, codes
}

// A coder is one of the model's enumerations.
type coder interface{ Code() string }

const noCode = "<unknown>"

// codesOf returns the codes of an enumeration in their order, or nil.
func (t *table) codesOf(of reflect.Type) []string {
	if !of.Implements(reflect.TypeFor[coder]()) {
		return nil
	}
	if codes := t.codes[of]; codes != nil {
		return codes
	}
	var codes []string
	v := reflect.New(of).Elem()
	for i := int64(0); ; i++ {
		v.SetInt(i)
		code := v.Interface().(coder).Code()
		if code == noCode {
			break
		}
		codes = append(codes, code)
	}
	t.codes[of] = codes
	return codes
}

// choiceOf returns the choice that an element belongs to: one whose name begins its own and is followed by the name of its type.
func choiceOf(name string, of reflect.Type, notes map[string]note) (string, note, bool) {
	for choice, n := range notes {
		stem, ok := strings.CutSuffix(choice, "[x]")
		if !ok {
			continue
		}
		if kind, ok := strings.CutPrefix(name, stem); ok && kind != "" && (kind == of.Name() || primitiveOf(kind) != "" && of.Kind() != reflect.Struct) {
			return choice, n, true
		}
	}
	return "", note{}, false
}

// primitives are R4's primitive types.
var primitives = [...]string{"base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer", "markdown",
	"oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid"}

// primitiveOf returns the primitive type whose name begins in upper case in the name of a choice's member, or "".
func primitiveOf(kind string) string {
	if kind == "" {
		return ""
	}
	lower := strings.ToLower(kind[:1]) + kind[1:]
	if slices.Contains(primitives[:], lower) {
		return lower
	}
	return ""
}
