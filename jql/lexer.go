package jql

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A tokenKind says what a token is.
type tokenKind uint8

const (
	tokEnd    tokenKind = iota // the end of the text
	tokString                  // a bare word or a quoted string
	tokNumber                  // digits, perhaps after a minus
	tokParam                   // a ? in a template of Bind

	tokOpen         // (
	tokClose        // )
	tokComma        // ,
	tokOpenBracket  // [
	tokCloseBracket // ]
	tokBang         // !
	tokEquals       // =
	tokNotEquals    // !=
	tokLess         // <
	tokLessEquals   // <=
	tokGreater      // >
	tokGreaterEq    // >=
	tokLike         // ~
	tokNotLike      // !~

	tokIn
	tokIs
	tokAnd // and & &&
	tokOr  // or | ||
	tokNot
	tokEmpty // empty null
	tokWas
	tokChanged
	tokBefore
	tokAfter
	tokFrom
	tokTo
	tokOn
	tokDuring
	tokOrder
	tokBy
	tokAsc
	tokDesc
	tokCF

	// The kinds from here on are errors nearly wherever they stand.
	tokReserved     // a reserved word
	tokReservedChar // a character kept for later
	tokIllegalChar  // a control character outside or inside of quotes
	tokBadEscape    // a backslash that begins no escape, outside or inside of quotes
	tokOpenQuote    // a quoted string without an end
	tokBlank        // a blank that the language does not know
	tokInvalid      // bytes that are not UTF-8
)

// A token is a piece of the text. Its text is text[start:end].
type token struct {
	kind       tokenKind
	quoted     bool // in quotes
	escaped    bool // contains an escape
	start, end int
	bad        int // where the trouble is in a token that is an error
}

// A charClass says what a byte may begin or continue outside of quotes.
type charClass uint8

const (
	classWord charClass = iota
	classBlank
	classBackslash
	classQuote
	classPunct
	classReserved
	classIllegal
	classHigh // the first byte of a character beyond ASCII, or a broken one
)

var charClasses = classify()

func classify() (classes [256]charClass) {
	for c := range classes {
		switch {
		case c >= utf8.RuneSelf:
			classes[c] = classHigh
		case strings.IndexByte(" \t\r\n", byte(c)) >= 0:
			classes[c] = classBlank
		case c < ' ' || c == 0x7f:
			classes[c] = classIllegal
		case c == '\\':
			classes[c] = classBackslash
		case c == '"' || c == '\'':
			classes[c] = classQuote
		case strings.IndexByte("=!<>()~,[]|&", byte(c)) >= 0:
			classes[c] = classPunct
		case strings.IndexByte("{}*/%+^$#@?;", byte(c)) >= 0:
			classes[c] = classReserved
		}
	}
	return classes
}

// illegalRune reports whether a character beyond ASCII must always be escaped.
func illegalRune(r rune) bool {
	return r <= 0x9f || r >= 0xfdd0 && r <= 0xfdef || r == 0xfffe || r == 0xffff
}

// blankNames are the characters that look like a blank, or like nothing, but
// are letters to Jira. A name that contains one by accident is never found.
var blankNames = map[rune]string{
	0x00a0: "a no-break space", 0x1680: "an Ogham space", 0x2000: "an en quad", 0x2001: "an em quad",
	0x2002: "an en space", 0x2003: "an em space", 0x2004: "a three-per-em space", 0x2005: "a four-per-em space",
	0x2006: "a six-per-em space", 0x2007: "a figure space", 0x2008: "a punctuation space", 0x2009: "a thin space",
	0x200a: "a hair space", 0x200b: "a zero width space", 0x2028: "a line separator", 0x2029: "a paragraph separator",
	0x202f: "a narrow no-break space", 0x205f: "a mathematical space", 0x2060: "a word joiner",
	0x3000: "an ideographic space", 0xfeff: "a byte order mark",
}

// curlyQuotes are the quotation marks of word processors, which are letters to Jira.
const curlyQuotes = "\u201c\u201d\u201e\u2018"

// oddBlank reports whether r is one of blankNames or curlyQuotes.
func oddBlank(r rune) bool {
	switch {
	case r == 0x00a0 || r == 0x3000 || r == 0xfeff || r == 0x1680:
		return true
	case r < 0x2000 || r > 0x2060:
		return false
	}
	return blankNames[r] != "" || strings.ContainsRune(curlyQuotes, r)
}

// A lexer cuts a text into tokens, one at a time.
type lexer struct {
	text  string
	jira  bool // in the jira dialect
	bind  bool // a ? is a parameter
	token token
}

// next moves to the next token. At the end of the text it stays there.
func (l *lexer) next() {
	text, i := l.text, l.token.end
	for i < len(text) && charClasses[text[i]] == classBlank {
		i++
	}
	if i == len(text) {
		l.token = token{kind: tokEnd, start: i, end: i}
		return
	}
	switch charClasses[text[i]] {
	case classPunct:
		kind, n := punctuation(text[i:])
		l.token = token{kind: kind, start: i, end: i + n}
	case classQuote:
		l.quotedString(i)
	case classReserved:
		kind := tokReservedChar
		if l.bind && text[i] == '?' {
			kind = tokParam
		}
		l.token = token{kind: kind, start: i, end: i + 1, bad: i}
	case classIllegal:
		l.token = token{kind: tokIllegalChar, start: i, end: i + 1, bad: i}
	default:
		l.word(i)
	}
}

