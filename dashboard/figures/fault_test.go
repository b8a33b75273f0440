package figures_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/dashboard/figures"
	"github.com/digit-health/dhr/search"
)

// twelve are gadgets of all types.
func twelve(filter string) []*dashboard.Gadget {
	configs := []struct {
		kind string
		c    dashboard.GadgetConfig
	}{
		{"stat", dashboard.GadgetConfig{}},
		{"stat", dashboard.GadgetConfig{Metric: "avg", MetricField: "age"}},
		{"stat", dashboard.GadgetConfig{GroupBy: "at", Interval: "month", Compare: "previous_period"}},
		{"pie-chart", dashboard.GadgetConfig{GroupBy: "severe"}},
		{"pie-chart", dashboard.GadgetConfig{GroupBy: "district", Limit: 3}},
		{"bar-chart", dashboard.GadgetConfig{GroupBy: "district", SplitBy: "severe"}},
		{"bar-chart", dashboard.GadgetConfig{GroupBy: "diagnosis", Metric: "max", MetricField: "age"}},
		{"bar-chart", dashboard.GadgetConfig{GroupBy: "at", Interval: "quarter"}},
		{"line-chart", dashboard.GadgetConfig{GroupBy: "at", Interval: "month", SplitBy: "severe"}},
		{"line-chart", dashboard.GadgetConfig{GroupBy: "age"}},
		{"table", dashboard.GadgetConfig{Columns: []string{"visit_id", "age"}, Limit: 5}},
		{"table", dashboard.GadgetConfig{GroupBy: "symptoms"}},
	}
	var all []*dashboard.Gadget
	for i, c := range configs {
		all = append(all, &dashboard.Gadget{ID: fmt.Sprint("g", i), Type: c.kind, Title: fmt.Sprint("Title ", i), FilterID: filter, Config: c.c})
	}
	return all
}

// shown computes gadgets, by their ids.
func (h *house) shown(who *access.Principal, gadgets []*dashboard.Gadget) map[string]*figures.Data {
	h.t.Helper()
	all := map[string]*figures.Data{}
	for d := range h.Data(h.t.Context(), who, gadgets, nil) {
		require.Nil(h.t, all[d.GadgetID], "each comes once")
		all[d.GadgetID] = d
	}
	require.Len(h.t, all, len(gadgets))
	return all
}

func TestOneRoundTrip(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for id, d := range h.shown(boss, twelve("all")) {
		require.Nil(t, d.Error, id)
	}
	require.EqualValues(t, 2, h.engine.calls.Load(), "the figures of all gadgets are asked in one call, and how many values a limit has left out in another")
	calls, questions := h.engine.calls.Load(), h.engine.questions.Load()
	h.shown(boss, append(twelve("all")[:4], twelve("all")[5:]...))
	require.EqualValues(t, 1, h.engine.calls.Load()-calls, "where nothing is left out, one call is enough")
	require.Greater(t, h.engine.questions.Load()-questions, int64(10))
}

// TestOneFails holds that a gadget of which the engine fails says so, and none of the others does.
func TestOneFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.engine.fail = func(all []*search.Aggregation) error {
		for _, a := range all {
			if len(a.Groups) == 1 && a.Groups[0].Field.Path == "diagnosis.keyword" {
				return fmt.Errorf("%w: node secret-7 is gone", search.ErrUnavailable)
			}
		}
		return nil
	}
	all := h.shown(boss, twelve("all"))
	for id, d := range all {
		if id == "g6" {
			require.Equal(t, &figures.Error{Code: "engine_unavailable", Message: "the engine does not answer, or not in time"}, d.Error)
			require.Equal(t, "Title 6", d.Title)
			require.NotNil(t, d.Series)
			continue
		}
		require.Nil(t, d.Error, id)
	}
	h.engine.fail = func([]*search.Aggregation) error { return search.ErrUnavailable }
	before := h.engine.calls.Load()
	for id, d := range h.shown(boss, twelve("all")) {
		require.Equal(t, id != "g10", d.Error != nil, "the table is a page, and does not need them")
	}
	require.LessOrEqual(t, h.engine.calls.Load()-before, int64(4), "an engine that is down is not asked for each")
}

