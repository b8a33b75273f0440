package fhir

import "strings"

// Nearest returns the name that is most like what was written, or "" if none is. It is for "did you mean".
func Nearest(written string, names []string) string {
	if len(written) > 64 {
		return ""
	}
	best, limit := "", (len(written)+2)/3
	for _, name := range names {
		if d := distance(strings.ToLower(written), strings.ToLower(name), limit); d < limit || d == limit && best == "" {
			best, limit = name, d
		}
	}
	return best
}

// distance counts the bytes to insert, drop or change. It gives up above the limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	prev, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j]+cost, prev[j+1]+1, row[j]+1)
		}
		prev, row = row, prev
	}
	return prev[len(b)]
}
