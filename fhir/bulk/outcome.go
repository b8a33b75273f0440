package bulk

import (
	"errors"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
)

// An issue is what an OperationOutcome says.
type issue struct {
	Severity    string   `json:"severity"` // error, warning or information
	Code        string   `json:"code"`
	Diagnostics string   `json:"diagnostics"`
	Expression  []string `json:"expression,omitempty"`
}

// appendOutcome appends an OperationOutcome as one line, without the line feed.
func appendOutcome(dst []byte, i *issue) ([]byte, error) {
	o := fhir.Outcome{Issues: []fhir.Issue{fhir.Issue(*i)}}
	return o.Append(dst)
}

// appendDeletion appends a Bundle with one deletion as one line, without the line feed.
func appendDeletion(dst []byte, resourceType, id string) []byte {
	dst = append(dst, `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"`...)
	dst = append(dst, resourceType...)
	dst = append(dst, '/')
	dst = append(dst, id...) // of letters, digits, - and .
	return append(dst, `"}}]}`...)
}

// appendHeader appends the Parameters resource that begins the block of a patient, without the line feed.
func appendHeader(dst []byte, patient string) []byte {
	dst = append(dst, `{"resourceType":"Parameters","parameter":[{"name":"header","valueReference":{"reference":"Patient/`...)
	dst = append(dst, patient...)
	return append(dst, `"}}]}`...)
}

// unmappable returns what to say of a record that is no resource, or nil if err says something else.
func unmappable(resourceType, index string, err error) *issue {
	var u *mapping.UnmappableError
	if !errors.As(err, &u) {
		return nil
	}
	i := &issue{
		Severity: "error", Code: "processing",
		Diagnostics: "The record \"" + u.ID + "\" of \"" + index + "\" is no " + resourceType + ": " + u.Path + ": " + u.Reason,
	}
	if u.Path != "" {
		i.Expression = []string{u.Path}
	}
	return i
}
