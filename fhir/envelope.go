package fhir

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// An Envelope is a resource with what the model's types have no place for.
type Envelope struct {
	// Resource is one of the model's resource types, or a pointer to one.
	Resource any
	// Contained are the resources of the element contained: of the model, envelopes, or JSON as a [json.RawMessage].
	Contained []any
	// Extra are members in JSON by their paths: _birthDate and name[0]._family for what belongs to a primitive value besides the value;
	// and characteristic[0].valueBoolean for a required choice that is false or 0, which the model cannot tell from none.
	Extra map[string]json.RawMessage

	read bool // by Decode: a code that is zero has been set
}

// extras are the members that an object has besides those of the model.
type extras struct {
	members []extraMember
	next    int // the first that is not written yet
	below   map[string]*extras
	sure    bool // what is zero has been set
}

// sure are extras without members.
var sure = &extras{sure: true}

type extraMember struct {
	name   string
	path   string
	order  int
	raw    []byte
	choice int
	of     *Element
}

func (x *extras) under(name string) *extras {
	if x == nil {
		return nil
	}
	if below := x.below[name]; below != nil || !x.sure {
		return below
	}
	return sure
}

func (x *extras) item(name string, i int) *extras {
	if x == nil || len(x.below) == 0 {
		return x.under("")
	}
	return x.under(name + "[" + strconv.Itoa(i) + "]")
}

// has reports whether something stands for an element that the model has no value for.
func (x *extras) has(name string) bool {
	return x != nil && slices.ContainsFunc(x.members, func(m extraMember) bool { return m.of.Name == name })
}

// flush writes the members up to a place.
func (x *extras) flush(o *page, until int) *fault {
	for ; x.next < len(x.members) && x.members[x.next].order <= until; x.next++ {
		m := &x.members[x.next]
		if strings.HasPrefix(m.name, "_") && m.choice > 0 {
			o.chosen[m.choice-1] = true // beside its own value, or instead of it
		} else if bad := o.choose(m.choice, m.of); bad != nil {
			return bad
		}
		o.key(`"` + m.name + `":`)
		o.dst = append(o.dst, m.raw...)
		o.comma, o.set = true, true
	}
	return nil
}

// left returns the path of a member that was not written, or "".
func (x *extras) left() string {
	if x.next < len(x.members) {
		return x.members[x.next].path
	}
	for _, key := range slices.Sorted(maps.Keys(x.below)) {
		if path := x.below[key].left(); path != "" {
			return path
		}
	}
	return ""
}

func (r *Envelope) append(dst []byte) ([]byte, error) {
	e, p, err := modelOf(r.Resource)
	if err != nil {
		return dst, err
	}
	x := &extras{sure: r.read}
	for _, path := range slices.Sorted(maps.Keys(r.Extra)) {
		if err := x.add(e, path, r.Extra[path]); err != nil {
			return dst, err
		}
	}
	if len(r.Contained) > 0 {
		raw, err := r.contained(e.typ.Name)
		if err != nil {
			return dst, err
		}
		of := e.typ.Element("contained")
		if of == nil {
			return dst, &CheckError{Path: e.typ.Name + ".contained", Reason: "is no element of the type"}
		}
		x.put(extraMember{name: "contained", path: "contained", order: 2 * of.Order, raw: raw, of: of})
	}
	made, err := e.whole(dst, p, x)
	if err != nil {
		return dst, err
	}
	if path := x.left(); path != "" {
		return dst, &CheckError{Path: e.typ.Name + "." + path, Reason: "belongs to no value of the resource"}
	}
	return made, nil
}

func (r *Envelope) contained(typ string) ([]byte, error) {
	raw := []byte{'['}
	for i, c := range r.Contained {
		if i > 0 {
			raw = append(raw, ',')
		}
		var err error
		if text, ok := c.(json.RawMessage); ok {
			if _, err = ResourceType(text); err == nil {
				raw, err = appendCompact(raw, text)
			}
		} else {
			raw, err = Append(raw, c)
		}
		if err != nil {
			return nil, &CheckError{Path: typ + ".contained[" + strconv.Itoa(i) + "]", Reason: err.Error()}
		}
	}
	return append(raw, ']'), nil
}

