// Package nearest finds the name that was meant, for "did you mean": of those that there are, the one to which the fewest letters lead
// that are inserted, dropped, changed or exchanged with their neighbour, without regard to case.
package nearest

import "strings"

// mostLetters bounds, in bytes, what is compared: nobody mistypes more than that.
const mostLetters = 128

// A Name collects the best of the names that are offered to it.
type Name struct {
	want  []rune
	limit int
	best  string
	rows  [3][]int
}

// To returns a Name for what was written, from which at most limit letters may differ. What is empty or too long is like nothing.
func To(written string, limit int) *Name {
	n := &Name{limit: limit}
	if len(written) <= mostLetters {
		n.want = []rune(strings.ToLower(written))
	}
	return n
}

// Of returns the first of the names that are most like what was written, or "".
func Of(written string, limit int, names []string) string {
	n := To(written, limit)
	for _, name := range names {
		n.Offer(name, name)
	}
	return n.Best()
}

// Best returns the answer of the best name so far, or "".
func (n *Name) Best() string { return n.best }

// Offer considers a name, which stands for an answer.
func (n *Name) Offer(name, answer string) {
	if name == "" || len(name) > 2*mostLetters || len(n.want) == 0 {
		return
	}
	d := n.distance([]rune(strings.ToLower(name)))
	if d < n.limit || d == n.limit && n.best == "" {
		n.best, n.limit = answer, d
	}
}

// distance counts the letters to insert, drop, change or exchange with their
// neighbour. It gives up above the limit.
func (n *Name) distance(b []rune) int {
	a := n.want
	if d := len(a) - len(b); d > n.limit || -d > n.limit {
		return n.limit + 1
	}
	for i := range n.rows {
		if len(n.rows[i]) <= len(b) {
			n.rows[i] = make([]int, len(b)+1)
		}
	}
	before, prev, row := n.rows[0], n.rows[1], n.rows[2]
	for j := 0; j <= len(b); j++ {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
