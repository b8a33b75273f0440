package jql

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listQuery asks for n values.
func listQuery(n int) string {
	var b strings.Builder
	b.WriteString("id IN (")
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("p-" + strconv.Itoa(10_000+i))
	}
	b.WriteString(")")
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"typical", `status = open AND diagnosis ~ malaria`},
		{"two-clauses", "status = open AND age >= 60"},
		{"clause", "age >= 60"},
		{"order", `age >= 60 AND (district = "North East" OR facility IN (a, b)) ORDER BY age DESC`},
		{"list-4k", listQuery(4096)},
		{"list-64k", listQuery(65_536)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				if _, err := Parse(c.text, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseCorpus reads the queries of the recorded reference, good and
// bad. One operation is one query.
func BenchmarkParseCorpus(b *testing.B) {
	var valid, all []string
	readReference(b, func(a *refAnswer) {
		all = append(all, a.Query)
		if a.OK {
			valid = append(valid, a.Query)
		}
	})
	for name, queries := range map[string][]string{"valid": valid, "all": all} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, _ = Parse(queries[i%len(queries)], nil)
			}
		})
	}
}

func BenchmarkString(b *testing.B) {
	q, err := Parse("status = open AND diagnosis ~ malaria", nil)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_ = q.String()
	}
}

// BenchmarkLinear reports for each part of the language that may be long how
// many times as long ten times the text takes. x_for_10x is near 10 where the
// time grows with the text, and up to 30 where most of the time goes into
// fresh memory for large nodes, which the small text hardly needs. It would be
// near 100 if the time grew with the square.
func BenchmarkLinear(b *testing.B) {
	opts := &ParseOptions{MaxLength: 1 << 30, MaxNodes: 1 << 30}
	for _, c := range []struct {
		name string
		text func(n int) string
	}{
		{"list", listQuery},
		{"chain", func(n int) string { return "a = 1" + strings.Repeat(" and b = 2", n) }},
		{"mixed", func(n int) string { return "a = 1" + strings.Repeat(" and (b = 2 or c in (1,2))", n) }},
		{"sort", func(n int) string { return "order by a" + strings.Repeat(",b", n) }},
		{"history", func(n int) string { return "a changed" + strings.Repeat(" by x", n) }},
		{"path", func(n int) string { return "a[b]" + strings.Repeat(" .x", n) + " = 1" }},
		{"escapes", func(n int) string { return `a = "` + strings.Repeat(`\u0041`, n) + `"` }},
		{"error", func(n int) string { return strings.Repeat("a = 1\nand ", n) + "date date" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			small, large := c.text(5_000), c.text(50_000)
			var spent [2]time.Duration
			for b.Loop() {
				for i, text := range []string{small, large} {
					began := time.Now()
					_, _ = Parse(text, opts)
					spent[i] += time.Since(began)
				}
			}
			b.ReportMetric(float64(spent[1])/float64(spent[0]), "x_for_10x")
		})
	}
}
