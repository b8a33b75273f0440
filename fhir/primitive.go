package fhir

import (
	"strings"
	"unicode/utf8"
)

// CheckPrimitive returns what R4 expects of a primitive type where text, which is how a value stands in JSON without
// its quotes, is none; "" if it is one.
func CheckPrimitive(primitive, text string) string {
	if text == "" {
		return "a text that is not empty"
	}
	rule, ok := primitiveRules[primitive]
	if !ok || rule.ok(text) {
		return ""
	}
	return rule.expected
}

// primitiveRules are the primitive types whose values are not just any text.
var primitiveRules = map[string]struct {
	ok       func(string) bool
	expected string
}{
	"base64Binary": {isBase64, "base64"},
	"boolean":      {func(s string) bool { return s == "true" || s == "false" }, "true or false"},
	"canonical":    {isURI, "a URI"},
	"code":         {isCode, "a code, without blanks around or beside each other"},
	"date":         {isDate, "a date: YYYY, YYYY-MM or YYYY-MM-DD"},
	"dateTime":     {func(s string) bool { return isDate(s) || isInstant(s) }, "a date, or a time with its zone: YYYY-MM-DDThh:mm:ss+zz:zz"},
	"decimal":      {IsNumber, "a number"},
	"id":           {IsID, "an id: up to 64 of A-Z a-z 0-9 - ."},
	"instant":      {isInstant, "a time with its zone: YYYY-MM-DDThh:mm:ss+zz:zz"},
	"integer":      {func(s string) bool { return isInteger(s, -1<<31) }, "a whole number of 32 bits"},
	"markdown":     {isString, "text without control characters"},
	"oid":          {func(s string) bool { return strings.HasPrefix(s, "urn:oid:") && isURI(s) }, "a URI urn:oid:…"},
	"positiveInt":  {func(s string) bool { return isInteger(s, 1) }, "a whole number from 1 on"},
	"string":       {isString, "text without control characters"},
	"time":         {isTime, "a time of day: hh:mm:ss"},
	"unsignedInt":  {func(s string) bool { return isInteger(s, 0) }, "a whole number from 0 on"},
	"uri":          {isURI, "a URI"},
	"url":          {isURI, "a URL"},
	"uuid":         {func(s string) bool { return strings.HasPrefix(s, "urn:uuid:") && len(s) == 45 }, "a URI urn:uuid:…"},
}

// IsID reports whether s is an id as R4 has it.
func IsID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isString(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return strings.TrimSpace(s) != "" && utf8.ValidString(s)
}

func isCode(s string) bool {
	blank := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == ' ' && blank {
			return false
		}
		blank = c == ' '
	}
	return !blank && utf8.ValidString(s)
}

func isURI(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0xA0 || r == utf8.RuneError })
}

func isBase64(s string) bool {
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '+' || c == '/':
			n++
		case c == '=' && i >= len(s)-2:
			n++
		default:
			return false
		}
	}
	return n%4 == 0
}

// IsNumber reports whether s is a number as JSON has it, which is a decimal of R4.
func IsNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	n := digits(s)
	if n == 0 || n > 1 && s[0] == '0' {
		return false
	}
	s = s[n:]
	if strings.HasPrefix(s, ".") {
		n := digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		return s != "" && digits(s) == len(s)
	}
	return s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// isInteger reports whether s is a whole number of 32 bits that is not below least.
func isInteger(s string, least int64) bool {
	unsigned, negative := strings.CutPrefix(s, "-")
	n := digits(unsigned)
	if n == 0 || n > 10 || n != len(unsigned) || n > 1 && unsigned[0] == '0' {
		return false
	}
	var v int64
	for i := range n {
		v = v*10 + int64(unsigned[i]-'0')
	}
	if negative {
		v = -v
	}
	return v >= least && v < 1<<31 && (v != 0 || !negative)
}

// number reads the n digits at the beginning of s; -1 if they are not there.
func number(s string, n int) int {
	if len(s) < n || digits(s[:n]) != n {
		return -1
	}
	v := 0
	for i := range n {
		v = v*10 + int(s[i]-'0')
	}
	return v
}

func isDate(s string) bool {
	year := number(s, 4)
	if year < 1 || len(s) != 4 && len(s) != 7 && len(s) != 10 {
		return false
	}
	if len(s) == 4 {
		return true
	}
	month := number(s[5:], 2)
	if s[4] != '-' || month < 1 || month > 12 {
		return false
	}
	if len(s) == 7 {
		return true
	}
	day := number(s[8:], 2)
	return s[7] == '-' && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func isInstant(s string) bool {
	if len(s) < 20 || !isDate(s[:10]) || s[10] != 'T' {
		return false
	}
	zone := strings.IndexAny(s[11:], "Z+-")
	if zone < 0 || !isTime(s[11:11+zone]) {
		return false
	}
	s = s[11+zone:]
	if s == "Z" {
		return true
	}
	hour, minute := number(s[1:], 2), -1
	if len(s) == 6 && s[3] == ':' {
		minute = number(s[4:], 2)
	}
	return hour >= 0 && minute >= 0 && minute < 60 && (hour < 14 || hour == 14 && minute == 0)
}

func isTime(s string) bool {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return false
	}
	hour, minute, second := number(s, 2), number(s[3:], 2), number(s[6:], 2)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return false
	}
	return len(s) == 8 || s[8] == '.' && len(s) > 9 && digits(s[9:]) == len(s)-9
}
