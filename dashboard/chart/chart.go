package chart

import "time"

// A Type is a kind of picture. They have the names of a dashboard's gadgets.
type Type string

// The types of charts.
const (
	Pie   Type = "pie-chart"  // parts of a whole: the points of one series
	Bar   Type = "bar-chart"  // one bar for each point of each series
	Line  Type = "line-chart" // one line for each series, over time or over categories
	Stat  Type = "stat"       // one number: the only point of the only series
	Table Type = "table"      // Columns and Rows, or a column for each series
)

// An Interval is how long the buckets are that points with a time stand for. It says how their times are written: a month
// is "Mar 2026", not "1 Mar 2026". A bucket between two others that has no point is a gap.
type Interval string

// The intervals. With none, a point is a moment.
const (
	Hour    Interval = "hour"
	Day     Interval = "day"
	Week    Interval = "week"
	Month   Interval = "month"
	Quarter Interval = "quarter"
	Year    Interval = "year"
)

// A Chart is what is to be drawn. It says nothing of how large, or in which colours: that is Options.
type Chart struct {
	Type        Type
	Title       string
	Description string         // what screen readers say before the figures
	Unit        string         // of all values, such as "%" or "kg"
	Locale      string         // of numbers, dates and words, such as "hi" or "de-AT". If empty, "en"
	Zone        *time.Location // of times. If nil, UTC
	Interval    Interval
	Series      []Series
	Others      *Others // what is left out of Series, if anything

	// NoSum says that values must not be added up: averages, percentages, counts of different things. Nothing is
	// then stacked, put into a pie, or summed up as "other".
	NoSum      bool
	Stacked    bool // of bars: series stand on each other
	Horizontal bool // of bars: lying ones, even if the labels are short

	Previous *Previous // of Stat: what the number is compared with
	Trend    []Point   // of Stat: a small line below the number

	Columns []Column // of Table. If nil, the table is made of Series
	Rows    []Row

	Notes []string // sentences to stand below the picture
	Empty string   // the sentence that stands there instead of a picture if there is no data. If empty, "No data"
}

// A Series is what belongs together, and gets one colour.
type Series struct {
	Key, Label string
	Unit       string // if it is not the chart's
	Points     []Point
}

// A Point is one figure. Points of several series with the same Time, or else the same Key, or else the same Label
// belong beside each other.
type Point struct {
	Key     string // handed on as data-key, so that a page can tell what was clicked
	Label   string // if empty, Time is written
	Value   float64
	Missing bool // there is no value: not zero, but a gap
	Time    time.Time
}

// Others is what an engine found and did not list.
type Others struct {
	Value      float64 // their values, added up
	Missing    bool    // these are not known, or cannot be added up
	Categories int64   // how many there are, if it is known
}

// A Previous is the number of an earlier time.
type Previous struct {
	Value   float64
	Missing bool
	Label   string // the earlier time, such as "June 2026"
}

// A Column is one of a table.
type Column struct {
	Label  string
	Unit   string
	Number bool // its cells are numbers, not texts
}

// A Row is one of a table. It has as many cells as there are columns.
type Row struct {
	Key   string
	Cells []Cell
}

// A Cell is the Value of a column of numbers, or the Text of another one.
type Cell struct {
	Text    string
	Value   float64
	Missing bool
}

// A Theme is a set of colours.
type Theme string

// The themes. Their colours can be told apart by people who see few colours, and stand out from the background.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Options say how a chart is drawn.
type Options struct {
	Width, Height float64 // in pixels, or points on paper. If zero, 640 and 360
	Theme         Theme   // if empty, Light
	Transparent   bool    // the background is that of the page
	NoTitle       bool    // the title is not drawn, because it stands elsewhere; it is still in <title>
	ID            string  // begins the ids of the SVG, so that several can stand in one page. If empty, "chart"
}
