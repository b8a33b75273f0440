package mappings_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/bench/campaign"
	"github.com/digit-health/dhr/fhir/mappings"
	"github.com/digit-health/dhr/record"
)

func Example() {
	set, err := mappings.Shipped(mappings.Hospital)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range set.Mappings() {
		fmt.Printf("%s: %s -> %s\n", m.Name, m.Index, m.Type)
	}
	// Output:
	// hospital-patients: patients -> Patient
	// hospital-encounters: medical_records -> Encounter
	// hospital-observations: medical_records -> Observation
	// hospital-prescriptions: medical_records -> MedicationRequest
	// hospital-documents: medical_records -> DocumentReference
	// hospital-provenances: medical_records -> Provenance
	// hospital-conditions: medical_history -> Condition
	// hospital-consents: consents -> Consent
}

// Without names all files are joined, so that no name of a mapping stands in two of them.
func TestAllAreShipped(t *testing.T) {
	t.Parallel()
	all, err := mappings.Shipped()
	require.NoError(t, err)
	n := 0
	for _, name := range mappings.Names() {
		set, err := mappings.Shipped(name)
		require.NoError(t, err)
		require.NotEmpty(t, set.Mappings())
		n += len(set.Mappings())
	}
	require.Len(t, all.Mappings(), n)
	require.True(t, slices.IsSorted(mappings.Names()))
}

// What is of a patient says of whom: else a Patient export would leave it out.
func TestCompartments(t *testing.T) {
	t.Parallel()
	all, err := mappings.Shipped()
	require.NoError(t, err)
	ofNobody := []string{"Group", "Location", "SupplyDelivery", "MeasureReport"}
	for _, m := range all.Mappings() {
		require.Equal(t, slices.Contains(ofNobody, m.Type), m.Patient == "", m.Name)
		require.NotEmpty(t, m.Params, m.Name)
	}
}

func TestUnknownFile(t *testing.T) {
	t.Parallel()
	_, err := mappings.Text("hospitals")
	require.EqualError(t, err, `mappings: found "hospitals"; expected one of campaign, hospital, sample`)
	_, err = mappings.Shipped(mappings.Sample, "../mapping/doc.go")
	require.ErrorContains(t, err, "expected one of")
	_, err = mappings.Shipped(mappings.Sample, mappings.Sample)
	require.ErrorContains(t, err, "sample-patients")
}

// The text belongs to the caller.
func TestTextIsACopy(t *testing.T) {
	t.Parallel()
	text, err := mappings.Text(mappings.Campaign)
	require.NoError(t, err)
	clear(text)
	again, err := mappings.Text(mappings.Campaign)
	require.NoError(t, err)
	require.NotEqual(t, text, again)
}

// A country that names the levels of its administration otherwise is no mistake; one that lacks a field that counts is.
func TestIndexesDiffer(t *testing.T) {
	t.Parallel()
	set, err := mappings.Shipped(mappings.Campaign)
	require.NoError(t, err)
	for _, m := range set.Mappings() {
		schema, err := campaign.Schema(m.Index)
		require.NoError(t, err)
		_, err = m.Bind(schema)
		require.NoError(t, err, m.Name)
		poor, err := record.ParseSchema(m.Index, []byte(`{"properties": {"Data": {"properties": {"id": {"type": "keyword"}}}}}`))
		require.NoError(t, err)
		_, err = m.Bind(poor)
		require.ErrorContains(t, err, "campaign.yaml:", m.Name)
	}
}
