package mapping

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/record"
)

// A kind says how a primitive value stands in JSON.
type kind uint8

const (
	kindText kind = iota
	kindBool
	kindNumber
	kindDate
)

func kindOf(s *scalar) kind {
	switch s.primitive {
	case "boolean":
		return kindBool
	case "decimal", "integer", "positiveInt", "unsignedInt":
		return kindNumber
	case "date", "dateTime", "instant":
		return kindDate
	}
	return kindText
}

// An opScalar makes a primitive value, or a Coding out of a code map.
type opScalar struct {
	path      string
	primitive string
	kind      kind
	when      *opCondition
	from      []opTemplate
	fallback  []byte

	table    bool
	entries  map[string][]byte // nil is no value
	other    []byte
	hasOther bool

	codes     map[string]bool
	codeList  []string
	pick      string
	joined    bool
	separator string
	date      dateOptions
	encode    bool
	hash      bool
	native    bool
	bases     []string // of a native reference to a Patient
	elsewhere bool     // of such the ones that are to none of here
	reference bool
	target    string
	targets   []string
}

func (o *opScalar) append(dst []byte, x *run) ([]byte, status) {
	if o.when != nil && !x.matches(o.when) {
		return dst, nothing
	}
	for i := range o.from {
		t := &o.from[i]
		if t.single && !o.joined {
			v, src, st := o.value(x, t.parts[0].sources)
			if st == failed {
				return dst, failed
			}
			if st == something {
				return o.write(dst, x, v, src)
			}
			continue
		}
		text, st := o.compose(x, t)
		if st == failed {
			return dst, failed
		}
		if st != nothing {
			dst, written := o.write(dst, x, record.StringValue(text), nil)
			if st == constantly && written == something && o.when == nil {
				written = constantly
			}
			return dst, written
		}
	}
	if o.fallback != nil {
		return append(dst, o.fallback...), something
	}
	return dst, nothing
}

// value returns the one value of sources.
func (o *opScalar) value(x *run, sources []*opSource) (record.Value, *opSource, status) {
	all, src := x.values(sources)
	switch {
	case x.reason != "":
		return record.Value{}, nil, failed
	case len(all) == 0:
		return record.Value{}, nil, nothing
	case len(all) == 1 || o.pick == "first":
		return all[0], src, something
	case o.pick == "last":
		return all[len(all)-1], src, something
	}
	return record.Value{}, nil, x.fail(o.path, "the field %q has %d values, of which one is wanted", src.name, len(all))
}

// compose puts the parts of a template together. The text holds until the next one is composed.
func (o *opScalar) compose(x *run, t *opTemplate) (string, status) {
	x.text = x.text[:0]
	st := constantly
	for i := range t.parts {
		p := &t.parts[i]
		if p.sources == nil {
			x.text = append(x.text, p.literal...)
			continue
		}
		st = something
		if o.joined {
			all, _ := x.values(p.sources)
			if x.reason != "" {
				return "", failed
			}
			if len(all) == 0 {
				return "", nothing
			}
			for i, v := range all {
				if i > 0 {
					x.text = append(x.text, o.separator...)
				}
				x.text = v.AppendText(x.text)
			}
			continue
		}
		v, _, found := o.value(x, p.sources)
		if found != something {
			return "", found
		}
		x.text = v.AppendText(x.text)
	}
	if len(x.text) == 0 {
		return "", nothing
	}
	return unsafe.String(&x.text[0], len(x.text)), st
}

// write appends a value as the element has it.
func (o *opScalar) write(dst []byte, x *run, v record.Value, src *opSource) ([]byte, status) {
	switch {
	case o.table:
		return o.look(dst, x, v.Text())
	case o.kind == kindDate:
		return o.writeDate(dst, x, v, src)
	case o.kind == kindNumber:
		return o.writeNumber(dst, x, v)
	case o.encode:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, []byte(v.Text()))
		return append(dst, '"'), something
	}
	text := v.Text()
	switch {
	case o.kind == kindBool:
		if text != "true" && text != "false" {
			return dst, x.fail(o.path, "found %q; expected true or false", short(text))
		}
		return append(dst, text...), something
	case o.hash:
		if o.native {
			id, elsewhere := patientIn(text, o.bases)
			if o.elsewhere && elsewhere {
				id = text
			} else if o.elsewhere {
				id = ""
			}
			if text = id; text == "" {
				return dst, nothing
			}
		}
		return appendID(append(dst, '"'), text), something
	case o.reference:
		return o.refer(dst, x, text)
	case o.codes != nil && !o.codes[text]:
		return dst, x.fail(o.path, "found %q; expected one of %s", short(text), oneOf(o.codeList))
	}
	if expected := fhir.CheckPrimitive(o.primitive, text); expected != "" {
		return dst, x.fail(o.path, "found %q; expected %s", short(text), expected)
	}
	return fhir.AppendString(dst, text), something
}

