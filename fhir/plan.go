package fhir

import (
	"reflect"
	"strings"
	"sync"
)

// A writing says how a field of the model is written.
type writing uint8

const (
	writeText   writing = iota // string
	writeDigits                // json.Number, as it is
	writeBool
	writeInt
	writeCode   // an enumeration
	writeObject // a struct
	writeRaw    // a resource in JSON
)

// An encoding is a struct of the model, planned once.
type encoding struct {
	typ      *Type
	open     string // { and the resourceType
	fields   []encodedField
	choices  []encodedChoice
	resource bool
}

// An encodedField is one field of a struct.
type encodedField struct {
	element *Element
	key     string // "name":
	offset  uintptr
	how     writing
	pointer bool
	list    bool
	size    uintptr // of an item
	object  *encoding
	codes   []string // in quotation marks
	check   func(string) bool
	choice  int // 1 + the number of the choice, or 0
}

type encodedChoice struct {
	name     string
	required bool
}

var encodings sync.Map // reflect.Type -> *encoding

// encodingOf returns how a struct of the model is written.
func encodingOf(g reflect.Type) *encoding {
	if e, ok := encodings.Load(g); ok {
		return e.(*encoding)
	}
	making.Lock()
	defer making.Unlock()
	return makeEncoding(g, tables(), map[reflect.Type]*encoding{})
}

var making sync.Mutex

// makeEncoding plans a struct and all below it; those are stored that are finished.
func makeEncoding(g reflect.Type, t *table, open map[reflect.Type]*encoding) *encoding {
	if e, ok := encodings.Load(g); ok {
		return e.(*encoding)
	}
	if e := open[g]; e != nil {
		return e
	}
	typ := t.byGo[g]
	e := &encoding{typ: typ, open: "{", resource: typ.Resource}
	if typ.Resource {
		e.open = `{"resourceType":"` + typ.Name + `"`
	}
	top := len(open) == 0
	open[g] = e
	choices := map[string]int{}
	for i := range g.NumField() {
		f := g.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		field := fieldOf(f, typ.byName[name], t, open)
		if choice := field.element.Choice; choice != "" {
			if choices[choice] == 0 {
				e.choices = append(e.choices, encodedChoice{choice, field.element.Required})
				choices[choice] = len(e.choices)
			}
			field.choice = choices[choice]
		}
		e.fields = append(e.fields, field)
	}
	if top { // all below is whole by now, be it in a circle
		for g, e := range open {
			encodings.Store(g, e)
		}
	}
	return e
}

func fieldOf(f reflect.StructField, e *Element, t *table, open map[reflect.Type]*encoding) encodedField {
	field := encodedField{element: e, key: `"` + e.Name + `":`, offset: f.Offset, list: e.List}
	of := f.Type
	if e.List {
		of = of.Elem()
		field.size = of.Size()
	}
	if of.Kind() == reflect.Pointer {
		field.pointer = true
		of = of.Elem()
	}
	if rule, ok := primitiveRules[e.Primitive]; ok {
		field.check = rule.ok
	}
	switch {
	case of.Kind() == reflect.Struct:
		field.how, field.object = writeObject, makeEncoding(of, t, open)
	case of == rawType:
		field.how = writeRaw
	case of == numberType:
		field.how = writeDigits
	case of.Kind() == reflect.Bool:
		field.how = writeBool
	case of.Kind() == reflect.Int && t.codesOf(of) != nil:
		field.how = writeCode
		for _, c := range t.codesOf(of) {
			field.codes = append(field.codes, `"`+c+`"`)
		}
	case of.Kind() == reflect.Int:
		field.how = writeInt
	}
	return field
}
