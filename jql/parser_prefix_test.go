package jql

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	condition = wantField | wantNot | wantOpen
	more      = wantAnd | wantOr | wantOrderBy | wantEnd
)

var prefixes = []struct {
	text     string
	word     string // the unfinished word
	want     wanted
	field    string
	operator string
	rest     string // predicate or function
}{
	{"", "", condition | wantOrderBy | wantEnd, "", "", ""},
	{"ag", "ag", condition | wantOrderBy | wantEnd, "", "", ""},
	{"आयु", "आयु", condition | wantOrderBy | wantEnd, "", "", ""},
	{"not ", "", condition, "", "", ""},
	{"(", "", condition, "", "", ""},
	{"age ", "", wantOperator | wantOpenBracket, "age", "", ""},
	{"date n", "n", wantOperator | wantOpenBracket, "date", "", ""},
	{"age !", "!", wantOperator | wantOpenBracket, "age", "", ""},
	{"age = 5 and age<", "<", wantOperator | wantOpenBracket, "age", "", ""},
	{"age = 5 and !", "", condition, "", "", ""},
	{"age >=", "", wantScalar, "age", ">=", ""},
	{"age not ", "", wantIn, "age", "", ""},
	{"age =", "", wantScalarOrEmpty, "age", "=", ""},
	{"age = ", "", wantScalarOrEmpty, "age", "=", ""},
	{"age = fo", "fo", wantScalarOrEmpty, "age", "=", ""},
	{`age = "fo b`, `"fo b`, wantScalarOrEmpty, "age", "=", ""},
	{"age = true", "true", wantScalarOrEmpty, "age", "=", ""},
	{"age >= 6", "6", wantScalar, "age", ">=", ""},
	{"age in ", "", wantMany, "age", "in", ""},
	{"age in (", "", wantAny, "age", "in", ""},
	{"age in (1", "1", wantAny, "age", "in", ""},
	{"age in (1, ", "", wantAny, "age", "in", ""},
	{"age in (1 ", "", wantComma | wantClose, "", "", ""},
	{"age not in (1, 2", "2", wantAny, "age", "not in", ""},
	{"age is ", "", wantIsNot | wantEmpty, "age", "is", ""},
	{"age is no", "no", wantIsNot | wantEmpty, "age", "is", ""},
	{"age is not ", "", wantEmpty, "age", "is not", ""},
	{"age = 5 ", "", more, "", "", ""},
	{"age = 5 an", "an", more, "", "", ""},
	{"age = 5 and", "and", more, "", "", ""},
	{"age = 5 and ", "", condition, "", "", ""},
	{"age = 5 &&", "", condition, "", "", ""},
	{"age = 5 and not ", "", condition, "", "", ""},
	{"(age = 5 ", "", wantClose | wantAnd | wantOr, "", "", ""},
	{"(age = 5)", "", more, "", "", ""},
	{"created > startOfDay(", "", wantArgument | wantClose, "created", ">", "startOfDay"},
	{`created > startOfDay("-`, `"-`, wantArgument | wantClose, "created", ">", "startOfDay"},
	{"a = f(1, ", "", wantArgument, "a", "=", "f"},
	{"status was ", "", wantScalarOrEmpty | wantIsNot | wantIn, "status", "was", ""},
	{"status was not ", "", wantScalarOrEmpty | wantIn, "status", "was not", ""},
	{"status was in ", "", wantMany, "status", "was in", ""},
	{"status was open ", "", more | wantWasPredicate, "status", "was", ""},
	{"status changed ", "", more | wantChangedPredicate, "status", "changed", ""},
	{"status changed from ", "", wantAny, "status", "changed", "from"},
	{"status changed from a by ", "", wantAny, "status", "changed", "by"},
	{"a = 1 order ", "", wantBy, "", "", ""},
	{"a = 1 order by ", "", wantField, "", "", ""},
	{"a = 1 order by b", "b", wantField, "", "", ""},
	{"a = 1 order by b ", "", wantOpenBracket | wantDirection | wantComma | wantEnd, "", "", ""},
	{"a = 1 order by b desc ", "", wantComma | wantEnd, "", "", ""},
	{"a = 1 order by b desc, ", "", wantField, "", "", ""},
	{"issue.property[", "", wantProperty, "", "", ""},
	{"cf[", "", wantCustomField, "", "", ""},

	// After an error.
	{"a = = and b ", "", wantOperator | wantOpenBracket, "b", "", ""},
	{"a b c and d = ", "", wantScalarOrEmpty, "d", "=", ""},
	{"a = 1 b = 2 or (c in (1 2, ", "", wantAny, "c", "in", ""},
	{"(a = = 1 and b = 2 ", "", wantAnd | wantOr | wantClose, "", "", ""},
	{"(a = = 1) ", "", more, "", "", ""},
	{"(a = = 1) and ", "", condition, "", "", ""},
	{"a = 1 ) and b > ", "", wantScalar, "b", ">", ""},
	{"a = @ and not b ", "", wantOperator | wantOpenBracket, "b", "", ""},
	{"a = \xff and b ", "", wantOperator | wantOpenBracket, "b", "", ""},
	{"a == 1 order by ", "", wantField, "", "", ""},
	{"and and ", "", condition, "", "", ""},
	{"= ", "", more, "", "", ""},
	{"'' = ", "", wantScalarOrEmpty, "", "=", ""},
	{"a = 'it''s' and b ", "", wantOperator | wantOpenBracket, "b", "", ""},
}

func TestParsePrefix(t *testing.T) {
	for _, c := range prefixes {
		got := parsePrefix(c.text)
		require.Equal(t, c.word, got.word.text(c.text), "%q", c.text)
		require.Equal(t, c.want.names(), got.want.names(), "%q", c.text)
		if got.field == nil {
			require.Empty(t, c.field+c.operator, "%q", c.text)
			continue
		}
		require.Equal(t, c.field, got.field.Name, "%q", c.text)
		require.Equal(t, c.operator, got.operator, "%q", c.text)
		require.Equal(t, c.rest, got.predicate+got.function, "%q", c.text)
	}
}

// TestPrefixOfAll checks that at every place of every query the token that
// follows is one that parsePrefix says may follow.
func TestPrefixOfAll(t *testing.T) {
	readReference(t, func(a *refAnswer) {
		if !a.OK || a.Category == "short" {
			return
		}
		for i := range a.Query {
			if i > 0 && strings.IndexByte(" (),", a.Query[i-1]) >= 0 {
				require.NotZero(t, parsePrefix(a.Query[:i]).want, "%q", a.Query[:i])
			}
		}
	})
	deep := strings.Repeat("(", 1_000_000)
	require.NotZero(t, parsePrefix(deep+"a = ").want)
}
