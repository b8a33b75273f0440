package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/jql"
)

// A filter that is shared with a group is seen by its members, and changed by who may.
func Example() {
	ctx := context.Background()
	roles, err := access.ParseRoles(access.DefaultRoles())
	if err != nil {
		log.Fatal(err)
	}
	policy, err := access.NewPolicy(roles, nil)
	if err != nil {
		log.Fatal(err)
	}
	// A service checks queries against the indexes that the principal may see. Here they need only be read.
	check := func(_ context.Context, _ *access.Principal, text string, _ []string) error {
		_, err := jql.Parse(text, nil)
		return err
	}
	filters := dashboard.NewFilters(docstore.New(memdoc.New()), policy, check, nil)

	amara := &access.Principal{User: "amara", Tenant: "pb", Roles: []string{"ANALYST"}}
	ravi := &access.Principal{User: "ravi", Tenant: "pb", Roles: []string{"PATIENT"}, Groups: []string{"district-12"}}

	f, err := filters.Create(ctx, amara, &dashboard.Filter{
		Name:             "Fever this week",
		JQL:              `diagnosis ~ fever AND visited >= -1w`,
		SharePermissions: []dashboard.SharePermission{{Type: "group", ID: "district-12", Permission: dashboard.Read}},
	})
	if err != nil {
		log.Fatal(err)
	}
	page, err := filters.List(ctx, ravi, &dashboard.ListQuery{Owner: "shared", Name: "fever"})
	if err != nil {
		log.Fatal(err)
	}
	for _, found := range page.Filters {
		fmt.Println(found.Name, "of", found.Owner, "may be used to", found.Permission)
	}
	_, err = filters.Patch(ctx, ravi, f.ID, []byte(`{"description": "mine"}`), f.Version)
	fmt.Println(errors.Is(err, dashboard.ErrForbidden))

	f, err = filters.Patch(ctx, amara, f.ID, []byte(`{"jql": "diagnosis ~ fever AND age < 5"}`), f.Version)
	if err != nil {
		log.Fatal(err)
	}
	query, err := filters.Query(ctx, ravi, f.ID) // to be asked with what ravi may see
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(query.JQL)

	_, err = filters.Patch(ctx, amara, f.ID, []byte(`{"jql": "age <"}`), f.Version)
	var complaints jql.ErrorList
	fmt.Println(errors.As(err, &complaints), complaints)
	// Output:
	// Fever this week of amara may be used to read
	// true
	// diagnosis ~ fever AND age < 5
	// true 1:6: Expecting either a value or function before the end of the query.
}
