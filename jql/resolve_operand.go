package jql

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A verdict says what became of an operand.
type verdict uint8

const (
	valueBad   verdict = iota // it was complained of
	valueFine                 // it is a value of the field
	valueNever                // it is right in form, but no value of the field can equal it
)

// value turns an operand into a value of a field other than a date. A string that
// the field is too short for is returned with valueNever.
func (r *resolver) value(t *term, f *record.Field, o operand) (record.Value, verdict) {
	text := o.text
	switch f.Kind {
	case record.String:
		if f.FoldCase {
			text = strings.ToLower(text)
		}
		if f.IgnoreAbove > 0 && len(text) > f.IgnoreAbove && utf16Len(text) > f.IgnoreAbove {
			return record.StringValue(text), valueNever
		}
		return record.StringValue(text), valueFine
	case record.Bool:
		switch strings.ToLower(text) {
		case "true":
			return record.BoolValue(true), valueFine
		case "false":
			return record.BoolValue(false), valueFine
		}
		r.badValue(f, o, `"true" or "false"`)
		return record.Value{}, valueBad
	case record.Int, record.Uint, record.Float:
		return r.number(f, o)
	}
	v, err := f.Parse(text)
	if err != nil {
		r.badValue(f, o, wants(f))
		return record.Value{}, valueBad
	}
	return v.WithText(""), valueFine
}

// number turns an operand into a value of a number field, if it has one.
func (r *resolver) number(f *record.Field, o operand) (record.Value, verdict) {
	if v, err := f.Parse(o.text); err == nil && f.Kind != record.Float && isWhole(o.text) {
		return v.WithText(""), valueFine
	}
	n, ok := r.magnitude(f, o)
	if !ok {
		return record.Value{}, valueBad
	}
	if f.Kind == record.Float {
		v, err := f.Parse(o.text)
		if err != nil || f.Scale != 0 && v.Float() != n { // beyond the type, or between two numbers of its scale
			return record.Value{}, valueNever
		}
		return v.WithText(""), valueFine
	}
	if w, _ := wholeAtMost(f, o.text); w.fits && w.exact {
		return w.value, valueFine
	}
	return record.Value{}, valueNever
}

// magnitude returns the operand as a float, or complains that it is no number
// or too large for any field.
func (r *resolver) magnitude(f *record.Field, o operand) (float64, bool) {
	n, err := strconv.ParseFloat(o.text, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		r.fail(o.span, "number_out_of_range", "the number "+shorten(o.text)+" is out of range").Found = o.text
		return 0, false
	case err != nil || !isDecimal(o.text):
		r.badValue(f, o, wants(f))
		return 0, false
	}
	return n, true
}

// badValue complains of an operand that is not of the field's kind.
func (r *resolver) badValue(f *record.Field, o operand, want string) {
	e := r.fail(o.span, "bad_value",
		"the value "+quoted(o.text)+" does not fit the field "+quoted(f.Path)+", "+what(f)+"; expected "+want)
	e.Found, e.Expected = o.text, []string{want}
}

// wants says what values a field takes, for people.
func wants(f *record.Field) string {
	switch f.Kind {
	case record.Int, record.Uint:
		return "a whole number"
	case record.Float:
		return "a number"
	case record.IP:
		return "an IP address or a network such as 10.0.0.0/8"
	case record.Version:
		return "a version"
	case record.Time:
		return "a date such as 2024-01-31, a time such as \"2024-01-31 14:30\" or a duration such as -7d"
	}
	return "a value"
}

// isDecimal reports whether text is a decimal number, which leaves out the
// further forms of strconv: hexadecimal, underscores, infinity, NaN.
func isDecimal(text string) bool {
	digits := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digits = true
		case c == '.', c == '+' && i == 0, c == '-' && i == 0:
		case digits && (c == 'e' || c == 'E'):
			return isExponent(text[i+1:])
		default:
			return false
		}
	}
	return digits
}

