package sqlsearch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// maxKnown is how many codes, and how many terms, a load remembers, and maxKnownBytes
// how long the terms are in all.
const maxKnown, maxKnownBytes = 400_000, 16 << 20

// hashOf returns what tells the strings of fields apart.
func hashOf(field int, value string) [32]byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 64), uint64(field))
	return sha256.Sum256(append(b, value...))
}

// A wantedCode is a string that needs a code.
type wantedCode struct {
	field int
	value string
	code  int64
}

// encode gives the strings of the documents their codes, new ones where they have none.
func (w *pgWrite) encode(ctx context.Context, docs []*pgDoc) error {
	wanted := map[[32]byte]*wantedCode{}
	var hashes [][]byte
	for _, doc := range docs {
		doc.coded(w.state.Fields, func(field int, x any) any {
			value, _ := x.(string)
			hash := hashOf(field, value)
			if _, ok := w.known[hash]; !ok && wanted[hash] == nil {
				wanted[hash] = &wantedCode{field: field, value: value}
				hashes = append(hashes, hash[:])
			}
			return x
		})
	}
	if err := w.findCodes(ctx, wanted, hashes); err != nil {
		return err
	}
	var rows [][]any
	for _, h := range hashes { // in the order of the documents, so that codes are the same each time
		hash := [32]byte(h)
		c := wanted[hash]
		if c.code == 0 {
			w.state.Codes++
			c.code = w.state.Codes
			rows = append(rows, []any{c.code, int32(c.field), h, c.value})
		}
		w.known[hash] = c.code
	}
	for _, doc := range docs {
		doc.coded(w.state.Fields, func(field int, x any) any {
			value, _ := x.(string)
			return w.known[hashOf(field, value)]
		})
	}
	if len(rows) == 0 {
		return nil
	}
	return w.copyTo(ctx, "_codes", []string{"code", "field", "hash", "value"}, pgx.CopyFromRows(rows))
}

// findCodes finds those that are in the dictionary.
func (w *pgWrite) findCodes(ctx context.Context, wanted map[[32]byte]*wantedCode, hashes [][]byte) error {
	if len(hashes) == 0 || w.state.Codes == 0 {
		return nil
	}
	rows, err := w.tx.Query(ctx, "SELECT hash, code FROM "+w.x.tables.codes+" WHERE hash = ANY($1)", hashes)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		var code int64
		if err := rows.Scan(&hash, &code); err != nil {
			return err
		}
		if len(hash) == sha256.Size {
			if c := wanted[[32]byte(hash)]; c != nil {
				c.code = code
			}
		}
	}
	return rows.Err()
}

// addTerms adds the terms of the documents to the table of terms.
func (w *pgWrite) addTerms(ctx context.Context, docs []*pgDoc) error {
	var fields []int32
	var terms []string
	for _, doc := range docs {
		for _, t := range doc.texts {
			prefix := strconv.Itoa(t.field) + " "
			for _, term := range t.terms {
				if key := prefix + term; !w.terms[key] {
					w.terms[key] = true
					w.termBytes += len(key)
					fields, terms = append(fields, int32(t.field)), append(terms, term)
				}
			}
		}
	}
	if len(terms) == 0 {
		return nil
	}
	_, err := w.tx.Exec(ctx, "INSERT INTO "+w.x.tables.terms+" (field, term) SELECT * FROM unnest($1::int[], $2::text[]) ON CONFLICT DO NOTHING", fields, terms)
	return err
}
