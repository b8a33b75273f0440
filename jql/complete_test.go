package jql

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
)

// schema reads one of the mappings of testdata.
func schema(t testing.TB, name string) *record.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/schemas/" + name + ".json")
	require.NoError(t, err)
	s, err := record.ParseSchema(name, text)
	require.NoError(t, err)
	return s
}

// completions completes at the | in text, and returns what would stand there,
// and the text that each would replace.
func completions(t *testing.T, text string, opts *CompleteOptions) (texts []string, replaced string) {
	t.Helper()
	cursor := strings.Index(text, "|")
	require.GreaterOrEqual(t, cursor, 0, "no cursor in %q", text)
	text = text[:cursor] + text[cursor+1:]
	got, err := Complete(t.Context(), text, cursor, []*record.Schema{schema(t, "visits")}, opts)
	require.NoError(t, err)
	for _, c := range got {
		texts = append(texts, c.Text)
		replaced = text[c.Replace.Start:c.Replace.End]
	}
	return texts, replaced
}

// values are the values that completion finds in the tests.
func values(_ context.Context, f *record.Field, prefix string, limit int) ([]string, error) {
	var found []string
	for _, v := range map[string][]string{
		"status": {"open", "closed", "on hold", "and"}, "diagnosis.keyword": {"Malaria", "Severe malaria"},
		"age": {"5", "7"}, "history.author": {"ana", "ben"},
	}[f.Path] {
		if strings.HasPrefix(strings.ToLower(v), strings.ToLower(prefix)) && len(found) < limit {
			found = append(found, v)
		}
	}
	return found, nil
}

