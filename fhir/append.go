package fhir

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"unsafe"
)

// ErrNoModel is a value that is none of the model's resources.
var ErrNoModel = errors.New("fhir: no resource of the model")

// Append appends a resource as one line of JSON, without the line feed. The resource is one of the model's resource types, a pointer to
// one, an [Envelope] or a pointer to one. Its resourceType comes first, then the elements in R4's order; what has no value is left
// out, decimals keep their digits, and the same resource gives the same bytes.
//
// The error is a [CheckError], and dst is returned as it was, if the result would be no FHIR: an element that is required has no
// value, a choice has two, a code is outside of its enumeration, a date is no date, an item of a list is empty. Required
// codes, numbers and truth values are written when they are zero, since the model cannot tell; but a struct in which nothing is set is refused.
func Append(dst []byte, resource any) ([]byte, error) {
	switch r := resource.(type) {
	case Envelope:
		return r.append(dst)
	case *Envelope:
		if r == nil {
			return dst, fmt.Errorf("%w: nil", ErrNoModel)
		}
		return r.append(dst)
	}
	e, p, err := modelOf(resource)
	if err != nil {
		return dst, err
	}
	return e.whole(dst, p, nil)
}

// whole appends a resource. Where R4 requires something, something has to be set.
func (e *encoding) whole(dst []byte, p unsafe.Pointer, x *extras) ([]byte, error) {
	made, set, bad := e.append(dst, p, x)
	if bad == nil && !set && e.demands() {
		bad = &fault{"", "has nothing in it that is set"}
	}
	if bad == nil && !set {
		return append(append(dst, e.open...), '}'), nil
	}
	if bad != nil {
		return dst, bad.err(e.typ.Name)
	}
	return made, nil
}

// modelOf returns how a resource of the model is written, and where it is.
func modelOf(resource any) (*encoding, unsafe.Pointer, error) {
	g := reflect.TypeOf(resource)
	if g == nil {
		return nil, nil, fmt.Errorf("%w: nil", ErrNoModel)
	}
	pointer := g.Kind() == reflect.Pointer
	if pointer {
		g = g.Elem()
	}
	if _, known := encodings.Load(g); !known && !isResource(g) {
		return nil, nil, fmt.Errorf("%w: %T", ErrNoModel, resource)
	}
	e := encodingOf(g)
	// The second word of an interface is a pointer to the value, or is the pointer.
	p := (*[2]unsafe.Pointer)(unsafe.Pointer(&resource))[1]
	if p == nil || !e.resource {
		return nil, nil, fmt.Errorf("%w: %T", ErrNoModel, resource)
	}
	return e, p, nil
}

// A fault is what is wrong, with the path to it from the end.
type fault struct {
	path   string
	reason string
}

func (f *fault) in(part string) *fault {
	f.path = part + f.path
	return f
}

func (f *fault) err(typ string) error { return &CheckError{Path: typ + f.path, Reason: f.reason} }

// maxChoices is more than a type of R4 has choices.
const maxChoices = 16

// demands reports whether something is required.
func (e *encoding) demands() bool {
	return slices.ContainsFunc(e.fields, func(f encodedField) bool { return f.element.Required })
}

// A page is an object that is being written.
type page struct {
	dst    []byte
	comma  bool
	set    bool
	chosen [maxChoices]bool
}

// key begins a member.
func (o *page) key(key string) {
	if o.comma {
		o.dst = append(o.dst, ',')
	}
	o.dst = append(o.dst, key...)
}

// append appends an object. It reports false, and returns dst as it was, if nothing in it is set.
func (e *encoding) append(dst []byte, p unsafe.Pointer, x *extras) ([]byte, bool, *fault) {
	start := len(dst)
	o := page{dst: append(dst, e.open...), comma: e.resource}
	for i := range e.fields {
		f := &e.fields[i]
		if x != nil {
			if bad := x.flush(&o, 2*f.element.Order-1); bad != nil {
				return dst, false, bad
			}
		}
		mark := len(o.dst)
		o.key(f.key)
		made, st, bad := f.append(o.dst, unsafe.Add(p, f.offset), x)
		if bad != nil {
			return dst, false, bad.in("." + f.element.Name)
		}
		o.dst = made
		if st == absent {
			o.dst = o.dst[:mark]
			if !f.element.Required || f.choice > 0 || x.has(f.element.Name) {
				continue
			}
			if x != nil || !e.isEmpty(p) {
				return dst, false, &fault{"." + f.element.Name, "is required and has no value"}
			}
			return dst[:start], false, nil
		}
		o.comma, o.set = true, o.set || st == present || x != nil && x.sure
		if bad := o.choose(f.choice, f.element); bad != nil {
			return dst, false, bad
		}
	}
	if x != nil {
		if bad := x.flush(&o, 1<<30); bad != nil {
			return dst, false, bad
		}
	}
	if !o.set {
		return dst[:start], false, nil
	}
	for i, c := range e.choices {
		if c.required && !o.chosen[i] {
			return dst, false, &fault{"." + c.name, "is required and has no value"}
		}
	}
	return append(o.dst, '}'), true, nil
}

// choose notes that a member of a choice has a value.
func (o *page) choose(choice int, e *Element) *fault {
	if choice == 0 {
		return nil
	}
	if o.chosen[choice-1] {
		return &fault{"." + e.Name, "has a value beside another of " + e.Choice}
	}
	o.chosen[choice-1] = true
	return nil
}

