package bulk

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/parts"
)

// Whatever fits into memory: the order is that of the keys, and of the additions.
func TestSorter(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ n, memory int }{{0, 100}, {1, 1}, {10, 1 << 20}, {500, 1 << 10}, {4200, 1}} { // which is more than 64 times 64 runs
		folder := t.TempDir()
		s := newSorter(folder)
		s.memory = c.memory
		var want []string
		for i := range c.n {
			key, line := fmt.Sprintf("%03d", random.IntN(200)), strings.Repeat("x", random.IntN(30))+fmt.Sprint(i)
			want = append(want, key+" "+line)
			require.NoError(t, s.add(key, []byte(line)))
		}
		slices.SortStableFunc(want, func(a, b string) int { return strings.Compare(a[:3], b[:3]) })
		var got []string
		for e, err := range s.all() {
			require.NoError(t, err)
			got = append(got, string(e.key)+" "+string(e.line))
		}
		require.Equal(t, want, got)
		require.NoError(t, s.close())
		left, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

func TestSorterFails(t *testing.T) {
	t.Parallel()
	s := newSorter(filepath.Join(t.TempDir(), "nowhere"))
	s.memory = 1
	require.NoError(t, s.add("a", []byte("1")))
	require.ErrorIs(t, s.add("b", []byte("2")), parts.ErrSpool)

	s = newSorter(t.TempDir())
	s.memory = 1
	for i := range 3 {
		require.NoError(t, s.add(fmt.Sprint(i), []byte("line")))
	}
	s.levels[0][0].size -= 2 // as if the disk had lost the end
	var last error
	for _, err := range s.all() {
		last = err
	}
	require.ErrorIs(t, last, parts.ErrSpool)
	require.NoError(t, s.close())
}
