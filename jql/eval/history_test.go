package eval_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// story tells of a record that was NEW, then OPEN from March by ana, then
// without status from May by raj, then DONE from July by ana, and whose age
// was corrected by raj in April. It is not told in order.
const story = `{"status": "DONE", "age": 31, "log": [
	{"field": "status", "from": null, "to": "DONE", "at": "2024-07-01T00:00:00Z", "author": "ana"},
	{"field": "status", "from": "NEW", "to": "OPEN", "at": "2024-03-01T00:00:00Z", "author": "ana"},
	{"field": "age", "from": "13", "to": "31", "at": "2024-04-01T00:00:00Z", "author": "raj"},
	{"field": "state", "from": "OPEN", "at": "2024-05-01T00:00:00Z", "author": "raj"}
]}`

func states(texts ...string) *plan.States {
	return &plan.States{Values: values(field("status"), texts...)}
}

// during is a window of two dates, of which an empty one is open.
func during(from, to string) (w plan.Window) {
	if from != "" {
		w.From = instant(from + "T00:00:00Z")
	}
	if to != "" {
		w.To = instant(to + "T00:00:00Z")
	}
	return w
}

func was(held *plan.States, w plan.Window, by ...string) plan.Node {
	return plan.Was{Field: field("status"), History: schema.History(field("status")), Held: *held, Window: w, By: by}
}

func changed(from, to *plan.States, w plan.Window, by ...string) plan.Node {
	return plan.Changed{Field: field("status"), History: schema.History(field("status")), From: from, To: to, Window: w, By: by}
}

func TestWas(t *testing.T) {
	ever := plan.Window{}
	empty := &plan.States{Empty: true}
	run(t, []test{
		{"at first", was(states("NEW"), ever), story, true},
		{"in between", was(states("OPEN"), ever), story, true},
		{"now", was(states("DONE"), ever), story, true},
		{"never", was(states("CLOSED"), ever), story, false},
		{"one of", was(states("CLOSED", "OPEN"), ever), story, true},
		{"empty", was(empty, ever), story, true},
		{"empty or a value", was(&plan.States{Empty: true, Values: values(field("status"), "CLOSED")}, ever), story, true},
		{"no states", was(&plan.States{}, ever), story, false},
		{"not", not(was(states("OPEN"), ever)), story, false},
		{"another case", was(states("open"), ever), story, false},

		{"at first, before", was(states("NEW"), during("", "2024-02-01")), story, true},
		{"at first, up to its end", was(states("NEW"), during("2024-02-29", "")), story, true},
		{"at first, after its end", was(states("NEW"), during("2024-03-01", "")), story, false},
		{"before it began", was(states("OPEN"), during("", "2024-03-01")), story, false},
		{"as it began", was(states("OPEN"), during("2024-01-01", "2024-03-02")), story, true},
		{"within", was(states("OPEN"), during("2024-04-01", "2024-04-02")), story, true},
		{"as it ended", was(states("OPEN"), during("2024-05-01", "2024-06-01")), story, false},
		{"empty within", was(empty, during("2024-06-01", "2024-06-02")), story, true},
		{"empty after", was(empty, during("2024-07-01", "")), story, false},
		{"now, before it began", was(states("DONE"), during("", "2024-07-01")), story, false},
		{"now, later", was(states("DONE"), during("2030-01-01", "")), story, true},
		{"an empty window", was(states("OPEN"), during("2024-04-01", "2024-04-01")), story, false},

		{"by", was(states("OPEN"), ever, "ana"), story, true},
		{"by another", was(states("OPEN"), ever, "raj"), story, false},
		{"by one of", was(states("OPEN"), ever, "raj", "ana"), story, true},
		{"by none at all", was(states("OPEN"), ever, []string{}...), story, false},
		{"at first, by", was(states("NEW"), ever, "ana"), story, false},
		{"empty, by", was(empty, ever, "raj"), story, true},
		{"now, by", was(states("DONE"), during("2025-01-01", ""), "ana"), story, true},
		{"now, by another", was(states("DONE"), ever, "raj"), story, false},
	})
}

