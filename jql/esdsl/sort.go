package esdsl

import (
	"fmt"
	"strings"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A sortKey is one key of the engine's sort. Of one key of a plan may come two.
type sortKey struct {
	from    int // the place in the plan's order
	field   *record.Field
	path    string
	desc    bool
	mode    string // which of several values counts, or empty
	numeric string // the numeric_type, or empty
}

// Sort returns the sort of a search request for an order. Of a plan's order
// those keys are left out which are alike in all records; the answer's sort values
// are therefore not the keys of the plan.
func (c *Compiler) Sort(order []plan.Sort) ([]byte, error) {
	keys, err := c.sortKeys(order)
	if err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, 256), '[')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = k.append(b)
	}
	return append(b, ']'), nil
}

func (k *sortKey) append(b []byte) []byte {
	b = append(b, '{')
	b = appendString(b, k.path)
	b = append(b, `:{"order":"`...)
	b = append(b, direction(k.desc)...)
	b = append(b, '"')
	if k.mode != "" {
		b = append(b, `,"mode":"`...)
		b = append(b, k.mode...)
		b = append(b, `","missing":"_last","unmapped_type":`...)
		b = appendString(b, unmappedType(k.field))
	}
	if k.path == IDField {
		b = append(b, `,"unmapped_type":"keyword"`...)
	}
	if k.numeric != "" {
		b = append(b, `,"numeric_type":"`...)
		b = append(b, k.numeric...)
		b = append(b, '"')
	}
	if k.field.Nested != "" {
		b = append(b, `,"nested":{"path":`...)
		b = appendString(b, k.field.Nested)
		b = append(b, '}')
	}
	return append(b, '}', '}')
}

// unmappedType is what an index that lacks the field is to take it for.
func unmappedType(f *record.Field) string {
	switch f.Kind {
	case record.Int, record.Bool:
		return "long"
	case record.Float:
		return "double"
	case record.Time:
		return "date"
	case record.String:
		return "keyword"
	}
	return f.Type
}

func direction(desc bool) string {
	if desc {
		return "desc"
	}
	return "asc"
}

// sortKeys translates an order.
func (c *Compiler) sortKeys(order []plan.Sort) ([]sortKey, error) {
	keys := make([]sortKey, 0, len(order)+1)
	for i, s := range order {
		if s.Field == nil || s.Field.Path == "_index" && len(c.o.Indexes) == 1 {
			continue
		}
		k := sortKey{from: i, field: s.Field, path: s.Field.Path, desc: s.Desc}
		twice, err := c.sortKey(&k)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
		if twice { // so that the greatest number is not beside a missing one
			k.desc = !k.desc
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func (c *Compiler) sortKey(k *sortKey) (twice bool, err error) {
	f := k.field
	switch {
	case f.Path == "_index":
		return false, nil
	case f.Path == "_id" && c.hasID:
		k.path = IDField
		return false, nil
	case f.Path == "_id" && c.o.SortByID:
		return false, nil
	}
	known := c.known(f)
	if known == nil || !known.docValues || !c.o.Elasticsearch && losesRecords(f) {
		return false, unsorted(f)
	}
	k.mode = "min"
	if k.desc {
		k.mode = "max"
	}
	switch f.Kind {
	case record.String:
		path, ok := f.Path, known.folding == asIs
		if f.FoldCase {
			path, ok = c.folded(f)
		}
		if k.path = path; !ok || known.kind == "flat_object" {
			return false, unsorted(f)
		}
	case record.Bool, record.Int:
		k.numeric = "long"
	case record.Float:
		if f.Type == "scaled_float" { // OpenSearch loses records on its way to those behind a value
			return false, unsorted(f)
		}
		k.numeric = "double"
	case record.Time:
		if k.desc && len(f.Formats) > 0 && strings.HasPrefix(f.Formats[0], "epoch_") {
			// Elasticsearch fails to write down what stands for a missing date
			return false, unsorted(f)
		}
		k.numeric = "date"
	case record.IP:
	default: // OpenSearch takes unsigned numbers for signed ones, and has versions in a form of its own
		return false, unsorted(f)
	}
	return f.Type == "long", nil
}

// losesRecords reports whether OpenSearch loses records in an order by f, with or without an
// error. To find the first ones fast it skips what the numbers as they are indexed cannot
// be among; but those of nested objects are none of the record's, and nanoseconds
// are none of the milliseconds that are compared. It does not skip where it has to
// make a number wider, such as an integer, before it compares.
func losesRecords(f *record.Field) bool {
	switch f.Type {
	case "long", "double", "date":
		return f.Nested != ""
	}
	return f.Type == "date_nanos"
}

func unsorted(f *record.Field) error {
	return fmt.Errorf("esdsl: an order by %q: %w", f.Path, ErrInexpressible)
}

// CanSort reports whether the engine can put records in the order of one key.
func (c *Compiler) CanSort(s plan.Sort) bool {
	_, err := c.sortKeys([]plan.Sort{s})
	return err == nil
}

// SearchAfter returns the search_after of a search request with the sort that
// [Compiler.Sort] returns, to begin behind the record with these keys: one for
// each of the plan's, Null for a missing value.
func (c *Compiler) SearchAfter(order []plan.Sort, after []record.Value) ([]byte, error) {
	if len(after) != len(order) {
		return nil, fmt.Errorf("esdsl: %d keys for an order of %d", len(after), len(order))
	}
	keys, err := c.sortKeys(order)
	if err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, 128), '[')
	for i := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = keys[i].appendAfter(b, after[keys[i].from])
	}
	return append(b, ']'), nil
}

// appendAfter appends a value as the engine has it in its sort values.
func (k *sortKey) appendAfter(b []byte, v record.Value) []byte {
	kind := k.field.Kind
	if v.IsNull() {
		return k.appendMissing(b)
	}
	switch {
	case kind == record.Bool && v.Bool():
		return append(b, '1')
	case kind == record.Bool:
		return append(b, '0')
	case kind == record.String && k.field.FoldCase:
		return appendString(b, string(analyzer.AppendLower(nil, v.Text())))
	}
	return appendValue(b, v)
}

// appendMissing appends what the engine has for a missing value, which comes last.
func (k *sortKey) appendMissing(b []byte) []byte {
	switch k.field.Kind {
	case record.Bool, record.Int, record.Time:
		if k.desc {
			return append(b, "-9223372036854775808"...)
		}
		return append(b, "9223372036854775807"...)
	case record.Float:
		if k.desc {
			return append(b, `"-Infinity"`...)
		}
		return append(b, `"Infinity"`...)
	}
	return append(b, "null"...)
}

// NegativeZeros returns a query for the records that have a negative zero in f: it is the
// same as 0, and yet the engine orders it before 0. It is nil if f has none.
func (c *Compiler) NegativeZeros(f *record.Field) []byte {
	if known := c.known(f); known == nil || f.Kind != record.Float || f.Type == "scaled_float" || !known.searched {
		return nil
	}
	w := writer{c: c, b: make([]byte, 0, 128)}
	w.enter(f)
	w.text(`{"range":{`)
	w.string(f.Path)
	w.text(`:{"gte":-0.0,"lt":0.0}}}`)
	w.leave(f)
	return w.b
}
