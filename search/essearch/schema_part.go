package essearch

import (
	"encoding/json"
)

// clone returns a copy of a JSON object that shares nothing with it.
func clone(o object) (object, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var out object
	return out, decodeNumbers(text, &out)
}

// unsearched returns the paths of those fields of a mapping that documents of another index may
// have without being found by them there, since that index has no such field: it
// would have to be one that makes a field of whatever a document says, or that refuses it.
func unsearched(mapping, other object) []string {
	return unsearchedIn(nil, mapping, other, "", open(other, true))
}

// open reports whether what an object has, and its mapping has not, becomes a field or is
// refused; inherited is what holds around it.
func open(mapping object, inherited bool) bool {
	switch mapping["dynamic"] {
	case nil:
		return inherited
	case true, "true", "strict", "strict_allow_templates":
		return true
	}
	return false
}

func unsearchedIn(paths []string, mapping, other object, prefix string, isOpen bool) []string {
	theirs := child(other, "properties")
	for name, f := range child(mapping, "properties") {
		path := prefix + name
		our, ok := f.(object)
		their, known := theirs[name].(object)
		switch {
		case !ok:
			continue
		case !known:
			if !isOpen {
				paths = append(paths, path)
			}
			continue
		}
		for sub := range child(our, "fields") {
			if child(their, "fields")[sub] == nil {
				paths = append(paths, path+"."+sub)
			}
		}
		paths = unsearchedIn(paths, our, their, path+".", open(their, isOpen))
	}
	return paths
}
