package jwtauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/internal/strictjson"
)

const (
	maxToken = 16 << 10
	maxKeyID = 256
)

// A token is what one says, before anything of it is believed.
type token struct {
	text   string
	alg    string
	kid    string
	typ    string
	claims map[string]any
}

// Verify returns whose token it is. The error is an *auth.Error.
func (a *Authenticator) Verify(ctx context.Context, text string) (*access.Principal, error) {
	t, err := parseToken(text)
	if err != nil {
		return nil, refused(err.Error())
	}
	i, err := a.issuerOf(t)
	if err != nil {
		return nil, refused(err.Error())
	}
	if err := t.verifySignature(ctx, i.Keys, a.now()); err != nil {
		return nil, err
	}
	// From here on the claims are the issuer's.
	if err := a.checkTimes(t.claims); err != nil {
		return nil, err
	}
	if err := i.check(t); err != nil {
		return nil, refused(err.Error())
	}
	who, err := i.principal(t.claims)
	if err != nil {
		return nil, refused(err.Error())
	}
	return who, nil
}

// parseToken reads the three parts of a token and refuses what no honest issuer writes.
func parseToken(text string) (*token, error) {
	if len(text) > maxToken {
		return nil, fmt.Errorf("the token has more than %d bytes", maxToken)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("the token has not three parts")
	}
	header, err := parsePart(parts[0])
	if err != nil {
		return nil, fmt.Errorf("the header of the token: %w", err)
	}
	t := &token{text: text}
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if _, there := header[name]; there {
			return nil, fmt.Errorf("the header of the token has %s, which is not supported", name)
		}
	}
	for name, into := range map[string]*string{"alg": &t.alg, "kid": &t.kid, "typ": &t.typ} {
		v, there := header[name]
		if !there {
			continue
		}
		s, ok := v.(string)
		if !ok || len(s) > maxKeyID {
			return nil, fmt.Errorf("the %s in the header of the token is no text, or a long one", name)
		}
		*into = s
	}
	if !slices.Contains(algorithms, t.alg) {
		return nil, fmt.Errorf("the algorithm %q of the token is not accepted", shorten(t.alg))
	}
	if t.claims, err = parsePart(parts[1]); err != nil {
		return nil, fmt.Errorf("the claims of the token: %w", err)
	}
	return t, nil
}

func parsePart(part string) (map[string]any, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || strings.ContainsAny(part, "\r\n") {
		return nil, errors.New("it is not base64url")
	}
	return strictjson.Object(text)
}

// issuerOf returns the issuer that a token names.
func (a *Authenticator) issuerOf(t *token) (*issuer, error) {
	if a.issuers[0].Name == "" {
		return a.issuers[0], nil
	}
	name, err := claimText(t.claims, "iss")
	if err != nil {
		return nil, err
	}
	i := a.issuer(name)
	if i == nil {
		return nil, fmt.Errorf("the issuer %q is not known", shorten(name))
	}
	return i, nil
}

// verifySignature checks a token with those of the issuer's keys that fit it.
func (t *token) verifySignature(ctx context.Context, from Keys, now time.Time) error {
	keys, err := from.find(ctx, t.alg, t.kid, now)
	var unusable *keyError
	switch {
	case errors.As(err, &unusable):
		return refused(unusable.reason)
	case err != nil:
		return &auth.Error{Scheme: "jwt", Kind: auth.ErrUnavailable, Reason: err.Error(), Cause: err}
	}
	set := jwt.VerificationKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.public)
	}
	_, err = jwt.NewParser(
		jwt.WithValidMethods([]string{t.alg}),
		jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(),
		jwt.WithoutClaimsValidation(), // checkTimes and check do it, and say more
	).Parse(t.text, func(*jwt.Token) (any, error) { return set, nil })
	if err != nil {
		return refused("the signature of the token does not fit the issuer's key")
	}
	return nil
}

// checkTimes checks exp, nbf and iat.
func (a *Authenticator) checkTimes(claims map[string]any) error {
	now := a.now()
	exp, there, err := claimTime(claims, "exp")
	switch {
	case err != nil:
		return refused(err.Error())
	case !there:
		return refused("the token never expires: it has no exp")
	case !now.Before(exp.Add(a.leeway)):
		return expired(exp)
	}
	nbf, there, err := claimTime(claims, "nbf")
	switch {
	case err != nil:
		return refused(err.Error())
	case there && now.Add(a.leeway).Before(nbf):
		return refused("the token is not valid before " + nbf.UTC().Format(time.RFC3339))
	}
	iat, there, err := claimTime(claims, "iat")
	switch {
	case err != nil:
		return refused(err.Error())
	case there && now.Add(a.leeway).Before(iat):
		return refused("the token is issued in the future, at " + iat.UTC().Format(time.RFC3339))
	case a.maxAge > 0 && !there:
		return refused("the token does not say when it was issued")
	case a.maxAge > 0 && now.After(iat.Add(a.maxAge+a.leeway)):
		return refused("the token is too old: it was issued at " + iat.UTC().Format(time.RFC3339))
	}
	return nil
}

// claimTime returns a claim that is an instant (RFC 7519 NumericDate).
func claimTime(claims map[string]any, name string) (at time.Time, there bool, err error) {
	v, there := claims[name]
	if !there {
		return at, false, nil
	}
	n, ok := v.(json.Number)
	if !ok {
		return at, true, fmt.Errorf("the claim %s is no number", name)
	}
	const last = 253402300799 // the end of the year 9999
	seconds, err := n.Float64()
	if err != nil || seconds < 0 || seconds > last {
		return at, true, fmt.Errorf("the claim %s is no instant", name)
	}
	whole := int64(seconds)
	return time.Unix(whole, int64((seconds-float64(whole))*1e9)), true, nil
}

// check checks what the issuer asks of its tokens besides their times.
func (i *issuer) check(t *token) error {
	if !i.typeFits(t.typ) {
		return fmt.Errorf("the token is of type %q", shorten(t.typ))
	}
	if !i.AnyAudience {
		audiences, err := claimTexts(t.claims, path{text: "aud", names: []string{"aud"}}, false)
		switch {
		case err != nil:
			return err
		case len(audiences) == 0:
			return errors.New("the token has no audience")
		case !slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(i.Audiences, a) }):
			return errors.New("the token is for another audience")
		}
	}
	for _, r := range i.require {
		values, err := claimTexts(t.claims, r.path, false)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(r.values, v) }) {
			return fmt.Errorf("the claim %s is not one of %q", r.path.text, r.values)
		}
	}
	return nil
}

func (i *issuer) typeFits(typ string) bool {
	plain := func(t string) string { return strings.TrimPrefix(strings.ToLower(t), "application/") }
	if len(i.Types) > 0 {
		return slices.ContainsFunc(i.Types, func(t string) bool { return plain(t) == plain(typ) })
	}
	return typ == "" || plain(typ) == "jwt" || plain(typ) == "at+jwt"
}

// shorten keeps a reason short.
func shorten(text string) string {
	if len(text) > 100 {
		return text[:100] + "…"
	}
	return text
}
