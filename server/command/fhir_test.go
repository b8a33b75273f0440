package command_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/fhir/fhirtest"
)

var fhirBlocks = regexp.MustCompile("(?ms)^```(yaml|ndjson|bash)\n(.*?)^```$")

// freePort returns a port that is free now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

// fhirPage is what docs/fhir.md has of the whole flow: its files and its commands, for a server at another port.
func fhirPage(t *testing.T, port string) (files map[string]string, script string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "fhir.md"))
	require.NoError(t, err)
	files = map[string]string{}
	for _, b := range fhirBlocks.FindAllStringSubmatch(string(text), -1) {
		body := strings.ReplaceAll(b[2], "127.0.0.1:3000", "127.0.0.1:"+port)
		switch b[1] {
		case "bash":
			script += body
		case "ndjson":
			files["patients.ndjson"] = body
		default:
			name, ok := strings.CutPrefix(strings.SplitN(body, "\n", 2)[0], "# ")
			require.True(t, ok, "a block of YAML says which file it is")
			files[name] = body
		}
	}
	return files, script
}

// openFHIR writes the files of docs/fhir.md into a directory and starts a server with them, for a client whose public key is there.
func openFHIR(t *testing.T, dir, port string, files map[string]string) *served {
	t.Helper()
	at := func(name string) string { return filepath.ToSlash(filepath.Join(dir, name)) }
	files["application.yml"] = strings.NewReplacer("clinic.yaml", at("clinic.yaml"), "research.pub", at("research.pub")).Replace(files["application.yml"])
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	data := filepath.Join(dir, "data")
	_, errs, code := run(t, map[string]string{"DHR_DATA": data}, nil, "import", "-index", "clinic-patients", at("patients.ndjson"))
	require.Zero(t, code, errs)
	return serve(t, data, map[string]string{"SERVER_PORT": port}, "-config", at("application.yml"))
}

// What docs/fhir.md shows is what happens, from the key of the client to the last answer.
func TestFHIRDocs(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s to run the document's lines with", program)
		}
	}
	dir, port := t.TempDir(), freePort(t)
	files, script := fhirPage(t, port)
	makeKey, flow, ok := strings.Cut(script, "base=")
	require.True(t, ok)
	shell := func(text string) string {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", "-euo", "pipefail", "-c", text)
		cmd.Dir = dir
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		require.NoError(t, cmd.Run(), "%s%s", &out, &errs)
		return out.String()
	}
	shell(makeKey)
	s := openFHIR(t, dir, port, files)
	defer s.stop()
	got := strings.Split(strings.TrimSpace(shell("base="+flow)), "\n")
	require.Len(t, got, 6, "%q", got)
	require.Regexp(t, `^"transactionTime":"20\d\d-`, got[0])
	require.Contains(t, got[1], `"id":"A1"`)
	require.Contains(t, got[2], `"id":"A2"`)
	require.Equal(t, []string{"202", "404", "202"}, got[3:])
}

// The configuration of docs/fhir.md, with what the test client does: it is found at the root of the origin also where the server has a path of its own.
func TestFHIRServer(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]string{"at the root": "", "under a path": "/dhr"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, port := t.TempDir(), freePort(t)
			files, _ := fhirPage(t, port)
			key, err := fhirtest.NewKey("ES384", "k1")
			require.NoError(t, err)
			files["research.pub"] = string(key.JWKS())
			if base != "" {
				files["application.yml"] = strings.ReplaceAll(files["application.yml"], "127.0.0.1:"+port, "127.0.0.1:"+port+base) + fmt.Sprintf("server: {base_path: %s}\n", base)
			}
			s := openFHIR(t, dir, port, files)
			defer s.stop()
			c := &fhirtest.Client{Base: "http://127.0.0.1:" + port + base + "/fhir/r4", ID: "research", Key: key}
			got, err := c.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient})
			require.NoError(t, err)
			require.Equal(t, map[string]int64{"Patient": 3}, got.Count)
			got, err = c.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Group("pune"), Post: true})
			require.NoError(t, err)
			require.Equal(t, map[string]bool{"A1": true, "A2": true}, got.IDs["Patient"])
		})
	}
}

// Mistakes in the section fhir are told when the server begins, each with its place.
func TestFHIRMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "application.yml")
	mappings := filepath.Join(dir, "m.yaml")
	require.NoError(t, os.WriteFile(mappings, []byte("mappings:\n  - {name: a, index: b, type: Patiant}\n"), 0o600))
	for text, says := range map[string]string{
		"fhir: {mappings: [" + filepath.ToSlash(mappings) + "]}":                                         "m.yaml:2",
		"fhir: {mappings: [no-such-file.yaml]}":                                                          "no-such-file.yaml",
		"fhir: {smart: {clients: [{id: a, jwks: '{}', scopes: [system/*.rs], tenant: default}]}}":        "auth.mode",
		"fhir: {smart: {clients: [{id: a, scopes: [system/*.rs], tenant: default}]}}":                    "jwks_url, jwks_file and jwks",
		"fhir: {groups: [{id: 'a b', jql: x}]}":                                                          `"a b"`,
		"fhir: {groups: [{id: a, jql: x, members: [b]}]}":                                                "either jql or members",
		"fhir: {public_url: dhr.example.org}":                                                            "fhir.public_url",
		"auth: {mode: keys}\nfhir: {smart: {clients: [{id: a, jwks: x, scopes: [s], tenant: default}]}}": "fhir.public_url",
		"auth: {mode: keys}\nfhir: {public_url: 'https://a.example.org', smart: {clients: [{id: a, jwks: '{\"keys\": []}', scopes: [system/*.rs], tenant: default}]}}":              "fhir.smart.clients[0]",
		"auth: {mode: keys}\nfhir: {public_url: 'https://a.example.org', smart: {clients: [{id: a, jwks_url: 'http://keys.example.org', scopes: [system/*.rs], tenant: default}]}}": "https",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, errs, code := run(t, map[string]string{"DHR_DATA": filepath.Join(dir, "data"), "SERVER_PORT": "0", "DHR_SAMPLE_LOAD": "never"}, nil, "serve", "-config", file)
		require.NotZero(t, code, text)
		require.Contains(t, errs, says, text)
	}
}
