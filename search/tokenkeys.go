package search

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/digit-health/dhr/record"
)

// readKeys reads what appendKeys wrote: n keys.
func readKeys(b []byte, n int) ([]record.Value, error) {
	r := keyReader{b: b}
	keys := make([]record.Value, 0, n)
	for range n {
		keys = append(keys, r.value())
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("%w: its keys cannot be read", ErrBadToken)
	}
	return keys, nil
}

type keyReader struct {
	b   []byte
	bad bool
}

func (r *keyReader) value() record.Value {
	switch kind := record.Kind(r.byte()); kind {
	case record.Null:
	case record.Bool:
		return record.BoolValue(r.byte() == 1)
	case record.Int:
		return record.IntValue(r.varint())
	case record.Time:
		return record.TimeValue(time.UnixMilli(r.varint()))
	case record.Uint:
		return record.UintValue(r.uvarint())
	case record.Float:
		if raw := r.take(8); raw != nil {
			return record.FloatValue(math.Float64frombits(binary.BigEndian.Uint64(raw)))
		}
	case record.String:
		return record.StringValue(r.text())
	case record.Version:
		return record.VersionValue(r.text())
	case record.JSON:
		return record.JSONValue(r.text())
	case record.IP:
		addr, err := netip.ParseAddr(r.text())
		r.bad = r.bad || err != nil
		if err == nil {
			return record.IPValue(addr)
		}
	default:
		r.bad = true
	}
	return record.Value{}
}

func (r *keyReader) take(n uint64) []byte {
	if uint64(len(r.b)) < n {
		r.bad, r.b = true, nil
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *keyReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *keyReader) text() string { return string(r.take(r.uvarint())) }

func (r *keyReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *keyReader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

func (r *keyReader) skip(n int) {
	if n <= 0 {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}
