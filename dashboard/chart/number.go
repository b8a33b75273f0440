package chart

import (
	"math"
	"strconv"
	"strings"
)

// A decimal is the number 0.digits × 10^exp. Its digits neither begin nor end with a zero; those of zero are none.
type decimal struct {
	negative bool
	digits   string
	exp      int
}

// whole is the number above which a float64 does not know its last digit before the point.
const whole = 1 << 53

// decimalOf returns the shortest number that is v and no other.
func decimalOf(v float64) decimal {
	return parseDecimal(strconv.FormatFloat(v, 'e', -1, 64))
}

func parseDecimal(text string) decimal {
	d := decimal{negative: text[0] == '-'}
	mantissa, exponent, _ := strings.Cut(strings.TrimPrefix(text, "-"), "e")
	before, after, _ := strings.Cut(mantissa, ".")
	d.exp, _ = strconv.Atoi(exponent)
	d.exp += len(before)
	d.digits = before + after
	return d.trimmed()
}

func (d decimal) trimmed() decimal {
	for strings.HasPrefix(d.digits, "0") {
		d.digits = d.digits[1:]
		d.exp--
	}
	if d.digits = strings.TrimRight(d.digits, "0"); d.digits == "" {
		return decimal{}
	}
	return d
}

// rounded returns the number with n digits, of which the last is rounded as people do: a half away from zero.
func (d decimal) rounded(n int) decimal {
	if n >= len(d.digits) {
		return d
	}
	if n < 0 {
		return decimal{}
	}
	up := d.digits[n] >= '5'
	digits := []byte("0" + d.digits[:n])
	for i := len(digits) - 1; up; i-- {
		if up = digits[i] == '9'; up {
			digits[i] = '0'
		} else {
			digits[i]++
		}
	}
	return decimal{negative: d.negative, digits: string(digits), exp: d.exp + 1}.trimmed()
}

func (d decimal) isWhole() bool { return len(d.digits) <= d.exp }

// plain writes the number with at least so many decimals.
func (l *locale) plain(d decimal, decimals int) string {
	if d.exp > 21 || d.exp < -6 && d.digits != "" {
		return l.scientific(d)
	}
	before, after := "0", ""
	switch {
	case d.exp <= 0:
		after = strings.Repeat("0", -d.exp) + d.digits
	case d.isWhole():
		before = d.digits + strings.Repeat("0", d.exp-len(d.digits))
	default:
		before, after = d.digits[:d.exp], d.digits[d.exp:]
	}
	if d.digits == "" {
		before, after = "0", ""
	}
	if len(after) < decimals {
		after += strings.Repeat("0", decimals-len(after))
	}
	text := l.grouped(before)
	if after != "" {
		text += l.point + after
	}
	if d.negative {
		return "-" + text
	}
	return text
}

// scientific writes numbers of too many zeros: 1.5 × 10³⁰.
func (l *locale) scientific(d decimal) string {
	text := d.digits[:1]
	if len(d.digits) > 1 {
		text += l.point + d.digits[1:]
	}
	if d.negative {
		text = "-" + text
	}
	raised := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
	return text + solid + "×" + solid + "10" + raised.Replace(strconv.Itoa(d.exp-1))
}

// grouped puts marks between the digits: 1,234,567 or 12,34,567.
func (l *locale) grouped(digits string) string {
	if len(digits) <= 3 {
		return digits
	}
	size := 3
	if l.indian {
		size = 2
	}
	b := make([]byte, 0, 2*len(digits))
	for i := range len(digits) {
		if left := len(digits) - i; i > 0 && left >= 3 && (left-3)%size == 0 {
			b = append(b, l.group...)
		}
		b = append(b, digits[i])
	}
	return string(b)
}

// count writes a whole number.
func (l *locale) count(n int64) string {
	if n < 0 {
		return "-" + l.grouped(strconv.FormatInt(-n, 10))
	}
	return l.grouped(strconv.FormatInt(n, 10))
}

// about stands before a number that is not quite the one that was found.
const about = "~"

// exact writes a number in full. Above 2^53, where a float64 is but near a count, it says so.
func (l *locale) exact(v float64) string {
	if v == math.Trunc(v) && v > -1e15 && v < 1e15 {
		return l.count(int64(v))
	}
	d := decimalOf(v)
	if math.Abs(v) > whole {
		return about + l.plain(d.rounded(15), 0)
	}
	if !d.isWhole() {
		d = d.rounded(15) // what float64 holds of a decimal number
	}
	return l.plain(d, 0)
}

// rounded writes a number for a label: whole ones in full, others with four digits or so. One that is not whole never looks so.
func (l *locale) rounded(v float64) string {
	d := decimalOf(v)
	if d.isWhole() || math.Abs(v) > whole || len(d.digits) <= 4 {
		return l.exact(v)
	}
	for n := max(4, d.exp+1); n < 15; n++ {
		if r := d.rounded(n); !r.isWhole() {
			return l.plain(r, n-d.exp)
		}
	}
	return l.exact(v)
}

// scaled writes a number with a word for its power of ten, 12.3 lakh, or returns "" if there is none for it.
func (l *locale) scaled(v float64) string {
	d := decimalOf(v)
	for i := len(l.scales) - 1; i >= 0; i-- {
		s := l.scales[i]
		if d.exp <= s.power {
			continue
		}
		r := d.rounded(d.exp - s.power + 1)
		text := l.plain(decimal{r.negative, r.digits, r.exp - s.power}, 0) + solid + s.name
		if r != d {
			return about + text
		}
		return text
	}
	return ""
}

// with puts the unit behind a number.
func (l *locale) with(number, unit string) string {
	switch unit {
	case "":
		return number
	case "%":
		return number + l.gap + unit
	}
	return number + solid + unit
}

// share writes what part of a whole a part is. Some is never none, and not all is never all.
func (l *locale) share(part, of float64) string {
	if of == 0 {
		return ""
	}
	percent := part / of * 100
	switch {
	case part != 0 && percent < 0.1:
		return "<" + l.with(l.plain(parseDecimal("1e-1"), 1), "%")
	case part != of && percent > 99.9:
		return ">" + l.with(l.plain(parseDecimal("9.99e1"), 1), "%")
	}
	return l.with(l.decimals(percent, 1), "%")
}

// decimals writes a number with so many decimals.
func (l *locale) decimals(v float64, n int) string {
	d := decimalOf(v)
	return l.plain(d.rounded(d.exp+n), n)
}

// change writes by how much of what was there a number has changed.
func (l *locale) change(from, to float64) string {
	percent := (to/math.Abs(from) - math.Copysign(1, from)) * 100
	sign := "+"
	if percent < 0 {
		sign = "-"
	}
	percent = math.Abs(percent)
	switch {
	case from == 0 || math.IsInf(percent, 0):
		return ""
	case percent < 0.1 && to != from:
		return sign + "<" + l.with(l.plain(parseDecimal("1e-1"), 1), "%")
	}
	return sign + l.with(l.decimals(percent, 1), "%")
}