// completeFirst are the first completions at the | in a text; none where there are none at all.
var completeFirst = []struct {
	text     string
	first    []string
	replaced string
}{
	// fields
	{"ag|", []string{"age", "contacts.age"}, "ag"},
	{"gen|", []string{"gender", "patient.gender"}, "gen"},
	{"AG|E > 5", []string{"age"}, "AGE"},
	{"age > 5 AND stat|", []string{"status"}, "stat"},
	{"age > 5 and (stat|", []string{"status"}, "stat"},
	{"NOT stat|", []string{"status"}, "stat"},
	{"birth|", []string{"dob"}, "birth"},
	{"dat|", []string{`"date"`}, "dat"},
	{"date|", []string{`"date"`}, "date"},
	{"N|", []string{"name", "notes"}, "N"},
	{"ORDER BY cre|", []string{"created"}, "cre"},
	{"age = 5 ORDER BY age, sta|", []string{"status"}, "sta"},
	// operators
	{"age |", []string{"=", "!=", ">", ">=", "<", "<=", "IN", "NOT IN", "IS", "IS NOT", "WAS"}, ""},
	{"notes |", []string{"~", "!~", "IS", "IS NOT"}, ""},
	{"diagnosis |", []string{"=", "!=", "~", "!~", "IN"}, ""},
	{"consent |", []string{"=", "!=", "IN", "NOT IN", "IS", "IS NOT"}, ""},
	{"status w|", []string{"WAS", "WAS NOT"}, "w"},
	{"status not |", []string{"IN"}, ""},
	{"place |", []string{"IS", "IS NOT"}, ""},
	{"nosuch |", []string{"=", "!="}, ""},
	// values
	{"status = |", []string{"open", "closed", `"on hold"`, `"and"`, "currentUser()", "EMPTY"}, ""},
	{"status = o|", []string{"open", `"on hold"`}, "o"},
	{`status = "on h|`, []string{`"on hold"`}, `"on h`},
	{`status = "on h|old" AND age = 5`, []string{`"on hold"`}, `"on hold"`},
	{"status in (open, c|", []string{"closed"}, "c"},
	{"status in (|", []string{"open"}, ""},
	{"status not in (open,|)", []string{"open"}, ""},
	{"diagnosis = Sev|", []string{`"Severe malaria"`}, "Sev"},
	{"age = |", []string{"5", "7"}, ""},
	{"consent = |", []string{`"true"`, `"false"`, "EMPTY"}, ""},
	{"consent = t|", []string{`"true"`}, "t"},
	// functions
	{"created > start|", []string{"startOfDay()", "startOfWeek()", "startOfMonth()", "startOfYear()"}, "start"},
	{"created > n|", []string{"now()"}, "n"},
	{"created = startOfDay(|", []string{`"-1d"`}, ""},
	{"status = cur|", []string{"currentUser()"}, "cur"},
	{"status in |", []string{"membersOf(", "("}, ""},
	{"status in mem|", []string{"membersOf("}, "mem"},
	// keywords
	{"status is |", []string{"EMPTY", "NOT"}, ""},
	{"status is not |", []string{"EMPTY"}, ""},
	{"age = 5 |", []string{"AND", "OR", "ORDER BY"}, ""},
	{"age = 5 o|", []string{"OR", "ORDER BY"}, "o"},
	{"(age = 5 |", []string{"AND", "OR", ")"}, ""},
	{"age in (5, 6) |", []string{"AND", "OR", "ORDER BY"}, ""},
	{"created > now() |", []string{"AND", "OR", "ORDER BY"}, ""},
	{"age = 5 ORDER |", []string{"BY"}, ""},
	{"ORDER BY age |", []string{"ASC", "DESC", ","}, ""},
	{"ORDER BY age d|", []string{"DESC"}, "d"},
	// history
	{"status was |", []string{"open", "closed"}, ""},
	{"status was open |", []string{"AND", "OR", "ORDER BY", "AFTER", "BEFORE", "ON", "DURING", "BY"}, ""},
	{"status changed |", []string{"AND", "OR", "ORDER BY", "FROM", "TO"}, ""},
	{"status changed from |", []string{"open"}, ""},
	{"status changed by a|", []string{"ana"}, "a"},
	{"status changed after start|", []string{"startOfDay()"}, "start"},
	// broken text
	{"= = ) AND sta|", []string{"status"}, "sta"},
	{"age > AND status = o|", []string{"open"}, "o"},
	{"age @ 5 OR status in (open clos|", nil, "clos"},
	{"sta| = open AND (((", []string{"status"}, "sta"},
	{"status = | AND age = 5", []string{"open"}, ""},
	{"status = o| )) == @@", []string{"open"}, "o"},
	// the end of the word at the cursor
	{`status = "Ka| AND triage = "x" AND age = 5`, nil, `"Ka`},
	{`status = "o| AND triage = "x" AND age = 5`, []string{"open", `"on hold"`}, `"o`},
	{`status = "o|pen" AND triage = "x"`, []string{"open", `"on hold"`}, `"open"`},
	{`status = "o|\q" AND triage = "x"`, []string{"open ", `"on hold"`}, `"o`},
	{`status = |foo`, []string{"open ", "closed ", `"on hold"`, `"and"`, "currentUser()", "EMPTY "}, ""},
	{`status = open"o|`, []string{" OR", " ORDER BY"}, `"o`},
	{"status = \"\u0906|\u092f\u0941\"", nil, "\"\u0906\u092f\u0941\""},
	{"created > no|w()", []string{"now"}, "now"},
	{"created > no| (", []string{"now"}, "no"},
	{"created > start|OfDay(-1)", []string{"startOfDay"}, "startOfDay"},
	{"status in mem|\n(x)", []string{"membersOf"}, "mem"},
	// the beginning of an operator
	{"status !|", []string{"!="}, "!"},
	{"diagnosis !|", []string{"!=", "!~"}, "!"},
	{"age !|= 5", []string{"!="}, "!="},
	{"age = 5 and age <|", []string{"<", "<="}, "<"},
	{"age>|5", []string{">", ">="}, ">"},
	{"age = 5 and !|", []string{"name"}, ""},
	// what is written, decoded
	{`status = "\u006f|`, []string{"open", `"on hold"`}, `"\u006f`},
	{`status = on\ |`, []string{`"on hold"`}, `on\ `},
	{`status = "'o|`, nil, `"'o`},
	// only what Resolve takes
	{"diagnosis ~ cur|", nil, "cur"},
	{"notes = |", []string{"EMPTY"}, ""},
	{"place not |", nil, ""},
	{"status changed by e|", nil, "e"},
	{"status was open on e|", []string{"endOfDay()"}, "e"},
	{"status changed from e|", []string{"EMPTY"}, "e"},
	{"status changed from |", []string{"open", "closed", `"on hold"`, `"and"`, "currentUser()", "membersOf(", "("}, ""},
	{"status changed during |", []string{"("}, ""},
	{"status changed during (|", []string{"now()", "startOfDay()"}, ""},
	{"status changed during (2024-01-01 |", []string{","}, ""},
	{"status changed during (2024-01-01, 2024-01-02 |", []string{")"}, ""},
	{`status changed during (2024-01-01, endOfDay("1d" |`, []string{",", ")"}, ""},
	{"status changed during (now(), now()) |", []string{"AND"}, ""},
	{"status changed by mem|", []string{"membersOf("}, "mem"},
	{"status changed on mem|", nil, "mem"},
	{"ward changed b|", []string{"BEFORE"}, "b"},
	{"ward changed by |", nil, ""},
}

func TestCompleteFirst(t *testing.T) {
	for _, c := range completeFirst {
		t.Run(c.text, func(t *testing.T) {
			got, replaced := completions(t, c.text, &CompleteOptions{Values: values})
			if len(got) == 0 {
				require.Empty(t, c.first)
				return
			}
			require.NotEmpty(t, c.first, "%v", got)
			require.GreaterOrEqual(t, len(got), len(c.first), "%v", got)
			require.Equal(t, c.first, got[:len(c.first)], "%v", got)
			require.Equal(t, c.replaced, replaced)
		})
	}
}

