package dhr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Query returns one page of what a query finds: see [search.Index.Page].
func (s *Service) Query(ctx context.Context, who *access.Principal, q *search.Query, page *search.PageOptions) (*search.Page, error) {
	in := s.circumstances(q)
	found, err := s.page(ctx, who, in, page)
	if failed := s.noteQuery(ctx, who, in, found, err); failed != nil {
		return nil, failed
	}
	return found, err
}

func (s *Service) page(ctx context.Context, who *access.Principal, q *search.Query, page *search.PageOptions) (*search.Page, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	return s.index.Page(ctx, who, q, page)
}

// circumstances returns q with what the service knows of where and among whom it is asked.
func (s *Service) circumstances(q *search.Query) *search.Query {
	if q == nil {
		q = &search.Query{}
	}
	in := *q
	in.Options = *s.options(&q.Options)
	if in.Parse == nil {
		in.Parse = s.config.Parse
	}
	return &in
}

// Parse reads a query as the service does: see [jql.Parse]. If opts is nil, with [Config.Parse].
func (s *Service) Parse(text string, opts *jql.ParseOptions) (*jql.Query, error) {
	return jql.Parse(text, cmp.Or(opts, s.config.Parse))
}

// options fills in what a question leaves open.
func (s *Service) options(o *jql.ResolveOptions) *jql.ResolveOptions {
	in := *o
	if in.Now.IsZero() {
		in.Now = s.config.Now()
	}
	if in.Zone == nil {
		in.Zone = s.config.Zone
	}
	if in.WeekStart == 0 {
		in.WeekStart = s.config.WeekStart
	}
	if in.Members == nil {
		in.Members = s.config.Members
	}
	if in.Functions == nil {
		in.Functions = s.config.Functions
	}
	return &in
}

// A Validation says what a query is, as far as can be said without asking it.
type Validation struct {
	// Canonical is the query as DHR writes it; empty if it cannot be read.
	Canonical string
	// Errors are why the query is refused; it is valid without any.
	Errors   jql.ErrorList
	Warnings jql.ErrorList
}

// Validate says whether a query would be answered: it is refused as Query would refuse it. Complaints about the
// query are in the validation; the error is one of the question's circumstances, such as an unknown index.
func (s *Service) Validate(ctx context.Context, who *access.Principal, q *search.Query) (*Validation, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	v, in := new(Validation), s.circumstances(q)
	if parsed, err := jql.Parse(in.JQL, in.Parse); err == nil {
		v.Canonical = parsed.String()
	}
	warnings, err := s.index.Check(ctx, who, in)
	if err != nil && !errors.As(err, &v.Errors) {
		return nil, err
	}
	v.Warnings = warnings
	return v, nil
}

// meaning resolves a query against what who may see.
func (s *Service) meaning(ctx context.Context, who *access.Principal, q *search.Query) (*jql.Resolution, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	schemas, err := s.index.Schemas(ctx, who, q.Indexes...)
	if err != nil {
		return nil, err
	}
	parsed, err := jql.Parse(q.JQL, q.Parse)
	if err != nil {
		return nil, err
	}
	options := s.options(&q.Options)
	options.User = who.User
	return jql.Resolve(ctx, parsed, schemas, options)
}

// A Compiled query is what is put to one index.
type Compiled struct {
	Index string `json:"index"`
	// Plan is what the query means there, in the words of package plan.
	Plan string `json:"plan"`
	// Query is what the target would be sent; nil for the target plan.
	Query any `json:"query,omitempty"`
}

// Compile shows what a query is to an engine: plan, or one of those of [Config.Compilers]. What the principal's roles
// add to it, to keep it to the records that it may see, is not shown.
func (s *Service) Compile(ctx context.Context, who *access.Principal, q *search.Query, target string, limit int) ([]Compiled, error) {
	compiler := s.config.Compilers[target]
	if compiler == nil && target != "plan" {
		return nil, fmt.Errorf("dhr: %w %q; there are %s", ErrUnknownTarget, target, strings.Join(s.Targets(), ", "))
	}
	resolution, err := s.meaning(ctx, who, s.circumstances(q))
	if err != nil {
		return nil, err
	}
	all := make([]Compiled, len(resolution.Plans))
	for i, p := range resolution.Plans {
		all[i] = Compiled{Index: p.Schema.Index, Plan: p.String()}
		if compiler == nil {
			continue
		}
		if all[i].Query, err = compiler(ctx, p, limit); err != nil {
			return nil, fmt.Errorf("dhr: %s: %w", target, err)
		}
	}
	return all, nil
}

