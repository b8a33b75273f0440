package api

import (
	"net/http"
	"slices"

	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/fhir/bulk"
)

const (
	bulkStatement  = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
	definitionBase = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
	oauthURIs      = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
)

// j is an object of JSON.
type j = map[string]any

// fhirMetadata is the CapabilityStatement.
func (a *handler) fhirMetadata(w http.ResponseWriter, r *http.Request) {
	if p := acceptsJSON(r.Context(), r); p != nil {
		p.write(w)
		return
	}
	base := a.fhirURL(r)
	c := a.exporter().Capabilities()
	rest := j{
		"mode": "server", "resource": resourcesOf(c), "security": a.fhirSecurity(r),
		"documentation": "Resources are had by the operation export alone. What else there is, " + base + "/OperationDefinition/export says.",
		"operation":     []j{{"name": "export", "definition": definitionBase + "export"}},
	}
	writeResource(w, http.StatusOK, j{
		"resourceType": "CapabilityStatement", "status": "active", "date": instant(a.begun), "kind": "instance", "fhirVersion": "4.0.1",
		"format": []string{"json", fhirJSON}, "instantiates": []string{bulkStatement},
		"software":       j{"name": "DHR, Digit Health Reports", "version": orElse(a.opts.Version, "none")},
		"implementation": j{"description": "FHIR Bulk Data exports of health records", "url": base},
		"rest":           []j{rest},
	})
}

// resourcesOf lists the types that are exported, and the levels at which they are.
func resourcesOf(c *bulk.Capabilities) []j {
	var all []j
	find := func(of string) j {
		for _, r := range all {
			if r["type"] == of {
				return r
			}
		}
		all = append(all, j{"type": of})
		return all[len(all)-1]
	}
	for _, t := range c.Types {
		resource := find(t.Type)
		var params []j
		for _, s := range t.Search {
			params = append(params, j{"name": s.Name, "type": s.Kind, "documentation": "in _typeFilter"})
		}
		if len(params) > 0 {
			resource["searchParam"] = params
		}
	}
	find("Patient")["operation"] = []j{{"name": "export", "definition": definitionBase + "patient-export"}}
	group := find("Group")
	group["operation"] = []j{{"name": "export", "definition": definitionBase + "group-export"}}
	group["interaction"] = []j{{"code": "read"}, {"code": "search-type"}}
	slices.SortFunc(all, func(x, y j) int { return compareTexts(x["type"], y["type"]) })
	return all
}

func compareTexts(x, y any) int {
	one, _ := x.(string)
	other, _ := y.(string)
	switch {
	case one < other:
		return -1
	case one > other:
		return 1
	}
	return 0
}

// tokenEndpoint is where clients get tokens; "" if that is not known here.
func (a *handler) tokenEndpoint() string {
	if t := a.opts.Tokens; t != nil {
		return t.TokenURL()
	}
	return a.opts.TokenEndpoint
}

func (a *handler) fhirSecurity(*http.Request) j {
	security := j{"cors": len(a.opts.Origins) > 0}
	if a.opts.NoSignIn {
		security["description"] = "Nobody signs in."
		return security
	}
	security["description"] = "A bearer token is needed, also for the status and the files of an export."
	if at := a.tokenEndpoint(); at != "" {
		security["service"] = []j{{"coding": []j{{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}}}}
		security["extension"] = []j{{"url": oauthURIs, "extension": []j{{"url": "token", "valueUri": at}}}}
	}
	return security
}

// smartConfiguration says how SMART clients get tokens; it is JSON, whatever the client accepts.
func (a *handler) smartConfiguration(w http.ResponseWriter, r *http.Request) {
	at := a.tokenEndpoint()
	if at == "" {
		notFound.problem(r.Context(), "no tokens are given here").write(w)
		return
	}
	scopes := []string{"system/*.rs", "system/*.read"}
	if t := a.opts.Tokens; t != nil {
		scopes = t.Scopes()
	}
	writeJSON(w, http.StatusOK, "application/json", j{
		"token_endpoint": at, "grant_types_supported": []string{"client_credentials"},
		"token_endpoint_auth_methods_supported":            []string{"private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": smart.Algorithms(),
		"scopes_supported":                                 filled(scopes), "response_types_supported": []string{"token"},
		"capabilities": []string{"client-confidential-asymmetric", "permission-v1", "permission-v2"},
	})
}