// isEmpty reports whether nothing in a struct is set.
func (e *encoding) isEmpty(p unsafe.Pointer) bool {
	for i := range e.fields {
		f := &e.fields[i]
		at := unsafe.Add(p, f.offset)
		switch {
		case f.list:
			if (*slice)(at).len > 0 {
				return false
			}
		case f.pointer:
			if *(*unsafe.Pointer)(at) != nil {
				return false
			}
		case f.how == writeObject:
			if !f.object.isEmpty(at) {
				return false
			}
		case f.how == writeText || f.how == writeDigits:
			if *(*string)(at) != "" {
				return false
			}
		case f.how == writeBool:
			if *(*bool)(at) {
				return false
			}
		case f.how == writeRaw:
			if len(*(*json.RawMessage)(at)) > 0 {
				return false
			}
		default:
			if *(*int)(at) != 0 {
				return false
			}
		}
	}
	return true
}

// A slice is what a slice is in memory.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

// A state says whether a field has been written.
type state uint8

const (
	absent  state = iota
	zero          // it is written, but may only never have been set
	present       // it has been set
)

// append appends the value of a field.
func (f *encodedField) append(dst []byte, p unsafe.Pointer, x *extras) ([]byte, state, *fault) {
	if f.list {
		return f.appendList(dst, (*slice)(p), x)
	}
	if f.pointer {
		p = *(*unsafe.Pointer)(p)
		if p == nil {
			return dst, absent, nil
		}
	}
	return f.one(dst, p, x.under(f.element.Name))
}

func (f *encodedField) appendList(dst []byte, s *slice, x *extras) ([]byte, state, *fault) {
	if s.len == 0 {
		return dst, absent, nil
	}
	dst = append(dst, '[')
	for i := range s.len {
		if i > 0 {
			dst = append(dst, ',')
		}
		made, st, bad := f.one(dst, unsafe.Add(s.data, uintptr(i)*f.size), x.item(f.element.Name, i))
		if bad == nil && st == absent {
			bad = &fault{"", "is empty"}
		}
		if bad != nil {
			return dst, absent, bad.in("[" + strconv.Itoa(i) + "]")
		}
		dst = made
	}
	return append(dst, ']'), present, nil
}

// one appends one value. Of a field that is no pointer, a zero is no value in a choice, and no text is none anywhere.
func (f *encodedField) one(dst []byte, p unsafe.Pointer, x *extras) ([]byte, state, *fault) {
	bare := !f.pointer && !f.list
	switch f.how {
	case writeObject:
		if bare && f.choice > 0 && (x == nil || x == sure) && f.object.isEmpty(p) {
			return dst, absent, nil
		}
		made, set, bad := f.object.append(dst, p, x)
		if bad != nil || !set {
			return dst, absent, bad
		}
		return made, present, nil
	case writeText, writeDigits:
		return f.text(dst, *(*string)(p), bare)
	case writeBool:
		v := *(*bool)(p)
		if bare && !v {
			return f.zero(dst, "false")
		}
		return strconv.AppendBool(dst, v), present, nil
	case writeRaw:
		return f.raw(dst, *(*json.RawMessage)(p))
	}
	v := *(*int)(p)
	if f.how == writeCode {
		if v < 0 || v >= len(f.codes) {
			return dst, absent, &fault{"", fmt.Sprintf("is %d, which is no code of its enumeration", v)}
		}
		if bare && v == 0 {
			return f.zero(dst, f.codes[0])
		}
		return append(dst, f.codes[v]...), present, nil
	}
	if bare && v == 0 && f.element.Primitive != "positiveInt" {
		return f.zero(dst, "0")
	}
	if f.choice > 0 && bare && v == 0 {
		return dst, absent, nil
	}
	from := len(dst)
	dst = strconv.AppendInt(dst, int64(v), 10)
	if !f.check(string(dst[from:])) {
		return dst, absent, f.unfit(string(dst[from:]))
	}
	return dst, present, nil
}

// zero appends the zero of a required field, of which nobody knows whether it was set; in a choice it was not.
func (f *encodedField) zero(dst []byte, text string) ([]byte, state, *fault) {
	if f.choice > 0 {
		return dst, absent, nil
	}
	return append(dst, text...), zero, nil
}

func (f *encodedField) unfit(text string) *fault {
	return &fault{"", fmt.Sprintf("is %q; expected %s", text, CheckPrimitive(f.element.Primitive, text))}
}

func (f *encodedField) text(dst []byte, text string, bare bool) ([]byte, state, *fault) {
	switch {
	case text == "" && bare:
		return dst, absent, nil
	case text == "":
		return dst, absent, &fault{"", "is an empty text"}
	case f.check != nil && !f.check(text):
		return dst, absent, f.unfit(text)
	case f.how == writeDigits:
		return append(dst, text...), present, nil
	}
	return AppendString(dst, text), present, nil
}

// raw appends a resource that is JSON already, without white space between its parts.
func (f *encodedField) raw(dst []byte, text json.RawMessage) ([]byte, state, *fault) {
	if len(text) == 0 {
		return dst, absent, nil
	}
	if _, err := ResourceType(text); err != nil {
		return dst, absent, &fault{"", "is no resource: " + err.Error()}
	}
	dst, err := appendCompact(dst, text)
	if err != nil {
		return dst, absent, &fault{"", err.Error()}
	}
	return dst, present, nil
}

// appendCompact appends JSON without the white space between its parts.
func appendCompact(dst []byte, text []byte) ([]byte, error) {
	s := scanner{b: text}
	if err := s.skip(0); err != nil {
		return dst, err
	}
	if err := s.end(); err != nil {
		return dst, err
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			dst = append(dst, c)
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst, nil
}