// TestSentences holds that whatever is wrong is said in a sentence with the member at fault.
func TestSentences(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &figures.Options{Keep: -1, MaxPoints: 100})
	for _, c := range []struct {
		name, kind, filter string
		config             dashboard.GadgetConfig
		code, field, words string
	}{
		{"a filter that is gone", "stat", "gone", dashboard.GadgetConfig{}, "filter_not_found", "filter_id", "the filter of this gadget does not exist, or is not shared with you"},
		{"a filter that cannot be read", "stat", h.ask("age >"), dashboard.GadgetConfig{}, "invalid_query", "filter_id", "cannot be answered"},
		{"a filter of a field that is gone", "stat", h.ask("weight > 3"), dashboard.GadgetConfig{}, "invalid_query", "filter_id", "weight"},
		{"an index that is gone", "stat", h.ask("", "visitors"), dashboard.GadgetConfig{}, "unknown_index", "", "visitors"},
		{"a field that is gone", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "distrikt"}, "gadget_does_not_fit", "config.group_by", `there is no field "distrikt" in visits; did you mean "district"?`},
		{"a measured field that is gone", "stat", "all", dashboard.GadgetConfig{Metric: "sum", MetricField: "weight"}, "gadget_does_not_fit", "config.metric_field", "there is no field"},
		{"a column that is gone", "table", "all", dashboard.GadgetConfig{Columns: []string{"age", "weight"}}, "gadget_does_not_fit", "config.columns[1]", "there is no field"},
		{"a text", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "notes"}, "gadget_does_not_fit", "config.group_by", "has no field of whole values"},
		{"an object", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "tests"}, "gadget_does_not_fit", "config.group_by", `"tests"`},
		{"a sum of words", "stat", "all", dashboard.GadgetConfig{Metric: "sum", MetricField: "district"}, "gadget_does_not_fit", "config.metric_field", "must be a number for sum"},
		{"a chart of dates", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "district", Metric: "max", MetricField: "at"}, "gadget_does_not_fit", "config.metric_field", "is a date, which a bar-chart cannot draw"},
		{"a date without an interval", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "at"}, "gadget_does_not_fit", "config.interval", "such as month"},
		{"an interval of words", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "district", Interval: "day"}, "gadget_does_not_fit", "config.interval", "goes with a date"},
		{"a line between words", "line-chart", "all", dashboard.GadgetConfig{GroupBy: "district"}, "gadget_does_not_fit", "config.group_by", "must be a date or a number"},
		{"a pie of dates", "pie-chart", "all", dashboard.GadgetConfig{GroupBy: "at"}, "gadget_does_not_fit", "config.group_by", "a pie shows no course of time"},
		{"a split by dates", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "district", SplitBy: "at"}, "gadget_does_not_fit", "config.split_by", "is a date"},
		{"a comparison of words", "stat", "all", dashboard.GadgetConfig{GroupBy: "district", Compare: "previous_period"}, "gadget_does_not_fit", "config.group_by", "must be a date with compare"},
		{"too many points", "line-chart", "all", dashboard.GadgetConfig{GroupBy: "at", Interval: "hour"}, "too_many_points", "", "more than 100 hours"},
		{"too many values", "table", h.ask(""), dashboard.GadgetConfig{GroupBy: "visit_id", Limit: 200}, "too_many_points", "", "200 values of"},
		{"too many series", "bar-chart", "all", dashboard.GadgetConfig{GroupBy: "severe", SplitBy: "visit_id"}, "too_many_points", "", "different values"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := h.show(boss, c.kind, c.filter, c.config)
			require.NotNil(t, d.Error)
			require.Equal(t, c.code, d.Error.Code, d.Error.Message)
			require.Equal(t, c.field, d.Error.Field)
			require.Contains(t, d.Error.Message, c.words)
			require.Empty(t, d.Series)
			if c.code == "too_many_points" {
				return
			}
			err := h.Check(t.Context(), boss, &dashboard.Gadget{Type: c.kind, Title: "x", FilterID: c.filter, Config: c.config})
			require.Error(t, err, "what does not fit is not saved either")
			if c.code == "gadget_does_not_fit" || c.code == "filter_not_found" {
				var fields dashboard.FieldErrors
				require.ErrorAs(t, err, &fields)
				require.Equal(t, c.field, fields[0].Field)
			}
		})
	}
}

// TestNothing holds what gadgets show of no records.
func TestNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	none := h.ask("age = 1000")
	require.Equal(t, "Number of records=0", line(h.right(boss, "stat", none, dashboard.GadgetConfig{}).Series[0].Points))
	require.Nil(t, h.right(boss, "stat", none, dashboard.GadgetConfig{Metric: "sum", MetricField: "age"}).Series[0].Points[0].Value)
	for _, kind := range []string{"pie-chart", "bar-chart"} {
		d := h.right(boss, kind, none, dashboard.GadgetConfig{GroupBy: "district"})
		require.Empty(t, d.Series[0].Points)
		require.NotNil(t, d.Series[0].Points)
		require.Nil(t, d.Others)
	}
	require.Empty(t, h.right(boss, "line-chart", none, dashboard.GadgetConfig{GroupBy: "at", Interval: "day"}).Series[0].Points)
	d := h.right(boss, "line-chart", h.ask("age = 1000 AND at >= -2d"), dashboard.GadgetConfig{GroupBy: "at", Interval: "day"})
	require.Equal(t, "2026-11-25=0 2026-11-26=0 2026-11-27=0", line(d.Series[0].Points))
	d = h.right(boss, "table", none, dashboard.GadgetConfig{Columns: []string{"age"}})
	require.Empty(t, d.Records)
	require.Equal(t, "Age", d.Columns[0].Label)
}

