package command

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/server/config"
	"github.com/digit-health/dhr/server/ui"
)

// localUser is everybody of a server without sign-in, who has all rights unless the configuration gives roles.
func localUser(c *config.Config) *access.Principal {
	who := &access.Principal{User: c.Auth.User, Tenant: c.Auth.Tenant, Roles: c.Auth.Roles, Groups: c.Auth.Groups}
	if who.Tenant == "" {
		who.Tenant = c.Tenants.Default
	}
	if len(who.Roles) == 0 {
		who.Roles = []string{allRights}
	}
	return inDirectory(c, who)
}

// allRights is the role of the local user that the configuration gives no roles. It is one of those that DHR ships;
// where the configuration has roles of its own and none of this name, it is added.
const allRights = "ADMIN"

// inDirectory adds the groups that the directory has a principal in.
func inDirectory(c *config.Config, who *access.Principal) *access.Principal {
	for name, users := range c.Directory.Groups {
		if slices.Contains(users, who.User) && !slices.Contains(who.Groups, name) {
			who.Groups = append(who.Groups, name)
		}
	}
	slices.Sort(who.Groups)
	return who
}

// signIn returns who knows who sends a request.
func signIn(c *config.Config) (auth.Authenticator, error) {
	if c.Auth.Mode == "none" {
		return local(c), nil
	}
	var all []auth.Authenticator
	if len(c.Auth.Keys) > 0 {
		keys, err := apiKeys(c.Auth.Keys)
		if err != nil {
			return nil, err
		}
		all = append(all, keys)
	}
	proxies, err := prefixes(c.Auth.Digit.Gateways)
	if err != nil {
		return nil, err
	}
	switch c.Auth.Mode {
	case "jwt":
		tokens, err := jwtTokens(&c.Auth.JWT)
		if err != nil {
			return nil, err
		}
		all = append(all, tokens)
	case "digit2":
		users := auth.DigitUsers{ParentRoles: c.Tenants.Below}
		if c.Auth.Digit.UserURL != "" {
			tokens, err := auth.DigitToken(c.Auth.Digit.UserURL, &auth.DigitTokenOptions{Users: users, Keep: c.Auth.Digit.Cache, AllowHTTP: c.Auth.Digit.AllowHTTP})
			if err != nil {
				return nil, fmt.Errorf("auth.digit: %w", err)
			}
			all = append(all, tokens)
		}
		if len(proxies) > 0 {
			gateway, err := auth.DigitGateway(proxies, &auth.DigitGatewayOptions{Users: users})
			if err != nil {
				return nil, fmt.Errorf("auth.digit.gateways: %w", err)
			}
			all = append(all, gateway)
		}
	case "digit3":
		opts := &auth.DigitHeadersOptions{Below: c.Tenants.Below, Roles: c.Auth.Roles}
		if j := &c.Auth.JWT; !j.Secret.IsZero() || len(j.KeyFiles) > 0 || j.JWKSURL != "" || j.Preset != "" {
			if opts.Bearer, err = jwtTokens(j); err != nil {
				return nil, err
			}
		}
		headers, err := auth.DigitHeaders(proxies, opts)
		if err != nil {
			return nil, fmt.Errorf("auth.digit.gateways: %w", err)
		}
		all = append(all, headers)
	}
	chain := auth.Chain(all...)
	return auth.Func(func(r *http.Request) (*access.Principal, error) {
		who, err := chain.Authenticate(r)
		if err != nil {
			return nil, err
		}
		return inDirectory(c, who), nil
	}), nil
}

// pageSignIn returns where people sign in at the page, or nil if they paste a token.
func pageSignIn(c *config.Config) (*ui.OIDC, error) {
	o := c.Auth.OIDC
	if o.ClientID == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	return ui.NewOIDC(c.OIDCIssuer(), o.ClientID, &ui.OIDCOptions{Scopes: o.Scopes, Audience: o.Audience, Origins: o.Origins})
}

// errElsewhere is a request that a page of another site has a browser send.
var errElsewhere = errors.New("the request comes from another site, and nobody signs in here; set auth.mode to let others in")

