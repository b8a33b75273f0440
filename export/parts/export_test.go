package parts

import "io"

// FailWrites makes the spool files of w take room bytes in all, and then fail with err.
func FailWrites(w *Writer, room int64, err error) {
	create := w.create
	left := &room
	w.create = func(folder string) (spool, error) {
		s, failed := create(folder)
		if failed != nil {
			return nil, failed
		}
		return &failing{spool: s, left: left, err: err}, nil
	}
}

type failing struct {
	spool
	left *int64
	err  error
}

func (f *failing) Write(b []byte) (int, error) {
	if int64(len(b)) > *f.left {
		return 0, f.err
	}
	*f.left -= int64(len(b))
	return f.spool.Write(b)
}

// Sealable is how many bytes may be sealed so that there are at most most.
func Sealable(most, header int64) int64 { return sealable(most, header) }

// Fitting is how many bytes may be deflated.
func Fitting(room int64) int64 { return fitting(room) }

// SealHeader is how many bytes stand before what is sealed for a key.
func SealHeader(recipient string) (int64, error) {
	all, err := parseRecipients([]string{recipient})
	if err != nil {
		return 0, err
	}
	s, err := newSink(io.Discard, all, nil)
	if err != nil {
		return 0, err
	}
	return s.header, nil
}
