package mapping

import (
	"crypto/sha256"
	"encoding/base32"

	"github.com/digit-health/dhr/fhir"
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const hashed = "h-"

// ID returns text if it is an id as FHIR has it, and else h- and a hash of it. It is what becomes of a template of an
// id and of what stands behind Type/ in a reference, so that both meet.
func ID(text string) string {
	if fhir.IsID(text) {
		return text
	}
	return view(appendHash(nil, text))
}

// appendID appends the ID of a text and the quotation mark that ends it.
func appendID(dst []byte, text string) []byte {
	if fhir.IsID(text) {
		dst = append(dst, text...)
	} else {
		dst = appendHash(dst, text)
	}
	return append(dst, '"')
}

func appendHash(dst []byte, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return idEncoding.AppendEncode(append(dst, hashed...), sum[:])
}

// isHashed reports whether an id may be a hash, from which no text can be had.
func isHashed(id string) bool {
	return len(id) == len(hashed)+52 && id[:len(hashed)] == hashed
}
