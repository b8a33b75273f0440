package jql

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/record"
)

func word(s string) Operand       { return Operand{Kind: StringOperand, Value: s} }
func number(s string) Operand     { return Operand{Kind: NumberOperand, Value: s} }
func list(of ...Operand) Operand  { return Operand{Kind: ListOperand, Items: of} }
func nothing() Operand            { return Operand{Kind: EmptyOperand} }
func call(of ...Operand) Operand  { return Operand{Kind: FunctionOperand, Value: "f", Items: of} }
func field(name string) Field     { return Field{Name: name} }
func operator(op string) Operator { return Operator{Name: op} }

func clauseOf(name, op string, o Operand, predicates ...Predicate) *Clause {
	return &Clause{Field: field(name), Op: operator(op), Operand: o, Predicates: predicates}
}

func deepNot(n int) Expr {
	var x Expr = clauseOf("age", "=", number("1"))
	for range n {
		x = &Not{X: x}
	}
	return x
}

func deepList(n int) Operand {
	o := number("1")
	for range n {
		o = list(o)
	}
	return o
}

// endless are trees that contain themselves.
func endless() []Expr {
	l := &Logical{Op: "and"}
	l.Clauses = []Expr{l, l}
	n := &Not{}
	n.X = n
	items := make([]Operand, 2)
	items[0], items[1] = list(items...), list(items...)
	c := clauseOf("age", "in", Operand{Kind: ListOperand, Items: items})
	items[0].Items, items[1].Items = items, items
	return []Expr{l, n, c}
}

var badTrees = []struct {
	where Expr
	want  string
}{
	{&Logical{Op: "AND", Clauses: []Expr{clauseOf("age", "=", number("1")), clauseOf("age", "=", number("2"))}}, `Where.Op: it is "and" or "or", not "AND"`},
	{&Logical{Op: "or"}, "Where.Clauses: it joins two or more conditions, not 0"},
	{&Logical{Op: "or", Clauses: []Expr{clauseOf("age", "=", number("1"))}}, "Where.Clauses: it joins two or more conditions, not 1"},
	{&Logical{Op: "or", Clauses: []Expr{clauseOf("age", "=", number("1")), nil}}, "Where.Clauses[1]: it is nil"},
	{&Logical{Op: "or", Clauses: []Expr{(*Logical)(nil), nil}}, "Where.Clauses[0]: it is nil"},
	{(*Clause)(nil), "Where: it is nil"},
	{(*Not)(nil), "Where: it is nil"},
	{&Not{}, "Where.X: it is nil"},
	{&Not{X: &Not{X: clauseOf("age", "=", Operand{})}}, "Where.X.X.Operand.Kind: no operand cannot stand here, only EMPTY, a value or a function"},
	{struct{ *Clause }{}, "Where: a struct { *jql.Clause } is no *Logical, *Not or *Clause"},
	{clauseOf("age", "is", word("x")), "Where.Operand.Kind: a string cannot stand here, only EMPTY"},
	{clauseOf("age", "not in", list()), "Where.Operand.Items: a list is not empty"},
	{clauseOf("age", "in", list(list(), number("1"))), "Where.Operand.Items[0].Items: a list is not empty"},
	{clauseOf("age", "in", list(list(list()))), "Where.Operand.Items[0].Items[0].Items: a list is not empty"},
	{clauseOf("age", "in", number("1")), "Where.Operand.Kind: a number cannot stand here, only a list or a function"},
	{clauseOf("age", "=", list(number("1"))), "Where.Operand.Kind: a list cannot stand here, only EMPTY, a value or a function"},
	{clauseOf("age", "<", nothing()), "Where.Operand.Kind: EMPTY cannot stand here, only a value or a function"},
	{clauseOf("age", "=", number("1 or 2")), `Where.Operand.Value: "1 or 2" is no whole number of 64 bits`},
	{clauseOf("age", "=", number("9223372036854775808")), `Where.Operand.Value: "9223372036854775808" is no whole number of 64 bits`},
	{clauseOf("age", "=", word("\xff")), "Where.Operand.Value: it is not valid UTF-8"},
	{clauseOf("age", "=", Operand{Kind: 200}), "Where.Operand.Kind: there is no kind 200 of operand"},
	{clauseOf("age", "=", Operand{Kind: StringOperand, Items: []Operand{word("x")}}), "Where.Operand.Items: a string has no items"},
	{clauseOf("age", "=", Operand{Kind: FunctionOperand}), "Where.Operand.Value: the name of a function is not blank"},
	{clauseOf("age", "=", call(list(word("x")))), "Where.Operand.Items[0].Kind: a list cannot stand here, only an argument"},
	{clauseOf("age", "NOT  IN", list(word("x"))), `Where.Op.Name: there is no operator "NOT  IN"; it is named "not in" here`},
	{clauseOf("age", "==", word("x")), `Where.Op.Name: there is no operator "=="`},
	{clauseOf(" ", "=", word("x")), "Where.Field.Name: the name of a field is not blank, and UTF-8"},
	{clauseOf("age", "changed", word("x")), "Where.Operand.Kind: there is none after this operator"},
	{clauseOf("age", "=", word("x"), Predicate{Op: operator("by"), Operand: word("x")}), `Where.Predicates[0].Op.Name: the predicate "by" does not go with "="`},
	{clauseOf("age", "was", word("x"), Predicate{Op: operator("from"), Operand: word("x")}), `Where.Predicates[0].Op.Name: the predicate "from" does not go with "was"`},
	{clauseOf("age", "changed", Operand{}, Predicate{Op: operator("BY"), Operand: word("x")}), `Where.Predicates[0].Op.Name: the predicate "BY" does not go with "changed"`},
	{clauseOf("age", "changed", Operand{}, Predicate{Op: operator("by")}), "Where.Predicates[0].Operand.Kind: no operand cannot stand here, only EMPTY, a value, a list or a function"},
	{&Clause{Field: Field{Name: "a", Properties: []Property{{}}}}, "Where.Field.Properties[0].Key.Kind: no operand cannot stand here, only an argument"},
	{&Clause{Field: Field{Name: "a", Properties: []Property{{Key: word("k"), Path: []Operand{word("p")}}}}}, "Where.Field.Properties[0].Path[0]: a path is such as .name or .address.city"},
	{deepNot(maxDepth), ".X.X: it is nested deeper than the limit of 10000"},
	{clauseOf("age", "in", deepList(maxDepth+1)), "[0]: it is nested deeper than the limit of 10000"},
	{endless()[0], "[0]: it is nested deeper than the limit of 10000"},
	{endless()[1], ".X: it is nested deeper than the limit of 10000"},
	{endless()[2], "[0]: it is nested deeper than the limit of 10000"},
}

