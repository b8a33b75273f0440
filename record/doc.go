/*
Package record holds the one noun of DHR: a record is a typed tuple under a schema.

A [Schema] says which fields the records of an index have. It is read from an
Elasticsearch mapping, the same file from which every engine makes its index or
its tables. A [Projection] chooses some of the fields as columns. A [Record] has
under each column the values of that field, and each [Value] is a small struct
that compares by what it means and remembers how it was written. A [Stream] is a
sequence of records that is never held in memory as a whole.

This program prints the children under five:

	package main

	import (
		"fmt"
		"log"
		"strings"

		"github.com/digit-health/dhr/record"
	)

	const mapping = `{"mappings": {
		"properties": {"child": {"properties": {
			"name": {"type": "keyword"},
			"age":  {"type": "integer"}
		}}},
		"_meta": {"dhr": {"aliases": {"age": "child.age"}, "personal": ["child.name"]}}
	}}`

	const visits = `{"child": {"name": "Asha", "age": 3}}
	{"child": {"name": "Ravi", "age": 7}}
	{"child.name": "Meena", "child.age": "4"}`

	func main() {
		schema, err := record.ParseSchema("visits", []byte(mapping))
		if err != nil {
			log.Fatal(err)
		}
		columns, err := schema.Project("child.name", "child.age")
		if err != nil {
			log.Fatal(err)
		}
		for r, err := range record.ReadNDJSON(strings.NewReader(visits), "visits.ndjson", columns) {
			if err != nil {
				log.Fatal(err)
			}
			if r.Value(1).Int() < 5 {
				fmt.Println(r.Value(0).Text(), r.Value(1).Text())
			}
		}
	}

# Fields and kinds

A mapping has many types; DHR makes a few kinds of them, and values of one kind
compare in one way, in every engine. A text and its multi-fields are fields of
their own: [Field.Exact] finds the one that holds whole values, [Field.FullText]
the one that is found by its words. The keys of a flattened field are fields as
well, made when they are asked for. Names for people are the business of
[Schema.Lookup], which knows paths in any case, aliases and labels, and of
[Schema.Nearest], which guesses what was meant.

What DHR adds to a mapping stands in its _meta.dhr block, described at
[ParseSchema]. Types and settings that DHR does not know do not hinder it: they
are listed in [Schema.Unknown], and are written back as they were.

# Values

What a text means in a field is decided in one place, for documents and for the
operands of queries alike: [Field.Parse] does with it what Elasticsearch does
when it indexes it. The tables in testdata were asked of the real server. So a
float has the precision of its type, 2^53+1 in a long is not 2^53, and 1e400 is
an error, never infinity. A value keeps the characters it was written with
beside what it compares by: 36.50 equals 36.5 and is still printed as 36.50. The
exception is an address, which is printed in its canonical form.

Where a document may be careless, an operand may not: 5.7 in a document is 5
in an integer field, since that is what the engine has indexed, while a question
for 5.7 there is refused. DHR refuses a few oddities that Elasticsearch takes:
days that do not exist, zones with the names of regions, NaN for a whole number.

# Documents

A [Decoder] goes once over the bytes of a document, straight to the wanted
fields. All of the document is checked to be JSON as RFC 8259 has it, in
UTF-8, and nested no deeper than 1000 times; what is wanted is checked against
its type. Lists are taken apart, so a column holds its values in the order of the
document, with repeats. {"a.b": 1} and {"a": {"b": 1}} are the same. An object, a
nested object or a point that is wanted as a whole is one JSON value;
[Schema.ProjectNested] reads such values further, each for itself.

# Streams and lifetime

A stream is ranged over once. Its first error is its last pair. Leaving the loop
releases what the stream holds.

A record that comes out of a stream or a decoder is lent: it and the texts of
its values hold until the next one, for they point into a buffer that is used
again. That is why reading allocates nothing. [Record.Clone] makes a record to
keep, [Value.Clone] a value.

Schemas, fields and projections never change and may be shared by goroutines;
records and decoders may not.

# Errors

Each error says where: a [SchemaError] the path in the mapping file or the name
that is no field's, a [ValueError] the field, the text and what was wanted in
its place, a [DocumentError] the file, line, byte and field, and how many records
came before. No input, however broken, makes this package panic.
*/
package record
