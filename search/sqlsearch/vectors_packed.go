package sqlsearch

import "slices"

// Packed has whole numbers in as few bytes as they need: each is a base and so many steps.
type packed struct {
	n     int
	base  int64
	step  uint64
	most  uint64 // the greatest number of steps
	bytes []uint8
	pairs []uint16
	words []uint32
	longs []uint64
}

// newPacked returns numbers packed. Those of also can be told as steps too.
func newPacked(numbers, also []int64) packed {
	c := packed{n: len(numbers), step: 1}
	if c.n == 0 {
		return c
	}
	both := [][]int64{numbers, also}
	low, high := slices.Min(numbers), slices.Max(numbers)
	for _, v := range also {
		low, high = min(low, v), max(high, v)
	}
	step := uint64(0)
	for _, list := range both {
		for _, v := range list {
			if step == 1 {
				break
			}
			step = divisor(uint64(v)-uint64(low), step)
		}
	}
	c.base, c.step = low, max(step, 1)
	c.most = (uint64(high) - uint64(low)) / c.step
	switch {
	case c.most < 1<<8:
		c.bytes = stepsOf[uint8](&c, numbers)
	case c.most < 1<<16:
		c.pairs = stepsOf[uint16](&c, numbers)
	case c.most < 1<<32:
		c.words = stepsOf[uint32](&c, numbers)
	default:
		c.longs = stepsOf[uint64](&c, numbers)
	}
	return c
}

// divisor returns the greatest common divisor.
func divisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

type unsigned interface {
	uint8 | uint16 | uint32 | uint64
}

func stepsOf[T unsigned](c *packed, numbers []int64) []T {
	out := make([]T, len(numbers))
	for i, v := range numbers {
		out[i] = T(c.steps(v))
	}
	return out
}

// steps returns how many steps a number is from the base.
func (c *packed) steps(v int64) uint64 { return (uint64(v) - uint64(c.base)) / c.step }

// number returns the number that is so many steps from the base.
func (c *packed) number(steps uint64) int64 { return int64(uint64(c.base) + steps*c.step) }

func (c *packed) size() int64 {
	return int64(len(c.bytes)) + int64(len(c.pairs))*2 + int64(len(c.words))*4 + int64(len(c.longs))*8
}

// stepsAt returns the steps of number i.
func (c *packed) stepsAt(i int) uint64 {
	switch {
	case c.bytes != nil:
		return uint64(c.bytes[i])
	case c.pairs != nil:
		return uint64(c.pairs[i])
	case c.words != nil:
		return uint64(c.words[i])
	}
	return c.longs[i]
}

// at returns number i.
func (c *packed) at(i int) int64 { return c.number(c.stepsAt(i)) }

// span returns the least and the greatest number of steps of the numbers from low to high; ok is false if there can be none.
func (c *packed) span(low, high int64) (least, greatest uint64, ok bool) {
	low, high = max(low, c.base), min(high, c.number(c.most))
	if low > high {
		return 0, 0, false
	}
	least, greatest = c.steps(low), c.steps(high)
	if c.number(least) < low {
		least++
	}
	return least, greatest, least <= greatest
}

// within returns where the steps are from least to greatest.
func (c *packed) within(least, greatest uint64) vectorSet {
	switch {
	case c.bytes != nil:
		return within(c.bytes, uint8(least), uint8(greatest))
	case c.pairs != nil:
		return within(c.pairs, uint16(least), uint16(greatest))
	case c.words != nil:
		return within(c.words, uint32(least), uint32(greatest))
	}
	return within(c.longs, least, greatest)
}

func within[T unsigned](steps []T, least, greatest T) vectorSet {
	set, width := newVectorSet(len(steps)), greatest-least
	for i := range set {
		var w uint64
		for j, v := range steps[i*64 : min(i*64+64, len(steps))] {
			if v-least <= width {
				w |= 1 << j
			}
		}
		set[i] = w
	}
	return set
}

// tabled is up to how many steps a table tells which of them are wanted.
const tabled = 1 << 20

// among returns where the numbers are some of those given, which are in ascending order.
func (c *packed) among(numbers []int64) vectorSet {
	var steps []uint64
	for _, v := range numbers {
		if one, _, ok := c.span(v, v); ok {
			steps = append(steps, one)
		}
	}
	if c.most >= tabled {
		return c.which(func(n uint64) bool {
			_, found := slices.BinarySearch(steps, n)
			return found
		})
	}
	wanted := make([]bool, c.most+1)
	for _, n := range steps {
		wanted[n] = true
	}
	switch {
	case c.bytes != nil:
		return marked(c.bytes, wanted)
	case c.pairs != nil:
		return marked(c.pairs, wanted)
	}
	return marked(c.words, wanted)
}

func marked[T uint8 | uint16 | uint32](steps []T, wanted []bool) vectorSet {
	set := newVectorSet(len(steps))
	for i, v := range steps {
		if wanted[v] {
			set.add(i)
		}
	}
	return set
}

// which returns where the steps are some that are wanted.
func (c *packed) which(wanted func(steps uint64) bool) vectorSet {
	set := newVectorSet(c.n)
	for i := range c.n {
		if wanted(c.stepsAt(i)) {
			set.add(i)
		}
	}
	return set
}

// some writes the steps of the numbers from i on; there must be so many, and none may be beyond 32 bits.
func (c *packed) some(i int, out []uint32) {
	switch {
	case c.bytes != nil:
		widen(out, c.bytes[i:])
	case c.pairs != nil:
		widen(out, c.pairs[i:])
	default:
		copy(out, c.words[i:])
	}
}

func widen[T uint8 | uint16](out []uint32, steps []T) {
	for i, v := range steps[:len(out)] {
		out[i] = uint32(v)
	}
}
