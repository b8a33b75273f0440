package searchtest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const (
	randomRounds    = 3   // indexes of random documents
	randomDocuments = 80  // of one of them
	randomPlans     = 160 // asked of each, and of the corpus
	randomTables    = 40
)

// random draws plans and aggregations at random and asks them of the corpus, and of indexes
// of documents that are drawn at random as well.
func (s *suite) random(t tb) {
	seed := s.Seed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%s: random documents and questions of Harness.Seed %d", s.Engine, seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	s.randomRound(t, s.corpus, draw)
	for round := range randomRounds {
		if s.loader == nil {
			return
		}
		c := s.randomCorpus(t, fmt.Sprintf("%srandom-%d", s.Prefix, round), draw)
		s.create(t, c.schema)
		s.load(t, c.schema, func(yield func(*record.Record) bool) {
			for _, r := range c.records {
				if !yield(r) {
					return
				}
			}
		})
		s.randomRound(t, c, draw)
	}
}

// randomCorpus draws documents.
func (s *suite) randomCorpus(t tb, index string, draw *rand.Rand) *corpus {
	t.Helper()
	mapping, absent, err := adapt(smallMapping, s.Types)
	require.NoError(t, err)
	schema, err := record.ParseSchema(index, mapping)
	require.NoError(t, err)
	c := &corpus{schema: schema, absent: absent, projection: everything(t, schema, "flat.a", "flat.b", "flat.c.d")}
	_, late := s.Types[".stamp"]
	for i := range randomDocuments {
		doc := smallDocument.Example(draw.Int())
		for late && early.MatchString(doc) {
			doc = smallDocument.Example(draw.Int())
		}
		c.add(t, fmt.Sprintf("r%02d", i), []byte(doc))
	}
	return c
}

// early is milliseconds before 1970, which a server that takes not all values of field stamp takes in no date.
var early = regexp.MustCompile(`-\d{11,13}\b`)

// randomRound asks random questions of one index.
func (s *suite) randomRound(t tb, c *corpus, draw *rand.Rand) {
	v := s.judge(t)
	defer v.close()
	d := newDrawer(c)
	plans := rapid.Custom(d.plan)
	var all []*plan.Plan
	for range randomPlans {
		all = append(all, plans.Example(draw.Int()))
	}
	columns, err := c.schema.Project("_id")
	require.NoError(t, err)
	side(tenth(all), func(_ int, p *plan.Plan) {
		s.checks.random.Add(1)
		s.checks.all.Add(1)
		if diff := s.differPlan(t, c, p, columns); diff != "" {
			p, diff = s.simplest(t, c, p, columns, diff)
			v.wrong("%s\n%s", indent(p), diff)
		}
	})
	tables := rapid.Custom(d.aggregation)
	for range randomTables {
		s.askTablesOf(t, v, c, []*search.Aggregation{tables.Example(draw.Int()), tables.Example(draw.Int())})
	}
}

// differPlan describes how the driver's answer differs; "" if it does not.
func (s *suite) differPlan(t tb, c *corpus, p *plan.Plan, columns *record.Projection) string {
	want, err := c.ask(p)
	if err != nil {
		return err.Error()
	}
	got, err := ids(s.driver.Read(t.Context(), &search.Read{Plan: p, Columns: columns}))
	if err != nil {
		return fmt.Sprintf("read: %v", err)
	}
	if diff := c.differ(want.ids(), got); diff != "" {
		return diff
	}
	n, err := s.driver.Count(t.Context(), p, 0)
	if err != nil || n != int64(len(got)) {
		return fmt.Sprintf("count is %d, want %d: %v", n, len(got), err)
	}
	return ""
}

// simplest looks for a simpler plan that differs as well.
func (s *suite) simplest(t tb, c *corpus, p *plan.Plan, columns *record.Projection, diff string) (*plan.Plan, string) {
	for range 20 {
		found := false
		for _, q := range simpler(p) {
			if d := s.differPlan(t, c, q, columns); d != "" {
				p, diff, found = q, d, true
				break
			}
		}
		if !found {
			break
		}
	}
	return p, diff
}

