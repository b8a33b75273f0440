package search_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

// Numbers count as what they are, also where a field is of another type in each index.
func TestNumbersOfSeveralTypes(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	mapping := func(kind string) string { return `{"mappings":{"properties":{"n":{"type":"` + kind + `"}}}}` }
	fill(t, d, "a", mapping("long"), []string{`{"_id":"a1","_source":{"n":5}}`, `{"_id":"a2","_source":{"n":1}}`, `{"_id":"a3","_source":{"n":9007199254740993}}`, `{"_id":"a4","_source":{"n":-1}}`})
	fill(t, d, "b", mapping("double"), []string{`{"_id":"b1","_source":{"n":5}}`, `{"_id":"b2","_source":{"n":0.5}}`, `{"_id":"b3","_source":{"n":9007199254740992}}`})
	fill(t, d, "c", mapping("unsigned_long"), []string{`{"_id":"c1","_source":{"n":0}}`, `{"_id":"c2","_source":{"n":7}}`, `{"_id":"c3","_source":{"n":18446744073709551615}}`})
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	require.Equal(t, "a4 c1 b2 a2 a1 b1 c2 b3 a3 c3", ids(pages(t, x, admin, ask("ORDER BY n"), 3)))
	answers, err := x.Aggregate(t.Context(), admin,
		&search.Question{Query: *ask("n < 8"), Groups: []search.Group{{Name: "n"}}},
		&search.Question{Query: *ask(""), Metrics: []search.Metric{{Op: "min", Name: "n"}, {Op: "max", Name: "n"}}})
	require.NoError(t, err)
	got := ""
	for _, b := range answers[0].Buckets {
		got += fmt.Sprintf("%v:%d ", b.Keys[0], b.Count)
	}
	require.Equal(t, "-1:1 0:1 0.5:1 1:1 5:2 7:1 ", got)
	require.Equal(t, "[-1 18446744073709551615]", fmt.Sprint(answers[1].Buckets[0].Values))
}

// Records of an index that lacks the field of the second group are records of the first.
func TestTwoGroupsOfWhichAnIndexLacksOne(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	whole := `{"mappings":{"properties":{"k":{"type":"keyword"},"s":{"type":"keyword"}}}}`
	without := `{"mappings":{"properties":{"k":{"type":"keyword"}}}}`
	one := []string{`{"_id":"1","_source":{"k":"x","s":"u"}}`, `{"_id":"2","_source":{"k":"x","s":"u"}}`, `{"_id":"3","_source":{"k":"y","s":"u"}}`}
	other := []string{`{"_id":"4","_source":{"k":"y"}}`, `{"_id":"5","_source":{"k":"y"}}`}
	fill(t, d, "all", whole, append(append([]string{}, one...), other...))
	fill(t, d, "part1", whole, one)
	fill(t, d, "part2", without, other)
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	for _, missing := range []bool{false, true} {
		var answers []*search.Answer
		for _, name := range []string{"all", "part*"} {
			a, err := x.Aggregate(t.Context(), admin, &search.Question{Query: *ask("", name), Groups: []search.Group{{Name: "k", Missing: missing}, {Name: "s"}}, SortBy: "count", Limit: 1})
			require.NoError(t, err)
			answers = append(answers, a[0])
		}
		require.Equal(t, answers[0], answers[1])
	}
}

