package fhir

import (
	"bytes"
	"fmt"
	"strings"
)

// A Subset takes elements of the outermost level out of resources of one type, as _elements asks. It never changes and is safe for
// concurrent use.
type Subset struct {
	typ  string
	keep map[string]bool
}

// NewSubset returns a subset that keeps the named elements, those that R4 requires, and id, meta and implicitRules. Of a choice the
// name is value, value[x] or that of a member. A name that is no element's is an error.
func NewSubset(typ string, names []string) (*Subset, error) {
	t := TypeOf(typ)
	if t == nil || !t.Resource {
		return nil, fmt.Errorf("fhir: no resource type %q", typ)
	}
	s := &Subset{typ: typ, keep: map[string]bool{"resourceType": true, "id": true, "meta": true, "implicitRules": true}}
	for _, name := range names {
		found := false
		for _, e := range t.elements {
			if e.Name == name || e.Choice != "" && (e.Choice == name || e.Choice == name+"[x]") {
				s.keep[e.Name], found = true, true
			}
		}
		if !found {
			near := Nearest(name, t.Names())
			if near != "" {
				near = fmt.Sprintf("; did you mean %q?", near)
			}
			return nil, fmt.Errorf("fhir: no element %q of %s%s", name, typ, near)
		}
	}
	for _, e := range t.elements {
		if e.Required {
			s.keep[e.Name] = true
		}
	}
	return s, nil
}

const subsetted = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`

// Append appends the subset of a resource, with SUBSETTED among its tags. It has the order of the resource; a meta that was not there
// comes behind the id. If resource is none of the type, dst is returned as it was.
func (s *Subset) Append(dst, resource []byte) ([]byte, error) {
	typ, err := ResourceType(resource)
	if err != nil {
		return dst, err
	}
	if typ != s.typ {
		return dst, &CheckError{Reason: fmt.Sprintf("found a resource of type %s; expected %s", typ, s.typ)}
	}
	hasMeta, hasID := hasMember(resource, "meta"), hasMember(resource, "id")
	start := len(dst)
	dst = append(dst, '{')
	if !hasMeta && !hasID {
		dst = append(dst, `"meta":{"tag":[`+subsetted+`]},`...)
	}
	in := scanner{b: resource}
	err = in.object(func(key []byte) error {
		in.peek()
		from := in.i
		if err := in.skip(0); err != nil {
			return err
		}
		if !s.keep[strings.TrimPrefix(string(key), "_")] {
			return nil
		}
		if dst[len(dst)-1] != '{' && dst[len(dst)-1] != ',' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), key...), '"', ':')
		if string(key) == "meta" {
			dst, err = appendTag(dst, resource[from:in.i])
			return err
		}
		dst = append(dst, resource[from:in.i]...)
		if string(key) == "id" && !hasMeta {
			dst = append(dst, `,"meta":{"tag":[`+subsetted+`]}`...)
		}
		return nil
	})
	if err != nil {
		return dst[:start], &CheckError{Reason: err.Error()}
	}
	return append(dst, '}'), nil
}

// appendTag appends a meta with the tag.
func appendTag(dst, meta []byte) ([]byte, error) {
	if bytes.Contains(meta, []byte(`"SUBSETTED"`)) {
		return append(dst, meta...), nil
	}
	in := scanner{b: meta}
	tagged := false
	dst = append(dst, '{')
	err := in.object(func(key []byte) error {
		in.peek()
		from := in.i
		if err := in.skip(0); err != nil {
			return err
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), key...), '"', ':')
		value := meta[from:in.i]
		if string(key) != "tag" || value[0] != '[' {
			dst = append(dst, value...)
			return nil
		}
		tagged = true
		dst = append(dst, bytes.TrimRight(value[:len(value)-1], " \t\r\n")...)
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
		dst = append(dst, subsetted+"]"...)
		return nil
	})
	if err != nil {
		return dst, err
	}
	if !tagged {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(dst, `"tag":[`+subsetted+`]`...)
	}
	return append(dst, '}'), nil
}

func hasMember(resource []byte, name string) bool {
	found := false
	in := scanner{b: resource}
	_ = in.object(func(key []byte) error {
		found = found || string(key) == name
		return in.skip(0)
	})
	return found
}

// ResourceType returns the resourceType of a resource in JSON. The error is a [CheckError], also if it is no JSON object.
func ResourceType(resource []byte) (string, error) {
	name := ""
	in := scanner{b: resource}
	err := in.object(func(key []byte) error {
		if string(key) != "resourceType" || in.peek() != '"' {
			return in.skip(0)
		}
		raw, _, err := in.text()
		if name != "" {
			return &CheckError{Reason: "has resourceType twice"}
		}
		name = string(raw)
		return err
	})
	if err == nil {
		err = in.end()
	}
	if err == nil && name == "" {
		return "", &CheckError{Reason: "has no resourceType"}
	}
	if err != nil {
		return "", &CheckError{Reason: err.Error()}
	}
	return name, nil
}
