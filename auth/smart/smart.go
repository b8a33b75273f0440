// Package smart gives tokens to machines as SMART Backend Services has it: a client signs a short assertion with its private key
// (private_key_jwt, RFC 7523), and is given an access token for some types of resources, which is good for five minutes.
//
//	keys, err := jwtauth.Remote("https://client.example.org/jwks.json", nil)
//	...
//	server, err := smart.New(store, secret, []smart.Client{{
//		ID: "research", Keys: keys, Scopes: []string{"system/*.rs"},
//		Principal: &access.Principal{Tenant: "pb", Roles: []string{"EXPORTER"}},
//	}}, &smart.Options{TokenURL: "https://dhr.example.org/auth/token", Under: "/fhir/"})
//	...
//	token, err := server.Token(ctx, form) // what POST /auth/token answers
//	who, err := server.Authenticate(request) // who comes with such a token
//
// # Assertions
//
// An assertion is a JSON web token signed with RS384 or ES384 by a key of the client that it names. Its iss and sub are both the
// client's id, its aud is the token URL, its header has a kid, its exp is at most five minutes away, and its jti has not been there before: in no process that
// shares the document store. A key URL (jku) that a token itself names is not looked at: where a client's keys are, the
// operator says.
//
// # Scopes
//
// A scope is system/<type or *>.<what>: of version 2 (rs), or of version 1 (read). What is asked for beyond reading, or beyond what
// the client may have, is not granted, and the answer says what is. If nothing is left, that is an error.
//
// # Who a client is
//
// A token stands for the principal that the operator gave the client, whose roles say what may be seen, further limited to the granted
// types: [Granted]. Its user is [auth.ClientPrefix] and the client's id, which no person has, so that nothing of a person who has the
// same name is the client's, and nothing of the client that person's. It is looked up for each request, so that a client that is taken away, or
// given less, has less at once. Tokens are accepted for paths below [Options.Under] alone.
package smart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/docstore"
)

const (
	longestAssertion = 5 * time.Minute
	defaultTTL       = 5 * time.Minute
	leeway           = 30 * time.Second // by which clocks may differ
	mostScope        = 8 << 10          // bytes
	mostNames        = 256              // bytes of a jti
	mostID           = 180              // bytes of an id, which is part of the user of jobs and of the audit
)

// Algorithms returns the names of those that assertions may be signed with.
func Algorithms() []string { return []string{"RS384", "ES384"} }

// A Client is a machine that may ask for tokens.
type Client struct {
	// ID is what it calls itself.
	ID string
	// Keys are its public keys: jwtauth.ParseKeys of a JWK set, or jwtauth.Remote.
	Keys jwtauth.Keys
	// Scopes are what it may have at most, such as system/*.rs or system/Patient.rs.
	Scopes []string
	// Principal is who it acts as. It has no user: that is auth.ClientPrefix and the id.
	Principal *access.Principal
}

