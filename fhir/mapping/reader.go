package mapping

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The limits of a file: aliases in aliases grow without end.
const (
	maxText  = 4 << 20
	maxNodes = 200_000
	maxDepth = 64
)

// A reader reads one file and collects its mistakes.
type reader struct {
	file    string
	errors  Errors
	nodes   int
	depth   int
	systems map[string]string
	codes   map[string]*codeMap
	zone    *zone
}

// A place is where something stands in a file, and the path of keys that leads there.
type place struct {
	file         string
	line, column int
	key          string
}

func (r *reader) place(n *yaml.Node, key string) place { return place{r.file, n.Line, n.Column, key} }

func (p place) complain(format string, args ...any) *Error {
	return &Error{File: p.file, Line: p.line, Column: p.column, Key: p.key, Message: fmt.Sprintf(format, args...)}
}

func (r *reader) complain(n *yaml.Node, key, format string, args ...any) {
	r.errors = append(r.errors, r.place(n, key).complain(format, args...))
}

var yamlPlace = regexp.MustCompile(`(?s)^yaml: (?:.*?)line (\d+): (.*)$`)

// document returns the root of the file, or nil after a complaint.
func (r *reader) document(text []byte) *yaml.Node {
	fail := func(line int, message string) *yaml.Node {
		r.errors = append(r.errors, &Error{File: r.file, Line: line, Column: 1, Message: message})
		return nil
	}
	if len(text) > maxText {
		return fail(1, fmt.Sprintf("found a file of %d bytes; expected at most %d", len(text), maxText))
	}
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc, second yaml.Node
	err := d.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return fail(1, "found an empty file; expected mappings")
	case err != nil:
		if m := yamlPlace.FindStringSubmatch(err.Error()); m != nil {
			line, _ := strconv.Atoi(m[1])
			return fail(max(line, 1), "is no YAML: "+m[2])
		}
		return fail(1, "is no YAML: "+strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return fail(max(second.Line, 1), "found a second document in the file; expected one")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return fail(1, "found an empty file; expected mappings")
	}
	return doc.Content[0]
}

// open resolves aliases and counts what is read. It returns nil, after a complaint, beyond the limits.
func (r *reader) open(n *yaml.Node, key string) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	r.nodes++
	if r.nodes == maxNodes || r.depth > maxDepth && r.nodes < maxNodes {
		r.nodes = maxNodes
		r.complain(n, key, "the file is nested too deep, or too large")
	}
	if r.nodes >= maxNodes {
		return nil
	}
	return n
}

// A pair is a key with what stands under it.
type pair struct {
	name  *yaml.Node
	value *yaml.Node
	key   string // the path
}

// pairs returns the members of a mapping node, each key once; nil after a complaint if it is none.
func (r *reader) pairs(n *yaml.Node, key, what string) []pair {
	n = r.open(n, key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.complain(n, key, "found %s; expected %s", found(n), what)
		return nil
	}
	var all []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		path := join(key, name.Value)
		switch {
		case name.Kind != yaml.ScalarNode:
			r.complain(name, key, "found %s; expected a key", found(name))
		case name.ShortTag() == "!!merge":
			r.complain(name, key, "keys cannot be merged with <<; write them out")
		case seen[name.Value]:
			r.complain(name, path, "the key stands twice")
		default:
			seen[name.Value] = true
			all = append(all, pair{name, n.Content[i+1], path})
		}
	}
	return all
}

// items returns the members of a list; nil after a complaint if it is none.
func (r *reader) items(n *yaml.Node, key, what string) []*yaml.Node {
	n = r.open(n, key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.complain(n, key, "found %s; expected %s", found(n), what)
		return nil
	}
	if len(n.Content) == 0 {
		r.complain(n, key, "found an empty list; expected %s", what)
	}
	return n.Content
}

// text returns the text of a single value that is not null; ok is false after a complaint.
func (r *reader) text(n *yaml.Node, key, what string) (text string, ok bool) {
	n = r.open(n, key)
	if n == nil {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || isNull(n) || strings.TrimSpace(n.Value) == "" {
		r.complain(n, key, "found %s; expected %s", found(n), what)
		return "", false
	}
	return n.Value, true
}

// flag returns a truth value.
func (r *reader) flag(n *yaml.Node, key string) bool {
	n = r.open(n, key)
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		r.complain(n, key, "found %s; expected true or false", found(n))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// found says what a node is, in short.
func found(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys with values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return found(n.Alias)
	case isNull(n):
		return "nothing"
	}
	text := []rune(n.Value)
	if len(text) > 60 {
		text = append(text[:60], '…')
	}
	return strconv.Quote(string(text))
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// didYouMean is the end of a complaint about an unknown name.
func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return "; did you mean " + strconv.Quote(near) + "?"
}

// oneOf lists names for a complaint, shortened if there are many.
func oneOf(names []string) string {
	const most = 20
	names = slices.Sorted(slices.Values(names))
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
