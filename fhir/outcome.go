package fhir

import (
	"fmt"
	"slices"
	"strconv"
)

// An Outcome is an OperationOutcome: what FHIR answers with when something went wrong.
type Outcome struct {
	Issues []Issue
}

// An Issue is one thing that an Outcome says.
type Issue struct {
	// Severity is fatal, error, warning or information.
	Severity string
	// Code is one of R4's issue types, such as invalid, not-found or throttled.
	Code string
	// Diagnostics says it in words; it may be empty.
	Diagnostics string
	// Expression are the elements or parameters concerned.
	Expression []string
}

// Append appends the outcome as one line of JSON, without the line feed. The error is a [CheckError] if there is no issue, or one with a
// severity or code that R4 does not have; dst is returned as it was.
func (o *Outcome) Append(dst []byte) ([]byte, error) {
	if len(o.Issues) == 0 {
		return dst, &CheckError{Path: "OperationOutcome.issue", Reason: "is required and has no value"}
	}
	typ := TypeOf("OperationOutcome.issue")
	start := len(dst)
	dst = append(dst, `{"resourceType":"OperationOutcome","issue":[`...)
	for i, issue := range o.Issues {
		if i > 0 {
			dst = append(dst, ',')
		}
		for _, c := range [...]struct{ name, code string }{{"severity", issue.Severity}, {"code", issue.Code}} {
			if !slices.Contains(typ.Element(c.name).Codes, c.code) {
				return dst[:start], &CheckError{Path: "OperationOutcome.issue[" + strconv.Itoa(i) + "]." + c.name, Reason: fmt.Sprintf("%q is no code of its enumeration", c.code)}
			}
		}
		dst = AppendString(append(dst, `{"severity":`...), issue.Severity)
		dst = AppendString(append(dst, `,"code":`...), issue.Code)
		if issue.Diagnostics != "" {
			dst = AppendString(append(dst, `,"diagnostics":`...), issue.Diagnostics)
		}
		for j, e := range issue.Expression {
			if j == 0 {
				dst = append(dst, `,"expression":[`...)
			} else {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, e)
		}
		if len(issue.Expression) > 0 {
			dst = append(dst, ']')
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...), nil
}
