package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/search"
)

// A FilterBody is a filter as it is sent: also as it was read, with members that
// say something of a kept filter and do not count.
type FilterBody struct {
	Name             string   `json:"name" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"1 to 255 characters that are not all blank; the names of one owner's filters differ." example:"Fever this week"`
	Description      string   `json:"description,omitempty" maxLength:"4096" pattern:"^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters but tabs and line ends"`
	JQL              string   `json:"jql" doc:"The question." example:"symptoms = fever AND date >= -1w"`
	AllowedIndexes   []string `json:"allowed_indexes,omitempty" maxItems:"100" nullable:"false" doc:"The indexes that it is put to; without any, all that who runs it may see."`
	Owner            string   `json:"owner,omitempty" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"Whose it is; without one, who makes it."`
	SharePermissions []Share  `json:"share_permissions,omitempty" maxItems:"900" nullable:"false" doc:"With whom it is shared; left out of a PUT, they stay."`
	Favourite        bool     `json:"favourite,omitempty" doc:"Whether it is a favourite of who asks; counts when it is made."`

	ID         string     `json:"id,omitempty" readOnly:"true"`
	Permission string     `json:"permission,omitempty" readOnly:"true" doc:"What who asks may do."`
	CreatedAt  *time.Time `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt  *time.Time `json:"updated_at,omitempty" readOnly:"true"`
	Version    int64      `json:"version,omitempty" readOnly:"true"`
}

func (b *FilterBody) filter() *dashboard.Filter {
	return &dashboard.Filter{
		Name: b.Name, Description: b.Description, JQL: b.JQL, AllowedIndexes: b.AllowedIndexes, Owner: b.Owner,
		SharePermissions: shares(b.SharePermissions), Favourite: b.Favourite,
	}
}

// A Share is what somebody may do with a thing, as it is sent.
type Share struct {
	Type       string `json:"type" enum:"user,group,public" doc:"To whom: a user, a group, or everybody of the tenant."`
	ID         string `json:"id,omitempty" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"The name of the user or the group; public has none."`
	Permission string `json:"permission" enum:"read,write,admin" doc:"Each contains those before it."`
}

// shares are those of package dashboard; nil stays nil.
func shares(sent []Share) []dashboard.SharePermission {
	if sent == nil {
		return nil
	}
	all := make([]dashboard.SharePermission, len(sent))
	for i, s := range sent {
		all[i] = dashboard.SharePermission{Type: s.Type, ID: s.ID, Permission: dashboard.Level(s.Permission)}
	}
	return all
}

// A FilterPatch is what a merge patch of a filter may have.
type FilterPatch struct {
	Name             *string  `json:"name,omitempty" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	Description      *string  `json:"description,omitempty" nullable:"true" maxLength:"4096" pattern:"^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters but tabs and line ends"`
	JQL              *string  `json:"jql,omitempty"`
	AllowedIndexes   []string `json:"allowed_indexes,omitempty" maxItems:"100" nullable:"true"`
	Owner            *string  `json:"owner,omitempty" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	SharePermissions []Share  `json:"share_permissions,omitempty" maxItems:"900" nullable:"true"`

	ID         *string    `json:"id,omitempty" readOnly:"true" doc:"As it is, if at all; so are all members that are read only."`
	Permission *string    `json:"permission,omitempty" readOnly:"true"`
	Favourite  *bool      `json:"favourite,omitempty" readOnly:"true"`
	CreatedAt  *time.Time `json:"created_at,omitempty" readOnly:"true"`
	UpdatedAt  *time.Time `json:"updated_at,omitempty" readOnly:"true"`
	Version    *int64     `json:"version,omitempty" readOnly:"true"`
}

// A FilterList is one page of filters.
type FilterList struct {
	Filters    []*dashboard.Filter `json:"filters" nullable:"false"`
	Total      int                 `json:"total"`
	StartAt    int                 `json:"start_at"`
	MaxResults int                 `json:"max_results"`
	IsLast     bool                `json:"is_last"`
}

// Permissions are with whom a thing is shared.
type Permissions struct {
	SharePermissions []dashboard.SharePermission `json:"share_permissions" nullable:"false"`
}

type filterAnswer struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     *dashboard.Filter
}

// FilterID names a filter in the path.
type FilterID struct {
	ID string `path:"id" maxLength:"200"`
}

// A FilterChange names the version that it replaces.
type FilterChange struct {
	FilterID

	IfMatch string `header:"If-Match" maxLength:"64" doc:"The ETag of the version that is changed."`
}

type filterOp struct {
	method, path, id, summary string
}

func (a *handler) filterRoutes() {
	op := func(o filterOp) huma.Operation {
		op := a.operation(o.method, "/v1/filters"+o.path, o.id, "Filters", o.summary)
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusPreconditionFailed)
		return op
	}
	create := op(filterOp{http.MethodPost, "", "create-filter", "Save a question"})
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.api, create, a.createFilter)
	huma.Register(a.api, op(filterOp{http.MethodGet, "", "list-filters", "Filters that the asker may read"}), a.listFilters)
	huma.Register(a.api, op(filterOp{http.MethodGet, "/{id}", "get-filter", "A filter"}), a.getFilter)
	replace := op(filterOp{http.MethodPut, "/{id}", "replace-filter", "Change a filter as a whole"})
	replace.Errors = append(replace.Errors, http.StatusPreconditionRequired)
	huma.Register(a.api, replace, a.replaceFilter)
	needed(a.api.OpenAPI().Paths["/v1/filters/{id}"].Put, "If-Match")
	patch := op(filterOp{http.MethodPatch, "/{id}", "patch-filter", "Change members of a filter, by a JSON merge patch (RFC 7396)"})
	patch.Errors = append(patch.Errors, http.StatusPreconditionRequired)
	huma.Register(a.api, patch, a.patchFilter)
	needed(a.api.OpenAPI().Paths["/v1/filters/{id}"].Patch, "If-Match")
	huma.Register(a.api, op(filterOp{http.MethodDelete, "/{id}", "delete-filter", "Delete a filter"}), a.deleteFilter)
	copied := op(filterOp{http.MethodPost, "/{id}/copy", "copy-filter", "Make a filter of one's own of another"})
	copied.DefaultStatus = http.StatusCreated
	huma.Register(a.api, copied, a.copyFilter)
	huma.Register(a.api, op(filterOp{http.MethodPut, "/{id}/owner", "own-filter", "Give a filter to another user"}), a.ownFilter)
	huma.Register(a.api, op(filterOp{http.MethodPut, "/{id}/favourite", "favour-filter", "Make a filter a favourite"}), a.favour(true))
	huma.Register(a.api, op(filterOp{http.MethodDelete, "/{id}/favourite", "unfavour-filter", "Make a filter no favourite"}), a.favour(false))
	huma.Register(a.api, op(filterOp{http.MethodGet, "/{id}/permissions", "filter-permissions", "With whom a filter is shared"}), a.filterPermissions)
	huma.Register(a.api, op(filterOp{http.MethodPut, "/{id}/permissions", "share-filter", "Share a filter with these and no others"}), a.shareFilter)
	records := a.answers(op(filterOp{http.MethodGet, "/{id}/records", "filter-records", "Run a filter, with the rights of who asks"}), typeOf[RecordsPage]())
	huma.Register(a.api, records, a.filterRecords)
}

// tag is the ETag of a version.
func tag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// expected returns the version that a change is of: 0, whichever, if it names none and need not.
func expected(ctx context.Context, match string, needed bool) (int64, error) {
	match = strings.TrimSpace(match)
	if match == "" {
		if needed {
			return 0, byStatus[http.StatusPreconditionRequired].problem(ctx, "say which version is changed: send its ETag as If-Match")
		}
		return 0, nil
	}
	if match == "*" {
		return 0, nil
	}
	text, quoted := strings.CutPrefix(match, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if !quoted || !closed || err != nil || n < 1 || tag(n) != match {
		return 0, byStatus[http.StatusPreconditionFailed].problem(ctx, "no version has the ETag of If-Match")
	}
	return n, nil
}

// changed is the problem of a change of a version. Who named it learns that it is stale.
func (a *handler) changed(ctx context.Context, err error, match string) error {
	if errors.Is(err, dashboard.ErrConflict) && match != "" {
		return byStatus[http.StatusPreconditionFailed].problem(ctx, "it was changed in the meantime; read it again")
	}
	return a.problem(ctx, err)
}

// amend makes a change of the version that match names, which may be left out unless it is needed, and answers with what came of it.
func amend[T, A any](ctx context.Context, a *handler, match string, needed bool, do func(version int64) (T, error), answer func(T) A) (none A, err error) {
	version, err := expected(ctx, match, needed)
	if err != nil {
		return none, err
	}
	made, err := do(version)
	if err != nil {
		return none, a.changed(ctx, err, match)
	}
	return answer(made), nil
}

func (a *handler) filterAnswer(f *dashboard.Filter) *filterAnswer {
	return &filterAnswer{ETag: tag(f.Version), Location: a.opts.Base + "/v1/filters/" + url.PathEscape(f.ID), Body: f}
}

func (a *handler) createFilter(ctx context.Context, in *struct{ Body FilterBody }) (*filterAnswer, error) {
	f, err := a.service.Filters().Create(ctx, whoOf(ctx), in.Body.filter())
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.filterAnswer(f), nil
}

type listRequest struct {
	Owner      string `query:"owner" enum:"me,shared,favourite,all" default:"all"`
	Name       string `query:"name" maxLength:"255" doc:"What the name contains, in any case."`
	StartAt    int    `query:"start_at" minimum:"0" maximum:"1000000" default:"0"`
	MaxResults int    `query:"max_results" minimum:"1" maximum:"1000" default:"50"`
}

func (a *handler) listFilters(ctx context.Context, in *listRequest) (*answer[FilterList], error) {
	page, err := a.service.Filters().List(ctx, whoOf(ctx), &dashboard.ListQuery{
		Owner: in.Owner, Name: in.Name, StartAt: in.StartAt, MaxResults: in.MaxResults,
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[FilterList]{FilterList{filled(page.Filters), page.Total, in.StartAt, in.MaxResults, page.Next == nil}}, nil
}

func (a *handler) getFilter(ctx context.Context, in *FilterID) (*filterAnswer, error) {
	f, err := a.service.Filters().Get(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := a.filterAnswer(f)
	out.Location = ""
	return out, nil
}

type replaceRequest struct {
	FilterChange

	Body FilterBody
}

func (a *handler) replaceFilter(ctx context.Context, in *replaceRequest) (*filterAnswer, error) {
	return amend(ctx, a, in.IfMatch, true, func(version int64) (*dashboard.Filter, error) {
		return a.service.Filters().Replace(ctx, whoOf(ctx), in.ID, in.Body.filter(), version)
	}, a.filterAnswer)
}

type patchRequest struct {
	FilterChange

	Body FilterPatch `contentType:"application/merge-patch+json"`
}

func (a *handler) patchFilter(ctx context.Context, in *patchRequest) (*filterAnswer, error) {
	return amend(ctx, a, in.IfMatch, true, func(version int64) (*dashboard.Filter, error) {
		return a.service.Filters().Patch(ctx, whoOf(ctx), in.ID, request(ctx).body, version)
	}, a.filterAnswer)
}

func (a *handler) deleteFilter(ctx context.Context, in *FilterChange) (*struct{}, error) {
	version, err := expected(ctx, in.IfMatch, false)
	if err != nil {
		return nil, err
	}
	return nil, a.changed(ctx, a.service.Filters().Delete(ctx, whoOf(ctx), in.ID, version), in.IfMatch)
}

type copyRequest struct {
	FilterID

	Body *copyBody
}

type copyBody struct {
	Name string `json:"name,omitempty" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"Without one it is Copy of, and the other's name."`
}

func (a *handler) copyFilter(ctx context.Context, in *copyRequest) (*filterAnswer, error) {
	name := ""
	if in.Body != nil {
		name = in.Body.Name
	}
	f, err := a.service.Filters().Copy(ctx, whoOf(ctx), in.ID, name)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.filterAnswer(f), nil
}

type ownRequest struct {
	FilterChange

	Body struct {
		Owner string `json:"owner" minLength:"1" maxLength:"255" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters"`
	}
}

