package bulk

import (
	"errors"
	"fmt"

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

// tooLong returns what to say of a resource of n bytes, which is larger than a file may be: of is the record or the resource.
func tooLong(resourceType, of string, n int, most int64) *issue {
	return &issue{
		Severity: "error", Code: "too-long",
		Diagnostics: fmt.Sprintf("%s is a %s of %d bytes and in no file, since one may have %d. Ask for larger files.", of, resourceType, n, most),
	}
}

// elsewhereNote returns what to say of n resources of a type, or of several, that refer to patients of other servers; nil if there are none.
func elsewhereNote(n int64, resourceType string) *issue {
	if n == 0 {
		return nil
	}
	of := "resources"
	if resourceType != "" {
		of += " of type " + resourceType
	}
	return &issue{
		Severity: "warning", Code: "suppressed",
		Diagnostics: fmt.Sprintf("%d %s are left out: they refer to a Patient by the URL of a server that is not known to be this one, or to a version of one.", n, of),
	}
}

// recordOf names a record to people.
func recordOf(id, index string) string { return diagnostics("The record %q of %q", id, index) }

// unmappable returns what to say of a record that is no resource, or nil if err says something else.
func unmappable(resourceType, index string, err error) *issue {
	var u *mapping.UnmappableError
	if !errors.As(err, &u) {
		return nil
	}
	i := &issue{
		Severity: "error", Code: "processing",
		Diagnostics: recordOf(u.ID, index) + " is no " + resourceType + ": " + u.Path + ": " + u.Reason,
	}
	if u.Path != "" {
		i.Expression = []string{u.Path}
	}
	return i
}