func TestBadTrees(t *testing.T) {
	visits := []*record.Schema{schema(t, "visits")}
	good, err := Cond("age", "=", 5)
	require.NoError(t, err)
	for _, c := range badTrees {
		q := &Query{Where: c.where}
		asked := map[string]*Query{"itself": q, "and": good.And(q), "or": q.Or(good)}
		for name, q := range asked {
			_, err := Resolve(t.Context(), q, visits, nil)
			requireBadTree(t, err, c.want, name)
		}
		_ = q.String()
		_, err := Bind("a = 1 and ?", q)
		if isNil(c.where) {
			require.Error(t, err)
			continue
		}
		requireBadTree(t, err, c.want, "Bind")
		_, err = Bind("?", c.where)
		requireBadTree(t, err, c.want, "Bind")
	}
	_, err = Resolve(t.Context(), nil, visits, nil)
	requireBadTree(t, err, "there is no query: it is nil", "nil")
	_, err = Resolve(t.Context(), &Query{Order: []SortKey{{Field: field("age"), Direction: "desc"}}}, visits, nil)
	requireBadTree(t, err, `Order[0].Direction: the direction is ASC, DESC or empty, not "desc"`, "order")
	_, err = Resolve(t.Context(), &Query{Order: []SortKey{{}}}, visits, nil)
	requireBadTree(t, err, "Order[0].Field.Name: the name of a field is not blank, and UTF-8", "order")
}

func requireBadTree(t *testing.T, err error, want, name string) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e, "%s of %s", name, want)
	require.Equal(t, "bad_tree", e.Code, "%s", name)
	require.Less(t, len(e.Message), 300)
	require.True(t, strings.HasSuffix(e.Message, want), "%s\nis not\n%s", e.Message, want)
	_ = e.Caret()
}

// The greatest depth is that of a tree, however it is printed.
func TestDeepTrees(t *testing.T) {
	visits := []*record.Schema{schema(t, "visits")}
	q := &Query{Where: deepNot(maxDepth - 1)}
	_, err := Resolve(t.Context(), q, visits, nil)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(q.String(), "age = 1"))
	require.LessOrEqual(t, len((&Query{Where: endless()[0]}).String()), 1<<20)
}

// What Bind returns can be parsed again, as far as depth goes.
func TestBindDepth(t *testing.T) {
	for _, c := range []struct {
		template string
		where    Expr
		deep     bool
	}{
		{"?", deepNot(256), false},
		{"?", deepNot(257), true},
		{"not ?", deepNot(255), false},
		{"not ?", deepNot(256), true},
		{"?", clauseOf("a", "in", deepList(256)), false},
		{"?", clauseOf("a", "in", deepList(257)), true},
		{"(a = 1 or b = 1 and ?) and c = 1", deepNot(255), false},
		{"(a = 1 or b = 1 and ?) and c = 1", deepNot(256), true},
	} {
		q, err := Bind(c.template, c.where)
		if c.deep {
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, "too_deep", e.Code)
			continue
		}
		require.NoError(t, err)
		_, err = Parse(q.Text, nil)
		require.NoError(t, err)
	}
}

