// Package upload sends a stream as the file of a multipart request, without holding it in memory.
//
//	u, err := upload.New(r, &upload.File{Field: "file", Name: "a.csv", ContentType: "text/csv"})
//	body, err := u.Begin()
//	… the request, with body and u.ContentType …
//	body.End()
//	if u.Err() != nil { … r failed … }
package upload

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"sync"
)

// A File is what is said of the stream.
type File struct {
	Field, Name, ContentType string
	// Before are fields sent before the file. Those without a value are not sent.
	Before []Field
	// Limit is how many bytes are taken; more is the error TooLarge. If zero, any number.
	Limit    int64
	TooLarge error
}

// A Field is a field of a form.
type Field struct{ Name, Value string }

// An Upload is a multipart request whose file is a stream. Of what surrounds the file it
// knows the bytes; the file passes through. Its methods are called between Body.End and Begin.
type Upload struct {
	// ContentType is the request's.
	ContentType string

	head, tail []byte
	r          io.Reader
	limit      int64
	tooLarge   error
	seeker     io.Seeker
	start      int64

	mu      sync.Mutex // held while r is read
	size    int64
	touched bool // something was read of r
	done    bool
	err     error
}

// New prepares an upload and reads nothing.
func New(r io.Reader, f *File) (*Upload, error) {
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	for _, field := range f.Before {
		if field.Value == "" {
			continue
		}
		if err := w.WriteField(field.Name, field.Value); err != nil {
			return nil, err
		}
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, f.Field, f.Name))
	header.Set("Content-Type", f.ContentType)
	if _, err := w.CreatePart(header); err != nil {
		return nil, err
	}
	u := &Upload{ContentType: w.FormDataContentType(), head: bytes.Clone(text.Bytes()), r: r, limit: f.Limit, tooLarge: f.TooLarge}
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

// Begin returns the body of a request. If an earlier request has read of the stream, the stream is read again.
func (u *Upload) Begin() (*Body, error) {
	if u.touched {
		if _, err := u.seeker.Seek(u.start, io.SeekStart); err != nil {
			return nil, err
		}
		u.size, u.touched, u.done, u.err = 0, false, false, nil
	}
	return &Body{upload: u, r: io.MultiReader(bytes.NewReader(u.head), readerFunc(u.read), bytes.NewReader(u.tail))}, nil
}

// Again reports whether the upload can be sent again: the stream has not failed, and was not read or can be read again.
func (u *Upload) Again() bool { return u.err == nil && (!u.touched || u.seeker != nil) }

// Size returns how many bytes of the stream were read.
func (u *Upload) Size() int64 { return u.size }

// Done reports whether the stream was read to its end.
func (u *Upload) Done() bool { return u.done }

// Err returns why the stream cannot be read any further, if not for its end.
func (u *Upload) Err() error { return u.err }

// read reads from r. It runs with the lock held.
func (u *Upload) read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.touched = true
	n, err := u.r.Read(p)
	u.size += int64(n)
	switch {
	case u.limit > 0 && u.size > u.limit:
		n, err = 0, fmt.Errorf("more than %d bytes: %w", u.limit, u.tooLarge)
		u.err = err
	case err == io.EOF: //nolint:errorlint // a reader ends with io.EOF itself
		u.done = true
	case err != nil:
		u.err = err
	}
	return n, err
}

// A Body is the body of one request. The transport may read it, and close it, after
// it has given the answer; the lock lets End wait for that.
type Body struct {
	r      io.Reader
	upload *Upload
	ended  bool
}

// Read reads the request.
func (b *Body) Read(p []byte) (int, error) {
	b.upload.mu.Lock()
	defer b.upload.mu.Unlock()
	if b.ended {
		return 0, io.ErrClosedPipe
	}
	return b.r.Read(p)
}

// Close does nothing: the stream is the caller's.
func (b *Body) Close() error { return nil }

// End waits until nobody reads the stream, and lets nobody read it again. If the stream has ended, what is left of
// the request can still be read: a server may answer before the transport has seen the request's end, and
// a body that failed then would make it close the connection before the answer is read.
func (b *Body) End() {
	b.upload.mu.Lock()
	b.ended = !b.upload.done
	b.upload.mu.Unlock()
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
