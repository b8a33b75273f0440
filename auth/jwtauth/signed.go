package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A Token is what a signed token says: for who has rules of his own about it, such as package auth/smart.
type Token struct {
	// Algorithm, KeyID and Type are alg, kid and typ of the header; the last two may be empty.
	Algorithm, KeyID, Type string
	// Claims are the claims: texts, json.Numbers, bools, nil, lists and objects of these.
	Claims map[string]any
}

// Signed returns what a token says that one of the keys has signed, with one of the algorithms. Nothing of what it says is checked,
// neither who issued it, nor for whom, nor when: that is for the caller. The error is an *auth.Error: of kind ErrUnavailable if the keys could
// not be had, otherwise ErrUnauthenticated.
func Signed(ctx context.Context, text string, keys Keys, algorithms []string, now time.Time) (*Token, error) {
	t, err := parseToken(text)
	switch {
	case err != nil:
		return nil, refused(err.Error())
	case !slices.Contains(algorithms, t.alg):
		return nil, refused(fmt.Sprintf("the algorithm %q of the token is not one of %q", shorten(t.alg), algorithms))
	}
	if err := t.verifySignature(ctx, keys, now); err != nil {
		return nil, err
	}
	return &Token{t.alg, t.kid, t.typ, t.claims}, nil
}

// Unverified returns what a token says without any look at who signed it. It is for finding out whose keys it has to be
// checked with.
func Unverified(text string) (*Token, error) {
	t, err := parseToken(text)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	return &Token{t.alg, t.kid, t.typ, t.claims}, nil
}

// Sign returns a token of a type with some claims, signed by HS256 with a secret of at least 32 bytes, which [Signed] accepts with the keys
// of [Secret]. What the claims say is the caller's.
func Sign(secret []byte, typ string, claims map[string]any) (string, error) {
	if _, err := Secret(secret); err != nil {
		return "", err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims))
	t.Header["typ"] = typ
	text, err := t.SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("jwtauth: %w", err)
	}
	if len(text) > maxToken {
		return "", errors.New("jwtauth: the claims are more than a token can hold")
	}
	return text, nil
}

// Time returns a claim that is an instant (NumericDate of RFC 7519), and whether it is there. The error says what is wrong with one that
// is none.
func (t *Token) Time(name string) (at time.Time, there bool, err error) {
	return claimTime(t.Claims, name)
}

// Text returns a claim that is a text, or "" if it is not there or something else.
func (t *Token) Text(name string) string {
	s, _ := t.Claims[name].(string)
	return s
}

// Audiences returns the claim aud, a text or a list of texts; nil if it is neither.
func (t *Token) Audiences() []string {
	all, err := texts("aud", t.Claims["aud"], false)
	if err != nil {
		return nil
	}
	return all
}
