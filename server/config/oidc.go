package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// OIDCIssuer is where people sign in at the page, or empty if they do not with OpenID Connect.
func (c *Config) OIDCIssuer() string {
	a := c.Auth
	switch {
	case a.OIDC.ClientID == "":
		return ""
	case a.OIDC.Issuer != "":
		return a.OIDC.Issuer
	case a.JWT.Preset != "": // of realms, iss has no / at its end
		return strings.TrimRight(a.JWT.Issuer, "/")
	}
	return a.JWT.Issuer
}

// oidc checks how people sign in at the page: what they bring from there has to be a token that the server takes.
func (k *checker) oidc() {
	o := k.config.Auth.OIDC
	if o.ClientID == "" {
		if o.Issuer != "" || o.Audience != "" || len(o.Origins) > 0 {
			k.complain("auth.oidc.client_id", "is empty; expected the name of the page at the issuer, where it is a public client")
		}
		return
	}
	k.oidcTokens()
	issuer, key := k.config.OIDCIssuer(), "auth.oidc.issuer"
	if o.Issuer == "" && issuer != "" {
		key = "auth.jwt.issuer" // where people sign in as well
	}
	if issuer == "" {
		k.complain(key, "is needed, here or as auth.jwt.issuer: the address of the issuer, as tokens have it in iss")
	} else if why := unsafeOrigin(issuer, true); why != "" {
		k.complain(key, "%s", why)
	}
	if !slices.Contains(o.Scopes, "openid") {
		k.complain("auth.oidc.scopes", "are %q; expected openid among them, without which it is no sign-in", o.Scopes)
	}
	for i, s := range o.Scopes {
		if !scopeText.MatchString(s) {
			k.complain(fmt.Sprintf("auth.oidc.scopes[%d]", i), "found %q; expected one scope, without blanks", s)
		}
	}
	for i, origin := range o.Origins {
		if why := unsafeOrigin(origin, false); why != "" {
			k.complain(fmt.Sprintf("auth.oidc.origins[%d]", i), "%s", why)
		}
	}
}

// oidcTokens checks that the tokens of the issuer are those that auth.jwt checks.
func (k *checker) oidcTokens() {
	a := k.config.Auth
	j, issuer := a.JWT, k.config.OIDCIssuer()
	switch {
	case a.Mode != "jwt" && a.Mode != "digit3":
		k.complain("auth.oidc", "brings JSON web tokens, which mode %s does not take; expected auth.mode jwt, or digit3 with auth.jwt", a.Mode)
	case !j.Secret.IsZero():
		k.complain("auth.oidc", "brings tokens that an issuer has signed, which auth.jwt.secret cannot check; expected a preset, jwks_url or key_files")
	case a.Mode == "digit3" && j.Preset == "" && j.JWKSURL == "" && len(j.KeyFiles) == 0:
		k.complain("auth.oidc", "brings JSON web tokens, and auth.jwt does not say how they are checked; expected a preset, jwks_url or key_files there")
	}
	expected := j.Issuer
	if j.Preset != "" {
		expected = strings.TrimRight(expected, "/")
	}
	if expected != "" && issuer != expected {
		k.complain("auth.oidc.issuer", "found %q, and auth.jwt.issuer is %q, so that no token from there would be taken; leave it out, or make them one", issuer, expected)
	}
	if a.OIDC.Audience != "" && j.Audience != "" && a.OIDC.Audience != j.Audience {
		k.complain("auth.oidc.audience", "found %q, and auth.jwt.audience is %q, so that no token for it would be taken", a.OIDC.Audience, j.Audience)
	}
}

var (
	scopeText = regexp.MustCompile(`^[!#-\[\]-~]+$`) // RFC 6749, appendix A.4
	// hostText is what the page's policy can name: no IPv6, and nothing that would end the policy's part.
	hostText = regexp.MustCompile(`^[A-Za-z0-9._-]+(:[1-9][0-9]{0,4})?$`)
)

// unsafeOrigin says why the page cannot send secrets to an address, or nothing if it can.
func unsafeOrigin(text string, path bool) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Sprintf("found %q; expected a URL that begins with https://", text)
	case u.User != nil:
		return "has a user in it, which everybody would see"
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Sprintf("found %q; expected a URL that begins with https://, without ? and #", text)
	case !path && u.Path != "":
		return fmt.Sprintf("found %q; expected an origin such as https://login.example.org, without a path", text)
	case !hostText.MatchString(u.Host):
		return fmt.Sprintf("found the host %q; expected a name or an IPv4 address, as a browser's policy can name no other", u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Sprintf("found %q; expected https://, since passwords and tokens would cross the network in the clear (http:// is for this machine alone)", text)
	}
	return ""
}
