package ipfs

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

// node returns the link to a node with these children. Its block is dag-pb: the links, and
// then UnixFS with the type, the size, and the sizes below.
func node(children []link) link {
	l := link{}
	data := []byte{1<<3 | varint, 2} // a file
	for _, c := range children {
		l.bytes += c.bytes
		l.total += c.total
	}
	data = binary.AppendUvarint(append(data, 3<<3|varint), l.bytes)
	for _, c := range children {
		data = binary.AppendUvarint(append(data, 4<<3|varint), c.bytes)
	}
	var block []byte
	for _, c := range children {
		pb := field(nil, 1, c.id)
		pb = field(pb, 2, nil) // a name, which is empty
		pb = binary.AppendUvarint(append(pb, 3<<3|varint), c.total)
		block = field(block, 2, pb)
	}
	block = field(block, 1, data)
	sum := sha256.Sum256(block)
	l.id = id(cid.DagProtobuf, sum[:])
	l.total += uint64(len(block))
	return l
}

// The wire types of protocol buffers.
const (
	varint = 0
	text   = 2
)

func field(b []byte, number byte, value []byte) []byte {
	b = binary.AppendUvarint(append(b, number<<3|text), uint64(len(value)))
	return append(b, value...)
}

func id(codec uint64, sum []byte) []byte {
	hash, err := multihash.Encode(sum, multihash.SHA2_256)
	if err != nil {
		return nil // not reached: the code is known
	}
	return cid.NewCidV1(codec, hash).Bytes()
}
