package record

import (
	"math"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Parse returns the value that text means in this field, as Elasticsearch
// would index it: a float is rounded to the precision of its type, a
// scaled_float to its scale, a date becomes the instant that the first matching
// format makes of it, with absent parts at their start and UTC where it names no zone.
// A text for a whole number may have a fraction of zeros only.
//
// The value keeps text and shares its bytes; an address does neither. The error is a *[ValueError].
func (f *Field) Parse(text string) (Value, error) {
	v, want := f.parse(text, false)
	if want != "" {
		return Value{}, &ValueError{f, text, want}
	}
	return v, nil
}

// DateOnly reports whether the values of f are days, months or years, not
// instants: f is a date all of whose formats stop at the day.
func (f *Field) DateOnly() bool { return f.Kind == Time && f.own.dateOnly }

// parse is Parse without an error to allocate: it returns what it wants
// instead. A document may say more than an operand: a fraction on a whole
// number is cut off, and "" is false.
func (f *Field) parse(text string, document bool) (v Value, want string) {
	switch f.Kind {
	case String, Text, Flattened:
		return StringValue(text), ""
	case Version:
		return VersionValue(text), ""
	case Int:
		return f.parseInt(text, document)
	case Uint:
		return parseUint(text, document)
	case Float:
		return f.parseFloat(text)
	case Time:
		ms, ok := parseDate(f.own.formats, text)
		if !ok {
			return v, f.own.want
		}
		return Value{kind: Time, num: uint64(ms), text: text}, ""
	case Bool:
		return parseBool(text, document)
	case IP:
		a, ok := parseAddr(text)
		if !ok {
			return v, wantIP
		}
		return IPValue(a), ""
	}
	return v, "a value that can be compared: the field is " + describe(f.Kind)
}

const (
	wantWhole  = "a whole number"
	wantNumber = "a number"
	wantFinite = "a number of a size that can be kept"
	wantBool   = "true or false"
	wantIP     = "an IP address"
	// wantSmaller is what an unsigned_long takes.
	wantSmaller = wantWhole + " from 0 to 18446744073709551615"
)

func describe(k Kind) string {
	switch k {
	case Object, Nested:
		return "an object"
	case JSON:
		return "a point"
	}
	return "of an unknown type"
}

// wantDate says what a date with these formats takes.
func wantDate(formats []string) string {
	return "a date as the field has them (" + strings.Join(formats, " or ") + ")"
}

func parseBool(text string, document bool) (Value, string) {
	switch {
	case text == "true":
		return BoolValue(true), ""
	case text == "false":
		return BoolValue(false), ""
	case text == "" && document:
		return BoolValue(false).WithText(text), ""
	}
	return Value{}, wantBool
}

// parseAddr reads an address without a zone.
func parseAddr(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == ""
}

// intRange returns the bounds of a type of whole numbers.
func intRange(typ string) (lo, hi int64) {
	switch typ {
	case "byte":
		return math.MinInt8, math.MaxInt8
	case "short":
		return math.MinInt16, math.MaxInt16
	case "integer":
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func (f *Field) parseInt(text string, document bool) (Value, string) {
	i, ok := smallInt(text)
	if !ok {
		u, negative, want := wholeNumber(text, document)
		switch {
		case want == wantSmaller || want == "" && u > math.MaxInt64 && (!negative || u > 1<<63):
			return Value{}, f.own.want
		case want != "":
			return Value{}, want
		}
		if i = int64(u); negative {
			i = -i
		}
	}
	if i < f.own.min || i > f.own.max {
		return Value{}, f.own.want
	}
	return Value{kind: Int, num: uint64(i), text: text}, ""
}

// wantRange says what a type of whole numbers takes.
func wantRange(typ string) string {
	lo, hi := intRange(typ)
	return wantWhole + " from " + strconv.FormatInt(lo, 10) + " to " + strconv.FormatInt(hi, 10)
}

func parseUint(text string, document bool) (Value, string) {
	i, ok := smallInt(text)
	u, negative := uint64(i), i < 0
	if !ok {
		var want string
		if u, negative, want = wholeNumber(text, document); want != "" {
			return Value{}, want
		}
	}
	if negative && u != 0 {
		return Value{}, wantSmaller
	}
	return Value{kind: Uint, num: u, text: text}, ""
}

// smallInt reads a plain whole number of at most 18 digits.
func smallInt(text string) (i int64, ok bool) {
	digits := text
	if text != "" && (text[0] == '-' || text[0] == '+') {
		digits = text[1:]
	}
	if digits == "" || len(digits) > 18 {
		return 0, false
	}
	for j := 0; j < len(digits); j++ {
		c := digits[j] - '0'
		if c > 9 {
			return 0, false
		}
		i = i*10 + int64(c)
	}
	if text[0] == '-' {
		i = -i
	}
	return i, true
}

// wholeNumber reads any number whose value is whole, such as 5.0 or 12e3, and
// returns its size and sign; it wants wantSmaller of one that takes more than
// 64 bits. A document's fraction is cut off.
func wholeNumber(text string, document bool) (u uint64, negative bool, want string) {
	n, ok := splitNumber(text)
	if !ok {
		return 0, false, wantWhole
	}
	if strings.Trim(n.whole, "0") == "" && strings.Trim(n.fraction, "0") == "" {
		return 0, false, ""
	}
	exp := smallExponent(n.exponent)
	if exp > 400 || exp < -1<<20 {
		if exp < 0 && document {
			return 0, false, ""
		}
		return 0, false, wantWhole + " of a size that can be kept"
	}
	point := len(n.whole) + exp
	for i := max(point, 0); !document && i < len(n.whole)+len(n.fraction); i++ {
		if n.digit(i) != 0 {
			return 0, false, wantWhole
		}
	}
	for i := range max(point, 0) {
		high, low := bits.Mul64(u, 10)
		sum, carry := bits.Add64(low, n.digit(i), 0)
		if high+carry != 0 {
			return 0, false, wantSmaller
		}
		u = sum
	}
	return u, n.negative, ""
}

// smallExponent reads an exponent; beyond a million it may return any number as far out.
func smallExponent(text string) (exp int) {
	for i := 0; i < len(text); i++ {
		if isDigit(text[i]) && exp < 1<<21 {
			exp = exp*10 + int(text[i]-'0')
		}
	}
	if text[0] == '-' {
		exp = -exp
	}
	return exp
}

// A number is the text of a decimal number taken apart.
type number struct {
	negative        bool
	whole, fraction string
	exponent        string
}

// splitNumber takes [+-]12.5e-3 apart; digits may be absent on one side of the point.
func splitNumber(text string) (n number, ok bool) {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		n.negative = text[0] == '-'
		text = text[1:]
	}
	n.exponent = "0"
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n.exponent = text[i+1:]
		text = text[:i]
		if e := strings.TrimPrefix(strings.TrimPrefix(n.exponent, "-"), "+"); !allDigits(e) || len(n.exponent) > len(e)+1 {
			return n, false
		}
	}
	n.whole, n.fraction, _ = strings.Cut(text, ".")
	return n, (n.whole == "" || allDigits(n.whole)) && (n.fraction == "" || allDigits(n.fraction)) && len(n.whole)+len(n.fraction) > 0
}

// digit returns the digit at i, counted from the first on, and 0 behind the last.
func (n number) digit(i int) uint64 {
	switch {
	case i < len(n.whole):
		return uint64(n.whole[i] - '0')
	case i < len(n.whole)+len(n.fraction):
		return uint64(n.fraction[i-len(n.whole)] - '0')
	}
	return 0
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func (f *Field) parseFloat(text string) (Value, string) {
	bits := 64
	if f.Type == "float" || f.Type == "half_float" {
		bits = 32 // at once: rounded twice, a number halfway between two floats may become the farther one
	}
	x, want := parseFloat(text, bits)
	if want != "" {
		return Value{}, want
	}
	switch f.Type {
	case "half_float":
		x = half(x)
	case "scaled_float":
		x = scaled(x, f.Scale)
	}
	if math.IsInf(x, 0) {
		return Value{}, wantFinite
	}
	return FloatValue(x).WithText(text), ""
}

// parseFloat reads a decimal number as the nearest float of so many bits; strconv knows more forms, which no
// document has.
func parseFloat(text string, bits int) (float64, string) {
	for i := 0; i < len(text); i++ {
		if c := text[i]; !isDigit(c) && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, wantNumber
		}
	}
	x, err := strconv.ParseFloat(text, bits)
	if err == nil {
		return x, ""
	}
	if math.IsInf(x, 0) {
		return 0, wantFinite
	}
	return 0, wantNumber
}

// half rounds x, a float of 32 bits, to the nearest half-precision number, to the even one of two
// as near; beyond the largest it is infinite.
func half(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) {
		return x
	}
	_, exp := math.Frexp(x)
	quantum := math.Ldexp(1, max(exp-11, -24))
	x = math.RoundToEven(x/quantum) * quantum
	if math.Abs(x) > 65504 {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return x
}

// scaled rounds x to a whole number of 1/factor, half of one upwards.
func scaled(x, factor float64) float64 {
	y := x * factor
	r := math.Floor(y)
	if y-r >= 0.5 {
		r++
	}
	r = max(math.MinInt64, min(r, math.MaxInt64)) // as a Java long has it
	return r / factor
}
