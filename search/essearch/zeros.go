package essearch

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A zeroKey is a key of an order in which the engine has -0.0 before 0.0, which
// are one value to DHR, and in which some record has a -0.0.
type zeroKey struct {
	key     int // in the plan's order
	element int // in the sort values
	desc    bool
}

// zeroKeys finds the keys of an order that need care. Few records have a
// -0.0; so the engine is asked whether any has.
func (q *question) zeroKeys(ctx context.Context, o ordering, pt *point) (keys []zeroKey, err error) {
	for i, s := range q.plan.Order[:o.keys] {
		if s.Field == nil || s.Field.Kind != record.Float || s.Field.Type == "scaled_float" {
			continue
		}
		found, err := q.hasNegativeZero(ctx, s.Field, pt)
		if err != nil {
			return nil, err
		}
		if found {
			before, err := q.c.Sort(q.plan.Order[:i])
			if err != nil {
				return nil, err
			}
			keys = append(keys, zeroKey{i, elements(before), s.Desc})
		}
	}
	return keys, nil
}

func (q *question) hasNegativeZero(ctx context.Context, f *record.Field, pt *point) (bool, error) {
	type object map[string]any
	zero := json.RawMessage("-0.0")
	query := object{"range": object{f.Path: object{"gte": zero, "lte": zero}}}
	if f.Nested != "" {
		query = object{"nested": object{"path": f.Nested, "query": query}}
	}
	text, err := json.Marshal(query)
	if err != nil {
		return false, err
	}
	path := "/_search"
	if pt == nil {
		if path, err = indexPath(q.plan.Schema.Index, path); err != nil {
			return false, err
		}
	}
	n, err := (&question{d: q.d, query: text}).count(ctx, path, pt, 1)
	return n > 0, err
}

// groupKey returns what the records of a group share of their sort values: the
// first ones, or those up to a zero, whatever its sign, if they differ behind it.
func groupKey(dst, values []byte, shared int, zeros []zeroKey) []byte {
	if shared == 0 {
		return dst
	}
	for _, z := range zeros {
		head, _ := firstElements(values, z.element+1)
		before, n := firstElements(values, z.element)
		if z.element == 0 {
			before, n = values[:1], 0
		}
		value := bytes.Trim(head[len(before):], ", \n\r\t")
		if n == z.element && isZero(value) {
			return append(append(dst, before...), ",zero"...)
		}
	}
	key, _ := firstElements(values, shared)
	return append(dst, key...)
}

func isZero(number []byte) bool {
	return len(number) > 0 && (number[0] == '-' || isDigit(number[0])) && !bytes.ContainsAny(number, "123456789")
}

// beforeZero returns the sort keys of a record that stands before all those that
// stand beside the one with these keys as far as zeros of either sign are one.
func beforeZero(order []plan.Sort, keys []record.Value, zeros []zeroKey) []record.Value {
	for _, z := range zeros {
		if v := keys[z.key]; v.IsNull() || v.Float() != 0 {
			continue
		}
		keys = slices.Clone(keys)
		least := -math.SmallestNonzeroFloat64
		if order[z.key].Desc {
			least = -least
		}
		keys[z.key] = record.FloatValue(least)
		return keys
	}
	return keys
}
