package jql

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// resolveText resolves a text in the usual circumstances, which change may change.
func resolveText(t testing.TB, text string, change func(*circumstances)) *resolved {
	t.Helper()
	q, err := Parse(text, nil)
	require.NoError(t, err)
	r := &resolved{circumstances: usual(t), query: q}
	if change != nil {
		change(r.circumstances)
	}
	r.resolve(t)
	return r
}

func TestResolveCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q, err := Parse("universe = 42", nil)
	require.NoError(t, err)
	cancel()
	got, err := Resolve(ctx, q, []*record.Schema{cachedSchema(t, "visits")}, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, got)
}

// A function that gives up because the context ended is no mistake in the query.
func TestResolveCancelledInFunction(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	opts := &ResolveOptions{Functions: map[string]Function{"slow": {
		Call: func(ctx context.Context, _ *Call) ([]record.Value, error) {
			cancel()
			return nil, fmt.Errorf("asking the directory: %w", ctx.Err())
		},
	}}}
	q, err := Parse("status = slow()", nil)
	require.NoError(t, err)
	_, err = Resolve(ctx, q, []*record.Schema{cachedSchema(t, "visits")}, opts)
	require.ErrorIs(t, err, context.Canceled)
}

func TestResolveWithoutSchema(t *testing.T) {
	q, err := Parse("age > 5", nil)
	require.NoError(t, err)
	got, err := Resolve(t.Context(), q, nil, nil)
	require.Nil(t, got)
	var list ErrorList
	require.ErrorAs(t, err, &list)
	require.Len(t, list, 1)
	require.Equal(t, "no_index", list[0].Code)
}

// The zero options ask now, in UTC, by nobody, of weeks that begin on Sunday, and
// a function sees them filled in.
func TestResolveDefaults(t *testing.T) {
	var seen ResolveOptions
	opts := &ResolveOptions{Functions: map[string]Function{"look": {
		Call: func(_ context.Context, c *Call) ([]record.Value, error) {
			seen = *c.Options
			return nil, nil
		},
	}}}
	q, err := Parse("status = look() AND created <= now() AND status != currentUser()", nil)
	require.NoError(t, err)
	before := time.Now()
	got, err := Resolve(t.Context(), q, []*record.Schema{cachedSchema(t, "visits")}, opts)
	require.NoError(t, err)
	require.False(t, seen.Now.Before(before))
	require.Equal(t, time.UTC, seen.Zone)
	require.Equal(t, time.Sunday, seen.WeekStart)
	require.True(t, opts.Now.IsZero(), "the options of the caller were changed")
	require.Equal(t, plan.None{}, got.Plans[0].Where)

	_, err = Resolve(t.Context(), q, []*record.Schema{cachedSchema(t, "visits")}, nil)
	require.ErrorContains(t, err, `unknown function "look"`)
}

// Groups are unknown where nobody says what they are.
func TestResolveWithoutGroups(t *testing.T) {
	r := resolveText(t, "status IN membersOf(team)", func(c *circumstances) { c.opts.Members = nil })
	require.EqualError(t, r.errs, `1:11: unknown group "team"`)
	r = resolveText(t, "status IN membersOf(team)", func(c *circumstances) {
		c.opts.Members = func(context.Context, string) ([]string, error) { return nil, errors.New("no\nanswer") }
	})
	require.EqualError(t, r.errs, `1:11: no\nanswer`)
}

