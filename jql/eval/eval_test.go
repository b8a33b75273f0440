package eval_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

func TestLogic(t *testing.T) {
	yes, no := plan.All{}, plan.None{}
	run(t, []test{
		{"all", yes, `{}`, true},
		{"none", no, `{}`, false},
		{"and", and(yes, yes), `{}`, true},
		{"and not", and(yes, no), `{}`, false},
		{"or", or(no, yes), `{}`, true},
		{"or not", or(no, no), `{}`, false},
		{"not", not(no), `{}`, true},
		{"deep", and(or(no, and(yes, not(no))), exists("age")), `{"age": 1}`, true},
	})
}

func TestExists(t *testing.T) {
	run(t, []test{
		{"one", exists("status"), `{"status": "A"}`, true},
		{"several", exists("status"), `{"status": ["A", "B"]}`, true},
		{"the empty string", exists("status"), `{"status": ""}`, true},
		{"zero", exists("age"), `{"age": 0}`, true},
		{"false", exists("active"), `{"active": false}`, true},
		{"none", exists("status"), `{}`, false},
		{"null", exists("status"), `{"status": null}`, false},
		{"an empty list", exists("status"), `{"status": []}`, false},
		{"a list of null", exists("status"), `{"status": [null]}`, false},
		{"missing", missing("status"), `{"age": 1}`, true},
		{"not missing", missing("status"), `{"status": [null, "A"]}`, false},
		{"longer than ignore_above", exists("code"), `{"code": "123456789"}`, false},
		{"a text", exists("notes"), `{"notes": ""}`, true},
		{"a point", exists("place"), `{"place": [1.5, 2.5]}`, true},
		{"_id", exists("_id"), `{}`, true},
		{"_index", missing("_index"), `{}`, false},
		{"an object", exists("address"), `{"address": {"city": "Pune"}}`, true},
		{"an object without anything", exists("address"), `{"address": {}}`, false},
		{"an object of nothing", exists("address"), `{"address": {"city": null, "home": {"no": []}}}`, false},
		{"an object with something deep", exists("address"), `{"address": {"city": null, "home": {"no": [null, 0]}}}`, true},
		{"an object in an object", exists("address.home"), `{"address": {"home": {"no": 7}}}`, true},
		{"an object with what the mapping lacks", exists("address"), `{"address": {"x": [{"y": ""}]}}`, true},
		{"an object with odd keys", exists("address"), `{"address": {"a\"b" : null, ":" : { } }}`, false},
		{"an object with odd texts", exists("address"), `{"address": {"a": "\\\""}}`, true},
		{"nested", exists("visits"), `{"visits": [{}, {"drug": "ORS"}]}`, true},
		{"nested without anything", missing("visits"), `{"visits": [{}, {"drug": null}]}`, true},
		{"flattened", exists("labels"), `{"labels": {"color": "red"}}`, true},
		{"flattened without anything", exists("labels"), `{"labels": {}}`, false},
		{"a key in a flattened", exists("labels.color"), `{"labels": {"color": "red"}}`, true},
		{"another key in a flattened", exists("labels.color"), `{"labels": {"size": "L"}}`, false},
		{"inside of nested", exists("visits.drug"), `{"visits": [{"dose": 1}, {"drug": "ORS"}]}`, true},
	})
}

func TestTerms(t *testing.T) {
	many := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	numbers := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
	run(t, []test{
		{"one", terms("status", "A"), `{"status": "A"}`, true},
		{"another", terms("status", "A"), `{"status": "a"}`, false},
		{"none", terms("status", "A"), `{}`, false},
		{"several", terms("status", "A"), `{"status": ["B", "A"]}`, true},
		{"list", terms("status", "A", "B"), `{"status": "B"}`, true},
		{"the empty string", terms("status", ""), `{"status": ""}`, true},
		{"the empty string of none", terms("status", ""), `{}`, false},
		{"many", terms("status", many...), `{"status": "j"}`, true},
		{"not many", terms("status", many...), `{"status": "z"}`, false},
		{"any case", terms("sex", "female"), `{"sex": "FeMale"}`, true},
		{"any case of either", terms("sex", "FEMALE"), `{"sex": "female"}`, true},
		{"any case beyond ASCII", terms("sex", "ärzte", "œuvre"), `{"sex": "ÄRZTE"}`, true},
		{"any case of many", terms("sex", many...), `{"sex": "J"}`, true},
		{"not any case of many", terms("sex", many...), `{"sex": "K"}`, false},
		{"int", terms("age", "5"), `{"age": 5}`, true},
		{"int many", terms("age", numbers...), `{"age": [0, 10]}`, true},
		{"int not many", terms("age", numbers...), `{"age": [0, 11]}`, false},
		{"int none", terms("age", "0"), `{}`, false},
		{"int written otherwise", terms("age", "5"), `{"age": "5.0"}`, true},
		{"unsigned", terms("serial", "18446744073709551615"), `{"serial": 18446744073709551615}`, true},
		{"unsigned is not minus", terms("serial", "1"), `{"serial": 2}`, false},
		{"float", terms("weight", "36.5"), `{"weight": 36.50}`, true},
		{"float whole", terms("weight", "0"), `{"weight": -0.0}`, true},
		{"bool", terms("active", "true"), `{"active": true}`, true},
		{"bool false", terms("active", "false"), `{"active": true}`, false},
		{"bool false of none", terms("active", "false"), `{}`, false},
		{"time", terms("date", "2024-01-31"), `{"date": "2024-01-31T00:00:00.000Z"}`, true},
		{"time in another zone", terms("date", "2024-01-31T00:00:00+05:30"), `{"date": "2024-01-30T18:30:00Z"}`, true},
		{"ip", terms("ip", "10.0.0.1"), `{"ip": "::ffff:10.0.0.1"}`, true},
		{"ip not", terms("ip", "10.0.0.1", "::1"), `{"ip": "10.0.0.2"}`, false},
		{"version", terms("release", "1.2.3", "2.0.0"), `{"release": "2.0.0"}`, true},
		{"_id", terms("_id", "doc-1"), `{}`, true},
		{"_id not", terms("_id", "doc-2"), `{}`, false},
		{"_index", terms("_index", "other", "visits"), `{}`, true},
		{"nested", terms("visits.drug", "ORS"), `{"visits": [{"drug": "Zinc"}, {"drug": "ORS"}]}`, true},
		{"flattened", terms("labels.color", "red"), `{"labels": {"color": ["blue", "red"]}}`, true},
	})
}

