package dashboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Gadget is a picture on a dashboard of what a filter finds. Who makes or changes one sets the members up to Position;
// the others are said of it when it is read.
type Gadget struct {
	// Type is pie-chart, bar-chart, line-chart, table or stat.
	Type string `json:"type"`
	// Title is 1 to 255 characters. Blanks around it are left out.
	Title string `json:"title"`
	// FilterID is the filter whose records the gadget is about.
	FilterID string       `json:"filter_id"`
	Config   GadgetConfig `json:"config"`
	Position Position     `json:"position"`

	ID          string    `json:"id"`
	DashboardID string    `json:"dashboard_id"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	// Version counts the changes of the gadget. Those of its dashboard count them too, and those of its other gadgets.
	Version int64 `json:"version"`
}

// A GadgetConfig says what a gadget shows. Its members are those of the JSON; which of them goes with which type, docs/dashboards.md says.
type GadgetConfig struct {
	// GroupBy and SplitBy are fields by whose values records are put into buckets.
	GroupBy string `json:"group_by,omitempty"`
	SplitBy string `json:"split_by,omitempty"`
	// Metric is count, sum, avg, min, max, cardinality or percentile; if empty, count.
	Metric string `json:"metric,omitempty"`
	// MetricField is the field that is measured, by every metric but count.
	MetricField string `json:"metric_field,omitempty"`
	// Percentile is 0 to 100, for the metric of that name alone.
	Percentile *float64 `json:"percentile,omitempty"`
	// Interval is hour, day, week, month, quarter or year, if GroupBy is a date.
	Interval string `json:"interval,omitempty"`
	// Limit is the greatest number of buckets, of series if GroupBy is a date, or of records; if zero, what suits the type.
	Limit int `json:"limit,omitempty"`
	// Sort is count, value or key; if empty, what suits the field.
	Sort string `json:"sort,omitempty"`
	// Columns are the fields of a table of records.
	Columns []string `json:"columns,omitempty"`
	// TimeZone is where days begin, an IANA name; if empty, that of who looks or of the service.
	TimeZone string `json:"time_zone,omitempty"`
	// Compare is previous_period, or empty.
	Compare string `json:"compare,omitempty"`
}

// A Position is where a gadget stands on the grid of its dashboard, and how large it is. Rows and columns count from 0.
type Position struct {
	Row    int `json:"row"`
	Column int `json:"col"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

const (
	// Columns is how many columns the grid of a dashboard has.
	Columns = 12
	// MaxGadgets is the greatest number of gadgets on one dashboard.
	MaxGadgets = 50

	maxRows    = 1000
	maxHeight  = 50
	maxLimit   = 1000
	maxColumns = 100
)

// The types, metrics and intervals, in the order in which complaints list them.
var (
	gadgetTypes = []string{"pie-chart", "bar-chart", "line-chart", "table", "stat"}
	metrics     = []string{"count", "sum", "avg", "min", "max", "cardinality", "percentile"}
	intervals   = []string{"hour", "day", "week", "month", "quarter", "year"}
	sorts       = []string{"count", "value", "key"}
)

// clone returns a copy whose lists are its own.
func (g *Gadget) clone() *Gadget {
	c := *g
	c.Config.Columns = slices.Clone(g.Config.Columns)
	if p := g.Config.Percentile; p != nil {
		percent := *p
		c.Config.Percentile = &percent
	}
	return &c
}

// same reports whether nothing was changed that a user sets.
func (g *Gadget) same(was *Gadget) bool {
	return g.asks(was) && g.Title == was.Title && g.Position == was.Position
}

// asks reports whether g asks what was asked.
func (g *Gadget) asks(was *Gadget) bool {
	a, b := g.Config, was.Config
	same := a.Percentile == b.Percentile || a.Percentile != nil && b.Percentile != nil && *a.Percentile == *b.Percentile
	return same && g.Type == was.Type && g.FilterID == was.FilterID &&
		a.GroupBy == b.GroupBy && a.SplitBy == b.SplitBy && a.Metric == b.Metric && a.MetricField == b.MetricField &&
		a.Interval == b.Interval && a.Limit == b.Limit && a.Sort == b.Sort && slices.Equal(a.Columns, b.Columns) &&
		a.TimeZone == b.TimeZone && a.Compare == b.Compare
}

// check notes what is wrong with g by itself. member is where it stands in what was sent, with a dot behind it if anywhere.
func (g *Gadget) check(member string, errs *FieldErrors) {
	if !slices.Contains(gadgetTypes, g.Type) {
		errs.add(member+"type", "must be %s, got %q", oneOf(gadgetTypes), g.Type)
	}
	checkTitle(member+"title", g.Title, errs)
	if complaint := textComplaint(g.FilterID, 200); complaint != "" {
		errs.add(member+"filter_id", "%s", complaint)
	}
	g.Position.check(member+"position.", errs)
	g.Config.check(member+"config.", g.Type, errs)
}

func checkTitle(member, title string, errs *FieldErrors) {
	switch n := utf8.RuneCountInString(title); {
	case n == 0:
		errs.add(member, "must not be empty")
	case n > maxName:
		errs.add(member, "has %d characters, at most %d are allowed", n, maxName)
	case !utf8.ValidString(title):
		errs.add(member, "must be UTF-8, got %q", title)
	case strings.ContainsFunc(title, unicode.IsControl):
		errs.add(member, "must have no control characters, got %q", title)
	}
}

func (p Position) check(member string, errs *FieldErrors) {
	within := func(name string, n, least, most int) {
		if n < least || n > most {
			errs.add(member+name, "must be %d to %d, got %d", least, most, n)
		}
	}
	within("row", p.Row, 0, maxRows-1)
	within("col", p.Column, 0, Columns-1)
	within("width", p.Width, 1, Columns)
	within("height", p.Height, 1, maxHeight)
	if p.Column >= 0 && p.Column < Columns && p.Width >= 1 && p.Width <= Columns && p.Column+p.Width > Columns {
		errs.add(member+"width", "the gadget ends behind column %d: it begins in column %d and is %d wide", Columns-1, p.Column, p.Width)
	}
}

// overlaps reports whether two gadgets stand on the same cell.
func (p Position) overlaps(q Position) bool {
	return p.Row < q.Row+q.Height && q.Row < p.Row+p.Height && p.Column < q.Column+q.Width && q.Column < p.Column+p.Width
}

// check notes what does not fit the type of a gadget.
func (c *GadgetConfig) check(member, kind string, errs *FieldErrors) {
	c.checkValues(member, errs)
	refuse := func(name string, set bool, why string) {
		if set {
			errs.add(member+name, "%s", why)
		}
	}
	grouped := c.GroupBy != ""
	switch kind {
	case "pie-chart":
		refuse("group_by", !grouped, "is needed: a pie is cut by the values of a field")
		refuse("split_by", c.SplitBy != "", "a pie cannot be split; a bar-chart can")
		refuse("metric", c.metric() != "count" && c.metric() != "sum", fmt.Sprintf("must be count or sum, got %q: a pie shows the parts of a whole, and others do not add up to one", c.Metric))
		refuse("interval", c.Interval != "", "a pie shows no course of time; a bar-chart or a line-chart does")
	case "bar-chart", "line-chart":
		refuse("group_by", !grouped, "is needed: by its values bars and points stand side by side")
	case "stat":
		refuse("group_by", grouped && c.Compare == "", "a stat is one figure; group_by says of which date the periods are, and goes with compare")
		refuse("group_by", !grouped && c.Compare != "", "is needed with compare: the date of which the periods are")
		refuse("split_by", c.SplitBy != "", "a stat is one figure; a bar-chart can be split")
		refuse("sort", c.Sort != "", "a stat is one figure, and has no order")
		refuse("limit", c.Limit != 0, "a stat is one figure, and has no limit")
	case "table":
		refuse("columns", grouped && len(c.Columns) > 0, "a table is of records, with columns, or of buckets, with group_by; not of both")
		refuse("sort", !grouped && c.Sort != "", "the records of a table come in the order of the filter, ORDER BY")
		refuse("metric", !grouped && c.metric() != "count", "a table of records measures nothing; group_by makes a table of figures")
	}
	refuse("columns", kind != "table" && len(c.Columns) > 0, "goes with a table alone")
	refuse("split_by", kind == "table" && !grouped && c.SplitBy != "", "needs group_by")
	refuse("split_by", grouped && c.SplitBy == c.GroupBy, "must be another field than group_by")
	refuse("interval", !grouped && c.Interval != "", "needs group_by, a date")
	refuse("sort", c.Interval != "" && c.Sort != "" && c.Sort != "key", "a course of time is in the order of time")
	refuse("sort", c.Sort == "value" && c.SplitBy != "", "must be count or key with split_by: a bucket has several values then")
	refuse("compare", c.Compare != "" && (kind == "pie-chart" || kind == "table"), "goes with a stat, a bar-chart and a line-chart")
	refuse("compare", c.Compare != "" && c.SplitBy != "", "does not go with split_by")
	refuse("compare", c.Compare != "" && kind != "stat" && c.Interval == "", "needs interval: the course of one period beside that of the one before")
}

// metric is Metric, with what is meant by none.
func (c *GadgetConfig) metric() string {
	if c.Metric == "" {
		return "count"
	}
	return c.Metric
}

// checkValues notes values that are never right.
func (c *GadgetConfig) checkValues(member string, errs *FieldErrors) {
	choice := func(name, value string, all []string) {
		if value != "" && !slices.Contains(all, value) {
			errs.add(member+name, "must be %s, got %q", oneOf(all), value)
		}
	}
	choice("metric", c.Metric, metrics)
	choice("interval", c.Interval, intervals)
	choice("sort", c.Sort, sorts)
	choice("compare", c.Compare, []string{"previous_period"})
	for _, f := range []struct{ name, value string }{{"group_by", c.GroupBy}, {"split_by", c.SplitBy}, {"metric_field", c.MetricField}} {
		if f.value != "" {
			checkFieldName(member+f.name, f.value, errs)
		}
	}
	switch {
	case c.metric() == "count" && c.MetricField != "":
		errs.add(member+"metric_field", "count counts records, and measures no field; cardinality counts different values")
	case c.metric() != "count" && c.MetricField == "" && slices.Contains(metrics, c.Metric):
		errs.add(member+"metric_field", "is needed for %s", c.Metric)
	}
	switch p := c.Percentile; {
	case c.Metric == "percentile" && p == nil:
		errs.add(member+"percentile", "is needed: which percentile, such as 50 for the median")
	case c.Metric != "percentile" && p != nil:
		errs.add(member+"percentile", "goes with the metric percentile alone")
	case p != nil && !(*p >= 0 && *p <= 100):
		errs.add(member+"percentile", "must be 0 to 100, got %v", *p)
	}
	if c.Limit < 0 || c.Limit > maxLimit {
		errs.add(member+"limit", "must be 0 to %d, got %d", maxLimit, c.Limit)
	}
	if len(c.Columns) > maxColumns {
		errs.add(member+"columns", "there are %d, at most %d are allowed", len(c.Columns), maxColumns)
	}
	for i, name := range c.Columns[:min(len(c.Columns), maxColumns)] {
		checkFieldName(fmt.Sprintf("%scolumns[%d]", member, i), name, errs)
	}
	if c.TimeZone != "" {
		if _, err := Zone(c.TimeZone); err != nil {
			errs.add(member+"time_zone", "%v", err)
		}
	}
}

func checkFieldName(member, name string, errs *FieldErrors) {
	if complaint := textComplaint(name, 1000); complaint != "" {
		errs.add(member, "%s", complaint)
	}
}

// Zone returns the time zone of an IANA name.
func Zone(name string) (*time.Location, error) {
	if name == "Local" || name == "" || strings.ContainsAny(name, `\`) || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return nil, fmt.Errorf("%q is no name of a time zone such as Asia/Kolkata", name)
	}
	at, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no name of a time zone such as Asia/Kolkata", name)
	}
	return at, nil
}

// oneOf lists choices in words.
func oneOf(all []string) string {
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}
