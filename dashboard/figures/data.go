package figures

import (
	"encoding/json"
	"time"
)

// Data is what one gadget shows.
type Data struct {
	GadgetID string   `json:"gadget_id"`
	Type     string   `json:"type" enum:"pie-chart,bar-chart,line-chart,table,stat"`
	Title    string   `json:"title"`
	Question Question `json:"question"`
	Unit     string   `json:"unit,omitempty" doc:"The unit of the values, where the label of the field names one in brackets."`
	Interval string   `json:"interval,omitempty" doc:"What the points are, if they are spans of time."`
	Total    int64    `json:"total" doc:"How many records there are in all, in points or not."`
	Columns  []Column `json:"columns" nullable:"false" doc:"What keys and values are: the group, the split if there is one, the value; or the columns of a table of records."`
	Series   []Series `json:"series" nullable:"false"`
	Records  []Record `json:"records" nullable:"false" doc:"Those of a table of records: the first of total."`
	// Missing are the records without a date, if the points are spans of time.
	Missing  *Rest     `json:"missing" doc:"Records without a date, which are in no span of time; null if there are none."`
	Others   *Others   `json:"others" doc:"What the limit left out; null if nothing."`
	Previous *Previous `json:"previous" doc:"The period before, if it was asked for."`
	Period   *Period   `json:"period" doc:"The period that is compared with the one before."`
	Warnings []string  `json:"warnings" nullable:"false"`
	Error    *Error    `json:"error" doc:"Why there is nothing else."`
}

// A Question is what was asked.
type Question struct {
	FilterID string    `json:"filter_id"`
	JQL      string    `json:"jql" doc:"The question whose records are counted, in its canonical form."`
	Indexes  []string  `json:"indexes" nullable:"false"`
	AsOf     time.Time `json:"as_of" doc:"The instant that now() stood for."`
	TimeZone string    `json:"time_zone" doc:"Where days begin; jql of points is asked there."`
}

// A Column is one kind of what is shown.
type Column struct {
	Name  string `json:"name" doc:"The path of the field; of a value the metric, such as count or avg(age)."`
	Label string `json:"label"`
	Kind  string `json:"kind" enum:"time,text,number"`
	// Of and Percent say a label in another language.
	Of      string   `json:"of,omitempty" doc:"Of a metric: the label of the field that is measured."`
	Percent *float64 `json:"percent,omitempty" doc:"Of a percentile: which."`
}

// A Series is a row of points, in their order.
type Series struct {
	Key    any     `json:"key" doc:"The value of split_by; null without one, and for records without a value."`
	Label  string  `json:"label"`
	Points []Point `json:"points" nullable:"false"`
}

// A Point is a figure.
type Point struct {
	Key     any      `json:"key" doc:"The value of group_by, or the beginning of a span of time; null for records without a value, and for a stat."`
	Label   string   `json:"label"`
	Value   any      `json:"value" doc:"A number, of dates a text; null if there is nothing to measure."`
	Count   int64    `json:"count" doc:"The number of its records."`
	JQL     string   `json:"jql" doc:"The question that finds its records; empty where no question does, or where all says that every record is one of them."`
	All     bool     `json:"all,omitempty" doc:"Whether its records are all that there are, and jql is empty for that."`
	Percent *float64 `json:"percent,omitempty" doc:"The share of a pie; only where the parts make up the whole."`
	Open    bool     `json:"open,omitempty" doc:"Whether the span of time was not over."`
}

// A Record is one record of a table.
type Record struct {
	ID     string          `json:"id"`
	Index  string          `json:"index"`
	Fields json.RawMessage `json:"fields"`
}

// A Rest is of records that are in no point.
type Rest struct {
	Count int64  `json:"count"`
	JQL   string `json:"jql"`
}

// Others are the buckets that a limit left out.
type Others struct {
	Count   int64    `json:"count" doc:"The number of their records, added up."`
	Buckets int      `json:"buckets" doc:"How many there are."`
	Value   any      `json:"value" doc:"Their value together, where it can be known; otherwise null."`
	JQL     string   `json:"jql" doc:"The question that finds their records; empty where no question does."`
	Percent *float64 `json:"percent,omitempty"`
}

// A Period is a time from an instant, and before another.
type Period struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Previous is the period before, as long as the period.
type Previous struct {
	Period

	JQL           string   `json:"jql"`
	Total         int64    `json:"total"`
	Points        []Point  `json:"points" nullable:"false" doc:"One of a stat; of a course of time one beside each of the points of the series."`
	Change        any      `json:"change" doc:"Of a stat the value less the value before; null if one of them is missing."`
	ChangePercent *float64 `json:"change_percent" doc:"That, of the value before; null if this was not above zero."`
}

// An Error says why there is no data.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message" doc:"For people, in one sentence."`
	Field   string `json:"field,omitempty" doc:"The member of the gadget that is at fault, such as config.group_by."`
}
