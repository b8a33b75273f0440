package plan_test

import (
	"time"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

var (
	status = &record.Field{Path: "Data.status", Kind: record.String}
	age    = &record.Field{Path: "age", Kind: record.Int}
	weight = &record.Field{Path: "weight", Kind: record.Float}
	sex    = &record.Field{Path: "sex", Kind: record.String, FoldCase: true}
	notes  = &record.Field{Path: "notes", Kind: record.Text}
	date   = &record.Field{Path: "date", Kind: record.Time}
	id     = &record.Field{Path: "_id", Kind: record.String}
	odd    = &record.Field{Path: "a {strange} \"name\"", Kind: record.String}

	history = &record.History{Path: "history", Fields: []string{"Data.status"}}
	schema  = &record.Schema{Index: "visits"}

	january  = instant(2024, 1)
	february = instant(2024, 2)
)

func instant(year int, month time.Month) record.Value {
	return record.TimeValue(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC))
}

func str(texts ...string) []record.Value {
	var vv []record.Value
	for _, s := range texts {
		vv = append(vv, record.StringValue(s))
	}
	return vv
}

func num(ii ...int64) []record.Value {
	var vv []record.Value
	for _, i := range ii {
		vv = append(vv, record.IntValue(i))
	}
	return vv
}

func states(texts ...string) *plan.States { return &plan.States{Values: str(texts...)} }

// samples are nodes of every kind, no two of them equal, with what they print.
var samples = []struct {
	node plan.Node
	text string
}{
	{plan.All{}, `all`},
	{plan.None{}, `none`},
	{plan.Exists{Field: status}, `exists Data.status`},
	{plan.Exists{Field: odd}, `exists "a {strange} \"name\""`},
	{plan.Exists{}, `exists -`},
	{plan.Missing{Field: status}, `missing Data.status`},
	{plan.Terms{Field: status, Values: str("A", "B")}, `terms Data.status "A" "B"`},
	{plan.Terms{Field: status, Values: str("A")}, `terms Data.status "A"`},
	{plan.Terms{Field: age, Values: num(-1, 5)}, `terms age -1 5`},
	{plan.Terms{Field: weight, Values: []record.Value{record.FloatValue(36.5)}}, `terms weight 36.5`},
	{plan.Not{Node: plan.Terms{Field: status, Values: str("A")}}, `not terms Data.status "A"`},
	{span(age, num(18)[0], true, num(60)[0], false), `range age [18, 60)`},
	{span(age, num(18)[0], false, num(60)[0], true), `range age (18, 60]`},
	{span(age, record.Value{}, true, num(60)[0], true), `range age (*, 60]`},
	{span(age, num(18)[0], true, record.Value{}, true), `range age [18, *)`},
	{span(date, january, true, february, false), `range date [2024-01-01T00:00:00Z, 2024-02-01T00:00:00Z)`},
	{plan.Match{Field: notes, Text: "high fever"}, `match notes words "high fever"`},
	{plan.Match{Field: notes, Text: "high fever", Mode: plan.Phrase}, `match notes phrase "high fever"`},
	{plan.Match{Field: notes, Text: "fev", Mode: plan.Prefix}, `match notes prefix "fev"`},
	{plan.Match{Field: notes, Text: `f?v\*`, Mode: plan.Wildcard}, `match notes wildcard "f?v\\*"`},
	{plan.Match{Field: notes, Text: "fevr", Mode: plan.Fuzzy, Edits: -1}, `match notes fuzzy "fevr" edits auto`},
	{plan.Match{Field: notes, Text: "fevr", Mode: plan.Fuzzy, Edits: 2}, `match notes fuzzy "fevr" edits 2`},
	{plan.Was{Field: status, History: history, Held: *states("Done")}, `was Data.status "Done"`},
	{plan.Was{Field: status, History: history, Held: plan.States{Empty: true}}, `was Data.status empty`},
	{plan.Was{Field: status, History: history}, `was Data.status none`},
	{plan.Was{Field: status, History: history, Held: *states("Done"),
		Window: plan.Window{From: january, To: february}, By: []string{"ana"}},
		`was Data.status "Done" during [2024-01-01T00:00:00Z, 2024-02-01T00:00:00Z) by "ana"`},
	{plan.Was{Field: status, History: history, Held: *states("Done"), By: []string{}}, `was Data.status "Done" by none`},
	{plan.Changed{Field: status, History: history}, `changed Data.status`},
	{plan.Changed{Field: status, History: history, From: &plan.States{Values: str("A"), Empty: true}, To: states("B", "C"),
		Window: plan.Window{From: january}, By: []string{"ana", "raj"}},
		`changed Data.status from "A" empty to "B" "C" during [2024-01-01T00:00:00Z, *) by "ana" "raj"`},
	{plan.Changed{Field: status, History: history, From: &plan.States{}}, `changed Data.status from none`},
	{plan.And{plan.Exists{Field: age}, plan.Missing{Field: date}}, `and {exists age; missing date}`},
	{plan.Or{plan.Exists{Field: age}, plan.Missing{Field: date}}, `or {exists age; missing date}`},
	{plan.Not{Node: plan.Or{span(date, january, true, february, false), plan.Terms{Field: date, Values: []record.Value{february}}}},
		`not or {range date [2024-01-01T00:00:00Z, 2024-02-01T00:00:00Z); terms date 2024-02-01T00:00:00Z}`},
	{plan.And{plan.Exists{Field: age}, plan.Or{plan.Exists{Field: notes}, plan.Missing{Field: date}}},
		`and {exists age; or {exists notes; missing date}}`},
}

func span(f *record.Field, lower record.Value, withLower bool, upper record.Value, withUpper bool) plan.Range {
	return plan.Range{Field: f, Lower: plan.Bound{Value: lower, Inclusive: withLower},
		Upper: plan.Bound{Value: upper, Inclusive: withUpper}}
}