// What a function gives is read as if it stood in the query, or as what it is.
func TestFunctionValues(t *testing.T) {
	day := record.TimeValue(time.Date(2024, 1, 31, 23, 30, 0, 0, time.UTC))
	for _, c := range []struct {
		name, text string
		give       []record.Value
		want       string // the condition, or the error
	}{
		{"string", "status = f()", []record.Value{record.StringValue("open")}, `terms status "open"`},
		{"two strings", "status = f()", []record.Value{record.StringValue("b"), record.StringValue("a")}, `the function "f" returned several values`},
		{"string that is a number", "age = f()", []record.Value{record.StringValue("5")}, `terms age 5`},
		{"string that is a day", "created = f()", []record.Value{record.StringValue("2024-01-31")}, `range created [2024-01-31T00:00:00Z, 2024-02-01T00:00:00Z)`},
		{"string that is a network", "device = f()", []record.Value{record.StringValue("10.0.0.0/8")}, `range device [10.0.0.0, 10.255.255.255]`},
		{"string that is a truth", "consent = f()", []record.Value{record.StringValue("true")}, `terms consent true`},
		{"string that is no date", "created = f()", []record.Value{record.StringValue("soon")}, `"soon" is neither`},
		{"string that looks like the language", "status = f()", []record.Value{record.StringValue(`" OR 1=1`)}, `terms status "\" OR 1=1"`},
		{"string that looks like text", "notes ~ f()", []record.Value{record.StringValue("a* OR b")}, `match notes words "a* OR b"`},
		{"int", "age = f()", []record.Value{record.IntValue(5)}, `terms age 5`},
		{"int beyond the floats", "steps = f()", []record.Value{record.IntValue(1<<53 + 1)}, `terms steps 9007199254740993`},
		{"int for an unsigned field", "barcode >= f()", []record.Value{record.IntValue(5)}, `range barcode [5, *)`},
		{"int for a float", "weight < f()", []record.Value{record.IntValue(5)}, `range weight (*, 5)`},
		{"int for a string", "status = f()", []record.Value{record.IntValue(5)}, `terms status "5"`},
		{"int for a date", "created = f()", []record.Value{record.IntValue(5)}, `"5" is neither`},
		{"uint", "barcode = f()", []record.Value{record.UintValue(1<<64 - 1)}, `terms barcode 18446744073709551615`},
		{"float", "weight = f()", []record.Value{record.FloatValue(0.1)}, `terms weight 0.1`},
		{"float for an int", "age = f()", []record.Value{record.FloatValue(5)}, `terms age 5`},
		{"large float for an int", "steps = f()", []record.Value{record.FloatValue(1e18)}, `terms steps 1000000000000000000`},
		{"bool", "consent = f()", []record.Value{record.BoolValue(true)}, `terms consent true`},
		{"bool for a number", "age = f()", []record.Value{record.BoolValue(true)}, `the value "true" does not fit`},
		{"time", "created <= f()", []record.Value{day}, `range created (*, 2024-01-31T23:30:00.001Z)`},
		{"time for a calendar day", "dob = f()", []record.Value{day}, `range dob [2024-01-31T00:00:00Z, 2024-02-01T00:00:00Z)`},
		{"time for a string", "status = f()", []record.Value{day}, `terms status "2024-01-31T23:30:00Z"`},
		{"time out of reach", "created = f()", []record.Value{record.TimeValue(time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC))}, `is neither a date`},
		{"address", "device = f()", []record.Value{record.IPValue(netip.MustParseAddr("10.0.0.7"))}, `terms device 10.0.0.7`},
		{"version", "app > f()", []record.Value{record.VersionValue("1.2")}, `range app ("1.2", *)`},
		{"null", "status != f()", []record.Value{{}}, `none`},
		{"null beside a value", "status = f()", []record.Value{{}, record.StringValue("open")}, `terms status "open"`},
		{"nothing", "status != f()", nil, `none`},
		{"nothing in a list", "status IN (f(), open)", nil, `terms status "open"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := resolveText(t, c.text, func(o *circumstances) {
				o.opts.Functions["f"] = Function{Call: func(context.Context, *Call) ([]record.Value, error) { return c.give, nil }}
			})
			if r.resolution == nil {
				require.ErrorContains(t, r.errs, c.want)
				return
			}
			require.Equal(t, c.want, r.resolution.Plans[0].Where.String())
			requireSanePlan(t, r.resolution.Plans[0], c.text)
		})
	}
}

// A function is told its arguments, decoded, and the field; it is called once for all indexes.
func TestFunctionCall(t *testing.T) {
	var calls []Call
	r := resolveText(t, `status = f(a, "b c", 'd"e', -5, "\u0041")`, func(c *circumstances) {
		c.schemas = append(c.schemas, cachedSchema(t, "patients"))
		c.opts.Functions = map[string]Function{"F": {MaxArgs: -1, Call: func(_ context.Context, call *Call) ([]record.Value, error) {
			calls = append(calls, *call)
			return []record.Value{record.StringValue("x")}, nil
		}}}
	})
	require.Empty(t, r.errs)
	require.Len(t, calls, 1)
	require.Equal(t, []string{"a", "b c", `d"e`, "-5", "A"}, calls[0].Args)
	require.Same(t, r.schemas[0].Field("status"), calls[0].Field)
}

// The host's functions go before those of the language.
func TestFunctionOverrides(t *testing.T) {
	r := resolveText(t, "created <= NOW()", func(c *circumstances) {
		c.opts.Functions = map[string]Function{"now": {Call: func(context.Context, *Call) ([]record.Value, error) {
			return []record.Value{record.TimeValue(time.Unix(0, 0))}, nil
		}}}
	})
	require.Equal(t, "range created (*, 1970-01-01T00:00:00.001Z)", r.resolution.Plans[0].Where.String())
}

// Queries that were built have no text of their own; complaints show what they print.
func TestResolveBuilt(t *testing.T) {
	schemas := []*record.Schema{cachedSchema(t, "visits")}
	q, err := Bind("age > ? AND status != ? AND created <= ?", 5.5, `a "quoted" \ value`, time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	got, err := Resolve(t.Context(), q, schemas, nil)
	require.NoError(t, err)
	require.Equal(t, `and {range age (5, *); exists status; not terms status "a \"quoted\" \\ value"; range created (*, 2024-01-31T12:00:00.001Z)}`,
		got.Plans[0].Where.String())

	q, err = Cond("universe", "IN", 1, "two")
	require.NoError(t, err)
	_, err = Resolve(t.Context(), q, schemas, nil)
	require.EqualError(t, err, `1:1: unknown field "universe" in index "visits"`)

	// By hand, without places.
	byHand := &Query{Where: &Not{X: &Clause{
		Field: Field{Name: "age"}, Op: Operator{Name: "="}, Operand: Operand{Kind: StringOperand, Value: "five", Text: "five"},
	}}}
	_, err = Resolve(t.Context(), byHand, schemas, nil)
	var list ErrorList
	require.ErrorAs(t, err, &list)
	require.Equal(t, "bad_value", list[0].Code)
	require.Contains(t, list[0].Caret(), "age")
}

// Resolve does not change the query, and may be asked of one query by many.
func TestResolveConcurrently(t *testing.T) {
	text := `NOT (status IN (open, currentUser(), EMPTY) OR notes ~ "fever -cough*") AND created >= startOfMonth() AND labels.site = a ` +
		`AND status WAS open BY membersOf(team) ORDER BY age DESC`
	q, err := Parse(text, nil)
	require.NoError(t, err)
	c := usual(t)
	c.schemas = append(c.schemas, cachedSchema(t, "visits"))
	want, err := Resolve(t.Context(), q, c.schemas, &c.opts)
	require.NoError(t, err)
	printed := q.String()
	var group sync.WaitGroup
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 20 {
				got, err := Resolve(t.Context(), q, c.schemas, &c.opts)
				if err != nil || !got.Plans[1].Equal(want.Plans[1]) || len(got.Warnings) != len(want.Warnings) {
					t.Errorf("another answer: %v, %v", got, err)
					return
				}
			}
		}()
	}
	group.Wait()
	require.Equal(t, printed, q.String())
}

