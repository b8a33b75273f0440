package jql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A complaint is a kind of syntax error. In its texts {t} stands for the token
// that is complained about.
type complaint struct {
	code string
	got  string // the message if there is a token
	end  string // the message at the end of the text
	cure bool   // a word is cured by quotation marks
}

var (
	noField = &complaint{"no_field",
		"Expecting a field name but got '{t}'. You must surround '{t}' in quotation marks to use it as a field name.",
		"Expecting a field name before the end of the query.", true}
	noCFField = &complaint{"no_cf_field",
		"Expecting a field name but got '['. Did you mean 'cf['?", "", false}
	noCustomField = &complaint{"no_custom_field_id",
		"Expecting a custom field id enclosed by '[ ]' after 'cf'. Example: 'cf[10021]'.",
		"Expecting a custom field id enclosed by '[ ]' after 'cf'. Example: 'cf[10021]'.", false}
	noProperty = &complaint{"no_property",
		"Expecting a property id but got '{t}'. You must surround '{t}' in quotation marks to use it as a property id.",
		"Expecting a property id before the end of the query.", true}
	noArgument = &complaint{"no_argument",
		"Expecting a function argument but got '{t}'. You must surround '{t}' in quotation marks to use it as an argument.",
		"Expecting a function argument before the end of the query.", true}
	noOperator = &complaint{"no_operator",
		"Expecting an operator but got '{t}'. " + validOperators,
		"Expecting an operator before the end of the query. " + validOperators, false}
	noConnective = &complaint{"no_connective",
		"Expecting 'AND', 'OR' or 'ORDER BY' but got '{t}'.", "", false}
	noConnectiveOrClose = &complaint{"no_connective",
		"Expecting ')', 'AND' or 'OR' but got '{t}'.", "Expecting ')' before the end of the query.", false}
	noDirection = &complaint{"no_direction", "Expecting 'ASC' or 'DESC' but got '{t}'.", "", false}

	noBy           = missing("'BY'")
	noIn           = missing("'IN'")
	noParen        = missing("'('")
	noComma        = missing("','")
	noCloseBracket = missing("']'")
	noCommaOrClose = missing("')' or ','")
	noEmpty        = missing("'EMPTY'")
	noEmptyOrNot   = missing("'NOT' or 'EMPTY'")

	noScalar = operandComplaint("either a value or function")
	noMany   = operandComplaint("either a list or function")
	noAny    = operandComplaint("either a value, list or function")

	numberRange = &complaint{"illegal_number",
		"The number '{t}' is out of range. Numbers go from -9223372036854775808 to 9223372036854775807; in quotation marks it is text.", "", true}
	emptyField    = &complaint{"empty_field", "The name of a field cannot be blank.", "", false}
	emptyFunction = &complaint{"empty_function", "The name of a function cannot be blank.", "", false}
	badPath       = &complaint{"no_property_path",
		"Expecting the path of a property, such as '.name' or '.address.city', but got '{t}'.", "", false}
)

const validOperators = "The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."

// missing makes the complaint that a sign or a keyword is missing.
func missing(what string) *complaint {
	return &complaint{"expected", "Expecting " + what + " but got '{t}'.", "Expecting " + what + " before the end of the query.", false}
}

func operandComplaint(what string) *complaint {
	return &complaint{"no_operand",
		"Expecting " + what + " but got '{t}'. You must surround '{t}' in quotation marks to use it as a value.",
		"Expecting " + what + " before the end of the query.", true}
}

// noOperand returns the complaint where one of the operands in want is missing.
func noOperand(want wanted) *complaint {
	switch {
	case want&wantValue != 0 && want&wantList != 0:
		return noAny
	case want&wantValue != 0:
		return noScalar
	case want&wantList != 0:
		return noMany
	case want&wantIsNot != 0:
		return noEmptyOrNot
	}
	return noEmpty
}

// fail complains about the current token. It returns false.
func (p *parser) fail(c *complaint) bool {
	switch {
	case p.completer != nil:
		return false
	case p.token.kind >= tokReserved:
		p.err = p.lexicalError()
		return false
	case c == noField && p.token.kind == tokOpenBracket:
		c = noCFField
	}
	return p.failAt(p.token, c)
}

// failAt complains about a token that is no error in itself. It returns false.
func (p *parser) failAt(t token, c *complaint) bool {
	if p.completer != nil {
		return false
	}
	message, found := c.end, ""
	if t.kind != tokEnd || t.end > t.start {
		found = shorten(p.text[t.start:t.end])
		message = strings.ReplaceAll(c.got, "{t}", inLine(found))
		message = p.withAdvice(message, c.code, t)
	}
	p.err = newError(p.text, t.span(), c.code, message)
	p.err.Found = found
	p.err.Expected = p.want.names()
	switch {
	case c == noCFField:
		p.err.Suggestion = "cf["
	case c.cure && found != "" && charClasses[found[0]] == classWord && (t.kind >= tokIn || c == numberRange):
		p.err.Suggestion = Quote(p.text[t.start:t.end])
	}
	return false
}