// What is not offered after a part of the history is what Resolve refuses there.
func TestCompleteNotOffered(t *testing.T) {
	for text, word := range map[string]string{
		"status changed by |": "EMPTY", "status was open on |": "EMPTY", "status changed during (|": "EMPTY", "status was open before |": "(",
		"diagnosis ~ |": "currentUser()", "ward changed |": "BY", "status changed on |": "membersOf(", "status changed during |": "EMPTY",
	} {
		got, _ := completions(t, text, nil)
		require.NotContains(t, got, word, "%s", text)
	}
}

// Values are asked for by what is written, without the quote and with its escapes decoded.
func TestCompletePrefix(t *testing.T) {
	for text, want := range map[string]string{
		`status = |`: "", `status = "|`: "", `status = ti|`: "ti", `status = "\"ti|`: `"ti`, `status = New\ De|`: "New De",
		`status = "'ti|`: "'ti", `status = '"ti|`: `"ti`, `status = "a\\|`: `a\`, `status = \"ti|`: `"ti`,
	} {
		asked := "nothing"
		completions(t, text, &CompleteOptions{Values: func(_ context.Context, _ *record.Field, prefix string, _ int) ([]string, error) {
			asked = prefix
			return nil, nil
		}})
		require.Equal(t, want, asked, "%s", text)
	}
}

// At the very beginning everything that may begin a query is offered.
func TestCompleteEmpty(t *testing.T) {
	got, _ := completions(t, "|", nil)
	require.Contains(t, got, "age")
	require.Contains(t, got, "NOT")
	require.Contains(t, got, "ORDER BY")
	require.NotContains(t, got, "archived", "it cannot be searched")
	require.NotContains(t, got, "diagnosis.keyword", "its parent stands for it")
	got, _ = completions(t, "age = 5 AND |", nil)
	require.NotContains(t, got, "ORDER BY")
}

func TestCompleteLimit(t *testing.T) {
	got, _ := completions(t, "|", &CompleteOptions{Limit: 3})
	require.Len(t, got, 3)
}

func TestCompleteHostFunction(t *testing.T) {
	got, _ := completions(t, "status = my|", &CompleteOptions{Functions: map[string]Function{"myTeam": {}}})
	require.Equal(t, []string{"myTeam()"}, got)
}

func TestCompleteError(t *testing.T) {
	down := errors.New("the engine is down")
	opts := &CompleteOptions{Values: func(context.Context, *record.Field, string, int) ([]string, error) { return nil, down }}
	_, err := Complete(t.Context(), "status = ", 9, []*record.Schema{schema(t, "visits")}, opts)
	require.ErrorIs(t, err, down)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Complete(ctx, "age", 3, []*record.Schema{schema(t, "visits")}, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// Whatever is completed may stand there: put in the place, the query has no
// complaint before its end, unless there is one before the place.
func FuzzComplete(f *testing.F) {
	for _, c := range completeFirst {
		before, after, _ := strings.Cut(c.text, "|")
		f.Add(before+after, len(before))
	}
	for _, seed := range []string{"age > 5 and ", `a = "x`, "a = f(", "((("} {
		f.Add(seed, len(seed))
	}
	s := schema(f, "visits")
	opts := &CompleteOptions{Values: values, Functions: map[string]Function{"my team": {}, "date": {MaxArgs: -1}, "5": {List: true}}}
	f.Fuzz(func(t *testing.T, text string, cursor int) {
		got, err := Complete(t.Context(), text, cursor, []*record.Schema{s}, opts)
		require.NoError(t, err)
		for _, c := range got {
			require.GreaterOrEqual(t, c.Replace.Start, 0)
			require.LessOrEqual(t, c.Replace.Start, c.Replace.End)
			require.LessOrEqual(t, c.Replace.End, len(text))
			if firstTrouble(text[:c.Replace.Start]) < c.Replace.Start {
				continue
			}
			put := text[:c.Replace.Start] + c.Text
			spliced := put + text[c.Replace.End:]
			require.GreaterOrEqual(t, firstTrouble(spliced), len(put), "%q in %q at %d gives %q", c.Text, text, cursor, spliced)
		}
	})
}

// firstTrouble is where the first complaint about a text begins; beyond its end if there is none.
func firstTrouble(text string) int {
	_, err := Parse(text, nil)
	var e *Error
	if errors.As(err, &e) {
		return e.Span.Start
	}
	return len(text) + 1
}

func BenchmarkComplete(b *testing.B) {
	schemas := []*record.Schema{schema(b, "visits")}
	const text = "status = open AND age >= 60 AND dia"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Complete(b.Context(), text, len(text), schemas, nil); err != nil {
			b.Fatal(err)
		}
	}
}
