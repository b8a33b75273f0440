package record

import (
	"strconv"
	"strings"
)

// A node is one value of a mapping file, with the place where it stands. It
// keeps the order of members and the bytes as they are written.
type node struct {
	parent  *node
	key     string // in an object
	index   int    // in a list
	list    bool
	raw     []byte
	members []*node
	items   []*node
}

// path returns the place of n in the file, such as mappings.properties["a b"].type.
func (n *node) path() string {
	switch {
	case n.parent == nil:
		return ""
	case n.parent.list:
		return n.parent.path() + "[" + strconv.Itoa(n.index) + "]"
	}
	return join(n.parent.path(), n.key)
}

// maxMapping is the size in bytes of the largest mapping that is read.
const maxMapping = 16 << 20

// parseTree reads a whole mapping file.
func parseTree(src []byte) (*node, *SchemaError) {
	if len(src) > maxMapping {
		return nil, &SchemaError{Offset: maxMapping, Message: "the mapping is larger than " + strconv.Itoa(maxMapping) + " bytes"}
	}
	t := treeReader{scanner{src: src}}
	t.space()
	n, ok := t.value(&node{})
	if ok && t.end() {
		return n, nil
	}
	return nil, &SchemaError{Path: n.path(), Offset: t.at, Message: t.fault}
}

type treeReader struct{ scanner }

// value reads the value at pos into n. After a fault it returns the node that has it.
func (t *treeReader) value(n *node) (*node, bool) {
	start, fault := t.pos, n
	var ok bool
	switch {
	case t.pos < len(t.src) && t.src[t.pos] == '{':
		fault, ok = t.object(n)
	case t.pos < len(t.src) && t.src[t.pos] == '[':
		fault, ok = t.array(n)
	default:
		ok = t.skip()
	}
	if !ok {
		return fault, false
	}
	n.raw = t.src[start:t.pos]
	return n, true
}

func (t *treeReader) object(n *node) (*node, bool) {
	if !t.enter() {
		return n, false
	}
	if t.space() == '}' {
		t.pos++
		t.depth--
		return n, true
	}
	seen := map[string]bool{}
	for {
		at := t.pos
		raw, _, ok := t.key()
		if !ok {
			return n, false
		}
		key := string(unescape(nil, raw))
		if seen[key] {
			return n, t.fail(at, "the key "+strconv.Quote(shorten(key))+" stands here twice")
		}
		seen[key] = true
		if !t.colon() {
			return n, false
		}
		m, ok := t.value(&node{parent: n, key: key})
		if !ok {
			return m, false
		}
		n.members = append(n.members, m)
		if more, ok := t.next('}'); !more {
			return n, ok
		}
	}
}

func (t *treeReader) array(n *node) (*node, bool) {
	n.list = true
	if !t.enter() {
		return n, false
	}
	if t.space() == ']' {
		t.pos++
		t.depth--
		return n, true
	}
	for {
		m, ok := t.value(&node{parent: n, index: len(n.items)})
		if !ok {
			return m, false
		}
		n.items = append(n.items, m)
		if more, ok := t.next(']'); !more {
			return n, ok
		}
	}
}

// join returns the place of a key inside the place path.
func join(path, key string) string {
	plain := key != ""
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			plain = plain && (c == '_' || c == '@' || i > 0 && (c == '-' || isDigit(c)))
		}
	}
	switch {
	case !plain:
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// kind returns the first byte of the value: one of {["tfn-0…9.
func (n *node) kind() byte { return n.raw[0] }

func (n *node) isObject() bool { return n.kind() == '{' }

// get returns the member with this key, or nil.
func (n *node) get(key string) *node {
	for _, m := range n.members {
		if m.key == key {
			return m
		}
	}
	return nil
}

// text returns the characters of a string, or the value as it is written.
func (n *node) text() string {
	if n.kind() == '"' {
		return string(unescape(nil, n.raw[1:len(n.raw)-1]))
	}
	return string(n.raw)
}

// err returns an error about n.
func (n *node) err(message string) *SchemaError {
	return &SchemaError{Path: n.path(), Offset: -1, Message: message}
}

// found describes n for a message.
func (n *node) found() string {
	switch n.kind() {
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	return shorten(string(n.raw))
}

// mustObject returns an error unless n is an object.
func (n *node) mustObject() *SchemaError {
	if n.isObject() {
		return nil
	}
	return n.err("found " + n.found() + " where an object is expected")
}

// mustString returns the characters of n, which must be a string that is not empty.
func (n *node) mustString() (string, *SchemaError) {
	if n.kind() != '"' || len(n.raw) == 2 {
		return "", n.err("found " + n.found() + " where a name is expected")
	}
	return n.text(), nil
}

// mustBool returns n as a boolean, which may stand in quotes.
func (n *node) mustBool() (bool, *SchemaError) {
	switch strings.Trim(string(n.raw), `"`) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, n.err("found " + n.found() + " where true or false is expected")
}

// mustList returns the names in n: a list of strings, or one string.
func (n *node) mustList() ([]*node, *SchemaError) {
	list := n.items
	if n.kind() != '[' {
		list = []*node{n}
	}
	for _, m := range list {
		if _, err := m.mustString(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
