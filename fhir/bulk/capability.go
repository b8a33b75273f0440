package bulk

import (
	"slices"
	"strings"
	"time"
)

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

// Capabilities returns what can be exported here.
func (s *Service) Capabilities() *Capabilities {
	c := &Capabilities{
		Formats: slices.Clone(formatNames), Parameters: slices.Clone(parameterNames), AssociatedData: slices.Clone(associatedNames),
		OrganizeBy: []string{patientType}, Groups: len(s.config.Groups) > 0, Limits: s.config.Limits, Retention: s.config.Retention,
	}
	for _, m := range s.config.Mappings {
		i := slices.IndexFunc(c.Types, func(t TypeInfo) bool { return t.Type == m.Type })
		if i < 0 {
			i = len(c.Types)
			c.Types = append(c.Types, TypeInfo{Type: m.Type})
		}
		t := &c.Types[i]
		t.Compartment = t.Compartment || inCompartment(m)
		for _, p := range m.Params {
			if !slices.ContainsFunc(t.Search, func(has SearchParam) bool { return has.Name == p.Name }) {
				t.Search = append(t.Search, SearchParam{Name: p.Name, Kind: p.Type})
			}
		}
	}
	slices.SortFunc(c.Types, func(a, b TypeInfo) int { return strings.Compare(a.Type, b.Type) })
	return c
}
