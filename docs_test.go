package dhr_test

import (
	"bytes"
	"context"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What README.md and docs/*.md show is compiled and run here, so that it stays
// true. Of their fenced blocks,
//
//   - go is compiled as a whole file, in a module of its own that imports this
//     one as a user would. Without a package clause it gets one, so that it may
//     hold declarations. A program (package main) is also run.
//   - sh lines that begin with "go run ./examples" are run at the module's root.
//   - text output, following one of these, is what it prints, on standard
//     output and standard error together. What a reader sees is compared;
//     blanks at the ends of lines are not.
//   - sh that is "go run ./server" starts the server, on another port and with a new directory
//     of data. sh whose lines all begin with "curl", or with "go run ./server" and a command that works
//     beside it, asks it, in the order of the document. What
//     the server prints on standard output and what it answers follows as text output, or as json output, which may be laid out
//     for reading. There … stands for what differs from one time to the next.
//
// Blocks inside HTML comments are not shown to readers and not looked at.

// A block is one fenced block of a Markdown file.
type block struct {
	file   string
	line   int    // of its first line of text
	info   string // what follows the opening fence
	text   string
	output *block // the output that follows, or nil
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.file, b.line) }

var (
	fence    = regexp.MustCompile("^(`{3,}) *(.*?) *$")
	comments = regexp.MustCompile(`(?s)<!--.*?-->`)
)

// blocks returns the fenced blocks of a Markdown text, each with its output.
func blocks(file, markdown string) ([]block, error) {
	// A comment leaves its line ends, so that the lines after it keep their numbers.
	markdown = comments.ReplaceAllStringFunc(markdown, func(c string) string {
		return strings.Repeat("\n", strings.Count(c, "\n"))
	})
	var all []block
	open, opened := "", 0
	for i, line := range strings.Split(markdown, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open == "" && m != nil:
			open, opened = m[1], i+1
			all = append(all, block{file: file, line: i + 2, info: m[2]})
		case open != "" && m != nil && len(m[1]) >= len(open) && m[2] == "":
			open = ""
		case open != "":
			all[len(all)-1].text += line + "\n"
		}
	}
	if open != "" {
		return nil, fmt.Errorf("%s:%d: this block is never closed", file, opened)
	}
	return withOutputs(all)
}

// withOutputs moves each output to the block before it.
func withOutputs(all []block) ([]block, error) {
	var kept []block
	for _, b := range all {
		if b.info != "text output" && b.info != "json output" {
			kept = append(kept, b)
			continue
		}
		if len(kept) == 0 || kept[len(kept)-1].output != nil || !kept[len(kept)-1].runs() {
			return nil, fmt.Errorf("%s: this output follows nothing that is run", b)
		}
		if b.info == "json output" && !kept[len(kept)-1].asks() {
			return nil, fmt.Errorf("%s: what stands before is no question to the server, whose answer this could be", b)
		}
		kept[len(kept)-1].output = &b
	}
	return kept, nil
}

func (b block) isProgram() bool {
	return b.info == "go" && regexp.MustCompile(`(?m)^package main$`).MatchString(b.text)
}

// runs reports whether running the block is what gives its whole output.
func (b block) runs() bool {
	if b.serves() || b.asks() {
		return true
	}
	if b.info == "sh" {
		commands := b.commands()
		return len(commands) > 0 && len(commands) == len(commandLines(b.text))
	}
	return b.isProgram()
}

// commands returns the commands of a sh block that are run.
func (b block) commands() []string {
	var all []string
	for _, line := range commandLines(b.text) {
		if strings.HasPrefix(line, "go run ./examples") {
			all = append(all, line)
		}
	}
	return all
}

// commandLines returns the commands of a shell text, with continued lines joined: those that end in a
// backslash, and those within quotation marks.
func commandLines(text string) []string {
	var all []string
	command, within := "", rune(0)
	for _, line := range strings.Split(strings.ReplaceAll(text, "\\\n", ""), "\n") {
		if within == 0 {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
		}
		for _, c := range line {
			switch {
			case c == within:
				within = 0
			case within == 0 && (c == '\'' || c == '"'):
				within = c
			}
		}
		command += line
		if within != 0 {
			command += "\n"
			continue
		}
		all, command = append(all, command), ""
	}
	if command != "" {
		all = append(all, command)
	}
	return all
}

func TestDocs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	user := userModule(t)
	for _, file := range append(files, "README.md") {
		markdown, err := os.ReadFile(file)
		require.NoError(t, err)
		all, err := blocks(file, string(markdown))
		require.NoError(t, err)
		for _, b := range all {
			if b.info != "go" && len(b.commands()) == 0 {
				continue
			}
			t.Run(b.String(), func(t *testing.T) {
				t.Parallel()
				require.NoError(t, b.check(t.Context(), user))
			})
		}
	}
}

// userModule makes a module that requires this one where it stands, with the
// same dependencies, so that nothing needs to be fetched. It returns its directory.
func userModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(".")
	require.NoError(t, err)
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	text, found := strings.CutPrefix(string(mod), "module "+module+"\n")
	require.True(t, found, "go.mod does not begin with the module's path")
	text = fmt.Sprintf("module docs.example\n%s\nrequire %s v0.0.0\nreplace %s => %q\n", text, module, module, root)

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	sum, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
	return dir
}

// check runs the block in the module of a user and compares its output.
func (b block) check(ctx context.Context, user string) error {
	if b.info == "go" {
		return b.checkGo(ctx, user)
	}
	var printed string
	for _, command := range b.commands() {
		// Building first keeps what the go command says of its own work out of the output.
		if out, err := run(ctx, ".", "go", "build", "-o", os.DevNull, strings.Fields(command)[2]); err != nil {
			return fmt.Errorf("%s: %w\n%s", b, err, out)
		}
		out, err := run(ctx, ".", "sh", "-c", command)
		// A failure may be what is shown: then the output ends with "exit status".
		if err != nil && b.output == nil {
			return fmt.Errorf("%s: %s: %w\n%s", b, command, err, out)
		}
		printed += out
	}
	return b.compare(printed)
}

func (b block) checkGo(ctx context.Context, user string) error {
	text := b.text
	if pretty, err := format.Source([]byte(text)); err != nil {
		return fmt.Errorf("%s: %w", b, err)
	} else if string(pretty) != text {
		return fmt.Errorf("%s: gofmt would write\n%s", b, pretty)
	}
	if !regexp.MustCompile(`(?m)^package \w`).MatchString(text) {
		text = "package docs; " + text
	}
	dir, err := os.MkdirTemp(user, "block")
	if err != nil {
		return err
	}
	// The compiler then complains about lines of the document.
	text = fmt.Sprintf("//line %s:%d\n%s", filepath.Base(b.file), b.line, text)
	if err := os.WriteFile(filepath.Join(dir, "block.go"), []byte(text), 0o600); err != nil {
		return err
	}
	program := filepath.Join(dir, "program.exe")
	if out, err := run(ctx, dir, "go", "build", "-mod=readonly", "-o", program, "."); err != nil {
		return fmt.Errorf("%s: %w\n%s", b, err, out)
	}
	if !b.isProgram() {
		return nil
	}
	out, err := run(ctx, dir, program)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", b, err, out)
	}
	return b.compare(out)
}

func (b block) compare(printed string) error {
	if b.output == nil {
		return nil
	}
	if got, want := trimmed(printed), trimmed(b.output.text); got != want {
		return fmt.Errorf("%s: the block before prints\n%s\nand not\n%s", b.output, got, want)
	}
	return nil
}

// trimmed returns text without blanks at the ends of its lines and without empty lines at its end.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// run returns what a command prints, on standard output and standard error together.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.Env = append(os.Environ(), "GOWORK=off")
	err := cmd.Run()
	return out.String(), err
}
