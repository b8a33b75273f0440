// Package jwtauth signs in with JSON web tokens (RFC 7519), as Keycloak and
// other providers of OpenID Connect issue them. An [Authenticator] is an auth.Authenticator:
//
//	issuer, err := jwtauth.Keycloak("https://id.example.org/realms/health", "dhr", nil)
//	tokens, err := jwtauth.New([]jwtauth.Issuer{issuer}, nil)
//	who, err := tokens.Authenticate(request)
//
// # What is accepted
//
// A token in compact form of at most 16 KiB, signed with one of the keys of the issuer that it names and with an algorithm
// that belongs to that key: HS256 to a secret, RS256, RS384 and PS256 to an RSA key, ES256 and ES384
// to one on the curve P-256 and P-384, EdDSA to one of Ed25519. It needs an exp that has not passed, and an
// audience of the issuer's; nbf and iat, if there, must have come.
// Everything else is refused: alg none, a header with crit, b64 or zip, JSON with a member twice,
// claims that are not of their type, and a token that says of itself with which key it is checked (jku,
// jwk, x5u and x5c are not looked at).
//
// # Keys
//
// [Secret] is a shared secret, [ParseKeys] reads a file of public keys, and [Remote] fetches a JWK set
// (RFC 7517), keeps it, and fetches it again when it grows old or when a token names a key that is not in it.
//
// # Claims
//
// [Claims] says which claims are the user, the tenant, the roles, the groups and the attributes. A
// token that has no tenant is refused, unless its issuer has one.
package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

// An Issuer is who issues tokens, and what of them counts.
type Issuer struct {
	// Name is what the claim iss has to be, exactly. If empty, iss is not looked at; there
	// can then be no other issuer.
	Name string
	// Keys are those that the issuer signs with.
	Keys Keys
	// Audiences are those that DHR is known by: the claim aud has to have one of them.
	Audiences []string
	// AnyAudience says that aud is not looked at, instead of Audiences: a token that was issued for
	// another service of the issuer is accepted too.
	AnyAudience bool
	// Types are what the header typ has to be one of, in any case, with or without application/. If empty, JWT, at+jwt or no typ.
	Types []string
	// Require are claims, by path, and the values of which each has to have one.
	Require map[string][]string
	// Claims says what becomes of the principal.
	Claims Claims
	// Tenant is that of all who come with a token of this issuer. A token that
	// names another is refused.
	Tenant string
	// DefaultTenant is the tenant of a token that names none. If empty, such a token is refused.
	DefaultTenant string
}

// Options are what an Authenticator may be told. The zero value is good.
type Options struct {
	// Leeway is by how much the clocks may differ. If zero, 30 seconds; if negative, none; at most 5 minutes.
	Leeway time.Duration
	// MaxAge, if not zero, refuses tokens that were issued longer ago, and those without iat.
	MaxAge time.Duration
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// An Authenticator signs in with tokens. It is safe for concurrent use and starts nothing that remains.
type Authenticator struct {
	issuers []*issuer
	leeway  time.Duration
	maxAge  time.Duration
	now     func() time.Time
}

var _ auth.Authenticator = (*Authenticator)(nil)

// An issuer is one that has been checked.
type issuer struct {
	Issuer
	claims  claims
	require []requirement
}

type requirement struct {
	path   path
	values []string
}

// New returns an Authenticator of the tokens of some issuers. A nil opts means the defaults.
func New(issuers []Issuer, opts *Options) (*Authenticator, error) {
	a := &Authenticator{leeway: 30 * time.Second, now: time.Now}
	if opts != nil {
		if opts.Leeway > 5*time.Minute || opts.MaxAge < 0 {
			return nil, errors.New("jwtauth: a leeway of more than 5 minutes, or an age below zero")
		}
		if opts.Leeway != 0 {
			a.leeway = max(0, opts.Leeway)
		}
		if opts.Now != nil {
			a.now = opts.Now
		}
		a.maxAge = opts.MaxAge
	}
	if len(issuers) == 0 {
		return nil, errors.New("jwtauth: there is no issuer")
	}
	for i := range issuers {
		checked, err := newIssuer(issuers[i])
		if err != nil {
			return nil, fmt.Errorf("jwtauth: issuer %q: %w", issuers[i].Name, err)
		}
		if len(issuers) > 1 && checked.Name == "" {
			return nil, errors.New("jwtauth: an issuer without a name stands beside others")
		}
		if a.issuer(checked.Name) != nil {
			return nil, fmt.Errorf("jwtauth: issuer %q stands there twice", checked.Name)
		}
		a.issuers = append(a.issuers, checked)
	}
	return a, nil
}

func newIssuer(i Issuer) (*issuer, error) {
	switch {
	case i.Keys == nil:
		return nil, errors.New("it has no keys")
	case len(i.Audiences) == 0 && !i.AnyAudience:
		return nil, errors.New("it has no audience, so that tokens for other services would be accepted: name it, or say that any is good")
	case len(i.Audiences) > 0 && i.AnyAudience:
		return nil, errors.New("it has audiences, and any is good: only one of these can be meant")
	case slices.Contains(i.Audiences, ""):
		return nil, errors.New("an audience is empty")
	case i.Tenant != "" && i.DefaultTenant != "":
		return nil, errors.New("it has a tenant, and a default for tokens that name none: only one of these can be meant")
	}
	checked := &issuer{Issuer: i}
	checked.Audiences = slices.Clone(i.Audiences)
	checked.Types = slices.Clone(i.Types)
	var err error
	if checked.claims, err = i.Claims.parse(); err != nil {
		return nil, err
	}
	for text, values := range i.Require {
		p, err := parsePath(text)
		if err != nil {
			return nil, err
		}
		if len(values) == 0 {
			return nil, fmt.Errorf("it requires a claim %q, and names no value", text)
		}
		checked.require = append(checked.require, requirement{p, slices.Clone(values)})
	}
	slices.SortFunc(checked.require, func(a, b requirement) int { return strings.Compare(a.path.text, b.path.text) })
	return checked, nil
}

// issuer returns the issuer with a name.
func (a *Authenticator) issuer(name string) *issuer {
	for _, i := range a.issuers {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// Authenticate checks the token of the header Authorization. API keys of DHR, which stand there too, are none.
func (a *Authenticator) Authenticate(r *http.Request) (*access.Principal, error) {
	text, err := auth.Bearer(r)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(text, auth.KeyPrefix) {
		return nil, &auth.Error{Scheme: "jwt", Kind: auth.ErrNoCredentials, Challenge: `Bearer realm="dhr"`}
	}
	return a.Verify(r.Context(), text)
}

// refused is an error of a token.
func refused(reason string) error { return refusedBy(reason, nil) }

func refusedBy(reason string, cause error) error {
	return &auth.Error{
		Scheme: "jwt", Kind: auth.ErrUnauthenticated, Reason: reason, Cause: cause,
		Challenge: `Bearer realm="dhr", error="invalid_token"`,
	}
}

// expired is a refusal of which the client is told more, since it is the one that it can cure.
func expired(at time.Time) error {
	return &auth.Error{
		Scheme: "jwt", Kind: auth.ErrUnauthenticated, Reason: "the token has expired at " + at.UTC().Format(time.RFC3339),
		Challenge: `Bearer realm="dhr", error="invalid_token", error_description="the token has expired"`,
	}
}
