package record

import (
	"cmp"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// A Kind says how the values of a field compare, and what a single [Value]
// holds. A mapping has many types; DHR makes these few kinds of them.
type Kind uint8

// The kinds. Text, Object, Nested, Flattened and Unknown are kinds of fields
// only: a value of a text field is a String, and a whole object is a JSON.
const (
	Null      Kind = iota // no value
	Bool                  // boolean; false before true
	Int                   // byte, short, integer, long
	Uint                  // unsigned_long
	Float                 // half_float, float, double, scaled_float
	String                // keyword and the like; ordered by code point
	Time                  // date: an instant, in milliseconds since 1970 UTC
	IP                    // an IPv4 or IPv6 address; ordered by its 16 bytes
	Version               // a version string; ordered as Semantic Versioning says
	JSON                  // an object, a geo_point: its JSON text, not ordered
	Text                  // full text, found by its words
	Object                // a group of fields
	Nested                // a list of objects, each matched for itself
	Flattened             // an object whose keys are not declared
	Unknown               // a type DHR does not know: kept, shown, never searched
)

var kindNames = [...]string{"null", "bool", "int", "uint", "float", "string", "time", "ip", "version", "json",
	"text", "object", "nested", "flattened", "unknown"}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// A Value is one typed value of a field: 32 bytes, no pointer but its text.
// The zero Value is Null.
//
// A value read from a document keeps the text it was written with, so that
// 36.50 is written back as 36.50 and 2024-01-31 stays a day; what it compares
// by is held apart from that text. An address keeps only what it is. The text may point into the document: see
// [Record] for how long it lives.
type Value struct {
	text string
	num  uint64
	kind Kind
}

// BoolValue returns the value of a boolean.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1, text: "true"}
	}
	return Value{kind: Bool, text: "false"}
}

// IntValue returns the value of a whole number.
func IntValue(i int64) Value { return Value{kind: Int, num: uint64(i)} }

// UintValue returns the value of an unsigned whole number.
func UintValue(u uint64) Value { return Value{kind: Uint, num: u} }

// FloatValue returns the value of a number with a fraction. Negative zero
// becomes zero.
func FloatValue(f float64) Value {
	if f == 0 {
		f = 0
	}
	return Value{kind: Float, num: math.Float64bits(f)}
}

// StringValue returns the value of a string.
func StringValue(s string) Value { return Value{kind: String, text: s} }

// TimeValue returns the value of an instant, cut to whole milliseconds.
func TimeValue(t time.Time) Value { return Value{kind: Time, num: uint64(t.UnixMilli())} }

// IPValue returns the value of an address. An IPv4 address and its IPv6-mapped
// form are one value.
func IPValue(a netip.Addr) Value {
	b := a.As16()
	return Value{kind: IP, text: string(b[:])}
}

// VersionValue returns the value of a version string.
func VersionValue(s string) Value { return Value{kind: Version, text: s} }

// JSONValue returns an object or a point as its JSON text, which is not checked.
func JSONValue(text string) Value { return Value{kind: JSON, text: text} }

// WithText returns v with the text it was written as. It is for those who read
// documents: v compares as before, and writes as text.
// It does nothing to a string, a version or a JSON value, which are their text,
// nor to an address, which is always written in its canonical form.
func (v Value) WithText(text string) Value {
	switch v.kind {
	case Bool, Int, Uint, Float, Time:
		v.text = text
	}
	return v
}

// Kind returns what v holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v holds nothing.
func (v Value) IsNull() bool { return v.kind == Null }

// Bool returns v as a boolean; false unless v is a Bool.
func (v Value) Bool() bool { return v.kind == Bool && v.num == 1 }

// Int returns v as a signed number; 0 unless v is an Int.
func (v Value) Int() int64 {
	if v.kind != Int {
		return 0
	}
	return int64(v.num)
}

// Uint returns v as an unsigned number; 0 unless v is a Uint.
func (v Value) Uint() uint64 {
	if v.kind != Uint {
		return 0
	}
	return v.num
}

// Float returns v as a float; 0 unless v is a Float.
func (v Value) Float() float64 {
	if v.kind != Float {
		return 0
	}
	return math.Float64frombits(v.num)
}

// Millis returns v in milliseconds since 1970 UTC; 0 unless v is a Time.
func (v Value) Millis() int64 {
	if v.kind != Time {
		return 0
	}
	return int64(v.num)
}

// Time returns v as an instant in UTC; the zero time unless v is a Time.
func (v Value) Time() time.Time {
	if v.kind != Time {
		return time.Time{}
	}
	return time.UnixMilli(int64(v.num)).UTC()
}

// Addr returns v as an address; the zero address unless v is an IP.
func (v Value) Addr() netip.Addr {
	if v.kind != IP {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(unsafe.Slice(unsafe.StringData(v.text), len(v.text)))
	return a.Unmap()
}

// Text returns v as it was written: the characters of a string, the digits of
// a number, the JSON of an object. An address alone does not keep how it was
// written: it has its canonical form, 2001:db8::1 for 2001:DB8:0::1. A value made
// in Go is written in the shortest form that reads back as itself, an instant
// as RFC 3339 in UTC with milliseconds when it has them.
func (v Value) Text() string {
	if v.text != "" && v.kind != IP || v.kind == String {
		return v.text
	}
	var b [64]byte
	return string(v.AppendText(b[:0]))
}

// AppendText appends [Value.Text], without a string of its own.
func (v Value) AppendText(b []byte) []byte {
	switch {
	case v.kind == IP:
		return v.Addr().AppendTo(b)
	case v.text != "":
		return append(b, v.text...)
	}
	switch v.kind {
	case Int:
		return strconv.AppendInt(b, int64(v.num), 10)
	case Uint:
		return strconv.AppendUint(b, v.num, 10)
	case Float:
		return strconv.AppendFloat(b, math.Float64frombits(v.num), 'g', -1, 64)
	case Time:
		return v.Time().AppendFormat(b, "2006-01-02T15:04:05.999Z07:00")
	}
	return b
}

// String describes v for a person reading a plan or a failed test: a string
// quoted, everything else as the value it compares by.
func (v Value) String() string {
	switch v.kind {
	case Null:
		return "null"
	case String, Version:
		return strconv.Quote(v.text)
	case IP, JSON:
		return v.Text()
	}
	v.text = ""
	if v.kind == Bool {
		return strconv.FormatBool(v.num == 1)
	}
	return v.Text()
}

// Clone returns v with a text of its own, which lives as long as v does.
func (v Value) Clone() Value {
	v.text = strings.Clone(v.text)
	return v
}

// Equal reports whether v and w are one value: the same kind, and neither
// before the other. The texts they were written with do not count.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case String, IP, JSON:
		return v.text == w.text
	case Version:
		return compareVersions(v.text, w.text) == 0
	}
	return v.num == w.num
}

// Compare returns -1, 0 or +1 as v is before, equal to or after w in the order
// of their kind. Values of different kinds are ordered by kind, Null first.
func (v Value) Compare(w Value) int {
	if v.kind != w.kind {
		return cmp.Compare(v.kind, w.kind)
	}
	switch v.kind {
	case Null:
		return 0
	case Int, Time:
		return cmp.Compare(int64(v.num), int64(w.num))
	case Float:
		return cmp.Compare(math.Float64frombits(v.num), math.Float64frombits(w.num))
	case String, IP, JSON:
		return strings.Compare(v.text, w.text)
	case Version:
		return compareVersions(v.text, w.text)
	}
	return cmp.Compare(v.num, w.num)
}
