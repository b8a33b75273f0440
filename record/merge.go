package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Merge returns the schema of an index that has s when declared is created as
// well: the fields of both, those of s first. What declared says of the index for
// people (labels, aliases, what is personal) is added, and counts where the two
// differ. A field that declared has otherwise than s is a *[SchemaError]. If declared
// adds nothing, Merge returns s itself.
//
// Fields are the same if their definitions are, as the mapping writes them.
func (s *Schema) Merge(declared *Schema) (*Schema, error) {
	a, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(declared)
	if err != nil {
		return nil, err
	}
	merged, err := mergeIndex(a, b)
	if err != nil {
		return nil, s.conflict(err.Error())
	}
	if bytes.Equal(a, merged) {
		return s, nil
	}
	out, err := ParseSchema(s.Index, merged)
	if err != nil {
		return nil, err
	}
	if was, is := keyPath(s), keyPath(out); was != is {
		return nil, s.conflict("the key is " + strconv.Quote(was) + " and not " + strconv.Quote(is))
	}
	for f := range s.All() {
		if g := out.Field(f.Path); g == nil || g.Kind != f.Kind || g.FoldCase != f.FoldCase || g.Searchable != f.Searchable {
			return nil, s.conflict("the field " + strconv.Quote(f.Path) + " is compared otherwise")
		}
	}
	return out, nil
}

func (s *Schema) conflict(message string) *SchemaError {
	return &SchemaError{Index: s.Index, Offset: -1, Message: message}
}

func keyPath(s *Schema) string {
	if s.Key == nil {
		return ""
	}
	return s.Key.Path
}

// A member is one of a JSON object.
type member struct {
	key   string
	value json.RawMessage
}

// members takes an object apart; it is nil if raw is none.
func members(raw json.RawMessage) (list []member) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	list = []member{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil
		}
		m := member{}
		m.key, _ = key.(string)
		if err := d.Decode(&m.value); err != nil {
			return nil
		}
		list = append(list, m)
	}
	return list
}

func joinMembers(list []member) json.RawMessage {
	out := []byte{'{'}
	for i, m := range list {
		if i > 0 {
			out = append(out, ',')
		}
		key, _ := json.Marshal(m.key) // a string always can be
		out = append(append(append(out, key...), ':'), m.value...)
	}
	return append(out, '}')
}

// A merger makes one value of what two objects have under one key. One of the
// values is nil if its object lacks the key; nil is also what it returns to leave it away.
type merger func(key string, a, b json.RawMessage) (json.RawMessage, error)

// merge joins two objects member by member.
func merge(a, b json.RawMessage, each merger) (json.RawMessage, error) {
	var out []member
	others := members(b)
	for _, m := range members(a) {
		var other json.RawMessage
		if i := slices.IndexFunc(others, func(o member) bool { return o.key == m.key }); i >= 0 {
			other = others[i].value
			others = slices.Delete(others, i, i+1)
		}
		value, err := each(m.key, m.value, other)
		if err != nil {
			return nil, err
		}
		out = append(out, member{m.key, value})
	}
	for _, m := range others {
		value, err := each(m.key, nil, m.value)
		if err != nil {
			return nil, err
		}
		if value != nil {
			out = append(out, member{m.key, value})
		}
	}
	return joinMembers(out), nil
}

// mergeIndex merges definitions of an index, and the objects in them that are no fields.
func mergeIndex(a, b json.RawMessage) (json.RawMessage, error) {
	return merge(a, b, func(key string, a, b json.RawMessage) (json.RawMessage, error) {
		switch {
		case a == nil:
			return b, nil
		case b == nil:
			return a, nil
		case key == "properties":
			return merge(a, b, mergeField)
		case key == "_meta":
			return mergeMeta(key, a, b)
		case members(a) != nil && members(b) != nil:
			return mergeIndex(a, b)
		case !sameJSON(a, b):
			return nil, fmt.Errorf("%q is %s and not %s", key, a, b)
		}
		return a, nil
	})
}

// mergeField merges two definitions of one field, which may differ in the fields
// that stand in it alone.
func mergeField(name string, a, b json.RawMessage) (json.RawMessage, error) {
	switch {
	case a == nil:
		return b, nil
	case b == nil:
		return a, nil
	}
	return merge(a, b, func(key string, a, b json.RawMessage) (json.RawMessage, error) {
		switch {
		case key == "properties" || key == "fields":
			return merge(orEmpty(a), orEmpty(b), mergeField)
		case key == "type" && sameJSON(orObject(a), orObject(b)): // an object need not say that it is one
			return a, nil
		}
		if !sameJSON(a, b) {
			return nil, fmt.Errorf("the field %q has %q %s and not %s", name, key, orNothing(a), orNothing(b))
		}
		return a, nil
	})
}

// mergeMeta merges what the mapping says besides. Lists are joined, so that
// nothing stops to be personal; else what b says counts.
func mergeMeta(_ string, a, b json.RawMessage) (json.RawMessage, error) {
	switch {
	case a == nil:
		return b, nil
	case b == nil:
		return a, nil
	case members(a) != nil && members(b) != nil:
		return merge(a, b, mergeMeta)
	}
	var list, more []json.RawMessage
	if json.Unmarshal(a, &list) != nil || json.Unmarshal(b, &more) != nil {
		return b, nil
	}
	for _, m := range more {
		if !slices.ContainsFunc(list, func(l json.RawMessage) bool { return sameJSON(l, m) }) {
			list = append(list, m)
		}
	}
	return json.Marshal(list)
}

// sameJSON compares two values as they are written, but for blanks.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	if json.Compact(&x, a) != nil || json.Compact(&y, b) != nil {
		return a == nil && b == nil
	}
	return bytes.Equal(x.Bytes(), y.Bytes())
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage(`{}`)
	}
	return raw
}

func orObject(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage(`"object"`)
	}
	return raw
}

func orNothing(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage(`(none)`)
	}
	return raw
}
