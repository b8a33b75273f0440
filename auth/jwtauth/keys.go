package jwtauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/internal/strictjson"
)

// algorithms are those that are accepted of anybody.
var algorithms = []string{"HS256", "RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA"}

const (
	minSecret  = 32   // bytes, RFC 7518 section 3.2
	minRSA     = 2048 // bits, RFC 7518 section 3.3
	maxRSA     = 8192 // larger ones are slow to check
	maxKeys    = 64
	maxKeysLen = 256 << 10
)

// Keys are those that an issuer signs with. They are made by [Secret], [ParseKeys] and [Remote], and safe
// for concurrent use.
type Keys interface {
	// find returns the keys that may have signed a token, at least one. A
	// *keyError says that none can have; any other error that it cannot be known.
	find(ctx context.Context, alg, kid string, now time.Time) ([]key, error)
}

// A keyError says why no key fits a token.
type keyError struct{ reason string }

func (e *keyError) Error() string { return e.reason }

// A key is one that signatures are checked with, and the algorithms that it is for.
type key struct {
	kid    string
	algs   []string
	public crypto.PublicKey // a []byte if it is a secret
}

type keySet []key

func (s keySet) find(_ context.Context, alg, kid string, _ time.Time) ([]key, error) {
	return s.pick(alg, kid)
}

// pick returns the keys that fit. A key without a kid fits a token with any, since a file of PEM has none.
func (s keySet) pick(alg, kid string) ([]key, error) {
	var fit []key
	known := false
	for _, k := range s {
		if kid != "" && k.kid != "" && k.kid != kid {
			continue
		}
		known = true
		if slices.Contains(k.algs, alg) {
			fit = append(fit, k)
		}
	}
	switch {
	case len(fit) > 0:
		return fit, nil
	case !known:
		return nil, &keyError{fmt.Sprintf("the issuer has no key %q", shorten(kid))}
	}
	return nil, &keyError{fmt.Sprintf("the issuer's key is not one for the algorithm %s", alg)}
}

func (s keySet) has(kid string) bool {
	return kid == "" || slices.ContainsFunc(s, func(k key) bool { return k.kid == kid || k.kid == "" })
}

// Secret returns the one key of issuers that share a secret with DHR: at least 32 random bytes. It is for HS256.
func Secret(secret []byte) (Keys, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("jwtauth: the secret has %d bytes, fewer than %d", len(secret), minSecret)
	}
	if bytes.Count(secret, secret[:1]) == len(secret) {
		return nil, errors.New("jwtauth: the secret is one byte again and again")
	}
	return keySet{{algs: []string{"HS256"}, public: bytes.Clone(secret)}}, nil
}

// ParseKeys reads a file of public keys: blocks of PEM (PUBLIC KEY, RSA PUBLIC KEY, CERTIFICATE) or a JWK set
// (RFC 7517). In a file every key has to be one that DHR can use; a private or a
// secret one is refused, since it does not belong there.
func ParseKeys(text []byte) (Keys, error) {
	if len(text) > maxKeysLen {
		return nil, fmt.Errorf("jwtauth: keys of more than %d bytes", maxKeysLen)
	}
	var (
		set keySet
		err error
	)
	if strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		set, err = parseJWKs(text, true)
	} else {
		set, err = parsePEM(text)
	}
	if err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	return set, nil
}

func parsePEM(text []byte) (keySet, error) {
	var set keySet
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			if strings.TrimSpace(string(rest)) != "" {
				return nil, errors.New("there is text around the PEM blocks that is none")
			}
			break
		}
		if strings.Contains(block.Type, "PRIVATE") {
			return nil, errors.New("the file holds a private key: only the public one belongs here")
		}
		public, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", len(set)+1, err)
		}
		algs, err := algorithmsOf(public)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", len(set)+1, err)
		}
		set, text = append(set, key{algs: algs, public: public}), rest
	}
	return set, set.check()
}

func (s keySet) check() error {
	if len(s) == 0 {
		return errors.New("there is no key that can be used")
	}
	if len(s) > maxKeys {
		return fmt.Errorf("there are more than %d keys", maxKeys)
	}
	return nil
}

func parseBlock(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	}
	return nil, fmt.Errorf("it is a %q, not a public key", block.Type)
}

