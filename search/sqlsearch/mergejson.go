package sqlsearch

import (
	"bytes"
	"encoding/json"
	"slices"
)

// A member is one member of a JSON object.
type member struct {
	key   string
	value json.RawMessage
}

// mergeJSON returns a JSON object with all that is in either of two: objects and lists are
// merged, of anything else the second's is taken. The order is that of the first.
func mergeJSON(a, b json.RawMessage) (json.RawMessage, error) {
	first, err := members(a)
	if err != nil {
		return nil, err
	}
	second, err := members(b)
	if err != nil {
		return nil, err
	}
	if first == nil || second == nil {
		return mergeLists(a, b)
	}
	for _, m := range second {
		at := -1
		for i := range first {
			if first[i].key == m.key {
				at = i
			}
		}
		if at < 0 {
			first = append(first, m)
			continue
		}
		if first[at].value, err = mergeJSON(first[at].value, m.value); err != nil {
			return nil, err
		}
	}
	return writeMembers(first)
}

// mergeLists returns a list with the elements of the first and those of the second that it
// lacks; if one of them is no list, the second.
func mergeLists(a, b json.RawMessage) (json.RawMessage, error) {
	var first, second []json.RawMessage
	if json.Unmarshal(a, &first) != nil || json.Unmarshal(b, &second) != nil {
		return b, nil
	}
	for _, e := range second {
		if !slices.ContainsFunc(first, func(f json.RawMessage) bool { return bytes.Equal(f, e) }) {
			first = append(first, e)
		}
	}
	return json.Marshal(first)
}

// members returns the members of a JSON object, or nil if it is none.
func members(raw json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('{') {
		return nil, nil
	}
	list := []member{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{}
		m.key, _ = t.(string)
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func writeMembers(list []member) (json.RawMessage, error) {
	b := []byte{'{'}
	for i, m := range list {
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, key...)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}'), nil
}
