package search

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
)

// Page tokens and checkpoints hold sort keys, which are values of records, so
// they are sealed, not only signed, and bound to who asked what.

// sealer seals with AES-GCM and nonces of its own source.
type sealer struct {
	cipher.AEAD
	random io.Reader
	veil   []byte // the secret of veils
}

func newSeal(secret []byte, random io.Reader) (cipher.AEAD, error) {
	if random == nil {
		random = rand.Reader
	}
	if secret == nil {
		secret = make([]byte, 32)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("search: no randomness: %w", err)
		}
	}
	key := sha256.Sum256(append([]byte("dhr page token 1\x00"), secret...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	veil := sha256.Sum256(append([]byte("dhr order 1\x00"), secret...))
	return sealer{gcm, random, veil[:]}, err
}

// sealed returns content as a token bound to a question. What would be too long for open is
// ErrInvalid: keys are never cut, since a page would then begin at another record.
func (x *Index) sealed(content any, bound []byte) (string, error) {
	plain, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	if n := base64.RawURLEncoding.EncodedLen(x.seal.NonceSize() + len(plain) + x.seal.Overhead()); n > maxToken {
		return "", fmt.Errorf("%w: to go on later would take a token of %d bytes, at most %d are allowed, since the values that the records are ordered by are too long; order by shorter ones",
			ErrInvalid, n, maxToken)
	}
	nonce := make([]byte, x.seal.NonceSize())
	if _, err := io.ReadFull(x.seal.(sealer).random, nonce); err != nil {
		return "", fmt.Errorf("no randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(x.seal.Seal(nonce, nonce, plain, bound)), nil
}

// maxToken is the length above which a token is none of ours.
const maxToken = 1 << 20

// open reads a token into content. Whether it is of the question that is asked is still open then.
func (x *Index) open(token string, bound []byte, content any) error {
	if len(token) > maxToken {
		return fmt.Errorf("%w: it is too long", ErrBadToken)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < x.seal.NonceSize() {
		return fmt.Errorf("%w: it is not one of ours", ErrBadToken)
	}
	nonce, box := raw[:x.seal.NonceSize()], raw[x.seal.NonceSize():]
	plain, err := x.seal.Open(nil, nonce, box, bound)
	if err != nil {
		return fmt.Errorf("%w: it was made by another service, or for another principal", ErrBadToken)
	}
	if err := json.Unmarshal(plain, content); err != nil {
		return fmt.Errorf("%w: it is of another version", ErrBadToken)
	}
	return nil
}

// principalBound returns what a token is sealed for: one principal.
func principalBound(purpose string, who *access.Principal) []byte {
	h := sha256.New()
	// Quoted, for JSON would make one text of all that is not UTF-8. Maps are printed in order.
	_, _ = fmt.Fprintf(h, "%q %q %q %q %q %q", purpose, who.User, who.Tenant, who.Roles, who.Groups, who.Attributes)
	return h.Sum(nil)
}

// question returns what tells this question from every other: the plans that
// are put to the engine, with the principal's scope, instants and all.
func (r *resolved) question() []byte {
	h := sha256.New()
	for _, t := range r.targets {
		_ = json.NewEncoder(h).Encode([]any{t.plan.Schema.Index, t.plan.String()})
	}
	return h.Sum(nil)
}

// A pageToken is where a page ended.
type pageToken struct {
	Now      int64  `json:"n"` // the instant of the question, in milliseconds
	Seen     int64  `json:"r"` // that of the principal's rules
	Question []byte `json:"q"`
	// After holds for each index the keys of its last record that was shown,
	// or nothing if none was.
	After [][]byte `json:"a"`
}

func (t *pageToken) now() time.Time { return time.UnixMilli(t.Now) }

// matches reports whether the token is of the question r.
func (t *pageToken) matches(r *resolved) bool {
	return bytes.Equal(t.Question, r.question()) && len(t.After) == len(r.targets)
}

// appendKeys writes sort keys so that readKeys finds the same values again.
func appendKeys(b []byte, keys []record.Value) []byte {
	for _, v := range keys {
		b = append(b, byte(v.Kind()))
		switch v.Kind() {
		case record.Null:
		case record.Bool:
			b = append(b, map[bool]byte{true: 1}[v.Bool()])
		case record.Int:
			b = binary.AppendVarint(b, v.Int())
		case record.Time:
			b = binary.AppendVarint(b, v.Millis())
		case record.Uint:
			b = binary.AppendUvarint(b, v.Uint())
		case record.Float:
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v.Float()))
		default:
			text := v.Text()
			b = binary.AppendUvarint(b, uint64(len(text)))
			b = append(b, text...)
		}
	}
	return b
}
