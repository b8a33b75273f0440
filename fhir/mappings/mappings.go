// Package mappings has the mapping files that DHR ships: each is a text for package mapping, to be used as it is or
// as the beginning of one's own. docs/fhir-mappings.md says what becomes what, and what was left out.
package mappings

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/fhir/mapping"
)

//go:embed *.yaml
var files embed.FS

// The names of the files.
const (
	// Sample is for the sample indexes of a new server.
	Sample = "sample"
	// Campaign is for the indexes of DIGIT's health campaign management.
	Campaign = "campaign"
	// Hospital is for a hospital's tables patients, medical_records, medical_history and consents, as examples/hospital has them.
	Hospital = "hospital"
)

// Names returns the names of all files, in alphabetical order.
func Names() []string { return []string{Campaign, Hospital, Sample} }

// Text returns the file of a name, which the caller may change.
func Text(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("mappings: found %q; expected one of %s", name, strings.Join(Names(), ", "))
	}
	return files.ReadFile(name + ".yaml")
}

// Shipped returns the mappings of the files of these names together; without names, of all.
func Shipped(names ...string) (*mapping.Set, error) {
	if len(names) == 0 {
		names = Names()
	}
	sets := make([]*mapping.Set, 0, len(names))
	for _, name := range names {
		text, err := Text(name)
		if err != nil {
			return nil, err
		}
		set, err := mapping.Parse(name+".yaml", text)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return mapping.Join(sets...)
}
