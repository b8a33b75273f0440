package command_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/command"
)

// A served is a server that runs in this process.
type served struct {
	t       *testing.T
	url     string
	client  *http.Client
	errors  *words
	end     context.CancelFunc
	code    chan int
	stopped bool
}

// words is a writer of which can be waited for what is written.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newWords() *words { return &words{more: make(chan struct{}, 1)} }

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return w.text.Write(b)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// wait waits until a pattern is written, or code tells that nothing more will be.
func (w *words) wait(t *testing.T, pattern string, code chan int, errs *words) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		if found := re.FindStringSubmatch(w.String()); found != nil {
			return found
		}
		select {
		case <-w.more:
		case c := <-code:
			require.Fail(t, "the server ended", "exit code %d: %s%s", c, w, errs)
		case <-time.After(10 * time.Minute):
			require.Fail(t, "the server does not say it", "%s in %s%s", pattern, w, errs)
		}
	}
}

// serve starts a server at a port that is free, with everything under a directory.
func serve(t *testing.T, dir string, env map[string]string, args ...string) *served {
	t.Helper()
	all := map[string]string{"DHR_DATA": dir, "SERVER_PORT": "0", "DHR_SAMPLE_LOAD": "never"}
	for name, value := range env {
		all[name] = value
	}
	ctx, end := context.WithCancel(t.Context())
	s := &served{t: t, client: &http.Client{Transport: &http.Transport{}}, errors: newWords(), end: end, code: make(chan int, 1)}
	out := newWords()
	p := &command.Program{In: strings.NewReader(""), Out: out, Errors: s.errors, Env: func(name string) string { return all[name] }, Version: "v0.0.0"}
	go func() { s.code <- p.Run(ctx, append([]string{"serve"}, args...)) }()
	s.url = out.wait(t, `is at (\S+)\n(?s:.*)docs\n`, s.code, s.errors)[1]
	t.Cleanup(func() { s.stop() })
	return s
}

// stop tells the server to end, and waits until it has.
func (s *served) stop() {
	s.t.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	s.client.CloseIdleConnections()
	s.end()
	select {
	case code := <-s.code:
		require.Zero(s.t, code, s.errors)
	case <-time.After(10 * time.Minute):
		require.Fail(s.t, "the server does not end", s.errors)
	}
}

type m = map[string]any

// A reply is what came back, besides its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

// ask sends a request, and returns the answer and its body in JSON.
func (s *served) ask(method, path string, body any, header ...string) (reply, m) {
	s.t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(s.t, err)
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, reader)
	require.NoError(s.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := s.client.Do(r)
	require.NoError(s.t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	require.NoError(s.t, err)
	var answer m
	if strings.Contains(got.Header.Get("Content-Type"), "json") {
		require.NoError(s.t, json.Unmarshal(text, &answer), string(text))
	} else {
		answer = m{"text": string(text)}
	}
	return reply{got.StatusCode, got.Header}, answer
}

// visits are imported into a store, as many as are asked for.
func visits(t *testing.T, dir string, n int) {
	t.Helper()
	var file strings.Builder
	for i := range n {
		fmt.Fprintf(&file, `{"_id":"V%03d","_source":{"age":%d,"district":%q}}`+"\n", i, i%90, []string{"Pune", "Kano"}[i%2])
	}
	out, errs, code := run(t, map[string]string{"DHR_DATA": dir}, strings.NewReader(file.String()), "import", "-index", "visits", "-")
	require.Zero(t, code, out+errs)
}

// What was stored is there when the server starts again, and the sample is loaded once.
func TestServerStartsAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sample := map[string]string{"DHR_SAMPLE_LOAD": "embedded"}
	s := serve(t, dir, sample)
	require.Contains(t, s.errors.String(), "sample records loaded")
	count := func() (total any, filters []any) {
		_, all := s.ask("GET", "/v1/query?jql=&max_results=1", nil)
		_, saved := s.ask("GET", "/v1/filters?max_results=100", nil)
		list, _ := saved["filters"].([]any)
		return all["total"], list
	}
	got, made := s.ask("POST", "/v1/filters", m{"name": "mine", "jql": "", "allowed_indexes": []string{"health-data-visits"}})
	require.Equal(t, 201, got.StatusCode, made)
	total, filters := count()
	require.Greater(t, total, 60_000.0)
	s.stop()

	begun := time.Now()
	s = serve(t, dir, sample)
	t.Logf("started with data in %v", time.Since(begun))
	require.NotContains(t, s.errors.String(), "sample")
	totalNow, filtersNow := count()
	require.Equal(t, total, totalNow)
	require.Equal(t, filters, filtersNow)
	got, mine := s.ask("GET", got.Header.Get("Location"), nil)
	require.Equal(t, 200, got.StatusCode)
	require.Equal(t, "mine", mine["name"])
}

