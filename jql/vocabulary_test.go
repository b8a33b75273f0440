package jql_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

func ExampleOperators() {
	visits, err := record.ParseSchema("visits", []byte(`{"properties": {
		"age": {"type": "integer"},
		"diagnosis": {"type": "text", "fields": {"code": {"type": "keyword"}}},
		"notes": {"type": "text"},
		"photo": {"type": "keyword", "index": false, "doc_values": false}}}`))
	if err != nil {
		panic(err)
	}
	for f := range visits.All() {
		fmt.Println(f.Path, jql.Operators(visits, f), jql.Orderable(f))
	}
	// Output:
	// age [= != > >= < <= IN NOT IN IS IS NOT] true
	// diagnosis [= != ~ !~ IN NOT IN IS IS NOT] true
	// diagnosis.code [= != IN NOT IN IS IS NOT] true
	// notes [~ !~ IS IS NOT] false
	// photo [] false
}

// Every word that is listed is one that the other dialect refuses as a name.
func TestReservedWords(t *testing.T) {
	t.Parallel()
	words := jql.ReservedWords()
	require.Len(t, words, 20+159)
	require.IsIncreasing(t, words)
	for _, w := range words {
		if w == "not" || w == "order" || w == "cf" {
			continue // these may begin a query
		}
		_, err := jql.Parse(w+" = 1", &jql.ParseOptions{Jira: true})
		require.Error(t, err, w)
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	all := jql.Functions()
	require.Len(t, all, 11)
	require.True(t, all["membersOf"].List)
	require.NotNil(t, all["endOfYear"].Call)
}

func ExampleOperand_String() {
	q, err := jql.Parse(`"care site" in (open, "in progress", lastWeek("x y"), EMPTY)`, nil)
	if err != nil {
		panic(err)
	}
	c := q.Where.(*jql.Clause)
	fmt.Println(c.Field.String(), "|", c.Operand.String(), "|", c.Operand.Items[2].String())
	// Output: "care site" | (open, "in progress", lastWeek("x y"), EMPTY) | lastWeek("x y")
}
