package sample

// A Dashboard is one that a new server has, for everybody to see.
type Dashboard struct {
	Name        string
	Description string
	Gadgets     []Gadget
}

// A Gadget is one of a [Dashboard]: the members of its configuration that are not empty, and where it stands on a grid of 12 columns.
type Gadget struct {
	Type, Title string
	// Filter is the name of one of [Filters].
	Filter                                                string
	GroupBy, SplitBy, Metric, MetricField, Interval, Sort string
	Compare                                               string
	Limit                                                 int
	Columns                                               []string
	Row, Column, Width, Height                            int
}

// Dashboards returns the dashboards of the sample. Their filters name their dates, so that they tell the same whenever they are looked at.
func Dashboards() []Dashboard {
	return []Dashboard{{
		Name:        "Malaria and the campaign of 2026",
		Description: "How many visits with malaria there were, what the campaign reached, and where medicines or reports are missing. Of invented countries: docs/sample-data.md.",
		Gadgets: []Gadget{
			{
				Type: "stat", Title: "Visits with malaria in November 2026", Filter: "Malaria in November 2026",
				GroupBy: "visited_at", Interval: "month", Compare: "previous_period", Row: 0, Column: 0, Width: 3, Height: 4,
			},
			{
				Type: "pie-chart", Title: "How severe malaria was", Filter: "Malaria",
				GroupBy: "severity", Row: 4, Column: 0, Width: 3, Height: 4,
			},
			{
				Type: "line-chart", Title: "Visits with malaria by month and district", Filter: "Malaria",
				GroupBy: "visited_at", SplitBy: "district", Interval: "month", Row: 0, Column: 3, Width: 9, Height: 8,
			},
			{
				Type: "bar-chart", Title: "Children treated in each cycle of 2026", Filter: "Campaign of 2026",
				GroupBy: "cycle", Metric: "sum", MetricField: "reached", Sort: "key", Row: 8, Column: 0, Width: 4, Height: 6,
			},
			{
				Type: "bar-chart", Title: "Coverage in the last cycle, in per cent of the target", Filter: "Last cycle of 2026",
				GroupBy: "district", Metric: "avg", MetricField: "coverage_percent", Sort: "value", Row: 8, Column: 4, Width: 4, Height: 6,
			},
			{
				Type: "bar-chart", Title: "Artemether-lumefantrine left at the end of November 2026", Filter: "Artemether-lumefantrine in November 2026",
				GroupBy: "facility", Metric: "sum", MetricField: "on_hand", Sort: "value", Limit: 100, Row: 8, Column: 8, Width: 4, Height: 6,
			},
			{
				Type: "table", Title: "Facilities that ran out of a medicine", Filter: "Out of stock",
				Columns: []string{"month", "district", "facility", "product", "used", "on_hand"}, Row: 14, Column: 0, Width: 6, Height: 6,
			},
			{
				Type: "table", Title: "Months in which facilities sent no report", Filter: "Missing reports",
				Columns: []string{"month", "district", "target", "reached", "coverage_percent"}, Row: 14, Column: 6, Width: 6, Height: 6,
			},
		},
	}}
}
