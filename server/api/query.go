package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// The limits of questions.
const (
	maxResults     = 1000
	defaultResults = 50 // also where a question says so, if the server has smaller pages
	maxWindow      = 10_000
	maxQuery       = 1 << 20
	cappedCount    = 10_000
)

// A Question is the body of a query.
type Question struct {
	JQL            string     `json:"jql" doc:"The question; empty asks for every record." example:"diagnosis ~ malaria AND age < 5 ORDER BY date DESC"`
	AllowedIndexes []string   `json:"allowed_indexes,omitempty" maxItems:"100" nullable:"false" doc:"Names of indexes, or patterns with *; without any, every index that the asker may see."`
	Fields         []string   `json:"fields,omitempty" maxItems:"1000" nullable:"false" doc:"Paths, aliases or labels of the fields to return, or patterns such as patient.*, in order; without any, all."`
	StartAt        int        `json:"start_at,omitempty" minimum:"0" default:"0" doc:"How many records come before. With max_results at most 10,000; what lies beyond is reached by page_token."`
	MaxResults     int        `json:"max_results,omitempty" minimum:"1" maximum:"1000" default:"50" doc:"The greatest number of records."`
	PageToken      string     `json:"page_token,omitempty" maxLength:"2097152" doc:"The next_page_token of the page before; the rest is repeated."`
	Count          string     `json:"count,omitempty" enum:"exact,capped,none" default:"exact" doc:"How far to count: to the end, up to 10,000, or not at all."`
	TimeZone       string     `json:"time_zone,omitempty" maxLength:"64" doc:"Where days begin, an IANA name such as Asia/Kolkata." example:"Asia/Kolkata"`
	AsOf           *time.Time `json:"as_of,omitempty" nullable:"false" doc:"The instant that now() and relative dates stand for, so that a question can be repeated exactly."`
	Dialect        string     `json:"dialect,omitempty" enum:"dhr,jira" doc:"The grammar: DHR's, or Atlassian's to the letter. Without one, the server's."`
}

// A RecordsPage is one page of records.
type RecordsPage struct {
	Records       []RecordInfo `json:"records" nullable:"false"`
	Total         *int64       `json:"total" doc:"How many records there are in all; null if nothing was counted."`
	TotalIsExact  bool         `json:"total_is_exact" doc:"Otherwise there are at least so many."`
	StartAt       int          `json:"start_at"`
	MaxResults    int          `json:"max_results"`
	NextPageToken string       `json:"next_page_token,omitempty" doc:"There unless this is the last page."`
	IsLast        bool         `json:"is_last"`
	Warnings      []Detail     `json:"warnings" nullable:"false" doc:"Complaints that did not keep the query from running."`
	AsOf          time.Time    `json:"as_of" doc:"The instant that now() stood for."`
}

// A RecordInfo is one record.
type RecordInfo struct {
	ID     string         `json:"id"`
	Index  string         `json:"index"`
	Fields map[string]any `json:"fields" doc:"Each field under its path: null without a value, one value as itself, several as a list."`
}

// raw is an answer that is written already.
type raw struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func jsonAnswer(body []byte) *raw { return &raw{"application/json", body} }

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// answers describes an answer that is written by hand.
func (a *handler) answers(op huma.Operation, t reflect.Type) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: huma.SchemaFromType(a.api.OpenAPI().Components.Schemas, t)}},
	}}
	return op
}

func (a *handler) queryRoutes() {
	post := a.answers(a.operation(http.MethodPost, "/v1/query", "query", "Query", "Ask for records"), typeOf[RecordsPage]())
	huma.Register(a.api, post, func(ctx context.Context, in *struct{ Body Question }) (*raw, error) {
		return a.query(ctx, &in.Body)
	})
	get := a.answers(a.operation(http.MethodGet, "/v1/query", "query-by-get", "Query", "Ask for records, by parameters"), typeOf[RecordsPage]())
	huma.Register(a.api, get, func(ctx context.Context, in *questionParams) (*raw, error) {
		return a.query(ctx, in.question())
	})
	huma.Register(a.api, a.operation(http.MethodPost, "/v1/query/validate", "validate", "Query", "Check a query without asking it"), a.validate)
	huma.Register(a.api, a.operation(http.MethodPost, "/v1/query/compile", "compile", "Query", "Show what an engine would be sent"), a.compile)
}