// TestSight holds that nobody sees more by a gadget than by asking, and nothing of what another one saw.
func TestSight(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &figures.Options{Keep: time.Hour})
	gadgets := twelve("all")
	want := h.shown(boss, gadgets)
	calls := h.engine.calls.Load()
	require.Equal(t, want, h.shown(boss, gadgets))
	require.Equal(t, calls, h.engine.calls.Load(), "what was computed is used again")
	require.Equal(t, want, h.shown(&access.Principal{User: "other", Tenant: "pb", Roles: []string{"ALL"}}, gadgets))
	require.Equal(t, calls, h.engine.calls.Load(), "also for another who sees the same")

	his := h.shown(pune, gadgets)
	require.Greater(t, h.engine.calls.Load(), calls)
	require.EqualValues(t, 240, want["g0"].Total)
	count, _, err := h.index.Count(t.Context(), pune, &search.Query{}, 0)
	require.NoError(t, err)
	require.Less(t, count, int64(240))
	for id, d := range his {
		require.Nil(t, d.Error, id)
		if id == "g2" {
			continue
		}
		require.Equal(t, count, d.Total, id)
	}
	calls = h.engine.calls.Load()
	require.Equal(t, his, h.shown(&access.Principal{User: "other", Tenant: "pb", Roles: []string{"PUNE2"}}, gadgets), "of another role with the same rules")
	require.Equal(t, calls, h.engine.calls.Load())
	require.Equal(t, want, h.shown(boss, gadgets), "and back")

	hidden := []*dashboard.Gadget{{ID: "x", Type: "stat", Title: "x", FilterID: "all", Config: dashboard.GadgetConfig{Metric: "sum", MetricField: "cost"}}}
	require.Nil(t, h.shown(boss, hidden)["x"].Error)
	require.Equal(t, `there is no field "cost" in visits`, h.shown(pune, hidden)["x"].Error.Message, "a hidden field is none")
	require.Contains(t, h.shown(&access.Principal{User: "x", Tenant: "pb"}, gadgets)["g0"].Error.Message, "index")

	masked := &access.Principal{User: "m", Tenant: "pb", Roles: []string{"MASKED"}}
	require.NotEqual(t, string(want["g10"].Records[0].Fields), string(h.shown(masked, gadgets)["g10"].Records[0].Fields), "a table shows what is masked as it is masked")
	require.Equal(t, want["g10"], h.shown(boss, gadgets)["g10"])
}

// TestManyLook holds that of many who look at once one asks.
func TestManyLook(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil) // nothing is kept
	release, begun := make(chan struct{}), make(chan struct{}, 100)
	h.engine.fail = func([]*search.Aggregation) error {
		begun <- struct{}{}
		<-release
		return nil
	}
	gadgets := twelve("all")[:3]
	all := make(chan *figures.Data, 100)
	var working sync.WaitGroup
	look := func(ctx context.Context) {
		for d := range h.Data(ctx, boss, gadgets, nil) {
			all <- d
		}
	}
	leaving, leave := context.WithCancel(t.Context())
	working.Go(func() { look(leaving) })
	<-begun
	for range 9 {
		working.Go(func() { look(t.Context()) })
	}
	leave() // the one who asks leaves, and the others are served all the same
	close(release)
	working.Wait()
	close(all)
	shown := 0
	for d := range all {
		if d.Error == nil {
			shown++
			continue
		}
		require.Equal(t, "given_up", d.Error.Code)
	}
	require.GreaterOrEqual(t, shown, 27)
}

// TestKeptIsLetGo holds that what was kept is asked again when its time is over, and that relative dates move on.
func TestKeptIsLetGo(t *testing.T) {
	t.Parallel()
	clock := now
	h := newHouse(t, &figures.Options{Keep: time.Minute, Now: func() time.Time { return clock }})
	recent := h.ask("at >= -60d")
	first := h.show(boss, "stat", recent, dashboard.GadgetConfig{})
	clock = clock.Add(59 * time.Second)
	require.Equal(t, first, h.show(boss, "stat", recent, dashboard.GadgetConfig{}))
	require.EqualValues(t, 1, h.engine.calls.Load())
	clock = clock.Add(time.Second)
	second := h.show(boss, "stat", recent, dashboard.GadgetConfig{})
	require.EqualValues(t, 2, h.engine.calls.Load())
	require.Equal(t, first.Question.AsOf.Add(time.Minute), second.Question.AsOf)
}