// look appends what a code map has for a text.
func (o *opScalar) look(dst []byte, x *run, text string) ([]byte, status) {
	raw, ok := o.entries[text]
	if !ok {
		if !o.hasOther {
			return dst, x.fail(o.path, "found %q, for which the code map has no code", short(text))
		}
		raw = o.other
	}
	if raw == nil {
		return dst, nothing
	}
	return append(dst, raw...), something
}

// refer appends a reference.
func (o *opScalar) refer(dst []byte, x *run, text string) ([]byte, status) {
	if o.target != "" {
		dst = append(append(append(dst, '"'), o.target...), '/')
		return appendID(dst, text), something
	}
	if !strings.Contains(text, "://") && !strings.HasPrefix(text, "urn:") && !strings.HasPrefix(text, "#") {
		target, id, ok := strings.Cut(text, "/")
		if !ok || !fhir.IsID(id) || fhir.TypeOf(target) == nil || !fhir.TypeOf(target).Resource {
			return dst, x.fail(o.path, "found %q; expected Type/id", short(text))
		}
		if o.targets != nil && !slices.Contains(o.targets, target) {
			return dst, x.fail(o.path, "found a reference to %s; expected one to %s", target, oneOf(o.targets))
		}
	}
	if expected := fhir.CheckPrimitive("uri", text); expected != "" {
		return dst, x.fail(o.path, "found %q; expected %s", short(text), expected)
	}
	return fhir.AppendString(dst, text), something
}

// writeNumber appends a number with the digits it was written with, where these are JSON's.
func (o *opScalar) writeNumber(dst []byte, x *run, v record.Value) ([]byte, status) {
	start := len(dst)
	dst = v.AppendText(dst)
	text := view(dst[start:])
	if fhir.CheckPrimitive(o.primitive, text) == "" {
		return dst, something
	}
	written := short(text)
	dst = dst[:start]
	switch v.Kind() {
	case record.Int:
		dst = strconv.AppendInt(dst, v.Int(), 10)
	case record.Uint:
		dst = strconv.AppendUint(dst, v.Uint(), 10)
	case record.Float:
		format := byte('g')
		if o.primitive != "decimal" {
			format = 'f'
		}
		dst = strconv.AppendFloat(dst, v.Float(), format, -1, 64)
	}
	if len(dst) > start && fhir.CheckPrimitive(o.primitive, view(dst[start:])) == "" {
		return dst, something
	}
	return dst[:start], x.fail(o.path, "found %q; expected %s", written, fhir.CheckPrimitive(o.primitive, written))
}

// view returns bytes as a string that holds as long as they do not change.
func view(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

// short returns a text for a message: not more than some letters of it, with a memory of its own.
func short(text string) string {
	const most = 80
	letters := 0
	for i := range text {
		if letters++; letters > most {
			return strings.Clone(text[:i]) + "…"
		}
	}
	return strings.Clone(text)
}

// patientIn returns the id of Patient/id, be it relative or a URL that begins with one of the bases, or of an id alone; "" if the
// reference is to something else: the device 7 is not the patient 7, and the patient 7 of another server neither. Elsewhere says that it is to such a patient, or
// to a version of one. What is a patient here, [searcher.forms] asks for.
func patientIn(text string, bases []string) (id string, elsewhere bool) {
	rest := fhir.Relative(text, bases)
	if id, ok := strings.CutPrefix(rest, "Patient/"); ok && !strings.Contains(id, "/") {
		return id, false
	}
	if !strings.Contains(text, "/") {
		return text, false
	}
	rest, _, _ = strings.Cut(rest, "/_history/")
	path := rest[:max(0, strings.LastIndexByte(rest, '/'))]
	return "", path == "Patient" || strings.HasSuffix(path, "/Patient")
}