// Options are what a Server needs to know besides.
type Options struct {
	// TokenURL is the absolute URL of the token endpoint, as clients see it: assertions are for this URL and no other. It is required.
	TokenURL string
	// Under is what paths begin with for which tokens are good, such as /fhir/. If empty, all.
	Under string
	// TTL is for how long tokens are good. If zero, 5 minutes, which is the most that there may be.
	TTL time.Duration
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// A Server gives tokens, and knows who comes with one. It is safe for concurrent use, and starts nothing that remains.
type Server struct {
	store   *docstore.Store
	secret  []byte
	ours    jwtauth.Keys // of secret
	clients map[string]*client
	opts    Options

	mu    sync.Mutex
	swept time.Time
}

var _ auth.Authenticator = (*Server)(nil)

// A client is one that has been checked.
type client struct {
	Client

	may scopes
}

// New returns a server for some clients. The store remembers which assertions have been used; the secret, 32 bytes or more, signs tokens. Both are
// the same in all processes that are to know each other's tokens. Without a store it gives none, and knows those of others.
func New(store *docstore.Store, secret []byte, clients []Client, opts *Options) (*Server, error) {
	s := &Server{store: store, secret: slices.Clone(secret), clients: map[string]*client{}}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.TTL == 0 {
		s.opts.TTL = defaultTTL
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	u, err := url.Parse(s.opts.TokenURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("smart: the token URL %q is not absolute", s.opts.TokenURL)
	case s.opts.TTL < time.Second || s.opts.TTL > defaultTTL:
		return nil, fmt.Errorf("smart: tokens are good for 1 second to %s, not for %s", defaultTTL, s.opts.TTL)
	}
	if s.ours, err = jwtauth.Secret(secret); err != nil {
		return nil, fmt.Errorf("smart: %w", err)
	}
	for i := range clients {
		c, err := checked(clients[i])
		if err != nil {
			return nil, fmt.Errorf("smart: client %q: %w", clients[i].ID, err)
		}
		if s.clients[c.ID] != nil {
			return nil, fmt.Errorf("smart: client %q stands there twice", c.ID)
		}
		s.clients[c.ID] = c
	}
	return s, nil
}

func checked(c Client) (*client, error) {
	switch {
	case c.ID == "" || len(c.ID) > mostID:
		return nil, fmt.Errorf("its id is empty, or has more than %d bytes", mostID)
	case c.Keys == nil:
		return nil, errors.New("it has no keys")
	case c.Principal == nil:
		return nil, errors.New("it acts as nobody")
	}
	if c.Principal.User != "" {
		return nil, fmt.Errorf("it acts as the user %q; expected none, since a client has a user of its own, %s%s", c.Principal.User, auth.ClientPrefix, c.ID)
	}
	acts := *c.Principal
	acts.User = c.ID
	if err := auth.CheckPrincipal(&acts); err != nil {
		return nil, err
	}
	acts.User = auth.ClientPrefix + c.ID
	c.Principal = &acts
	may := scopes{}
	for _, text := range c.Scopes {
		s, ok := parseScope(text)
		if !ok {
			return nil, fmt.Errorf("the scope %q is none; expected system/*.rs, or system/ and a type of resources and .rs", text)
		}
		may.add(s)
	}
	if len(may) == 0 {
		return nil, errors.New("it has no scopes")
	}
	return &client{c, may}, nil
}

// TokenURL returns the absolute URL of the token endpoint.
func (s *Server) TokenURL() string { return s.opts.TokenURL }

// Scopes returns what can be asked for, of every client together, in order.
func (s *Server) Scopes() []string {
	all := scopes{}
	for _, c := range s.clients {
		maps.Copy(all, c.may)
	}
	return all.texts(false)
}

const (
	issuer   = "dhr-smart"
	audience = "dhr-fhir"
	tokenTyp = "at+jwt"
)

// Authenticate returns who comes with a token of this server. One that is no such token has no credentials here; a token for another path than
// those below Under is [access.ErrDenied].
func (s *Server) Authenticate(r *http.Request) (*access.Principal, error) {
	text, err := auth.Bearer(r)
	if err != nil {
		return nil, err
	}
	now := s.opts.Now()
	t, err := jwtauth.Signed(r.Context(), text, s.ours, []string{"HS256"}, now)
	if err != nil || t.Text("iss") != issuer || t.Type != tokenTyp { // another issuer's
		return nil, &auth.Error{Scheme: "smart", Kind: auth.ErrNoCredentials, Challenge: `Bearer realm="dhr"`}
	}
	refuse := func(reason string) (*access.Principal, error) {
		return nil, &auth.Error{Scheme: "smart", Kind: auth.ErrUnauthenticated, Reason: reason, Challenge: `Bearer realm="dhr", error="invalid_token"`}
	}
	exp, there, err := t.Time("exp")
	switch {
	case err != nil || !there || t.Text("aud") != audience:
		return refuse("the token lacks what ours have")
	case !now.Before(exp):
		return nil, &auth.Error{
			Scheme: "smart", Kind: auth.ErrUnauthenticated, Reason: "the token has expired at " + exp.UTC().Format(time.RFC3339),
			Challenge: `Bearer realm="dhr", error="invalid_token", error_description="the token has expired"`,
		}
	}
	c := s.clients[t.Text("sub")]
	if c == nil {
		return refuse("its client is no longer known")
	}
	granted := c.may.grant(t.Text("scope"))
	if len(granted) == 0 {
		return refuse("its client may no longer have what it was granted")
	}
	if !strings.HasPrefix(r.URL.Path, s.opts.Under) {
		return nil, fmt.Errorf("smart: %w: the token of a SMART client is good below %s alone", access.ErrDenied, s.opts.Under)
	}
	return limited(c.Principal, granted.texts(false)), nil
}

// Attribute is the attribute of a principal with the scopes that it is limited to.
const Attribute = "smart_scope"

// limited returns a copy of a principal that has some scopes.
func limited(p *access.Principal, scopes []string) *access.Principal {
	c := *p
	c.Roles, c.Groups = slices.Clone(p.Roles), slices.Clone(p.Groups)
	c.Attributes = map[string][]string{}
	for name, values := range p.Attributes {
		c.Attributes[name] = slices.Clone(values)
	}
	c.Attributes[Attribute] = scopes
	return &c
}

// Granted returns the types of resources that a principal is limited to by its attribute smart_scope, and whether it is limited at all. That
// attribute a token of this package has; one of a foreign issuer if its claim scope is configured to become it, and then
// scopes that are none of system/ count as nothing.
func Granted(who *access.Principal) (types []string, is bool) {
	values, is := who.Attributes[Attribute]
	if !is {
		return nil, false
	}
	all := scopes{}
	for text := range strings.FieldsSeq(strings.Join(values, " ")) {
		if s, ok := parseScope(text); ok {
			all.add(s)
		}
	}
	if _, every := all["*"]; every {
		return nil, false
	}
	return slices.Sorted(maps.Keys(all)), true
}

// Confined reports whether a principal comes with a token for FHIR and nothing else: one with scopes of SMART, those that begin with system/,
// patient/ or user/, in its attribute smart_scope, whatever other scopes it has beside.
func Confined(who *access.Principal) bool {
	for text := range strings.FieldsSeq(strings.Join(who.Attributes[Attribute], " ")) {
		switch context, _, ok := strings.Cut(text, "/"); context {
		case "system", "patient", "user":
			if ok {
				return true
			}
		}
	}
	return false
}

// sweep throws away what is remembered of a few assertions that have expired.
func (s *Server) sweep(ctx context.Context, now time.Time) {
	s.mu.Lock()
	due := now.Sub(s.swept) >= time.Minute
	if due {
		s.swept = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	const some = 500
	old, err := s.store.List(ctx, &docstore.Query{AllTenants: true, Kind: kindUsed, Order: docstore.ByChange, Limit: some})
	if err != nil {
		return // it is tried again in a minute, and harms nothing until then
	}
	for _, d := range old {
		if until, err := usedUntil(d); err == nil && now.Before(until) {
			return // the others are younger
		}
		if err := s.store.Delete(ctx, d.Key, d.Version); err != nil && !errors.Is(err, docstore.ErrNotFound) && !errors.Is(err, docstore.ErrConflict) {
			return
		}
	}
}
