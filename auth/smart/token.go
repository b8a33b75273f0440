package smart

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/docstore"
)

// A Token is the answer of the token endpoint, in its JSON.
type Token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`

	// Client is who was given it.
	Client string `json:"-"`
}

// An Error is why there is no token, in the JSON of RFC 6749 (5.2).
type Error struct {
	// Code is that of the RFC, such as invalid_client.
	Code string `json:"error"`
	// Description says more. It holds nothing secret.
	Description string `json:"error_description"`
	// Client is who asked, if that is known; not that it was really them.
	Client string `json:"-"`
	// Cause is the error behind it, or nil.
	Cause error `json:"-"`
}

// Error returns one line.
func (e *Error) Error() string {
	text := "smart: " + e.Code + ": " + e.Description
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// Status returns the status of the answer.
func (e *Error) Status() int {
	if e.Code == unavailable {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest // of invalid_client as well: the client has not tried to sign in by the header Authorization
}

const (
	invalidRequest  = "invalid_request"
	invalidClient   = "invalid_client"
	invalidScope    = "invalid_scope"
	unsupportedType = "unsupported_grant_type"
	unavailable     = "temporarily_unavailable"
)

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...)}
}

const (
	grantType     = "client_credentials"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// Token gives a token for a form that a client has sent, or says why not: the error is an [*Error].
func (s *Server) Token(ctx context.Context, form url.Values) (*Token, error) {
	for name, values := range form {
		if len(values) > 1 {
			return nil, refuse(invalidRequest, "the parameter %q stands there %d times", shorten(name), len(values))
		}
	}
	asked := form.Get("scope")
	switch {
	case form.Get("grant_type") == "":
		return nil, refuse(invalidRequest, "grant_type is missing; expected %s", grantType)
	case form.Get("grant_type") != grantType:
		return nil, refuse(unsupportedType, "grant_type is %q; expected %s", shorten(form.Get("grant_type")), grantType)
	case form.Get("client_assertion_type") != assertionType:
		return nil, refuse(invalidRequest, "client_assertion_type is %q; expected %s", shorten(form.Get("client_assertion_type")), assertionType)
	case form.Get("client_assertion") == "":
		return nil, refuse(invalidRequest, "client_assertion is missing; expected a signed JSON web token")
	case len(asked) > mostScope:
		return nil, refuse(invalidScope, "scope has more than %d bytes", mostScope)
	}
	now := s.opts.Now()
	c, t, err := s.known(ctx, form.Get("client_assertion"), now)
	if err != nil {
		return nil, err
	}
	if id := form.Get("client_id"); id != "" && id != c.ID {
		return nil, &Error{Code: invalidClient, Description: "client_id is not the one of the assertion", Client: c.ID}
	}
	granted := c.may.grant(asked)
	if len(granted) == 0 {
		return nil, &Error{
			Code: invalidScope, Client: c.ID,
			Description: fmt.Sprintf("scope is %q; this client may have %s", shorten(asked), strings.Join(c.may.texts(false), " ")),
		}
	}
	if err := s.use(ctx, c, t, now); err != nil {
		return nil, err
	}
	scope := strings.Join(granted.texts(true), " ")
	text, err := jwtauth.Sign(s.secret, tokenTyp, map[string]any{
		"iss": issuer, "aud": audience, "sub": c.ID, "client_id": c.ID, "scope": scope,
		"iat": now.Unix(), "exp": now.Add(s.opts.TTL).Unix(), "jti": rand.Text(),
	})
	if err != nil {
		return nil, &Error{Code: invalidScope, Description: "scope is too long", Client: c.ID, Cause: err}
	}
	return &Token{AccessToken: text, TokenType: "bearer", ExpiresIn: int64(s.opts.TTL / time.Second), Scope: scope, Client: c.ID}, nil
}

// known returns whose an assertion is, if it is right in all but that it may have been used before.
func (s *Server) known(ctx context.Context, assertion string, now time.Time) (*client, *jwtauth.Token, error) {
	said, err := jwtauth.Unverified(assertion)
	if err != nil {
		return nil, nil, &Error{Code: invalidClient, Description: "the assertion is no JSON web token that is accepted here", Cause: err}
	}
	c := s.clients[said.Text("iss")]
	if c == nil {
		return nil, nil, refuse(invalidClient, "the client of the assertion (iss) is not known here")
	}
	bad := func(format string, args ...any) (*client, *jwtauth.Token, error) {
		return nil, nil, &Error{Code: invalidClient, Description: "the assertion " + fmt.Sprintf(format, args...), Client: c.ID}
	}
	switch {
	case !slices.Contains(Algorithms(), said.Algorithm):
		return bad("is signed with %q; expected one of %s", shorten(said.Algorithm), strings.Join(Algorithms(), ", "))
	case said.KeyID == "":
		return bad("has no kid in its header")
	case said.Type != "" && !strings.EqualFold(said.Type, "JWT"):
		return bad("is of type %q; expected JWT", shorten(said.Type))
	}
	t, err := jwtauth.Signed(ctx, assertion, c.Keys, Algorithms(), now)
	if errors.Is(err, auth.ErrUnavailable) {
		return nil, nil, &Error{Code: unavailable, Description: "the keys of the client cannot be had at present", Client: c.ID, Cause: err}
	} else if err != nil {
		return nil, nil, &Error{Code: invalidClient, Description: "the assertion is not signed by a key of the client", Client: c.ID, Cause: err}
	}
	if why := s.objection(t, c, now); why != "" {
		return bad("%s", why)
	}
	return c, t, nil
}

// objection says what of the claims of an assertion is not as it has to be; "" if all is.
func (s *Server) objection(t *jwtauth.Token, c *client, now time.Time) string {
	exp, there, err := t.Time("exp")
	switch {
	case t.Text("sub") != c.ID:
		return "has another sub than iss; expected the client's id in both"
	case !slices.Contains(t.Audiences(), s.opts.TokenURL):
		return "is for another aud; expected " + s.opts.TokenURL
	case t.Text("jti") == "" || len(t.Text("jti")) > mostNames:
		return fmt.Sprintf("has no jti that is a text of up to %d bytes", mostNames)
	case err != nil || !there:
		return "has no exp that is an instant"
	case !now.Before(exp.Add(leeway)):
		return "has expired at " + exp.UTC().Format(time.RFC3339)
	case exp.After(now.Add(longestAssertion + leeway)):
		return "expires in more than 5 minutes, at " + exp.UTC().Format(time.RFC3339)
	}
	for _, name := range []string{"nbf", "iat"} {
		at, there, err := t.Time(name)
		switch {
		case err != nil:
			return "has an " + name + " that is no instant"
		case there && now.Add(leeway).Before(at):
			return "has an " + name + " in the future, " + at.UTC().Format(time.RFC3339)
		}
	}
	return ""
}

// kindUsed are the assertions that have been used.
const kindUsed = "smart-assertions"

type used struct {
	Until time.Time `json:"until"`
}

func usedUntil(d *docstore.Document) (time.Time, error) {
	var u used
	err := json.Unmarshal(d.Body, &u)
	return u.Until, err
}

// use notes that an assertion is used, unless it was before: of several that come at once, to whatever process, one is the first.
func (s *Server) use(ctx context.Context, c *client, t *jwtauth.Token, now time.Time) error {
	if s.store == nil {
		return &Error{Code: unavailable, Description: "no tokens are given here", Client: c.ID}
	}
	exp, _, _ := t.Time("exp") // it was read before
	body, err := json.Marshal(used{exp.Add(2 * leeway).UTC()})
	if err != nil {
		return &Error{Code: unavailable, Description: "the assertion cannot be noted", Client: c.ID, Cause: err}
	}
	sum := sha256.Sum256([]byte(c.ID + "\x00" + t.Text("jti")))
	key := docstore.Key{Tenant: c.Principal.Tenant, Kind: kindUsed, ID: hex.EncodeToString(sum[:])}
	_, err = s.store.Put(ctx, &docstore.Document{Key: key, Body: body}, 0)
	switch {
	case errors.Is(err, docstore.ErrConflict):
		return &Error{Code: invalidClient, Description: "the assertion has been used before (jti); expected a new one for each token", Client: c.ID}
	case err != nil:
		return &Error{Code: unavailable, Description: "the assertion cannot be noted at present", Client: c.ID, Cause: err}
	}
	s.sweep(ctx, now)
	return nil
}

// shorten keeps what is quoted short.
func shorten(text string) string {
	const longest = 100
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
