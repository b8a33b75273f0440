package api

import (
	"net/http"
	"slices"

	"github.com/digit-health/dhr/fhir/bulk"
)

// operations are the OperationDefinitions, by their ids.
var operations = map[string]struct {
	title, canonical string
	system, of       bool
	resource         string
}{
	"export":         {"Export of the system", "export", true, false, "Resource"},
	"patient-export": {"Export of patients", "patient-export", false, true, "Patient"},
	"group-export":   {"Export of a group of patients", "group-export", false, false, "Group"},
}

// parametersOf says what each parameter of the operation is: its type, and whether there may be several.
var parametersOf = []struct {
	name, kind string
	many       bool
	about      string
}{
	{"_outputFormat", "string", false, "The format of the files, which is always application/fhir+ndjson: as this, as application/ndjson or as ndjson."},
	{"_since", "instant", false, "Resources that were changed after this instant. At the level of groups that is so for new members too: what of theirs is older is had by an export with the parameter patient."},
	{"_until", "instant", false, "Resources that were changed before this instant."},
	{"_type", "string", true, "The types of resources, as a list with commas or one by one. Without it, all that the asker may see."},
	{"_elements", "string", true, "The elements at the root that are wanted, of all types or, as in Patient.name, of one. Those that must be there stay; resources are tagged SUBSETTED."},
	{"_typeFilter", "string", true, "A search of one type, such as Observation?status=final; of several for one type one is enough. Which parameters there are, the CapabilityStatement says."},
	{"patient", "Reference", true, "The patients whose resources are wanted, in a POST alone."},
	{"includeAssociatedData", "code", true, "Which Provenance resources are wanted besides."},
	{"organizeOutputBy", "string", false, "Patient: the files hold each patient with all that belongs to it, one after the other."},
	{"allowPartialManifests", "boolean", false, "The manifest may come in pages, also before the export is completed."},
	{"_minimumFileSize", "positiveInt", false, "How many bytes files should have at least."},
	{"_maximumFileSize", "positiveInt", false, "How many bytes files may have at most, 65536 or more. A resource that is larger is told of in an error file."},
}

// fhirOperation is an OperationDefinition.
func (a *handler) fhirOperation(w http.ResponseWriter, r *http.Request) {
	if p := acceptsJSON(r.Context(), r); p != nil {
		p.write(w)
		return
	}
	id := r.PathValue("id")
	o, ok := operations[id]
	if !ok {
		notFound.problem(r.Context(), "there is no such OperationDefinition; there are export, patient-export and group-export").write(w)
		return
	}
	writeResource(w, http.StatusOK, j{
		"resourceType": "OperationDefinition", "id": id, "url": a.fhirURL(r) + "/OperationDefinition/" + id, "base": definitionBase + o.canonical,
		"name": "BulkData" + o.resource + "Export", "title": o.title, "status": "active", "kind": "operation", "date": instant(a.begun),
		"affectsState": false, "code": "export", "resource": []string{o.resource}, "system": o.system, "type": o.of, "instance": !o.system && !o.of,
		"description": "Begins an export in the background (Prefer: respond-async): the header Content-Location of the answer says where it is asked how far it is.",
		"parameter":   operationParameters(a.exporter().Capabilities(), o.system),
	})
}

func operationParameters(c *bulk.Capabilities, system bool) []j {
	all := []j{}
	for _, p := range parametersOf {
		if !slices.Contains(c.Parameters, p.name) || system && p.name == "patient" {
			continue
		}
		most := "1"
		if p.many {
			most = "*"
		}
		all = append(all, j{"name": p.name, "use": "in", "min": 0, "max": most, "type": p.kind, "documentation": p.about})
	}
	return all
}