// failText complains about the current token in words that are not Jira's. It
// returns false.
func (p *parser) failText(code, message string) bool {
	if p.completer == nil {
		p.err = newError(p.text, p.token.span(), code, message)
		p.err.Found = shorten(p.tokenText())
	}
	return false
}

// tooLong is the complaint about the length of the text. It stands at the first byte too many.
func (p *parser) tooLong() *Error {
	return newError(p.text, Span{p.maxLength, p.maxLength}, "too_long",
		fmt.Sprintf("The query has %d bytes. The limit is %d.", len(p.text), p.maxLength))
}

const validEscapes = `The valid escape sequences are \', \", \t, \n, \r, \\, '\ ' and \uXXXX.`

// lexicalError is the complaint about the current token, which is an error in
// itself. Jira's grammar puts trouble inside of quotes at the opening quote,
// the DHR dialect at the character that is wrong.
func (p *parser) lexicalError() *Error {
	t := p.token
	text := p.tokenText()
	var e *Error
	switch t.kind {
	case tokReserved:
		e = newError(p.text, t.span(), "reserved_word",
			p.withAdvice("'"+text+"' is a reserved JQL word. You must surround it in quotation marks to use it in a query.", "reserved_word", t))
		if p.jira || p.advice("reserved_word", t) == "" {
			e.Suggestion = Quote(text)
		}
	case tokOpenQuote:
		e = newError(p.text, t.span(), "unfinished_string", "The quoted string has not been completed.")
		if content := shorten(text[1:]); content != "" {
			e.Message = "The quoted string '" + inLine(content) + "' has not been completed."
			if content == text[1:] {
				e.Suggestion = text + text[:1]
			}
		}
	default:
		l := describe(p.text[t.bad:])
		span := Span{t.bad, t.bad + l.length}
		cure := l.cure + p.text[t.bad+l.character:span.End]
		if p.jira && t.kind != tokInvalid {
			span, cure = t.span(), p.text[t.start:t.bad]+l.cure
		}
		e = newError(p.text, span, l.code, l.message)
		if l.cure != "" {
			e.Suggestion = cure
		}
	}
	e.Found, e.Expected = shorten(e.Span.text(p.text)), p.want.names()
	return e
}

// withAdvice adds advice to a message, in the DHR dialect.
func (p *parser) withAdvice(message, code string, t token) string {
	if p.jira {
		return message
	}
	if advice := p.advice(code, t); advice != "" {
		return message + " " + advice
	}
	return message
}

// A lexical is a complaint about the character that a text begins with.
type lexical struct {
	code, message string
	cure          string // what to write instead of the character
	character     int    // bytes of the character
	length        int    // bytes that the complaint is about
}

// describe complains about the character that text begins with.
func describe(text string) lexical {
	r, n := utf8.DecodeRuneInString(text)
	l := lexical{cure: escape(r), character: n, length: n}
	switch {
	case r == utf8.RuneError && n == 1:
		l.code, l.cure = "invalid_utf8", ""
		l.message = fmt.Sprintf("The byte 0x%02X is not valid UTF-8. Send the query as UTF-8.", text[0])
	case r == '\\':
		l.code, l.cure = "illegal_escape", `\\`
		var finished bool
		if l.length, finished = brokenEscape(text); finished {
			l.message = "'" + inLine(text[:l.length]) + "' is an illegal JQL escape sequence. " + validEscapes
		} else {
			l.code, l.message = "unfinished_escape", "The escape sequence has not been completed. "+validEscapes
		}
	case strings.ContainsRune(curlyQuotes, r):
		l.code, l.cure = "typographic_quote", `"`
		l.message = fmt.Sprintf("There is a typographic quotation mark, '%c', here. Write \" instead, or surround the text in such marks.", r)
	case blankNames[r] != "":
		l.code, l.cure = "blank", " "
		advice := "Put an ordinary space instead"
		if r == 0xfeff || r == 0x200b || r == 0x2060 {
			l.cure, advice = "", "It cannot be seen; remove it"
		}
		l.message = fmt.Sprintf("There is %s (%s) here. %s, or surround the text in quotation marks.", blankNames[r], codePoint(r), advice)
	case charClasses[text[0]] == classReserved:
		l.code = "reserved_character"
		l.message = fmt.Sprintf("The character '%c' is a reserved JQL character. You must enclose it in a string or use the escape '%s' instead.", r, l.cure)
	default:
		l.code = "illegal_character"
		l.message = fmt.Sprintf("The character '%s' must be escaped. Use the escape '%s' instead.", characterName(r), l.cure)
	}
	return l
}

// brokenEscape returns the length of the bad escape at the beginning of text,
// the wrong character included, and whether there is one before the text ends.
func brokenEscape(text string) (int, bool) {
	i := 1
	if strings.HasPrefix(text, `\u`) {
		for i = 2; i < len(text) && strings.IndexByte("0123456789abcdefABCDEF", text[i]) >= 0; {
			i++
		}
	}
	if i == len(text) {
		return i, false
	}
	_, n := utf8.DecodeRuneInString(text[i:])
	return i + n, true
}

func codePoint(r rune) string { return fmt.Sprintf("U+%04X", r) }

func characterName(r rune) string {
	if r == '\t' {
		return "TAB"
	}
	return codePoint(r)
}
