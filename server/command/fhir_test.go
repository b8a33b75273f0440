package command_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/auth/jwtauth"
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

// What scopes open that another issuer gave, where the configuration says that they count, and where it does not.
func TestFHIRScopesOfIssuers(t *testing.T) {
	t.Parallel()
	const secret = "a-secret-of-32-bytes-or-more-of-the-test"
	for name, x := range map[string]struct {
		claims string
		want   map[string][2]int // by scope: of FHIR, and of queries
	}{
		"they count": {", claims: {attributes: {smart_scope: scope}}", map[string][2]int{
			"system/*.rs": {202, 403}, "profile system/Patient.rs email": {202, 403}, "system/Observation.rs": {403, 403}, "patient/*.rs": {403, 403}, "openid profile": {403, 200}, "": {202, 200},
		}},
		"they do not": {"", map[string][2]int{"system/*.rs": {202, 200}, "openid profile": {202, 200}, "": {202, 200}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, port := t.TempDir(), freePort(t)
			files, _ := fhirPage(t, port)
			_, roles, _ := strings.Cut(files["application.yml"], "roles:")
			roles, _, _ = strings.Cut(roles, "fhir:")
			files["application.yml"] = fmt.Sprintf("auth: {mode: jwt, jwt: {secret: %s%s}}\nroles:%sfhir: {mappings: [clinic.yaml]}\n", secret, x.claims, roles)
			s := openFHIR(t, dir, port, files)
			defer s.stop()
			for scope, want := range x.want {
				claims := m{"iss": "idp", "sub": "machine", "tenant": "default", "roles": []string{"RESEARCH"}, "exp": time.Now().Add(time.Hour).Unix(), "scope": scope}
				if scope == "" {
					delete(claims, "scope")
				}
				token, err := jwtauth.Sign([]byte(secret), "JWT", claims)
				require.NoError(t, err)
				got, answer := s.ask("GET", "/fhir/r4/$export?_type=Patient", nil, "Authorization", "Bearer "+token)
				require.Equal(t, want[0], got.StatusCode, "%q: %v", scope, answer)
				got, answer = s.ask("GET", "/v1/query?jql=district+%3D+Pune", nil, "Authorization", "Bearer "+token)
				require.Equal(t, want[1], got.StatusCode, "%q: %v", scope, answer)
			}
		})
	}
}

// handshake speaks one version of TLS with a server, or says why that speaks none of it.
func handshake(t *testing.T, host string, trust *x509.CertPool, version uint16) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d := &tls.Dialer{Config: &tls.Config{RootCAs: trust, MinVersion: version, MaxVersion: version}}
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	got := c.(*tls.Conn).ConnectionState().Version //nolint:forcetypeassert // it is one
	require.Equal(t, version, got)
	return c.Close()
}

// The rows of Inferno about TLS, of a server as it is configured: what a client is told to ask for FHIR, for files and for tokens speaks TLS 1.2 and 1.3, and not
// what was before; and with either of them all of an export works.
func TestInfernoTLSOfServers(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	cert, private, trust := certificate(t, dir)
	files, _ := fhirPage(t, port)
	key, err := fhirtest.NewKey("ES384", "k1")
	require.NoError(t, err)
	files["research.pub"] = string(key.JWKS())
	files["application.yml"] = strings.ReplaceAll(files["application.yml"], "http://127.0.0.1:"+port, "https://127.0.0.1:"+port) +
		fmt.Sprintf("server: {tls: {cert_file: %q, key_file: %q}}\n", filepath.ToSlash(cert), filepath.ToSlash(private))
	s := openFHIR(t, dir, port, files)
	defer s.stop()
	hosts := map[string]string{}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, MinVersion: version, MaxVersion: version}}
		c := &fhirtest.Client{Base: "https://127.0.0.1:" + port + "/fhir/r4", ID: "research", Key: key, HTTP: &http.Client{Transport: transport}}
		got, err := c.Export(t.Context(), &fhirtest.Request{Level: fhirtest.Patient})
		require.NoError(t, err, tls.VersionName(version))
		require.Equal(t, map[string]int64{"Patient": 3}, got.Count)
		hosts["bulk_data_server_tls_version_stu2"] = hostOf(t, got.Status)
		var manifest struct{ Output []struct{ URL string } }
		require.NoError(t, json.Unmarshal(got.Manifests[0], &manifest))
		hosts["bulk_file_server_tls_version"] = hostOf(t, manifest.Output[0].URL)
		transport.CloseIdleConnections()
	}
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}}
	_, discovered := s.ask("GET", "/.well-known/smart-configuration", nil)
	hosts["smart_backend_services_token_tls_version"] = hostOf(t, fmt.Sprint(discovered["token_endpoint"]))
	// A server that speaks the old versions shows that this client does.
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10} //nolint:gosec // that is what it is for
	old.StartTLS()
	defer old.Close()
	trust.AddCert(old.Certificate())
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		require.NoError(t, handshake(t, old.Listener.Addr().String(), trust, version))
	}
	for row, host := range hosts {
		for version, spoken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			err := handshake(t, host, trust, version)
			if spoken {
				require.NoError(t, err, "%s: %s", row, tls.VersionName(version))
				continue
			}
			require.ErrorContains(t, err, "protocol version not supported", "%s: %s", row, tls.VersionName(version))
			require.ErrorContains(t, err, "remote error", "it is the server that refuses")
		}
	}
}

// hostOf returns the host of an https URL.
func hostOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	require.Equal(t, "https", u.Scheme, text)
	return u.Host
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