// TestTitlesAndValues holds that texts full of marks stay texts, and that the queries of their points still find them.
func TestTitlesAndValues(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	odd := []string{`"`, `\`, `' OR 1=1 --`, "<script>", "a\nb", "\u202eabc", "🙂", "null", "EMPTY", "-5", "007", "1e5", strings.Repeat("x", 300), "AND", "(", "\u0000"}
	var lines []string
	for i, v := range odd {
		for range i + 1 {
			lines = append(lines, fmt.Sprintf(`{"k": %s}`, quoted(v)))
		}
	}
	load(t, h.engine.Driver, "odd", `{"properties": {"k": {"type": "keyword"}}}`, lines)
	d := h.right(boss, "bar-chart", h.ask("", "odd"), dashboard.GadgetConfig{GroupBy: "k"})
	require.Len(t, d.Series[0].Points, len(odd))
	for _, p := range d.Series[0].Points {
		require.Equal(t, odd[p.Count-1], p.Key)
	}
	pie := h.right(boss, "pie-chart", h.ask("", "odd"), dashboard.GadgetConfig{GroupBy: "k", Limit: 5})
	require.Equal(t, len(odd)-5, pie.Others.Buckets)
}

// TestSeveralIndexes holds that records of an index without the field are not lost.
func TestSeveralIndexes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	load(t, h.engine.Driver, "others", `{"properties": {"district": {"type": "keyword"}, "n": {"type": "integer"}}}`, []string{`{"district": "Pune", "n": 1}`, `{"n": 2}`})
	both := h.ask("", "visits", "others")
	d := h.right(boss, "bar-chart", both, dashboard.GadgetConfig{GroupBy: "district", Limit: 3})
	require.EqualValues(t, 242, d.Total)
	require.NotNil(t, d.Others)
	d = h.show(boss, "bar-chart", both, dashboard.GadgetConfig{GroupBy: "n"})
	require.Nil(t, d.Error)
	last := d.Series[0].Points[len(d.Series[0].Points)-1]
	require.Equal(t, "(no value)", last.Label)
	require.EqualValues(t, 240, last.Count)
	require.Empty(t, last.JQL, "no query finds the records of an index without the field")
	d = h.right(boss, "bar-chart", h.ask("n > 0 OR district IS EMPTY", "others"), dashboard.GadgetConfig{GroupBy: "n", Limit: 1, Sort: "key"})
	require.Equal(t, `(n > 0 OR district IS EMPTY) AND (n NOT IN ("1") OR n IS EMPTY)`, d.Others.JQL)
	d = h.show(boss, "bar-chart", both, dashboard.GadgetConfig{GroupBy: "n", Limit: 1, Sort: "key"})
	require.EqualValues(t, 241, d.Others.Count)
	require.Empty(t, d.Others.JQL, "nor do those of the others, if such records are among them")
}

// TestPanic holds that a driver that panics costs the gadgets their figures and not the server its life, and that nobody waits for them for ever.
func TestPanic(t *testing.T) {
	t.Parallel()
	var told []error
	h := newHouse(t, &figures.Options{Failed: func(_ context.Context, _ *dashboard.Gadget, err error) { told = append(told, err) }})
	h.engine.fail = func([]*search.Aggregation) error { panic("index out of range") }
	gadgets := twelve("all")[:4]
	gadgets[3] = twelve("all")[0]
	gadgets[3].ID = "the same again"
	for range 2 {
		for _, d := range h.shown(boss, gadgets) {
			require.Equal(t, "internal_error", d.Error.Code)
			require.NotContains(t, d.Error.Message, "range")
		}
	}
	require.ErrorContains(t, told[0], "index out of range")
	h.engine.fail = nil
	require.Nil(t, h.shown(boss, gadgets)["g0"].Error, "what went wrong is not kept")
}

func TestFailedIsTold(t *testing.T) {
	t.Parallel()
	var told []error
	h := newHouse(t, &figures.Options{Keep: -1, Failed: func(_ context.Context, _ *dashboard.Gadget, err error) { told = append(told, err) }})
	h.engine.fail = func([]*search.Aggregation) error { return errors.New("disk 7 of /srv is broken") }
	d := h.show(boss, "stat", "all", dashboard.GadgetConfig{})
	require.Equal(t, "internal_error", d.Error.Code)
	require.NotContains(t, d.Error.Message, "srv")
	require.Len(t, told, 1)
	require.ErrorContains(t, told[0], "/srv")
}