func (x *extras) put(m extraMember) {
	x.members = append(x.members, m)
	slices.SortStableFunc(x.members, func(a, b extraMember) int { return a.order - b.order })
}

// add puts a member where its path leads to.
func (x *extras) add(e *encoding, path string, raw json.RawMessage) error {
	fail := func(format string, args ...any) error {
		return &CheckError{Path: e.typ.Name + "." + path, Reason: fmt.Sprintf(format, args...)}
	}
	parts := strings.Split(path, ".")
	at := e
	for _, part := range parts[:len(parts)-1] {
		name, _, _ := strings.Cut(part, "[")
		f := at.field(name)
		if f == nil || f.object == nil || f.list != strings.HasSuffix(part, "]") {
			return fail("leads to no object of the model")
		}
		if x.below == nil {
			x.below = map[string]*extras{}
		}
		if x.below[part] == nil {
			x.below[part] = &extras{sure: x.sure}
		}
		x, at = x.below[part], f.object
	}
	last := parts[len(parts)-1]
	name, extended := strings.CutPrefix(last, "_")
	f := at.field(name)
	if f == nil || f.object != nil || f.how == writeRaw || !extended && (f.choice == 0 || !f.element.Required) {
		return fail("is neither a primitive element with _ before it, nor a member of a required choice")
	}
	compact, err := appendCompact(nil, raw)
	if err != nil {
		return fail("%s", err)
	}
	m := extraMember{name: last, path: path, order: 2 * f.element.Order, raw: compact, choice: f.choice, of: f.element}
	if extended {
		m.order++
	}
	x.put(m)
	return nil
}

func (e *encoding) field(name string) *encodedField {
	for i := range e.fields {
		if e.fields[i].element.Name == name {
			return &e.fields[i]
		}
	}
	return nil
}

// Decode reads a resource in JSON into the model, and what that has no place for into the rest of the envelope, so that [Append] writes
// all of it again. What is no FHIR is a [CheckError]: nothing is dropped.
func Decode(resource []byte) (*Envelope, error) {
	if err := Check(resource); err != nil {
		return nil, err
	}
	name, err := ResourceType(resource)
	if err != nil {
		return nil, err
	}
	typ := TypeOf(name)
	r := &Envelope{read: true}
	for _, g := range models {
		if g.Name() == name {
			v := reflect.New(g)
			if err := json.Unmarshal(resource, v.Interface()); err != nil {
				return nil, &CheckError{Path: name, Reason: err.Error()}
			}
			r.Resource = v.Interface()
		}
	}
	c := collector{s: scanner{b: resource}, r: r}
	if err := c.object(typ, ""); err != nil {
		return nil, &CheckError{Path: name, Reason: err.Error()}
	}
	return r, nil
}

// A collector gathers what the model has no place for, of a resource that was checked.
type collector struct {
	s scanner
	r *Envelope
}

func (c *collector) object(typ *Type, path string) error {
	return c.s.object(func(key []byte) error {
		name := string(key)
		at := name
		if path != "" {
			at = path + "." + name
		}
		e := typ.Element(strings.TrimPrefix(name, "_"))
		c.s.peek()
		from := c.s.i
		switch {
		case e == nil || e.Type == nil || strings.HasPrefix(name, "_"):
			if err := c.s.skip(0); err != nil {
				return err
			}
		case e.List:
			return c.s.array(func(i int) error { return c.object(e.Type, at+"["+strconv.Itoa(i)+"]") })
		default:
			return c.object(e.Type, at)
		}
		raw := slices.Clone(c.s.b[from:c.s.i])
		switch {
		case name == "contained" && path == "":
			var all []json.RawMessage
			if err := json.Unmarshal(raw, &all); err != nil {
				return err
			}
			for _, one := range all {
				c.r.Contained = append(c.r.Contained, one)
			}
		case strings.HasPrefix(name, "_") || e != nil && e.Required && e.Choice != "" && (string(raw) == "false" || string(raw) == "0"):
			if c.r.Extra == nil {
				c.r.Extra = map[string]json.RawMessage{}
			}
			c.r.Extra[at] = raw
		}
		return nil
	})
}
