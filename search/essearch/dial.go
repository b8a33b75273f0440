package essearch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"

	"github.com/digit-health/dhr/search"
)

// A Cluster says where a cluster is and how to be let in. At most one of
// user, key and token may be given.
type Cluster struct {
	// Hosts are the URLs of the nodes, http or https. Each request goes to one of
	// them, in turn; one that does not answer is left alone for a while.
	Hosts []string
	// User and Password are for basic authentication.
	User, Password string
	// APIKey is an Elasticsearch API key as the cluster gives it, encoded.
	APIKey string
	// Token is a bearer token.
	Token string
	// CA are certificates in PEM to be trusted, instead of those that the system trusts.
	CA []byte
	// Compress asks for compressed answers, which saves network and costs time.
	Compress bool
}

const (
	dialTimeout = 10 * time.Second
	idleTimeout = 90 * time.Second
	idlePerHost = 16
	userAgent   = "dhr"
)

// Dial returns a transport for Open. It connects to nothing yet, and reads no
// environment: no proxy is used. What is given must make sense: else the error is
// search.ErrInvalid.
func Dial(c *Cluster) (Transport, error) {
	hosts, err := c.hosts()
	if err != nil {
		return nil, err
	}
	carrier, err := c.carrier()
	if err != nil {
		return nil, err
	}
	options := []elastictransport.Option{
		elastictransport.WithURLs(hosts...),
		elastictransport.WithTransport(carrier),
		elastictransport.WithUserAgent(userAgent),
		elastictransport.WithDisableRetry(), // the driver does that, with pauses
	}
	given := 0
	if c.User != "" {
		given++
		options = append(options, elastictransport.WithBasicAuth(c.User, c.Password))
	}
	if c.APIKey != "" {
		given++
		options = append(options, elastictransport.WithAPIKey(c.APIKey))
	}
	if c.Token != "" {
		given++
		options = append(options, elastictransport.WithServiceToken(c.Token))
	}
	if given > 1 || c.Password != "" && c.User == "" {
		return nil, fmt.Errorf("%w: of user, API key and token at most one may be given", search.ErrInvalid)
	}
	t, err := elastictransport.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrInvalid, err)
	}
	return t, nil
}

func (c *Cluster) hosts() ([]*url.URL, error) {
	var hosts []*url.URL
	for _, text := range c.Hosts {
		u, err := url.Parse(text)
		if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "") {
			err = errors.New("not an http or https address of a host")
		}
		if err != nil {
			return nil, fmt.Errorf("%w: the host %q: %w", search.ErrInvalid, withoutPassword(text), err)
		}
		u.Path = strings.TrimRight(u.Path, "/")
		hosts = append(hosts, u)
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("%w: no host", search.ErrInvalid)
	}
	return hosts, nil
}

// withoutPassword hides what may be a password in an address.
func withoutPassword(text string) string {
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

// carrier returns what carries requests to one host.
func (c *Cluster) carrier() (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  !c.Compress,
		ForceAttemptHTTP2:   true,
	}
	if len(c.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(slices.Clone(c.CA)) {
			return nil, fmt.Errorf("%w: there is no certificate in what is to be trusted", search.ErrInvalid)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return t, nil
}
