package jql_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// Complete says what may stand at the cursor, also in the middle of a query.
func ExampleComplete() {
	visits, err := record.ParseSchema("visits", []byte(`{"mappings": {"properties": {
		"diagnosis": {"type": "keyword"},
		"date":      {"type": "date"}
	}}}`))
	if err != nil {
		log.Fatal(err)
	}
	known := []string{"Dengue", "Malaria", "Malnutrition", "Measles"}
	opts := &jql.CompleteOptions{
		Values: func(_ context.Context, _ *record.Field, prefix string, limit int) ([]string, error) {
			var found []string
			for _, v := range known {
				if strings.HasPrefix(strings.ToLower(v), strings.ToLower(prefix)) && len(found) < limit {
					found = append(found, v)
				}
			}
			return found, nil
		},
	}
	for _, text := range []string{"di", "diagnosis = mal", "date >= startOfM"} {
		offers, err := jql.Complete(context.Background(), text, len(text), []*record.Schema{visits}, opts)
		if err != nil {
			log.Fatal(err)
		}
		for _, c := range offers {
			fmt.Printf("%s: %s%s (%s)\n", text, text[:c.Replace.Start], c.Text, c.Kind)
		}
	}
	// Output:
	// di: diagnosis (field)
	// diagnosis = mal: diagnosis = Malaria (value)
	// diagnosis = mal: diagnosis = Malnutrition (value)
	// date >= startOfM: date >= startOfMonth() (function)
}
