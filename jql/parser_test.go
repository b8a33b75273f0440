package jql

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// firstError returns the first complaint about a text.
func firstError(t testing.TB, text string, opts *ParseOptions) *Error {
	t.Helper()
	q, err := Parse(text, opts)
	require.Error(t, err)
	require.Nil(t, q)
	var e *Error
	require.ErrorAs(t, err, &e)
	return e
}

// TestDepth checks that no text nests deeper than the cap, and that a million
// brackets of any kind are answered as fast as three hundred.
func TestDepth(t *testing.T) {
	const million = 1_000_000
	for name, c := range map[string]struct {
		open, inner, end string
		start            int // where the 257th begins
	}{
		"brackets": {"(", "a = 1", ")", 256},
		"not":      {"not ", "a = 1", "", 4 * 256},
		"bang":     {"!", "a = 1", "", 256},
		"mixed":    {"!(", "a = 1", ")", 256},
		"lists":    {"(", "1", ")", len("a in ") + 256},
	} {
		t.Run(name, func(t *testing.T) {
			begin := ""
			if name == "lists" {
				begin = "a in "
			}
			nested := func(n int) string {
				return begin + strings.Repeat(c.open, n) + c.inner + strings.Repeat(c.end, n)
			}
			n := 256
			if name == "mixed" {
				n = 128
			}
			_, err := Parse(nested(n), nil)
			require.NoError(t, err)
			e := firstError(t, nested(n+1), nil)
			require.Equal(t, "too_deep", e.Code)
			require.Equal(t, c.start, e.Offset)

			opts := &ParseOptions{MaxLength: 1 << 30}
			require.Equal(t, "too_deep", firstError(t, nested(million), opts).Code)
			require.Equal(t, "too_deep", firstError(t, begin+strings.Repeat(c.open, million), opts).Code)
		})
	}
	opts := &ParseOptions{MaxLength: 1 << 30, MaxDepth: 1 << 30}
	require.Equal(t, "too_deep", firstError(t, strings.Repeat("(", million), opts).Code, "the cap cannot be lifted without end")
	require.Equal(t, "too_deep", firstError(t, "((a = 1))", &ParseOptions{MaxDepth: 1}).Code)
	_, err := Parse(strings.Repeat("(a = 1) and ", 1000)+"b = 2", nil)
	require.NoError(t, err, "brackets beside each other do not nest")
	_, err = Parse("a = 1"+strings.Repeat(" and (b in (1, 2) or c = 1)", 1000), nil)
	require.NoError(t, err)
}

func TestLength(t *testing.T) {
	opts := &ParseOptions{MaxLength: 5}
	_, err := Parse("a = 1", opts)
	require.NoError(t, err)
	e := firstError(t, "a = 12", opts)
	require.Equal(t, "too_long", e.Code)
	require.Equal(t, "1:6: The query has 6 bytes. The limit is 5.", e.Error())

	_, err = Parse(`a = "`+strings.Repeat("x", 1<<20-6)+`"`, nil)
	require.NoError(t, err)
	require.Equal(t, "too_long", firstError(t, strings.Repeat(" ", 1<<20+1), nil).Code)
	e = firstError(t, "आयु = 5", &ParseOptions{MaxLength: 4})
	require.Equal(t, 2, e.Offset, "a character that is cut counts as one")
	_ = e.Caret()
}

func TestNodes(t *testing.T) {
	opts := &ParseOptions{MaxNodes: 4}
	_, err := Parse("a = 1 and b = 2", opts)
	require.NoError(t, err)
	for _, text := range []string{
		"a = 1 and b = 2 and c = 3", "a in (1, 2, 3)", "a = f(1, 2, 3)", "order by a, b, c, d, e",
		"not not not a = 1", "a = 1 order by a, b, c", "(((((a = 1)))))", "a was x by a by b by c",
	} {
		require.Equal(t, "too_many_nodes", firstError(t, text, opts).Code, "%s", text)
	}
	_, err = Parse(listQuery(65_536), nil)
	require.NoError(t, err)
}

