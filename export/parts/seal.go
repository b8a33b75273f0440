package parts

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// A Key opens what was sealed for it. Who destroys every copy of Identity, destroys the files.
type Key struct {
	// Identity is secret: AGE-SECRET-KEY-1…
	Identity string
	// Recipient is public: age1…, for Options.
	Recipient string
}

// NewKey returns a new random key.
func NewKey() (*Key, error) {
	k, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("parts: new key: %w", err)
	}
	return &Key{Identity: k.String(), Recipient: k.Recipient().String()}, nil
}

// parseRecipients reads public keys, of which the text is no secret.
func parseRecipients(texts []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, text := range texts {
		// One line alone, so that a list or a comment is not taken for one.
		parsed, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(parsed) != 1 || strings.ContainsAny(text, "#\r\n") {
			return nil, fmt.Errorf("%w: recipient %q is no public key of age", ErrInvalid, text)
		}
		all = append(all, parsed...)
	}
	return all, nil
}

const (
	sealedChunk = 64 << 10
	sealedTag   = 16
)

// sealable returns how many bytes may be sealed so that there are at most most, of which header stand before. age
// writes a nonce and then chunks of 64 KiB, each with a tag; there is always one.
func sealable(most, header int64) int64 {
	room := most - header
	if room < sealedTag {
		return -1
	}
	chunks := (room + sealedChunk + sealedTag - 1) / (sealedChunk + sealedTag)
	return min(room-chunks*sealedTag, chunks*sealedChunk)
}

// Unseal returns what was sealed, from an offset: length bytes or as many as there are, and all if length is negative. It reads sealed from its
// start, whatever the offset, and in pieces: each is checked before it is yielded. A file that is damaged or cut off is ErrCorrupt, from Unseal
// or from Read, and never io.EOF; one that identity does not open is ErrKey; an offset behind the end is ErrInvalid.
// Errors of sealed come out as they are.
func Unseal(sealed io.Reader, identity string, offset, length int64) (io.Reader, error) {
	if offset < 0 {
		return nil, fmt.Errorf("parts: unseal: offset %d: %w", offset, ErrInvalid)
	}
	keys, err := age.ParseIdentities(strings.NewReader(identity))
	if err != nil {
		return nil, fmt.Errorf("parts: unseal: %w: the text is no identity", ErrKey) // and a secret, perhaps
	}
	src := &source{r: sealed}
	plain, err := age.Decrypt(src, keys...)
	if err != nil {
		return nil, src.class(err)
	}
	u := &unsealed{r: plain, src: src, left: length}
	if n, err := io.CopyN(io.Discard, plain, offset); n < offset {
		if err == io.EOF { //nolint:errorlint // a reader ends with io.EOF itself
			return nil, fmt.Errorf("parts: unseal: offset %d of %d bytes: %w", offset, n, ErrInvalid)
		}
		return nil, src.class(err)
	}
	return u, nil
}

// source remembers why it could not be read, which age does not always pass on.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// class adds the sentinel to an error of age.
func (s *source) class(err error) error {
	var other *age.NoIdentityMatchError
	switch {
	case s.err != nil:
		return fmt.Errorf("parts: unseal: %w", s.err)
	case errors.As(err, &other):
		return fmt.Errorf("parts: unseal: %w", ErrKey)
	}
	return fmt.Errorf("parts: unseal: %w: %w", ErrCorrupt, err)
}

type unsealed struct {
	r    io.Reader
	src  *source
	left int64 // negative if all is asked for
	err  error
}

func (u *unsealed) Read(b []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	if u.left == 0 {
		return 0, io.EOF
	}
	if u.left > 0 && int64(len(b)) > u.left {
		b = b[:u.left]
	}
	n, err := u.r.Read(b)
	if u.left > 0 {
		u.left -= int64(n)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a reader ends with io.EOF itself
		err = u.src.class(err)
	}
	u.err = err
	return n, err
}
