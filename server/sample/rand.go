package sample

import "math/bits"

// A lot draws numbers that are the same on every machine and in every version of
// Go, which no generator of the standard library promises. It is SplitMix64. Only whole numbers
// are used to make the data, since processors round fractions differently.
type lot struct{ state uint64 }

// newLot returns a lot of its own for each purpose, so that a change in how one
// index is made leaves the others as they are.
func newLot(purpose string) *lot {
	state := uint64(20261130)
	for _, c := range []byte(purpose) {
		state = (state ^ uint64(c)) * 0x100000001b3
	}
	return &lot{state}
}

func (l *lot) next() uint64 {
	l.state += 0x9e3779b97f4a7c15
	z := l.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (l *lot) below(n int) int {
	hi, _ := bits.Mul64(l.next(), uint64(n))
	return int(hi)
}

// between returns a number from low to high.
func (l *lot) between(low, high int) int { return low + l.below(high-low+1) }

// percent reports true n times of 100.
func (l *lot) percent(n int) bool { return l.below(100) < n }

// pick returns one of the list.
func pick[T any](l *lot, list []T) T { return list[l.below(len(list))] }

// some returns n different ones of the list, in its order.
func some[T any](l *lot, list []T, n int) []T {
	var chosen []T
	for i, v := range list {
		if n > 0 && l.below(len(list)-i) < n {
			chosen = append(chosen, v)
			n--
		}
	}
	return chosen
}

// share divides total over weights: no rounding is lost, and the parts add up to total.
func share(total int, weights []int) []int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	parts := make([]int, len(weights))
	reached, given := 0, 0
	for i, w := range weights {
		reached += w
		upTo := int(mulDiv(uint64(total), uint64(reached), uint64(sum)))
		parts[i], given = upTo-given, upTo
	}
	return parts
}

// mulDiv returns a*b/c for b <= c, which does not overflow.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, c)
	return q
}
