package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// patched applies a JSON merge patch (RFC 7396) to v, a pointer to a struct, as it is in JSON, and decodes
// the result into it. Members that v does not have are refused, wherever in it, and so is the
// removal of those that are required. After an error v is as it was.
func patched(v any, patch []byte, required ...string) error {
	was, err := json.Marshal(v)
	if err != nil {
		return err
	}
	target, err := parseJSON(was)
	if err != nil {
		return err
	}
	parsed, err := parseJSON(patch)
	if err != nil {
		return FieldErrors{{Message: fmt.Sprintf("the patch is not JSON that can be used: %v", err)}}
	}
	changes, ok := parsed.(map[string]any)
	if !ok {
		return FieldErrors{{Message: "the patch is not a JSON object"}}
	}
	var errs FieldErrors
	for _, name := range required {
		if value, there := changes[name]; there && value == nil {
			errs.add(name, "cannot be removed")
		}
	}
	merged := mergePatch(target, changes)
	fresh := reflect.New(reflect.TypeOf(v).Elem())
	unknownMembers("", changes, fresh.Type(), &errs)
	if err := errs.err(); err != nil {
		return err
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, fresh.Interface()); err != nil {
		return typeError(err)
	}
	reflect.ValueOf(v).Elem().Set(fresh.Elem())
	return nil
}

// mergePatch returns target with a patch applied, as RFC 7396 has it. The values are those of
// encoding/json; target may be changed.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	members, ok := target.(map[string]any)
	if !ok {
		members = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(members, name)
		} else {
			members[name] = mergePatch(members[name], value)
		}
	}
	return members
}

// unknownMembers notes the members in value that t, the type that it is decoded into, does not have. Package
// encoding/json would take names in another case for them.
func unknownMembers(path string, value any, t reflect.Type, errs *FieldErrors) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch value := value.(type) {
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return // a map, or a mistake that decoding finds
		}
		types := map[string]reflect.Type{}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			types[name] = f.Type
		}
		delete(types, "") // what is in no JSON
		for _, name := range slices.Sorted(maps.Keys(value)) {
			member := strings.TrimPrefix(path+"."+name, ".")
			if known := types[name]; known != nil {
				unknownMembers(member, value[name], known, errs)
			} else {
				errs.add(member, "there is no such member")
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return
		}
		for i, element := range value {
			unknownMembers(fmt.Sprintf("%s[%d]", path, i), element, t.Elem(), errs)
		}
	}
}

// typeError says which member encoding/json could not decode.
func typeError(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return FieldErrors{{Message: err.Error()}}
	}
	if number, ok := strings.CutPrefix(wrong.Value, "number "); ok { // of the right kind, but beyond what the type holds
		return FieldErrors{{Field: wrong.Field, Message: fmt.Sprintf("%s is out of range", number)}}
	}
	return FieldErrors{{Field: wrong.Field, Message: fmt.Sprintf("must be %s, not %s", kindName(wrong.Type), wrong.Value)}}
}

// kindName says in the words of JSON what becomes a Go type.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	}
	return "a number"
}

// maxNesting is how deep arrays and objects of a patch may be nested.
const maxNesting = 100

// parseJSON returns the one value that text is, with numbers as they are written. Names that are
// there twice in an object are refused: which of them counts, nobody can know.
func parseJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	value, err := parseValue(dec, 0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return value, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	switch {
	case err != nil:
		return nil, err
	case depth > maxNesting:
		return nil, fmt.Errorf("it is nested more than %d deep", maxNesting)
	case token == json.Delim('{'):
		return parseObject(dec, depth)
	case token == json.Delim('['):
		return parseArray(dec, depth)
	}
	return token, nil
}

func parseObject(dec *json.Decoder, depth int) (any, error) {
	members := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the member %q is there twice", name)
		}
		if members[name], err = parseValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return members, err
}

func parseArray(dec *json.Decoder, depth int) (any, error) {
	elements := []any{}
	for dec.More() {
		value, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		elements = append(elements, value)
	}
	_, err := dec.Token()
	return elements, err
}
