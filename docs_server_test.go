package dhr_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The blocks of a document that ask a server are run here: docs_test.go says which these are.

// documented is where documents say that the server is.
const documented = "127.0.0.1:3000"

// serves reports whether the block starts the server.
func (b block) serves() bool {
	commands := commandLines(b.text)
	return b.info == "sh" && len(commands) == 1 && commands[0] == "go run ./server"
}

// beside is how commands begin that work on the server's data beside it.
var beside = regexp.MustCompile(`^go run ./server (?:import|query|audit) `)

// asks reports whether the block asks the server, or works on its data, and does nothing else.
func (b block) asks() bool {
	commands := commandLines(b.text)
	for _, c := range commands {
		if !beside.MatchString(c) && (!strings.HasPrefix(c, "curl ") || !strings.Contains(c, documented)) {
			return false
		}
	}
	return b.info == "sh" && len(commands) > 0
}

func TestServerInDocs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl to run the documents' lines with")
	}
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	program := sync.OnceValues(func() (string, error) {
		file := filepath.Join(t.TempDir(), "server.exe")
		out, err := run(t.Context(), ".", "go", "build", "-o", file, "./server")
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return file, err
	})
	asked := 0
	for _, file := range append(files, "README.md") {
		markdown, err := os.ReadFile(file)
		require.NoError(t, err)
		all, err := blocks(file, string(markdown))
		require.NoError(t, err)
		var s *running
		for _, b := range all {
			if b.info == "yaml" && file == "README.md" { // those of docs may be parts, or have their own test
				built, err := program()
				require.NoError(t, err)
				require.NoError(t, b.checkConfiguration(t.Context(), built, t.TempDir()))
			}
			if !b.serves() && !b.asks() {
				continue
			}
			if s == nil { // each document begins with a new server, and leaves in it what it says
				built, err := program()
				require.NoError(t, err)
				s = startServer(t, built)
			}
			asked++
			require.NoError(t, b.checkAt(t.Context(), s))
		}
	}
	require.Positive(t, asked, "no document asks a server")
}

// checkConfiguration has the server read the block as its configuration.
func (b block) checkConfiguration(ctx context.Context, program, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "application.yml"), []byte(b.text), 0o600); err != nil {
		return err
	}
	if out, err := run(ctx, dir, program, "config", "check", "-config", "application.yml"); err != nil {
		return fmt.Errorf("%s: %w\n%s", b, err, out)
	}
	return nil
}

// running is a server that was started.
type running struct {
	address string
	greeted string // what it printed on standard output when it was ready
	program string
	data    string // its directory of data
	id      string // of the last answer that has one
}

// startServer starts the server with nothing but its sample, on a free port and with a directory of its own; it ends with the test.
func startServer(t *testing.T, program string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	cmd := exec.CommandContext(ctx, program, "-addr", "127.0.0.1:0")
	cmd.Dir = t.TempDir() // ./dhr-data is made here
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DHR_") && !strings.HasPrefix(v, "SERVER_PORT=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s, err := greeting(out)
	s.program, s.data = program, filepath.Join(cmd.Dir, "dhr-data")
	if err != nil {
		cancel()
		_ = cmd.Wait()
		require.NoError(t, err, "%s", &log)
	}
	t.Cleanup(func() {
		defer cancel()
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), "the server did not end well: %s", &log)
	})
	return s
}

// greeting reads what a server prints until it is ready.
func greeting(out io.Reader) (*running, error) {
	s := &running{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.greeted += lines.Text() + "\n"
		if _, at, ok := strings.Cut(lines.Text(), " is at http://"); ok {
			s.address = at
		}
		if strings.HasPrefix(lines.Text(), "  sign-in:") { // the last line
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return s, nil
		}
	}
	return s, errors.Join(lines.Err(), errors.New("the server has ended without a greeting, which was so far:\n"+s.greeted))
}

// checkAt runs the block's commands against a server, and compares what is answered.
func (b block) checkAt(ctx context.Context, s *running) error {
	printed := s.greeted
	if !b.serves() {
		printed = ""
		for _, command := range commandLines(b.text) {
			dir, line := s.line(command)
			out, err := run(ctx, dir, "sh", "-c", line)
			if err != nil {
				return fmt.Errorf("%s: %s: %w\n%s", b, command, err, out)
			}
			if m := answered.FindStringSubmatch(out); m != nil {
				s.id = m[1]
			}
			printed += out
		}
	}
	printed = strings.ReplaceAll(printed, s.address, documented)
	if b.output == nil {
		return nil
	}
	if !resembles(b.output.text, printed, b.output.info == "json output") {
		return fmt.Errorf("%s: the server answers\n%s\nand not\n%s", b.output, trimmed(printed), trimmed(b.output.text))
	}
	return nil
}

// answered is an answer of one thing that has an id, named a place where the document shows that of the answer before, and stores
// the flag of a command that keeps an answer.
var (
	stores   = regexp.MustCompile(` -[oO]`)
	answered = regexp.MustCompile(`^\{(?:"\w+":\[\{)?"id":"([^"]+)"`) // of a thing, or of the first of a list
	named    = regexp.MustCompile(`/ID\b`)
)

// line is a command of a document for this server, and where it is run: what it stores is nothing to keep.
func (s *running) line(command string) (dir, line string) {
	if m := beside.FindString(command); m != "" { // the flags stand before everything else
		return ".", fmt.Sprintf("'%s' %s -data '%s' %s", s.program, strings.Fields(m)[3], s.data, command[len(m):])
	}
	command = named.ReplaceAllString(strings.ReplaceAll(command, documented, s.address), "/"+s.id)
	flags := "-sS"
	if stores.MatchString(command) {
		flags += "f" // a problem is no file
	}
	return filepath.Dir(s.data), "curl " + flags + strings.TrimPrefix(command, "curl")
}

// space is white space in JSON outside of strings, or a string.
var space = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\s+`)

// resembles reports whether a text is as shown, where … stands for anything within a line. If it is JSON, it may be
// laid out otherwise.
func resembles(shown, text string, json bool) bool {
	tidy := trimmed
	if json {
		tidy = func(s string) string {
			return space.ReplaceAllStringFunc(s, strings.TrimSpace)
		}
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(tidy(shown)), "…", ".*")
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(tidy(text))
}
