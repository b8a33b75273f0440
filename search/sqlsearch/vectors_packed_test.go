package sqlsearch_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/search/sqlsearch"
)

// Packed numbers are the numbers, however far apart, and are found as the numbers are.
func TestPacked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]int64{1, 1000, 86_400_000, math.MaxInt64}).Draw(t, "step")
		most := rapid.SampledFrom([]int64{1, 1 << 7, 1 << 15, 1 << 19, 1 << 31, math.MaxInt64}).Draw(t, "most")
		number := rapid.Map(rapid.Int64Range(-most, most), func(n int64) int64 { return n * step }) // that may be any after an overflow
		numbers, also := rapid.SliceOfN(number, 0, 200).Draw(t, "numbers"), rapid.SliceOfN(number, 0, 3).Draw(t, "also")
		p := sqlsearch.NewPacked(numbers, also)
		require.Equal(t, slices.Clone(numbers), append([]int64{}, p.All()...))
		if len(numbers) == 0 {
			return
		}
		ends := rapid.OneOf(number, rapid.SampledFrom(numbers), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
		low, high := ends.Draw(t, "low"), ends.Draw(t, "high")
		require.Equal(t, placesOf(numbers, func(n int64) bool { return low <= n && n <= high }), p.Between(low, high))
		list := rapid.SliceOfN(ends, 0, 5).Draw(t, "list")
		slices.Sort(list)
		require.Equal(t, placesOf(numbers, func(n int64) bool { return slices.Contains(list, n) }), p.Among(list))
	})
}

func placesOf(numbers []int64, wanted func(int64) bool) (out []int) {
	for i, n := range numbers {
		if wanted(n) {
			out = append(out, i)
		}
	}
	return out
}

func TestPackedBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		numbers []int64
		each    int64
	}{
		{[]int64{7, 7, 7}, 1}, {[]int64{-100, -99, 155}, 1}, {[]int64{-100, -99, 156}, 2}, {[]int64{0, 86_400_000, 86_400_000 * 65_535}, 2},
		{[]int64{0, 86_400_000, 86_400_000 * 65_536}, 4}, {[]int64{0, 1, 1 << 32}, 8}, {[]int64{math.MinInt64, math.MaxInt64}, 1}, {[]int64{math.MinInt64, 0, math.MaxInt64}, 8},
	} {
		p := sqlsearch.NewPacked(c.numbers, nil)
		require.Equal(t, c.numbers, p.All())
		require.Equal(t, c.each*int64(len(c.numbers)), p.Bytes(), c.numbers)
	}
}
