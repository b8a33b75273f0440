package essearch

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// TestSpans holds that every instant of the days that hold anything lies in exactly one span, the
// one that the calendar says.
func TestSpans(t *testing.T) {
	t.Parallel()
	s, err := record.ParseSchema("v", []byte(`{"properties":{"at":{"type":"date"},"day":{"type":"date","format":"yyyy-MM-dd"}}}`))
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo", "America/New_York"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		for _, unit := range []string{"hour", "day", "week", "month", "quarter", "year"} {
			for _, f := range []*record.Field{s.Field("at"), s.Field("day")} {
				g := &search.Group{Field: f, Calendar: &search.Calendar{Unit: unit, Zone: zone, WeekStart: time.Weekday(random.IntN(7))}}
				var days []int64
				day := int64(random.IntN(20_000)-5_000) * dayMillis
				for range 20 {
					days = append(days, day)
					day += int64(random.IntN(3)*random.IntN(60)+1) * dayMillis
				}
				checkSpans(t, g, days, random)
			}
		}
	}
}

func checkSpans(t *testing.T, g *search.Group, days []int64, random *rand.Rand) {
	t.Helper()
	spans, ok := spansOf(g, days)
	require.True(t, ok)
	for i := 1; i < len(spans); i++ {
		require.LessOrEqual(t, spans[i-1].to, spans[i].from)
	}
	calendar := g.Calendar.On(g.Field)
	for _, day := range days {
		for _, at := range []int64{day, day + dayMillis - 1, day + random.Int64N(dayMillis)} {
			start := calendar.Floor(time.UnixMilli(at))
			found := 0
			for _, s := range spans {
				if s.from <= at && at < s.to {
					found++
					require.Equal(t, start.UnixMilli(), s.from)
				}
			}
			require.Equal(t, 1, found, "%s in %v", time.UnixMilli(at).UTC(), calendar)
		}
	}
}

func TestTooManySpans(t *testing.T) {
	t.Parallel()
	s, err := record.ParseSchema("v", []byte(`{"properties":{"at":{"type":"date"}}}`))
	require.NoError(t, err)
	var days []int64
	for i := range int64(mostSpans/24 + 1) {
		days = append(days, i*dayMillis)
	}
	_, ok := spansOf(&search.Group{Field: s.Field("at"), Calendar: &search.Calendar{Unit: "hour"}}, days)
	require.False(t, ok)
	_, ok = spansOf(&search.Group{Field: s.Field("at"), Calendar: &search.Calendar{Unit: "day"}}, days)
	require.True(t, ok)
}

// aggregate asks a stand-in, which gives an answer to each _msearch.
func aggregate(t *testing.T, responses string, a *search.Aggregation) error {
	t.Helper()
	c, _ := answers(map[string]string{
		"/":         `{"version":{"number":"8.11.3"}}`,
		"/visits":   `{"visits":{"mappings":{"properties":{"dhr_id":{"type":"keyword"},"a":{"type":"keyword"}}}}}`,
		"/_msearch": responses,
	})
	_, err := testDriver(t, c).Aggregate(t.Context(), []*search.Aggregation{a})
	return err
}

func TestBadAnswersToAggregations(t *testing.T) {
	t.Parallel()
	s := visits(t)
	a := &search.Aggregation{Plan: everything(s), Groups: []search.Group{{Field: s.Field("a")}}}
	const good = `{"took":1,"timed_out":false,"_shards":{"failed":0},"hits":{"total":{"value":2,"relation":"eq"}},"aggregations":{"v":{"sum_other_doc_count":0,"buckets":[{"key":"x","doc_count":2}]}},"status":200}`
	require.NoError(t, aggregate(t, `{"responses":[`+good+`]}`, a))
	for text, want := range map[string]error{
		`{"responses":[]}`:     search.ErrBadAnswer,
		`{"responses":[null]}`: search.ErrBadAnswer,
		`{`:                    search.ErrBadAnswer,
		`{"responses":[{"timed_out":true,"_shards":{"failed":0},"hits":{"total":{"value":2,"relation":"eq"}}}]}`:                                   search.ErrPartial,
		`{"responses":[{"timed_out":false,"_shards":{"failed":1},"hits":{"total":{"value":2,"relation":"eq"}}}]}`:                                  search.ErrPartial,
		`{"responses":[{"timed_out":false,"_shards":{"failed":0},"hits":{"total":{"value":10000,"relation":"gte"}}}]}`:                             search.ErrBadAnswer,
		`{"responses":[{"error":{"type":"es_rejected_execution_exception","reason":"queue"},"status":429}]}`:                                       search.ErrOverloaded,
		`{"responses":[{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}]}`:                                     search.ErrUnknownIndex,
		`{"responses":[{"error":{"root_cause":[{"type":"x","reason":"y"}],"type":"search_phase_execution_exception","reason":"z"},"status":500}]}`: nil,
	} {
		err := aggregate(t, text, a)
		require.Error(t, err, text)
		if want != nil {
			require.ErrorIs(t, err, want, text)
		}
	}
	_, err := testDriver(t, &cluster{}).Aggregate(t.Context(), []*search.Aggregation{{Plan: everything(s), Limit: -1}})
	require.ErrorIs(t, err, search.ErrInvalid)
}
