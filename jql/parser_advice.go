package jql

import "strings"

// advice is what the DHR dialect adds to a complaint in Jira's words about a
// token: the cure for what people write who know another language than JQL.
func (p *parser) advice(code string, t token) string {
	text := p.text[t.start:t.end]
	before := byte(0)
	if t.start > 0 && p.end == t.start {
		before = p.text[t.start-1]
	}
	switch code {
	case "reserved_word":
		if strange[strings.ToLower(text)] != "" && p.want&(wantOperator|wantAnd) != 0 {
			return strange[strings.ToLower(text)]
		}
	case "no_operator":
		return strange[strings.ToLower(text)]
	case "no_operand":
		switch {
		case t.kind == tokEquals && before == '=':
			return "One '=' is enough."
		case t.kind == tokGreater && before == '<':
			return "Unequal is written '!='."
		case t.kind == tokOpenBracket:
			return "A list stands in round brackets."
		case p.want&wantList != 0 && p.want&wantValue == 0:
			return "A list stands in round brackets, even of one value."
		}
	case "expected":
		if p.want&wantParen != 0 {
			return "A list stands in round brackets."
		}
	case "no_connective":
		if whole := p.torn(t); whole != "" {
			return "A value with blanks stands in quotation marks: " + whole + "."
		}
	}
	return ""
}

// strange are operators of other languages, and what to write instead.
var strange = map[string]string{
	"like":     "To find words, write '~'.",
	"contains": "To find words, write '~'.",
	"matches":  "To find words, write '~'.",
	"between":  "Write 'field >= a AND field <= b'.",
	"limit":    "How many records to return is not part of a query.",
	"equals":   "Write '='.",
	"group":    "A query finds records; it does not group them.",
}

// torn returns, in quotation marks, the bare word before t and t, if they look like one
// value that was written without them.
func (p *parser) torn(t token) string {
	start := strings.LastIndexAny(p.text[:p.end], " \t\r\n=~<>(,") + 1
	word := p.text[start:p.end]
	if word == "" || wordKind(word) != tokString || strings.Trim(p.text[p.end:t.start], " ") != "" || t.start == p.end || !isBare(t) || len(word)+t.end-t.start > 40 || strings.ContainsAny(word, `"')`) {
		return ""
	}
	return Quote(word + " " + p.text[t.start:t.end])
}

// isBare reports whether t is a word or a number without quotation marks.
func isBare(t token) bool { return (t.kind == tokString || t.kind == tokNumber) && !t.quoted }
