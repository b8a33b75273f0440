package searchtest

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// paging checks that parts of an answer are parts of the whole, in the same order: behind
// any record by its sort keys, behind keys that no record has, with any offset and limit.
func (s *suite) paging(t tb) {
	v := s.judge(t)
	defer v.close()
	columns := s.projections(t)
	var chosen []question
	for i, q := range s.questions(t) {
		if i%37 == 0 || strings.Contains(q.text, "ORDER BY") && i%2 == 0 {
			chosen = append(chosen, q)
		}
	}
	side(tenth(chosen), func(i int, q question) {
		want, err := s.corpus.ask(q.plan)
		if err != nil {
			v.wrong("%s: %v", q, err)
			return
		}
		p := pager{s, v, q, want, columns[i%len(columns)], rand.New(rand.NewPCG(uint64(i), 7))}
		p.positions(t)
		p.skips(t)
		p.between(t)
		if i%5 == 0 {
			p.pages(t, max(1+p.IntN(300), len(want.records)/8))
		}
		if n := len(want.records); n > 0 && n <= 12 {
			p.pages(t, 1)
		}
	})
}

// A pager pages through one answer.
type pager struct {
	s       *suite
	v       *verdict
	q       question
	want    *answer
	columns *record.Projection
	*rand.Rand
}

func (p *pager) read(t tb, r search.Read, start int) {
	r.Plan, r.Columns = p.q.plan, p.columns
	p.s.checkRead(t, p.v, p.q, p.want, &r, start)
}

// positions goes on behind the first, the last and other records.
func (p *pager) positions(t tb) {
	n := len(p.want.records)
	if n == 0 {
		return
	}
	for _, at := range []int{[]int{0, n - 1}[p.IntN(2)], p.IntN(n)} {
		keys := p.want.after(p.want.records[at])
		limit := []int{0, 1, 10}[p.IntN(3)]
		if p.IntN(2) == 0 {
			keys = bare(keys)
		}
		p.read(t, search.Read{After: keys, Limit: limit}, at+1)
	}
}

// skips leaves records out at first.
func (p *pager) skips(t tb) {
	n := len(p.want.records)
	skip, limit := p.IntN(n+2), 1+p.IntN(20)
	p.read(t, search.Read{Skip: skip, Limit: limit}, skip)
	p.read(t, search.Read{Skip: skip}, skip)
	if n > 2 {
		at := p.IntN(n - 1)
		p.read(t, search.Read{After: p.want.after(p.want.records[at]), Skip: 1, Limit: limit}, at+2)
	}
}

// between goes on behind keys that no record has: those of a record that has gone.
func (p *pager) between(t tb) {
	n := len(p.want.records)
	if n == 0 {
		return
	}
	keys := bare(p.want.after(p.want.records[p.IntN(n)]))
	last := &keys[len(keys)-1]
	if last.Kind() != record.String {
		return
	}
	*last = record.StringValue(last.Text() + "!gone")
	order := p.q.plan.Order
	start, _ := slices.BinarySearchFunc(p.want.records, keys, func(r *record.Record, keys []record.Value) int {
		return eval.CompareKeys(order, p.want.after(r), keys)
	})
	p.read(t, search.Read{After: keys, Limit: 5}, start)
}

// pages goes through the whole answer.
func (p *pager) pages(t tb, size int) {
	for start := 0; start <= len(p.want.records); start += size {
		r := search.Read{Limit: size}
		if start > 0 {
			r.After = p.want.after(p.want.records[start-1])
		}
		p.read(t, r, start)
	}
}

// bare returns values without the texts that they were written as, as those that
// come out of a page token.
func bare(values []record.Value) []record.Value {
	out := slices.Clone(values)
	for i, v := range out {
		switch v.Kind() {
		case record.Bool:
			out[i] = record.BoolValue(v.Bool())
		case record.Int:
			out[i] = record.IntValue(v.Int())
		case record.Uint:
			out[i] = record.UintValue(v.Uint())
		case record.Float:
			out[i] = record.FloatValue(v.Float())
		case record.Time:
			out[i] = record.TimeValue(v.Time())
		}
	}
	return out
}
