package chart

import (
	"slices"
	"time"
)

// figures are what a chart says, apart from where it stands.
type figures struct {
	chart  *Chart
	l      *locale
	zone   *time.Location
	points *matrix // all points, or nil before they are wanted
}

// figuresOf returns a chart's figures, which do not change when the chart does.
func figuresOf(c *Chart, l *locale) *figures {
	own := *c
	own.Series, own.Trend = slices.Clone(c.Series), slices.Clone(c.Trend)
	for i := range own.Series {
		own.Series[i].Points = slices.Clone(own.Series[i].Points)
	}
	if c.Others != nil {
		others := *c.Others
		own.Others = &others
	}
	if c.Previous != nil {
		previous := *c.Previous
		own.Previous = &previous
	}
	f := &figures{chart: &own, l: l, zone: c.Zone}
	if f.zone == nil {
		f.zone = time.UTC
	}
	return f
}

// tabled returns the table of all figures. It is made when it is first wanted, since a picture alone does not need it.
func (d *Drawing) tabled() *table {
	d.tabulated.Do(func() { d.table = d.figures.tabulate() })
	return &d.table
}

// A table is every figure of a chart, exact and in words.
type table struct {
	columns []column
	rows    [][]cell // the first of each says what the others are about
}

type column struct {
	label  string
	number bool
}

type cell struct {
	text string
	key  string
}

// tabulate returns the table of a chart.
func (c *figures) tabulate() table {
	switch {
	case c.chart.Type == Table && len(c.chart.Columns) > 0:
		return c.ownTable()
	case c.chart.Type == Stat:
		return c.statTable()
	}
	return c.seriesTable()
}

// heading is what stands above a column.
func (c *figures) columnLabel(label, unit string) string {
	label, unit = clean(label), clean(unit)
	switch {
	case unit == "":
		return label
	case label == "":
		return unit
	}
	return label + " (" + unit + ")"
}

func (c *figures) ownTable() table {
	var t table
	for _, col := range c.chart.Columns {
		t.columns = append(t.columns, column{c.columnLabel(col.Label, col.Unit), col.Number})
	}
	t.rows = make([][]cell, len(c.chart.Rows))
	for i := range c.chart.Rows {
		r := &c.chart.Rows[i]
		cells := make([]cell, len(r.Cells))
		for j, each := range r.Cells {
			switch {
			case each.Missing:
				cells[j].text = "–"
			case t.columns[j].number:
				cells[j].text = c.l.exact(each.Value)
			default:
				cells[j].text = clean(each.Text)
			}
			cells[j].key = r.Key
		}
		t.rows[i] = cells
	}
	return t
}

func (c *figures) statTable() table {
	w := &c.l.words
	t := table{columns: []column{{w.time, false}, {c.columnLabel(w.value, c.chart.unitOf(0)), true}}}
	for i := range c.chart.Series {
		for j := range c.chart.Series[i].Points {
			p := &c.chart.Series[i].Points[j]
			t.rows = append(t.rows, []cell{{c.label(p), p.Key}, {c.full(p.Value, p.Missing, ""), p.Key}})
		}
	}
	if p := c.chart.Previous; p != nil {
		t.rows = append(t.rows, []cell{{text: c.beforeLabel()}, {text: c.full(p.Value, p.Missing, "")}})
	}
	for i := range c.chart.Trend {
		p := &c.chart.Trend[i]
		t.rows = append(t.rows, []cell{{c.label(p), p.Key}, {c.full(p.Value, p.Missing, ""), p.Key}})
	}
	return t
}

// seriesTable has a line for each category and a column for each series.
func (c *figures) seriesTable() table {
	w := &c.l.words
	m := c.matrixOf()
	first := w.category
	if m.timed {
		first = w.time
	}
	t := table{columns: []column{{first, false}}}
	for _, s := range m.series {
		label := s.label
		if label == "" {
			label = w.value
		}
		t.columns = append(t.columns, column{c.columnLabel(label, c.chart.unitOf(s.index)), true})
	}
	total := c.whole(m)
	if c.chart.Type == Pie {
		t.columns = append(t.columns, column{w.share, true})
	}
	if len(m.series) == 0 {
		return t
	}
	t.rows = make([][]cell, len(m.categories), len(m.categories)+1)
	for k := range m.categories {
		cells := make([]cell, 1, len(t.columns))
		cells[0].text = m.categories[k].label
		for _, s := range m.series {
			v := s.cells[k]
			text := "–"
			if !v.missing {
				text = c.l.exact(v.v)
			}
			cells = append(cells, cell{text, v.key})
		}
		if len(m.series) == 1 {
			cells[0].key = cells[1].key
		}
		if c.chart.Type == Pie {
			cells = append(cells, cell{c.l.share(m.series[0].cells[k].v, total), ""})
		}
		t.rows[k] = cells
	}
	if o := c.chart.Others; o != nil {
		t.rows = append(t.rows, c.othersRow(len(t.columns), total))
	}
	return t
}

// whole is what the parts of a pie are parts of.
func (c *figures) whole(m *matrix) float64 {
	if c.chart.Type != Pie || len(m.series) == 0 {
		return 0
	}
	total := 0.0
	for _, v := range m.series[0].cells {
		total += v.v
	}
	if o := c.chart.Others; o != nil && !o.Missing {
		total += o.Value
	}
	return total
}

// othersRow is the last of a table: what the engine did not list.
func (c *figures) othersRow(columns int, total float64) []cell {
	o := c.chart.Others
	row := make([]cell, columns)
	row[0].text = c.rest(o.Categories, o.Categories > 0)
	for i := 1; i < columns; i++ {
		row[i].text = "–"
	}
	if len(c.chart.Series) > 1 && !o.Missing {
		row[0].text += " (" + c.l.words.sum + ": " + c.l.exact(o.Value) + ")"
		return row
	}
	if columns > 1 {
		row[1].text = c.full(o.Value, o.Missing, "")
	}
	if columns > 2 && c.chart.Type == Pie && !o.Missing {
		row[2].text = c.l.share(o.Value, total)
	}
	return row
}
