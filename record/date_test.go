package record

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// datesApart are the cases in which DHR and Elasticsearch differ, by the
// format and text, with the reason.
var datesApart = map[string]string{
	"strict_date_optional_time\t2024-01-31T08:30:15Europe/Paris":               "no names of regions",
	"date_optional_time\t2024-01-31T08:30:15Europe/Paris":                      "no names of regions",
	"strict_date_optional_time_nanos\t2024-01-31T08:30:15Europe/Paris":         "no names of regions",
	"strict_date_optional_time||epoch_millis\t2024-01-31T08:30:15Europe/Paris": "no names of regions",
	"EEE, dd MMM yyyy HH:mm:ss z\tWed, 31 Jan 2024 08:30:15 Asia/Kolkata":      "no names of regions",
	"strict_date\t2024-02-30":     "a day that does not exist is refused in every format",
	"strict_hour\t24":             "an hour that does not exist is refused in every format",
	"strict_date\t+12024-01-31":   "no years beyond 9999 in strict formats",
	"YYYY-'W'ww-e\t2024-W05-3":    "the weeks of a pattern depend on the locale: reported as unknown",
	"YYYY-'W'ww-e\t2024-W05-1":    "the weeks of a pattern depend on the locale: reported as unknown",
	"yyyy-MM-dd G\t2024-01-31 AD": "no eras: reported as unknown",
}

func TestDatesAsElasticsearch(t *testing.T) {
	data, err := os.ReadFile("testdata/dates.txt")
	require.NoError(t, err)
	var f *Field
	var format string
	cases, apart := 0, 0
	for n, line := range strings.Split(string(data), "\n") {
		if name, ok := strings.CutPrefix(line, "format "); ok {
			format = name
			f = field(t, fmt.Sprintf(`{"type":"date","format":%q}`, name))
			continue
		}
		text, want, ok := strings.Cut(line, "\t")
		if !ok {
			require.False(t, line == "!" && f.Kind != Unknown, "line %d: format %q is accepted", n+1, format)
			continue
		}
		cases++
		got := "-"
		if v, err := f.Parse(text); err == nil {
			got = fmt.Sprint(v.Millis())
			require.Equal(t, text, v.Text())
		}
		if reason := datesApart[format+"\t"+text]; reason != "" {
			require.NotEqual(t, want, got, "line %d agrees, although: %s", n+1, reason)
			apart++
			continue
		}
		require.Equal(t, want, got, "line %d: format %q: %q", n+1, format, text)
	}
	require.Greater(t, cases, 1500)
	require.Len(t, datesApart, apart)
}
