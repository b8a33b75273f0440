package api

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
	"github.com/digit-health/dhr/dashboard/figures"
)

// Every language of charts has all that is said in them.
func TestVoices(t *testing.T) {
	t.Parallel()
	english := voices["en"]
	for _, locale := range chart.Locales() {
		v := voiceOf(locale)
		if language, _, _ := strings.Cut(locale, "-"); language != "en" {
			require.NotSame(t, english, v, locale)
		}
		require.Equal(t, slices.Sorted(maps.Keys(english.open)), slices.Sorted(maps.Keys(v.open)), locale)
		if v != english {
			require.Equal(t, []string{"avg", "cardinality", "max", "min", "sum"}, slices.Sorted(maps.Keys(v.metrics)), locale)
		}
		for of, say := range map[string]string{"%d %d": v.more, "%d": v.undated, "%s %s": v.cannotShow, "%s": v.cannotDraw} {
			require.Equal(t, strings.Count(of, "%"), strings.Count(say, "%"), say)
		}
	}
	require.Same(t, english, voiceOf("tlh"))
	require.Same(t, voices["hi"], voiceOf("hi_IN"))
}

func TestMeasures(t *testing.T) {
	t.Parallel()
	half := 50.0
	for want, c := range map[string]figures.Column{
		"अभिलेखों की संख्या":   {Name: "count", Label: "Number of records", Kind: "number"},
		"Age का औसत":           {Name: "avg(age)", Label: "Average of Age", Of: "Age", Kind: "number"},
		"Age का 50 पर्सेंटाइल": {Name: "percentile(age)", Label: "Percentile 50 of Age", Of: "Age", Percent: &half, Kind: "number"},
		"Visited": {Name: "visited_at", Label: "Visited", Kind: "time"},
	} {
		require.Equal(t, want, voices["hi"].measure(&c))
	}
	data := &figures.Data{Type: "stat", Columns: []figures.Column{{Name: "count", Label: "Number of records", Kind: "number"}},
		Series: []figures.Series{{Label: "Number of records", Points: []figures.Point{{Label: "Number of records", Count: 3}}}}}
	c := chartOf(data, "de")
	require.Equal(t, "Anzahl der Datensätze", c.Series[0].Label)
	require.Equal(t, "Anzahl der Datensätze", c.Series[0].Points[0].Label)
	require.Equal(t, "Number of records", data.Series[0].Points[0].Label, "what others see too")
	require.Equal(t, "Number of records", chartOf(data, "en-IN").Series[0].Label)
}
