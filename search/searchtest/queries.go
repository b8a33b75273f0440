package searchtest

import (
	"bufio"
	"context"
	_ "embed" // the questions are needed wherever a driver is tested
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

//go:embed testdata/values.txt
var valuesFile string

//go:embed testdata/queries.txt
var queriesFile string

// A query is text with the circumstances in which it is asked.
type query struct {
	text string
	zone string
	now  string
	user string
	week time.Weekday
}

// usualNow is when queries are asked that say nothing of it.
const usualNow = "2024-03-15T10:00:00Z"

func (q query) String() string {
	out := q.text
	if q.zone != "" {
		out += "  @zone " + q.zone
	}
	if q.now != usualNow && q.now != "" {
		out += "  @now " + q.now
	}
	if q.user != "ana" {
		out += "  @user " + q.user
	}
	if q.week != time.Sunday {
		out += "  @week " + q.week.String()
	}
	return out
}

// resolve returns the plan of a query. A query that the language refuses has no plan
// but the code of the first complaint.
func (q query) resolve(schema *record.Schema) (p *plan.Plan, refused string, err error) {
	parsed, err := jql.Parse(q.text, nil)
	if err != nil {
		return nil, "", fmt.Errorf("%q: %w", q.text, err)
	}
	opts := &jql.ResolveOptions{User: q.user, WeekStart: q.week, Members: members}
	if opts.Now, err = time.Parse(time.RFC3339Nano, q.now); err != nil {
		return nil, "", err
	}
	if opts.Zone, err = time.LoadLocation(q.zone); err != nil {
		return nil, "", err
	}
	resolution, err := jql.Resolve(context.Background(), parsed, []*record.Schema{schema}, opts)
	var complaints jql.ErrorList
	if errors.As(err, &complaints) {
		return nil, complaints[0].Code, nil
	}
	if err != nil {
		return nil, "", err
	}
	return resolution.Plans[0], "", nil
}

func members(_ context.Context, group string) ([]string, error) {
	if group != "nurses" {
		return nil, fmt.Errorf("no group %q", group)
	}
	return []string{"ana", "Raj", "मीना"}, nil
}

// allQueries returns all queries of the suite, in an order that never changes:
// those written down, then those enumerated.
func allQueries(t tb) []query {
	t.Helper()
	all := append(writtenQueries(t), enumerate(t)...)
	seen := map[query]bool{}
	return slices.DeleteFunc(all, func(q query) bool {
		twice := seen[q]
		seen[q] = true
		return twice
	})
}

// writtenQueries reads testdata/queries.txt: a query on each line; # begins a
// comment, and @ a circumstance of the queries that follow.
func writtenQueries(t tb) (all []query) {
	t.Helper()
	usual := query{now: usualNow, user: "ana"}
	at := usual
	for line := range strings.Lines(queriesFile) {
		line = strings.TrimSpace(line)
		word, value, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == '#':
			continue
		case word == "@usual":
			at = usual
		case word == "@zone":
			at.zone = value
		case word == "@now":
			at.now = value
		case word == "@user":
			at.user = value
		case word == "@week":
			day, err := strconv.Atoi(value)
			require.NoError(t, err, line)
			at.week = time.Weekday(day)
		default:
			require.NotEqual(t, byte('@'), line[0], line)
			at.text = line
			all = append(all, at)
		}
	}
	return all
}

// A fieldValues is a line of testdata/values.txt: a field and operands for it.
type fieldValues struct {
	field  string
	values []string
}

// readValues reads testdata/values.txt. Fields and operands that are not plain words
// stand in quotes, as in Go.
func readValues(t tb) (all []fieldValues) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(valuesFile))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		words := splitQuoted(t, line)
		all = append(all, fieldValues{words[0], words[1:]})
	}
	return all
}

// splitQuoted splits at blanks, but for those in quotes.
func splitQuoted(t tb, line string) (words []string) {
	t.Helper()
	for line != "" {
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			require.NoError(t, err, line)
			word, err := strconv.Unquote(quoted)
			require.NoError(t, err, line)
			words = append(words, word)
			line = strings.TrimLeft(line[len(quoted):], " ")
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words = append(words, word)
		line = strings.TrimLeft(rest, " ")
	}
	return words
}

// enumerate returns every operator with every value of testdata/values.txt, lists of
// neighbours, and orders by every field.
func enumerate(t tb) (all []query) {
	t.Helper()
	add := func(q *jql.Query, err error) {
		require.NoError(t, err)
		all = append(all, query{text: q.String(), now: usualNow, user: "ana"})
	}
	others := readValues(t)
	for n, f := range others {
		for _, op := range []string{"is", "is not"} {
			add(jql.Cond(f.field, op))
		}
		for i, v := range f.values {
			for _, op := range []string{"=", "!=", "<", "<=", ">", ">=", "~", "!~"} {
				operand := any(v)
				if strings.Contains(op, "~") {
					operand = jql.PlainText(v)
				}
				add(jql.Cond(f.field, op, operand))
			}
			next := f.values[(i+1)%len(f.values)]
			add(jql.Cond(f.field, "in", v, next))
			add(jql.Cond(f.field, "not in", v, next))
			add(jql.Bind("? IN (?, EMPTY)", f.field, v))
			add(jql.Bind("NOT ? = ?", f.field, v))
			add(jql.Bind("? > ? AND ? <= ?", f.field, v, f.field, next))
			g := others[(n+7+i)%len(others)]
			add(jql.Bind("? = ? OR NOT ? IN (?) AND ? IS NOT EMPTY", f.field, v, g.field, g.values[i%len(g.values)], f.field))
		}
		g := others[(n+3)%len(others)]
		add(jql.Bind("ORDER BY ?", f.field))
		add(jql.Bind("ORDER BY ? DESC", f.field))
		add(jql.Bind("ORDER BY ? DESC, ? ASC", g.field, f.field))
		add(jql.Bind("? IS NOT EMPTY ORDER BY ? ASC, ? DESC", f.field, f.field, g.field))
	}
	return all
}
