// Package auth says who sends a request: it turns what a request carries (a
// token, a key, the headers of a gateway) into an [access.Principal], or refuses it.
//
//	signIn := auth.Chain(
//		tokens,                         // a *jwtauth.Authenticator
//		auth.APIKeys(auth.KeyList(keys), nil),
//	)
//	who, err := signIn.Authenticate(request)
//
// # Schemes
//
// An [Authenticator] knows one scheme. Those here are API keys ([APIKeys]), the
// tokens of DIGIT 2 ([DigitToken]), the user that DIGIT 2's gateway names
// ([DigitGateway]), the headers of DIGIT 3's gateway ([DigitHeaders]) and, for development,
// one fixed user ([Fixed]). JSON web tokens are in package auth/jwtauth, the
// only one that needs a vendor. [Chain] tries several.
//
// An authenticator that finds nothing of its scheme returns ErrNoCredentials, and the next one is
// asked. What it finds it accepts or refuses, and its word is the last: a bad token
// is never made good by a header that stands beside it.
//
// # Refusals
//
// Every error is an [*Error] that wraps ErrNoCredentials, ErrUnauthenticated
// or ErrUnavailable. Its Reason is for the log and the audit; it never holds a token, a key or a part of
// one that is secret. What a client may be told is in [Challenges], the values
// of WWW-Authenticate of the answer with status 401; ErrUnavailable means 503: whether the
// credentials are good could not be found out.
//
// What is malformed, doubled or too long is refused, never cut or repaired: a principal
// either is exactly what was said of it, or is not.
//
// # Proxies
//
// What a gateway says about a user is believed only if the request comes from an address on a list
// that the operator wrote. [ClientAddress] uses the same list to find the address of the client behind them.
package auth

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
)

var (
	// ErrNoCredentials says that a request has none, or none of this scheme.
	ErrNoCredentials = errors.New("no credentials")
	// ErrUnauthenticated says that a request has credentials that are not accepted.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrUnavailable says that the credentials could not be checked, since who can
	// check them did not answer. They may be good.
	ErrUnavailable = errors.New("sign-in unavailable")
)

// An Authenticator knows who sends a request. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate returns who sends the request. The principal belongs to the caller. The error
	// wraps ErrNoCredentials if the request has nothing that this authenticator
	// looks at, ErrUnauthenticated if what it has is not accepted, and ErrUnavailable
	// if that could not be found out. The body of the request can be read
	// afterwards as before.
	Authenticate(r *http.Request) (*access.Principal, error)
}

// A Func is an Authenticator that is a function.
type Func func(*http.Request) (*access.Principal, error)

// Authenticate calls f.
func (f Func) Authenticate(r *http.Request) (*access.Principal, error) { return f(r) }

// An Error says why a request was not accepted.
type Error struct {
	// Scheme is what was looked for, such as api key.
	Scheme string
	// Kind is ErrNoCredentials, ErrUnauthenticated or ErrUnavailable.
	Kind error
	// Reason says more, for the log and the audit: never a secret. It may be empty.
	Reason string
	// Challenge is the value of WWW-Authenticate that tells a client how to sign in.
	Challenge string
	// Cause is the error behind it, or nil.
	Cause error
}

// Error returns one line without secrets.
func (e *Error) Error() string {
	text := "auth: " + e.Scheme + ": " + e.Kind.Error()
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Unwrap returns Kind and Cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Challenges returns the values of the header WWW-Authenticate that belong to
// an error of an Authenticator, each once. For one that is none, nil.
func Challenges(err error) []string {
	var all []string
	collect(err, func(e *Error) {
		if e.Challenge != "" && !slices.Contains(all, e.Challenge) {
			all = append(all, e.Challenge)
		}
	})
	return all
}

// collect calls f for each *Error in the tree of err, from left to right.
func collect(err error, f func(*Error)) {
	//nolint:errorlint // the whole tree is walked, not searched
	switch e := err.(type) {
	case nil:
	case *Error:
		f(e)
	case interface{ Unwrap() error }:
		collect(e.Unwrap(), f)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			collect(inner, f)
		}
	}
}

// Chain returns an Authenticator that asks others in turn until one does not say ErrNoCredentials, and
// returns what that one said. If all say so, so does the chain, with the
// challenges of all. A chain of none accepts nobody.
//
// Behind one that always answers, such as [Fixed], no other is asked.
func Chain(all ...Authenticator) Authenticator {
	all = slices.Clone(all)
	return Func(func(r *http.Request) (*access.Principal, error) {
		var none []error
		for _, a := range all {
			who, err := a.Authenticate(r)
			switch {
			case err == nil && who == nil:
				return nil, &Error{Scheme: "chain", Kind: ErrUnauthenticated, Reason: "an authenticator accepted a request and named nobody"}
			case err == nil:
				return who, nil
			case !errors.Is(err, ErrNoCredentials):
				return nil, err
			}
			none = append(none, err)
		}
		if len(none) == 0 {
			return nil, &Error{Scheme: "chain", Kind: ErrNoCredentials, Reason: "no scheme is configured"}
		}
		return nil, refusals(none)
	})
}

// refusals are the errors of several authenticators, in one line.
type refusals []error

func (e refusals) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e refusals) Unwrap() []error { return e }

// Fixed returns an Authenticator that knows everybody as who: the local user of
// a server that listens on this machine alone. It looks at nothing.
func Fixed(who *access.Principal) Authenticator {
	who = clone(who)
	return Func(func(*http.Request) (*access.Principal, error) { return clone(who), nil })
}

func clone(p *access.Principal) *access.Principal {
	c := *p
	c.Roles = slices.Clone(p.Roles)
	c.Groups = slices.Clone(p.Groups)
	c.Attributes = maps.Clone(p.Attributes)
	for name, values := range c.Attributes {
		c.Attributes[name] = slices.Clone(values)
	}
	return &c
}

// Bearer returns the token of the header Authorization with scheme Bearer. If
// there is no such header, or it has another scheme, the error wraps ErrNoCredentials;
// several such headers, and what cannot be a token (RFC 6750), are ErrUnauthenticated. It is
// for those who write authenticators.
func Bearer(r *http.Request) (string, error) {
	refuse := func(kind error, reason string) (string, error) {
		return "", &Error{Scheme: "bearer", Kind: kind, Reason: reason, Challenge: challenge(kind)}
	}
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return refuse(ErrNoCredentials, "")
	}
	if len(values) > 1 {
		return refuse(ErrUnauthenticated, fmt.Sprintf("the header Authorization stands there %d times", len(values)))
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "bearer") {
		return refuse(ErrNoCredentials, "the header Authorization has another scheme")
	}
	token = strings.Trim(token, " ")
	if token == "" {
		return refuse(ErrUnauthenticated, "the header Authorization has no token")
	}
	if !isToken(token) {
		return refuse(ErrUnauthenticated, "the token has characters that no token has")
	}
	return token, nil
}

// isToken reports whether a text has the characters of a bearer token, b64token of RFC 6750.
func isToken(text string) bool {
	body := strings.TrimRight(text, "=")
	for i := range len(body) {
		c := body[i]
		if !alphanumeric(c) && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return body != ""
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// challenge is that of RFC 6750, for those who take a bearer token.
func challenge(kind error) string {
	if errors.Is(kind, ErrUnauthenticated) {
		return `Bearer realm="dhr", error="invalid_token"`
	}
	return `Bearer realm="dhr"`
}
