package api

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
)

// fhirExports is what the routes need of a [bulk.Service].
type fhirExports interface {
	Start(ctx context.Context, who *access.Principal, r *bulk.Request) (*bulk.Export, error)
	Get(ctx context.Context, who *access.Principal, id string) (*bulk.Export, error)
	List(ctx context.Context, who *access.Principal, q *bulk.ListQuery) (*bulk.Page, error)
	Manifest(ctx context.Context, who *access.Principal, id string, page int) (*bulk.Manifest, error)
	Delete(ctx context.Context, who *access.Principal, id string) error
	OpenFile(ctx context.Context, who *access.Principal, id, name string) (*bulk.Download, error)
	Groups(ctx context.Context, who *access.Principal) ([]bulk.GroupInfo, error)
	Group(ctx context.Context, who *access.Principal, id string) (*bulk.GroupInfo, error)
	Members(ctx context.Context, who *access.Principal, id string) iter.Seq2[string, error]
	Capabilities() *bulk.Capabilities
}

const (
	fhirBase    = "/fhir/r4"
	fhirRoot    = "/fhir/"
	fhirJSON    = "application/fhir+json"
	routeToken  = "POST /auth/token" //nolint:gosec // a route
	routeNDJSON = "GET " + fhirBase + "/$export-file/{id}/{name}"

	routeSmartHere = "GET " + fhirBase + "/.well-known/smart-configuration"
	routeSmartRoot = "GET /.well-known/smart-configuration"
	routeMetadata  = "GET " + fhirBase + "/metadata"
	routeOperation = "GET " + fhirBase + "/OperationDefinition/{id}"
)

// isFHIR reports whether a path is one where errors are OperationOutcomes.
func isFHIR(path string) bool { return strings.HasPrefix(path+"/", fhirRoot) }

// fhirRoutes are those of FHIR. But for the list, of which FHIR knows nothing, they are not in the OpenAPI document: what a FHIR server can do, its CapabilityStatement says, and
// parameters that may be repeated, or stand in a resource, are nothing that the document could describe.
func (a *handler) fhirRoutes() {
	for _, level := range []struct {
		path  string
		level bulk.Level
	}{{"/$export", bulk.SystemLevel}, {"/Patient/$export", bulk.PatientLevel}, {"/Group/{id}/$export", bulk.GroupLevel}} {
		a.at("GET "+fhirBase+level.path, a.fhirKickOff(level.level))
		a.at("POST "+fhirBase+level.path, a.fhirKickOff(level.level))
	}
	a.at("GET "+fhirBase+"/$export-status/{id}", a.fhirStatus)
	a.at("DELETE "+fhirBase+"/$export-status/{id}", a.fhirDelete)
	a.at(routeNDJSON, a.fhirFile)
	a.at("GET "+fhirBase+"/Group", a.fhirGroups)
	a.at("GET "+fhirBase+"/Group/{id}", a.fhirGroup)
	a.at(routeMetadata, a.fhirMetadata)
	a.at(routeOperation, a.fhirOperation)
	a.at(routeSmartHere, a.smartConfiguration)
	a.at(routeSmartRoot, a.smartConfiguration)
	if a.opts.Tokens != nil || a.forward != nil {
		a.at(routeToken, a.fhirToken)
	}
	list := a.operation(http.MethodGet, "/v1/fhir-exports", "list-fhir-exports", "Exports", "FHIR Bulk Data exports, the newest first")
	list.Description = "They are begun, followed, had and deleted by the operations of FHIR: see the CapabilityStatement at /fhir/r4/metadata. Those that were deleted are not listed, whatever their state was."
	huma.Register(a.api, list, a.listFHIR)
}

// at registers a route that huma does not know, or its forwarding.
func (a *handler) at(pattern string, here http.HandlerFunc) {
	if a.forward != nil {
		a.mux.Handle(pattern, a.forward)
		return
	}
	a.mux.HandleFunc(pattern, here)
}

// exporter returns who makes the exports.
func (a *handler) exporter() fhirExports { return a.service.FHIR() }

// fhirKickOff begins an export.
func (a *handler) fhirKickOff(level bulk.Level) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if r.Method == http.MethodHead { // which only looks, and begins nothing
			w.Header().Set("Allow", "GET, POST")
			byStatus[http.StatusMethodNotAllowed].problem(ctx, "the methods here are GET, POST").write(w)
			return
		}
		if p := acceptsJSON(ctx, r); p != nil {
			p.write(w)
			return
		}
		prefers := preferences(r.Header.Values("Prefer"))
		asked, err := a.fhirRequest(r, level, prefers.lenient)
		if err != nil {
			a.fhirRefuse(w, r, err)
			return
		}
		e, err := a.exporter().Start(ctx, whoOf(ctx), asked)
		if err != nil {
			a.fhirRefuse(w, r, err)
			return
		}
		at := a.fhirURL(r) + "/$export-status/" + e.ID
		if prefers.separate {
			at += "?" + separateStatus
			w.Header().Set("Preference-Applied", "respond-async, separate-export-status")
		}
		w.Header().Set("Content-Location", at)
		writeOutcome(w, http.StatusAccepted, issue{"information", "informational", "The export has begun; how far it is says " + at})
	}
}

