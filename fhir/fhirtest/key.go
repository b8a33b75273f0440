package fhirtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"time"
)

// A Key is the private key of a client, with which it signs its assertions.
type Key struct {
	// Algorithm is RS384 or ES384, and ID the kid.
	Algorithm, ID string

	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

// NewKey makes a key for RS384 or ES384.
func NewKey(algorithm, id string) (k *Key, err error) {
	k = &Key{Algorithm: algorithm, ID: id}
	switch algorithm {
	case "RS384":
		k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES384":
		k.ec, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		err = fmt.Errorf("fhirtest: there is no algorithm %q", algorithm)
	}
	return k, err
}

var b64 = base64.RawURLEncoding

// JWK returns the public part as a JSON web key.
func (k *Key) JWK() map[string]any {
	if k.rsa != nil {
		return map[string]any{
			"kty": "RSA", "alg": k.Algorithm, "kid": k.ID, "use": "sig",
			"n": b64.EncodeToString(k.rsa.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(k.rsa.E)).Bytes()),
		}
	}
	point, err := k.ec.PublicKey.Bytes()
	if err != nil { // it was made on a curve that has them
		return nil
	}
	half := (len(point) - 1) / 2
	return map[string]any{
		"kty": "EC", "crv": "P-384", "alg": k.Algorithm, "kid": k.ID, "use": "sig",
		"x": b64.EncodeToString(point[1 : 1+half]), "y": b64.EncodeToString(point[1+half:]),
	}
}

// JWKS returns a JWK set of this key alone.
func (k *Key) JWKS() []byte {
	text, err := json.Marshal(map[string]any{"keys": []any{k.JWK()}})
	if err != nil { // it is made of texts
		return nil
	}
	return text
}

// Claims returns those of an assertion as a client makes them: for a token URL, good for 5 minutes from now, with a jti of its own.
func Claims(client, tokenURL string, now time.Time) map[string]any {
	return map[string]any{"iss": client, "sub": client, "aud": tokenURL, "exp": now.Add(5 * time.Minute).Unix(), "jti": rand.Text()}
}

// Sign returns an assertion with some claims. What of the header is not nil goes over that of this key; nil takes a member away.
func (k *Key) Sign(claims, header map[string]any) (string, error) {
	head := map[string]any{"alg": k.Algorithm, "kid": k.ID, "typ": "JWT"}
	for name, value := range header {
		if head[name] = value; value == nil {
			delete(head, name)
		}
	}
	one, err := json.Marshal(head)
	if err != nil {
		return "", fmt.Errorf("fhirtest: %w", err)
	}
	two, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("fhirtest: %w", err)
	}
	text := b64.EncodeToString(one) + "." + b64.EncodeToString(two)
	sum := sha512.Sum384([]byte(text))
	signature, err := k.signature(sum[:])
	if err != nil {
		return "", fmt.Errorf("fhirtest: %w", err)
	}
	return text + "." + b64.EncodeToString(signature), nil
}

func (k *Key) signature(sum []byte) ([]byte, error) {
	if k.rsa != nil {
		return rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA384, sum)
	}
	r, s, err := ecdsa.Sign(rand.Reader, k.ec, sum)
	if err != nil {
		return nil, err
	}
	const half = 48 // bytes of a number of P-384
	both := make([]byte, 2*half)
	r.FillBytes(both[:half])
	s.FillBytes(both[half:])
	return both, nil
}
