package export_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

func Example() {
	schema, err := record.ParseSchema("visits", []byte(`{
		"properties": {"name": {"type": "keyword"}, "phone": {"type": "keyword"}, "doses": {"type": "integer"}},
		"_meta": {"dhr": {"labels": {"name": "Name of the child"}}}}`))
	if err != nil {
		panic(err)
	}
	columns, err := schema.Project("name", "phone", "doses")
	if err != nil {
		panic(err)
	}
	e, err := export.CSV().NewEncoder(os.Stdout, export.Columns(nil, columns), &export.Options{Labels: true, NoBOM: true})
	if err != nil {
		panic(err)
	}
	const visits = `{"name": "Asha", "phone": "+91 98450 00001", "doses": [1, 2]}
		{"name": "Ravi \"Bunty\" Kumar", "doses": -1}`
	for r, err := range record.ReadNDJSON(strings.NewReader(visits), "visits", columns) {
		if err != nil {
			panic(err)
		}
		if err := e.Encode(r); err != nil {
			panic(err)
		}
	}
	if err := e.Close(); err != nil {
		panic(err)
	}
	fmt.Println(e.Report().Escaped, "cell escaped")
	// Output:
	// Name of the child,phone,doses
	// Asha,'+91 98450 00001,1; 2
	// "Ravi ""Bunty"" Kumar",,-1
	// 1 cell escaped
}