// And and Or in turn nest without a bound but that of all trees.
func TestJoinDepth(t *testing.T) {
	good, err := Cond("age", "=", 5)
	require.NoError(t, err)
	deep := &Query{Where: deepNot(maxDepth - 1)}
	require.NotEmpty(t, good.And(deep).Text)
	joined := good.Or(good.And(&Query{Where: &Not{X: good.And(deep).Where}}))
	require.Empty(t, joined.Text)
	_, err = Resolve(t.Context(), joined, []*record.Schema{schema(t, "visits")}, nil)
	requireBadTree(t, err, "it is nested deeper than the limit of 10000", "joined")
}

// drawTree makes any tree, good or bad.
func drawTree(rt *rapid.T, depth int) Expr {
	kinds := 6
	if depth == 0 {
		kinds = 3
	}
	switch rapid.IntRange(0, kinds).Draw(rt, "node") {
	case 0:
		return rapid.SampledFrom([]Expr{nil, (*Clause)(nil), (*Not)(nil), (*Logical)(nil)}).Draw(rt, "nil")
	case 4:
		return &Not{X: drawTree(rt, depth-1)}
	case 5, 6:
		l := &Logical{Op: rapid.SampledFrom([]string{"and", "or", "and", "or", "AND", ""}).Draw(rt, "op")}
		for range rapid.IntRange(0, 4).Draw(rt, "clauses") {
			l.Clauses = append(l.Clauses, drawTree(rt, depth-1))
		}
		return l
	}
	op := rapid.SampledFrom(append(operatorNames, "")).Draw(rt, "op")
	if !oddly(rt) {
		op = strings.ToLower(op)
	}
	c := clauseOf(rapid.SampledFrom([]string{"age", "status", "notes", "created", "diagnosis", "device", "dose", "place", "nosuch", ""}).Draw(rt, "field"),
		op, drawOperand(rt, operandsOf[op], 3))
	for range rapid.IntRange(0, 2).Draw(rt, "predicates") {
		names := []string{"after", "before", "on", "during", "by", "from", "to", "", "BY"}
		c.Predicates = append(c.Predicates, Predicate{Op: operator(rapid.SampledFrom(names).Draw(rt, "predicate")), Operand: drawOperand(rt, wantAny, 2)})
	}
	return c
}

// oddly is true now and then.
func oddly(rt *rapid.T) bool { return rapid.IntRange(0, 9).Draw(rt, "odd") == 9 }

// drawOperand makes any operand, mostly of a kind that is wanted.
func drawOperand(rt *rapid.T, want wanted, depth int) Operand {
	kinds := []OperandKind{NoOperand}
	for k, w := range kindWanted {
		if w&want != 0 {
			kinds = append(kinds[:len(kinds):len(kinds)], OperandKind(k), OperandKind(k))
		}
	}
	o := Operand{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind")}
	if oddly(rt) {
		o.Kind = OperandKind(rapid.IntRange(0, 6).Draw(rt, "any kind"))
	}
	values := []string{"5", "-7d", "now", "currentUser", "startOfDay", "membersOf", "open", "2024-01-31", "10.0.0.0/8", "a*", "", "\xff"}
	if o.Kind == NumberOperand && !oddly(rt) {
		values = values[:1]
	}
	o.Value = rapid.SampledFrom(values).Draw(rt, "value")
	if depth == 0 || o.Kind < FunctionOperand && !oddly(rt) {
		return o
	}
	members := wantAny
	if o.Kind == FunctionOperand {
		members = wantArgument
	}
	for range rapid.IntRange(0, 3).Draw(rt, "items") {
		o.Items = append(o.Items, drawOperand(rt, members, depth-1))
	}
	return o
}

// No tree makes Resolve or String panic; one without a fault has a text that is the same query.
func TestAnyTree(t *testing.T) {
	visits := []*record.Schema{schema(t, "visits")}
	rapid.Check(t, func(rt *rapid.T) {
		q := &Query{Where: drawTree(rt, 3)}
		text := q.String()
		_, err := Resolve(t.Context(), q, visits, nil)
		var e *Error
		bad := errors.As(err, &e) && e.Code == "bad_tree"
		require.Equal(rt, q.fault() != nil, bad, "%v", err)
		for _, q := range []*Query{q.And(q), q.Or(q, nil)} {
			_, _ = Resolve(t.Context(), q, visits, nil)
			_ = q.String()
		}
		_, _ = Bind("? and a = 1", q)
		if bad {
			return
		}
		again, parseErr := Parse(text, nil)
		require.NoError(rt, parseErr, "%s", text)
		require.Equal(rt, text, again.String())
		_, err2 := Resolve(t.Context(), again, visits, nil)
		require.Equal(rt, err == nil, err2 == nil, "%s: %v, %v", text, err, err2)
	})
}
