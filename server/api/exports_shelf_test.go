package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/storage"
)

// A shelf is a storage in memory of which files can be damaged, and which can be out of order.
type shelf struct {
	scheme string
	link   string // of what begins the links to files, if there are any

	mu    sync.Mutex
	files map[storage.Ref][]byte
	down  error
}

func (s *shelf) Scheme() string { return s.scheme }

func (s *shelf) Put(_ context.Context, _ string, r io.Reader, _ *storage.PutOptions) (storage.Ref, error) {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		return "", err
	}
	if s.files == nil {
		s.files = map[storage.Ref][]byte{}
	}
	ref := storage.MakeRef(s.scheme, fmt.Sprintf("%x", sha256.Sum256(b)))
	s.files[ref] = b
	return ref, s.down
}

func (s *shelf) Open(_ context.Context, ref storage.Ref, offset, length int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.files[ref]
	switch {
	case s.down != nil:
		return nil, s.down
	case !ok:
		return nil, storage.ErrNotFound
	case offset > int64(len(b)):
		return nil, storage.ErrInvalid
	}
	b = b[offset:]
	if length >= 0 {
		b = b[:min(length, int64(len(b)))]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (s *shelf) Stat(_ context.Context, ref storage.Ref) (storage.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.files[ref]
	if !ok {
		return storage.Info{}, storage.ErrNotFound
	}
	return storage.Info{Size: int64(len(b))}, nil
}

func (s *shelf) Delete(_ context.Context, ref storage.Ref) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, ref)
	return nil
}

func (s *shelf) Link(_ context.Context, ref storage.Ref, expiry time.Duration) (storage.Link, error) {
	if s.link == "" {
		return storage.Link{}, storage.ErrUnsupported
	}
	return storage.Link{URL: s.link + ref.ID(), Expires: time.Now().Add(expiry)}, nil
}

// change changes what is kept of every file.
func (s *shelf) change(change func([]byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, b := range s.files {
		s.files[ref] = change(bytes.Clone(b))
	}
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// gated is NDJSON of which each record waits until something comes from a channel, or it is closed.
func gated(gate <-chan struct{}) *export.Format {
	f := export.NDJSON()
	f.Name = "gated"
	inner := f.New
	f.New = func(w io.Writer, t *export.Table) (export.Encoder, error) {
		e, err := inner(w, t)
		return &gatedEncoder{e, gate}, err
	}
	return f
}

type gatedEncoder struct {
	export.Encoder
	gate <-chan struct{}
}

func (g *gatedEncoder) Encode(r *record.Record) error {
	<-g.gate
	return g.Encoder.Encode(r)
}
