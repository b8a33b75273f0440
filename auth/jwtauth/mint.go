package jwtauth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

const (
	mintName = "dhr" // issuer and audience of what Mint makes
	maxTTL   = 366 * 24 * time.Hour
)

// MintOptions are what [Mint] may be told.
type MintOptions struct {
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Mint returns a token for who, signed by HS256 with a secret of at least 32 bytes, that
// expires after ttl, at most a year. It is for development, and for machines that
// share the secret; [Minted] is the issuer that accepts it. A nil opts means the defaults.
func Mint(secret []byte, who *access.Principal, ttl time.Duration, opts *MintOptions) (string, error) {
	if _, err := Secret(secret); err != nil {
		return "", err
	}
	if err := auth.CheckPrincipal(who); err != nil {
		return "", fmt.Errorf("jwtauth: %w", err)
	}
	if ttl < time.Second || ttl > maxTTL {
		return "", fmt.Errorf("jwtauth: a token is valid for 1 second to 366 days, not for %s", ttl)
	}
	now := time.Now()
	if opts != nil && opts.Now != nil {
		now = opts.Now()
	}
	claims := jwt.MapClaims{
		"iss": mintName, "aud": mintName, "sub": who.User, "tenant": who.Tenant,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(ttl).Unix(),
	}
	if len(who.Roles) > 0 {
		claims["roles"] = who.Roles
	}
	if len(who.Groups) > 0 {
		claims["groups"] = who.Groups
	}
	if len(who.Attributes) > 0 {
		claims["attributes"] = who.Attributes
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("jwtauth: %w", err)
	}
	if len(text) > maxToken {
		return "", errors.New("jwtauth: the principal has more than a token can hold")
	}
	return text, nil
}

// Minted returns the issuer of what [Mint] makes with a secret.
func Minted(secret []byte) (Issuer, error) {
	keys, err := Secret(secret)
	if err != nil {
		return Issuer{}, err
	}
	return Issuer{
		Name: mintName, Keys: keys, Audiences: []string{mintName},
		Claims: Claims{AttributesIn: "attributes"},
	}, nil
}
