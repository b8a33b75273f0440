// Package strictjson reads JSON that says who someone is, and so must not mean
// one thing to one reader and another to the next.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Deepest is how many objects and lists may stand inside each other.
const Deepest = 32

// Parse reads one JSON value: a string, a json.Number, a bool, nil, a []any or
// a map[string]any. Text that is not UTF-8, an object with one member twice, nesting
// deeper than [Deepest] and anything behind the value are errors. The errors
// quote nothing of the text, which may be secret.
func Parse(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("the JSON is not UTF-8")
	}
	if !json.Valid(text) {
		return nil, errors.New("it is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return value(d, 0)
}

// Object is Parse of a text that has to be an object.
func Object(text []byte) (map[string]any, error) {
	v, err := Parse(text)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the JSON is no object")
	}
	return object, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errors.New("it is not JSON")
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth >= Deepest {
		return nil, fmt.Errorf("the JSON is nested deeper than %d", Deepest)
	}
	if delim == '[' {
		return list(d, depth)
	}
	return object(d, depth)
}

func list(d *json.Decoder, depth int) (any, error) {
	all := []any{}
	for d.More() {
		v, err := value(d, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, closing(d)
}

func object(d *json.Decoder, depth int) (any, error) {
	all := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errors.New("it is not JSON")
		}
		name, _ := t.(string) // json.Valid said that it is one
		if _, twice := all[name]; twice {
			return nil, errors.New("a member stands twice in one object")
		}
		if all[name], err = value(d, depth+1); err != nil {
			return nil, err
		}
	}
	return all, closing(d)
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errors.New("it is not JSON")
	}
	return nil
}
