package fhir

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed r4/search.txt
var searchText string

var searchTypes = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for words := range wordsOf(searchText) {
		of := map[string]string{}
		for _, word := range words[1:] {
			name, typ, _ := strings.Cut(word, ":")
			of[name] = typ
		}
		all[words[0]] = of
	}
	return all
})

// SearchType returns the type, such as token, of R4's search parameter of a resource type, or "" if R4 has none of that name.
func SearchType(resource, parameter string) string {
	switch parameter {
	case "_id", "_tag", "_security":
		return "token"
	case "_lastUpdated":
		return "date"
	case "_profile", "_source":
		return "uri"
	}
	return searchTypes()[resource][parameter]
}

//go:embed r4/compartment.txt
var compartmentText string

var compartments = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for words := range wordsOf(compartmentText) {
		all[words[0]] = words[1:]
	}
	return all
})

// PatientCompartment returns the paths of the elements by which resources of a type are in the compartment of the Patient they refer to,
// such as subject or participant.actor; nil if the type is in no Patient compartment. A Patient is in its own.
func PatientCompartment(resource string) []string { return compartments()[resource] }

// Relative returns a reference without its base, if that is one of bases, which may end with a slash.
func Relative(reference string, bases []string) string {
	for _, base := range bases {
		if rest, ok := strings.CutPrefix(reference, strings.TrimRight(base, "/")); ok && base != "" && strings.HasPrefix(rest, "/") {
			return rest[1:]
		}
	}
	return reference
}
