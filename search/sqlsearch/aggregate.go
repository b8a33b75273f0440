package sqlsearch

import (
	"context"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// aggregate answers a question about the records that a layout stores. What
// SQL cannot answer exactly is answered from the records that read reads, which
// must be those that q sees.
//
// The database groups by values as they are stored, by codes of a dictionary
// for example. Spans of a calendar and intervals are put together here
// from the groups of single days or values, and codes become strings last of all,
// for those buckets alone that are in the answer.
func aggregate(ctx context.Context, l *sqlgen.Layout, a *search.Aggregation, q querier, read exact.Reader) (*search.Table, error) {
	where, exactly := exact.Narrow(a.Plan.Where, l.Can, nil)
	if exactly {
		s, ok := newSums(l, a, q)
		for ok {
			t, again, err := s.table(ctx)
			if err != nil || !again {
				return t, tooLong(err)
			}
		}
	}
	return exact.Aggregate(ctx, a, where, read)
}

// sums answers one question in SQL.
type sums struct {
	l       *sqlgen.Layout
	a       *search.Aggregation
	q       querier
	groups  []*grouped
	metrics []*measured
	buckets map[[2]atom]*pile // nil if no two rows are of one bucket
	order   []*pile           // the buckets as they were met
	total   int64
	// prunes says that buckets with fewer records than least are not among the
	// largest, and need not be kept; dropped are the records of those that were not.
	prunes         bool
	least, dropped int64
	kept           int // how many were left the last time
}

// A grouped is a group and where its values are.
type grouped struct {
	*search.Group
	column   *sqlgen.Column
	calendar *search.Calendar
	// step is, for instants, the milliseconds that the database puts together.
	step int64
	// The span of the calendar that was met last, in milliseconds.
	start, end int64
}

// A measured is a metric and where its values are.
type measured struct {
	*search.Metric
	column *sqlgen.Column
	// apart says that a statement of its own counts how often each value occurs.
	apart bool
}

// A pile is a bucket in the making.
type pile struct {
	keys    [2]atom
	values  []record.Value // the keys, once they are known
	count   int64
	figures []figure
}

// quarter is what the offsets of all zones of today are multiples of, in milliseconds.
const quarter = 15 * 60 * 1000

// newSums returns what answers a, or false if SQL cannot.
func newSums(l *sqlgen.Layout, a *search.Aggregation, q querier) (*sums, bool) {
	s := &sums{l: l, a: a, q: q}
	injective := true
	for i := range a.Groups {
		g := &grouped{Group: &a.Groups[i], column: s.column(a.Groups[i].Field)}
		if g.column == nil || g.column.Several != nil && !g.injective() {
			return nil, false
		}
		injective = injective && g.injective()
		if g.Calendar != nil {
			g.calendar = g.Calendar.On(g.Field)
			if !g.Field.DateOnly() {
				g.step = quarter
			}
		}
		s.groups = append(s.groups, g)
	}
	for i := range a.Metrics {
		m := &measured{Metric: &a.Metrics[i]}
		if m.Field != nil {
			if m.column = s.column(m.Field); m.column == nil {
				return nil, false
			}
			m.apart = m.Op != "count" && (m.column.Several != nil || m.Op == "percentile" ||
				m.Op == "cardinality" && (!injective || s.several()) || m.Field.Kind == record.Uint && m.Op != "cardinality")
		}
		s.metrics = append(s.metrics, m)
	}
	return s, true
}

// column returns where the values of f are, or nil if that is nowhere.
func (s *sums) column(f *record.Field) *sqlgen.Column {
	switch f.Kind {
	case record.Bool, record.Int, record.Uint, record.Float, record.String, record.Time, record.IP, record.Version:
	default:
		return nil
	}
	var c *sqlgen.Column
	switch {
	case f.Path == "_id":
		c = s.l.ID
	case f.Path == "_index" || s.l.Column == nil:
		return nil
	default:
		c = s.l.Column(f)
	}
	if c == nil || c.Argument != nil && !s.ours() || f.FoldCase && f.Kind == record.String && !c.Fold {
		return nil
	}
	return c
}

// ours reports whether the tables are DHR's own.
func (s *sums) ours() bool { return s.l.Row != "" }

// injective reports whether each stored value is a bucket of its own.
func (g *grouped) injective() bool { return g.Calendar == nil && g.Width == 0 }

// table returns the answer. With again it is to be asked for once more.
func (s *sums) table(ctx context.Context) (t *search.Table, again bool, err error) {
	parts := s.parts(nil)
	s.reset(parts)
	for _, p := range parts {
		q, err := p.counts()
		if err != nil {
			return nil, false, err
		}
		if err := s.q.query(ctx, q, func(row []any) error {
			fits, err := s.add(row)
			again = again || !fits
			return err
		}); err != nil {
			return nil, false, err
		}
	}
	if again {
		for _, g := range s.groups {
			g.step = 0
		}
		return nil, true, nil
	}
	if s.several() || s.prefixed() {
		if s.total, err = s.count(ctx); err != nil {
			return nil, false, err
		}
	}
	for i, m := range s.metrics {
		if m.apart {
			if err := s.values(ctx, i); err != nil {
				return nil, false, err
			}
		}
	}
	t, err = s.finish(ctx)
	return t, false, err
}

// reset begins anew.
func (s *sums) reset(parts []part) {
	s.buckets, s.order, s.total, s.least, s.dropped, s.kept = nil, nil, 0, 0, 0, 0
	apart := slices.ContainsFunc(s.metrics, func(m *measured) bool { return m.apart })
	injective := !slices.ContainsFunc(s.groups, func(g *grouped) bool { return !g.injective() })
	if apart || !injective || len(parts) != 1 {
		s.buckets = map[[2]atom]*pile{}
	}
	s.prunes = s.buckets == nil && s.a.Largest && s.a.Limit > 0 && !s.prefixed()
}

// several reports whether a record may be in several buckets.
func (s *sums) several() bool {
	for _, g := range s.groups {
		if g.column.Several != nil {
			return true
		}
	}
	return false
}

// count returns how many records match.
func (s *sums) count(ctx context.Context) (n int64, err error) {
	q, err := countOf(&plan.Plan{Schema: s.a.Plan.Schema, Where: s.a.Plan.Where, Order: s.a.Plan.Order}, s.l, 0)
	if err != nil {
		return 0, err
	}
	err = s.q.query(ctx, q, func(row []any) error {
		n, _ = row[0].(int64)
		return nil
	})
	return n, err
}
