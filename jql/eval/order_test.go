package eval_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/jql/eval"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// by makes an order of paths, of which one that begins with - is descending.
func by(t require.TestingT, paths ...string) *eval.Order {
	p := &plan.Plan{Schema: schema}
	for _, path := range paths {
		s := plan.Sort{Desc: path[0] == '-'}
		if s.Desc {
			path = path[1:]
		}
		s.Field = field(path)
		p.Order = append(p.Order, s)
	}
	o, err := eval.CompileOrder(p, projection)
	require.NoError(t, err)
	return o
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		path string
		docs []string // in their order, without those that stand beside each other
		desc []string // the same descending, if not the other way round
	}{
		{"int", "age", []string{`{"age": -1}`, `{"age": 2}`, `{"age": 10}`}, nil},
		{"float", "weight", []string{`{"weight": -1.5}`, `{"weight": 2}`, `{"weight": 10.25}`}, nil},
		{"unsigned", "serial", []string{`{"serial": 1}`, `{"serial": 18446744073709551615}`}, nil},
		{"bool", "active", []string{`{"active": false}`, `{"active": true}`}, nil},
		{"time", "date", []string{`{"date": "1969-12-31"}`, `{"date": "2024-01-01"}`}, nil},
		{"ip", "ip", []string{`{"ip": "9.0.0.1"}`, `{"ip": "10.0.0.1"}`, `{"ip": "2001::1"}`}, nil},
		{"version", "release", []string{`{"release": "1.9.0"}`, `{"release": "1.10.0-rc1"}`, `{"release": "1.10.0"}`}, nil},
		{"string", "status", []string{`{"status": ""}`, `{"status": "B"}`, `{"status": "a"}`, `{"status": "é"}`}, nil},
		{"string by code point", "status", []string{`{"status": "z"}`, `{"status": "\uffee"}`, `{"status": "😀"}`}, nil},
		{"string in any case", "sex", []string{`{"sex": "f"}`, `{"sex": "M"}`, `{"sex": "mX"}`}, nil},
		{"_id", "_id", []string{`{}`}, nil},
		{"missing", "age", []string{`{"age": 1}`, `{"age": null}`}, []string{`{"age": 1}`, `{}`}},
		{"missing string", "status", []string{`{"status": "x"}`, `{"status": []}`}, []string{`{"status": ""}`, `{}`}},
		{"several", "age", []string{`{"age": [9, 1]}`, `{"age": [5, 2]}`, `{"age": 3}`},
			[]string{`{"age": [9, 1]}`, `{"age": [5, 2]}`, `{"age": 3}`}},
		{"several strings", "status", []string{`{"status": ["z", "a"]}`, `{"status": ["b", "x"]}`, `{"status": "c"}`},
			[]string{`{"status": ["z", "a"]}`, `{"status": ["b", "x"]}`, `{"status": "c"}`}},
		{"nested", "visits.dose", []string{`{"visits": [{"dose": 9}, {"dose": 1}]}`, `{"visits": {"dose": 2}}`, `{"visits": {}}`},
			[]string{`{"visits": [{"dose": 9}, {"dose": 1}]}`, `{"visits": {"dose": 2}}`, `{"visits": {}}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.desc == nil {
				c.desc = slices.Clone(c.docs)
				slices.Reverse(c.desc)
			}
			inOrder(t, by(t, c.path), c.docs)
			inOrder(t, by(t, "-"+c.path), c.desc)
		})
	}
}

func inOrder(t *testing.T, o *eval.Order, docs []string) {
	for i, a := range docs {
		for j, b := range docs {
			require.Equal(t, cmp.Compare(i, j), o.Compare(read(t, a), read(t, b)), "%s and %s", a, b)
		}
	}
}

func TestOrderOfSeveralKeys(t *testing.T) {
	make := func(index, id, doc string) *record.Record {
		r := read(t, doc)
		r.Index, r.ID = index, id
		return r
	}
	records := []*record.Record{
		make("a", "1", `{"status": "A", "age": 1}`), make("a", "3", `{"status": "A", "age": 2}`),
		make("b", "2", `{"status": "B"}`), make("a", "2", `{"age": 9}`), make("b", "1", `{"age": 9}`),
	}
	sorted := func(o *eval.Order) (ids string) {
		list := slices.Clone(records)
		slices.Reverse(list)
		slices.SortFunc(list, o.Compare)
		for _, r := range list {
			ids += r.Index + r.ID + " "
		}
		return ids
	}
	require.Equal(t, "a3 a1 b2 a2 b1 ", sorted(by(t, "status", "-age", "_index", "_id")))
	require.Equal(t, "b2 a1 a3 b1 a2 ", sorted(by(t, "-status", "age", "-_index")))
	require.Equal(t, "b2 b1 a3 a2 a1 ", sorted(by(t, "-_index", "-_id")))

	o, err := eval.CompileOrder(&plan.Plan{Order: []plan.Sort{{}, {Desc: true}, {Field: field("_id")}, {Field: field("_index")}}}, projection)
	require.NoError(t, err)
	require.Equal(t, "a1 b1 a2 b2 a3 ", sorted(o), "a field that the index lacks does not sort")
}

func TestOrderErrors(t *testing.T) {
	_, err := eval.CompileOrder(&plan.Plan{Order: []plan.Sort{{Field: field("date")}}}, mustProject(schema, "age"))
	require.EqualError(t, err, `eval: the projection lacks the field "date"`)
}

// TestOrderIsOne holds that any order is one: comparing the other way round
// gives the opposite, and what is before something is before all after it.
func TestOrderIsOne(t *testing.T) {
	docs := []string{`{}`, `{"age": 1, "status": ["B", "A"], "sex": "F"}`, `{"age": [3, 1], "sex": ["f", "M"]}`,
		`{"age": 2, "status": "A", "weight": 1, "sex": "É"}`, `{"sex": ["m", "é"]}`,
		`{"status": ["C", ""], "weight": [2, 0.5]}`, `{"weight": 1}`, `{"age": [2, 3], "status": "B"}`}
	var records []*record.Record
	for _, doc := range docs {
		records = append(records, read(t, doc))
	}
	rapid.Check(t, func(t *rapid.T) {
		o := by(t, rapid.SliceOfN(rapid.SampledFrom([]string{"age", "-age", "status", "-status", "sex", "-sex", "weight", "-weight"}), 1, 3).Draw(t, "order")...)
		one := rapid.SampledFrom(records)
		a, b, c := one.Draw(t, "a"), one.Draw(t, "b"), one.Draw(t, "c")
		require.Zero(t, o.Compare(a, a))
		require.Equal(t, o.Compare(a, b), -o.Compare(b, a))
		if o.Compare(a, b) <= 0 && o.Compare(b, c) <= 0 {
			require.LessOrEqual(t, o.Compare(a, c), 0)
		}
	})
}
