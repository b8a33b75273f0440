package command_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/command"
)

var update = flag.Bool("update", false, "write what the commands of testdata print")

// A script of testdata is files and then commands, each with what it prints:
//
//	-- visits.ndjson --
//	{"age": 3}
//	-- commands --
//	$ import -index visits $DIR/visits.ndjson < visits.ndjson
//	standard output
//	! standard error
//	exit 1
//
// The words of a command are apart by blanks, or in single quotes; $DIR is the directory of the files, and of the data.
// A word NAME=value in front of the command is a variable of the environment. A file is
// compressed if its name ends in .gz, and half of it is missing if it begins with cut. Besides the commands of the
// server there are cat FILE and ls, which show the files of the directory.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := play(t, string(text))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			}
			require.Equal(t, string(text), got)
		})
	}
}

// play runs a script, and returns it with what is printed now.
func play(t *testing.T, script string) string {
	dir := t.TempDir()
	files, commands, ok := strings.Cut(script, "-- commands --\n")
	require.True(t, ok)
	for _, part := range strings.Split("\n"+files, "\n-- ")[1:] {
		name, body, ok := strings.Cut(part, " --\n")
		require.True(t, ok)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), stored(t, name, body), 0o600))
	}
	var out strings.Builder
	out.WriteString(files + "-- commands --\n")
	for _, line := range strings.Split(commands, "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		case strings.HasPrefix(line, "$ "):
			out.WriteString(line + "\n" + strings.ReplaceAll(runLine(t, dir, line[2:]), dir, "$DIR"))
		}
	}
	return out.String()
}

func stored(t *testing.T, name, body string) []byte {
	b := []byte(body)
	if strings.HasSuffix(name, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, err := w.Write(b)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		b = z.Bytes()
	}
	if strings.HasPrefix(name, "cut") {
		b = b[:len(b)/2]
	}
	return b
}

func runLine(t *testing.T, dir, line string) string {
	words := split(strings.ReplaceAll(line, "$DIR", dir))
	env := map[string]string{"DHR_DATA": filepath.Join(dir, "data")}
	for len(words) > 0 && strings.Contains(words[0], "=") {
		name, value, _ := strings.Cut(words[0], "=")
		env[name], words = value, words[1:]
	}
	switch words[0] {
	case "cat":
		return shown(t, filepath.Join(dir, words[1]))
	case "ls":
		return list(t, dir)
	}
	in := ""
	if n := len(words); n > 2 && words[n-2] == "<" {
		b, err := os.ReadFile(filepath.Join(dir, words[n-1]))
		require.NoError(t, err)
		in, words = string(b), words[:n-2]
	}
	out, errs, code := run(t, env, strings.NewReader(in), words...)
	if errs != "" {
		out += "! " + strings.ReplaceAll(strings.TrimSuffix(errs, "\n"), "\n", "\n! ") + "\n"
	}
	if code != 0 {
		out += fmt.Sprintf("exit %d\n", code)
	}
	return out
}

// shown returns a file as it is, but for a byte-order mark, which is written as an escape.
func shown(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.ReplaceAll(string(b), "\ufeff", `\ufeff`)
}

// list returns the names of the files of a directory, also of hidden ones.
func list(t *testing.T, dir string) string {
	t.Helper()
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name()
	}
	return strings.Join(names, " ") + "\n"
}

// split returns words, which are apart by blanks unless they stand in single quotes.
func split(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// run runs a command, and returns what it prints and its exit code.
func run(t *testing.T, env map[string]string, in io.Reader, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	p := &command.Program{In: in, Out: &o, Errors: &e, Env: func(name string) string { return env[name] }, Version: "v0.0.0"}
	code = p.Run(t.Context(), args)
	return o.String(), e.String(), code
}
