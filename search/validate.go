package search

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/digit-health/dhr/record"
)

// Validate returns an error that wraps [ErrInvalid] and says what of a makes no
// sense, or nil. Drivers are asked only what is valid.
func (a *Aggregation) Validate() error {
	switch {
	case a.Plan == nil:
		return invalid("an aggregation without a plan")
	case len(a.Groups) > 2:
		return invalid("%d groups; there may be two", len(a.Groups))
	case a.Limit < 0:
		return invalid("a limit of %d buckets", a.Limit)
	case a.Largest && len(a.Groups) != 1:
		return invalid("the largest buckets of %d groups; there must be one", len(a.Groups))
	case a.Largest && a.After != nil:
		return invalid("the largest buckets after a key")
	case a.After != nil && len(a.After) != len(a.Groups):
		return invalid("%d keys to begin after, for %d groups", len(a.After), len(a.Groups))
	}
	for i := range a.Groups {
		g := &a.Groups[i]
		if err := g.validate(); err != nil {
			return err
		}
		if i < len(a.After) && !a.After[i].IsNull() && a.After[i].Kind() != g.KeyKind() {
			return invalid("the key %s to begin after is of kind %s; those of %q are of kind %s", a.After[i], a.After[i].Kind(), g.Field.Path, g.KeyKind())
		}
	}
	for i := range a.Metrics {
		if err := a.Metrics[i].validate(); err != nil {
			return err
		}
	}
	return nil
}

// KeyKind returns the kind of the group's keys: that of its field, or Float
// for intervals. A bucket's key may also be Null, if Missing is set.
func (g *Group) KeyKind() record.Kind {
	if g.Width != 0 {
		return record.Float
	}
	return g.Field.Kind
}

func (g *Group) validate() error {
	if g.Field == nil {
		return invalid("a group without a field")
	}
	kind := g.Field.Kind
	switch {
	case !groups(kind):
		return invalid("a group of %q, which is of kind %s", g.Field.Path, kind)
	case !g.Field.Searchable:
		return invalid("a group of %q, which is not indexed", g.Field.Path)
	case g.Calendar != nil && kind != record.Time:
		return invalid("spans of the calendar of %q, which is of kind %s", g.Field.Path, kind)
	case g.Width != 0 && !measurable(kind):
		return invalid("intervals of %q, which is of kind %s", g.Field.Path, kind)
	case g.Width < 0 || math.IsInf(g.Width, 0) || math.IsNaN(g.Width):
		return invalid("intervals of width %v of %q", g.Width, g.Field.Path)
	case g.Prefix != "" && kind != record.String:
		return invalid("the prefix %q of %q, which is of kind %s", g.Prefix, g.Field.Path, kind)
	case g.Calendar != nil:
		return g.Calendar.validate()
	}
	return nil
}

func (c *Calendar) validate() error {
	switch c.Unit {
	case "hour", "day", "week", "month", "quarter", "year":
	default:
		return invalid("spans of a %q; there are hour, day, week, month, quarter and year", c.Unit)
	}
	if c.WeekStart < time.Sunday || c.WeekStart > time.Saturday {
		return invalid("a week that begins on day %d", int(c.WeekStart))
	}
	return nil
}

func (m *Metric) validate() error {
	if m.Field == nil {
		if m.Op == "count" {
			return nil
		}
		return invalid("the metric %q without a field", m.Op)
	}
	kind := m.Field.Kind
	ok := groups(kind)
	switch m.Op {
	case "count", "cardinality":
	case "sum", "avg":
		ok = measurable(kind)
	case "values", "min", "max", "percentile":
		ok = measurable(kind) || kind == record.Time
	default:
		return invalid("the metric %q; there are count, values, sum, avg, min, max, cardinality and percentile", m.Op)
	}
	switch {
	case !ok:
		return invalid("the metric %q of %q, which is of kind %s", m.Op, m.Field.Path, kind)
	case !m.Field.Searchable:
		return invalid("the metric %q of %q, which is not indexed", m.Op, m.Field.Path)
	case m.Op == "percentile" && !(m.Percent >= 0 && m.Percent <= 100):
		return invalid("the percentile %v of %q; it goes from 0 to 100", m.Percent, m.Field.Path)
	}
	return nil
}

// Rank returns which of n values in their order is the percentile, from 1. It
// reckons with Percent as it is written in decimal: of 1000 values 99.9 is the
// 999th.
func (m *Metric) Rank(n int64) int64 {
	percent, ok := new(big.Rat).SetString(strconv.FormatFloat(m.Percent, 'f', -1, 64))
	if !ok || n <= 0 {
		return 0
	}
	percent.Mul(percent, new(big.Rat).SetFrac64(n, 100))
	whole, rest := new(big.Int).DivMod(percent.Num(), percent.Denom(), new(big.Int))
	rank := whole.Int64()
	if rest.Sign() > 0 {
		rank++
	}
	return min(max(rank, 1), n)
}

// groups reports whether values of a kind are told apart by what they are.
func groups(k record.Kind) bool {
	switch k {
	case record.Bool, record.Int, record.Uint, record.Float, record.String, record.Time, record.IP, record.Version:
		return true
	}
	return false
}

func measurable(k record.Kind) bool {
	return k == record.Int || k == record.Uint || k == record.Float
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
