package eval_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A typical record: all three clauses of the benchmark look at it.
const typical = `{"status": "COMPLETED", "age": 34, "date": "2024-03-15T10:00:00Z", "sex": "Female",
	"notes": "Patient has High Fever and cough since Monday, Paracetamol 500mg was given twice a day"}`

var three = and(terms("status", "COMPLETED"), between("age", "[18", "60)"), between("date", "[2024-01-01", "2025-01-01)"))

func tenThousand(path, form string) plan.Node {
	var texts []string
	for i := range 10_000 {
		texts = append(texts, fmt.Sprintf(form, i))
	}
	return terms(path, texts...)
}

var benchmarks = []struct {
	name string
	node plan.Node
	doc  string
}{
	{"three clauses", three, typical},
	{"not equal", and(exists("status"), not(terms("status", "NEW"))), typical},
	{"any case", terms("sex", "female"), typical},
	{"words", text(plan.Words, "fever paracetamol"), typical},
	{"phrase", text(plan.Phrase, "twice a day"), typical},
	{"prefix", text(plan.Prefix, "day"), typical},
	{"wildcard", text(plan.Wildcard, "d*y"), typical},
	{"fuzzy", text(plan.Fuzzy, "paracetomal"), typical},
	{"10000 strings", tenThousand("status", "PATIENT-%06d"), `{"status": "PATIENT-005000"}`},
	{"10000 numbers", tenThousand("age", "%d"), `{"age": 5000}`},
	{"was", was(states("OPEN"), during("2024-04-01", "2024-04-02"), "ana"), story},
	{"was a number", plan.Was{Field: field("age"), History: schema.History(field("age")), Held: plan.States{Values: values(field("age"), "13")}}, story},
}

func BenchmarkMatch(b *testing.B) {
	for _, c := range benchmarks {
		b.Run(c.name, func(b *testing.B) {
			m, r := compile(b, c.node), read(b, c.doc)
			b.ReportAllocs()
			for b.Loop() {
				m.Match(r)
			}
		})
	}
}

// TestNoAllocation holds that no record costs an allocation once a matcher is warm.
func TestNoAllocation(t *testing.T) {
	for _, c := range benchmarks {
		m, r := compile(t, c.node), read(t, c.doc)
		require.True(t, m.Match(r), c.name)
		require.Zero(t, testing.AllocsPerRun(100, func() { m.Match(r) }), c.name)
	}
	o, a, b := by(t, "-date", "status", "_id"), read(t, typical), read(t, typical)
	require.Zero(t, testing.AllocsPerRun(100, func() { o.Compare(a, b) }))
}

func BenchmarkCompare(b *testing.B) {
	for name, o := range map[string][]string{"date": {"-date", "_id"}, "string": {"status", "_id"}} {
		b.Run(name, func(b *testing.B) {
			order, x, y := by(b, o...), read(b, typical), read(b, typical)
			y.ID = "doc-2"
			b.ReportAllocs()
			for b.Loop() {
				order.Compare(x, y)
			}
		})
	}
}

func BenchmarkMatchNaive(b *testing.B) {
	r := read(b, typical)
	b.ReportAllocs()
	for b.Loop() {
		naive(three, r)
	}
}

func BenchmarkRead(b *testing.B) {
	d, doc := record.NewDecoder(projection), []byte(typical)
	var r record.Record
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, d.Decode(doc, &r))
	}
}
