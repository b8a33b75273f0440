package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/audit"
)

// auditPage is one page of the audit.
type auditPage struct {
	Entries []audit.Entry `json:"entries" nullable:"false" doc:"The newest first."`
	IsLast  bool          `json:"is_last"`
}

type auditRequest struct {
	User       string    `query:"user" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	Action     string    `query:"action" minLength:"1" maxLength:"64" pattern:"^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$" patternDescription:"lower-case words with dots between them" doc:"Such as query.run, filter.share or auth.failure."`
	From       time.Time `query:"from" doc:"From this instant on."`
	To         time.Time `query:"to" doc:"Before this instant."`
	After      int64     `query:"after" minimum:"0" doc:"The seq of the oldest entry that was seen; the page goes on behind it."`
	MaxResults int       `query:"max_results" minimum:"1" maximum:"1000" default:"100"`
}

func (a *handler) auditRoutes() {
	huma.Register(a.api, a.operation(http.MethodGet, "/v1/audit", "audit", "Service", "Who did what, in the asker's tenant"), a.audit)
}

func (a *handler) audit(ctx context.Context, in *auditRequest) (*answer[auditPage], error) {
	entries, err := a.service.Audit(ctx, whoOf(ctx), audit.Query{
		User: in.User, Action: in.Action, From: in.From, To: in.To, After: in.After, Limit: in.MaxResults,
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[auditPage]{auditPage{filled(entries), len(entries) < in.MaxResults}}, nil
}
