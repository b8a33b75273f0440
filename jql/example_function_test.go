package jql_test

import (
	"context"
	"fmt"
	"log"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// A service adds functions of its own. This one stands for the districts that a
// state has, and since it is a list it stands after IN.
func ExampleFunction() {
	districts := map[string][]string{"Kano": {"Gwale", "Dala"}, "Sokoto": {"Wurno"}}
	districtsOf := jql.Function{
		MinArgs: 1,
		MaxArgs: 1,
		List:    true,
		Kinds:   []record.Kind{record.String},
		Call: func(_ context.Context, call *jql.Call) ([]record.Value, error) {
			names, ok := districts[call.Args[0]]
			if !ok {
				return nil, fmt.Errorf("there is no state %q", call.Args[0])
			}
			var values []record.Value
			for _, name := range names {
				values = append(values, record.StringValue(name))
			}
			return values, nil
		},
	}
	visits, err := record.ParseSchema("visits", []byte(`{"mappings": {"properties": {"district": {"type": "keyword"}}}}`))
	if err != nil {
		log.Fatal(err)
	}
	opts := &jql.ResolveOptions{Functions: map[string]jql.Function{"districtsOf": districtsOf}}
	for _, text := range []string{"district IN districtsOf(Kano)", "district IN districtsOf(Atlantis)"} {
		q, err := jql.Parse(text, nil)
		if err != nil {
			log.Fatal(err)
		}
		got, err := jql.Resolve(context.Background(), q, []*record.Schema{visits}, opts)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(got.Plans[0].Where)
	}
	// Output:
	// terms district "Dala" "Gwale"
	// 1:13: there is no state "Atlantis"
}
