package smart

import (
	"maps"
	"slices"
	"strings"
)

// scopes are types of resources, or *, that may be read.
type scopes map[string]bool // true if named as version 1 has it

// A scope is one of them.
type scope struct {
	of   string // the type, or *
	read bool   // written as version 1 has it
}

// parseScope reads system/<type>.<what>, of which what has to allow reading and searching, since an export is both.
func parseScope(text string) (scope, bool) {
	rest, ok := strings.CutPrefix(text, "system/")
	of, what, dot := strings.Cut(rest, ".")
	if !ok || !dot || of != "*" && !isType(of) {
		return scope{}, false
	}
	switch {
	case what == "read", what == "*":
		return scope{of, true}, true
	case inOrder(what, "cruds") && strings.Contains(what, "r") && strings.Contains(what, "s"):
		return scope{of, false}, true
	}
	return scope{}, false
}

// inOrder reports whether a text is some of the letters of another, in their order.
func inOrder(text, letters string) bool {
	for i := range len(text) {
		at := strings.IndexByte(letters, text[i])
		if at < 0 {
			return false
		}
		letters = letters[at+1:]
	}
	return text != ""
}

// isType reports whether a text looks like the name of a type of resources.
func isType(text string) bool {
	const longest = 64
	if text == "" || len(text) > longest || text[0] < 'A' || text[0] > 'Z' {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') })
}

func (all scopes) add(s scope) { all[s.of] = all[s.of] || s.read }

// grant returns what is asked for, as far as all has it. What is no scope of ours is not granted.
func (all scopes) grant(asked string) scopes {
	granted := scopes{}
	_, every := all["*"]
	for text := range strings.FieldsSeq(asked) {
		s, ok := parseScope(text)
		if !ok {
			continue
		}
		if _, one := all[s.of]; every || one {
			granted.add(s)
		} else if s.of == "*" {
			for of := range all {
				granted.add(scope{of, s.read})
			}
		}
	}
	return granted
}

// texts returns the scopes in order; as they were asked for, or all as version 2 has them.
func (all scopes) texts(asAsked bool) []string {
	var texts []string
	for _, of := range slices.Sorted(maps.Keys(all)) {
		what := ".rs"
		if asAsked && all[of] {
			what = ".read"
		}
		texts = append(texts, "system/"+of+what)
	}
	return texts
}
