package fhir

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A CheckError says what is wrong with a resource.
type CheckError struct {
	// Path is the element, such as Patient.name[0].family; empty where it is no JSON.
	Path string
	// Reason says what is wrong, in words.
	Reason string
}

// Error returns both on one line.
func (e *CheckError) Error() string {
	if e.Path == "" {
		return "fhir: " + e.Reason
	}
	return "fhir: " + e.Path + ": " + e.Reason
}

// Check returns a [CheckError] for the first thing that is wrong with a resource in JSON, or nil: it has to be one object with a
// known resourceType, without {}, [], "" and null anywhere, with elements that R4 has, each once, as often as R4 allows and
// of its type, with codes of required bindings, with what is required, and with one member of each choice at most. It
// does not evaluate invariants, and knows nothing of profiles.
func Check(resource []byte) error {
	c := checker{s: scanner{b: resource}}
	if err := c.resource(0); err != nil {
		return c.wrap(err)
	}
	if err := c.s.end(); err != nil {
		return c.wrap(err)
	}
	return nil
}

// A checker goes once over a resource.
type checker struct {
	s    scanner
	path []string
}

func (c *checker) wrap(err error) error {
	if e, ok := err.(*CheckError); ok { //nolint:errorlint // it is never wrapped
		return e
	}
	return &CheckError{Path: c.at(), Reason: err.Error()}
}

func (c *checker) at() string { return strings.Join(c.path, "") }

func (c *checker) fail(format string, args ...any) error {
	return &CheckError{Path: c.at(), Reason: fmt.Sprintf(format, args...)}
}

// under calls check with a longer path.
func (c *checker) under(part string, check func() error) error {
	c.path = append(c.path, part)
	if err := check(); err != nil {
		return err
	}
	c.path = c.path[:len(c.path)-1]
	return nil
}

// resource checks a whole resource.
func (c *checker) resource(depth int) error {
	c.s.peek()
	start := c.s.i
	name := ""
	if err := c.s.object(func(key []byte) error {
		if string(key) != "resourceType" || name != "" {
			return c.s.skip(depth + 1)
		}
		raw, _, err := c.s.text()
		name = string(raw)
		return err
	}); err != nil {
		return err
	}
	typ := TypeOf(name)
	if name == "" || typ == nil || !typ.Resource {
		return c.fail("found resourceType %q; expected a resource type of R4", name)
	}
	c.s.i = start
	if len(c.path) == 0 {
		return c.under(name, func() error { return c.object(typ, depth) })
	}
	return c.object(typ, depth)
}

// object checks an object of a type; nil is any.
func (c *checker) object(typ *Type, depth int) error {
	if depth > maxDepth {
		return c.fail("is nested too deep")
	}
	if c.s.peek() != '{' {
		return c.fail("expected an object")
	}
	var there []string
	err := c.s.object(func(key []byte) error {
		name := string(key)
		if slices.Contains(there, name) {
			return c.fail("the key %q stands twice", name)
		}
		there = append(there, name)
		return c.under("."+name, func() error { return c.member(typ, name, depth+1) })
	})
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return c.fail("is {}, without anything in it")
	}
	return c.whole(typ, there)
}

// whole checks that what is required is there, and of each choice one member at most.
func (c *checker) whole(typ *Type, there []string) error {
	choices := map[string]string{}
	for _, key := range there {
		e := typ.Element(strings.TrimPrefix(key, "_"))
		if e == nil || e.Choice == "" {
			continue
		}
		if other := choices[e.Choice]; other != "" && other != e.Name {
			return c.fail("found %s and %s; expected one member of %s", other, e.Name, e.Choice)
		}
		choices[e.Choice] = e.Name
	}
	for _, e := range typ.Elements() {
		switch {
		case !e.Required:
		case e.Choice != "" && choices[e.Choice] == "":
			return c.fail("%s is required and is missing", e.Choice)
		case e.Choice == "" && !slices.Contains(there, e.Name) && !slices.Contains(there, "_"+e.Name):
			return c.fail("%s is required and is missing", e.Name)
		}
	}
	return nil
}

// elementObject is what stands under the name of a primitive with _ before it.
var elementObject = &Type{Name: "Element", byName: map[string]*Element{"id": {Name: "id", Primitive: "string"}}}

func (c *checker) member(typ *Type, name string, depth int) error {
	if typ.Resource && name == "resourceType" {
		return c.s.skip(depth)
	}
	e := typ.Element(name)
	extended := false
	if e == nil && strings.HasPrefix(name, "_") {
		e = typ.Element(name[1:])
		if e != nil && (e.Type != nil || e.Primitive == "Resource") {
			e = nil
		}
		extended = true
	}
	if e == nil && typ == elementObject && name == "extension" {
		e = &Element{Name: "extension", List: true, Type: TypeOf("Extension")}
	}
	if e == nil {
		return c.fail("no such element of %s", typ.Name)
	}
	if !e.List {
		return c.one(e, extended, depth)
	}
	if c.s.peek() != '[' {
		return c.fail("expected a list, since the element repeats")
	}
	n := 0
	err := c.s.array(func(i int) error {
		n++
		return c.under("["+strconv.Itoa(i)+"]", func() error { return c.one(e, extended, depth+1) })
	})
	if err == nil && n == 0 {
		return c.fail("is [], without anything in it")
	}
	return err
}

// one checks one value of an element.
func (c *checker) one(e *Element, extended bool, depth int) error {
	switch {
	case c.s.peek() == '[':
		return c.fail("found a list; expected one value")
	case extended:
		return c.object(elementObject, depth)
	case e.Type != nil:
		return c.object(e.Type, depth)
	case e.Primitive == "Resource":
		return c.resource(depth)
	}
	return c.primitive(e)
}

func (c *checker) primitive(e *Element) error {
	if c.s.peek() == '{' {
		return c.fail("found an object; expected a %s", e.Primitive)
	}
	text, quoted := "", c.s.peek() == '"'
	if quoted {
		raw, plain, err := c.s.text()
		if err != nil {
			return err
		}
		text = string(raw)
		if !plain {
			if err := json.Unmarshal([]byte(`"`+text+`"`), &text); err != nil {
				return c.fail("found a string that cannot be read")
			}
		}
	} else {
		raw, err := c.s.word()
		if err != nil {
			return err
		}
		text = string(raw)
	}
	switch e.Primitive {
	case "boolean", "decimal", "integer", "positiveInt", "unsignedInt":
		if quoted {
			return c.fail("found a string; expected a %s", e.Primitive)
		}
	default:
		if !quoted {
			return c.fail("found %s; expected a string", text)
		}
	}
	if expected := CheckPrimitive(e.Primitive, text); expected != "" {
		return c.fail("found %q; expected %s", text, expected)
	}
	if e.Codes != nil && !slices.Contains(e.Codes, text) {
		return c.fail("found %q; expected one of %s", text, strings.Join(e.Codes, ", "))
	}
	return nil
}