// questionParams is a Question as parameters.
type questionParams struct {
	JQL            string    `query:"jql" doc:"The question; empty asks for every record."`
	AllowedIndexes []string  `query:"allowed_indexes,explode" maxItems:"100" minLength:"1" nullable:"false" doc:"Names of indexes, or patterns with *: repeated, or joined by commas."`
	Fields         []string  `query:"fields,explode" maxItems:"100" minLength:"1" nullable:"false" doc:"Fields to return: repeated, or joined by commas."`
	StartAt        int       `query:"start_at" minimum:"0" default:"0"`
	MaxResults     int       `query:"max_results" minimum:"1" maximum:"1000" default:"50"`
	PageToken      string    `query:"page_token"`
	Count          string    `query:"count" enum:"exact,capped,none" default:"exact"`
	TimeZone       string    `query:"time_zone" maxLength:"64"`
	AsOf           time.Time `query:"as_of"`
	Dialect        string    `query:"dialect" enum:"dhr,jira"`
}

func (p *questionParams) question() *Question {
	q := &Question{
		JQL: p.JQL, AllowedIndexes: commas(p.AllowedIndexes), Fields: commas(p.Fields), StartAt: p.StartAt, MaxResults: p.MaxResults,
		PageToken: p.PageToken, Count: p.Count, TimeZone: p.TimeZone, Dialect: p.Dialect,
	}
	if !p.AsOf.IsZero() {
		q.AsOf = &p.AsOf
	}
	return q
}

// commas takes lists apart.
func commas(lists []string) []string {
	var all []string
	for _, list := range lists {
		for _, one := range strings.Split(list, ",") {
			if one != "" {
				all = append(all, one)
			}
		}
	}
	return all
}

// ask makes a question of the service's of the body's.
func (a *handler) ask(ctx context.Context, in *Question) (*search.Query, *search.PageOptions, error) {
	q, err := a.words(ctx, in.JQL, in.AllowedIndexes, in.TimeZone, in.AsOf, in.Dialect)
	if err != nil {
		return nil, nil, err
	}
	q.Fields = in.Fields
	page := &search.PageOptions{StartAt: in.StartAt, MaxResults: in.MaxResults, Token: in.PageToken}
	if in.MaxResults == defaultResults {
		page.MaxResults = min(defaultResults, a.opts.MaxResults)
	}
	if page.Token != "" { // the rest of the question is repeated, and its start is that of the first page
		page.StartAt = 0
	}
	switch in.Count {
	case "capped":
		page.CountUpTo = cappedCount
	case "none":
		page.CountUpTo = -1
	}
	return q, page, nil
}

// words makes a question of its text and circumstances, and notes it for the log.
func (a *handler) words(ctx context.Context, text string, indexes []string, zone string, asOf *time.Time, dialect string) (*search.Query, error) {
	a.logged(ctx, text)
	q := &search.Query{JQL: text, Indexes: indexes}
	if dialect != "" {
		q.Parse = &jql.ParseOptions{Jira: dialect == "jira"}
	}
	if asOf != nil {
		if asOf.IsZero() {
			return nil, formProblem(ctx, http.StatusUnprocessableEntity, "no such instant", []error{&huma.ErrorDetail{
				Message: "the year 1 is too early", Location: "as_of",
			}})
		}
		q.Options.Now = *asOf
	}
	if zone != "" {
		at, err := a.zones.named(zone)
		if err != nil {
			return nil, formProblem(ctx, http.StatusUnprocessableEntity, "unknown time zone", []error{&huma.ErrorDetail{
				Message: fmt.Sprintf("%q is no name of a time zone such as Asia/Kolkata", zone), Location: "time_zone",
			}})
		}
		q.Options.Zone = at
	}
	return q, nil
}

// logged notes a query for the log: its text may name persons, a hash of it does not.
func (a *handler) logged(ctx context.Context, text string) {
	q := request(ctx)
	if a.opts.LogQueries {
		q.query = text
		return
	}
	sum := sha256.Sum256([]byte(text))
	q.query = "sha256:" + hex.EncodeToString(sum[:8])
}

func (a *handler) query(ctx context.Context, in *Question) (*raw, error) {
	q, page, err := a.ask(ctx, in)
	if err != nil {
		return nil, err
	}
	return a.page(ctx, q, page)
}

