package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
)

// may returns an error unless who has all of these permissions.
func (s *Service) may(who *access.Principal, all ...access.Permission) error {
	for _, what := range all {
		if who == nil || !s.host.Policy.May(who, what) {
			return fmt.Errorf("%w: the permission %q is needed", ErrForbidden, what)
		}
	}
	if who.User == "" || who.Tenant == "" {
		return fmt.Errorf("%w: an export needs a user and a tenant", ErrForbidden)
	}
	return nil
}

// bounds on what a request holds.
const (
	maxText    = 200
	maxIndexes = 1000
	maxFields  = 16384
)

// admit returns what a request means for who, or what is wrong with it.
func (s *Service) admit(ctx context.Context, who *access.Principal, r *Request) (*spec, error) {
	if err := s.may(who, access.MayView, access.MayExport); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, invalid("format", "there is no request")
	}
	sp := &spec{Request: *r, User: who.User, Tenant: who.Tenant, Roles: who.Roles, Groups: who.Groups, Attributes: who.Attributes}
	if err := s.checkRequest(&sp.Request); err != nil {
		return nil, err
	}
	if err := s.ask(ctx, who, sp); err != nil {
		return nil, err
	}
	sp.AsOf = sp.AsOf.UTC().Truncate(time.Millisecond)
	parsed, err := jql.Parse(sp.JQL, s.question(sp).Parse)
	if err != nil {
		return nil, err
	}
	sp.Ordered = len(parsed.Order) > 0
	if _, err := s.host.Index.Check(ctx, who, s.question(sp)); err != nil {
		return nil, err
	}
	return sp, s.checkFile(sp)
}

// ask fills in the question: that of the filter, and the instant.
func (s *Service) ask(ctx context.Context, who *access.Principal, sp *spec) error {
	if sp.AsOf.IsZero() {
		sp.AsOf = s.now()
	}
	if sp.FilterID == "" {
		return nil
	}
	if s.host.Filter == nil {
		return invalid("filter_id", "there are no filters")
	}
	q, err := s.host.Filter(ctx, who, sp.FilterID)
	if err != nil {
		return err
	}
	sp.JQL = q.JQL
	if len(sp.AllowedIndexes) == 0 {
		sp.AllowedIndexes = q.Indexes
	}
	return nil
}

func (s *Service) checkRequest(r *Request) error {
	if r.FilterID != "" && r.JQL != "" {
		return invalid("jql", "a filter and a query are given; one of them is asked for")
	}
	if s.format(r.Format) == nil {
		return invalid("format", "must be %s, got %q", s.formatNames(), r.Format)
	}
	if r.Storage = cmp.Or(r.Storage, s.config.Scheme); !slices.Contains(s.config.Files.Schemes(), r.Storage) {
		return invalid("storage", "no storage is called %q", r.Storage)
	}
	switch {
	case r.MaxResults < 0:
		return invalid("max_results", "must not be negative, got %d", r.MaxResults)
	case len(r.AllowedIndexes) > maxIndexes:
		return invalid("allowed_indexes", "%d names, at most %d are allowed", len(r.AllowedIndexes), maxIndexes)
	case len(r.Fields) > maxFields:
		return invalid("fields", "%d names, at most %d are allowed", len(r.Fields), maxFields)
	case !r.AsOf.IsZero() && (r.AsOf.Year() < 1 || r.AsOf.Year() > 9999):
		return invalid("as_of", "must be of the years 1 to 9999")
	}
	asked := make(map[string]bool, len(r.Fields))
	for _, name := range r.Fields {
		if asked[name] {
			return invalid("fields", "%q is asked for twice, and a file has a column once", name)
		}
		asked[name] = true
	}
	if err := checkChoices(&r.Options); err != nil {
		return err
	}
	r.Options.PartRows = cmp.Or(r.Options.PartRows, s.config.PartRows)
	r.Options.PartBytes = cmp.Or(r.Options.PartBytes, s.config.PartBytes)
	return nil
}