// local knows everybody as the local user. That the server listens at a loopback address does not keep out the pages that
// a browser on this machine shows: one of another site may send requests, and read the answers if its name stands for this machine
// as well. Neither is let in.
func local(c *config.Config) auth.Authenticator {
	everybody := auth.Fixed(localUser(c))
	return auth.Func(func(r *http.Request) (*access.Principal, error) {
		origin := r.Header.Get("Origin")
		if !loopbackHost(r.Host) || origin != "" && !slices.Contains(c.CORS.Origins, origin) && !slices.Contains(c.CORS.Origins, "*") && !sameHost(origin, r.Host) {
			return nil, fmt.Errorf("%w: %w", access.ErrDenied, errElsewhere)
		}
		return everybody.Authenticate(r)
	})
}

// loopbackHost reports whether a host, with or without a port, is a name of this machine that no other has.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "" || strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, host)
}

func apiKeys(list []config.APIKey) (auth.Authenticator, error) {
	keys := make([]auth.Key, len(list))
	for i, k := range list {
		keys[i] = auth.Key{ID: k.ID, SHA256: k.SHA256, User: k.Name, Tenant: k.Tenant, Roles: k.Roles, Groups: k.Groups, Attributes: k.Attributes}
		if k.Expires != "" {
			day, err := time.Parse(time.DateOnly, k.Expires)
			if err != nil {
				return nil, err
			}
			keys[i].Expires = day
		}
	}
	source, err := auth.KeyList(keys)
	if err != nil {
		return nil, fmt.Errorf("auth.keys: %w", err)
	}
	return auth.APIKeys(source, nil), nil
}

// jwtTokens returns who knows the tokens that the configuration describes.
func jwtTokens(j *config.JWT) (auth.Authenticator, error) {
	issuer, err := issuerOf(j)
	if err != nil {
		return nil, fmt.Errorf("auth.jwt: %w", err)
	}
	leeway := j.Leeway
	if leeway == 0 {
		leeway = -1
	}
	return jwtauth.New([]jwtauth.Issuer{issuer}, &jwtauth.Options{Leeway: leeway})
}

func issuerOf(j *config.JWT) (issuer jwtauth.Issuer, err error) {
	// Keys that cannot be fetched again remain good for a while, whatever Refresh is.
	remote := &jwtauth.RemoteOptions{Refresh: j.Refresh, Stale: j.Refresh + time.Hour}
	switch j.Preset {
	case "keycloak":
		issuer, err = jwtauth.Keycloak(j.Issuer, j.Audience, remote)
	case "digit":
		issuer, err = jwtauth.Digit(j.Issuer, j.Audience, remote)
	default:
		issuer = jwtauth.Issuer{Name: j.Issuer, AnyAudience: j.Audience == ""}
		if j.Audience != "" {
			issuer.Audiences = []string{j.Audience}
		}
		issuer.Claims.AttributesIn = "attributes"
	}
	if err != nil {
		return issuer, err
	}
	switch {
	case !j.Secret.IsZero():
		issuer.Keys, err = jwtauth.Secret([]byte(j.Secret.Reveal()))
	case len(j.KeyFiles) > 0:
		issuer.Keys, err = keyFiles(j.KeyFiles)
	case j.JWKSURL != "":
		issuer.Keys, err = jwtauth.Remote(j.JWKSURL, remote)
	}
	if j.DefaultTenant != "" {
		issuer.DefaultTenant = j.DefaultTenant
	}
	claimsOf(&j.Claims, &issuer.Claims)
	return issuer, err
}

// claimsOf puts the claims that are configured over those of a preset.
func claimsOf(c *config.Claims, to *jwtauth.Claims) {
	if c.User != "" {
		to.User = c.User
	}
	if c.Tenant != "" {
		to.Tenant = c.Tenant
	}
	if c.Roles != "" {
		to.Roles = []string{c.Roles}
	}
	if c.Groups != "" {
		to.Groups = []string{c.Groups}
	}
	if len(c.Attributes) > 0 {
		to.Attributes, to.AttributesIn = c.Attributes, ""
	}
}

func keyFiles(names []string) (jwtauth.Keys, error) {
	var all bytes.Buffer
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all.Write(text)
		all.WriteByte('\n')
	}
	return jwtauth.ParseKeys(all.Bytes())
}

// prefixes reads addresses and networks.
func prefixes(list []string) ([]netip.Prefix, error) {
	all := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		if a, err := netip.ParseAddr(text); err == nil {
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}
