package figures

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// work is what has to be asked for a gadget, and what becomes of the answers.
type work struct {
	gadget    *dashboard.Gadget
	key       string // equal for equal answers, whoever asks
	questions []*search.Question
	build     func([]*search.Answer) (*Data, error)
	answers   []*search.Answer // to the questions, and to what had to be asked besides

	page    *search.Query // of a table of records, instead of questions
	limit   int
	subject *subject
	entry   *entry
}

// A subject is a gadget with everything that its words stand for.
type subject struct {
	gadget  *dashboard.Gadget
	config  dashboard.GadgetConfig
	filter  *dashboard.Filter
	query   search.Query // of the filter, with its circumstances
	parsed  *jql.Query   // what is asked: the filter, and of a period compared that period alone
	schemas []*record.Schema
	points  int // how many there may be

	group, split, metric *column // nil if there is none
	calendar             *search.Calendar
	lower, upper         time.Time // what the filter says of the date of the group; zero if nothing
	period, before       *span     // that are compared
}

// A column is a field that a gadget names.
type column struct {
	name  string // by which questions know it
	path  string
	label string
	field *record.Field
	whole bool // every index has it
}

// prepare finds out what a gadget asks, as who sees it, and complains of what does not fit.
func (f *Figures) prepare(ctx context.Context, who *access.Principal, g *dashboard.Gadget, in *Asked, read func(string) (*dashboard.Filter, error)) (*work, error) {
	filter, err := read(g.FilterID)
	if err != nil {
		return nil, noFilter(err)
	}
	s := &subject{gadget: g, config: g.Config, filter: filter, points: f.opts.MaxPoints}
	s.config.Metric = cmp.Or(s.config.Metric, "count")
	q := search.Query{JQL: filter.JQL, Indexes: filter.AllowedIndexes, Options: jql.ResolveOptions{Now: in.AsOf, Zone: in.Zone}}
	if s.config.TimeZone != "" {
		if q.Options.Zone, err = dashboard.Zone(s.config.TimeZone); err != nil {
			return nil, unfit("config.time_zone", "%v", err)
		}
	}
	s.query = *f.opts.Question(&q)
	if s.query.Options.Now.IsZero() {
		s.query.Options.Now = f.opts.Now()
	}
	if s.query.Options.Zone == nil {
		s.query.Options.Zone = time.UTC
	}
	if s.parsed, err = jql.Parse(filter.JQL, s.query.Parse); err != nil {
		return nil, err
	}
	if s.schemas, err = f.index.Schemas(ctx, who, filter.AllowedIndexes...); err != nil {
		return nil, err
	}
	if len(s.schemas) == 0 {
		return nil, fmt.Errorf("%w: there is no index that you may see", search.ErrUnknownIndex)
	}
	if g.Type == "table" && s.config.GroupBy == "" {
		return f.pageWork(ctx, who, s)
	}
	if err := s.columns(); err != nil {
		return nil, err
	}
	if err := s.times(ctx, who); err != nil {
		return nil, err
	}
	return f.figureWork(ctx, who, s)
}

// pageWork is that of a table of records.
func (f *Figures) pageWork(ctx context.Context, who *access.Principal, s *subject) (*work, error) {
	q := s.query
	q.Fields = s.config.Columns
	identity, err := f.index.PageIdentity(ctx, who, &q)
	if errors.Is(err, search.ErrUnknownField) {
		for i, name := range s.config.Columns {
			one := q
			one.Fields = []string{name}
			if _, err := f.index.PageIdentity(ctx, who, &one); errors.Is(err, search.ErrUnknownField) {
				return nil, unfit(fmt.Sprintf("config.columns[%d]", i), "there is no field %q in %s%s", name, s.where(), s.nearest(name))
			}
		}
	}
	if err != nil {
		return nil, err
	}
	w := &work{gadget: s.gadget, page: &q, limit: cmp.Or(s.config.Limit, 50), subject: s}
	w.key = hashed("table", fmt.Sprint(w.limit), s.query.Options.Zone.String(), identity)
	return w, nil
}

