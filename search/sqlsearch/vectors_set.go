package sqlsearch

import (
	"iter"
	"math/bits"
)

// A vectorSet is a set of records, by their places: a bit for each.
type vectorSet []uint64

func newVectorSet(n int) vectorSet { return make(vectorSet, (n+63)/64) }

// everyRecord returns the set of n records.
func everyRecord(n int) vectorSet {
	s := newVectorSet(n)
	for i := range s {
		s[i] = ^uint64(0)
	}
	if n%64 != 0 {
		s[len(s)-1] = 1<<(n%64) - 1
	}
	return s
}

func (s vectorSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s vectorSet) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }
func (s vectorSet) size() int64    { return int64(len(s)) * 8 }

func (s vectorSet) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// both returns what is in s and in o; neither changes.
func (s vectorSet) both(o vectorSet) vectorSet {
	out := make(vectorSet, len(s))
	for i := range s {
		out[i] = s[i] & o[i]
	}
	return out
}

// either returns what is in s or in o.
func (s vectorSet) either(o vectorSet) vectorSet {
	out := make(vectorSet, len(s))
	for i := range s {
		out[i] = s[i] | o[i]
	}
	return out
}

// without returns what is in s and not in o.
func (s vectorSet) without(o vectorSet) vectorSet {
	out := make(vectorSet, len(s))
	for i := range s {
		out[i] = s[i] &^ o[i]
	}
	return out
}

// all yields the places in their order.
func (s vectorSet) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(i*64 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}