// TestNoPanic reads all pairs and triples of bytes and some worse texts.
func TestNoPanic(t *testing.T) {
	check := func(text string) {
		for _, jira := range []bool{false, true} {
			q, err := Parse(text, &ParseOptions{Jira: jira})
			if err == nil {
				_ = q.String()
			} else {
				_ = err.(ErrorList).Caret()
			}
		}
		parsePrefix(text)
	}
	interesting := []byte("a1-\"'\\=!<>()~,[]|&{?;. \t\n\x00\x7f\x80\xa0\xc2\xe0\xef\xbf\xff")
	for i := range 256 {
		for j := range 256 {
			check(string([]byte{byte(i), byte(j)}))
		}
	}
	for _, a := range interesting {
		for _, b := range interesting {
			for _, c := range interesting {
				check(string([]byte{a, b, c}))
				check("a = " + string([]byte{a, b, c}) + " b")
			}
		}
	}
}

// TestAllocations holds the promise that a typical query is one allocation.
func TestAllocations(t *testing.T) {
	for text, most := range map[string]float64{
		"status = open AND diagnosis ~ malaria":  1,
		`status = "open" OR "age" >= 60`:         1,
		"age >= 60 ORDER BY age":                 2,
		"status in (open, closed) AND age >= 60": 4,
	} {
		got := testing.AllocsPerRun(100, func() { _, _ = Parse(text, nil) })
		require.LessOrEqual(t, got, most, "%s", text)
	}
}

// TestShared checks that queries can be parsed and printed by many at once.
func TestShared(t *testing.T) {
	q, err := Parse(`a = "x y" and not b in (1, 2) order by c`, nil)
	require.NoError(t, err)
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 100 {
				if q.String() != `a = "x y" AND NOT b IN (1, 2) ORDER BY c` || q.And(q).Or(q) == nil {
					t.Error("another text")
				}
			}
		}()
	}
	wait.Wait()
}

func TestExpected(t *testing.T) {
	for text, want := range map[string][]string{
		"":             nil,
		"= 1":          {"a field name", "NOT", "(", "ORDER BY"},
		"a b":          append(append([]string{}, operatorNames...), "["),
		"a = ":         {"EMPTY", "a value", "a function"},
		"a in ":        {"a list", "a function"},
		"a is ":        {"NOT", "EMPTY"},
		"a is not ":    {"EMPTY"},
		"a in (":       {"EMPTY", "a value", "a list", "a function"},
		"a in (1 2":    {",", ")"},
		"a = f(":       {"an argument", ")"},
		"a = 1 b":      {"AND", "OR", "ORDER BY", "the end of the query"},
		"(a = 1 b":     {")", "AND", "OR"},
		"a was b c":    {"AFTER", "BEFORE", "ON", "DURING", "BY", "AND", "OR", "ORDER BY", "the end of the query"},
		"order by a b": {"[", ",", "ASC", "DESC", "the end of the query"},
		"order":        {"BY"},
		"a in b":       {"("},
	} {
		q, err := Parse(text, nil)
		if want == nil {
			require.NoError(t, err)
			require.NotNil(t, q)
			continue
		}
		require.Equal(t, want, firstError(t, text, nil).Expected, "%q", text)
	}
}

