package access_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

const visits = `{"mappings": {
	"_meta": {"dhr": {"personal": ["patient"]}},
	"properties": {
		"district": {"type": "keyword"},
		"age":      {"type": "integer"},
		"patient":  {"properties": {"name": {"type": "keyword"}, "phone": {"type": "keyword"}}}
	}}}`

// A nurse sees the visits of her district: ages as bands, phones as pseudonyms, and no names.
func Example() {
	roles, err := access.ParseRoles([]byte(`{"nurse": {"grants": [{
		"indexes":  ["{tenant}-visits"],
		"rows":     "district = attribute(district)",
		"fields":   [
			{"fields": ["age"], "show": {"as": "band", "width": 10, "top": 90}},
			{"fields": ["patient.phone"], "show": "pseudonym"}
		],
		"personal": "hidden",
		"others":   "visible"
	}]}}`))
	if err != nil {
		log.Fatal(err)
	}
	policy, err := access.NewPolicy(roles, &access.Options{Key: []byte("a secret that is kept elsewhere")})
	if err != nil {
		log.Fatal(err)
	}
	schema, err := record.ParseSchema("pb-visits", []byte(visits))
	if err != nil {
		log.Fatal(err)
	}
	who := &access.Principal{User: "asha", Tenant: "pb", Roles: []string{"nurse"}, Attributes: map[string][]string{"district": {"Pune"}}}
	view, ok := policy.View(who, schema)
	if !ok {
		log.Fatal("no such index")
	}
	scope, err := view.Scope(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("scope:", scope)
	for f := range view.Full().All() {
		fmt.Println(f.Path, "shown:", view.Shown(f), "masked:", view.Masked(f))
	}
	fmt.Println(view.Mask(nil, schema.Field("age"), []record.Value{record.IntValue(34), record.IntValue(102)}))

	query, err := jql.Parse(`patient.name = Asha`, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = jql.Resolve(context.Background(), query, []*record.Schema{view.Schema()}, nil)
	fmt.Println(err)

	// Output:
	// scope: terms district "Pune"
	// district shown: true masked: false
	// age shown: true masked: true
	// patient shown: false masked: false
	// patient.name shown: false masked: false
	// patient.phone shown: true masked: true
	// ["30-39" "90+"]
	// 1:1: unknown field "patient.name" in index "pb-visits"
}

// What is wrong with a policy is said with its place.
func ExampleNewPolicy() {
	_, err := access.NewPolicy(map[string]access.Role{"officer": {Grants: []access.Grant{{
		Indexes: []string{"*"},
		Rows:    `district = attribute(district) AND`,
		Others:  access.Treatment{As: access.Visible},
	}}}}, nil)
	fmt.Println(err)
	var where *access.Error
	if errors.As(err, &where) {
		fmt.Println(where.Role, where.Grant, where.Part)
	}
	// Output:
	// access: role "officer": grants[0]: rows: 1:35: Expecting a field name before the end of the query.
	// officer 0 rows
}
