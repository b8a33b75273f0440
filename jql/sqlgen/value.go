package sqlgen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/digit-health/dhr/jql/analyzer"
	"github.com/digit-health/dhr/record"
)

// Argument returns v as DHR's own tables store it, in a form that the database
// orders as the values are ordered:
//
//	Bool     int64, 0 or 1
//	Int      int64
//	Uint     int64, less by 2^63
//	Float    float64
//	String   string
//	Time     int64, milliseconds since 1970 UTC
//	IP       []byte, 16 of them
//	Version  []byte, as VersionKey makes them
//
// Other kinds have no such form, and are an error.
func Argument(v record.Value) (any, error) {
	switch v.Kind() {
	case record.Bool:
		if v.Bool() {
			return int64(1), nil
		}
		return int64(0), nil
	case record.Int:
		return v.Int(), nil
	case record.Uint:
		return int64(v.Uint() ^ 1<<63), nil
	case record.Float:
		return v.Float(), nil
	case record.String:
		return v.Text(), nil
	case record.Time:
		return v.Millis(), nil
	case record.IP:
		b := v.Addr().As16()
		return b[:], nil
	case record.Version:
		return VersionKey(nil, v.Text()), nil
	}
	return nil, fmt.Errorf("sqlgen: a value of kind %s has no form in a column", v.Kind())
}

// Stored returns v as c stores it. It must be of f's kind.
func (c *Column) Stored(f *record.Field, v record.Value) (any, error) {
	want := f.Kind
	if want == record.Text {
		want = record.String
	}
	if v.Kind() != want {
		return nil, fmt.Errorf("sqlgen: the value %s is of kind %s, the field %q of kind %s", v, v.Kind(), f.Path, f.Kind)
	}
	if c.Fold && want == record.String {
		v = record.StringValue(string(analyzer.AppendLower(nil, v.Text())))
	}
	if c.Argument != nil {
		return c.Argument(v)
	}
	return Argument(v)
}

// VersionKey appends to b what stands for a version string: bytes whose order is
// that of [record.Value.Compare], and which end with the version itself.
func VersionKey(b []byte, version string) []byte {
	core, pre, ok := splitVersion(version)
	if !ok {
		b = append(b, 2, 0, 0) // after every valid version, by code point
		return append(b, version...)
	}
	b = append(b, 1)
	b = appendParts(b, core)
	if pre == "" {
		b = append(b, 2) // no pre-release comes after any
	} else {
		b = append(b, 1)
		b = appendParts(b, pre)
	}
	b = append(b, 0, 0)
	return append(b, version...)
}

// VersionText returns the version string that a key of VersionKey stands for.
func VersionText(key []byte) string {
	switch {
	case len(key) >= 3 && key[0] == 2:
		return string(key[3:])
	default: // a valid version has no 0 in it
		return string(key[bytes.LastIndexByte(key, 0)+1:])
	}
}

// appendParts appends identifiers that are joined by points: numbers, by length
// and digits, before words, and an end that comes before either.
func appendParts(b []byte, parts string) []byte {
	for more := true; more; {
		var part string
		part, parts, more = strings.Cut(parts, ".")
		if digits(part) {
			b = append(b, 1)
			b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
			b = append(b, part...)
			continue
		}
		b = append(b, 2)
		b = append(b, part...)
		b = append(b, 0)
	}
	return append(b, 0)
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// splitVersion takes 1.2.3-pre+build apart, as package record does.
func splitVersion(s string) (core, pre string, ok bool) {
	rest, build, hasBuild := strings.Cut(s, "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	if hasBuild && !identifiers(build, false, true) || hasPre && !identifiers(pre, false, false) || !identifiers(core, true, false) {
		return "", "", false
	}
	return core, pre, true
}

// identifiers reports whether s is a list of identifiers joined by points; with
// numeric each a number. Zeros may lead a number in a build only.
func identifiers(s string, numeric, build bool) bool {
	for more := true; more; {
		var part string
		part, s, more = strings.Cut(s, ".")
		number := digits(part)
		if part == "" || numeric && !number || number && !build && len(part) > 1 && part[0] == '0' {
			return false
		}
		for i := 0; i < len(part); i++ {
			c := part[i]
			if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}
