package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ascending is the order of versions: valid ones by precedence, then the rest by code point.
var ascending = strings.Fields(`0 0.0.1 1 1.0.0-0 1.0.0-1 1.0.0-2 1.0.0-10 1.0.0--- 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta
	1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.0+a 1.0.0+b.01 1.0.1 1.2 1.2.0 1.2.0.0 1.2.3 1.10.0 2 10.0.0 99999999999999999999.0
	100000000000000000000.0 -1 .1 01.2 1. 1..2 1.0.0+ 1.0.0- 1.0.0-01 1.0.0-a..b 1.a abc v1.0 ä`)

func TestCompareVersions(t *testing.T) {
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			require.Equal(t, want, compareVersions(a, b), "%s against %s", a, b)
		}
	}
	require.Zero(t, compareVersions("", ""))
	require.Equal(t, 1, compareVersions("", "1.0"))
}

func FuzzCompareVersions(f *testing.F) {
	for i := range ascending {
		f.Add(ascending[i], ascending[(i+7)%len(ascending)], ascending[(i+13)%len(ascending)])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		list := []string{a, b, c}
		slices.SortFunc(list, compareVersions)
		for i, x := range list {
			for j, y := range list {
				got := compareVersions(x, y)
				if got != -compareVersions(y, x) || (got == 0) != (x == y) || i < j && got > 0 {
					t.Fatalf("%q against %q: %d", x, y, got)
				}
			}
		}
	})
}