// figureWork is that of everything else.
func (f *Figures) figureWork(ctx context.Context, who *access.Principal, s *subject) (*work, error) {
	w := &work{gadget: s.gadget, subject: s, questions: s.questions(), build: s.build}
	config, err := json.Marshal(s.config)
	if err != nil {
		return nil, err
	}
	key := []string{who.Tenant, s.gadget.Type, string(config), s.query.Options.Zone.String(), s.labels()}
	if s.timed() || s.period != nil { // spans are filled up to the instant of asking
		key = append(key, fmt.Sprint(s.query.Options.Now.UnixMilli()))
	}
	for _, q := range w.questions {
		identity, err := f.index.Identity(ctx, who, q)
		if err != nil {
			return nil, err
		}
		key = append(key, identity)
	}
	w.key = hashed(key...)
	return w, nil
}

// labels are what is shown of the fields beside their values.
func (s *subject) labels() string {
	var b strings.Builder
	for _, c := range []*column{s.group, s.split, s.metric} {
		if c != nil {
			fmt.Fprintf(&b, "%q %q %q %v\n", c.name, c.path, c.label, c.whole)
		}
	}
	return b.String()
}

func hashed(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// columns finds the fields that the gadget names.
func (s *subject) columns() error {
	var err error
	c := &s.config
	find := func(to **column, member, name string) {
		if err == nil && name != "" {
			*to, err = s.column("config."+member, name)
		}
	}
	find(&s.group, "group_by", c.GroupBy)
	find(&s.split, "split_by", c.SplitBy)
	find(&s.metric, "metric_field", c.MetricField)
	if err != nil {
		return err
	}
	if err := s.groupFits(); err != nil {
		return err
	}
	if s.split != nil && s.split.field.Kind == record.Time {
		return unfit("config.split_by", "%q is a date; a course of time is made by group_by and interval", s.split.name)
	}
	return s.metricFits()
}

// column returns the field of a name that holds its whole values, by which records can be counted.
func (s *subject) column(member, name string) (*column, error) {
	c := &column{name: name, whole: true}
	paths := map[string]bool{}
	for _, schema := range s.schemas {
		found := schema.Lookup(name)
		if len(found) == 0 {
			c.whole = false
			continue
		}
		if len(found) > 1 {
			return nil, unfit(member, "%q may be %s or %s; say which", name, found[0].Path, found[1].Path)
		}
		field := found[0].Exact()
		if field == nil {
			return nil, unfit(member, "%q is a text, which has no field of whole values to count by", name)
		}
		paths[field.Path] = true
		if c.field == nil {
			c.field, c.label = field, found[0].Name()
		}
	}
	if c.field == nil {
		return nil, unfit(member, "there is no field %q in %s%s", name, s.where(), s.nearest(name))
	}
	if c.path = c.field.Path; len(paths) == 1 {
		c.name = c.path
	}
	if !groups(c.field.Kind) {
		return nil, unfit(member, "%q cannot be counted by: it is of the type %s", name, c.field.Type)
	}
	return c, nil
}

// where says of which records the gadget is.
func (s *subject) where() string {
	names := make([]string, len(s.schemas))
	for i, schema := range s.schemas {
		names[i] = schema.Index
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more indexes", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}

func (s *subject) nearest(name string) string {
	for _, schema := range s.schemas {
		if near := schema.Nearest(name); near != "" {
			return fmt.Sprintf("; did you mean %q?", near)
		}
	}
	return ""
}

func groups(k record.Kind) bool {
	return slices.Contains([]record.Kind{record.Bool, record.Int, record.Uint, record.Float, record.String, record.Time, record.IP, record.Version}, k)
}

func numeric(k record.Kind) bool { return k == record.Int || k == record.Uint || k == record.Float }

// groupFits complains of a group that does not go with the type of the gadget.
func (s *subject) groupFits() error {
	if s.group == nil {
		return nil
	}
	c, kind := &s.config, s.group.field.Kind
	date := kind == record.Time
	switch {
	case !date && c.Interval != "":
		return unfit("config.interval", "goes with a date, and %q is none", s.group.name)
	case !date && c.Compare != "":
		return unfit("config.group_by", "must be a date with compare, of which the periods are, and %q is none", s.group.name)
	case date && s.gadget.Type == "pie-chart":
		return unfit("config.group_by", "%q is a date; a pie shows no course of time, a bar-chart or a line-chart does", s.group.name)
	case date && c.Interval == "" && s.gadget.Type != "stat":
		return unfit("config.interval", "is needed, since %q is a date: such as month", s.group.name)
	case date && (c.Sort == "count" || c.Sort == "value"):
		return unfit("config.sort", "a course of time is in the order of time")
	case s.gadget.Type == "line-chart" && !date && !numeric(kind):
		return unfit("config.group_by", "must be a date or a number: between the values of %q there is no line; a bar-chart shows them", s.group.name)
	}
	return nil
}

// metricFits complains of a field that cannot be measured in that way.
func (s *subject) metricFits() error {
	if s.metric == nil {
		return nil
	}
	kind := s.metric.field.Kind
	switch s.config.Metric {
	case "sum", "avg":
		if !numeric(kind) {
			return unfit("config.metric_field", "must be a number for %s, and %q is none", s.config.Metric, s.metric.name)
		}
	case "min", "max", "percentile":
		switch {
		case kind == record.Time && (s.gadget.Type == "stat" || s.gadget.Type == "table"):
		case kind == record.Time:
			return unfit("config.metric_field", "%q is a date, which a %s cannot draw; a stat or a table shows it", s.metric.name, s.gadget.Type)
		case !numeric(kind):
			return unfit("config.metric_field", "must be a number or a date for %s, and %q is none", s.config.Metric, s.metric.name)
		}
	}
	return nil
}

// timed reports whether the points are spans of time.
func (s *subject) timed() bool { return s.calendar != nil && s.gadget.Type != "stat" }

// questions are what the engine is asked: the points, the whole that they are parts of, and the period before.
func (s *subject) questions() []*search.Question {
	all := []*search.Question{s.question(s.parsed)}
	if s.gadget.Type == "pie-chart" && s.config.Metric == "sum" {
		whole := s.question(s.parsed)
		whole.Groups, whole.SortBy, whole.Limit = nil, "", 0
		all = append(all, whole)
	}
	if s.before != nil {
		all = append(all, s.question(s.before.query))
	}
	return all
}

// more is what has to be asked besides, once an answer is there: an engine that is asked for the largest buckets does not say how many it has left out, and
// of records without a date that are in several series not how many there are. It is nil if neither is so, as mostly, so that it would be wasted to ask it at once.
func (s *subject) more(a *search.Answer) *search.Question {
	undated := s.timed() && s.split != nil && !apart(a) && slices.ContainsFunc(a.Buckets, func(b search.Bucket) bool { return b.Keys[0].IsNull() })
	if s.group == nil || a.Cut >= 0 && !undated {
		return nil
	}
	values := s.question(s.parsed)
	if undated {
		values.Groups, values.SortBy, values.Limit = nil, "", 0
		values.Metrics = []search.Metric{{Op: "count", Name: s.group.name}}
		return values
	}
	values.Groups, values.SortBy, values.Limit = nil, "", 0
	values.Metrics = []search.Metric{{Op: "cardinality", Name: s.group.name}, {Op: "count", Name: s.group.name}}
	return values
}

func (s *subject) question(parsed *jql.Query) *search.Question {
	q := &search.Question{Query: s.query}
	q.JQL = parsed.String()
	if s.metric != nil {
		m := search.Metric{Op: s.config.Metric, Name: s.metric.name}
		if p := s.config.Percentile; p != nil {
			m.Percent = *p
		}
		q.Metrics = []search.Metric{m}
	}
	if s.gadget.Type == "stat" {
		return q
	}
	if s.group != nil {
		q.Groups = append(q.Groups, search.Group{Name: s.group.name, Calendar: s.calendar, Missing: true})
	}
	if s.split != nil {
		q.Groups = append(q.Groups, search.Group{Name: s.split.name, Missing: true})
	}
	if !s.timed() {
		q.SortBy, q.Limit = s.order(), s.limit()
	}
	return q
}

// order is how buckets are sorted.
func (s *subject) order() string {
	switch sort := s.config.Sort; {
	case sort == "key", sort == "" && s.group != nil && numeric(s.group.field.Kind):
		return "key"
	case sort == "value" && s.metric != nil:
		return "0"
	}
	return "count"
}

// limit is how many buckets there may be; of a course of time, how many series.
func (s *subject) limit() int {
	if s.config.Limit != 0 {
		return s.config.Limit
	}
	switch {
	case s.timed():
		return 8
	case s.gadget.Type == "pie-chart":
		return 10
	case s.gadget.Type == "bar-chart" && !numeric(s.group.field.Kind):
		return 20
	case s.gadget.Type == "table":
		return 100
	}
	return 0
}
