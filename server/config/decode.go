package config

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// value reads a node into a field, which keeps what it has if the node is null.
func (l *loader) value(n *yaml.Node, v reflect.Value, path string, k key) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return
	}
	l.config.places[path] = place{l.file, n.Line, n.Column}
	switch {
	case v.Type() == jsonType:
		l.json(n, v, path)
	case isSection(v.Type()):
		l.section(n, v, path)
	case v.Kind() == reflect.Map:
		l.table(n, v, path, k)
	case v.Kind() == reflect.Slice:
		l.list(n, v, path, k)
	default:
		text, ok := l.scalar(n, v, path, k)
		if !ok {
			return
		}
		if message := set(v, text, k); message != "" {
			l.complain(n, path, "%s", message)
		}
	}
}

// section reads the keys of a struct.
func (l *loader) section(n *yaml.Node, v reflect.Value, path string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		l.complain(n, path, "found %s; expected a section with keys", found(n))
		return
	}
	keys := keysOf(v.Type())
	for name, item := range l.members(n, path) {
		full := join(path, name.Value)
		if k, ok := lookup(keys, name.Value); ok {
			l.value(item, v.Field(k.index), full, k)
			continue
		}
		if k, ok := lookup(keys, strings.TrimSuffix(name.Value, "_file")); ok && k.kind == secretType && name.Value != k.name {
			l.fromFile(item, v.Field(k.index), join(path, k.name), has(n, k.name))
			continue
		}
		l.complain(name, full, "unknown key%s", suggestion(keys, path, name.Value))
	}
}

// members yields the keys of a mapping with their values, each key once.
func (l *loader) members(n *yaml.Node, path string) func(func(*yaml.Node, *yaml.Node) bool) {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, item := n.Content[i], n.Content[i+1]
			switch {
			case name.Kind != yaml.ScalarNode:
				l.complain(name, path, "found %s; expected a key", found(name))
			case name.ShortTag() == "!!merge":
				l.complain(name, path, "keys cannot be merged with <<; write them out")
			case seen[name.Value]:
				l.complain(name, join(path, name.Value), "the key stands twice")
			default:
				seen[name.Value] = true
				if !yield(name, item) {
					return
				}
			}
		}
	}
}

func (l *loader) fromFile(n *yaml.Node, v reflect.Value, path string, both bool) {
	file, ok := l.scalar(n, reflect.New(reflect.TypeFor[string]()).Elem(), path+"_file", key{})
	if !ok || file == "" {
		return
	}
	if both {
		l.complain(n, path+"_file", "stands beside %s; expected one of them", path)
		return
	}
	text, err := l.secretFile(file)
	if err != nil {
		l.complain(n, path+"_file", "%s", err)
		return
	}
	l.config.places[path] = place{l.file, n.Line, n.Column}
	v.Set(reflect.ValueOf(NewSecret(text)))
}

func has(n *yaml.Node, name string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name && n.Content[i+1].ShortTag() != "!!null" {
			return true
		}
	}
	return false
}

