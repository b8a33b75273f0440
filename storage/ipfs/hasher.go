package ipfs

import (
	"crypto/sha256"
	"hash"

	"github.com/ipfs/go-cid"
)

// The shape of the tree that Kubo makes with cid-version=1 and nothing more.
const (
	chunkSize = 262_144
	maxLinks  = 174
)

// A Hasher computes the CID of what is written to it: the one that ipfs add --cid-version=1
// gives, of UnixFS with raw leaves of 262,144 bytes in a balanced tree. It keeps no data, only
// the tree's right edge, which is some kilobytes whatever is written. The zero Hasher is ready for use.
type Hasher struct {
	leaf   hash.Hash // of the chunk being written
	chunk  int       // its bytes
	size   int64
	levels [][]link // the last node of each level, from the leaves' parents up
}

// A link is one of a node to a child.
type link struct {
	id    []byte // the binary CID
	bytes uint64 // of the file below
	total uint64 // of the blocks below, the child's own included
}

// Write adds to the file. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	if h.leaf == nil {
		h.leaf = sha256.New()
	}
	n := len(p)
	h.size += int64(n)
	for len(p) > 0 {
		if h.chunk == chunkSize { // only now, since what fits one chunk has no tree
			h.add(0, h.endChunk())
		}
		part := p[:min(len(p), chunkSize-h.chunk)]
		_, _ = h.leaf.Write(part) // never fails
		h.chunk += len(part)
		p = p[len(part):]
	}
	return n, nil
}

// Size returns how many bytes were written.
func (h *Hasher) Size() int64 { return h.size }

// Reset begins a new file.
func (h *Hasher) Reset() { *h = Hasher{} }

// CID returns the CID of the file, which ends here: after CID, only Reset may be called.
func (h *Hasher) CID() string {
	if h.leaf == nil {
		h.leaf = sha256.New()
	}
	top := h.endChunk()
	for level := 0; level < len(h.levels); level++ {
		h.add(level, top)
		top = node(h.levels[level])
	}
	_, id, err := cid.CidFromBytes(top.id)
	if err != nil {
		return "" // not reached: it was made by id
	}
	return id.String()
}

func (h *Hasher) endChunk() link {
	l := link{id: id(cid.Raw, h.leaf.Sum(nil)), bytes: uint64(h.chunk), total: uint64(h.chunk)}
	h.leaf.Reset()
	h.chunk = 0
	return l
}

// add adds a child to the last node of a level. A node that is full becomes a child of the level above.
func (h *Hasher) add(level int, child link) {
	if level == len(h.levels) {
		h.levels = append(h.levels, nil)
	}
	if len(h.levels[level]) == maxLinks {
		full := node(h.levels[level])
		h.levels[level] = h.levels[level][:0]
		h.add(level+1, full)
	}
	h.levels[level] = append(h.levels[level], child)
}