func TestWasWithoutEntries(t *testing.T) {
	ever := plan.Window{}
	empty := &plan.States{Empty: true}
	run(t, []test{
		{"present", was(states("NEW"), ever), `{"status": "NEW"}`, true},
		{"one of the present", was(states("NEW"), ever), `{"status": ["OLD", "NEW"]}`, true},
		{"always", was(states("NEW"), during("", "1970-01-01")), `{"status": "NEW"}`, true},
		{"another", was(states("OLD"), ever), `{"status": "NEW"}`, false},
		{"empty", was(empty, ever), `{}`, true},
		{"not empty", was(empty, ever), `{"status": "NEW"}`, false},
		{"by", was(states("NEW"), ever, "ana"), `{"status": "NEW"}`, false},
		{"other fields' entries", was(states("NEW"), during("", "2020-01-01")),
			`{"status": "NEW", "log": {"field": "age", "from": "1", "to": "2", "at": "2024-01-01"}}`, true},
		{"an empty window", was(states("NEW"), during("2024-04-01", "2024-01-01")), `{"status": "NEW"}`, false},
	})
}

// TestWasOfStrangeLogs are logs that contradict themselves, or the record.
func TestWasOfStrangeLogs(t *testing.T) {
	gap := `{"status": "D", "log": [
		{"field": "status", "from": "A", "to": "B", "at": "2024-01-01T00:00:00Z", "author": "ana"},
		{"field": "status", "from": "C", "to": "D", "at": "2024-02-01T00:00:00Z", "author": "raj"}]}`
	twice := `{"log": [
		{"field": "status", "from": "A", "to": "B", "at": "2024-01-01T00:00:00Z"},
		{"field": "status", "from": "B", "to": "C", "at": "2024-01-01T00:00:00Z"}]}`
	broken := `{"status": "X", "log": [
		{"field": "status", "from": "A", "to": "B"},
		{"field": "status", "from": "A", "to": "B", "at": null},
		{"from": "A", "to": "B", "at": "2024-01-01T00:00:00Z"},
		{"field": "status", "from": {"x": 1}, "to": "B", "at": "2024-01-01T00:00:00Z"},
		{}]}`
	lists := `{"status": ["P", "Q"], "log": [
		{"field": ["x", "status"], "from": ["A", "B"], "to": ["C", "D"], "at": "2024-01-01T00:00:00Z", "author": ["ana", "raj"]}]}`
	ever := plan.Window{}
	run(t, []test{
		{"both sides of a gap", was(states("B"), during("2024-01-10", "2024-01-11")), gap, true},
		{"the other side of a gap", was(states("C"), during("2024-01-10", "2024-01-11")), gap, true},
		{"not before the gap", was(states("C"), during("", "2024-01-01")), gap, false},
		{"not after the gap", was(states("C"), during("2024-02-01", "")), gap, false},
		{"the gap is nobody's", was(states("C"), ever, "ana", "raj"), gap, false},
		{"for no time", was(states("B"), ever), twice, false},
		{"the last of one instant", was(states("C"), ever), twice, true},
		{"the first of one instant", was(states("A"), ever), twice, true},
		{"the present against the log", was(&plan.States{Empty: true}, during("2025-01-01", "")), twice, true},
		{"broken entries are none", was(states("A", "B"), ever), broken, false},
		{"broken entries leave the present", was(states("X"), during("", "2020-01-01")), broken, true},
		{"lists, from", was(states("B"), ever), lists, true},
		{"lists, to", was(states("D"), ever, "raj"), lists, true},
		{"lists, present", was(states("Q"), during("2024-06-01", ""), "raj"), lists, true},
		{"lists, present, not before", was(states("Q"), during("", "2024-01-01")), lists, false},
	})
}

func TestChanged(t *testing.T) {
	ever := plan.Window{}
	empty := &plan.States{Empty: true}
	run(t, []test{
		{"ever", changed(nil, nil, ever), story, true},
		{"never", changed(nil, nil, ever), `{"status": "A"}`, false},
		{"another field", changed(nil, nil, ever), `{"log": {"field": "age", "to": "1", "at": "2024-01-01"}}`, false},
		{"from", changed(states("NEW"), nil, ever), story, true},
		{"from another", changed(states("DONE"), nil, ever), story, false},
		{"to", changed(nil, states("OPEN"), ever), story, true},
		{"from and to", changed(states("NEW"), states("OPEN"), ever), story, true},
		{"from and to of two changes", changed(states("NEW"), states("DONE"), ever), story, false},
		{"to empty", changed(nil, empty, ever), story, true},
		{"from empty", changed(empty, states("DONE"), ever), story, true},
		{"from nothing", changed(&plan.States{}, nil, ever), story, false},
		{"within", changed(nil, nil, during("2024-03-01", "2024-03-02")), story, true},
		{"not within", changed(nil, nil, during("2024-03-02", "2024-05-01")), story, false},
		{"before", changed(nil, nil, during("", "2024-03-01")), story, false},
		{"by", changed(nil, nil, ever, "raj"), story, true},
		{"by another", changed(nil, nil, ever, "eve"), story, false},
		{"by of another change", changed(states("NEW"), nil, ever, "raj"), story, false},
		{"within by of two changes", changed(nil, nil, during("2024-03-01", "2024-04-01"), "raj"), story, false},
		{"not", not(changed(nil, states("OPEN"), ever)), story, false},
	})
}