// page answers with one page of records.
func (a *handler) page(ctx context.Context, q *search.Query, opts *search.PageOptions) (*raw, error) {
	page, err := a.service.Query(ctx, whoOf(ctx), q, opts)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	request(ctx).records = len(page.Records)
	b := append(make([]byte, 0, 1024*(len(page.Records)+1)), `{"records":[`...)
	for i, r := range page.Records {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = record.StringValue(r.ID).AppendJSON(b)
		b = append(b, `,"index":`...)
		b = record.StringValue(r.Index).AppendJSON(b)
		b = append(b, `,"fields":`...)
		b = append(r.AppendJSON(b), '}')
	}
	b = append(b, `],"total":`...)
	if page.Total < 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, page.Total, 10)
	}
	rest, err := json.Marshal(struct {
		TotalIsExact  bool      `json:"total_is_exact"`
		StartAt       int       `json:"start_at"`
		MaxResults    int       `json:"max_results"`
		NextPageToken string    `json:"next_page_token,omitempty"`
		IsLast        bool      `json:"is_last"`
		Warnings      []Detail  `json:"warnings"`
		AsOf          time.Time `json:"as_of"`
	}{page.TotalIsExact, opts.StartAt, opts.MaxResults, page.Next, page.Next == "", details(page.Warnings), page.AsOf.UTC()})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	b = append(b, ',')
	b = append(b, rest[1:]...)
	return jsonAnswer(append(b, '\n')), nil
}

// A Validation says whether a query would be answered.
type Validation struct {
	Valid     bool     `json:"valid"`
	Canonical string   `json:"canonical" doc:"The query as DHR writes it; empty if it cannot be read."`
	Errors    []Detail `json:"errors" nullable:"false"`
	Warnings  []Detail `json:"warnings" nullable:"false"`
}

type validateRequest struct {
	Body struct {
		JQL            string   `json:"jql"`
		AllowedIndexes []string `json:"allowed_indexes,omitempty" maxItems:"100" nullable:"false"`
		Dialect        string   `json:"dialect,omitempty" enum:"dhr,jira"`
	}
}

func (a *handler) validate(ctx context.Context, in *validateRequest) (*answer[Validation], error) {
	q, err := a.words(ctx, in.Body.JQL, in.Body.AllowedIndexes, "", nil, in.Body.Dialect)
	if err != nil {
		return nil, err
	}
	v, err := a.service.Validate(ctx, whoOf(ctx), q)
	switch {
	case errors.Is(err, search.ErrUnknownIndex), errors.Is(err, search.ErrInvalid): // a query like this is refused
		return &answer[Validation]{Validation{
			Canonical: a.canonical(q), Errors: []Detail{{Message: saying.ReplaceAllString(err.Error(), ""), Location: "body"}}, Warnings: []Detail{},
		}}, nil
	case err != nil:
		return nil, a.problem(ctx, err)
	}
	return &answer[Validation]{Validation{
		Valid: len(v.Errors) == 0, Canonical: v.Canonical, Errors: details(v.Errors), Warnings: details(v.Warnings),
	}}, nil
}

// canonical returns a query as DHR writes it, or nothing if it cannot be read.
func (a *handler) canonical(q *search.Query) string {
	parsed, err := a.service.Parse(q.JQL, q.Parse)
	if err != nil {
		return ""
	}
	return parsed.String()
}

// A Compilation is a query as engines see it.
type Compilation struct {
	Target  string         `json:"target"`
	Queries []dhr.Compiled `json:"queries" nullable:"false" doc:"What each index is asked, without what the asker's roles add."`
}

type compileRequest struct {
	Body struct {
		JQL            string     `json:"jql"`
		AllowedIndexes []string   `json:"allowed_indexes,omitempty" maxItems:"100" nullable:"false"`
		Target         string     `json:"target" enum:"elasticsearch,sqlite,postgres,plan"`
		MaxResults     int        `json:"max_results,omitempty" minimum:"1" maximum:"1000" default:"50"`
		TimeZone       string     `json:"time_zone,omitempty" maxLength:"64"`
		AsOf           *time.Time `json:"as_of,omitempty" nullable:"false"`
		Dialect        string     `json:"dialect,omitempty" enum:"dhr,jira"`
	}
}

func (a *handler) compile(ctx context.Context, in *compileRequest) (*answer[Compilation], error) {
	b := &in.Body
	q, err := a.words(ctx, b.JQL, b.AllowedIndexes, b.TimeZone, b.AsOf, b.Dialect)
	if err != nil {
		return nil, err
	}
	all, err := a.service.Compile(ctx, whoOf(ctx), q, b.Target, b.MaxResults)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[Compilation]{Compilation{b.Target, all}}, nil
}

// zones remembers time zones, which take long to read.
type zones struct{ known sync.Map }

func (z *zones) named(name string) (*time.Location, error) {
	if at, ok := z.known.Load(name); ok {
		return at.(*time.Location), nil //nolint:forcetypeassert // nothing else is stored
	}
	if name == "Local" || strings.HasPrefix(name, "../") || path.Clean(name) != name { // a zone has one name, so that few are remembered
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	at, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	z.known.Store(name, at)
	return at, nil
}