func TestRange(t *testing.T) {
	run(t, []test{
		{"inside", between("age", "[18", "60)"), `{"age": 30}`, true},
		{"lower in", between("age", "[18", "60)"), `{"age": 18}`, true},
		{"lower out", between("age", "(18", "60)"), `{"age": 18}`, false},
		{"upper in", between("age", "[18", "60]"), `{"age": 60}`, true},
		{"upper out", between("age", "[18", "60)"), `{"age": 60}`, false},
		{"open below", between("age", "(", "60)"), `{"age": -5}`, true},
		{"open above", between("age", "[18", ")"), `{"age": 2147483647}`, true},
		{"one of several", between("age", "[18", "60)"), `{"age": [1, 30, 99]}`, true},
		{"none of several", between("age", "[18", "60)"), `{"age": [1, 99]}`, false},
		{"none", between("age", "(", "60)"), `{}`, false},
		{"nothing between", between("age", "(18", "19)"), `{"age": [18, 19]}`, false},
		{"the wrong way", between("age", "[60", "18]"), `{"age": 30}`, false},
		{"float", between("weight", "(1.5", "2.5)"), `{"weight": 1.5000000001}`, true},
		{"float lower out", between("weight", "(1.5", ")"), `{"weight": 1.5}`, false},
		{"float upper out", between("weight", "(", "1.5)"), `{"weight": 1.5}`, false},
		{"float upper in", between("weight", "(", "1.5]"), `{"weight": 1.5}`, true},
		{"float none", between("weight", "(", "1.5]"), `{}`, false},
		{"unsigned", between("serial", "(9223372036854775807", ")"), `{"serial": 9223372036854775808}`, true},
		{"time in", between("date", "[2024-01-31", "2024-02-01)"), `{"date": "2024-01-31T23:59:59.999Z"}`, true},
		{"time out", between("date", "[2024-01-31", "2024-02-01)"), `{"date": "2024-02-01"}`, false},
		{"time none", between("date", "(", "2024-02-01)"), `{}`, false},
		{"time before 1970", between("date", "(", "1970-01-01)"), `{"date": "1969-12-31"}`, true},
		{"ip in", between("ip", "[10.0.0.0", "10.0.0.255]"), `{"ip": "10.0.0.77"}`, true},
		{"ip out", between("ip", "[10.0.0.0", "10.0.0.255]"), `{"ip": "::1"}`, false},
		{"version", between("release", "[1.9.0", ")"), `{"release": "1.10.0"}`, true},
		{"version before its release", between("release", "(", "1.10.0)"), `{"release": "1.10.0-beta"}`, true},
		{"string", between("code", "[b", "c)"), `{"code": "bz"}`, true},
		{"string by code point", between("code", "(\uffff", ")"), `{"code": "😀"}`, true},
		{"_id", between("_id", "[doc-0", "doc-2)"), `{}`, true},
	})
}

func TestRangeAtTheEnds(t *testing.T) {
	long := mustParse(`{"properties": {"n": {"type": "long"}}}`)
	p := mustProject(long, "n")
	f := long.Field("n")
	bound := func(text string) plan.Bound { return plan.Bound{Value: value(f, text)} }
	for _, n := range []plan.Range{{Field: f, Lower: bound("9223372036854775807")}, {Field: f, Upper: bound("-9223372036854775808")}} {
		m, err := eval.Compile(&plan.Plan{Schema: long, Where: n}, p)
		require.NoError(t, err)
		for _, text := range []string{"9223372036854775807", "-9223372036854775808", "0"} {
			var r record.Record
			r.Reset(p)
			r.Append(0, value(f, text))
			require.False(t, m.Match(&r), "%s %s", n, text)
		}
	}
}