// Targets returns what Compile can show, in alphabetical order.
func (s *Service) Targets() []string {
	return slices.Sorted(func(yield func(string) bool) {
		if yield("plan") {
			maps.Keys(s.config.Compilers)(yield)
		}
	})
}

// Complete returns what may stand at the cursor, a byte offset into the text of a query: see [jql.Complete].
// The values it offers are those of records that the principal may see.
func (s *Service) Complete(ctx context.Context, who *access.Principal, text string, cursor int, indexes ...string) ([]jql.Completion, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	schemas, err := s.index.Schemas(ctx, who, indexes...)
	if err != nil {
		return nil, err
	}
	values := func(ctx context.Context, f *record.Field, prefix string, limit int) ([]string, error) {
		found, err := s.index.Suggest(ctx, who, indexes, f.Path, prefix, limit)
		if errors.Is(err, search.ErrInvalid) || errors.Is(err, search.ErrUnsupported) || errors.Is(err, search.ErrUnknownField) {
			return nil, nil // a field whose values cannot be listed
		}
		if failed := s.noteValues(ctx, who, indexes, f.Path, found, err); failed != nil {
			return nil, failed
		}
		texts := make([]string, 0, len(found))
		for _, b := range found {
			texts = append(texts, b.Keys[0].Text())
		}
		return texts, err
	}
	return jql.Complete(ctx, text, cursor, schemas, &jql.CompleteOptions{Values: values, Functions: s.config.Functions})
}

// Suggest returns values of a field that begin with a prefix: see [search.Index.Suggest].
func (s *Service) Suggest(ctx context.Context, who *access.Principal, indexes []string, field, prefix string, limit int) ([]search.Bucket, error) {
	err := s.may(who, access.MayView)
	var found []search.Bucket
	if err == nil {
		found, err = s.index.Suggest(ctx, who, indexes, field, prefix, limit)
	}
	if failed := s.noteValues(ctx, who, indexes, field, found, err); failed != nil {
		return nil, failed
	}
	return found, err
}

// noteValues notes that values of a field were asked for, and how many were shown.
func (s *Service) noteValues(ctx context.Context, who *access.Principal, indexes []string, field string, found []search.Bucket, err error) error {
	return s.note(ctx, who, audit.Entry{
		Action: "values.read", Object: cmp.Or(strings.Join(indexes, ","), "*"), Count: int64(len(found)),
		Detail: map[string]string{"field": field, "outcome": outcome(err)},
	})
}

// Indexes returns the names of the indexes that a principal may see.
func (s *Service) Indexes(ctx context.Context, who *access.Principal) ([]string, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	return s.index.Indexes(ctx, who)
}

// Schemas returns what a principal may ask about: see [search.Index.Schemas].
func (s *Service) Schemas(ctx context.Context, who *access.Principal, names ...string) ([]*record.Schema, error) {
	if err := s.may(who, access.MayView); err != nil {
		return nil, err
	}
	return s.index.Schemas(ctx, who, names...)
}

// Record returns one record by its id, or nil if there is none that the principal may see: see [search.Index.Get].
func (s *Service) Record(ctx context.Context, who *access.Principal, index, id string, fields ...string) (*record.Record, error) {
	var found *record.Record
	err := s.may(who, access.MayView)
	if err == nil {
		found, err = s.index.Get(ctx, who, index, id, fields...)
	}
	e := audit.Entry{Action: "record.read", Object: index + "/" + id, Detail: map[string]string{"outcome": outcome(err)}}
	if found != nil {
		e.Count = 1
	}
	if failed := s.note(ctx, who, e); failed != nil {
		return nil, failed
	}
	return found, err
}

// Functions returns the functions that queries may call: those of the language, and the host's.
func (s *Service) Functions() map[string]jql.Function {
	all := jql.Functions()
	maps.Copy(all, s.config.Functions)
	return all
}
