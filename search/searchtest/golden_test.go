package searchtest

import (
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGolden holds the answers of package eval to those in testdata/golden.txt:
// of each query how many records, the IDs of the first in their order, and a hash
// of all; or why the language refuses it.
func TestGolden(t *testing.T) {
	t.Parallel()
	c := newCorpus(t, "corpus", nil)
	var b strings.Builder
	plans, refused := 0, 0
	for _, q := range allQueries(t) {
		p, code, err := q.resolve(c.schema)
		require.NoError(t, err)
		if p == nil {
			refused++
			fmt.Fprintf(&b, "%q\n\trefused %s\n", q, code)
			continue
		}
		plans++
		ids := c.answer(t, p).ids()
		fmt.Fprintf(&b, "%q\n\t%d", q, len(ids))
		hash := fnv.New32a()
		for i, id := range ids {
			hash.Write(strconv.AppendQuote(nil, id))
			if i < 6 {
				fmt.Fprintf(&b, " %.12q", id)
			}
		}
		fmt.Fprintf(&b, " #%08x\n", hash.Sum32())
	}
	require.GreaterOrEqual(t, plans, 500)
	got := fmt.Sprintf("%d queries, of which the language refuses %d, over %d documents\n%s", plans+refused, refused, len(c.records), &b)
	if *update {
		require.NoError(t, os.WriteFile("testdata/golden.txt", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/golden.txt")
	require.NoError(t, err)
	if string(want) != got {
		t.Error(firstDifference(string(want), got))
	}
}

// firstDifference returns the first lines that differ, and the line before.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\n%s\nwant %s\ngot  %s", i+1, w[max(i-1, 0)], w[i], g[i])
		}
	}
	return fmt.Sprintf("want %d lines, got %d", len(w), len(g))
}
