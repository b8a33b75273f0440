package jql

import (
	"strconv"
	"strings"
)

// quoted puts a name or value in quotation marks for a message, cut short where it is long.
func quoted(s string) string { return strconv.Quote(shorten(s)) }

// utf16Len is the length of s in UTF-16 units.
func utf16Len(s string) int {
	n := 0
	for _, c := range s {
		n++
		if c > 0xFFFF {
			n++
		}
	}
	return n
}

// spanText is the text that a span covers; empty for a built query.
func (q *Query) spanText(s Span) string {
	if s.Start < 0 || s.End > len(q.Text) || s.Start >= s.End {
		return ""
	}
	return q.Text[s.Start:s.End]
}

// textOf is an operand as it is written, or would be.
func (q *Query) textOf(o *Operand) string {
	if text := q.spanText(o.Span); text != "" {
		return text
	}
	if o.Kind == FunctionOperand {
		return o.Text + "()"
	}
	return o.Text
}

// bareText is a name or a string as it stands in a query: in quotes where it has to be.
func bareText(s string) string { return string(appendString(nil, s)) }

// nearest returns the candidate that is closest to name, without regard to
// case, or an empty string if none is close.
func nearest(name string, candidates []string) string {
	best, least := "", len(name)/3+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c), least); d <= least && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// distance counts the changes that turn a into b, as far as they do not exceed most.
func distance(a, b string, most int) int {
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := corner
			if a[i-1] != b[j-1] {
				cost = 1 + min(corner, row[j], row[j-1])
			}
			corner, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
