package searchtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// generate returns n documents, always the same, whose fields hold few values, so
// that questions have answers.
func generate(n int) []byte {
	g := generator{Rand: rand.New(rand.NewPCG(1, 2024))}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"_id": "g%03d", "_source": %s}`+"\n", i, g.document())
	}
	return []byte(b.String())
}

// A generator makes documents as JSON texts. It writes them by hand: numbers in
// several forms, blanks here and there.
type generator struct{ *rand.Rand }

// A fill says what a field is filled with: JSON texts.
type fill struct {
	field string
	texts []string
}

var fills = []fill{
	{"code", quoted("A", "a", "b", "c", "", "100%", "a_b", "मरीज़", "é")},
	{"short", quoted("ab", "12345678", "123456789", "")},
	{"sex", quoted("f", "F", "M", "m", "É", "é")},
	{"plate", quoted("ab-12", "AB-12", "Straße", "Ω")},
	{"triage", quoted("A", "B", "a", "C", "", "ä", "मा", "😀", "\uffff")},
	{"grade", quoted("A", "b", "B", "C", "c", "É", "")},
	{"filled", append(quoted("x", "NONE"), "null", "null")},
	{"name", quoted("Asha Devi", "asha devi", "Ravi Kumar", "O'Brien", "मीना कुमारी", "சுமதி", "")},
	{"diagnosis", quoted("dengue fever", "Dengue", "malaria", "fever of unknown origin", "ஜுரம்", "")},
	{"coded", quoted("J45.0", "j45.0", "type_2", "A09")},
	{"notes", quoted("high fever and cough", "no fever", "mild cough", "Fever since 3 days; b.p. 120/80", "मलेरिया के मरीज़", "👍 ok", "")},
	{"tiny", []string{"0", "1", "-128", "127", `"5"`, "5.9"}},
	{"little", []string{"0", "5", "-32768", "32767", "100"}},
	{"age", []string{"0", "1", "2", "5", "5.0", `"60"`, "60", "61", "33", "-1"}},
	{"steps", []string{"0", "7", "1e3", "9007199254740993", "9007199254740992", "-9223372036854775808", "9223372036854775807"}},
	{"serial", []string{"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615"}},
	{"ratio", []string{"0", "0.1", "1.5", "-2.25", "1", "-0.0"}},
	{"temperature", []string{"36.6", "36.60", "36.5", "40", "38.25", "-0.0", "0"}},
	{"weight", []string{"0", "0.1", "0.2", "0.30000000000000004", "1.5", `"1.50"`, "-12.5", "-0.0", "2"}},
	{"dose", []string{"0", "0.01", "2.5", "2.505", "-1.25", "10"}},
	{"loose", []string{"0", "1", "7", `"x"`}},
	{"active", []string{"true", "false", `"true"`}},
	{"seen", quoted("2024-01-31", "2024-01-31T14:30:15Z", "2024-01-31T20:00:15+05:30", "2024-02-29T23:59:59.999Z", "2024-03-10T07:00:00Z",
		"2024-03-14", "2024-03-15T10:00:00Z", "2023-12-31T23:59:59Z", "1969-12-31", "2024-11-03T05:30:00Z")},
	{"day", quoted("2024-01-31", "2024-02-29", "2024-03-01", "2023-12-31", "2024-03-14")},
	{"born", quoted("1990-05-01", "1990-05", "1990", "2000-02-29")},
	{"stamp", []string{"0", "1706659200000", `"1706659200000"`, "-1", "1710496800000"}},
	{"local", quoted("2024-01-31 14:30:15", "31/01/2024", "2024-02-29", "2024-03-14T10:00:00+05:30")},
	{"host", quoted("10.0.0.1", "::ffff:10.0.0.1", "::1", "2001:db8::1")},
	{"app", quoted("1.0.0", "1.0.0-rc1", "1.10.0", "1.9.0", "2.0")},
	{"place", []string{`{"lat": 18.52, "lon": 73.85}`, `"18.52,73.85"`, `[73.85, 18.52]`}},
	{"archived", quoted("x", "y")},
	{"odd \"name'; --%", quoted("x", "'; DROP TABLE records; --")},
	{"dotted.key.x", []string{"1", "2", "-5"}},
	{"status", quoted("open", "closed", "in progress", "")},
	{"ward", quoted("W1", "W2", "w1")},
}

// quoted returns texts as JSON strings.
func quoted(texts ...string) []string {
	var out []string
	for _, text := range texts {
		b, err := json.Marshal(text)
		if err != nil {
			panic(err) // a string always has a JSON text
		}
		out = append(out, string(b))
	}
	return out
}

// value draws what stands behind a key: mostly one of the texts, or a list of several, or
// nothing in one of its forms; empty means that the key is left out.
func (g generator) value(texts []string) string {
	one := func() string { return texts[g.IntN(len(texts))] }
	switch n := g.IntN(20); {
	case n < 5:
		return ""
	case n == 5:
		return "null"
	case n == 6:
		return "[]"
	case n < 10:
		list := []string{one(), one()}
		for g.IntN(2) == 0 && len(list) < 5 {
			list = append(list, one())
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	return one()
}

func (g generator) document() string {
	var members []string
	add := func(key, value string) {
		if value != "" {
			members = append(members, quoted(key)[0]+strings.Repeat(" ", g.IntN(2))+":"+strings.Repeat(" ", g.IntN(2))+value)
		}
	}
	for _, f := range fills {
		add(f.field, g.value(f.texts))
	}
	add("address", g.maybe(g.address))
	add("contacts", g.list(g.contact))
	add("labels", g.maybe(g.labels))
	add("log", g.list(g.entry))
	add("moves", g.list(g.move))
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, ", ") + "}"
}

func (g generator) maybe(make func() string) string {
	if g.IntN(3) == 0 {
		return ""
	}
	return make()
}

// list returns none, one or several objects, one of them without a list around it.
func (g generator) list(make func() string) string {
	n := g.IntN(4)
	var items []string
	for range n {
		items = append(items, make())
	}
	switch {
	case n == 0:
		return ""
	case n == 1 && g.IntN(2) == 0:
		return items[0]
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// object returns an object with those members that have a value.
func (g generator) object(keysAndValues ...string) string {
	var members []string
	for i := 0; i < len(keysAndValues); i += 2 {
		if keysAndValues[i+1] != "" {
			members = append(members, quoted(keysAndValues[i])[0]+": "+keysAndValues[i+1])
		}
	}
	return "{" + strings.Join(members, ", ") + "}"
}

func (g generator) address() string {
	return g.object(
		"city", g.value(quoted("Pune", "pune", "नई दिल्ली", "", "São Paulo")),
		"floor", g.value([]string{"0", "1", "7", "-1"}),
		"inner", g.maybe(func() string {
			return g.object("ward", g.value(quoted("W1", "W2", "")), "since", g.value(quoted("2024-01-31", "2024-02-29")))
		}))
}

func (g generator) contact() string {
	return g.object(
		"name", g.value(quoted("Ravi Kumar", "ravi", "रवि", "")),
		"kin", g.value(quoted("mother", "Mother", "father", "Élan")),
		"phone", g.value(quoted("100", "+91 98765 43210")),
		"age", g.value([]string{"0", "5", "40", "-1"}),
		"met", g.value(quoted("2024-01-31", "2024-02-29", "1970-01-01")),
		"visits", g.list(func() string {
			return g.object(
				"drug", g.value(quoted("ORS", "zinc", "Zinc", "")),
				"amount", g.value([]string{"0", "0.5", "2", "-0.0"}),
				"on", g.value(quoted("2024-01-31", "2024-02-29")))
		}))
}

func (g generator) labels() string {
	return g.object(
		"color", g.value(append(quoted("red", "Red", "blue", ""), "true", "1")),
		"a", g.maybe(func() string { return g.object("b", g.value(quoted("x", "y"))) }),
		"odd key", g.value(quoted("v", "100%")),
		"n", g.value([]string{"1", "9", "10", "1.0"}))
}

func (g generator) entry() string {
	told := [][]string{
		append(quoted("status", "open", "closed", "in progress", ""), "null", `["open", "x"]`),
		append(quoted("state", "open", "closed"), "null"),
		append(quoted("age", "5", "5.0", "+60", "x", ""), "60", "6", "null"),
		quoted("sex", "f", "F", "M"),
		quoted("name", "Asha Devi", "Asha"),
		quoted("weight", "1.50", "2", "kg"),
		quoted("host", "10.0.0.1", "::ffff:10.0.0.1", "0:0::1", "home"),
	}
	of := told[g.IntN(len(told))]
	return g.object("field", of[0],
		"from", of[1+g.IntN(len(of)-1)], "to", of[1+g.IntN(len(of)-1)],
		"at", g.value(quoted("2024-01-10", "2024-01-31T10:30:00Z", "2024-02-10", "2024-02-29T12:00:00Z", "2024-03-14")),
		"author", g.value(quoted("ana", "ANA", "Raj", "मीना")))
}

func (g generator) move() string {
	told := [][]string{quoted("ward", "W1", "W2", "w1"), quoted("bed", "W1", "W2"), append(quoted("active", "true", "false", "yes"), "true")}
	of := told[g.IntN(len(told))]
	return g.object("what", of[0],
		"old", of[1+g.IntN(len(of)-1)], "new", of[1+g.IntN(len(of)-1)],
		"since", g.value(quoted("2024-01-10", "2024-01-31", "2024-02-29")))
}
