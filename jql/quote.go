package jql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Quote returns s as a quoted string that reads as s again, in both dialects
// and wherever a value, a field name or an argument may stand. Nothing in s
// can end the string. Characters that cannot be seen, such as controls and
// byte order marks, are escaped. Bytes that are not UTF-8 become U+FFFD.
func Quote(s string) string {
	return string(appendQuoted(make([]byte, 0, len(s)+2), s))
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r >= 0x7f && r <= 0xffff && unseen(r):
			b = append(b, escape(r)...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// PlainText returns the operand of ~ that finds the words of s and takes
// nothing in it for the language of text searches: no quotation marks,
// wildcards, signs or connectives. It is for the text of a search box, as in
//
//	Bind("notes ~ ?", PlainText(typed))
func PlainText(s string) string {
	words := strings.Fields(s)
	for i, word := range words {
		var b strings.Builder
		if word == "AND" || word == "OR" || word == "NOT" {
			b.WriteByte('\\')
		}
		for _, c := range word {
			if strings.ContainsRune(`\"()*?~^+-!&|`, c) {
				b.WriteByte('\\')
			}
			b.WriteRune(c)
		}
		words[i] = b.String()
	}
	return strings.Join(words, " ")
}

// escape returns the shortest escape of a character of the basic plane.
func escape(r rune) string {
	switch r {
	case '\t':
		return `\t`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// unseen reports whether a character beyond ASCII is better escaped: it must
// be, or it could be taken for a blank or for nothing.
func unseen(r rune) bool { return illegalRune(r) || oddBlank(r) || unshown(r) }

// needsQuotes reports whether s has to stand in quotes to be read as a string
// in both dialects. A number does not, but then it is no string.
func needsQuotes(s string) bool {
	if s == "" || wordKind(s) != tokString {
		return true
	}
	for i := 0; i < len(s); {
		switch charClasses[s[i]] {
		case classWord:
			i++
		case classHigh:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 || unseen(r) {
				return true
			}
			i += n
		default:
			return true
		}
	}
	return false
}

// appendString appends s as a string: bare where that is possible.
func appendString(b []byte, s string) []byte {
	if needsQuotes(s) || isNumber(s) {
		return appendQuoted(b, s)
	}
	return append(b, s...)
}

// shorten cuts text to a length that can be shown in a message.
func shorten(text string) string {
	const most = 60
	count := 0
	for i := range text {
		if count == most {
			return text[:i] + "…"
		}
		count++
	}
	return text
}

// inLine returns text with its control characters escaped, so that it stays in
// one line.
func inLine(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unshown(r) {
			b.WriteString(escape(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
