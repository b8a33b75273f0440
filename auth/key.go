package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
)

// KeyPrefix begins every API key, so that one that went astray can be searched for.
const KeyPrefix = "dhr_"

// The text of a key is KeyPrefix, an id of 16 hexadecimal digits, _ and 32 random bytes in base64url.
const (
	idLength     = 16
	secretLength = 43
	keyLength    = len(KeyPrefix) + idLength + 1 + secretLength
)

// ErrNoKey is what a KeySource returns for an id that it does not know.
var ErrNoKey = errors.New("no such key")

// A Key is an API key as it is kept: it says whose it is, and how it is recognised, but not what it is.
type Key struct {
	// ID is the part of the key that is no secret, 16 hexadecimal digits.
	ID string `json:"id"`
	// SHA256 is that of the key's text, in hexadecimal digits. Since a key is
	// random, nothing slower is needed to hide it.
	SHA256 string `json:"sha256"`

	User       string              `json:"user"`
	Tenant     string              `json:"tenant"`
	Roles      []string            `json:"roles,omitempty"`
	Groups     []string            `json:"groups,omitempty"`
	Attributes map[string][]string `json:"attributes,omitempty"`

	// Expires is when the key ceases to be accepted. If zero, never.
	Expires time.Time `json:"expires,omitzero"`
}

// Principal is whose key it is. It belongs to the caller.
func (k *Key) Principal() *access.Principal {
	return clone(&access.Principal{User: k.User, Tenant: k.Tenant, Roles: k.Roles, Groups: k.Groups, Attributes: k.Attributes})
}

// Check returns an error if the key cannot be one that is kept.
func (k *Key) Check() error {
	if !isHex(k.ID, idLength) {
		return fmt.Errorf("auth: the id of a key is not %d hexadecimal digits in lower case", idLength)
	}
	if !isHex(k.SHA256, 2*sha256.Size) {
		return fmt.Errorf("auth: key %q: its sha256 is not %d hexadecimal digits in lower case", k.ID, 2*sha256.Size)
	}
	if err := CheckPrincipal(k.Principal()); err != nil {
		return fmt.Errorf("auth: key %q: %w", k.ID, err)
	}
	return nil
}

// isHex reports whether a text has so many digits, lower case.
func isHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}

// NewKey mints an API key for who, which ceases to be accepted at expires; if that is zero, never. It returns
// its text, to be shown to its owner once and kept nowhere, and what is kept of it.
func NewKey(who *access.Principal, expires time.Time) (text string, key Key, err error) {
	var random [idLength/2 + 32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", Key{}, fmt.Errorf("auth: %w", err)
	}
	id := hex.EncodeToString(random[:idLength/2])
	text = KeyPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[idLength/2:])
	p := clone(who)
	key = Key{
		ID: id, SHA256: hashKey(text), Expires: expires,
		User: p.User, Tenant: p.Tenant, Roles: p.Roles, Groups: p.Groups, Attributes: p.Attributes,
	}
	if err := key.Check(); err != nil {
		return "", Key{}, err
	}
	return text, key, nil
}

func hashKey(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// A KeySource is where keys are kept. It is safe for concurrent use.
type KeySource interface {
	// Key returns the key with this id, which the caller does not change. If there
	// is none the error wraps ErrNoKey; any other means that it could not be looked up.
	Key(ctx context.Context, id string) (*Key, error)
}

// KeyList returns a KeySource of the keys in a configuration. A key that
// cannot be one, and two with one id, are errors.
func KeyList(keys []Key) (KeySource, error) {
	l := make(keyList, len(keys))
	for i := range keys {
		k := keys[i]
		if err := k.Check(); err != nil {
			return nil, err
		}
		if l[k.ID] != nil {
			return nil, fmt.Errorf("auth: key %q stands there twice", k.ID)
		}
		p := k.Principal()
		k.Roles, k.Groups, k.Attributes = p.Roles, p.Groups, p.Attributes
		l[k.ID] = &k
	}
	return l, nil
}

type keyList map[string]*Key

func (l keyList) Key(_ context.Context, id string) (*Key, error) {
	if k := l[id]; k != nil {
		return k, nil
	}
	return nil, ErrNoKey
}

// KeyOptions are what [APIKeys] may be told.
type KeyOptions struct {
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// APIKeys returns an Authenticator of API keys. It looks at X-API-Key, and at Authorization with scheme
// Bearer if the token begins with KeyPrefix. A nil opts means the defaults.
func APIKeys(source KeySource, opts *KeyOptions) Authenticator {
	now := time.Now
	if opts != nil && opts.Now != nil {
		now = opts.Now
	}
	return &apiKeys{source: source, now: now}
}

type apiKeys struct {
	source KeySource
	now    func() time.Time
}

func (a *apiKeys) Authenticate(r *http.Request) (*access.Principal, error) {
	text, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	id, ok := parseKey(text)
	if !ok {
		return nil, keyError(ErrUnauthenticated, "it has not the form of an API key", nil)
	}
	key, err := a.source.Key(r.Context(), id)
	switch {
	case errors.Is(err, ErrNoKey):
		return nil, keyError(ErrUnauthenticated, fmt.Sprintf("key %q is not known", id), nil)
	case err != nil:
		return nil, keyError(ErrUnavailable, fmt.Sprintf("key %q could not be looked up", id), err)
	}
	if subtle.ConstantTimeCompare([]byte(hashKey(text)), []byte(key.SHA256)) != 1 || key.ID != id {
		return nil, keyError(ErrUnauthenticated, fmt.Sprintf("key %q has another secret", id), nil)
	}
	if !key.Expires.IsZero() && !a.now().Before(key.Expires) {
		return nil, keyError(ErrUnauthenticated, fmt.Sprintf("key %q has expired at %s", id, key.Expires.UTC().Format(time.RFC3339)), nil)
	}
	who := key.Principal()
	if err := CheckPrincipal(who); err != nil {
		return nil, keyError(ErrUnauthenticated, fmt.Sprintf("key %q: %v", id, err), nil)
	}
	return who, nil
}

// keyOf returns the key that a request carries.
func keyOf(r *http.Request) (string, error) {
	all := slices.Clone(r.Header.Values("X-API-Key"))
	token, err := Bearer(r)
	switch {
	case err == nil && strings.HasPrefix(token, KeyPrefix):
		all = append(all, token)
	case err != nil && !errors.Is(err, ErrNoCredentials) && len(all) == 0:
		return "", keyError(ErrNoCredentials, "", nil) // whoever takes bearer tokens refuses it
	}
	switch {
	case len(all) == 0:
		return "", keyError(ErrNoCredentials, "", nil)
	case len(all) > 1:
		return "", keyError(ErrUnauthenticated, fmt.Sprintf("there are %d keys", len(all)), nil)
	}
	return all[0], nil
}

// parseKey returns the id of a key's text, if it has the form of one.
func parseKey(text string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(text, KeyPrefix)
	if !ok || len(text) != keyLength || rest[idLength] != '_' || !isHex(rest[:idLength], idLength) {
		return "", false
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(rest[idLength+1:])
	if err != nil || len(secret) != 32 {
		return "", false
	}
	return rest[:idLength], true
}

func keyError(kind error, reason string, cause error) error {
	return &Error{Scheme: "api key", Kind: kind, Reason: reason, Challenge: challenge(kind), Cause: cause}
}
