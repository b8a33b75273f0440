package bulk

import "time"

// Capabilities say what can be exported.
type Capabilities struct {
	// Types are the resource types, in their order.
	Types []TypeInfo
	// Formats are the values of _outputFormat, the canonical one first.
	Formats []string
	// Parameters are the names of the parameters that are understood.
	Parameters []string
	// AssociatedData are the values of includeAssociatedData, and OrganizeBy those of organizeOutputBy.
	AssociatedData, OrganizeBy []string
	// Groups says whether there are any.
	Groups bool
	Limits Limits
	// Retention is how long files are kept.
	Retention time.Duration
}

// A TypeInfo is a resource type that can be exported.
type TypeInfo struct {
	Type string
	// Compartment says that it is of the Patient compartment, and so exported at all levels.
	Compartment bool
	// Search are the parameters for _typeFilter.
	Search []SearchParam
}

// A SearchParam is a search parameter of a resource type.
type SearchParam struct {
	Name string
	// Kind is token, date, string or reference.
	Kind string
}