// A list of very many bad values is complained of in bounded time and space.
func TestComplaintsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("age IN (0.5")
	for i := range 60_000 {
		fmt.Fprintf(&b, ", %d.5", i)
	}
	b.WriteString(")")
	r := resolveText(t, b.String(), nil)
	require.Len(t, r.resolution.Warnings, maxComplaints)
	r = resolveText(t, strings.ReplaceAll(b.String(), ".5", "x"), nil)
	require.Len(t, r.errs, maxComplaints)

	long := strings.Repeat("x", 100_000)
	r = resolveText(t, `age = "`+long+`" OR "`+long+`" = 5 OR created = "`+long+`" OR notes ~ "*`+long+`" OR status = `+long+`()`, nil)
	require.Len(t, r.errs, 5)
	for _, e := range r.errs {
		require.Less(t, len(e.Message), 500, e.Code)
		require.Less(t, len(e.Found), 500, e.Code)
		require.NotContains(t, e.Message, "\n")
	}
}

// Complaints stay in one line whatever was written.
func TestComplaintsStayInOneLine(t *testing.T) {
	r := resolveText(t, "code = \"123456789\n\u202e\"", nil)
	require.Len(t, r.resolution.Warnings, 1)
	require.Equal(t, `1:8: this can never be true: no value of "code" can equal 123456789\n\u202e`, r.resolution.Warnings[0].Error())
}