// TestNegatives are the traps of a logic with three values: here there are two,
// and a negative that must not match empty fields says so.
func TestNegatives(t *testing.T) {
	unequal := func(path string, texts ...string) plan.Node { return and(exists(path), not(terms(path, texts...))) }
	run(t, []test{
		{"!= another", unequal("status", "A"), `{"status": "B"}`, true},
		{"!= the same", unequal("status", "A"), `{"status": "A"}`, false},
		{"!= of none", unequal("status", "A"), `{}`, false},
		{"!= of null", unequal("status", "A"), `{"status": null}`, false},
		{"!= the same among others", unequal("status", "A"), `{"status": ["B", "A"]}`, false},
		{"!= others only", unequal("status", "A"), `{"status": ["B", "C"]}`, true},
		{"!= of the empty string", unequal("status", "A"), `{"status": ""}`, true},
		{"not in", unequal("status", "A", "B"), `{"status": "C"}`, true},
		{"not in of none", unequal("status", "A", "B"), `{}`, false},
		{"plain not of none", not(terms("status", "A")), `{}`, true},
		{"!= of numbers", unequal("age", "5"), `{"age": 6}`, true},
		{"!= of no number", unequal("age", "5"), `{}`, false},
		{"!~", and(exists("notes"), not(text(plan.Words, "fever"))), `{"notes": "cough"}`, true},
		{"!~ of none", and(exists("notes"), not(text(plan.Words, "fever"))), `{}`, false},
		{"!~ of no terms", and(exists("notes"), not(text(plan.Words, "fever"))), `{"notes": "..."}`, true},
		{"not of a range is not the rest", and(not(between("age", "[5", ")")), not(between("age", "(", "5)"))), `{}`, true},
		{"both a value and another", and(terms("status", "A"), terms("status", "B")), `{"status": ["A", "B"]}`, true},
		{"above and below", and(between("age", "(50", ")"), between("age", "(", "10)")), `{"age": [1, 99]}`, true},
		{"not of an or", and(exists("age"), not(or(terms("age", "1"), between("age", "[5", "9]")))), `{"age": [3, 7]}`, false},
	})
}

func TestCompileErrors(t *testing.T) {
	age := mustProject(schema, "age")
	strange := *field("age")
	strange.Kind = record.Float
	wrong := plan.Terms{Field: field("age"), Values: []record.Value{record.StringValue("5")}}
	for _, c := range []struct {
		node plan.Node
		want string
	}{
		{terms("status", "A"), `eval: the projection lacks the field "status"`},
		{not(or(exists("age"), and(exists("age"), missing("date")))), `eval: the projection lacks the field "date"`},
		{between("date", "[2024", ")"), `eval: the projection lacks the field "date"`},
		{text(plan.Words, "x"), `eval: the projection lacks the field "notes"`},
		{plan.Exists{Field: &strange}, `eval: the field "age" is of kind float in the plan, and int in the projection`},
		{wrong, `eval: the value "5" is of kind string, the field "age" of kind int`},
		{plan.Range{Field: field("age"), Upper: plan.Bound{Value: record.FloatValue(1)}},
			`eval: the value 1 is of kind float, the field "age" of kind int`},
		{plan.Exists{}, `eval: a condition without a field`},
		{plan.Missing{}, `eval: a condition without a field`},
		{plan.Terms{}, `eval: a condition without a field`},
		{plan.Range{}, `eval: a condition without a field`},
		{plan.Match{}, `eval: a condition without a field`},
		{plan.Match{Field: field("_id"), Mode: 99, Text: "x"}, `eval: no such mode: mode(99)`},
		{nil, `eval: no such condition: <nil>`},
	} {
		m, err := eval.Compile(&plan.Plan{Schema: schema, Where: c.node}, age)
		require.EqualError(t, err, c.want)
		require.Nil(t, m)
	}
}

// TestFieldsSuffice holds that the fields of a plan are all that Compile asks for.
func TestFieldsSuffice(t *testing.T) {
	p := &plan.Plan{
		Schema: schema,
		Where: and(exists("address"), terms("_id", "x"), text(plan.Prefix, "x"), missing("age"),
			plan.Was{Field: field("status"), History: schema.History(field("status"))}),
		Order: []plan.Sort{{Field: field("date")}, {Field: field("_id")}},
	}
	var paths []string
	for _, f := range plan.Fields(p) {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{"address", "notes", "age", "status", "log", "date"}, paths)
	narrow := mustProject(schema, paths...)
	_, err := eval.Compile(p, narrow)
	require.NoError(t, err)
	_, err = eval.CompileOrder(p, narrow)
	require.NoError(t, err)
}
