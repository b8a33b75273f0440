package access

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A pattern is the name of indexes as a grant gives it. What stands for
// something else is told from text when it is parsed, so that nothing in a
// tenant's name is.
type pattern struct {
	tokens []token
	exact  bool // it is one name
}

type token struct {
	kind tokenKind
	text string
}

type tokenKind uint8

const (
	literal tokenKind = iota
	anything
	tenant
	root
	user
)

var placeholders = map[string]tokenKind{"tenant": tenant, "root": root, "user": user}

// parsePattern reads the name of indexes.
func parsePattern(name string) (p pattern, err error) {
	switch {
	case name == "" || strings.TrimSpace(name) != name:
		return p, fmt.Errorf("%q is no name of an index", name)
	case len(name) > maxName:
		return p, fmt.Errorf("a name of more than %d bytes", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return p, fmt.Errorf("the name %q is not plain text", name)
	case strings.Contains(name, ","):
		return p, fmt.Errorf("%q has several names in one; write a list of them", name)
	case strings.Contains(name, "?"):
		return p, fmt.Errorf("%q has a ?, which stands for nothing; use *", name)
	}
	p.exact = true
	for rest := name; rest != ""; {
		i := strings.IndexAny(rest, "*{}")
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			p.tokens = append(p.tokens, token{literal, rest[:i]})
			rest = rest[i:]
			continue
		}
		p.exact = false
		if rest[0] == '*' {
			p.tokens, rest = append(p.tokens, token{kind: anything}), rest[1:]
			continue
		}
		word, after, closed := strings.Cut(rest[1:], "}")
		kind, known := placeholders[word]
		if rest[0] == '}' || !closed || !known {
			return p, fmt.Errorf("%q has a brace that is not that of {tenant}, {root} or {user}", name)
		}
		p.tokens, rest = append(p.tokens, token{kind: kind}), after
	}
	return p, nil
}

// fits reports whether the index with this name is meant, for who.
func (p *pattern) fits(who *Principal, name string) bool {
	if p.exact {
		return p.tokens[0].text == name
	}
	if !plainIndex(name) || !p.mayName(name) {
		return false
	}
	parts := []string{""}
	for _, t := range p.tokens {
		text := t.text
		switch t.kind {
		case anything:
			parts = append(parts, "")
			continue
		case tenant:
			text = who.Tenant
		case root:
			text, _, _ = strings.Cut(who.Tenant, ".")
		case user:
			text = who.User
		}
		if t.kind != literal && !plainWord(text) {
			return false
		}
		parts[len(parts)-1] += text
	}
	return glob(parts, name)
}

// reserved begin the names of indexes that hold no records of users.
var reserved = []string{".", "dhr-config-"}

// mayName reports whether p names what begins with a reserved text outright.
func (p *pattern) mayName(name string) bool {
	for _, r := range reserved {
		if strings.HasPrefix(name, r) && (p.tokens[0].kind != literal || !strings.HasPrefix(p.tokens[0].text, r)) {
			return false
		}
	}
	return true
}

// plainIndex reports whether a name has no characters that mean something to an engine.
func plainIndex(name string) bool {
	return name != "" && !strings.ContainsAny(name[:1], "-+") && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`*?,/\"<>|#:%`, r)
		})
}

// plainWord reports whether the text of a principal may stand in the name of an index.
func plainWord(text string) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		alnum := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return text != "" && len(text) <= maxName
}

// glob reports whether a text is made of parts, in order, with anything between them.
func glob(parts []string, text string) bool {
	if len(parts) == 1 {
		return parts[0] == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, last)
}

// globBelow reports whether some text that begins with prefix is made of parts.
func globBelow(parts []string, prefix string) bool {
	if len(parts) == 1 {
		return strings.HasPrefix(parts[0], prefix)
	}
	if strings.HasPrefix(parts[0], prefix) {
		return true
	}
	return strings.HasPrefix(prefix, parts[0]) // the first * takes the rest
}
