package figures

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// build makes data of the answers to the subject's questions.
func (s *subject) build(answers []*search.Answer) (*Data, error) {
	main := answers[0]
	var further *search.Answer
	if more := len(s.questions()); len(answers) > more {
		further, answers = answers[more], answers[:more]
	}
	if further != nil && main.Cut < 0 {
		main = s.cut(main, further)
	}
	d := s.data(main)
	var err error
	switch {
	case s.gadget.Type == "stat":
		d.Series = []Series{{Label: s.measure(), Points: []Point{s.whole(main, s.parsed)}}}
	case s.split != nil:
		err = s.cross(d, main)
	case s.timed():
		err = s.course(d, main)
	default:
		err = s.values(d, main)
	}
	if err != nil {
		return nil, err
	}
	if s.gadget.Type == "pie-chart" {
		s.shares(d, main, answers)
	}
	if s.before != nil {
		if err := s.compared(d, answers[len(answers)-1]); err != nil {
			return nil, err
		}
	}
	if further != nil && d.Missing != nil && len(further.Buckets) > 0 {
		d.Missing.Count = further.Total - further.Buckets[0].Values[0].Int()
	}
	return d, nil
}

// cut returns an answer that says how many buckets its limit has left out, by how many values there are.
func (s *subject) cut(a, values *search.Answer) *search.Answer {
	b, c := values.Buckets, *a
	if len(b) == 0 {
		return a
	}
	all := b[0].Values[0].Int()
	if b[0].Values[1].Int() < values.Total { // some records have none
		all++
	}
	c.Cut = max(1, int(all)-len(a.Buckets))
	return &c
}

// data is what every gadget of figures has.
func (s *subject) data(a *search.Answer) *Data {
	d := &Data{
		Question: Question{
			JQL: s.parsed.String(), Indexes: s.filter.AllowedIndexes, AsOf: s.query.Options.Now.UTC(), TimeZone: s.query.Options.Zone.String(),
		},
		Total: a.Total, Unit: s.unit(),
	}
	if s.timed() {
		d.Interval = s.config.Interval
	}
	if s.gadget.Type != "stat" {
		for _, c := range []*column{s.group, s.split} {
			if c != nil {
				d.Columns = append(d.Columns, Column{Name: c.path, Label: c.label, Kind: kindOf(c.field.Kind)})
			}
		}
	}
	d.Columns = append(d.Columns, s.valueColumn())
	for _, w := range a.Warnings {
		d.Warnings = append(d.Warnings, w.Error())
	}
	return d
}

func kindOf(k record.Kind) string {
	switch {
	case k == record.Time:
		return "time"
	case numeric(k):
		return "number"
	}
	return "text"
}

func (s *subject) valueColumn() Column {
	c := Column{Name: s.config.Metric, Label: s.measure(), Kind: "number"}
	if s.metric != nil {
		c.Name, c.Of = fmt.Sprintf("%s(%s)", s.config.Metric, s.metric.path), s.metric.label
		if s.config.Metric == "percentile" {
			c.Percent = s.config.Percentile
		}
		if s.config.Metric != "cardinality" {
			c.Kind = kindOf(s.metric.field.Kind)
		}
	}
	return c
}

// measure says in words what values are.
func (s *subject) measure() string {
	if s.metric == nil {
		return "Number of records"
	}
	words := map[string]string{"sum": "Sum of", "avg": "Average of", "min": "Least", "max": "Greatest", "cardinality": "Different values of"}
	if p := s.config.Percentile; s.config.Metric == "percentile" && p != nil {
		return fmt.Sprintf("Percentile %v of %s", *p, s.metric.label)
	}
	return words[s.config.Metric] + " " + s.metric.label
}

// unit is what the label of the measured field has in brackets at its end, such as °C.
func (s *subject) unit() string {
	if s.metric == nil || s.config.Metric == "cardinality" {
		return ""
	}
	label, ok := strings.CutSuffix(s.metric.label, ")")
	if i := strings.LastIndexByte(label, '('); ok && i > 0 {
		return label[i+1:]
	}
	return ""
}

// whole is the point of all records.
func (s *subject) whole(a *search.Answer, asked *jql.Query) Point {
	p := Point{Label: s.measure(), JQL: asked.String(), Count: a.Total, Value: s.nothing()}
	p.All = p.JQL == ""
	for _, b := range a.Buckets {
		p.Value = s.value(b)
	}
	return p
}

// value is the figure of a bucket.
func (s *subject) value(b search.Bucket) any {
	if s.metric == nil {
		return json.Number(fmt.Sprint(b.Count))
	}
	return s.figure(b.Values[0], s.metric)
}

// nothing is the figure of no records: what is counted is zero, what is measured is not known.
func (s *subject) nothing() any {
	if s.metric == nil || s.config.Metric == "cardinality" {
		return json.Number("0")
	}
	return nil
}

// figure is a value in JSON: a number, a text or null.
func (s *subject) figure(v record.Value, c *column) any {
	switch v.Kind() {
	case record.Null:
		return nil
	case record.Bool:
		return v.Bool()
	case record.Int, record.Uint, record.Float:
		return json.Number(v.WithText("").Text())
	case record.Time:
		if c.field.DateOnly() {
			return v.Time().Format(time.DateOnly)
		}
		return s.instant(v.Time())
	}
	return strings.ToValidUTF8(v.Text(), "\uFFFD")
}

