package dhr_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// As in docs_rules_test.go: made-up documents show that docs_server_test.go complains
// when an answer is another one, and only then.

func TestBlocksOfServersAreFound(t *testing.T) {
	t.Parallel()
	got, err := blocks("d.md", document(
		"```sh",
		"go run ./server",
		"```",
		"```text output",
		"DHR … is at http://127.0.0.1:3000",
		"```",
		"```sh",
		"curl 127.0.0.1:3000/a -d '{",
		`  "b": 1}' \`,
		"  -i",
		"curl '127.0.0.1:3000/b'",
		"```",
		"```json output",
		"{}",
		"```",
		"```sh",
		"curl https://example.org",
		"go run ./server -es http://localhost:9200",
		"```",
	))
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.True(t, got[0].serves() && !got[0].asks() && got[0].output.line == 5)
	require.True(t, got[1].asks() && !got[1].serves() && got[1].output.line == 14)
	require.Equal(t, []string{"curl 127.0.0.1:3000/a -d '{\n  \"b\": 1}'   -i", "curl '127.0.0.1:3000/b'"}, commandLines(got[1].text))
	require.True(t, block{info: "sh", text: "go run ./server import -index a b\ncurl 127.0.0.1:3000/v1/me\n"}.asks())
	require.False(t, block{info: "sh", text: "go run ./server -addr 127.0.0.1:3000\n"}.asks())
	s := &running{program: "/p", data: "/d/data", address: "127.0.0.1:9", id: "abc"}
	for command, want := range map[string][2]string{
		"go run ./server import -index a b":                  {".", "'/p' import -data '/d/data' -index a b"},
		"curl 127.0.0.1:3000/v1/me":                          {"/d", "curl -sS 127.0.0.1:9/v1/me"},
		"curl 127.0.0.1:3000/v1/exports/ID/files/1 -o a.csv": {"/d", "curl -sSf 127.0.0.1:9/v1/exports/abc/files/1 -o a.csv"},
		"curl 127.0.0.1:3000/v1/filters/ID -d IDENTITY":      {"/d", "curl -sS 127.0.0.1:9/v1/filters/abc -d IDENTITY"},
	} {
		dir, line := s.line(command)
		require.Equal(t, want, [2]string{dir, line})
	}
	require.False(t, got[2].asks() || got[2].serves() || got[2].runs())

	_, err = blocks("d.md", document("```sh", "go run ./examples/a", "```", "```json output", "{}", "```"))
	require.ErrorContains(t, err, "no question to the server")
}

func TestAnswersAreCompared(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl to run the documents' lines with")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"at":"http://%s%s","text":"a  b","n":[1,2]}`+"\n", r.Host, r.URL.Path)
	}))
	t.Cleanup(server.Close)
	s := &running{address: strings.TrimPrefix(server.URL, "http://"), greeted: "DHR v7 is at " + server.URL + "\n"}
	for _, c := range []struct{ name, asked, kind, shown, want string }{
		{"as it is", "curl 127.0.0.1:3000/x", "text", `{"at":"http://127.0.0.1:3000/x","text":"a  b","n":[1,2]}`, ""},
		{"laid out", "curl 127.0.0.1:3000/x", "json", `{` + "\n" + ` "at": "http://127.0.0.1:3000/x", "text": "a  b", "n": [1, 2]` + "\n" + `}`, ""},
		{"laid out, but no JSON", "curl 127.0.0.1:3000/x", "text", `{"at": "http://127.0.0.1:3000/x","text":"a  b","n":[1,2]}`, "d.md:5: the server answers"},
		{"a text is laid out", "curl 127.0.0.1:3000/x", "json", `{"at": "http://127.0.0.1:3000/x", "text": "a b", "n": [1, 2]}`, "d.md:5: the server answers"},
		{"what differs", "curl 127.0.0.1:3000/x", "json", `{"at": "…", "text": "a  b", "n": […, 2]}`, ""},
		{"another number", "curl 127.0.0.1:3000/x", "json", `{"at": "…", "text": "a  b", "n": [1, 3]}`, `{"at":"http://127.0.0.1:3000/x","text":"a  b","n":[1,2]}`},
		{"less", "curl 127.0.0.1:3000/x", "json", `{"at": "…", "text": "a  b"`, "and not"},
		{"two", "curl 127.0.0.1:3000/x\ncurl 127.0.0.1:3000/y", "text", "…/x…\n…/y…", ""},
		{"no curl of that kind", "curl --nosuch 127.0.0.1:3000/x", "text", "", "d.md:2: curl --nosuch"},
		{"the greeting", "go run ./server", "text", "DHR … is at http://127.0.0.1:3000", ""},
		{"another greeting", "go run ./server", "text", "DHR … is at http://127.0.0.1:3001", "DHR v7 is at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all, err := blocks("d.md", document("```sh", c.asked, "```", "```"+c.kind+" output", c.shown, "```"))
			require.NoError(t, err)
			require.Len(t, all, 1)
			err = all[0].checkAt(t.Context(), s)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
