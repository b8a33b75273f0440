package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
)

// exportRoutes has those of the design document, /export/…, beside ours.
func (a *handler) exportRoutes() {
	for _, names := range [][3]string{{"/v1/exports", "/v1/exports/", ""}, {"/export/bulk", "/export/process/", "-bulk"}} {
		start := a.exportOp(http.MethodPost, names[0], "start-export"+names[2], "Begin an export of records to files", http.StatusConflict)
		start.DefaultStatus = http.StatusAccepted
		huma.Register(a.api, start, a.startExport(names[1]))
		get := a.exportOp(http.MethodGet, names[1]+"{id}", "get-export"+names[2], "An export, and how far it is")
		huma.Register(a.api, get, a.getExport)
	}
	huma.Register(a.api, a.exportOp(http.MethodGet, "/v1/exports", "list-exports", "Exports, the newest first"), a.listExports)
	remove := a.exportOp(http.MethodDelete, "/v1/exports/{id}", "delete-export", "Cancel an export, or delete a finished one and its files", http.StatusConflict)
	remove.DefaultStatus = http.StatusAccepted
	huma.Register(a.api, remove, a.deleteExport)
	manifest := a.exportOp(http.MethodGet, "/v1/exports/{id}/manifest", "export-manifest", "What the files of an export hold", http.StatusConflict, http.StatusGone)
	huma.Register(a.api, manifest, a.exportManifest)
	huma.Register(a.api, a.eventsOperation(), a.exportEvents)
	huma.Register(a.api, a.fileOperation(), a.exportFile)
	huma.Register(a.api, a.previewOperation(), a.previewExport)
	a.alone[previewPath] = http.MethodPost // and not the methods of /v1/exports/{id}
	a.describeExports()
}

// exportOp describes an operation of exports, which may also end with these errors.
func (a *handler) exportOp(method, path, id, summary string, errs ...int) huma.Operation {
	op := a.operation(method, path, id, "Exports", summary)
	op.Errors = append(op.Errors, errs...)
	return op
}

// An ExportKey is the header by which a request can be repeated.
type ExportKey struct {
	IdempotencyKey string `header:"Idempotency-Key" minLength:"1" maxLength:"255" pattern:"^[ -~]*$" patternDescription:"printable characters of ASCII" doc:"The same request under the same key is the same export, for 24 hours; another request is refused. So it can be sent again when no answer has come." example:"b5d5f5a2-2f0e-4d1b-9a51-6d1d3c0a7c11"`
}

// Resolve refuses a key that is empty, or one of several: whoever sent it relies on it.
func (ExportKey) Resolve(hc huma.Context) []error {
	var sent []string
	hc.EachHeader(func(name, value string) {
		if http.CanonicalHeaderKey(name) == "Idempotency-Key" {
			sent = append(sent, value)
		}
	})
	if len(sent) > 1 || len(sent) == 1 && sent[0] == "" {
		return []error{&huma.ErrorDetail{Message: "there may be one key, which has a value", Location: "header.Idempotency-Key"}}
	}
	return nil
}

type startRequest struct {
	ExportKey

	Body exportBody
}

type exportAnswer struct {
	Location   string `header:"Location" doc:"Where the export is."`
	RetryAfter string `header:"Retry-After" doc:"In how many seconds it is worth asking again; not of a finished export."`
	Replayed   string `header:"Idempotent-Replayed" doc:"true if the export was there already: one under the same key, or an equal one that waits or runs."`
	Body       *process.Process
}

func (a *handler) startExport(under string) func(context.Context, *startRequest) (*exportAnswer, error) {
	return func(ctx context.Context, in *startRequest) (*exportAnswer, error) {
		asked, err := a.exportRequest(ctx, &in.Body)
		if err != nil {
			return nil, err
		}
		p, err := a.service.Exports().Start(ctx, whoOf(ctx), asked, &process.StartOptions{IdempotencyKey: in.IdempotencyKey})
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		out := &exportAnswer{Location: a.opts.Base + under + url.PathEscape(p.ID), RetryAfter: a.retryAfter(p), Body: p}
		if p.Existing {
			out.Replayed = "true"
		}
		return out, nil
	}
}

