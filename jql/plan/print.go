package plan

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/digit-health/dhr/record"
)

// String prints the plan over several lines, one node each, deeper nodes
// further to the right, without a line feed at the end. Equal plans print the same.
func (p *Plan) String() string {
	b := append([]byte(nil), "where\n"...)
	b = appendTree(b, p.Where, 1)
	if len(p.Order) > 0 {
		b = append(b, "order\n"...)
	}
	for _, s := range p.Order {
		b = append(append(b, "  "...), s.String()...)
		b = append(b, '\n')
	}
	return string(b[:len(b)-1])
}

// appendTree appends n and what is below it, indented by depth steps.
func appendTree(b []byte, n Node, depth int) []byte {
	for range depth {
		b = append(b, "  "...)
	}
	if not, ok := n.(Not); ok {
		b = append(b, "not "...)
		n = not.Node
	}
	word, children := group(n)
	if word == "" {
		return append(appendNode(b, n), '\n')
	}
	b = append(append(b, word...), '\n')
	for _, c := range children {
		b = appendTree(b, c, depth+1)
	}
	return b
}

// group returns the word and the children of an And or an Or, else nothing.
func group(n Node) (word string, children []Node) {
	switch n := n.(type) {
	case And:
		return "and", n
	case Or:
		return "or", n
	}
	return "", nil
}

// String prints the sort as a field and asc or desc; - stands for a field that the index lacks.
func (s Sort) String() string {
	b := appendField(nil, s.Field)
	if s.Desc {
		return string(b) + " desc"
	}
	return string(b) + " asc"
}

// String prints the node on one line.
func (n All) String() string     { return "all" }
func (n None) String() string    { return "none" }
func (n And) String() string     { return string(appendNode(nil, n)) }
func (n Or) String() string      { return string(appendNode(nil, n)) }
func (n Not) String() string     { return string(appendNode(nil, n)) }
func (n Exists) String() string  { return string(appendNode(nil, n)) }
func (n Missing) String() string { return string(appendNode(nil, n)) }
func (n Terms) String() string   { return string(appendNode(nil, n)) }
func (n Range) String() string   { return string(appendNode(nil, n)) }
func (n Match) String() string   { return string(appendNode(nil, n)) }
func (n Was) String() string     { return string(appendNode(nil, n)) }
func (n Changed) String() string { return string(appendNode(nil, n)) }

func appendNode(b []byte, n Node) []byte {
	switch n := n.(type) {
	case All:
		return append(b, "all"...)
	case None:
		return append(b, "none"...)
	case And, Or:
		return appendGroup(b, n)
	case Not:
		return appendNode(append(b, "not "...), n.Node)
	case Exists:
		return appendField(append(b, "exists "...), n.Field)
	case Missing:
		return appendField(append(b, "missing "...), n.Field)
	case Terms:
		b = appendField(append(b, "terms "...), n.Field)
		return appendValues(b, n.Values)
	case Range:
		return appendRange(b, n)
	case Match:
		return appendMatch(b, n)
	case Was:
		b = appendField(append(b, "was "...), n.Field)
		b = appendStates(b, n.Held)
		return appendChange(b, n.Window, n.By)
	case Changed:
		b = appendField(append(b, "changed "...), n.Field)
		if n.From != nil {
			b = appendStates(append(b, " from"...), *n.From)
		}
		if n.To != nil {
			b = appendStates(append(b, " to"...), *n.To)
		}
		return appendChange(b, n.Window, n.By)
	}
	return append(b, "nothing"...)
}

func appendGroup(b []byte, n Node) []byte {
	word, children := group(n)
	b = append(append(b, word...), " {"...)
	for i, c := range children {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = appendNode(b, c)
	}
	return append(b, '}')
}

func appendRange(b []byte, n Range) []byte {
	b = appendField(append(b, "range "...), n.Field)
	open, shut := byte('('), byte(')')
	if n.Lower.Inclusive && !n.Lower.Value.IsNull() {
		open = '['
	}
	if n.Upper.Inclusive && !n.Upper.Value.IsNull() {
		shut = ']'
	}
	return appendSpan(append(b, ' '), open, n.Lower.Value, n.Upper.Value, shut)
}

// appendSpan appends the two ends of a span, * for an open one, in its brackets.
func appendSpan(b []byte, open byte, from, to record.Value, shut byte) []byte {
	b = appendEnd(append(b, open), from)
	b = appendEnd(append(b, ", "...), to)
	return append(b, shut)
}

func appendEnd(b []byte, v record.Value) []byte {
	if v.IsNull() {
		return append(b, '*')
	}
	return append(b, v.String()...)
}

func appendMatch(b []byte, n Match) []byte {
	b = appendField(append(b, "match "...), n.Field)
	b = append(append(b, ' '), n.Mode.String()...)
	b = strconv.AppendQuote(append(b, ' '), n.Text)
	switch {
	case n.Mode != Fuzzy:
	case n.Edits < 0:
		b = append(b, " edits auto"...)
	default:
		b = strconv.AppendInt(append(b, " edits "...), int64(n.Edits), 10)
	}
	return b
}

// appendChange appends the window unless it is open, and the authors if there is a list of them.
func appendChange(b []byte, w Window, by []string) []byte {
	if !w.From.IsNull() || !w.To.IsNull() {
		b = appendSpan(append(b, " during "...), '[', w.From, w.To, ')')
	}
	if by == nil {
		return b
	}
	b = append(b, " by"...)
	if len(by) == 0 {
		return append(b, " none"...)
	}
	for _, name := range by {
		b = strconv.AppendQuote(append(b, ' '), name)
	}
	return b
}

func appendStates(b []byte, s States) []byte {
	b = appendValues(b, s.Values)
	switch {
	case s.Empty:
		return append(b, " empty"...)
	case len(s.Values) == 0:
		return append(b, " none"...)
	}
	return b
}

func appendValues(b []byte, values []record.Value) []byte {
	for _, v := range values {
		b = append(append(b, ' '), v.String()...)
	}
	return b
}

// appendField appends the field's path, quoted if it could be mistaken for something else.
func appendField(b []byte, f *record.Field) []byte {
	switch {
	case f == nil:
		return append(b, '-')
	case f.Path == "" || f.Path == "-" || strings.ContainsFunc(f.Path, odd):
		return strconv.AppendQuote(b, f.Path)
	}
	return append(b, f.Path...)
}

func odd(r rune) bool {
	return r == '"' || r == ';' || r == '{' || r == '}' || unicode.IsSpace(r) || !unicode.IsGraphic(r)
}

var modeNames = [...]string{"words", "phrase", "prefix", "wildcard", "fuzzy"}

// String returns the mode's name in lower case.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "mode(" + strconv.Itoa(int(m)) + ")"
}
