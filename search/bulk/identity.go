package bulk

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// A counter gives IDs to the documents of a file that have none.
//
// It takes 10 to 22 bytes of memory for each document: the first eight bytes of
// its hash. If two different documents shared those, which is as good as
// impossible, the second would be counted as a repeat; its ID would still be its own.
type counter struct {
	table   []uint64 // a hash table with open addressing; 0 is free
	used    int
	repeats map[uint64]int
}

// id returns the ID of a document: 32 digits of the hash of its bytes, and from
// the second document with these on the number of the repeat.
func (c *counter) id(doc []byte) string {
	sum := sha256.Sum256(doc)
	var digits [32]byte
	id := string(hex.AppendEncode(digits[:0], sum[:16]))
	mark := binary.BigEndian.Uint64(sum[:8])
	if mark == 0 {
		mark = 1
	}
	if c.add(mark) {
		return id
	}
	if c.repeats == nil {
		c.repeats = make(map[uint64]int)
	}
	c.repeats[mark]++
	return id + "-" + strconv.Itoa(c.repeats[mark]+1)
}

// add notes a mark, and reports whether it is new.
func (c *counter) add(mark uint64) bool {
	if c.used >= len(c.table)/4*3 {
		c.grow()
	}
	at := c.place(mark)
	if c.table[at] == mark {
		return false
	}
	c.table[at] = mark
	c.used++
	return true
}

// place returns where a mark stands, or would.
func (c *counter) place(mark uint64) uint64 {
	mask := uint64(len(c.table) - 1)
	at := mark & mask
	for c.table[at] != 0 && c.table[at] != mark {
		at = (at + 1) & mask
	}
	return at
}

func (c *counter) grow() {
	old := c.table
	c.table = make([]uint64, max(1024, 2*len(old)))
	for _, mark := range old {
		if mark != 0 {
			c.table[c.place(mark)] = mark
		}
	}
}
