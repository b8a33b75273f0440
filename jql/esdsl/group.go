package esdsl

import (
	"github.com/digit-health/dhr/record"
)

// GroupPath returns the path by which an aggregation tells the values of f apart just as
// package record does, those of a field that folds case in lower case. It is
// empty if there is none.
func (c *Compiler) GroupPath(f *record.Field) string {
	known := c.known(f)
	if known == nil || !known.docValues || !f.Searchable {
		return ""
	}
	switch f.Kind {
	case record.String:
		switch {
		case known.kind != "keyword" && known.kind != "flattened":
			return ""
		case f.FoldCase:
			path, ok := c.folded(f)
			if !ok {
				return ""
			}
			return path
		case known.folding != asIs:
			return ""
		}
		return f.Path
	case record.Bool, record.Int, record.Float, record.IP:
		return f.Path
	case record.Time:
		if f.Type == "date" {
			return f.Path
		}
	}
	return ""
}

// PrefixPattern returns a regexp, as aggregations take it, for strings that begin with prefix in
// any case; it is empty if the pattern would be too long.
func PrefixPattern(prefix string) string {
	b := append(foldedPattern(nil, prefix), ".*"...)
	if units(b) > maxPattern {
		return ""
	}
	return string(b)
}

// AppendString appends s as a JSON string.
func AppendString(dst []byte, s string) []byte { return appendString(dst, s) }