// TestSuggestions puts the suggestion of an error in the place of its span and
// checks that the error is gone.
func TestSuggestions(t *testing.T) {
	for _, text := range []string{
		"a = true", "a = order", "in = 1", "a = b@c", "a = 50%", "a = \x01", "a = \"x\ty\"", `a = "x\qy"`, `a = x\q`, `a = b\`,
		"a = 'x", "age\u00a0= 5", "a = 99999999999999999999", "a = f(date)", "p[in] = 1", "a in (1, by)", "[5] = 1", "a = \ufdd0", `a = "\u12g4"`,
	} {
		for _, jira := range []bool{false, true} {
			opts := &ParseOptions{Jira: jira}
			for range 3 {
				_, err := Parse(text, opts)
				if err == nil {
					break
				}
				e := firstError(t, text, opts)
				require.NotEmpty(t, e.Suggestion, "%q", text)
				text = text[:e.Span.Start] + e.Suggestion + text[e.Span.End:]
			}
			_, err := Parse(text, opts)
			require.NoError(t, err, "%q", text)
		}
	}
}

func TestPlaces(t *testing.T) {
	e := firstError(t, "आयु = 5\nऔर", nil)
	require.Equal(t, Error{
		Span: Span{len("आयु = 5\n"), len("आयु = 5\nऔर")}, Code: "no_connective",
		Message: "Expecting 'AND', 'OR' or 'ORDER BY' but got 'और'.",
		Offset:  8, Length: 2, Line: 2, Column: 1, Found: "और",
		Expected: []string{"AND", "OR", "ORDER BY", "the end of the query"}, text: "आयु = 5\nऔर",
	}, *e)
	require.Equal(t, "2:1: Expecting 'AND', 'OR' or 'ORDER BY' but got 'और'.", e.Error())

	e = firstError(t, "a =", nil)
	require.Equal(t, []int{3, 0, 1, 4}, []int{e.Offset, e.Length, e.Line, e.Column})
	require.Empty(t, e.Found)
}

func TestErrorList(t *testing.T) {
	text := "aaa bbb\nccc"
	list := ErrorList{
		newError(text, Span{8, 11}, "c", "third"),
		newError(text, Span{4, 7}, "b", "second"),
		newError(text, Span{0, 3}, "a", "first"),
	}
	list.Sort()
	require.Equal(t, "1:1: first (and 2 more)", list.Error())
	require.Equal(t, "1:1: first (and 1 more)", list[:2].Error())
	require.Equal(t, "1:1: first", list[:1].Error())
	require.Equal(t, "no errors", ErrorList{}.Error())
	require.NoError(t, ErrorList(nil).Err())
	require.NoError(t, ErrorList{}.Err())
	err := fmt.Errorf("bad: %w", list.Err())
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "first", e.Message)
	var l ErrorList
	require.ErrorAs(t, err, &l)
	require.ErrorIs(t, err, list[2])
	require.Equal(t, "1:1: first\n | aaa bbb\n | ^^^\n1:5: second\n | aaa bbb\n | ....^^^\n2:1: third\n | ccc\n | ^^^", list.Caret())
	require.Equal(t, "0:0: by hand", (&Error{Message: "by hand", Span: Span{5, 2}}).Caret())
}

func TestErrorAt(t *testing.T) {
	q, err := Parse("age >= 60 AND gendr = female", nil)
	require.NoError(t, err)
	field := q.Where.(*Logical).Clauses[1].(*Clause).Field
	require.Equal(t, "1:15: unknown field \"gendr\"\n | age >= 60 AND gendr = female\n | ..............^^^^^",
		q.errorAt(field.Span, "unknown_field", `unknown field "gendr"`).Caret())

	byHand := &Query{Where: &Clause{Field: Field{Name: "gendr"}, Op: Operator{Name: "="}, Operand: Operand{Kind: StringOperand, Value: "f"}}}
	require.Equal(t, "1:1: unknown\n | gendr = f\n | ^^^^^^^^^", byHand.errorAt(Span{3, 9000}, "x", "unknown").Caret())

	bound, err := Bind("age > ? and gendr = ?", 5, "x")
	require.NoError(t, err)
	field = bound.Where.(*Logical).Clauses[1].(*Clause).Field
	require.Equal(t, "1:13: unknown\n | age > 5 AND gendr = x\n | ............^^^^^", bound.errorAt(field.Span, "x", "unknown").Caret())
}

// TestWords checks the table of words against the lexer.
func TestWords(t *testing.T) {
	require.Len(t, words, 179)
	require.Len(t, keywords, 20)
	for w := range words {
		require.LessOrEqual(t, len(w), longestWord)
		require.Equal(t, words[w], wordKind(strings.ToUpper(w)))
		require.True(t, needsQuotes(w))
		require.Equal(t, tokString, wordKind(w+"x_"))
	}
	for _, w := range []string{"a", "_", "brea\u212a", "wa\u017f", "\u0130s", "\u0131s", "x", "transactions", "intersections"} {
		require.Equal(t, tokString, wordKind(w))
	}
}
