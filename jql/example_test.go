package jql_test

import (
	"errors"
	"fmt"

	"github.com/digit-health/dhr/jql"
)

func ExampleParse() {
	q, err := jql.Parse(`diagnosis ~ "dengue fever" AND age >= 60 ORDER BY visited DESC`, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range q.Where.(*jql.Logical).Clauses {
		c := x.(*jql.Clause)
		fmt.Printf("%s, %s, %s\n", c.Field.Name, c.Op.Name, c.Operand.Value)
	}
	fmt.Println("by", q.Order[0].Field.Name, q.Order[0].Direction)
	// Output:
	// diagnosis, ~, dengue fever
	// age, >=, 60
	// by visited DESC
}

func ExampleParse_jira() {
	_, err := jql.Parse("date > -7d", nil)
	fmt.Println(err)
	_, err = jql.Parse("date > -7d", &jql.ParseOptions{Jira: true})
	fmt.Println(err)
	// Output:
	// <nil>
	// 1:1: 'date' is a reserved JQL word. You must surround it in quotation marks to use it in a query.
}

func ExampleErrorList_Caret() {
	_, err := jql.Parse("status = open AND referred = true", nil)
	var list jql.ErrorList
	if errors.As(err, &list) {
		fmt.Println(list.Caret())
		fmt.Println("try", list[0].Suggestion)
	}
	// Output:
	// 1:30: 'true' is a reserved JQL word. You must surround it in quotation marks to use it in a query.
	//  | status = open AND referred = true
	//  | .............................^^^^
	// try "true"
}

func ExampleError_Caret() {
	_, err := jql.Parse("आयु > 60 AND लिंग स्त्री", nil)
	var e *jql.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code, e.Line, e.Column)
		fmt.Println(e.Caret())
	}
	// Output:
	// no_operator 1 19
	// 1:19: Expecting an operator but got 'स्त्री'. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'.
	//  | आयु > 60 AND लिंग स्त्री
	//  | ..................^^^^^^
}

func ExampleQuery_String() {
	q, err := jql.Parse(`( (age>=60) && "district" in ('Pune','New Delhi') )|| date is null order by visited desc`, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q)
	// Output:
	// age >= 60 AND district IN (Pune, "New Delhi") OR "date" IS EMPTY ORDER BY visited DESC
}

func ExampleQuote() {
	name := `O'Brien" OR status = "open`
	fmt.Println("name = " + jql.Quote(name))
	// Output:
	// name = "O'Brien\" OR status = \"open"
}

func ExampleBind() {
	q, err := jql.Bind("name = ? AND age >= ? AND district IN ? ORDER BY ? DESC",
		`O'Brien" OR status = "open`, 60, []string{"Pune", "New Delhi"}, "date")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q)
	// Output:
	// name = "O'Brien\" OR status = \"open" AND age >= 60 AND district IN (Pune, "New Delhi") ORDER BY "date" DESC
}

// A query can be a parameter of another one.
func ExampleBind_condition() {
	scope, err := jql.Parse("district = Pune OR district = Thane", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	q, err := jql.Bind("NOT ? AND status = ?", scope, "open")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q)
	// Output:
	// NOT (district = Pune OR district = Thane) AND status = open
}

func ExampleCond() {
	for _, c := range []struct {
		field, op string
		values    []any
	}{
		{"age", ">=", []any{60}},
		{"district", "in", []any{"Pune", "New Delhi"}},
		{"phone", "is not", nil},
	} {
		q, err := jql.Cond(c.field, c.op, c.values...)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(q)
	}
	// Output:
	// age >= 60
	// district IN (Pune, "New Delhi")
	// phone IS NOT EMPTY
}

func ExampleQuery_And() {
	asked, err := jql.Parse("diagnosis ~ dengue OR diagnosis ~ malaria ORDER BY visited", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	scope, err := jql.Cond("district", "=", "Pune")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(asked.And(scope))
	// Output:
	// (diagnosis ~ dengue OR diagnosis ~ malaria) AND district = Pune ORDER BY visited
}