// table reads a map, whose keys are names that the user gives.
func (l *loader) table(n *yaml.Node, v reflect.Value, path string, k key) {
	if n.Kind != yaml.MappingNode {
		l.complain(n, path, "found %s; expected names with values", found(n))
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for name, item := range l.members(n, path) {
		one := reflect.New(v.Type().Elem()).Elem()
		l.value(item, one, join(path, name.Value), k)
		v.SetMapIndex(reflect.ValueOf(name.Value), one)
	}
}

func (l *loader) list(n *yaml.Node, v reflect.Value, path string, k key) {
	if n.Kind != yaml.SequenceNode {
		l.complain(n, path, "found %s; expected a list", found(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		one := reflect.New(v.Type().Elem()).Elem()
		l.value(item, one, path+"["+strconv.Itoa(i)+"]", k)
		list = reflect.Append(list, one)
	}
	v.Set(list)
}

// json turns a node into JSON, with variables expanded.
func (l *loader) json(n *yaml.Node, v reflect.Value, path string) {
	text, err := json.Marshal(l.plain(n, path, 0))
	if err != nil {
		l.complain(n, path, "cannot be written as JSON: %s", err)
		return
	}
	v.SetBytes(text)
}

// How deep such a node may be nested, and how many there may be: aliases in aliases
// grow without end.
const (
	deepest = 32
	most    = 100_000
)

func (l *loader) plain(n *yaml.Node, path string, depth int) any {
	l.nodes++
	switch {
	case depth > deepest || l.nodes > most:
		if !l.grown {
			l.complain(n, path, "is nested too deep, or too large")
		}
		l.grown = true
	case n.Kind == yaml.MappingNode:
		all := map[string]any{}
		for name, item := range l.members(n, path) {
			all[name.Value] = l.plain(item, join(path, name.Value), depth+1)
		}
		return all
	case n.Kind == yaml.SequenceNode:
		all := []any{}
		for i, item := range n.Content {
			all = append(all, l.plain(item, path+"["+strconv.Itoa(i)+"]", depth+1))
		}
		return all
	case n.Kind == yaml.AliasNode:
		return l.plain(n.Alias, path, depth+1)
	case n.ShortTag() == "!!str":
		text, _ := l.expand(n, path)
		return text
	default:
		var value any
		if err := n.Decode(&value); err != nil {
			l.complain(n, path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		return value
	}
	return nil
}

// scalar returns the text of a single value whose type fits the field's.
func (l *loader) scalar(n *yaml.Node, v reflect.Value, path string, k key) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		l.complain(n, path, "found %s; expected %s", found(n), expected(v.Type(), k))
		return "", false
	}
	text, ok := l.expand(n, path)
	if !ok || text != n.Value { // what a variable gave has no type of its own
		return text, ok
	}
	tag := n.ShortTag()
	var fits bool
	switch {
	case v.Type() == durationType || v.Type() == sizeType:
		fits = tag == "!!str" || tag == "!!int" && v.Type() == sizeType
	case v.Kind() == reflect.Bool:
		fits = tag == "!!bool"
	case v.Kind() == reflect.Int:
		fits = tag == "!!int"
	case v.Kind() == reflect.Float64:
		fits = tag == "!!int" || tag == "!!float"
	default:
		fits = tag != "!!bool"
	}
	if !fits {
		what := found(n)
		if v.Type() == secretType {
			what = "another type"
		}
		l.complain(n, path, "found %s; expected %s", what, expected(v.Type(), k))
	}
	return text, fits
}

// expand puts in what variables say.
func (l *loader) expand(n *yaml.Node, path string) (string, bool) {
	var b strings.Builder
	text := n.Value
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), true
		}
		if i > 0 && text[i-1] == '$' { // $${ is not a variable
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		inside, rest, ok := strings.Cut(text[i+2:], "}")
		name, fallback, given := strings.Cut(inside, ":")
		if !ok || !isName(name) {
			l.complain(n, path, "a variable is written ${NAME} or ${NAME:default}; for the characters themselves write $${")
			return "", false
		}
		value := l.env(name)
		if value == "" && !given {
			l.complain(n, path, "the environment variable %s is not set; ${%s:…} gives a default", name, name)
			return "", false
		}
		if value == "" {
			value = fallback
		}
		b.WriteString(value)
		text = rest
	}
}

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// set puts a text into a single value, or says why not.
func set(v reflect.Value, text string, k key) string {
	wrong := func() string { return fmt.Sprintf("found %q; expected %s", text, expected(v.Type(), k)) }
	switch {
	case v.Type() == secretType:
		v.Set(reflect.ValueOf(NewSecret(text)))
	case v.Type() == durationType:
		d, err := parseDuration(text)
		if err != nil {
			return err.Error()
		}
		v.SetInt(int64(d))
		return k.within(float64(d), v.Type())
	case v.Type() == sizeType:
		n, err := parseSize(text)
		if err != nil {
			return err.Error()
		}
		v.SetInt(int64(n))
		return k.within(float64(n), v.Type())
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return wrong()
		}
		v.SetBool(b)
	case v.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return wrong()
		}
		v.SetInt(int64(n))
		return k.within(float64(n), v.Type())
	case v.Kind() == reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return wrong()
		}
		v.SetFloat(f)
		return k.within(f, v.Type())
	default:
		v.SetString(text)
		return allowed(k, text)
	}
	return ""
}

// found says what a node is, in short.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	text := []rune(n.Value)
	if len(text) > 60 {
		text = append(text[:60], '…')
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + string(text)
	case "!!bool":
		return "the truth value " + string(text)
	}
	return "the text " + strconv.Quote(string(text))
}

// expected says what a single value must be.
func expected(t reflect.Type, k key) string {
	switch {
	case k.oneof != nil && t.Kind() == reflect.String:
		return "one of " + strings.Join(k.oneof, ", ")
	case t == secretType || t.Kind() == reflect.String:
		return "a text"
	case t == durationType:
		return "a duration such as 20s or 5m"
	case t == sizeType:
		return "a size such as 512KB or 10MB"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	}
	return t.String()
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	jsonType     = reflect.TypeFor[JSON]()
)
