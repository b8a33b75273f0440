package pins

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
)

// A hashed reader ends with an error, not with io.EOF, if its bytes do not have the hash that was said, so that nothing is stored.
type hashed struct {
	r    io.Reader
	hash hash.Hash
	want string
	n    int64
	size int64 // if not zero; who knows it may not read on to io.EOF
}

// newHashed returns a reader that can be read again if r can.
func newHashed(r io.Reader, c *Content) io.Reader {
	h := &hashed{r: r, hash: sha256.New(), want: c.SHA256, size: c.Options.Size}
	if seeker, ok := r.(io.Seeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil { // a pipe says that it can, and cannot
			return &hashedSeeker{hashed: h, seeker: seeker, start: start}
		}
	}
	return h
}

func (h *hashed) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	h.hash.Write(b[:n])
	h.n += int64(n)
	if err == io.EOF || h.size > 0 && h.n == h.size && n > 0 {
		want, _ := hex.DecodeString(h.want) // it was checked
		if got := h.hash.Sum(nil); !slices.Equal(got, want) {
			return 0, fmt.Errorf("%w: the file has SHA-256 %x, not %s", ErrInvalid, got, h.want)
		}
	}
	return n, err
}

type hashedSeeker struct {
	*hashed
	seeker io.Seeker
	start  int64
}

// Seek goes back to the start, or tells where it is.
func (h *hashedSeeker) Seek(offset int64, whence int) (int64, error) {
	at, err := h.seeker.Seek(offset, whence)
	if err != nil || whence == io.SeekCurrent && offset == 0 {
		return at, err
	}
	if at != h.start {
		return at, fmt.Errorf("%w: a file is read again from its start", ErrInvalid)
	}
	h.hash.Reset()
	h.n = 0
	return at, nil
}
