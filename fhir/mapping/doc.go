// Package mapping makes FHIR R4 resources of records, as mapping files say.
//
// A mapping file is YAML and is described in docs/fhir-mapping.md: which index, which resource type, and for each
// element of the resource a constant, a template of fields, a code, a reference. [Parse] reads one and checks all of it
// against R4; [Join] puts several files together; [Mapping.Bind] checks a mapping against the schema of its index and
// plans it once, into a [Mapper], which then only copies bytes:
//
//	set, err := mapping.Parse("hospital.yaml", text)
//	...
//	for _, m := range set.Mappings() {
//		x, err := m.Bind(schema)
//		...
//		// ask for the fields x.Fields(), where m.Where, and not m.Deleted
//		for r, err := range records {
//			line, err = x.Append(line[:0], r)
//
// # Records that cannot be mapped
//
// [Mapper.Append] gives a whole, valid resource or an [UnmappableError], never half a one: a required element without a
// value, a code outside of its map, several values where one is wanted, a text that is no date. The caller reports it
// and goes on.
//
// # Stable
//
// The same record gives the same bytes: elements stand in R4's order, numbers keep their digits, ids and references that do not
// fit FHIR are replaced by a hash, see [ID].
//
// # Search
//
// [Mapper.Search] turns FHIR search parameters, as they stand in a _typeFilter, into a condition in JQL. It is built
// as a tree and printed; nothing of what was asked is ever pasted into the text of a query.
//
// # Errors
//
// What is wrong in a file, or does not fit the index, is a list of [Error], each with its file, line, column and path.
// A search that cannot be done is a [SearchError].
package mapping
