package mapping

import (
	"fmt"
	"strings"
)

// A template is a text with fields in it.
type template struct {
	parts []part
}

// A part is a literal, or a field if ref is not nil.
type part struct {
	literal string
	ref     *fieldRef
}

// A fieldRef is what stands between braces: the first of its options with a value counts.
type fieldRef struct {
	options []option
}

// An option is a field, or a member of an object in a list.
type option struct {
	path     string
	optional bool
	// filter chooses from the list of objects at path the first whose member key has this value, and of it the member.
	filter             bool
	key, value, member string
}

// constant returns the text of a template without fields.
func (t *template) constant() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].ref == nil:
		return t.parts[0].literal, true
	}
	return "", false
}

// single returns the field of a template that is nothing else, or nil.
func (t *template) single() *fieldRef {
	if len(t.parts) == 1 {
		return t.parts[0].ref
	}
	return nil
}

// parseTemplate reads a template, or says what is wrong with it.
func parseTemplate(text string) (t *template, complaint string) {
	t = &template{}
	var literal strings.Builder
	for rest := text; ; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			literal.WriteString(rest)
			break
		}
		literal.WriteString(rest[:i])
		if len(rest) > i+1 && rest[i+1] == rest[i] {
			literal.WriteByte(rest[i])
			rest = rest[i+2:]
			continue
		}
		if rest[i] == '}' {
			return t, fmt.Sprintf("found } in %q without its {; a brace itself is written }}", text)
		}
		end := strings.IndexAny(rest[i+1:], "{}")
		if end < 0 || rest[i+1+end] != '}' {
			return t, fmt.Sprintf("found { in %q without its }; a brace itself is written {{", text)
		}
		ref, complaint := parseRef(rest[i+1 : i+1+end])
		if complaint != "" {
			return t, complaint
		}
		if literal.Len() > 0 {
			t.parts = append(t.parts, part{literal: literal.String()})
			literal.Reset()
		}
		t.parts = append(t.parts, part{ref: ref})
		rest = rest[i+2+end:]
	}
	if literal.Len() > 0 {
		t.parts = append(t.parts, part{literal: literal.String()})
	}
	return t, ""
}

// parseRef reads what stands between braces.
func parseRef(text string) (*fieldRef, string) {
	ref := &fieldRef{}
	for alternative := range strings.SplitSeq(text, "|") {
		o := option{path: strings.TrimSpace(alternative)}
		o.path, o.optional = strings.CutSuffix(o.path, "?")
		if i := strings.IndexByte(o.path, '['); i >= 0 {
			inside, member, ok := strings.Cut(o.path[i+1:], "]")
			key, value, is := strings.Cut(inside, "=")
			member, dot := strings.CutPrefix(member, ".")
			if !ok || !is || !dot || i == 0 || key == "" || value == "" || member == "" || strings.ContainsAny(member, "[]") {
				return nil, fmt.Sprintf("found {%s}; expected a field, or {list[member=value].member}", text)
			}
			o.path, o.filter, o.key, o.value, o.member = o.path[:i], true, key, value, member
		}
		if o.path == "" || strings.ContainsAny(o.path, "]?\n") {
			return nil, fmt.Sprintf("found {%s}; expected the path of a field", text)
		}
		ref.options = append(ref.options, o)
	}
	return ref, ""
}
