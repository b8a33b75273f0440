package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// ErrOIDC is in the errors of [NewOIDC].
var ErrOIDC = errors.New("ui: people cannot sign in so")

// OIDC is where people sign in at the page: at an issuer of OpenID Connect, with an authorization code and PKCE, as a public
// client. What they bring is an access token, which the API is sent as one that was pasted.
type OIDC struct {
	origins []string // that the page may ask
	told    string   // to the page, in JSON
}

// OIDCOptions are choices about how people sign in.
type OIDCOptions struct {
	// Scopes are what the issuer is asked for. If empty, openid.
	Scopes []string
	// Audience is sent as the parameter of that name. If empty, it is not.
	Audience string
	// Origins are those of the issuer's token endpoint, if it has another than the issuer.
	Origins []string
}

// NewOIDC returns the sign-in at an issuer, where client is the name of the page. The address is as tokens have it in iss: https, or http of this
// machine; below it is the discovery document, which the page reads by itself. A nil opts means the defaults. Errors are [ErrOIDC].
func NewOIDC(issuer, client string, opts *OIDCOptions) (*OIDC, error) {
	if client == "" {
		return nil, fmt.Errorf("%w: the client has no name", ErrOIDC)
	}
	var o OIDCOptions
	if opts != nil {
		o = *opts
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"openid"}
	}
	if !slices.Contains(o.Scopes, "openid") {
		return nil, fmt.Errorf("%w: the scopes %q are without openid", ErrOIDC, o.Scopes)
	}
	var origins []string
	for _, address := range append([]string{issuer}, o.Origins...) {
		origin, err := originOf(address)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	told, err := json.Marshal(struct {
		Issuer   string   `json:"issuer"`
		Client   string   `json:"client"`
		Scope    string   `json:"scope"`
		Audience string   `json:"audience,omitempty"`
		Origins  []string `json:"origins"`
	}{issuer, client, strings.Join(o.Scopes, " "), o.Audience, origins})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOIDC, err)
	}
	return &OIDC{origins, string(told)}, nil
}

// attribute is what stands of it in the page.
func (o *OIDC) attribute() string {
	if o == nil {
		return ""
	}
	return ` data-oidc="` + html.EscapeString(o.told) + `"`
}

// hostText is a host as a policy can name it: no IPv6, and nothing that would end its part of the policy.
var hostText = regexp.MustCompile(`^[A-Za-z0-9._-]+(:[1-9][0-9]{0,4})?$`)

// originOf returns the origin of an address to which the page may send what is secret.
func originOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !hostText.MatchString(u.Host) {
		return "", fmt.Errorf("%w: %q is not the address of an issuer, such as https://id.example.org/realms/health", ErrOIDC, address)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Host)) {
		return "", fmt.Errorf("%w: %q does not begin with https", ErrOIDC, address)
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+port) // as browsers write origins
	}
	return u.Scheme + "://" + host, nil
}

// loopback reports whether a host, with or without a port, is this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// policyOf lets the page load what comes from this server, ask the issuer where people sign in, and nothing else; it runs no code that is in
// it, and is framed by nobody.
func policyOf(o *OIDC) string {
	ask := "'self'"
	if o != nil {
		ask += " " + strings.Join(o.origins, " ")
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " + ask + "; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