func (a *handler) ownFilter(ctx context.Context, in *ownRequest) (*filterAnswer, error) {
	return amend(ctx, a, in.IfMatch, false, func(version int64) (*dashboard.Filter, error) {
		return a.service.Filters().ChangeOwner(ctx, whoOf(ctx), in.ID, in.Body.Owner, version)
	}, a.filterAnswer)
}

func (a *handler) favour(on bool) func(context.Context, *FilterID) (*struct{}, error) {
	return func(ctx context.Context, in *FilterID) (*struct{}, error) {
		return nil, a.problem(ctx, a.service.Filters().SetFavourite(ctx, whoOf(ctx), in.ID, on))
	}
}

func (a *handler) filterPermissions(ctx context.Context, in *FilterID) (*answer[Permissions], error) {
	shares, err := a.service.Filters().Permissions(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[Permissions]{Permissions{filled(shares)}}, nil
}

type shareRequest struct {
	FilterChange

	Body struct {
		SharePermissions []Share `json:"share_permissions" maxItems:"900" nullable:"false"`
	}
}

type shareAnswer struct {
	ETag string `header:"ETag"`
	Body Permissions
}

func (a *handler) shareFilter(ctx context.Context, in *shareRequest) (*shareAnswer, error) {
	return amend(ctx, a, in.IfMatch, false, func(version int64) (*dashboard.Filter, error) {
		return a.service.Filters().SetPermissions(ctx, whoOf(ctx), in.ID, shares(in.Body.SharePermissions), version)
	}, func(f *dashboard.Filter) *shareAnswer {
		return &shareAnswer{tag(f.Version), Permissions{filled(f.SharePermissions)}}
	})
}

type recordsRequest struct {
	FilterID

	Fields     []string  `query:"fields,explode" maxItems:"100" minLength:"1" nullable:"false" doc:"Fields to return: repeated, or joined by commas."`
	StartAt    int       `query:"start_at" minimum:"0" default:"0"`
	MaxResults int       `query:"max_results" minimum:"1" maximum:"1000" default:"50"`
	PageToken  string    `query:"page_token"`
	Count      string    `query:"count" enum:"exact,capped,none" default:"exact"`
	TimeZone   string    `query:"time_zone" maxLength:"64"`
	AsOf       time.Time `query:"as_of"`
}

func (a *handler) filterRecords(ctx context.Context, in *recordsRequest) (*raw, error) {
	saved, err := a.service.Filters().Query(ctx, whoOf(ctx), in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	q := &Question{
		JQL: saved.JQL, AllowedIndexes: saved.Indexes, Fields: commas(in.Fields), StartAt: in.StartAt, MaxResults: in.MaxResults,
		PageToken: in.PageToken, Count: in.Count, TimeZone: in.TimeZone,
	}
	if !in.AsOf.IsZero() {
		q.AsOf = &in.AsOf
	}
	var asked *search.Query
	asked, page, err := a.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return a.page(ctx, asked, page)
}
