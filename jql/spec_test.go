package jql

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the sections of testdata/*.txtar")

// A specCase is one case of the specification: a query, and sections that say
// what becomes of it. In a file the sections of a case are named
// "name of the case/section".
//
// Sections that are given are
//
//	query    the query, without the line end after it
//	quoted   the query as a Go string, if it holds what an editor would spoil
//	dialect  jira, for the jira dialect
//
// and all others are computed, see specSections. A case without any of these
// gets ast, canonical and plan, or errors, from -update.
type specCase struct {
	name     string
	sections []*specSection
}

type specSection struct{ name, text string }

// specSections compute the sections of a case. They return the text of the
// section, lines with their ends.
var specSections = map[string]func(*specCase) string{
	"ast":       specAST,
	"canonical": specCanonical,
	"plan":      specPlan,
	"errors":    specErrors,
}

// section returns the text of a section without the last line end, "" if
// there is none.
func (c *specCase) section(name string) string {
	for _, s := range c.sections {
		if s.name == name {
			return strings.TrimSuffix(s.text, "\n")
		}
	}
	return ""
}

// query returns the text of the query.
func (c *specCase) query() string {
	quoted := c.section("quoted")
	if quoted == "" {
		return c.section("query")
	}
	text, err := strconv.Unquote(quoted)
	if err != nil {
		panic(fmt.Sprintf("case %q: bad quoted section: %v", c.name, err))
	}
	return text
}

func (c *specCase) parse() (*Query, error) {
	return Parse(c.query(), &ParseOptions{Jira: c.section("dialect") == "jira"})
}

func specAST(c *specCase) string {
	q, err := c.parse()
	if err != nil {
		return "no query\n"
	}
	return sketch(q)
}

func specCanonical(c *specCase) string {
	q, err := c.parse()
	if err != nil {
		return "no query\n"
	}
	return q.String() + "\n"
}

func specErrors(c *specCase) string {
	_, err := c.parse()
	var list ErrorList
	if !errors.As(err, &list) {
		return "none\n"
	}
	text := list.Caret() + "\n"
	for _, e := range list {
		text += "code " + e.Code + "\n"
		if e.Suggestion != "" {
			text += "try " + inLine(e.Suggestion) + "\n"
		}
	}
	return text
}

// TestSpec checks every case of testdata/*.txtar.
func TestSpec(t *testing.T) { runSpec(t, "testdata/*.txtar", (*specCase).check) }

// runSpec checks the cases of files, and with -update writes them again.
func runSpec(t *testing.T, pattern string, check func(*specCase, *testing.T)) {
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	total := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		comment, cases := readSpec(t, string(text))
		total += len(cases)
		for _, c := range cases {
			t.Run(filepath.Base(file)+"/"+c.name, func(t *testing.T) { check(c, t) })
		}
		if *update {
			require.NoError(t, os.WriteFile(file, writeSpec(comment, cases), 0o600))
		}
	}
	require.NotZero(t, total)
	t.Logf("%d cases in %d files", total, len(files))
}

// check computes the sections of a case and compares them, or replaces them.
func (c *specCase) check(t *testing.T) {
	computed := 0
	for _, s := range c.sections {
		compute := specSections[s.name]
		if compute == nil {
			require.Contains(t, []string{"query", "quoted", "dialect"}, s.name, "unknown section")
			continue
		}
		computed++
		got := compute(c)
		if *update {
			s.text = got
		}
		require.Equal(t, s.text, got, "section %s of %q", s.name, c.query())
	}
	q, err := c.parse()
	if computed == 0 && *update {
		names := []string{"ast", "canonical", "plan"}
		if err != nil {
			names = []string{"errors"}
		}
		for _, name := range names {
			c.sections = append(c.sections, &specSection{name, specSections[name](c)})
		}
		computed++
	}
	require.NotZero(t, computed, "the case checks nothing; run with -update")
	if err == nil {
		requireFixedPoint(t, q)
	}
}

// requireFixedPoint checks that what a query prints reads as the same query in
// both dialects, or in Jira's alone if only that one takes the query.
func requireFixedPoint(t testing.TB, q *Query) {
	t.Helper()
	text := q.String()
	for _, jira := range []bool{false, true} {
		if _, err := Parse(q.Text, nil); !jira && err != nil {
			continue
		}
		again, err := Parse(text, &ParseOptions{Jira: jira, MaxLength: 8 << 20, MaxDepth: 1000, MaxNodes: 1 << 30})
		require.NoError(t, err, "canonical text %q of %q, jira %v", text, q.Text, jira)
		require.Equal(t, text, again.String(), "not a fixed point: %q", q.Text)
		require.Equal(t, meaning(q), meaning(again), "another tree: %q and %q", q.Text, text)
		// The printer that lays out must put everything where the parser finds it.
		laid := &Query{Where: clone(q.Where), Order: cloneOrder(q.Order)}
		laid.layOut()
		require.Equal(t, sketch(again), sketch(laid), "laid out: %q", text)
	}
}

// readSpec reads a file of cases in the txtar format: a comment, then sections
// that each begin with a line "-- name --".
func readSpec(t *testing.T, text string) (comment string, cases []*specCase) {
	var section *specSection
	byName := map[string]*specCase{}
	for _, line := range strings.SplitAfter(text, "\n") {
		name, isHeader := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-- ")
		if isHeader {
			name, isHeader = strings.CutSuffix(name, " --")
		}
		switch {
		case isHeader:
			i := strings.LastIndexByte(name, '/')
			require.Positive(t, i, "bad section name %q", name)
			c := byName[name[:i]]
			if c == nil {
				c = &specCase{name: name[:i]}
				byName[c.name] = c
				cases = append(cases, c)
			}
			require.Same(t, c, cases[len(cases)-1], "case %q occurs twice", c.name)
			section = &specSection{name: name[i+1:]}
			c.sections = append(c.sections, section)
		case section == nil:
			comment += line
		default:
			section.text += line
		}
	}
	return comment, cases
}

func writeSpec(comment string, cases []*specCase) []byte {
	var b bytes.Buffer
	b.WriteString(comment)
	for _, c := range cases {
		for _, s := range c.sections {
			fmt.Fprintf(&b, "-- %s/%s --\n%s", c.name, s.name, s.text)
		}
	}
	return b.Bytes()
}