func TestHistoryOfNumbers(t *testing.T) {
	age := field("age")
	log := schema.History(age)
	is := func(n string) plan.States { return plan.States{Values: values(age, n)} }
	run(t, []test{
		{"before", plan.Was{Field: age, History: log, Held: is("13")}, story, true},
		{"now", plan.Was{Field: age, History: log, Held: is("31"), By: []string{"raj"}}, story, true},
		{"never", plan.Was{Field: age, History: log, Held: is("30")}, story, false},
		{"changed", plan.Changed{Field: age, History: log, From: &plan.States{Values: values(age, "13")}}, story, true},
	})
}

// TestHistoryIsReadAsTheField: entries say a value as they like; the field reads it.
func TestHistoryIsReadAsTheField(t *testing.T) {
	doc := `{"sex": "Female", "weight": 2.5, "host": "2001:DB8::1", "log": [
		{"field": "sex", "at": "2024-01-01T00:00:00Z", "from": "Closed", "to": "Female", "author": "Ana"},
		{"field": "weight", "at": "2024-01-01T00:00:00Z", "from": "1.50", "to": "2.5"},
		{"field": "age", "at": "2024-01-01T00:00:00Z", "from": "x", "to": 7.0},
		{"field": "host", "at": "2024-01-01T00:00:00Z", "from": "2001:DB8:0::2", "to": "home"}]}`
	held := func(path string, texts ...string) *plan.States {
		s := plan.States{Empty: len(texts) == 0}
		if n, ok := terms(path, texts...).(plan.Terms); ok {
			s.Values = n.Values // in lower case, if the field folds
		}
		return &s
	}
	was := func(path string, s *plan.States, by ...string) plan.Node {
		return plan.Was{Field: field(path), History: schema.History(field(path)), Held: *s, By: by}
	}
	changed := func(path string, from, to *plan.States) plan.Node {
		return plan.Changed{Field: field(path), History: schema.History(field(path)), From: from, To: to}
	}
	run(t, []test{
		{"any case, before", was("sex", held("sex", "Closed")), doc, true},
		{"any case, after", was("sex", held("sex", "FEMALE"), "ana"), doc, true},
		{"any case, another author", was("sex", held("sex", "FEMALE"), "an"), doc, false},
		{"any case, from and to", changed("sex", held("sex", "CLOSED"), held("sex", "female")), doc, true},
		{"any case, another", changed("sex", nil, held("sex", "closed")), doc, false},
		{"number", was("weight", held("weight", "1.5")), doc, true},
		{"number, from", changed("weight", held("weight", "15e-1"), nil), doc, true},
		{"number, another", was("weight", held("weight", "1.51")), doc, false},
		{"whole number", was("age", held("age", "7")), doc, true},
		{"no number", changed("age", held("age", "0"), nil), doc, false},
		{"no number is not empty", changed("age", held("age"), nil), doc, false},
		{"address", was("host", held("host", "2001:db8::2")), doc, true},
		{"no address is not empty", changed("host", nil, held("host")), doc, false},
	})
}

// TestHistoriesOfOnePath: what stands in the same objects under other keys is another history.
func TestHistoriesOfOnePath(t *testing.T) {
	doc := `{"status": "B", "code": "y", "log": [
		{"field": "status", "at": "2024-01-01T00:00:00Z", "from": "A", "to": "B", "author": "ana"},
		{"what": "code", "since": "2024-01-02T00:00:00Z", "old": "x", "new": "y", "nurse": "raj"}]}`
	code := field("code")
	wasX := plan.Was{Field: code, History: schema.History(code), Held: plan.States{Values: values(code, "x")}}
	toY := plan.Changed{Field: code, History: schema.History(code), To: &plan.States{Values: values(code, "y")}, By: []string{"raj"}}
	wasA := was(states("A"), plan.Window{})
	run(t, []test{
		{"one", wasA, doc, true},
		{"the other", wasX, doc, true},
		{"both", and(wasA, wasX), doc, true},
		{"both the other way round", and(wasX, wasA), doc, true},
		{"both changed", and(changed(nil, nil, plan.Window{}, "ana"), toY), doc, true},
	})
}

