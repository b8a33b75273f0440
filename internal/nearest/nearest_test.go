package nearest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/internal/nearest"
)

func TestOf(t *testing.T) {
	t.Parallel()
	names := []string{"district", "Distance", "ज़िला", "age"}
	for written, want := range map[string]string{
		"idstrict": "district", "DISTRICT": "district", "distanc": "Distance", "ज़िल": "ज़िला", "aeg": "age", "agge": "age",
		"": "", "weight": "", strings.Repeat("district", 20): "",
	} {
		require.Equal(t, want, nearest.Of(written, 2, names), written)
	}
	require.Empty(t, nearest.Of("agxyz", 2, names))
	require.Equal(t, "a", nearest.Of("c", 1, []string{"a", "b"}), "the first of those alike")
	require.Empty(t, nearest.Of("age", 0, []string{"aged"}))
	require.Empty(t, nearest.Of("a", 300, []string{"", strings.Repeat("a", 300)}))
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	n := nearest.To("visits", 2)
	n.Offer("visists", "one letter off")
	n.Offer("weight", "too far")
	require.Equal(t, "one letter off", n.Best())
	n.Offer("Visits", "the very name")
	require.Equal(t, "the very name", n.Best())
}
