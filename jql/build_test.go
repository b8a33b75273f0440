package jql

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// requireLaidOut checks that a built query is the same, with all its places,
// as the one that is parsed from its text.
func requireLaidOut(t testing.TB, q *Query) {
	t.Helper()
	require.Equal(t, q.Text, q.String())
	again, err := Parse(q.Text, &ParseOptions{MaxLength: 1 << 30, MaxNodes: 1 << 30, MaxDepth: 1000})
	require.NoError(t, err, "%q", q.Text)
	require.Equal(t, meaning(q), meaning(again))
	require.Equal(t, sketch(again), sketch(q))
	requireFixedPoint(t, q)
}

type namedString string

var bindings = []struct {
	template string
	args     []any
	want     string // nothing where there is an error
}{
	{"a = ?", []any{"x"}, "a = x"},
	{"a = ?", []any{`x" or "b" = "c`}, `a = "x\" or \"b\" = \"c"`},
	{"a = ?", []any{`\`}, `a = "\\"`},
	{"a = ?", []any{`\" or 1 = 1`}, `a = "\\\" or 1 = 1"`},
	{"a = ?", []any{""}, `a = ""`},
	{"a = ?", []any{"5"}, `a = "5"`},
	{"a = ?", []any{5}, "a = 5"},
	{"a = ?", []any{-5}, "a = -5"},
	{"a = ?", []any{uint8(5)}, "a = 5"},
	{"a = ?", []any{int64(math.MinInt64)}, "a = -9223372036854775808"},
	{"a = ?", []any{uint64(math.MaxUint64)}, `a = "18446744073709551615"`},
	{"a = ?", []any{1.5}, "a = 1.5"},
	{"a = ?", []any{float32(0.1)}, "a = 0.1"},
	{"a = ?", []any{5.0}, "a = 5"},
	{"a = ?", []any{math.Copysign(0, -1)}, "a = 0"},
	{"a = ?", []any{1e300}, `a = "1e+300"`},
	{"a = ?", []any{-1e-7}, "a = -1e-07"},
	{"a = ?", []any{1e17}, `a = "100000000000000000"`},
	{"a = ?", []any{true}, `a = "true"`},
	{"a = ?", []any{nil}, "a = EMPTY"},
	{"a = ?", []any{namedString("open")}, "a = open"},
	{"a = ?", []any{json.Number("12")}, "a = 12"},
	{"a = ?", []any{json.Number("1.50")}, "a = 1.50"},
	{"a = ?", []any{json.Number("1e5")}, "a = 1e5"},
	{"a = ?", []any{json.Number("99999999999999999999")}, `a = "99999999999999999999"`},
	{"a > ?", []any{time.Date(2024, 1, 31, 12, 0, 0, 5e6, time.FixedZone("", 19800))}, `a > 2024-01-31T06:30:00.005Z`},
	{"a = ?", []any{"empty"}, `a = "empty"`},
	{"a = ?", []any{"currentUser()"}, `a = "currentUser()"`},
	{"a in ?", []any{[]string{"x", "y z"}}, `a IN (x, "y z")`},
	{"a not in ?", []any{[]any{1, "1", nil, 1.5}}, `a NOT IN (1, "1", EMPTY, 1.5)`},
	{"a in (?, x, ?)", []any{1, []int{2, 3}}, "a IN (1, x, 2, 3)"},
	{"a in ((?), ?)", []any{1, "x"}, "a IN ((1), x)"},
	{"a = f(?, ?)", []any{"x)", 5}, `a = f("x)", 5)`},
	{"a is ?", []any{nil}, "a IS EMPTY"},
	{"a was ? by ? during ?", []any{"x", nil, []string{"2024/01/01", "now"}}, `a WAS x BY EMPTY DURING ("2024/01/01", now)`},
	{"a[?].b = 1", []any{"k k"}, `a["k k"].b = 1`},
	{"? = ?", []any{"date of birth", 1}, `"date of birth" = 1`},
	{"? = ?", []any{"5", 1}, `"5" = 1`},
	{"? = 1", []any{"cf[12]"}, "cf[12] = 1"},
	{"? = 1", []any{"cf[012]"}, `"cf[012]" = 1`},
	{"a = 1 order by ?, ? desc", []any{"user", "b"}, `a = 1 ORDER BY "user", b DESC`},
	{`a = "?" and b = '?'`, nil, `a = "?" AND b = "?"`},
	{`a = x\?`, nil, ""},
	{"", nil, ""},
	{"date = ?", []any{1}, `"date" = 1`},
}

func TestBind(t *testing.T) {
	for _, c := range bindings {
		q, err := Bind(c.template, c.args...)
		if c.want == "" && c.template != "" {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err, "%q %v", c.template, c.args)
		require.Equal(t, c.want, q.Text, "%q %v", c.template, c.args)
		requireLaidOut(t, q)
	}
}

func TestBindCondition(t *testing.T) {
	scope, err := Parse("district = x or facility = y order by z", nil)
	require.NoError(t, err)
	for _, c := range []struct {
		template string
		args     []any
		want     string
	}{
		{"? and a = ?", []any{scope, 1}, "(district = x OR facility = y) AND a = 1"},
		{"not ?", []any{scope.Where}, "NOT (district = x OR facility = y)"},
		{"? or a = ?", []any{scope, 1}, "(district = x OR facility = y) OR a = 1"},
		{"(?)", []any{scope}, "district = x OR facility = y"},
	} {
		q, err := Bind(c.template, c.args...)
		require.NoError(t, err, "%q", c.template)
		require.Equal(t, c.want, q.Text, "%q", c.template)
		requireLaidOut(t, q)
	}
	require.Equal(t, "district = x or facility = y order by z", scope.Text, "arguments are not changed")
	require.Equal(t, "facility", scope.Text[16:24])
	require.Equal(t, Span{0, 28}, scope.Where.Range())
}

func TestBindErrors(t *testing.T) {
	empty, err := Parse("order by a", nil)
	require.NoError(t, err)
	for _, c := range []struct {
		template   string
		args       []any
		code, want string
	}{
		{"a = ? and b = ?", []any{1}, "argument_count", "1:15: There is no argument for parameter 2."},
		{"a = ?", []any{1, 2}, "argument_count", "1:6: The template has fewer parameters (1) than there are arguments (2)."},
		{"a = ?", nil, "argument_count", "1:5: There is no argument for parameter 1."},
		{"?", nil, "argument_count", "1:1: There is no argument for parameter 1."},
		{"a = 1", []any{1}, "argument_count", "1:6: The template has fewer parameters (0) than there are arguments (1)."},
		{"a in ?", []any{"x"}, "argument_type", "1:6: An argument of type string cannot stand here, only a list or a function."},
		{"a = ?", []any{[]int{1}}, "argument_type", "1:5: An argument of type []int cannot be a value."},
		{"a < ?", []any{nil}, "argument_type", "1:5: An argument of type <nil> cannot be a value."},
		{"a in ?", []any{[]int{}}, "argument_value", "1:6: A list cannot be empty."},
		{"a in (?)", []any{[]int{}}, "argument_value", "1:7: A list cannot be empty."},
		{"a in ?", []any{[]any{1, []int{2}}}, "argument_type", "1:6: An argument of type []int cannot be a value."},
		{"a = ?", []any{[]byte("x")}, "argument_type", "1:5: An argument of type []uint8 cannot be a value."},
		{"a = ?", []any{struct{}{}}, "argument_type", "1:5: An argument of type struct {} cannot be a value."},
		{"a = ?", []any{time.Hour}, "argument_type", `1:5: A time.Duration cannot be a value: write a duration such as "-7d", or give a time.Time.`},
		{"a = ?", []any{math.NaN()}, "argument_value", "1:5: NaN cannot be a value."},
		{"a = ?", []any{math.Inf(-1)}, "argument_value", "1:5: -Inf cannot be a value."},
		{"a = ?", []any{json.Number("x")}, "argument_value", `1:5: The json.Number "x" is not a number.`},
		{"a = ?", []any{json.Number(`"x"`)}, "argument_value", `1:5: The json.Number "\"x\"" is not a number.`},
		{"a = ?", []any{"\xff"}, "invalid_utf8", "1:5: The string is not valid UTF-8."},
		{"a = ?", []any{empty}, "argument_type", "1:5: An argument of type *jql.Query cannot be a value."},
		{"? = 1", []any{"\xff"}, "invalid_utf8", "1:1: The name of the field is not valid UTF-8."},
		{"? = 1", []any{" "}, "empty_field", "1:1: The name of a field cannot be blank."},
		{"? = 1", []any{5}, "argument_type", "1:1: An argument of type int cannot be the name of a field; a string can."},
		{"?", []any{empty}, "argument_value", "1:1: A query without a condition cannot stand here. And and Or take it."},
		{"?", []any{(*Query)(nil)}, "argument_value", "1:1: A query without a condition cannot stand here. And and Or take it."},
		{"?", []any{(*Clause)(nil)}, "argument_value", "1:1: A query without a condition cannot stand here. And and Or take it."},
		{"?", []any{nil}, "argument_type", "1:1: An argument of type <nil> cannot be the name of a field; a string can."},
		{"? = 1", []any{empty}, "argument_value", "1:1: A query without a condition cannot stand here. And and Or take it."},
		{"a is ?", []any{1}, "argument_type", "1:6: An argument of type int cannot stand here, only EMPTY."},
		{"a = ?(1)", []any{"f"}, "no_connective", "1:6: Expecting 'AND', 'OR' or 'ORDER BY' but got '('."},
		{"a ? 1", []any{"="}, "no_operator", "1:3: Expecting an operator but got '?'. " + validOperators},
		{"a = f(?)", []any{[]int{1}}, "argument_type", "1:7: An argument of type []int cannot be a value."},
		{"a = 1 ?", []any{1}, "no_connective", "1:7: Expecting 'AND', 'OR' or 'ORDER BY' but got '?'."},
		{"a = ", nil, "no_operand", "1:5: Expecting either a value or function before the end of the query."},
	} {
		q, err := Bind(c.template, c.args...)
		require.Nil(t, q)
		var list ErrorList
		require.ErrorAs(t, err, &list, "%q %v", c.template, c.args)
		require.Equal(t, c.code, list[0].Code, "%v", err)
		require.Equal(t, c.want, list.Error())
		_ = list.Caret()
	}
}

func TestCond(t *testing.T) {
	for _, c := range []struct {
		field, op string
		values    []any
		want      string
	}{
		{"age", ">=", []any{60}, "age >= 60"},
		{"date", "=", []any{nil}, `"date" = EMPTY`},
		{"a", "in", []any{1, "x y"}, `a IN (1, "x y")`},
		{"a", "not  IN", []any{[]string{"x"}}, "a NOT IN (x)"},
		{"a", "in", []any{"x"}, "a IN (x)"},
		{"a", "was in", []any{"x", "y"}, "a WAS IN (x, y)"},
		{"a", "is", nil, "a IS EMPTY"},
		{"a", "is not", []any{nil}, "a IS NOT EMPTY"},
		{"a", "changed", nil, "a CHANGED"},
		{"a", "Was Not", []any{"x"}, "a WAS NOT x"},
		{"a b", "!~", []any{"x*"}, `"a b" !~ "x*"`},
	} {
		q, err := Cond(c.field, c.op, c.values...)
		require.NoError(t, err)
		require.Equal(t, c.want, q.Text)
		requireLaidOut(t, q)
	}
	for _, c := range []struct {
		op     string
		values []any
		code   string
	}{
		{"= 1 or a =", []any{1}, "no_operator"}, {"", []any{1}, "no_operator"}, {"==", []any{1}, "no_operator"},
		{"=", nil, "argument_count"}, {"=", []any{1, 2}, "argument_count"}, {"in", nil, "argument_value"}, {"changed", []any{1}, "argument_count"},
		{"is", []any{1}, "argument_type"}, {"=", []any{[]int{1}}, "argument_type"},
	} {
		_, err := Cond("a", c.op, c.values...)
		var e *Error
		require.ErrorAs(t, err, &e, "%q", c.op)
		require.Equal(t, c.code, e.Code, "%q", c.op)
	}
}

func TestJoin(t *testing.T) {
	parse := func(text string) *Query {
		q, err := Parse(text, nil)
		require.NoError(t, err)
		return q
	}
	a, or, and, all := parse("a = 1 order by s"), parse("b = 2 or c = 3"), parse("d = 4 and e = 5 order by t"), parse("order by u")
	for _, c := range []struct {
		got  *Query
		want string
	}{
		{a.And(), "a = 1 ORDER BY s"},
		{a.And(or), "a = 1 AND (b = 2 OR c = 3) ORDER BY s"},
		{a.Or(or), "a = 1 OR b = 2 OR c = 3 ORDER BY s"},
		{a.Or(and), "a = 1 OR d = 4 AND e = 5 ORDER BY s"},
		{and.And(a, or), "d = 4 AND e = 5 AND a = 1 AND (b = 2 OR c = 3) ORDER BY t"},
		{a.And(all), "a = 1 ORDER BY s"},
		{a.Or(all), "ORDER BY s"},
		{all.And(a), "a = 1 ORDER BY u"},
		{all.Or(a), "ORDER BY u"},
		{a.And(nil), "a = 1 ORDER BY s"},
		{a.Or(nil), "ORDER BY s"},
		{(*Query)(nil).And(or), "b = 2 OR c = 3"},
		{(*Query)(nil).And(), ""},
		{a.And(a, a), "a = 1 AND a = 1 AND a = 1 ORDER BY s"},
	} {
		require.Equal(t, c.want, c.got.Text)
		requireLaidOut(t, c.got)
	}
	require.Equal(t, "a = 1 order by s", a.Text)
	require.Equal(t, Span{0, 5}, a.Where.Range(), "the parts are not changed")
}

// TestByHand prints trees that no parser makes.
func TestByHand(t *testing.T) {
	a := &Clause{Field: Field{Name: "a"}, Op: Operator{Name: "="}, Operand: Operand{Kind: NumberOperand, Value: "1"}}
	for want, x := range map[string]Expr{
		"a = 1":     &Logical{Op: "and", Clauses: []Expr{a}},
		"":          &Logical{Op: "and"},
		"NOT ":      &Not{},
		"NOT a = 1": &Not{X: a},
		`"5" = x y`: &Clause{Field: Field{Name: "5"}, Op: Operator{Name: "= x y"}},
		`b = "5x "`: &Clause{Field: Field{Name: "b"}, Op: Operator{Name: "="}, Operand: Operand{Kind: NumberOperand, Value: "5x "}},
	} {
		want = map[string]string{`"5" = x y`: `"5" = X Y`}[want] + want
		if len(want) > 9 && want[:9] == `"5" = X Y` {
			want = want[:9]
		}
		require.Equal(t, want, (&Query{Where: x}).String())
	}
	require.Empty(t, (*Query)(nil).String())
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"":             `""`,
		"x":            `"x"`,
		`x"y`:          `"x\"y"`,
		`x\`:           `"x\\"`,
		`\"`:           `"\\\""`,
		"it's":         `"it's"`,
		"a\tb\nc\rd":   `"a\tb\nc\rd"`,
		"\x00\x7f":     `"\u0000\u007f"`,
		"\ufdd0\uffff": `"\ufdd0\uffff"`,
		"\u0085\u00a0": `"\u0085\u00a0"`,
		"\ufeffx":      `"\ufeffx"`,
		"\u202e":       `"\u202e"`,
		"तेज बुखार":    `"तेज बुखार"`,
		"😀":            `"😀"`,
		"x\xffy":       "\"x\ufffdy\"",
	} {
		require.Equal(t, want, Quote(s))
	}
}

// FuzzQuote checks that nothing breaks out of a quoted string, in either
// dialect and in any place.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "x", `"`, `\`, `\"`, `\\"`, "'", "\n", "\x00", "\ufffe", "\u2028", "\xff", "` or 1 = 1", `" or "a" = "b`, "😀", "\\u0022"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := s
		if !utf8.ValidString(s) {
			want = string([]rune(s))
		}
		quoted := Quote(s)
		for _, jira := range []bool{false, true} {
			opts := &ParseOptions{Jira: jira, MaxLength: 1 << 30}
			q, err := Parse("a in ("+quoted+", f("+quoted+"))", opts)
			require.NoError(t, err)
			list := q.Where.(*Clause).Operand
			require.Len(t, list.Items, 2)
			require.Equal(t, StringOperand, list.Items[0].Kind)
			require.Equal(t, want, list.Items[0].Value)
			require.Equal(t, want, list.Items[1].Items[0].Value)
			require.Equal(t, quoted, list.Items[0].Text)
		}
	})
}