// A request that runs when the server is told to end is finished; a new one is not let in.
func TestServerFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	visits(t, dir, 7)
	s := serve(t, dir, nil)
	at := strings.TrimPrefix(s.url, "http://")
	c, err := net.Dial("tcp", at)
	require.NoError(t, err)
	defer c.Close()
	body := `{"jql": "age >= 0"}`
	_, err = fmt.Fprintf(c, "POST /v1/query HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", at, len(body))
	require.NoError(t, err)
	begun := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	_, err = io.ReadFull(c, begun)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n\r\n", string(begun), "the server reads the body")

	s.end()
	s.errors.wait(t, "ending: what runs is finished", s.code, s.errors)
	require.Eventually(t, func() bool {
		late, err := net.Dial("tcp", at)
		if err == nil {
			late.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "the server listens no more")
	_, err = io.WriteString(c, body)
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Contains(t, string(answer), "HTTP/1.1 200 OK")
	require.Contains(t, string(answer), `"total":7`)
	s.stop()
}

// A request that takes longer than the grace is cut off, and the server ends all the same.
func TestServerDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), map[string]string{"DHR_SERVER_SHUTDOWN_GRACE": "50ms"})
	at := strings.TrimPrefix(s.url, "http://")
	c, err := net.Dial("tcp", at)
	require.NoError(t, err)
	defer c.Close()
	_, err = fmt.Fprintf(c, "POST /v1/query HTTP/1.1\r\nHost: %s\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", at)
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 25))
	require.NoError(t, err)
	s.stop()
	require.Contains(t, s.errors.String(), "what still ran is cut off")
}

// Arguments and configurations that make no sense are told, and nothing is started.
func TestServerRefuses(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		"everybody's address":   {[]string{"-addr", "0.0.0.0:0"}, nil, 2, "auth.mode is none"},
		"any address":           {[]string{"-addr", ":0"}, nil, 2, "auth.mode is none"},
		"address by the env":    {nil, map[string]string{"DHR_SERVER_ADDRESS": "10.0.0.1"}, 2, "set auth.mode to jwt, digit2, digit3 or keys"},
		"no address":            {[]string{"-addr", "here"}, nil, 2, `-addr "here" is no address`},
		"no port":               {[]string{"-addr", "127.0.0.1:99999"}, nil, 2, `-addr "127.0.0.1:99999" is no address`},
		"an unknown flag":       {[]string{"-port", "1"}, nil, 2, "-port"},
		"an argument":           {[]string{"now"}, nil, 2, `found "now" where nothing is expected`},
		"two engines":           {[]string{"-es", "http://localhost", "-postgres", "postgres://localhost"}, nil, 2, "there is one engine"},
		"an unknown role":       {[]string{"-roles", "query,queries"}, nil, 2, `there is no part "queries"; there are gateway, query, filter, export, fhir, configuration, worker`},
		"a gateway to nowhere":  {[]string{"-roles", "gateway"}, nil, 2, "there is nothing to forward to"},
		"a gateway to a file":   {[]string{"-roles", "gateway"}, map[string]string{"DHR_GATEWAY_QUERY": "file:///x"}, 2, "gateway.query"},
		"no configuration":      {[]string{"-config", "none.yml"}, nil, 2, "none.yml"},
		"half of TLS":           {nil, map[string]string{"DHR_SERVER_TLS_CERT_FILE": "cert.pem"}, 2, "cert_file and key_file are needed both"},
		"TLS without its files": {[]string{"-addr", "127.0.0.1:0"}, map[string]string{"DHR_SERVER_TLS_CERT_FILE": "none.pem", "DHR_SERVER_TLS_KEY_FILE": "none.pem"}, 2, "none.pem"},
		"a port that is taken":  {[]string{"-addr", busy.Addr().String()}, nil, 1, "address already in use (another address is -addr, or server.address and server.port)"},
		"a bad collector":       {nil, map[string]string{"DHR_TRACING_ENDPOINT": "localhost:4318"}, 2, "tracing.endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			env := map[string]string{"DHR_DATA": dir, "DHR_SAMPLE_LOAD": "never"}
			for k, v := range test.env {
				env[k] = v
			}
			out, errs, code := run(t, env, strings.NewReader(""), append([]string{"serve"}, test.args...)...)
			require.Equal(t, test.code, code, out+errs)
			require.Contains(t, errs, test.says)
			if code == 2 {
				require.NoDirExists(t, dir, "nothing is half begun")
			}
			require.NotContains(t, out, "is at http")
		})
	}
}

func TestServerUnderAPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	visits(t, dir, 1)
	s := serve(t, dir, map[string]string{"DHR_SERVER_BASE_PATH": "/health/reports"})
	require.True(t, strings.HasSuffix(s.url, "/health/reports"), s.url)
	got, _ := s.ask("GET", "/readyz", nil)
	require.Equal(t, 200, got.StatusCode)
	got, made := s.ask("POST", "/v1/filters", m{"name": "mine", "jql": ""})
	require.Equal(t, 201, got.StatusCode, made)
	require.True(t, strings.HasPrefix(got.Header.Get("Location"), "/health/reports/v1/filters/"), got.Header.Get("Location"))
	_, doc := s.ask("GET", "/openapi.json", nil)
	require.Equal(t, []any{m{"url": "/health/reports"}}, doc["servers"])
	s.url = strings.TrimSuffix(s.url, "/health/reports")
	got, _ = s.ask("GET", "/readyz", nil)
	require.Equal(t, 404, got.StatusCode)
}

// certificate writes a certificate for 127.0.0.1 and its key, and returns who trusts it.
func certificate(t *testing.T, dir string) (cert, key string, trust *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	trust = x509.NewCertPool()
	trust.AddCert(parsed)
	return cert, key, trust
}

// A server with a certificate speaks HTTPS alone, and a gateway that trusts it reaches it.
func TestServerSpeaksTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	visits(t, dir, 3)
	cert, key, trust := certificate(t, dir)
	s := serve(t, dir, map[string]string{"DHR_SERVER_TLS_CERT_FILE": cert, "DHR_SERVER_TLS_KEY_FILE": key})
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}}
	require.True(t, strings.HasPrefix(s.url, "https://"), s.url)
	got, _ := s.ask("GET", "/readyz", nil)
	require.Equal(t, 200, got.StatusCode)
	plain, err := http.Get(strings.Replace(s.url, "https", "http", 1) + "/readyz")
	require.NoError(t, err)
	require.NoError(t, plain.Body.Close())
	require.Equal(t, 400, plain.StatusCode)
	_, err = tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{RootCAs: trust, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}) //nolint:gosec // that it is refused
	require.Error(t, err)

	through := map[string]string{"DHR_GATEWAY_QUERY": s.url}
	g := serve(t, t.TempDir(), through, "-roles", "gateway")
	got, _ = g.ask("GET", "/v1/query?jql=", nil)
	require.Equal(t, 502, got.StatusCode, "the certificate is not trusted")
	through["DHR_GATEWAY_CA_FILE"] = cert
	g = serve(t, t.TempDir(), through, "-roles", "gateway")
	got, answer := g.ask("GET", "/v1/query?jql=", nil)
	require.Equal(t, 200, got.StatusCode, answer)
	require.EqualValues(t, 3, answer["total"])
}

// A server whose cluster does not answer starts, and says so in its log.
func TestServerWarnsOfADeadCluster(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	s := serve(t, t.TempDir(), map[string]string{"DHR_DOCSTORE_KIND": "sqlite"}, "-es", "http://"+l.Addr().String())
	s.errors.wait(t, `level.*WARN.*does not answer.*engine`, s.code, s.errors)
	got, _ := s.ask("GET", "/readyz", nil)
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
}
