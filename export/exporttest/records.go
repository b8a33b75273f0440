package exporttest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// mapping has a field of each kind.
const mapping = `{"properties": {
	"id": {"type": "keyword"}, "child": {"properties": {"name": {"type": "keyword"}, "age": {"type": "integer"}}},
	"doses": {"type": "long"}, "serial": {"type": "unsigned_long"}, "weight": {"type": "double"}, "treated": {"type": "boolean"},
	"at": {"type": "date"}, "born": {"type": "date", "format": "yyyy-MM-dd"}, "host": {"type": "ip"}, "place": {"type": "geo_point"},
	"more": {"type": "object", "enabled": false}, "note": {"type": "text"}},
	"_meta": {"dhr": {"labels": {"child.name": "Name of the child", "at": "Seen at"}}}}`

var paths = []string{"id", "child.name", "child.age", "doses", "serial", "weight", "treated", "at", "born", "host", "place", "note"}

// A set is records of one projection.
type set struct {
	projection *record.Projection
	docs       [][]byte
}

func newSet(tb testing.TB, index string, paths []string, docs ...string) set {
	tb.Helper()
	schema, err := record.ParseSchema(index, []byte(mapping))
	require.NoError(tb, err)
	p, err := schema.Project(paths...)
	require.NoError(tb, err)
	s := set{projection: p}
	for _, doc := range docs {
		s.docs = append(s.docs, []byte(doc))
	}
	return s
}

// document returns the nth of any number of records, about half of which lack something.
func document(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id": "%07d", "child": {"name": "Child %d"`, n, n)
	if n%3 > 0 {
		fmt.Fprintf(&b, `, "age": %d`, n%15)
	}
	fmt.Fprintf(&b, `}, "doses": %d, "serial": %d, "weight": %d.50, "treated": %t`, n-20, uint64(1)<<63+uint64(n), n%40, n%2 == 0)
	fmt.Fprintf(&b, `, "at": "2026-0%d-1%dT08:30:%02d.%03dZ", "born": "20%02d-12-31"`, n%9+1, n%10, n%60, n%1000, n%30)
	if n%5 > 0 {
		fmt.Fprintf(&b, `, "host": "10.0.%d.%d", "place": {"lat": 1%d.5, "lon": -8.25}, "note": ["first", "%d"]`, n/250%250, n%250, n%9, n)
	}
	return b.String() + "}"
}

func some(tb testing.TB, n int) set {
	tb.Helper()
	docs := make([]string, n)
	for i := range docs {
		docs[i] = document(i)
	}
	return newSet(tb, "visits", paths, docs...)
}

// each decodes the records one after another into the same memory. After each
// of them this memory is overwritten, as that of a stream may be.
func (s set) each(tb testing.TB, do func(*record.Record) error) error {
	tb.Helper()
	d := record.NewDecoder(s.projection)
	var r record.Record
	var lent []byte
	for i, doc := range s.docs {
		r.ID, r.Index = fmt.Sprint(i), s.projection.Schema().Index
		lent = append(lent[:0], doc...)
		require.NoError(tb, d.Decode(lent, &r))
		if err := do(&r); err != nil {
			return err
		}
		for j := range lent {
			lent[j] = '#'
		}
	}
	return nil
}

// encode returns the file of the sets, one after another.
func encode(tb testing.TB, f *export.Format, opts *export.Options, sets ...set) []byte {
	tb.Helper()
	var projections []*record.Projection
	for _, s := range sets {
		projections = append(projections, s.projection)
	}
	var file bytes.Buffer
	e, err := f.NewEncoder(&file, export.Columns(nil, projections...), opts)
	require.NoError(tb, err)
	for _, s := range sets {
		require.NoError(tb, s.each(tb, e.Encode))
	}
	require.NoError(tb, e.Close())
	return file.Bytes()
}
