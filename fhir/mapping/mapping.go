package mapping

import (
	"errors"

	"github.com/digit-health/dhr/record"
)

// A Set is the mappings of one or several files. It never changes and is safe for concurrent use.
type Set struct {
	mappings []*Mapping
}

// Mappings returns the mappings in the order of their files. The caller must not change the slice.
func (s *Set) Mappings() []*Mapping { return s.mappings }

// A Mapping says how the records of an index become resources of one type. It never changes and is safe for concurrent use.
type Mapping struct {
	// Name is unique in a Set.
	Name string
	// Index is the name of the index, alias or data stream, as the file has it.
	Index string
	// Type is the resource type.
	Type string
	// Native says that the documents of the index are the resources: they are scanned with their source.
	Native bool
	// Where and Deleted are JQL conditions, or empty: which records become this resource, and which of these are deleted ones.
	Where, Deleted string
	// LastUpdated is the path of the field of meta.lastUpdated, or empty.
	LastUpdated string
	// Patient is the template of the id of the Patient in whose compartment the resource is, or empty if it is in none.
	Patient string
	// Params are the search parameters in the order of their names, _id and _lastUpdated among them.
	Params []SearchParam
}

// A SearchParam is a search parameter that a mapping understands.
type SearchParam struct {
	Name string
	// Type is token, date, string or reference.
	Type string
}

// Parse reads a mapping file; name is what its errors call it. The error is an [Errors] with all mistakes.
func Parse(name string, text []byte) (*Set, error) { return nil, errUnfinished }

// Join returns the mappings of all the sets. Two with one name are an error.
func Join(sets ...*Set) (*Set, error) { return nil, errUnfinished }

// Bind checks the mapping against the schema of its index and plans it. The error is an [Errors].
func (m *Mapping) Bind(schema *record.Schema) (*Mapper, error) { return nil, errUnfinished }

// A Mapper makes resources of the records of one index. It is safe for concurrent use.
type Mapper struct{}

// Mapping returns the mapping that was bound.
func (x *Mapper) Mapping() *Mapping { return nil }

// Fields returns the paths of the fields that Append, PatientOf and IDOf need as columns of the records.
func (x *Mapper) Fields() []string { return nil }

// Append appends the resource of r as one line of JSON without the line feed. If the record cannot be mapped, the error is an
// [UnmappableError] and dst is returned as it was.
func (x *Mapper) Append(dst []byte, r *record.Record) ([]byte, error) { return dst, errUnfinished }

// IDOf returns the id of r's resource. The error is an [UnmappableError].
func (x *Mapper) IDOf(r *record.Record) (string, error) { return "", errUnfinished }

// PatientOf returns the id of the Patient in whose compartment r's resource is, or "" if it is in none.
func (x *Mapper) PatientOf(r *record.Record) string { return "" }

// Elements returns a mapper whose resources have, besides the mandatory elements, only those of the outermost level that
// are named, and a meta.tag SUBSETTED. A name that is no element of the type is an error.
func (x *Mapper) Elements(names ...string) (*Mapper, error) { return nil, errUnfinished }

// Search turns search parameters, such as code=http://loinc.org|1234-5&date=ge2024-01-01, into a JQL condition in canonical form.
// The error is a [SearchError].
func (x *Mapper) Search(query string) (string, error) { return "", errUnfinished }

// OfPatients returns the JQL condition for the resources in the compartments of these patients, or a [SearchError] if
// the index cannot be asked for one of these ids; then only [Mapper.PatientOf] tells.
func (x *Mapper) OfPatients(ids ...string) (string, error) { return "", errUnfinished }

// ID returns text if it is an id as FHIR has it, and else "h-" and a hash of it.
func ID(text string) string { return text }

var errUnfinished = errors.New("mapping: not written yet")

// An UnmappableError says why a record is no resource.
type UnmappableError struct {
	// ID is the record's id, Path the element such as Patient.name.family, Reason what is wrong in words.
	ID, Path, Reason string
}

// Error returns all of it on one line.
func (e *UnmappableError) Error() string {
	return "record " + e.ID + " cannot be mapped: " + e.Path + ": " + e.Reason
}

// A SearchError says why a search cannot be done.
type SearchError struct {
	// Parameter is the name of the search parameter, with its modifier, Value what was asked for, or empty.
	Parameter, Value string
	// Reason says what is wrong, and what to ask instead.
	Reason string
}

// Error returns all of it on one line.
func (e *SearchError) Error() string { return "search parameter " + e.Parameter + ": " + e.Reason }