// retryAfter is in how many seconds a process will have changed so that it is worth asking; empty if it is finished.
func (a *handler) retryAfter(p *process.Process) string {
	if p.Status.Finished() {
		return ""
	}
	const longest = 30
	wait := 1.
	if p.ETA != nil {
		wait = min(max(math.Ceil(p.ETA.Sub(a.opts.Now()).Seconds()), wait), longest)
	}
	return strconv.Itoa(int(wait))
}

// ExportID names an export in the path.
type ExportID struct {
	ID string `path:"id" maxLength:"200" doc:"The id of an export."`
}

type gotExport struct {
	RetryAfter string `header:"Retry-After" doc:"In how many seconds it is worth asking again; not of a finished export."`
	Body       *process.Process
}

func (a *handler) getExport(ctx context.Context, in *ExportID) (*gotExport, error) {
	p, err := a.service.Exports().Get(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &gotExport{a.retryAfter(p), p}, nil
}

// listOf is one page of exports.
type listOf[E any] struct {
	Exports       []E    `json:"exports" nullable:"false"`
	StartAt       int    `json:"start_at"`
	MaxResults    int    `json:"max_results"`
	NextPageToken string `json:"next_page_token,omitempty" doc:"There unless this is the last page."`
	IsLast        bool   `json:"is_last"`
}

type exportList listOf[*process.Process]

type exportListRequest struct {
	Status     []string `query:"status,explode" maxItems:"6" nullable:"false" enum:"initiated,processing,completed,failed,cancelled,expired" doc:"The states asked for; without any, all."`
	UserID     string   `query:"user_id" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"Whose exports: another user's, or those of all (*), for who may administer; without one, the asker's own."`
	StartAt    int      `query:"start_at" minimum:"0" maximum:"10000" default:"0" doc:"How many come before. What lies beyond is reached by page_token."`
	MaxResults int      `query:"max_results" minimum:"1" maximum:"1000" default:"50"`
	PageToken  string   `query:"page_token" minLength:"1" maxLength:"1000" doc:"The next_page_token of the page before; the rest is repeated, and start_at does not count."`
}

func (a *handler) listExports(ctx context.Context, in *exportListRequest) (*answer[exportList], error) {
	page, err := listed(in, func(q *process.ListQuery) ([]*process.Process, *docstore.Cursor, error) {
		p, err := a.service.Exports().List(ctx, whoOf(ctx), q)
		if err != nil {
			return nil, nil, err
		}
		return p.Processes, p.Next, nil
	})
	if err != nil {
		return nil, a.inQuery(ctx, in, err)
	}
	return &answer[exportList]{exportList(*page)}, nil
}

// listed returns the page of a list that is asked for. list returns what a query finds, and where the next page begins.
func listed[E any](in *exportListRequest, list func(*process.ListQuery) ([]E, *docstore.Cursor, error)) (*listOf[E], error) {
	q := &process.ListQuery{UserID: in.UserID}
	for _, s := range in.Status {
		q.Status = append(q.Status, job.State(s))
	}
	page := &listOf[E]{Exports: []E{}, StartAt: in.StartAt, MaxResults: in.MaxResults, IsLast: true}
	if in.PageToken != "" {
		page.StartAt, q.After = 0, cursorOf(in.PageToken)
		if q.After == nil {
			return nil, search.ErrBadToken
		}
	}
	for left := page.StartAt; left > 0; left -= q.MaxResults {
		q.MaxResults = min(left, docstore.MaxPage)
		_, next, err := list(q)
		if err != nil || next == nil {
			return page, err
		}
		q.After = next
	}
	q.MaxResults = in.MaxResults
	all, next, err := list(q)
	if err == nil && next != nil {
		page.NextPageToken, page.IsLast = tokenOf(next), false
	}
	page.Exports = filled(all)
	return page, err
}

// tokenOf returns the page token of a place in a list. It holds nothing that the list does not show.
func tokenOf(c *docstore.Cursor) string {
	text, err := json.Marshal(c)
	if err != nil { // it is made of texts and a number
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// cursorOf returns the place of a page token, or nil if it is none.
func cursorOf(token string) *docstore.Cursor {
	text, err := base64.RawURLEncoding.Strict().DecodeString(token)
	c := new(docstore.Cursor)
	if err != nil || json.Unmarshal(text, c) != nil || tokenOf(c) != token {
		return nil
	}
	return c
}

// inQuery is the problem of parameters of a list.
func (a *handler) inQuery(ctx context.Context, in *exportListRequest, err error) error {
	var field *process.FieldError
	switch invalid := errors.Is(err, docstore.ErrInvalid); {
	case errors.As(err, &field):
	case invalid && in.PageToken != "":
		return a.problem(ctx, search.ErrBadToken)
	case invalid:
		field = &process.FieldError{Field: "user_id", Message: "no user can be called so"}
	default:
		return a.problem(ctx, err)
	}
	return formProblem(ctx, http.StatusUnprocessableEntity, "the list cannot be made",
		[]error{&huma.ErrorDetail{Message: field.Message, Location: "query." + field.Field}})
}

func (a *handler) deleteExport(ctx context.Context, in *ExportID) (*struct{}, error) {
	_, err := a.service.Exports().Delete(ctx, whoOf(ctx), in.ID)
	return nil, a.problem(ctx, err)
}

func (a *handler) exportManifest(ctx context.Context, in *ExportID) (*answer[*process.Manifest], error) {
	m, err := a.service.Exports().Manifest(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.unready(ctx, in.ID, err)
	}
	return &answer[*process.Manifest]{m}, nil
}

// unready is the problem of what a completed export has. Of one that is still made it says when to come again.
func (a *handler) unready(ctx context.Context, id string, err error) error {
	if errors.Is(err, process.ErrNotReady) {
		if p, err := a.service.Exports().Get(ctx, whoOf(ctx), id); err == nil {
			comeAgain(ctx, a.retryAfter(p))
		}
	}
	return a.problem(ctx, err)
}

// comeAgain says in the answer's header in how many seconds it is worth asking again.
func comeAgain(ctx context.Context, seconds string) {
	if h := request(ctx).answer; h != nil && seconds != "" {
		h.Set("Retry-After", seconds)
	}
}

// exportLimits bound exports. What is not there has no bound.
type exportLimits struct {
	MaxRecords int64 `json:"max_records,omitempty" doc:"The greatest number of records of an export, which is cut there, and says so."`
	MaxBytes   int64 `json:"max_bytes,omitempty" doc:"The greatest size of all files of an export."`
	MaxParts   int   `json:"max_parts,omitempty" doc:"The greatest number of files of an export."`
	PerUser    int   `json:"per_user,omitempty" doc:"How many exports of a user may wait or run."`
	PerTenant  int   `json:"per_tenant,omitempty" doc:"How many exports of a tenant may wait or run."`
	Retention  int64 `json:"retention_seconds,omitempty" doc:"How long files are kept after completion."`
}

// offer fills in what can be exported here.
func (a *handler) offer(c *Capabilities) {
	if !a.has("export") || a.service.Exports() == nil {
		return
	}
	o := a.service.Exports().Offer()
	c.Formats, c.Storage = slices.Clone(filled(o.Formats)), filled(o.Storages)
	c.Limits.Exports = &exportLimits{
		MaxRecords: o.Limits.Records, MaxBytes: o.Limits.Bytes, MaxParts: o.Limits.Parts, PerUser: o.Limits.PerUser, PerTenant: o.Limits.PerTenant,
		Retention: int64(o.Retention / time.Second),
	}
}
