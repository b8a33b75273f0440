package audit_test

import (
	"context"
	"fmt"
	"log"

	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
)

func Example() {
	ctx := context.Background()
	trail := audit.Open(docstore.New(memdoc.New()), nil)
	for _, e := range []audit.Entry{
		{Tenant: "pb", User: "amara", Action: "query.run", Object: "health-data-visits", Address: "10.1.4.7", Count: 318},
		{Tenant: "pb", User: "amara", Action: "filter.share", Object: "filters/f1", Detail: map[string]string{"with": "group:district-12"}},
		{Tenant: "ka", Action: "auth.failure", Address: "10.9.0.3"},
	} {
		if _, err := trail.Append(ctx, e); err != nil {
			log.Fatal(err)
		}
	}
	entries, err := trail.List(ctx, &audit.Query{Tenant: "pb"})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		fmt.Println(e.Seq, e.User, e.Action, e.Object, e.Count)
	}
	report, err := trail.Verify(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Entries, "entries, broken:", report.Break != nil)
	if err := trail.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2 amara filter.share filters/f1 0
	// 1 amara query.run health-data-visits 318
	// 3 entries, broken: false
}