// A range that asks for nothing below or above the type is the same as no bound.
func TestWholeBoundsAgreeWithArithmetic(t *testing.T) {
	f := cachedSchema(t, "visits").Field("visits_before") // a byte
	for tenths := int64(-1400); tenths <= 1400; tenths++ {
		whole, rest := tenths/10, tenths%10
		text := fmt.Sprintf("%d.%d", whole, max(rest, -rest))
		if tenths < 0 && whole == 0 {
			text = "-" + text
		}
		for _, op := range []string{"<", "<=", ">", ">=", "=", "!="} {
			n := resolveText(t, "visits_before "+op+" "+text, nil).resolution.Plans[0].Where
			for _, v := range []int64{-128, -127, whole - 1, whole, whole + 1, 126, 127} {
				if v < -128 || v > 127 {
					continue
				}
				want := map[string]bool{"<": v*10 < tenths, "<=": v*10 <= tenths, ">": v*10 > tenths, ">=": v*10 >= tenths,
					"=": v*10 == tenths, "!=": v*10 != tenths}[op]
				if got := holds(n, record.IntValue(v)); got != want {
					t.Fatalf("%s %d %s %s is %v: %s", f.Path, v, op, text, got, n)
				}
			}
		}
	}
}

// holds answers a condition on one field for a record with one value of it.
func holds(n plan.Node, v record.Value) bool {
	switch n := n.(type) {
	case plan.All, plan.Exists:
		return true
	case plan.And:
		for _, c := range n {
			if !holds(c, v) {
				return false
			}
		}
		return true
	case plan.Or:
		for _, c := range n {
			if holds(c, v) {
				return true
			}
		}
	case plan.Not:
		return !holds(n.Node, v)
	case plan.Terms:
		for _, w := range n.Values {
			if w.Equal(v) {
				return true
			}
		}
	case plan.Range:
		lower, upper := v.Compare(n.Lower.Value), v.Compare(n.Upper.Value)
		return (n.Lower.Value.IsNull() || lower > 0 || lower == 0 && n.Lower.Inclusive) &&
			(n.Upper.Value.IsNull() || upper < 0 || upper == 0 && n.Upper.Inclusive)
	}
	return false
}

// A context that ends while a long query is resolved ends it soon.
func TestResolveStops(t *testing.T) {
	q, err := Parse("status != a"+strings.Repeat(" AND status != a", 60_000), nil)
	require.NoError(t, err)
	calls := 0
	ctx := &countedContext{Context: t.Context(), calls: &calls}
	_, err = Resolve(ctx, q, []*record.Schema{schema(t, "visits")}, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, calls, 5)
}

// A countedContext ends when it is asked for the second time.
type countedContext struct {
	context.Context
	calls *int
}

func (c *countedContext) Err() error {
	if *c.calls++; *c.calls > 1 {
		return context.Canceled
	}
	return nil
}