// TestHistoryOfASubField: a history tells of a text by all of its names.
func TestHistoryOfASubField(t *testing.T) {
	ward := field("ward.keyword")
	node := plan.Was{Field: ward, History: schema.History(ward), Held: plan.States{Values: values(ward, "W1")}}
	var tests []test
	for name, want := range map[string]bool{"ward": true, "ward.keyword": true, "bed": true, "room": true, "keyword": false} {
		doc := `{"ward": "W2", "log": {"field": "` + name + `", "at": "2024-01-01T00:00:00Z", "from": "W1", "to": "W2"}}`
		tests = append(tests, test{name, node, doc, want})
	}
	run(t, tests)
}

// TestHistoryAuthorOfAText: the names of BY are those of the sub-field of whole values.
func TestHistoryAuthorOfAText(t *testing.T) {
	s := mustParse(`{"_meta": {"dhr": {"history": {"path": "log", "fields": ["status"]}}},
		"properties": {"status": {"type": "keyword"}, "log": {"type": "nested", "properties": {"field": {"type": "keyword"},
		"from": {"type": "keyword"}, "to": {"type": "keyword"}, "at": {"type": "date"},
		"author": {"type": "text", "fields": {"keyword": {"type": "keyword", "normalizer": "lowercase"}}}}}}}`)
	p := mustProject(s, "log")
	f := s.Field("status")
	r := &record.Record{}
	require.NoError(t, record.NewDecoder(p).Decode([]byte(`{"log": {"field": "status", "to": "B", "at": "2024", "author": "Ana"}}`), r))
	m, err := eval.Compile(&plan.Plan{Schema: s, Where: plan.Changed{Field: f, History: s.History(f), By: []string{"ana"}}}, p)
	require.NoError(t, err)
	require.True(t, m.Match(r))
}

func TestHistoryErrors(t *testing.T) {
	status := field("status")
	good := *schema.History(status)
	noAt, noDate, elsewhere := good, good, good
	noAt.At = nil
	noDate.At = good.Author
	elsewhere.Path = "visits"
	where := func(h *record.History) plan.Node { return plan.Changed{Field: status, History: h} }
	narrow := mustProject(schema, "status")
	for _, c := range []struct {
		node plan.Node
		want string
	}{
		{where(nil), `eval: a condition on a history that is not described in full`},
		{where(&noAt), `eval: a condition on a history that is not described in full`},
		{where(&noDate), `eval: the field "log.author" is no date`},
		{where(&good), `eval: the projection lacks the field "log"`},
	} {
		_, err := eval.Compile(&plan.Plan{Schema: schema, Where: c.node}, narrow)
		require.EqualError(t, err, c.want)
	}
	_, err := eval.Compile(&plan.Plan{Schema: schema, Where: plan.Changed{History: &good}}, projection)
	require.EqualError(t, err, `eval: a condition without a field`)
	_, err = eval.Compile(&plan.Plan{Schema: schema, Where: where(&elsewhere)}, projection)
	require.ErrorContains(t, err, `not inside of visits`)
	_, err = eval.Compile(&plan.Plan{Schema: schema, Where: plan.Was{Field: status, History: &good,
		Held: plan.States{Values: []record.Value{record.IntValue(1)}}}}, projection)
	require.ErrorContains(t, err, "is of kind int")
}

// TestHistoryWithoutAuthors: nobody is known to have made a change.
func TestHistoryWithoutAuthors(t *testing.T) {
	s := mustParse(`{"_meta": {"dhr": {"history": {"path": "log", "fields": ["status"]}}}, "properties": {
		"status": {"type": "keyword"}, "log": {"type": "nested", "properties": {"field": {"type": "keyword"},
		"from": {"type": "keyword"}, "to": {"type": "keyword"}, "at": {"type": "date"}}}}}`)
	p := mustProject(s, "status", "log")
	f := s.Field("status")
	r := &record.Record{}
	require.NoError(t, record.NewDecoder(p).Decode([]byte(`{"status": "B", "log": {"field": "status", "to": "B", "at": "2024"}}`), r))
	for _, by := range [][]string{nil, {"ana"}} {
		m, err := eval.Compile(&plan.Plan{Schema: s, Where: plan.Changed{Field: f, History: s.History(f), By: by}}, p)
		require.NoError(t, err)
		require.Equal(t, by == nil, m.Match(r))
	}
}
