package sample_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/sample"
)

var update = flag.Bool("update", false, "write the numbers of docs/sample-data.md")

const page = "../../docs/sample-data.md"

// thousands writes a number as the page does.
func thousands(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// The page says how many records there are, and gives questions with the number of their answers.
func TestPageIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	got := string(text)
	questions, indexes := 0, 0
	got = regexp.MustCompile("(?m)^\\| `(.+)` \\| `([^`]+)` \\| [0-9,]+ \\|$").ReplaceAllStringFunc(got, func(line string) string {
		m := strings.Split(line, " | ")
		questions++
		n := count(t, strings.Trim(m[0], "|` "), strings.Trim(m[1], "`"))
		require.Positive(t, n, line)
		return m[0] + " | " + m[1] + " | " + thousands(n) + " |"
	})
	total := int64(0)
	for _, index := range sample.Indexes() {
		n := count(t, "", index)
		total += n
		row := regexp.MustCompile("(?m)^\\| `" + index + "` \\| [0-9,]+ \\|")
		indexes += len(row.FindAllString(got, -1))
		got = row.ReplaceAllString(got, "| `"+index+"` | "+thousands(n)+" |")
	}
	got = regexp.MustCompile(`ask about: [0-9,]+ of them`).ReplaceAllString(got, "ask about: "+thousands(total)+" of them")
	require.Equal(t, 10, questions)
	require.Equal(t, len(sample.Indexes()), indexes)
	require.GreaterOrEqual(t, total, int64(60_000))
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(got), 0o600))
		return
	}
	require.Equal(t, string(text), got, "go test ./server/sample -update")
}

func TestFiltersFindSomething(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, f := range sample.Filters() {
		require.NotEmpty(t, f.Description)
		require.False(t, names[f.Name], f.Name)
		names[f.Name] = true
		n := count(t, f.JQL, f.Indexes...)
		t.Log(f.Name, n)
		require.Positive(t, n, f.Name)
	}
	require.GreaterOrEqual(t, len(names), 8)
}
