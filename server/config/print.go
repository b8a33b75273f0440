package config

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// YAML returns the configuration as a file has it, with every key. Secrets are left out, with a remark where
// there is one.
func (c *Config) YAML() ([]byte, error) {
	n, err := printed(reflect.ValueOf(c).Elem())
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(n)
}

func printed(v reflect.Value) (*yaml.Node, error) {
	n := new(yaml.Node)
	switch value := v.Interface().(type) {
	case Secret:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
		if !value.IsZero() {
			n.LineComment = "it is set, and not printed"
		}
		return n, nil
	case time.Duration:
		return n, n.Encode(formatDuration(value))
	case Size:
		return n, n.Encode(value.String())
	case JSON:
		return printedJSON(value)
	}
	switch {
	case isSection(v.Type()):
		return printedSection(v)
	case v.Kind() == reflect.Map:
		n.Kind = yaml.MappingNode
		names := v.MapKeys()
		slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, name := range names {
			if err := add(n, name.String(), v.MapIndex(name)); err != nil {
				return nil, err
			}
		}
		return n, nil
	case v.Kind() == reflect.Slice:
		n.Kind = yaml.SequenceNode
		for i := range v.Len() {
			one, err := printed(v.Index(i))
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, one)
		}
		return n, nil
	}
	if v.Kind() == reflect.String {
		n.SetString(escaped(v.String()))
		return n, nil
	}
	return n, n.Encode(v.Interface())
}

// escaped writes what would otherwise stand for a variable.
func escaped(text string) string { return strings.ReplaceAll(text, "${", "$${") }

func printedSection(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range keysOf(v.Type()) {
		if err := add(n, k.name, v.Field(k.index)); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// printedJSON returns what another package reads, in the form of YAML.
func printedJSON(text JSON) (*yaml.Node, error) {
	var value any
	if len(text) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
	if err := yaml.Unmarshal(asYAML([]byte(escaped(string(text)))), &value); err != nil {
		return nil, err
	}
	n := new(yaml.Node)
	return n, n.Encode(value)
}

// add adds a key to a map.
func add(n *yaml.Node, name string, v reflect.Value) error {
	value, err := printed(v)
	if err != nil {
		return err
	}
	key := new(yaml.Node)
	key.SetString(name)
	n.Content = append(n.Content, key, value)
	return nil
}
