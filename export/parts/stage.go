package parts

import (
	"io"
	"sync/atomic"
)

const (
	pieceSize = 64 << 10
	pieces    = 4 // on the way at once
)

// A stage writes to w what is written to it, in a goroutine of its own. It is used by one
// goroutine, which calls close or abort at the end.
type stage struct {
	w    io.Writer
	buf  []byte
	work chan piece
	free chan []byte
	done chan struct{}
	err  atomic.Pointer[error] // the first one
	shut bool
}

// A piece is bytes to be written, or something to do between them.
type piece struct {
	bytes []byte
	do    func() error
	did   chan struct{}
}

func newStage(w io.Writer) *stage {
	s := &stage{w: w, work: make(chan piece, pieces), free: make(chan []byte, pieces), done: make(chan struct{})}
	for range pieces {
		s.free <- nil
	}
	go s.run()
	return s
}

func (s *stage) run() {
	defer close(s.done)
	for p := range s.work {
		if s.err.Load() == nil {
			var err error
			if p.do != nil {
				err = p.do()
			} else {
				_, err = s.w.Write(p.bytes)
			}
			if err != nil {
				s.err.Store(&err)
			}
		}
		if p.do != nil {
			close(p.did)
		} else {
			s.free <- p.bytes[:0]
		}
	}
}

func (s *stage) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if err := s.failed(); err != nil {
			return 0, err
		}
		if s.buf == nil {
			if s.buf = <-s.free; s.buf == nil {
				s.buf = make([]byte, 0, pieceSize)
			}
		}
		take := min(len(b), pieceSize-len(s.buf))
		s.buf, b = append(s.buf, b[:take]...), b[take:]
		if len(s.buf) == pieceSize {
			s.send()
		}
	}
	return n, nil
}

func (s *stage) send() {
	if len(s.buf) > 0 {
		s.work <- piece{bytes: s.buf}
		s.buf = nil
	}
}

func (s *stage) failed() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

// sync does something behind all that was written so far, and returns when it is done.
func (s *stage) sync(do func() error) error {
	s.send()
	did := make(chan struct{})
	s.work <- piece{do: do, did: did}
	<-did
	return s.failed()
}

// close writes the rest, and ends the goroutine.
func (s *stage) close() error {
	if !s.shut {
		s.send()
		s.end()
	}
	return s.failed()
}

// abort ends the goroutine.
func (s *stage) abort() {
	if !s.shut {
		s.err.CompareAndSwap(nil, &errAborted)
		s.end()
	}
}

var errAborted error = ErrClosed

func (s *stage) end() {
	s.shut = true
	close(s.work)
	<-s.done
}