// simpler returns plans that have a part less than p.
func simpler(p *plan.Plan) (all []*plan.Plan) {
	for i := range len(p.Order) - 1 {
		q := &plan.Plan{Schema: p.Schema, Where: p.Where}
		q.Order = append(append(q.Order, p.Order[:i]...), p.Order[i+1:]...)
		all = append(all, q)
	}
	for _, n := range simplerNodes(p.Where) {
		all = append(all, &plan.Plan{Schema: p.Schema, Where: n, Order: p.Order})
	}
	return all
}

func simplerNodes(n plan.Node) (all []plan.Node) {
	var children []plan.Node
	join := plan.NewAnd
	switch n := n.(type) {
	case plan.And:
		children = n
	case plan.Or:
		children, join = n, plan.NewOr
	case plan.Terms:
		if len(n.Values) > 1 {
			all = append(all, plan.Terms{Field: n.Field, Values: n.Values[:len(n.Values)-1]}, plan.Terms{Field: n.Field, Values: n.Values[1:]})
		}
		return all
	default:
		if _, ok := n.(plan.All); !ok {
			all = append(all, plan.All{})
		}
		return all
	}
	all = append(all, children...)
	for i := range children {
		rest := append(append([]plan.Node{}, children[:i]...), children[i+1:]...)
		all = append(all, join(rest...))
		for _, smaller := range simplerNodes(children[i]) {
			if _, ok := smaller.(plan.All); !ok {
				all = append(all, join(append(rest, smaller)...))
			}
		}
	}
	return all
}

// aggregation draws a question about buckets.
func (d *drawer) aggregation(t *rapid.T) *search.Aggregation {
	a := &search.Aggregation{Plan: d.c.plan(d.node(t, rapid.IntRange(0, 1).Draw(t, "depth")))}
	for range rapid.IntRange(0, 2).Draw(t, "groups") {
		a.Groups = append(a.Groups, d.group(t))
	}
	for range rapid.IntRange(0, 4).Draw(t, "metrics") {
		if m := d.metric(t); (&search.Aggregation{Plan: a.Plan, Metrics: []search.Metric{m}}).Validate() == nil {
			a.Metrics = append(a.Metrics, m)
		}
	}
	a.Limit = rapid.SampledFrom([]int{0, 0, 1, 3, 10}).Draw(t, "limit")
	a.Largest = len(a.Groups) == 1 && rapid.Bool().Draw(t, "largest")
	return a
}

func (d *drawer) group(t *rapid.T) search.Group {
	g := search.Group{Field: rapid.SampledFrom(d.fields).Draw(t, "group"), Missing: rapid.Bool().Draw(t, "missing")}
	more := rapid.Bool().Draw(t, "more")
	switch kind := g.Field.Kind; {
	case kind == record.Time && more:
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			panic(err) // zones are there wherever Go is tested
		}
		g.Calendar = &search.Calendar{
			Unit: rapid.SampledFrom([]string{"hour", "day", "week", "month", "quarter", "year"}).Draw(t, "unit"),
			Zone: zone, WeekStart: time.Weekday(rapid.IntRange(0, 6).Draw(t, "week")),
		}
	case (kind == record.Int || kind == record.Uint || kind == record.Float) && more:
		g.Width = rapid.SampledFrom([]float64{1, 2, 0.5, 1000, 1e9}).Draw(t, "width")
	case kind == record.String && more:
		value := []rune(rapid.SampledFrom(d.values[g.Field]).Draw(t, "prefix").Text())
		g.Prefix = strings.ToValidUTF8(string(value[:min(len(value), rapid.IntRange(1, 2).Draw(t, "length"))]), "")
	}
	return g
}

func (d *drawer) metric(t *rapid.T) search.Metric {
	return search.Metric{
		Op:      rapid.SampledFrom([]string{"count", "sum", "avg", "min", "max", "cardinality", "percentile"}).Draw(t, "metric"),
		Field:   rapid.SampledFrom(d.fields).Draw(t, "measured"),
		Percent: rapid.SampledFrom([]float64{0, 10, 50, 90, 99.9, 100}).Draw(t, "percent"),
	}
}
