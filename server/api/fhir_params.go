package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/fhir/bulk"
)

// preferred is what of the header Prefer (RFC 7240) counts.
type preferred struct{ async, lenient, separate, here bool }

// noRedirect is the preference of who wants to be told where something is, not sent there.
const noRedirect = "no-redirect"

// preferences reads the header Prefer: lists in one header or many. Of a preference that stands there twice the first counts, and of
// those that we do not know none.
func preferences(values []string) (p preferred) {
	seen := map[string]bool{}
	for _, value := range values {
		for _, part := range splitOutside(value, ',') {
			pair := splitOutside(part, ';')[0] // parameters of a preference say nothing of these
			name, text, _ := strings.Cut(pair, "=")
			name, text = strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(text), `"`)
			if seen[name] {
				continue
			}
			seen[name] = true
			switch name {
			case "respond-async":
				p.async = true
			case "handling":
				p.lenient = strings.EqualFold(text, "lenient")
			case "separate-export-status":
				p.separate = true
			case noRedirect:
				p.here = true
			}
		}
	}
	return p
}

// splitOutside splits a text at separators that are not inside of quotes. It returns one part at least.
func splitOutside(text string, separator byte) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case quoted && text[i] == '\\':
			i++
		case !quoted && text[i] == separator:
			parts, begin = append(parts, text[begin:i]), i+1
		}
	}
	return append(parts, text[begin:])
}

// fhirRequest is the kick-off that a request is.
func (a *handler) fhirRequest(r *http.Request, level bulk.Level, lenient bool) (*bulk.Request, error) {
	asked := &bulk.Request{
		Level: level, Group: r.PathValue("id"), Post: r.Method == http.MethodPost, Lenient: lenient,
		URL: a.publicURL(r) + r.URL.EscapedPath(),
	}
	if types, limited := smart.Granted(whoOf(r.Context())); limited {
		asked.Types = filled(types)
	}
	var err error
	switch {
	case !asked.Post:
		if r.URL.RawQuery != "" {
			asked.URL += "?" + r.URL.RawQuery
		}
		asked.Parameters, err = fromQuery(r.URL.RawQuery)
	case r.URL.RawQuery != "":
		err = invalidParameter("the URL", "the parameters of a POST stand in its body, a resource of type Parameters, not in the URL")
	default:
		asked.Parameters, err = fromResource(request(r.Context()).body)
	}
	return asked, err
}

func invalidParameter(name, format string, args ...any) error {
	return &bulk.ParameterError{Parameter: name, Code: "invalid", Status: http.StatusBadRequest, Diagnostics: fmt.Sprintf(format, args...)}
}

// spacedZone is an instant whose zone has a space where there was a plus.
var spacedZone = regexp.MustCompile(`^(\S+T\S+) (\d\d:?\d\d)$`)

// fromQuery reads the parameters of a GET. In a URL a plus is a space: where none can be meant it is taken for a plus.
func fromQuery(raw string) (map[string][]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalidParameter("the URL", "the parameters are not in percent-encoding")
	}
	delete(values, "_pretty")
	if f := values["_format"]; len(f) == 1 && isJSONFormat(f[0]) { // of the answer, which is JSON anyway
		delete(values, "_format")
	}
	for i, v := range values["_outputFormat"] {
		values["_outputFormat"][i] = strings.ReplaceAll(v, "application/fhir ndjson", "application/fhir+ndjson")
	}
	for _, name := range []string{"_since", "_until"} {
		for i, v := range values[name] {
			values[name][i] = spacedZone.ReplaceAllString(v, "$1+$2")
		}
	}
	return values, nil
}

// isJSONFormat reports whether a value of _format is a name of JSON.
func isJSONFormat(name string) bool {
	switch strings.ReplaceAll(name, " ", "+") {
	case "json", "application/json", fhirJSON:
		return true
	}
	return false
}

// A parameter is one of a resource of type Parameters.
type parameter map[string]json.RawMessage

// fromResource reads the parameters of a POST, a resource of type Parameters. No body at all is none.
func fromResource(body []byte) (map[string][]string, error) {
	all := map[string][]string{}
	if len(body) == 0 {
		return all, nil
	}
	var resource struct {
		ResourceType string      `json:"resourceType"`
		Parameter    []parameter `json:"parameter"`
	}
	if err := json.Unmarshal(body, &resource); err != nil {
		return nil, invalidParameter("the body", "it is no resource of type Parameters: an object with resourceType and a list of objects, parameter")
	}
	if resource.ResourceType != "Parameters" {
		return nil, invalidParameter("the body", "its resourceType is %q; expected Parameters", shortened(resource.ResourceType))
	}
	for i, p := range resource.Parameter {
		var name string
		if err := json.Unmarshal(p["name"], &name); err != nil || name == "" {
			return nil, invalidParameter(fmt.Sprintf("parameter[%d]", i), "it has no name")
		}
		text, err := p.text()
		if err != nil {
			return nil, invalidParameter(shortened(name), "%s", err)
		}
		all[name] = append(all[name], text)
	}
	return all, nil
}

// text returns the one value of a parameter as text: of a Reference its reference, of a Coding its code.
func (p parameter) text() (string, error) {
	var of string
	for member := range p {
		switch {
		case member == "name", member == "id", member == "extension":
		case !strings.HasPrefix(member, "value") || of != "":
			return "", fmt.Errorf("it has the member %q; expected one value, such as valueString", shortened(member))
		default:
			of = member
		}
	}
	var value any
	if of == "" || json.Unmarshal(p[of], &value) != nil {
		return "", fmt.Errorf("it has no value; expected one, such as valueString")
	}
	member := map[string]string{"valueReference": "reference", "valueCoding": "code"}[of]
	switch v := value.(type) {
	case string:
		if member == "" && v != "" {
			return v, nil
		}
	case bool:
		if of == "valueBoolean" {
			return fmt.Sprint(v), nil
		}
	case float64:
		return string(p[of]), nil // with its digits
	case map[string]any:
		if text, _ := v[member].(string); text != "" {
			return text, nil
		}
	}
	return "", fmt.Errorf("its %s is none; expected a text, a number, true or false, or a reference", shortened(of))
}

// shortened keeps what is quoted short.
func shortened(text string) string {
	const longest = 100
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// covers returns an error if the asker's token is not for all types of resources that an export holds.
func covers(who *access.Principal, e *bulk.Export) error {
	types, limited := smart.Granted(who)
	for _, of := range e.Types {
		if limited && !slices.Contains(types, of) {
			return &bulk.ParameterError{
				Parameter: "scope", Code: "forbidden", Status: http.StatusForbidden,
				Diagnostics: "The token is not for resources of type " + of + ", which the export holds. Ask for a token with the scope system/" + of + ".rs.",
			}
		}
	}
	return nil
}

// coversMembers returns an error if the asker's token is neither for groups nor for patients, whom the members of a group name.
func coversMembers(who *access.Principal) error {
	types, limited := smart.Granted(who)
	if !limited || slices.Contains(types, "Group") || slices.Contains(types, "Patient") {
		return nil
	}
	return &bulk.ParameterError{
		Parameter: "scope", Code: "forbidden", Status: http.StatusForbidden,
		Diagnostics: "The token is not for the members of groups. Ask for a token with the scope system/Group.rs or system/Patient.rs.",
	}
}
