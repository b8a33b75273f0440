package sqlsearch

import (
	"encoding/json"
	"strings"
)

// eachLeaf calls visit for each value but null that stands in a JSON text, however deep, with
// the keys that lead to it, joined by points. It stops when visit returns false.
func eachLeaf(text string, visit func(path string) bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // a number may be beyond a float64
	walkLeaves(d, "", visit)
}

// walkLeaves visits the leaves of the next value and reports whether to go on.
func walkLeaves(d *json.Decoder, path string, visit func(path string) bool) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch token {
	case nil:
		return true
	case json.Delim('['):
		for d.More() {
			if !walkLeaves(d, path, visit) {
				return false
			}
		}
	case json.Delim('{'):
		for d.More() {
			key, err := d.Token()
			name, ok := key.(string)
			if err != nil || !ok {
				return false
			}
			if path != "" {
				name = path + "." + name
			}
			if !walkLeaves(d, name, visit) {
				return false
			}
		}
	default:
		return visit(path)
	}
	_, err = d.Token() // the end of the list or object
	return err == nil
}

// appendLeaves appends the paths of the values in a JSON text, perhaps more than once each.
func appendLeaves(paths []string, text string) []string {
	eachLeaf(text, func(path string) bool {
		paths = append(paths, path)
		return true
	})
	return paths
}