func (s *subject) instant(t time.Time) string {
	return t.In(s.query.Options.Zone).Format("2006-01-02T15:04:05.999Z07:00")
}

const noValue = "(no value)"

// label is a key for people.
func (s *subject) label(v record.Value, c *column) string {
	switch k := s.figure(v, c).(type) {
	case nil:
		return noValue
	case string:
		if k == "" {
			return `""`
		}
		return k
	default:
		return fmt.Sprint(k)
	}
}

// spanLabel names a span of time by its beginning.
func (s *subject) spanLabel(start time.Time) string {
	t := start.In(s.calendar.Zone)
	switch s.calendar.Unit {
	case "hour":
		return t.Format("2006-01-02 15:04")
	case "month":
		return t.Format("2006-01")
	case "quarter":
		return fmt.Sprintf("%04d-Q%d", t.Year(), (int(t.Month())+2)/3)
	case "year":
		return t.Format("2006")
	}
	return t.Format(time.DateOnly)
}

// apart reports whether every record is in one bucket and no more.
func apart(a *search.Answer) bool {
	sum := a.Others
	for _, b := range a.Buckets {
		sum += b.Count
	}
	return sum == a.Total
}

// values makes one series of the values of a field.
func (s *subject) values(d *Data, a *search.Answer) error {
	if len(a.Buckets) > s.points {
		return fmt.Errorf("%w: %d values of %q are more than %d; choose a smaller limit, or another field", ErrTooManyPoints, len(a.Buckets), s.group.name, s.points)
	}
	find := s.seeker(s.parsed, false)
	points := make([]Point, 0, len(a.Buckets))
	for _, b := range a.Buckets {
		points = append(points, Point{
			Key: s.figure(b.Keys[0], s.group), Label: s.label(b.Keys[0], s.group), Value: s.value(b), Count: b.Count, JQL: find.find(find.holds(s.group, b.Keys[0])),
		})
	}
	d.Series = []Series{{Label: s.measure(), Points: points}}
	d.Others = s.others(find, a)
	find.warn(d)
	return nil
}

// warn says that queries were left out.
func (s *seeker) warn(d *Data) {
	if s.out {
		d.Warnings = append(d.Warnings, "the query of the filter is so long that not every point has one of its own")
	}
}

// others are the buckets that the limit has cut.
func (s *subject) others(find *seeker, a *search.Answer) *Others {
	if a.Cut == 0 {
		return nil
	}
	out := &Others{Count: a.Others, Buckets: a.Cut}
	if !apart(a) {
		return out
	}
	if s.metric == nil {
		out.Value = json.Number(fmt.Sprint(a.Others))
	}
	var shown []string
	empty := true // whether records without a value are among the others
	for _, b := range a.Buckets {
		if b.Keys[0].IsNull() {
			empty = false
			continue
		}
		shown = append(shown, b.Keys[0].Text())
	}
	if len(shown) == 0 || empty && !s.group.whole { // of an index without the field no query finds them
		return out
	}
	rest := must(jql.Cond(s.group.name, "NOT IN", shown))
	if rest != nil && empty {
		rest = rest.Or(must(jql.Cond(s.group.name, "IS")))
	}
	out.JQL = find.find(rest)
	return out
}

// shares says how much of the whole each part of a pie is, if the parts are the whole.
func (s *subject) shares(d *Data, main *search.Answer, answers []*search.Answer) {
	if !apart(main) {
		d.Warnings = append(d.Warnings, fmt.Sprintf("some records have several values of %q and count once for each, so there are no shares", s.group.label))
		return
	}
	points := d.Series[0].Points
	whole := float64(main.Total)
	if s.metric != nil {
		total := s.whole(answers[1], s.parsed).Value
		whole = floatOf(total)
		sum := 0.0
		for _, p := range points {
			v := floatOf(p.Value)
			if v < 0 || math.IsNaN(v) && p.Value != nil {
				d.Warnings = append(d.Warnings, "a part is below zero, so there are no shares")
				return
			}
			if p.Value != nil {
				sum += v
			}
		}
		if d.Others != nil && !math.IsNaN(whole) {
			rest := whole - sum
			if rest != math.Trunc(rest) && math.Abs(rest) <= whole*roundedOff { // of whole numbers nothing comes or goes
				rest = 0
			}
			if rest < 0 {
				d.Warnings = append(d.Warnings, "a part is below zero, so there are no shares")
				return
			}
			d.Others.Value = json.Number(record.FloatValue(rest).Text())
		}
	}
	if !(whole > 0) {
		return
	}
	share := func(value any) *float64 {
		v := floatOf(value)
		if math.IsNaN(v) {
			return nil
		}
		percent := 100 * v / whole
		return &percent
	}
	for i := range points {
		points[i].Percent = share(points[i].Value)
	}
	if d.Others != nil {
		d.Others.Percent = share(d.Others.Value)
	}
}

// roundedOff is how much of a whole may come or go by adding up fractions.
const roundedOff = 1e-14

// floatOf is a figure as a number, or NaN.
func floatOf(figure any) float64 {
	if n, ok := figure.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return f
		}
	}
	return math.NaN()
}
