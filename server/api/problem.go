package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
)

// A Problem is the body of every error, a problem document as RFC 9457 has it.
type Problem struct {
	Type    string   `json:"type" doc:"A stable reference to the kind of problem." example:"/problems/invalid-query"`
	Title   string   `json:"title" doc:"The kind of problem in words." example:"Invalid query"`
	Status  int      `json:"status" doc:"The HTTP status." example:"400"`
	Detail  string   `json:"detail" doc:"What is wrong this time."`
	Code    string   `json:"code" doc:"The kind of problem for programs." example:"invalid_query"`
	TraceID string   `json:"trace_id" doc:"Under which the log knows the request."`
	Errors  []Detail `json:"errors,omitempty" doc:"Single complaints, those about a query with their place in it."`

	fhir      bool   // of a request below /fhir, where it is written as an OperationOutcome
	issueType string // of that, if not the one of the status
}

// A Detail is one complaint: about a query with its place, about another
// part of the request with its location.
type Detail struct {
	Message    string   `json:"message" doc:"What is wrong, in one line."`
	Code       string   `json:"code,omitempty" doc:"The complaint for programs." example:"unknown_field"`
	Location   string   `json:"location,omitempty" doc:"The part of the request, such as body.jql; not for complaints about a query."`
	Offset     *int     `json:"offset,omitempty" doc:"Where it begins in the query, in code points from 0."`
	Length     *int     `json:"length,omitempty" doc:"How many code points it covers; 0 at the end of the query."`
	Line       int      `json:"line,omitempty" doc:"The line, from 1."`
	Column     int      `json:"column,omitempty" doc:"The column, in code points from 1."`
	Found      *string  `json:"found,omitempty" doc:"What stands there; empty at the end of the query."`
	Expected   []string `json:"expected,omitempty" doc:"What may stand there."`
	Suggestion string   `json:"suggestion,omitempty" doc:"Text to put in its place."`
}

// Error returns the problem in one line.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns that of problem documents.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// A kind is a kind of problem.
type kind struct {
	status int
	code   string
	title  string
}

func (k kind) problem(ctx context.Context, detail string) *Problem {
	return &Problem{
		Type: "/problems/" + strings.ReplaceAll(k.code, "_", "-"), Title: k.title, Status: k.status,
		Detail: detail, Code: k.code, TraceID: traceOf(ctx), fhir: request(ctx).fhir,
	}
}

