package docstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
)

// A document is written in the version that its writer read, or not at all.
func Example() {
	ctx := context.Background()
	store := docstore.New(memdoc.New())
	filter := &docstore.Document{
		Key:    docstore.Key{Tenant: "pb", Kind: "filters", ID: "f1"},
		Name:   "Fever this week",
		Labels: []string{"owner:amara", "group:district-12"},
		Body:   json.RawMessage(`{"jql": "diagnosis = fever"}`),
	}
	made, err := store.Put(ctx, filter, 0)
	if err != nil {
		log.Fatal(err)
	}
	made.Body = json.RawMessage(`{"jql": "diagnosis = fever AND age < 5"}`)
	changed, err := store.Put(ctx, made, made.Version)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("version", changed.Version)

	_, err = store.Put(ctx, filter, 1) // somebody else, who has read version 1
	fmt.Println(errors.Is(err, docstore.ErrConflict))

	for d, err := range store.All(ctx, &docstore.Query{Tenant: "pb", Kind: "filters", Any: []string{"group:district-12"}, Order: docstore.ByName}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.Name, string(d.Body))
	}
	// Output:
	// version 2
	// true
	// Fever this week {"jql": "diagnosis = fever AND age < 5"}
}
