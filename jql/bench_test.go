package jql

import (
	"strconv"
	"strings"
	"testing"

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
