// Package export writes records to files.
//
// A [Format] has a name and makes an [Encoder], which writes records one after
// another to an io.Writer. The package has CSV, JSON and NDJSON; workbooks and
// printed pages are in packages xlsx and pdf. Which formats there are is
// whatever list of them a program holds. This one writes a CSV:
//
//	package main
//
//	import (
//		"log"
//		"os"
//		"strings"
//
//		"github.com/digit-health/dhr/export"
//		"github.com/digit-health/dhr/record"
//	)
//
//	const mapping = `{"properties": {"name": {"type": "keyword"}, "age": {"type": "integer"}}}`
//
//	func main() {
//		schema, err := record.ParseSchema("visits", []byte(mapping))
//		if err != nil {
//			log.Fatal(err)
//		}
//		columns, err := schema.Project("name", "age")
//		if err != nil {
//			log.Fatal(err)
//		}
//		e, err := export.CSV().NewEncoder(os.Stdout, export.Columns(nil, columns), nil)
//		if err != nil {
//			log.Fatal(err)
//		}
//		for r, err := range record.ReadNDJSON(strings.NewReader(`{"name": "Asha", "age": 3}`), "", columns) {
//			if err != nil {
//				log.Fatal(err)
//			}
//			if err := e.Encode(r); err != nil {
//				log.Fatal(err)
//			}
//		}
//		if err := e.Close(); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// # Cells
//
// What stands in a cell is decided once, by [Table], for every format. Types
// come from the schema, never from looking at values: an identifier of digits
// is text and keeps its zeros. Numbers keep the digits they were written with.
// An instant is written as RFC 3339 has it, in the zone that is asked for, with
// milliseconds if it has them; a day, a month and a year are never moved to
// another zone. A field of an object has a column of its own, under its dotted
// path. What is done with a list, [Options.Lists] says. Nothing is cut or
// changed in silence: what had to be is counted in the [Report].
//
// # Streams
//
// An encoder goes once over the records and holds none of them, unless its
// format has MaxRecords. The same records give the same bytes.
//
// # Errors
//
// Errors wrap one of the sentinels of this package, or are those of the
// writer. After an error there is no file: what was written is to be thrown away.
package export