// Strings that count with regard to case in one index and without it in another are neither
// put into one order nor into the same buckets.
func TestFoldingOfSeveralIndexes(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	mapping := func(fold string) string {
		return `{"mappings":{"_meta":{"dhr":{"case_insensitive":[` + fold + `]}},"properties":{"k":{"type":"keyword"},"n":{"type":"long"}}}}`
	}
	fill(t, d, "folds", mapping(`"k"`), []string{`{"_id":"1","_source":{"k":"a"}}`, `{"_id":"2","_source":{"k":"B"}}`})
	fill(t, d, "folds2", mapping(`"k"`), []string{`{"_id":"5","_source":{"k":"A"}}`, `{"_id":"6","_source":{"k":"b"}}`})
	fill(t, d, "keeps", mapping(""), []string{`{"_id":"3","_source":{"k":"A"}}`, `{"_id":"4","_source":{"k":"b"}}`})
	fill(t, d, "lacks", `{"mappings":{"properties":{"n":{"type":"long"}}}}`, []string{`{"_id":"7","_source":{"n":1}}`})
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	fill(t, d, "hnumbers", `{"mappings":{"properties":{"k":{"type":"long"},"n":{"type":"long"}}}}`, []string{`{"_id":"8","_source":{"n":1}}`})
	for _, names := range [][]string{{"folds", "keeps"}, {"keeps", "folds"}, {"lacks", "folds", "keeps"}} {
		_, err = x.Page(t.Context(), admin, ask("ORDER BY k", names...), nil)
		require.ErrorIs(t, err, search.ErrInvalid)
		require.ErrorContains(t, err, `"k"`)
		_, err = x.Scan(t.Context(), admin, ask("ORDER BY k", names...), &search.ScanOptions{Ordered: true})
		require.ErrorIs(t, err, search.ErrInvalid)
		_, err = x.Aggregate(t.Context(), admin, &search.Question{Query: *ask("", names...), Groups: []search.Group{{Name: "n", Missing: true}, {Name: "k"}}})
		require.ErrorIs(t, err, search.ErrInvalid)
		_, err = x.Suggest(t.Context(), admin, names, "k", "a", 5)
		require.ErrorIs(t, err, search.ErrInvalid)
		n, _, err := x.Count(t.Context(), admin, ask("k = a", names...), 0)
		require.NoError(t, err, "what is asked of each record alone can be asked of all")
		require.Equal(t, int64(1), n)
	}
	require.Equal(t, "1 5 2 6", ids(pages(t, x, admin, ask("ORDER BY k", "folds", "folds2"), 2)))
	require.Equal(t, "1 5 2 6 7", ids(pages(t, x, admin, ask("ORDER BY k", "folds*", "lacks"), 2)))
	_, err = x.Aggregate(t.Context(), admin, &search.Question{Query: *ask("", "folds", "hnumbers", "keeps"), Groups: []search.Group{{Name: "k"}}})
	require.ErrorIs(t, err, search.ErrInvalid)
	require.Equal(t, "3 4 7", ids(pages(t, x, admin, ask("ORDER BY k", "keeps", "lacks"), 2)))
}

// Days of one index and instants of another are in the same spans of a calendar in UTC alone.
func TestDaysOfSeveralIndexes(t *testing.T) {
	t.Parallel()
	d := memsearch.New()
	mapping := func(format string) string {
		return `{"mappings":{"properties":{"on":{"type":"date","format":"` + format + `"}}}}`
	}
	fill(t, d, "days", mapping("yyyy-MM-dd"), []string{`{"_id":"1","_source":{"on":"2024-01-01"}}`})
	fill(t, d, "instants", mapping("strict_date_optional_time"), []string{`{"_id":"2","_source":{"on":"2024-01-01T10:00:00Z"}}`})
	x, err := search.New(d, newPolicy(t), nil)
	require.NoError(t, err)
	question := func(zone *time.Location, names ...string) *search.Question {
		return &search.Question{Query: *ask("", names...), Groups: []search.Group{{Name: "on", Calendar: &search.Calendar{Unit: "month", Zone: zone}}}}
	}
	kolkata := time.FixedZone("IST", 19800)
	_, err = x.Aggregate(t.Context(), admin, question(kolkata))
	require.ErrorIs(t, err, search.ErrInvalid)
	require.ErrorContains(t, err, `"on"`)
	got, err := x.Aggregate(t.Context(), admin, question(time.UTC), question(kolkata, "days"), question(kolkata, "instants"))
	require.NoError(t, err)
	require.Equal(t, "2024-01-01T00:00:00Z 2; of 2", shown(got[0]))
}
