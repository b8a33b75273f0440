package fhir

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What elements.txt, search.txt and compartment.txt speak of is there.
func TestTables(t *testing.T) {
	t.Parallel()
	for name, notes := range tables().notes {
		typ := TypeOf(name)
		require.NotNil(t, typ, name)
		for element, n := range notes {
			if stem, ok := strings.CutSuffix(element, "[x]"); ok {
				members := 0
				for _, e := range typ.Elements() {
					if e.Choice == element {
						members++
						require.True(t, strings.HasPrefix(e.Name, stem))
					}
				}
				require.Greater(t, members, 1, "%s.%s", name, element)
				continue
			}
			require.NotNil(t, typ.Element(element), "%s.%s", name, element)
			for _, target := range n.targets {
				require.NotNil(t, TypeOf(target), "%s.%s: %s", name, element, target)
			}
		}
	}
	for _, typ := range tables().byName {
		choices := map[string]bool{}
		for _, e := range typ.Elements() {
			choices[e.Choice] = true
		}
		require.LessOrEqual(t, len(choices), maxChoices, typ.Name)
	}
	require.Len(t, Types(), 146) // the model has Resource and DomainResource besides
	for typ, params := range searchTypes() {
		require.True(t, TypeOf(typ).Resource)
		require.NotEmpty(t, params)
	}
	for typ, paths := range compartments() {
		for _, path := range paths {
			at := TypeOf(typ)
			require.NotNil(t, at, typ)
			for part := range strings.SplitSeq(path, ".") {
				e := at.Element(part)
				require.NotNil(t, e, "%s.%s", typ, path)
				at = e.Type
			}
			require.Equal(t, "Reference", at.Name, "%s.%s", typ, path)
		}
	}
}

func TestTypeOf(t *testing.T) {
	t.Parallel()
	patient := TypeOf("Patient")
	require.True(t, patient.Resource)
	require.Equal(t, []string{"id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension", "identifier", "active", "name", "telecom", "gender", "birthDate",
		"deceasedBoolean", "deceasedDateTime", "address", "maritalStatus", "multipleBirthBoolean", "multipleBirthInteger", "photo", "contact", "communication", "generalPractitioner", "managingOrganization", "link"}, patient.Names())
	require.Equal(t, &Element{Name: "gender", Primitive: "code", Codes: []string{"male", "female", "other", "unknown"}, Order: 12}, patient.Element("gender"))
	require.Equal(t, &Element{Name: "birthDate", Primitive: "date", Order: 13}, patient.Element("birthDate"))
	require.Equal(t, &Element{Name: "deceasedDateTime", Primitive: "dateTime", Choice: "deceased[x]", Order: 15}, patient.Element("deceasedDateTime"))
	require.Same(t, TypeOf("HumanName"), patient.Element("name").Type)
	require.Same(t, TypeOf("Patient.contact"), patient.Element("contact").Type)
	require.False(t, TypeOf("Patient.contact").Resource)
	require.Equal(t, []string{"Organization", "Practitioner", "PractitionerRole"}, patient.Element("generalPractitioner").Targets)
	require.Nil(t, TypeOf("Bundle").Element("contained"))
	require.Nil(t, TypeOf("patient"))
	require.Equal(t, "Patient", Nearest("patiend", Types()))
	require.Empty(t, Nearest("xyzzy", Types()))
	require.Equal(t, "token", SearchType("Observation", "code"))
	require.Equal(t, "reference", SearchType("Observation", "subject"))
	require.Empty(t, SearchType("Observation", "x"))
	require.Equal(t, []string{"subject", "performer"}, PatientCompartment("Observation"))
	require.Nil(t, PatientCompartment("Organization"))
}
