package api

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/digit-health/dhr/dashboard/chart"
	"github.com/digit-health/dhr/dashboard/figures"
	"github.com/digit-health/dhr/internal/localtime"
)

// chartOf is the chart of what a gadget shows.
func chartOf(data *figures.Data, locale string) *chart.Chart {
	say := voiceOf(locale)
	data = say.said(data)
	c := &chart.Chart{Type: chart.Type(data.Type), Title: data.Title, Unit: data.Unit, Locale: locale, Zone: zoneOf(data), Interval: chart.Interval(data.Interval)}
	if data.Error != nil {
		c.Empty = data.Error.Message
		return c
	}
	c.Notes = append(c.Notes, data.Warnings...)
	switch {
	case len(data.Records) > 0 || c.Type == chart.Table && len(data.Series) == 0:
		recordsChart(c, data)
		return c
	case c.Type == chart.Stat && figureOf(data.Series[0].Points[0].Value).text:
		c.Type = chart.Table
		c.Columns = []chart.Column{{Label: data.Series[0].Label}}
		c.Rows = []chart.Row{{Cells: []chart.Cell{cellOf(data.Series[0].Points[0].Value, false)}}}
		return c
	case c.Type == chart.Table && data.Columns[len(data.Columns)-1].Kind != "number":
		figuresTable(c, data)
		return c
	}
	c.NoSum = !summed(data)
	for _, s := range data.Series {
		c.Series = append(c.Series, chart.Series{Key: fmt.Sprint(s.Key), Label: s.Label, Points: pointsOf(data, s.Points)})
	}
	if c.Type == chart.Pie && !whole(data) {
		c.Type, c.NoSum = chart.Bar, true
	}
	c.Stacked = c.Type == chart.Bar && len(data.Series) > 1 && !c.NoSum && complete(data)
	if o := data.Others; o != nil {
		c.Others = &chart.Others{Categories: int64(o.Buckets)}
		value := figureOf(o.Value)
		c.Others.Value, c.Others.Missing = value.number, value.missing || c.NoSum
		if len(data.Series) > 1 || c.Others.Missing {
			c.Others = nil
			c.Notes = append(c.Notes, fmt.Sprintf(say.more, o.Buckets, o.Count))
		}
	}
	if m := data.Missing; m != nil {
		c.Notes = append(c.Notes, fmt.Sprintf(say.undated, m.Count))
	}
	if n := len(data.Series); n > 0 && data.Interval != "" {
		if points := data.Series[0].Points; len(points) > 0 && points[len(points)-1].Open {
			c.Notes = append(c.Notes, say.open[data.Interval])
		}
	}
	comparedChart(c, data)
	return c
}

// summed reports whether the values of data may be added up.
func summed(data *figures.Data) bool {
	name := data.Columns[len(data.Columns)-1].Name
	return name == "count" || strings.HasPrefix(name, "sum(")
}

// whole reports whether the points of a pie have their shares of the whole.
func whole(data *figures.Data) bool {
	points := data.Series[0].Points
	return len(points) == 0 || points[0].Percent != nil
}

// complete reports whether each record is in one point and no more, so that points may stand on each other.
func complete(data *figures.Data) bool {
	var sum int64
	for _, s := range data.Series {
		for _, p := range s.Points {
			sum += p.Count
		}
	}
	if data.Others != nil {
		sum += data.Others.Count
	}
	if data.Missing != nil {
		sum += data.Missing.Count
	}
	return sum == data.Total
}

// comparedChart adds the period before.
func comparedChart(c *chart.Chart, data *figures.Data) {
	before := data.Previous
	if before == nil || data.Period == nil {
		return
	}
	label := periodText(before.From, before.To, zoneOf(data))
	if data.Type == string(chart.Stat) {
		value := figureOf(before.Points[0].Value)
		c.Previous = &chart.Previous{Value: value.number, Missing: value.missing, Label: label}
		return
	}
	points := pointsOf(data, before.Points)
	now := c.Series[0].Points
	for i := range points { // they stand beside those of the period, in their places
		if i < len(now) {
			points[i].Time, points[i].Key, points[i].Label = now[i].Time, now[i].Key, now[i].Label
		}
	}
	c.Series[0].Label = periodText(data.Period.From, data.Period.To, zoneOf(data))
	c.Series = append(c.Series, chart.Series{Key: "previous", Label: label, Points: points[:min(len(points), len(now))]})
	c.Stacked = false
}

// periodText writes a period for people: by its first and last day, or where it ends within one by its minutes.
func periodText(from, to string, zone *time.Location) string {
	first, ok := timeOf(from, zone)
	end, ended := timeOf(to, zone)
	if !ok || !ended {
		return from + " – " + to
	}
	first, end = first.In(zone), end.In(zone)
	midnight := func(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }
	if midnight(first) && midnight(end) {
		last := end.AddDate(0, 0, -1)
		if !last.After(first) {
			return first.Format(time.DateOnly)
		}
		return first.Format(time.DateOnly) + " – " + last.Format(time.DateOnly)
	}
	const minutes = "2006-01-02 15:04"
	return first.Format(minutes) + " – " + end.Format(minutes)
}