func isExponent(text string) bool {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// isWhole reports whether text is written as a whole number.
func isWhole(text string) bool {
	return isDecimal(text) && !strings.ContainsAny(text, ".eE")
}

// bounds of the whole-number types, and the next numbers beyond them as floats.
var wholeTypes = map[string]struct{ min, max int64 }{
	"byte": {math.MinInt8, math.MaxInt8}, "short": {math.MinInt16, math.MaxInt16},
	"integer": {math.MinInt32, math.MaxInt32}, "long": {math.MinInt64, math.MaxInt64},
}

// extreme is the least or the greatest number of a field of whole numbers.
func extreme(f *record.Field, least bool) record.Value {
	if f.Kind == record.Uint {
		if least {
			return record.UintValue(0)
		}
		return record.UintValue(math.MaxUint64)
	}
	limits := limitsOf(f)
	if least {
		return record.IntValue(limits.min)
	}
	return record.IntValue(limits.max)
}

func limitsOf(f *record.Field) (limits struct{ min, max int64 }) {
	limits, known := wholeTypes[f.Type]
	if !known {
		limits = wholeTypes["long"]
	}
	return limits
}

// A whole is the greatest whole number of a field's type that is not above a given number.
type whole struct {
	value record.Value
	exact bool // it is the number itself
	fits  bool // there is one; false below the least of the type
	above bool // the number is above the greatest of the type, which value then is
}

// wholeAtMost rounds a decimal number down to a whole number of the field's type.
func wholeAtMost(f *record.Field, text string) (whole, bool) {
	digits, exact, negative, ok := splitDecimal(text)
	if !ok {
		return whole{}, false
	}
	if f.Kind == record.Uint {
		if negative && (digits != "0" || !exact) {
			return whole{}, true
		}
		u, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return whole{value: record.UintValue(math.MaxUint64), fits: true, above: true}, true
		}
		return whole{value: record.UintValue(u), exact: exact, fits: true}, true
	}
	limits := limitsOf(f)
	if negative {
		digits = "-" + digits
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if negative && !exact && err == nil && n > math.MinInt64 {
		n--
	} else if negative && !exact {
		err = strconv.ErrRange
	}
	switch {
	case err != nil && negative, n < limits.min:
		return whole{}, true
	case err != nil, n > limits.max:
		return whole{value: record.IntValue(limits.max), fits: true, above: true}, true
	}
	return whole{value: record.IntValue(n), exact: exact, fits: true}, true
}

// splitDecimal returns the digits of the whole part of a decimal number
// without its sign, and whether nothing follows them but zeros. It is exact
// however many digits there are. The number is known to fit a float.
func splitDecimal(text string) (digits string, exact, negative, ok bool) {
	if !isDecimal(text) {
		return "", false, false, false
	}
	negative = text[0] == '-'
	text = strings.TrimLeft(text, "+-")
	exponent := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, _ = strconv.Atoi(text[i+1:]) // where it is out of range, the nearest int
		exponent = max(-1<<30, min(exponent, 1<<30))
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	all := strings.TrimLeft(whole+fraction, "0")
	point := len(all) - len(fraction) + exponent // where the decimal point stands in all
	switch {
	case all == "":
		return "0", true, negative, true
	case point <= 0:
		return "0", false, negative, true
	case point > len(all)+400: // no float is so large
		return "", false, false, false
	case point > len(all):
		all += strings.Repeat("0", point-len(all))
	}
	return all[:point], strings.Trim(all[point:], "0") == "", negative, true
}

// bound resolves a comparison with < <= > or >=.
func (r *resolver) bound(t *term, f *record.Field, o operand) plan.Node {
	switch f.Kind {
	case record.Time:
		m, ok := r.moment(t, f, o)
		if !ok {
			return plan.None{}
		}
		r.lintDay(t, f, m)
		return m.compare(t.op, f)
	case record.Int, record.Uint:
		return r.wholeBound(t, f, o)
	case record.Float:
		return r.floatBound(t, f, o)
	}
	if f.Kind == record.IP && strings.Contains(o.text, "/") {
		r.badValue(f, o, "an IP address, since a network is not ordered")
		return plan.None{}
	}
	v, verdict := r.value(t, f, o)
	if verdict == valueBad {
		return plan.None{}
	}
	return half(f, t.op, v) // a string longer than the field holds has a place in the order, too
}

// half is the range of one comparison.
func half(f *record.Field, op string, v record.Value) plan.Node {
	b := plan.Bound{Value: v, Inclusive: op == "<=" || op == ">="}
	if op[0] == '<' {
		return plan.Range{Field: f, Upper: b}
	}
	return plan.Range{Field: f, Lower: b}
}

// wholeBound compares a field of whole numbers with any number.
func (r *resolver) wholeBound(t *term, f *record.Field, o operand) plan.Node {
	if _, ok := r.magnitude(f, o); !ok {
		return plan.None{}
	}
	n, _ := wholeAtMost(f, o.text)
	less := t.op[0] == '<'
	switch {
	case !n.fits && less, n.above && !less, n.exact && len(t.op) == 1 && n.value.Equal(extreme(f, less)):
		r.lintNever(t, f, o, "is "+t.op)
		return plan.None{}
	case !n.fits, n.above:
		return plan.Exists{Field: t.field}
	case n.exact:
		return half(f, t.op, n.value)
	case less: // below 4.5 is up to 4
		return half(f, "<=", n.value)
	}
	return half(f, ">", n.value)
}

// floatBound compares a field of floating numbers with a number as that field would hold it.
func (r *resolver) floatBound(t *term, f *record.Field, o operand) plan.Node {
	n, ok := r.magnitude(f, o)
	if !ok {
		return plan.None{}
	}
	v, err := f.Parse(o.text)
	if err == nil {
		return half(f, exactOp(f, t.op, n, v.Float()), v.WithText(""))
	}
	if (n > 0) == (t.op[0] == '<') { // beyond the greatest of a narrower type
		return plan.Exists{Field: t.field}
	}
	r.lintNever(t, f, o, "is "+t.op)
	return plan.None{}
}

// exactOp returns the operator by which a scaled_float compares with the value
// it holds next to n. A scaled_float holds so many decimals and no more: of 36.50,
// < 36.504 is true, which is <= 36.50. (The other floats hold the
// nearest they can to what was written, in documents and queries alike.)
func exactOp(f *record.Field, op string, n, held float64) string {
	switch {
	case f.Scale == 0 || held == n:
		return op
	case op[0] == '<' && held < n:
		return "<="
	case op[0] == '<':
		return "<"
	case held < n:
		return ">"
	}
	return ">="
}

// network resolves an IP network such as 10.0.0.0/8 to the range of its addresses.
func (r *resolver) network(t *term, f *record.Field, o operand) (plan.Node, bool) {
	p, err := netip.ParsePrefix(o.text)
	if err != nil {
		r.badValue(f, o, wants(f))
		return plan.None{}, false
	}
	first := p.Masked().Addr()
	b := first.As16()
	bits := p.Bits()
	if first.Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return plan.Range{
		Field: f,
		Lower: plan.Bound{Value: record.IPValue(first), Inclusive: true},
		Upper: plan.Bound{Value: record.IPValue(netip.AddrFrom16(b)), Inclusive: true},
	}, true
}
