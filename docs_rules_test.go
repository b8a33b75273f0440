package dhr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// As in deps_rules_test.go: made-up documents show that docs_test.go complains
// when a document is wrong, and only then.

func document(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

func TestBlocksAreFound(t *testing.T) {
	t.Parallel()
	got, err := blocks("d.md", document(
		"Prose.",
		"```go",
		"package main",
		"```",
		"which prints",
		"```text output",
		"hello",
		"```",
		"<!-- unseen:",
		"```go",
		"nonsense",
		"```",
		"-->",
		"````sh",
		"# a comment",
		"go run ./examples/a \\",
		"  -x 'y'",
		"go test ./...",
		"```",
		"````",
		"```text",
		"no output",
		"```",
	))
	require.NoError(t, err)
	require.Equal(t, []block{
		{
			file: "d.md", line: 3, info: "go", text: "package main\n",
			output: &block{file: "d.md", line: 7, info: "text output", text: "hello\n"},
		},
		{file: "d.md", line: 15, info: "sh", text: "# a comment\ngo run ./examples/a \\\n  -x 'y'\ngo test ./...\n```\n"},
		{file: "d.md", line: 22, info: "text", text: "no output\n"},
	}, got)
	require.Equal(t, []string{"go run ./examples/a   -x 'y'"}, got[1].commands())
}

func TestBadDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, want string
	}{
		{"never closed", document("", "```go", "package main"), "d.md:2: this block is never closed"},
		{"output of nothing", document("```text output", "hello", "```"), "follows nothing that is run"},
		{"output of a library", document("```go", "package a", "```", "```text output", "hello", "```"), "follows nothing that is run"},
		{"output of a command that is not run", document("```sh", "go run ./examples/a", "date", "```", "```text output", "hello", "```"), "follows nothing that is run"},
		{"two outputs", document("```sh", "go run ./examples/a", "```", "```text output", "```", "```text output", "```"), "follows nothing that is run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := blocks("d.md", c.text)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestBlocksAreChecked(t *testing.T) {
	t.Parallel()
	user := userModule(t)
	hello := []string{"```go", "package main", "", `import "fmt"`, "", `func main() { fmt.Println("hello") }`, "```"}
	printing := func(output ...string) string {
		return document(append(append(hello, "```text output"), append(output, "```")...)...)
	}
	for _, c := range []struct {
		name, text string
		want       string // of the error, or "" for none
	}{
		{"a program", printing("hello"), ""},
		{"blanks at the end", printing("hello  ", ""), ""},
		{"another output", printing("hallo"), "d.md:9: the block before prints\nhello\nand not\nhallo"},
		{"more output", printing("hello", "again"), "and not\nhello\nagain"},
		{"no output shown", document(hello...), ""},
		{"a failing program", document("```go", "package main", "", `func main() { panic("no") }`, "```"), "panic: no"},
		{"declarations", document("```go", `import "io"`, "", "type Sink interface{ io.Writer }", "```"), ""},
		{"an unknown name", document("```go", "type A nothing", "```"), "d.md:2: undefined: nothing"},
		{"no Go", document("```go", "select from", "```"), "d.md:2"},
		{"not formatted", document("```go", "var  A = 1", "```"), "gofmt would write\nvar A = 1"},
		{"an unknown package of ours", document("```go", `import _ "`+module+`/nowhere"`, "```"), "nowhere"},
		{"an unknown example", document("```sh", "go run ./examples/nowhere", "```"), "nowhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all, err := blocks("d.md", c.text)
			require.NoError(t, err)
			require.Len(t, all, 1)
			err = all[0].check(t.Context(), user)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
