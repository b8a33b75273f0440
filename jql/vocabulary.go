package jql

import (
	"maps"
	"slices"
	"strings"

	"github.com/digit-health/dhr/record"
)

// Functions returns the functions of the language, under the names by which they are written, for
// those who list or describe them. The caller owns the map.
func Functions() map[string]Function {
	all := make(map[string]Function, len(builtinNames))
	for _, name := range builtinNames {
		all[name] = builtins[strings.ToLower(name)]
	}
	return all
}

// ReservedWords returns the keywords of the language and the words that Jira reserves, in
// alphabetical order. Of the latter DHR's dialect takes all as names of fields.
func ReservedWords() []string { return slices.Sorted(maps.Keys(words)) }

// Operators returns the operators that may follow a field of a schema, in capitals: those that are used most come first.
// There are none for a field that cannot be asked about.
func Operators(s *record.Schema, f *record.Field) []string {
	return fieldOperators(f, s.History(f) != nil)
}

// Orderable reports whether records can be put in the order of a field.
func Orderable(f *record.Field) bool {
	exact := f.Exact()
	return f.Searchable && exact != nil && isScalar(exact)
}
