package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/digit-health/dhr/fhir/bulk"
)

// An issue is one of an OperationOutcome.
type issue struct {
	Severity    string `json:"severity"`
	Code        string `json:"code"` // of the value set issue-type
	Diagnostics string `json:"diagnostics"`
}

type operationOutcome struct {
	ResourceType string  `json:"resourceType"`
	Issue        []issue `json:"issue"`
}

// writeOutcome answers with an OperationOutcome.
func writeOutcome(w http.ResponseWriter, status int, issues ...issue) {
	writeResource(w, status, &operationOutcome{"OperationOutcome", issues})
}

// writeResource answers with a resource.
func writeResource(w http.ResponseWriter, status int, resource any) {
	writeJSON(w, status, fhirJSON, resource)
}

// writeJSON answers with JSON, in which what means something to HTML stands as it is.
func writeJSON(w http.ResponseWriter, status int, media string, value any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil { // what is written is made of texts and numbers
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Del("Content-Length")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

// issueTypes are the issue types of problems, by their status. Those of a server that may answer later are transient ones.
var issueTypes = map[int]string{
	http.StatusUnauthorized: "login", http.StatusForbidden: "forbidden", http.StatusNotFound: "not-found", http.StatusMethodNotAllowed: "not-supported",
	http.StatusNotAcceptable: "not-supported", http.StatusRequestTimeout: "timeout", http.StatusConflict: "conflict", http.StatusGone: "not-found",
	http.StatusRequestEntityTooLarge: "too-long", http.StatusUnsupportedMediaType: "not-supported", http.StatusRequestedRangeNotSatisfiable: "value",
	http.StatusTooManyRequests: "throttled", http.StatusInternalServerError: "exception", http.StatusBadGateway: "transient",
	http.StatusServiceUnavailable: "transient", http.StatusGatewayTimeout: "timeout",
}

// issue is the problem as FHIR has it.
func (p *Problem) issue() issue {
	code, ok := issueTypes[p.Status]
	if !ok {
		code = "invalid"
	}
	if p.issueType != "" {
		code = p.issueType
	}
	text := p.Title + ": " + p.Detail
	for i, d := range p.Errors {
		if i > 0 {
			text += "; " + d.Message
		}
	}
	if p.Status >= http.StatusInternalServerError {
		text += " (" + p.TraceID + ")"
	}
	return issue{"error", code, text}
}

// fhirRefuse answers with what is wrong with a request below /fhir.
func (a *handler) fhirRefuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *Problem
	if !errors.As(a.fhirProblem(r.Context(), err), &p) {
		p = internalError.problem(r.Context(), "something went wrong that should not")
	}
	p.write(w)
}

// fhirProblem is the problem of an error of exports.
func (a *handler) fhirProblem(ctx context.Context, err error) error {
	var wrong *bulk.ParameterError
	if errors.As(err, &wrong) {
		k, ok := byStatus[wrong.Status]
		if !ok {
			k = byStatus[http.StatusBadRequest]
		}
		p := k.problem(ctx, wrong.Error())
		p.issueType = wrong.Code
		return p
	}
	if errors.Is(err, bulk.ErrBusy) {
		comeAgain(ctx, "10")
	}
	return a.problem(ctx, err)
}

// acceptsJSON returns the problem of a request that wants another format than JSON.
func acceptsJSON(ctx context.Context, r *http.Request) *Problem {
	sent := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(sent) == "" {
		return nil
	}
	for part := range strings.SplitSeq(sent, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil || strings.Trim(params["q"], "0.") == "" && params["q"] != "" {
			continue
		}
		switch media {
		case "*/*", "application/*", "application/json", fhirJSON, "text/json", "application/json+fhir":
			return nil
		}
	}
	return byStatus[http.StatusNotAcceptable].problem(ctx, "answers are application/fhir+json; the header Accept wants none of it")
}