// FuzzBind checks that whatever is bound stays where it was put: the text of
// the query reads as the same tree with the same values.
func FuzzBind(f *testing.F) {
	f.Add("name", "value", int64(5), 1.5)
	f.Add("date", `x" or "a" = "b`, int64(math.MinInt64), math.MaxFloat64)
	f.Add("cf[5]", `\`, int64(0), math.Copysign(0, -1))
	f.Add("5", "5", int64(-1), 1e-9)
	f.Fuzz(func(t *testing.T, field, s string, i int64, x float64) {
		q, err := Bind("? = ? and b in (?, ?) or not c was in ? by f(?, ?) order by ? desc",
			field, s, s, []any{i, s, nil}, []string{s, field}, s, i, field)
		var list ErrorList
		if errors.As(err, &list) {
			require.Contains(t, []string{"empty_field", "invalid_utf8"}, list[0].Code)
			return
		}
		require.NoError(t, err)
		requireLaidOut(t, q)
		or := q.Where.(*Logical)
		and := or.Clauses[0].(*Logical)
		require.Equal(t, field, and.Clauses[0].(*Clause).Field.Name)
		require.Equal(t, s, and.Clauses[0].(*Clause).Operand.Value)
		require.Len(t, and.Clauses[1].(*Clause).Operand.Items, 4)
		was := or.Clauses[1].(*Not).X.(*Clause)
		require.Equal(t, field, was.Operand.Items[1].Value)
		require.Equal(t, s, was.Predicates[0].Operand.Items[0].Value)

		again, err := Bind("? and ? > ?", q, field, x)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		requireLaidOut(t, again)
		requireLaidOut(t, again.Or(q).And(q))
	})
}

// FuzzParse checks that no text makes the parser panic, that all nodes stand
// within their parents, and that what is printed reads the same.
func FuzzParse(f *testing.F) {
	readReference(f, func(a *refAnswer) {
		if a.Category == "example" || a.Category == "escape" && len(a.Query) < 20 {
			f.Add(a.Query)
		}
	})
	f.Add("a = \xff\"\xc3")
	f.Fuzz(func(t *testing.T, text string) {
		for _, jira := range []bool{true, false} {
			q, err := Parse(text, &ParseOptions{Jira: jira})
			if err != nil {
				e := err.(ErrorList)[0]
				require.NotEmpty(t, e.Code)
				require.NotContains(t, e.Message, "\n")
				require.True(t, utf8.ValidString(e.Caret()))
				require.Equal(t, Span{e.Span.Start, e.Span.End}, e.Span)
				require.LessOrEqual(t, e.Span.End, len(text))
				continue
			}
			requireNested(t, q)
			requireFixedPoint(t, q)
		}
		found := parsePrefix(text)
		require.NotZero(t, found.want, "%q", text)
		require.Equal(t, len(text), found.word.End)
	})
}

// requireNested checks that every node stands within its parent, and covers
// the text that it says it does.
func requireNested(t testing.TB, q *Query) {
	within := func(outer, inner Span) { requireWithin(t, q, outer, inner) }
	operand := func(outer Span, o *Operand) { requireOperandNested(t, q, outer, o) }
	field := func(outer Span, f *Field) {
		within(outer, f.Span)
		require.Equal(t, f.Text, q.Text[f.Start:f.Start+len(f.Text)])
		for i := range f.Properties {
			p := &f.Properties[i]
			within(f.Span, p.Span)
			operand(p.Span, &p.Key)
			for j := range p.Path {
				operand(p.Span, &p.Path[j])
			}
		}
	}
	var expr func(outer Span, x Expr)
	expr = func(outer Span, x Expr) {
		within(outer, x.Range())
		switch x := x.(type) {
		case *Logical:
			require.Len(t, x.Ops, len(x.Clauses)-1)
			for i, c := range x.Clauses {
				expr(x.Span, c)
				if i > 0 {
					within(Span{x.Clauses[i-1].Range().End, c.Range().Start}, x.Ops[i-1])
				}
			}
		case *Not:
			within(x.Span, x.Op)
			expr(x.Span, x.X)
		case *Clause:
			field(x.Span, &x.Field)
			within(x.Span, x.Op.Span)
			if x.Operand.Kind != NoOperand {
				operand(x.Span, &x.Operand)
			}
			for i := range x.Predicates {
				within(x.Span, x.Predicates[i].Span)
				operand(x.Predicates[i].Span, &x.Predicates[i].Operand)
			}
		}
	}
	if q.Where != nil {
		expr(q.Span, q.Where)
	}
	for i := range q.Order {
		within(q.Span, q.Order[i].Span)
		field(q.Order[i].Span, &q.Order[i].Field)
	}
}

func requireWithin(t testing.TB, q *Query, outer, inner Span) {
	require.True(t, outer.Start <= inner.Start && inner.Start < inner.End && inner.End <= outer.End, "%v in %v of %q", inner, outer, q.Text)
}

func requireOperandNested(t testing.TB, q *Query, outer Span, o *Operand) {
	requireWithin(t, q, outer, o.Span)
	switch o.Kind {
	case FunctionOperand:
		requireWithin(t, q, o.Span, o.Name)
		require.Equal(t, o.Text, o.Name.text(q.Text))
	case ListOperand:
		require.NotEmpty(t, o.Items)
	default:
		require.Equal(t, o.Text, o.text(q.Text))
	}
	for i := range o.Items {
		requireOperandNested(t, q, o.Span, &o.Items[i])
	}
}