// separateStatus is the parameter of the status URL of who asked for separate-export-status.
const separateStatus = "separate-export-status=true"

// fhirStatus says how far an export is, and of a completed one what its files are.
func (a *handler) fhirStatus(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	answer := statusAnswer{a: a, w: w, r: r, separate: r.URL.Query().Get("separate-export-status") == "true"}
	page, ok := pageOf(r)
	if !ok {
		byStatus[http.StatusNotFound].problem(ctx, "the manifest has no such page").write(w)
		return
	}
	e, err := a.exporter().Get(ctx, whoOf(ctx), r.PathValue("id"))
	if err == nil {
		err = covers(whoOf(ctx), e)
	}
	if err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	answer.export = e
	switch {
	case e.Status == job.Completed:
		answer.manifest(http.StatusOK, page)
	case e.Status.Finished():
		answer.ended()
	case !a.mayPoll(w, e):
		tooMany.problem(ctx, "the export is asked after too often; the header Retry-After says when to ask again").write(w)
	case page < e.Pages:
		answer.manifest(http.StatusAccepted, page)
	default:
		answer.waiting()
	}
}

// pageOf is which page of a manifest is asked for.
func pageOf(r *http.Request) (int, bool) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 0, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}

// mayPoll says whether an export is not asked after too often, and if it is when to ask again.
func (a *handler) mayPoll(w http.ResponseWriter, e *bulk.Export) bool {
	rate := a.opts.Polls
	if rate == 0 {
		rate = 2
	}
	wait, ok := a.polls.take(w, e.Tenant+"\x00"+e.ID, rate, int(10*rate), a.opts.Now())
	for _, name := range []string{"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} {
		w.Header().Del(name) // they are those of the user's requests
	}
	if !ok {
		refusedFor(w, wait)
	}
	return ok
}

// A statusAnswer is that to who asks how far an export is.
type statusAnswer struct {
	a        *handler
	w        http.ResponseWriter
	r        *http.Request
	export   *bulk.Export
	separate bool
}

// status writes a status as the client wants it: as that of the answer or, if it asked for that, apart from it.
func (s *statusAnswer) status(code int) int {
	if !s.separate {
		return code
	}
	s.w.Header().Set("X-Export-Status", strconv.Itoa(code)+" "+http.StatusText(code))
	return http.StatusOK
}

// progress says how far the export is, and when to ask again.
func (s *statusAnswer) progress() {
	const least = time.Second
	s.w.Header().Set("X-Progress", s.export.Progress)
	s.w.Header().Set("Retry-After", strconv.Itoa(int(max(s.export.RetryAfter, least)/time.Second)))
}

func (s *statusAnswer) waiting() {
	s.progress()
	s.w.WriteHeader(s.status(http.StatusAccepted))
}

// ended says why there will be no files.
func (s *statusAnswer) ended() {
	e := s.export
	switch {
	case e.Status == job.Expired:
		notFound.problem(s.r.Context(), "the export has expired, and its files are deleted; begin another one").write(s.w)
	case e.Error == nil:
		notFound.problem(s.r.Context(), "the export was cancelled").write(s.w)
	default: // a status of 503, or an issue that passes, would have clients ask again for ever
		code, text := orElse(e.Error.Issue, "processing"), "The export has failed: "+e.Error.Message
		if passing[code] {
			code = "processing"
		}
		if e.Error.Transient {
			text += " The same request may succeed later."
		}
		writeOutcome(s.w, s.status(http.StatusInternalServerError), issue{"fatal", code, text})
	}
}

// passing are the issue types of what passes: of polls that fail, not of exports.
var passing = map[string]bool{"transient": true, "lock-error": true, "no-store": true, "exception": true, "timeout": true, "incomplete": true, "throttled": true}

func orElse(text, ifEmpty string) string {
	if text == "" {
		return ifEmpty
	}
	return text
}

// fhirDelete cancels an export, or deletes the files of a finished one.
func (a *handler) fhirDelete(w http.ResponseWriter, r *http.Request) {
	if err := a.exporter().Delete(r.Context(), whoOf(r.Context()), r.PathValue("id")); err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	writeOutcome(w, http.StatusAccepted, issue{"information", "informational", "The export is cancelled, or its files are deleted."})
}
