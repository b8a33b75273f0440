package filestore

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"sync"

	"github.com/digit-health/dhr/storage"
)

// An upload is a multipart request whose file is a stream. Of what surrounds the file it
// knows the bytes; the file passes through.
type upload struct {
	contentType string
	head, tail  []byte
	r           io.Reader
	limit       int64 // if not zero
	seeker      io.Seeker
	start       int64

	mu      sync.Mutex // held while r is read
	size    int64      // bytes read of r
	touched bool       // something was read of r
	done    bool       // r has ended
	err     error      // why r cannot be read any further
}

type field struct{ name, value string }

func newUpload(r io.Reader, limit int64, name, contentType string, fields []field) (*upload, error) {
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	for _, f := range fields {
		if f.value == "" {
			continue
		}
		if err := w.WriteField(f.name, f.value); err != nil {
			return nil, err
		}
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename=%q`, name)) // nothing in it wants quoting
	header.Set("Content-Type", contentType)                                                     // compared as text by the service
	if _, err := w.CreatePart(header); err != nil {
		return nil, err
	}
	u := &upload{contentType: w.FormDataContentType(), head: bytes.Clone(text.Bytes()), r: r, limit: limit}
	text.Reset()
	if err := w.Close(); err != nil {
		return nil, err
	}
	u.tail = text.Bytes()
	if s, ok := r.(io.Seeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			u.seeker, u.start = s, start
		}
	}
	return u, nil
}

// begin returns the request's body. Its Read fails once end was called.
func (u *upload) begin() (*attempt, error) {
	if u.touched {
		if _, err := u.seeker.Seek(u.start, io.SeekStart); err != nil {
			return nil, err
		}
		u.size, u.touched, u.done, u.err = 0, false, false, nil
	}
	a := &attempt{upload: u}
	a.Reader = io.MultiReader(bytes.NewReader(u.head), readerFunc(u.read), bytes.NewReader(u.tail))
	return a, nil
}

// again reports whether the upload can be sent again after an attempt that ended.
func (u *upload) again() bool { return u.err == nil && (!u.touched || u.seeker != nil) }

// read reads from r. It runs with the lock held.
func (u *upload) read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.touched = true
	n, err := u.r.Read(p)
	u.size += int64(n)
	switch {
	case u.limit > 0 && u.size > u.limit:
		n, err = 0, fmt.Errorf("more than %d bytes: %w", u.limit, storage.ErrTooLarge)
		u.err = err
	case err == io.EOF: //nolint:errorlint // a reader ends with io.EOF itself
		u.done = true
	case err != nil:
		u.err = err
	}
	return n, err
}

// An attempt is the body of one request. The transport may read it, and close it, after
// it has given the answer; the lock lets end wait for that.
type attempt struct {
	io.Reader
	upload *upload
	ended  bool
}

func (a *attempt) Read(p []byte) (int, error) {
	a.upload.mu.Lock()
	defer a.upload.mu.Unlock()
	if a.ended {
		return 0, io.ErrClosedPipe
	}
	return a.Reader.Read(p)
}

// Close does nothing: the reader is the caller's.
func (a *attempt) Close() error { return nil }

// end waits until nobody reads, and lets nobody read again.
func (a *attempt) end() {
	a.upload.mu.Lock()
	a.ended = true
	a.upload.mu.Unlock()
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