var (
	internalError = kind{http.StatusInternalServerError, "internal_error", "Internal error"}
	invalidQuery  = kind{http.StatusBadRequest, "invalid_query", "Invalid query"}
	unauthorized  = kind{http.StatusUnauthorized, "unauthenticated", "Not signed in"}
	tooMany       = kind{http.StatusTooManyRequests, "too_many_requests", "Too many requests"}
	notFound      = kind{http.StatusNotFound, "not_found", "Not found"}
	noSuchRange   = kind{http.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable", "No such part of the file"}
	clientGone    = kind{499, "client_gone", "Client gone"}

	preconditionFailed = kind{http.StatusPreconditionFailed, "precondition_failed", "Precondition failed"}

	// Those of a gateway.
	badGateway     = kind{http.StatusBadGateway, "bad_gateway", "Process not to be reached"}
	gatewayTimeout = kind{http.StatusGatewayTimeout, "gateway_timeout", "Process too slow"}
	loopDetected   = kind{http.StatusLoopDetected, "loop_detected", "Loop detected"}
)

// byError are the kinds of problems of the errors of the service; the first that fits counts.
var byError = []struct {
	err  error
	kind kind
}{
	{dhr.ErrForbidden, kind{http.StatusForbidden, "forbidden", "Forbidden"}},
	{access.ErrDenied, kind{http.StatusForbidden, "forbidden", "Forbidden"}},
	{dashboard.ErrForbidden, kind{http.StatusForbidden, "forbidden", "Forbidden"}},
	{dashboard.ErrNotFound, notFound},
	{process.ErrNotFound, notFound},
	{process.ErrNarrowed, kind{http.StatusForbidden, "export_narrowed", "The export holds more than may be seen now"}},
	{process.ErrForbidden, kind{http.StatusForbidden, "forbidden", "Forbidden"}},
	{process.ErrKeyReused, kind{http.StatusConflict, "idempotency_conflict", "Idempotency key of another request"}},
	{process.ErrBusy, kind{http.StatusTooManyRequests, "too_many_exports", "Too many exports"}},
	{process.ErrNotReady, kind{http.StatusConflict, "export_not_completed", "Export not completed"}},
	{process.ErrExpired, kind{http.StatusGone, "export_expired", "Export expired"}},
	{process.ErrDamaged, kind{http.StatusInternalServerError, "file_damaged", "Stored file damaged"}},
	{bulk.ErrNotFound, notFound},
	{bulk.ErrNarrowed, kind{http.StatusForbidden, "export_narrowed", "The export holds more than may be seen now"}},
	{bulk.ErrForbidden, kind{http.StatusForbidden, "forbidden", "Forbidden"}},
	{bulk.ErrBusy, kind{http.StatusTooManyRequests, "too_many_exports", "Too many exports"}},
	{bulk.ErrNotReady, notFound},
	{bulk.ErrExpired, notFound},
	{bulk.ErrDamaged, kind{http.StatusInternalServerError, "file_damaged", "Stored file damaged"}},
	{bulk.ErrInvalid, kind{http.StatusBadRequest, "invalid_request", "Invalid request"}},
	{process.ErrInvalid, kind{http.StatusUnprocessableEntity, "invalid_request", "Invalid request"}},
	{job.ErrFinished, kind{http.StatusConflict, "export_finished", "Export finished"}},
	{storage.ErrNotFound, kind{http.StatusGone, "file_missing", "Stored file missing"}},
	{storage.ErrUnavailable, kind{http.StatusServiceUnavailable, "storage_unavailable", "Storage unavailable"}},
	{storage.ErrAuth, kind{http.StatusServiceUnavailable, "storage_unavailable", "Storage unavailable"}},
	{export.ErrTooMany, kind{http.StatusUnprocessableEntity, "too_much_for_format", "Too much for the format"}},
	{export.ErrInvalid, kind{http.StatusUnprocessableEntity, "invalid_request", "Invalid request"}},
	{dashboard.ErrTaken, kind{http.StatusConflict, "name_taken", "Name taken"}},
	{dashboard.ErrConflict, kind{http.StatusConflict, "conflict", "Conflict"}},
	{audit.ErrInvalid, kind{http.StatusUnprocessableEntity, "invalid_request", "Invalid request"}},
	{docstore.ErrUnavailable, kind{http.StatusServiceUnavailable, "store_unavailable", "Store unavailable"}},
	{dhr.ErrUnknownTarget, kind{http.StatusUnprocessableEntity, "unknown_target", "Unknown target"}},
	{search.ErrUnknownIndex, kind{http.StatusNotFound, "unknown_index", "Unknown index"}},
	{search.ErrUnknownField, kind{http.StatusUnprocessableEntity, "unknown_field", "Unknown field"}},
	{search.ErrBadToken, kind{http.StatusBadRequest, "bad_page_token", "Bad page token"}},
	{search.ErrWindow, kind{http.StatusBadRequest, "beyond_window", "Beyond the window of offsets"}},
	{search.ErrTooManyBuckets, kind{http.StatusUnprocessableEntity, "too_many_buckets", "Too many buckets"}},
	{search.ErrInvalid, kind{http.StatusUnprocessableEntity, "invalid_request", "Invalid request"}},
	{search.ErrUnsupported, kind{http.StatusUnprocessableEntity, "not_supported", "Not supported by the engine"}},
	{search.ErrSnapshotLost, kind{http.StatusConflict, "snapshot_lost", "Snapshot lost"}},
	{search.ErrOverloaded, kind{http.StatusServiceUnavailable, "engine_overloaded", "Engine overloaded"}},
	{search.ErrPartial, kind{http.StatusServiceUnavailable, "partial_answer", "Partial answer refused"}},
	{search.ErrUnavailable, kind{http.StatusServiceUnavailable, "engine_unavailable", "Engine unavailable"}},
	{search.ErrBadAnswer, kind{http.StatusBadGateway, "bad_answer", "Bad answer of the engine"}},
}

// byStatus are the kinds of problems that the form of a request has.
var byStatus = map[int]kind{
	http.StatusBadRequest:            {http.StatusBadRequest, "malformed_request", "Malformed request"},
	http.StatusUnauthorized:          unauthorized,
	http.StatusForbidden:             {http.StatusForbidden, "forbidden", "Forbidden"},
	http.StatusNotFound:              notFound,
	http.StatusMethodNotAllowed:      {http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed"},
	http.StatusNotAcceptable:         {http.StatusNotAcceptable, "not_acceptable", "Not acceptable"},
	http.StatusRequestTimeout:        {http.StatusRequestTimeout, "request_timeout", "Request too slow"},
	http.StatusConflict:              {http.StatusConflict, "conflict", "Conflict"},
	http.StatusPreconditionFailed:    {http.StatusPreconditionFailed, "stale_version", "Stale version"},
	http.StatusRequestEntityTooLarge: {http.StatusRequestEntityTooLarge, "body_too_large", "Body too large"},
	http.StatusUnsupportedMediaType:  {http.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type"},
	http.StatusUnprocessableEntity:   {http.StatusUnprocessableEntity, "invalid_request", "Invalid request"},
	http.StatusPreconditionRequired:  {http.StatusPreconditionRequired, "version_required", "Version required"},
	http.StatusTooManyRequests:       tooMany,
	http.StatusServiceUnavailable:    {http.StatusServiceUnavailable, "unavailable", "Unavailable"},
}

// problem says what of err its asker may know. The rest goes to the log.
func (a *handler) problem(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var list jql.ErrorList
	if errors.As(err, &list) {
		p := invalidQuery.problem(ctx, list.Error())
		p.Errors = details(list)
		return p
	}
	var fields dashboard.FieldErrors
	if errors.As(err, &fields) {
		p := byStatus[http.StatusUnprocessableEntity].problem(ctx, fields.Error())
		for _, f := range fields {
			p.Errors = append(p.Errors, Detail{Message: f.Message, Location: strings.TrimSuffix("body."+f.Field, ".")})
		}
		return p
	}
	var member *process.FieldError
	if errors.As(err, &member) {
		return formProblem(ctx, http.StatusUnprocessableEntity, "the export cannot be made", []error{&huma.ErrorDetail{Message: member.Message, Location: placeOfMember(member.Field)}})
	}
	if errors.Is(err, process.ErrBusy) {
		comeAgain(ctx, "10")
	}
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	for _, b := range byError {
		if errors.Is(err, b.err) {
			if b.kind.status >= http.StatusInternalServerError {
				a.log.ErrorContext(ctx, "the engine failed", "error", err, "trace_id", traceOf(ctx))
				return b.kind.problem(ctx, b.err.Error())
			}
			return b.kind.problem(ctx, saying.ReplaceAllString(err.Error(), ""))
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return clientGone.problem(ctx, "the request was given up")
	case errors.Is(err, context.DeadlineExceeded):
		return byStatus[http.StatusServiceUnavailable].problem(ctx, "there was no answer in time")
	}
	a.log.ErrorContext(ctx, "unexpected error", "error", err, "trace_id", traceOf(ctx))
	return internalError.problem(ctx, "something went wrong that should not; the log says more under this trace_id")
}

// placeOfMember is where a member of a request for an export stands.
func placeOfMember(name string) string {
	if name == "Idempotency-Key" {
		return "header." + name
	}
	return "body." + name
}

// saying is by which package an error is said, and what it was doing, which is nothing to a client.
var saying = regexp.MustCompile(`^(?:(?:dhr|fhir export|process|start|get|watch|cancel|delete|manifest|open file|preview|storage|export|search|dashboard|docstore|audit|page|schemas|check|suggest|indexes|create filter|list filters|list): )+`)

// details returns complaints about a query as a client reads them.
func details(list jql.ErrorList) []Detail {
	all := make([]Detail, len(list))
	for i, e := range list {
		expected := e.Expected
		if expected == nil {
			expected = []string{}
		}
		all[i] = Detail{
			Message: e.Message, Code: e.Code, Offset: &e.Offset, Length: &e.Length, Line: e.Line, Column: e.Column,
			Found: &e.Found, Expected: expected, Suggestion: e.Suggestion,
		}
	}
	return all
}

// useProblems makes what huma complains about problem documents of ours, and names of members count in
// one case alone. Huma keeps this in variables for the whole program.
var useProblems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true // JQL is no member, jql is
	huma.NewErrorWithContext = func(hc huma.Context, status int, message string, errs ...error) huma.StatusError {
		ctx := context.Background()
		if hc != nil {
			ctx = hc.Context()
		}
		return formProblem(ctx, status, message, errs)
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return formProblem(context.Background(), status, message, errs)
	}
})

// formProblem is a complaint about the form of a request.
func formProblem(ctx context.Context, status int, message string, errs []error) *Problem {
	k, ok := byStatus[status]
	if !ok {
		k = kind{status, "http_error", http.StatusText(status)}
	}
	p := k.problem(ctx, message)
	for _, err := range errs {
		var d *huma.ErrorDetail
		switch {
		case errors.As(err, &d):
			p.Errors = append(p.Errors, inWords(d.Message, d.Location))
		case err != nil:
			p.Errors = append(p.Errors, Detail{Message: err.Error()})
		}
	}
	if len(p.Errors) > 0 {
		p.Detail += ": " + p.Errors[0].Message
		if p.Errors[0].Location != "" {
			p.Detail += " (" + p.Errors[0].Location + ")"
		}
	}
	return p
}

// ofType is how package encoding/json says that a value is not of the type that it should be.
var ofType = regexp.MustCompile(`^json: cannot unmarshal (?:number )?(\S+) into Go (?:struct field (?:[^.\s]*)\.(\S+)|value) of type (\S+)$`)

// inWords is a complaint, in words that say nothing of Go.
func inWords(message, location string) Detail {
	if m := ofType.FindStringSubmatch(message); m != nil {
		if m[2] != "" {
			location += "." + m[2]
		}
		what := "a value of another type"
		if strings.Contains(m[3], "int") {
			what = "a whole number without a fraction, of 64 bits"
		}
		message = "must be " + what + ", got " + m[1]
	}
	return Detail{Message: message, Location: location}
}

// write sends a problem outside of huma.
func (p *Problem) write(w http.ResponseWriter) {
	if p.fhir {
		writeOutcome(w, p.Status, p.issue())
		return
	}
	body, err := json.Marshal(p)
	if err != nil {
		http.Error(w, p.Title, p.Status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}

// allKinds are all kinds of problems.
func allKinds() []kind {
	all := []kind{noSuchRange, preconditionFailed, internalError, invalidQuery, unauthorized, tooMany, notFound, clientGone, badGateway, gatewayTimeout, loopDetected}
	for _, b := range byError {
		all = append(all, b.kind)
	}
	for _, k := range byStatus {
		all = append(all, k)
	}
	return all
}
