// Package sqlsearch keeps records in SQLite, which is built in, or in
// PostgreSQL, and answers plans from there.
//
// # Tables
//
// An index has these tables, whose names begin with what stands for it, here i:
//
//	i         row, id, and a column for each field: the value, of several the
//	          least; NULL for none. For a text, an object or a point: 1 or NULL
//	i_source  row, doc: the document as it was given
//	i_values  field, row, ord, value: all values of the fields of those records that
//	          have several of them, and the keys of flattened fields
//	i_codes   code, field, value: the dictionary of strings
//	i_text0   the terms of the text fields, for MATCH (FTS5)
//	i_terms   every term that some text has had, for wildcards and the like
//
// Values are stored as [sqlgen.Argument] makes them; a string of a field that folds
// case in lower case. Strings that come again and again are
// codes of the dictionary; a field with a great many different ones has
// them as they are. Which it is, and whether some record has had several values in a field, is
// remembered field by field in the catalog, so that a question touches only what
// it must. The key of a schema, as long as it is the ID of every record, is
// stored with the IDs alone. Fields inside of nested objects hold the values of all of them.
//
// Groups of many records are counted in columns in memory, of an index with up to 5,000,000 records; so are pages
// and counts answered of one with up to 250,000, and what histories say, once they have been asked for a few times since
// it was changed; see Options.Columns. What they cannot tell, SQL does.
//
// A new version of a record is stored under a new row, so that what is read in the order
// of rows is read in the order of loading.
package sqlsearch
