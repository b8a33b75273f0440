package chart

import (
	"fmt"
	"math"
	"strconv"
)

// A tick is a place on an axis, and what is written there.
type tick struct {
	value float64
	label string
}

// A span is the part of an axis that is drawn.
type span struct{ from, to float64 }

// at says where a value is, from 0 to 1. It divides first, since a span may be larger than any float64.
func (s span) at(v float64) float64 {
	return min(max((v/2-s.from/2)/(s.to/2-s.from/2), 0), 1)
}

// with returns the span with a value in it.
func (s span) with(v float64) span { return span{min(s.from, v), max(s.to, v)} }

// nice returns the span with some room, unless it has any.
func (s span) nice() span {
	if s.to/2-s.from/2 <= max(math.Abs(s.from), math.Abs(s.to))*1e-9 {
		s = s.with(0)
	}
	if s.from == s.to {
		s.to = 1
	}
	return s
}

// steps are the distances of ticks, in tenths of a power of ten.
var steps = []int64{10, 20, 25, 50, 100}

// ticksOf returns at most about n ticks at round numbers, and the span from the first to the last, in which all of s is. Their labels
// are exact. If all values are whole, so are the ticks.
func (l *locale) ticksOf(s span, n int, wholeOnly bool, unit string) ([]tick, span) {
	s = s.nice()
	n = max(n, 2) // less cannot have zero in the middle
	raw := s.to/float64(n) - s.from/float64(n)
	power := int(math.Floor(math.Log10(raw)))
	for _, c := range steps {
		factor, e := c, power-1
		for factor%10 == 0 {
			factor, e = factor/10, e+1
		}
		if wholeOnly && e < 0 {
			factor, e = 1, 0
		}
		step := scientificFloat(factor, e)
		first, last := math.Floor(s.from/step), math.Ceil(s.to/step)
		if last-first > float64(n) && c < 100 || math.Abs(first) > 1e12 || math.Abs(last) > 1e12 {
			continue
		}
		return l.labelled(int64(first), int64(last), factor, e, unit)
	}
	return nil, s
}

func scientificFloat(m int64, e int) float64 {
	v, _ := strconv.ParseFloat(fmt.Sprintf("%de%d", m, e), 64) // a number that has been written just now
	return v
}

// labelled returns the ticks that are the multiples from first to last of factor × 10^e.
func (l *locale) labelled(first, last, factor int64, e int, unit string) ([]tick, span) {
	decimals, highest := 0, 0
	all := make([]decimal, 0, last-first+1)
	for m := first; m <= last; m++ {
		d := parseDecimal(fmt.Sprintf("%de%d", m*factor, e))
		all = append(all, d)
		decimals, highest = max(decimals, len(d.digits)-d.exp), max(highest, d.exp)
	}
	by := scale{}
	for _, s := range l.scales {
		fits := highest > max(s.power, 5) && highest <= s.power+6
		for _, d := range all {
			fits = fits && (d.digits == "" || len(d.digits)-(d.exp-s.power) <= 2)
		}
		if fits {
			by = s
		}
	}
	ticks := make([]tick, len(all))
	for i, d := range all {
		ticks[i].value = scientificFloat((first+int64(i))*factor, e)
		if d.digits == "" {
			ticks[i].label = "0"
			continue
		}
		if by.name == "" {
			ticks[i].label = l.plain(d, decimals)
		} else {
			ticks[i].label = l.plain(decimal{d.negative, d.digits, d.exp - by.power}, 0) + solid + by.name
		}
		if unit == "%" {
			ticks[i].label = l.with(ticks[i].label, unit)
		}
	}
	return ticks, span{ticks[0].value, ticks[len(ticks)-1].value}
}