// algorithmsOf returns the algorithms that a key is for.
func algorithmsOf(public crypto.PublicKey) ([]string, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
			return nil, fmt.Errorf("the RSA key has %d bits, not %d to %d", bits, minRSA, maxRSA)
		}
		if k.E < 3 || k.E%2 == 0 {
			return nil, errors.New("the exponent of the RSA key is none")
		}
		return []string{"RS256", "RS384", "PS256"}, nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return []string{"ES256"}, nil
		case elliptic.P384():
			return []string{"ES384"}, nil
		}
		return nil, errors.New("the curve is neither P-256 nor P-384")
	case ed25519.PublicKey:
		return []string{"EdDSA"}, nil
	}
	return nil, fmt.Errorf("keys of type %T are not supported", public)
}

// parseJWKs reads a JWK set. If strict, a key that cannot be used is an error;
// otherwise it is left out, since sets in the network hold keys for other uses.
func parseJWKs(text []byte, strict bool) (keySet, error) {
	object, err := strictjson.Object(text)
	if err != nil {
		return nil, err
	}
	list, ok := object["keys"].([]any)
	if !ok {
		return nil, errors.New("the JWK set has no list of keys")
	}
	var set keySet
	for i, item := range list {
		k, err := parseJWK(item)
		switch {
		case err == nil:
			set = append(set, k)
		case strict:
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
	}
	return set, set.check()
}

func parseJWK(item any) (k key, err error) {
	jwk, ok := item.(map[string]any)
	if !ok {
		return k, errors.New("it is no object")
	}
	text := func(name string) string { s, _ := jwk[name].(string); return s }
	if _, private := jwk["d"]; private {
		return k, errors.New("it is a private key: only the public one belongs here")
	}
	if use, there := jwk["use"]; there && use != "sig" {
		return k, errors.New("it is not for signatures")
	}
	if ops, there := jwk["key_ops"]; there {
		list, _ := ops.([]any)
		if !slices.Contains(list, any("verify")) {
			return k, errors.New("it is not for checking signatures")
		}
	}
	if k.kid = text("kid"); len(k.kid) > maxKeyID {
		return k, errors.New("its kid is too long")
	}
	switch text("kty") {
	case "RSA":
		k.public, err = rsaKey(text("n"), text("e"))
	case "EC":
		k.public, err = ecKey(text("crv"), text("x"), text("y"))
	case "OKP":
		k.public, err = edKey(text("crv"), text("x"))
	default:
		err = fmt.Errorf("its type %q is not that of a public key", shorten(text("kty")))
	}
	if err != nil {
		return k, err
	}
	if k.algs, err = algorithmsOf(k.public); err != nil {
		return k, err
	}
	if alg, there := jwk["alg"]; there {
		name, _ := alg.(string)
		if !slices.Contains(k.algs, name) {
			return k, fmt.Errorf("its algorithm %q is not supported", shorten(name))
		}
		k.algs = []string{name}
	}
	return k, nil
}

func number(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, errors.New("a number of it is not base64url")
	}
	return b, nil
}

func rsaKey(n, e string) (crypto.PublicKey, error) {
	modulus, err := number(n)
	if err != nil {
		return nil, err
	}
	exponent, err := number(e)
	if err != nil {
		return nil, err
	}
	small := new(big.Int).SetBytes(exponent)
	if !small.IsInt64() || small.Int64() >= 1<<31 {
		return nil, errors.New("its exponent is too large")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(small.Int64())}, nil
}

func ecKey(curve, x, y string) (crypto.PublicKey, error) {
	var c elliptic.Curve
	switch curve {
	case "P-256":
		c = elliptic.P256()
	case "P-384":
		c = elliptic.P384()
	default:
		return nil, fmt.Errorf("its curve %q is neither P-256 nor P-384", shorten(curve))
	}
	size := (c.Params().BitSize + 7) / 8
	bx, err := number(x)
	if err != nil {
		return nil, err
	}
	by, err := number(y)
	if err != nil {
		return nil, err
	}
	if len(bx) != size || len(by) != size {
		return nil, errors.New("its point has not the size of the curve")
	}
	// The point is checked to lie on the curve.
	return ecdsa.ParseUncompressedPublicKey(c, slices.Concat([]byte{4}, bx, by))
}

func edKey(curve, x string) (crypto.PublicKey, error) {
	b, err := number(x)
	if err != nil {
		return nil, err
	}
	if curve != "Ed25519" || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("its curve %q is not Ed25519, or it has not its size", shorten(curve))
	}
	return ed25519.PublicKey(b), nil
}