func pointsOf(data *figures.Data, all []figures.Point) []chart.Point {
	points := make([]chart.Point, len(all))
	for i, p := range all {
		value := figureOf(p.Value)
		points[i] = chart.Point{Label: p.Label, Value: value.number, Missing: value.missing}
		if p.Key != nil {
			points[i].Key = fmt.Sprint(p.Key)
		}
		if data.Interval == "" {
			continue
		}
		if at, ok := timeOf(points[i].Key, zoneOf(data)); ok {
			points[i].Time, points[i].Label = at, ""
		}
	}
	return points
}

// timeOf reads the key of a span of time.
func timeOf(key string, zone *time.Location) (time.Time, bool) {
	if day, err := time.Parse(time.DateOnly, key); err == nil { // whose midnight there may not be
		return localtime.DayStart(day.Year(), day.Month(), day.Day(), zone), true
	}
	at, err := time.Parse(time.RFC3339, key)
	return at, err == nil
}

// A figure is a value as charts have it.
type figure struct {
	number  float64
	missing bool
	text    bool // it is a text, such as a date
}

func figureOf(value any) figure {
	switch v := value.(type) {
	case json.Number:
		n, err := v.Float64()
		return figure{number: n, missing: err != nil || math.IsInf(n, 0) || math.IsNaN(n)}
	case nil:
		return figure{missing: true}
	}
	return figure{missing: true, text: true}
}

// recordsChart is a table of records.
func recordsChart(c *chart.Chart, data *figures.Data) {
	c.Type = chart.Table
	for _, column := range data.Columns {
		c.Columns = append(c.Columns, chart.Column{Label: column.Label, Number: column.Kind == "number"})
	}
	for _, r := range data.Records {
		d := json.NewDecoder(strings.NewReader(string(r.Fields)))
		d.UseNumber()
		var fields map[string]any
		if err := d.Decode(&fields); err != nil {
			fields = nil
		}
		row := chart.Row{Key: r.ID}
		for _, column := range data.Columns {
			row.Cells = append(row.Cells, cellOf(fields[column.Name], column.Kind == "number"))
		}
		c.Rows = append(c.Rows, row)
	}
	for i := range c.Columns { // a column in which some record has several numbers is one of texts
		if c.Columns[i].Number && severalIn(c.Rows, i) {
			c.Columns[i].Number = false
			for j := range c.Rows {
				if cell := &c.Rows[j].Cells[i]; cell.Text == "" && !cell.Missing {
					cell.Text = fmt.Sprint(cell.Value)
				}
			}
		}
	}
	if shown := int64(len(data.Records)); shown < data.Total {
		c.Notes = append(c.Notes, fmt.Sprintf("the first %d of %d records", shown, data.Total))
	}
}

func severalIn(rows []chart.Row, column int) bool {
	for _, r := range rows {
		if r.Cells[column].Text != "" {
			return true
		}
	}
	return false
}

// cellOf is a value in a table.
func cellOf(value any, number bool) chart.Cell {
	f := figureOf(value)
	switch {
	case value == nil:
		return chart.Cell{Missing: true}
	case number && !f.missing && f.number == math.Trunc(f.number) && math.Abs(f.number) > 1<<53:
		return chart.Cell{Text: fmt.Sprint(value)}
	case number && !f.missing:
		return chart.Cell{Value: f.number}
	}
	if list, ok := value.([]any); ok {
		texts := make([]string, len(list))
		for i, one := range list {
			texts[i] = cellOf(one, false).Text
		}
		return chart.Cell{Text: strings.Join(texts, ", ")}
	}
	if object, ok := value.(map[string]any); ok {
		text, err := json.Marshal(object)
		if err == nil {
			return chart.Cell{Text: string(text)}
		}
	}
	return chart.Cell{Text: fmt.Sprint(value)}
}

// figuresTable is a table of figures that are no numbers.
func figuresTable(c *chart.Chart, data *figures.Data) {
	c.Columns = []chart.Column{{Label: data.Columns[0].Label}}
	for _, s := range data.Series {
		c.Columns = append(c.Columns, chart.Column{Label: s.Label})
	}
	if len(data.Series) == 0 {
		return
	}
	for i, p := range data.Series[0].Points {
		row := chart.Row{Key: fmt.Sprint(p.Key), Cells: []chart.Cell{{Text: p.Label}}}
		for _, s := range data.Series {
			row.Cells = append(row.Cells, cellOf(s.Points[i].Value, false))
		}
		c.Rows = append(c.Rows, row)
	}
}