func checkChoices(o *Choices) error {
	if o.TimeZone != "" {
		if _, err := time.LoadLocation(o.TimeZone); err != nil || o.TimeZone == "Local" {
			return invalid("options.time_zone", "no zone is called %q", o.TimeZone)
		}
	}
	switch {
	case !slices.Contains([]string{"", ",", ";", "|", "\t"}, o.Delimiter):
		return invalid("options.delimiter", "must be one of , ; | and tab, got %q", o.Delimiter)
	case !slices.Contains([]string{"", "join", "explode", "json"}, o.Lists):
		return invalid("options.lists", "must be join, explode or json, got %q", o.Lists)
	case !slices.Contains([]string{"", "none", "gzip", "zip"}, o.Compression):
		return invalid("options.compression", "must be none, gzip or zip, got %q", o.Compression)
	case len(o.ListSeparator) > maxText || !utf8.ValidString(o.ListSeparator):
		return invalid("options.list_separator", "must be UTF-8 of up to %d bytes", maxText)
	case len(o.Title) > maxText || !utf8.ValidString(o.Title) || strings.ContainsFunc(o.Title, unicode.IsControl):
		return invalid("options.title", "must be a line of UTF-8 of up to %d bytes", maxText)
	case o.PartRows < 0:
		return invalid("options.part_rows", "must not be negative, got %d", o.PartRows)
	case o.PartBytes < 0:
		return invalid("options.part_bytes", "must not be negative, got %d", o.PartBytes)
	}
	return nil
}

// checkFile has the format say whether it can follow the choices.
func (s *Service) checkFile(sp *spec) error {
	f := s.format(sp.Format)
	_, err := f.NewEncoder(io.Discard, []export.Column{{Path: "x"}}, s.exportOptions(sp))
	if err == nil {
		_, _, err = parts.Naming(f, sp.Options.Compression)
	}
	if errors.Is(err, export.ErrInvalid) || errors.Is(err, parts.ErrInvalid) {
		return invalid("options", "%v", err)
	}
	return err
}

func (s *Service) format(name string) *export.Format {
	for _, f := range s.config.Formats {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (s *Service) formatNames() string {
	var names []string
	for _, f := range s.config.Formats {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// question returns the query of an export.
func (s *Service) question(sp *spec) *search.Query {
	q := &search.Query{JQL: sp.JQL, Indexes: sp.AllowedIndexes, Fields: sp.Fields}
	q.Options.Now = sp.AsOf
	if sp.Options.TimeZone != "" {
		q.Options.Zone = zone(sp.Options.TimeZone)
	}
	if s.host.Question != nil {
		q = s.host.Question(q)
	}
	return q
}

// zone returns a zone that was found before.
func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil { // the machine's list of zones has changed
		return time.UTC
	}
	return z
}

// exportOptions returns the choices about the file. What is written of the time is that of the question, so that
// the same question gives the same bytes.
func (s *Service) exportOptions(sp *spec) *export.Options {
	o := &sp.Options
	e := &export.Options{
		Zone: s.question(sp).Options.Zone, Labels: o.Labels, Lists: o.Lists, Separator: o.ListSeparator,
		NoBOM: o.BOM != nil && !*o.BOM, Title: o.Title, Question: sp.JQL, User: sp.User, At: sp.AsOf,
	}
	if o.Delimiter != "" {
		e.Delimiter, _ = utf8.DecodeRuneInString(o.Delimiter)
	}
	return e
}

// fileName returns what the files of an export are called, without number and extension.
func (sp *spec) fileName() string {
	name := sp.Options.Title
	if name == "" && len(sp.AllowedIndexes) == 1 && !strings.Contains(sp.AllowedIndexes[0], "*") {
		name = sp.AllowedIndexes[0]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsDigit(r), r == '-', r == '_', r == '.':
			return r
		case unicode.IsSpace(r), r == '/', r == '\\', r == ':':
			return '-'
		}
		return -1
	}, name)
	const longest = 100
	for len(name) > longest {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	if name = strings.Trim(name, ".-"); name == "" {
		return "export"
	}
	return name
}

// sealed reports whether what goes to a storage is sealed.
func (s *Service) sealed(scheme string) bool {
	return shelf.Public(scheme) && !slices.Contains(s.config.Plain, scheme)
}