// punctuation returns the kind and the length of the sign that text begins with.
func punctuation(text string) (tokenKind, int) {
	follows := func(c byte) bool { return len(text) > 1 && text[1] == c }
	switch text[0] {
	case '(':
		return tokOpen, 1
	case ')':
		return tokClose, 1
	case ',':
		return tokComma, 1
	case '[':
		return tokOpenBracket, 1
	case ']':
		return tokCloseBracket, 1
	case '=':
		return tokEquals, 1
	case '~':
		return tokLike, 1
	case '!':
		if follows('=') {
			return tokNotEquals, 2
		}
		if follows('~') {
			return tokNotLike, 2
		}
		return tokBang, 1
	case '<':
		if follows('=') {
			return tokLessEquals, 2
		}
		return tokLess, 1
	case '>':
		if follows('=') {
			return tokGreaterEq, 2
		}
		return tokGreater, 1
	case '&':
		if follows('&') {
			return tokAnd, 2
		}
		return tokAnd, 1
	}
	if follows('|') {
		return tokOr, 2
	}
	return tokOr, 1
}

// word reads the bare word that begins at start, or the character there that
// cannot begin one.
func (l *lexer) word(start int) {
	text, i, escaped := l.text, start, false
scan:
	for i < len(text) {
		switch charClasses[text[i]] {
		case classWord:
			i++
		case classBackslash:
			n := escapeLen(text[i:])
			if n == 0 {
				break scan
			}
			escaped = true
			i += n
		case classHigh:
			n := l.wordRune(text[i:])
			if n == 0 {
				break scan
			}
			i += n
		default:
			break scan
		}
	}
	if i == start {
		l.badCharacter(start)
		return
	}
	l.token = token{kind: tokString, escaped: escaped, start: start, end: i}
	if escaped {
		return
	}
	if c := text[start]; c <= '9' && isNumber(text[start:i]) {
		l.token.kind = tokNumber
	} else if c >= 'A' {
		l.token.kind = wordKind(text[start:i])
	}
}

// wordRune returns the length of the character beyond ASCII that text begins
// with, and 0 if it may not stand in a bare word.
func (l *lexer) wordRune(text string) int {
	r, n := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && n == 1 || illegalRune(r) || !l.jira && oddBlank(r) {
		return 0
	}
	return n
}

// badCharacter makes the character at i, which begins no token, an error.
func (l *lexer) badCharacter(i int) {
	r, n := utf8.DecodeRuneInString(l.text[i:])
	kind := tokIllegalChar
	switch {
	case r == '\\':
		kind = tokBadEscape
	case r == utf8.RuneError && n == 1:
		kind = tokInvalid
	case !illegalRune(r):
		kind = tokBlank
	}
	l.token = token{kind: kind, start: i, end: i + n, bad: i}
}

// quotedString reads the string in quotes that begins at start.
func (l *lexer) quotedString(start int) {
	text, quote, escaped := l.text, l.text[start], false
	for i := start + 1; i < len(text); {
		c := text[i]
		if c == quote {
			l.token = token{kind: tokString, quoted: true, escaped: escaped, start: start, end: i + 1}
			return
		}
		n := 1
		switch {
		case c == '\\':
			if n = escapeLen(text[i:]); n == 0 {
				l.token = token{kind: tokBadEscape, quoted: true, start: start, end: i + 1, bad: i}
				return
			}
			escaped = true
		case c < ' ' && c != '\n' && c != '\r' || c == 0x7f:
			l.token = token{kind: tokIllegalChar, quoted: true, start: start, end: i + 1, bad: i}
			return
		case c >= utf8.RuneSelf:
			var r rune
			r, n = utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 {
				l.token = token{kind: tokInvalid, quoted: true, start: start, end: i + 1, bad: i}
				return
			}
			if illegalRune(r) {
				l.token = token{kind: tokIllegalChar, quoted: true, start: start, end: i + n, bad: i}
				return
			}
		}
		i += n
	}
	l.token = token{kind: tokOpenQuote, quoted: true, start: start, end: len(text), bad: start}
}

// escapeLen returns the length of the escape that text begins with, and 0 if
// its backslash begins none.
func escapeLen(text string) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case 't', 'n', 'r', '"', '\'', '\\', ' ':
		return 2
	case 'u':
		if _, ok := hex4(text[2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads four hexadecimal digits.
func hex4(text string) (rune, bool) {
	if len(text) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// isNumber reports whether text is a whole number: digits, perhaps after a minus.
func isNumber(text string) bool {
	if len(text) > 1 && text[0] == '-' {
		text = text[1:]
	}
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// decode returns what a word or a quoted string stands for.
func decode(text string, quoted, escaped bool) string {
	if quoted {
		text = text[1 : len(text)-1]
	}
	if !escaped {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for {
		i := strings.IndexByte(text, '\\')
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		r, n := unescape(text[i:])
		b.WriteRune(r)
		text = text[i+n:]
	}
}

// unescape returns the character that the escape at the beginning of text
// stands for, and its length. Two escapes that are the halves of a surrogate
// pair are one character; a single half is U+FFFD.
func unescape(text string) (rune, int) {
	switch text[1] {
	case 't':
		return '\t', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 'u':
		r, _ := hex4(text[2:])
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
			low, _ := hex4(text[8:])
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return utf8.RuneError, 6
	}
	return rune(text[1]), 2
}
