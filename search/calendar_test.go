package search_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
)

func TestCalendar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ unit, zone, at, floor, next string }{
		{"hour", "UTC", "2024-02-29T23:59:59.999Z", "2024-02-29T23:00:00Z", "2024-03-01T00:00:00Z"},
		{"hour", "Asia/Kolkata", "2024-02-29T23:29:00Z", "2024-02-29T22:30:00Z", "2024-02-29T23:30:00Z"},
		{"hour", "America/New_York", "2024-11-03T05:30:00Z", "2024-11-03T05:00:00Z", "2024-11-03T06:00:00Z"},    // 1:30 the first time
		{"hour", "America/New_York", "2024-11-03T06:30:00Z", "2024-11-03T06:00:00Z", "2024-11-03T07:00:00Z"},    // 1:30 the second time
		{"hour", "Australia/Lord_Howe", "2024-10-05T15:40:00Z", "2024-10-05T15:30:00Z", "2024-10-05T16:00:00Z"}, // from 2:00 to 2:30
		{"day", "Asia/Kolkata", "2024-02-28T18:29:59Z", "2024-02-27T18:30:00Z", "2024-02-28T18:30:00Z"},
		{"day", "Africa/Cairo", "2023-04-28T09:00:00Z", "2023-04-27T22:00:00Z", "2023-04-28T21:00:00Z"},      // midnight is skipped
		{"day", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}, // likewise
		{"day", "America/New_York", "2024-03-10T12:00:00Z", "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z"},  // 23 hours
		{"week", "UTC", "2024-03-02T12:00:00Z", "2024-02-25T00:00:00Z", "2024-03-03T00:00:00Z"},              // from Sunday
		{"month", "UTC", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"month", "Asia/Kolkata", "2023-12-31T18:30:00Z", "2023-12-31T18:30:00Z", "2024-01-31T18:30:00Z"},
		{"quarter", "UTC", "2023-12-31T23:59:59Z", "2023-10-01T00:00:00Z", "2024-01-01T00:00:00Z"},
		{"year", "UTC", "1969-12-31T23:59:59Z", "1969-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		require.NoError(t, err)
		at, err := time.Parse(time.RFC3339, c.at)
		require.NoError(t, err)
		calendar := &search.Calendar{Unit: c.unit, Zone: zone}
		floor := calendar.Floor(at)
		require.Equal(t, c.floor, floor.UTC().Format(time.RFC3339), "%s of %s in %s", c.unit, c.at, c.zone)
		require.Equal(t, c.next, calendar.Next(floor).UTC().Format(time.RFC3339), "after the %s of %s in %s", c.unit, c.at, c.zone)
	}
	monday := &search.Calendar{Unit: "week", WeekStart: time.Monday}
	require.Equal(t, "2024-02-26", monday.Floor(time.Date(2024, 3, 3, 12, 0, 0, 0, time.UTC)).Format("2006-01-02"))
}

// Spans follow each other without a gap, through every change of the clocks.
func TestCalendarHasNoGaps(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "Asia/Kolkata", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Europe/Dublin",
		"Pacific/Kiritimati", "Pacific/Kwajalein", "America/St_Johns", "America/Goose_Bay"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		for i, unit := range []string{"hour", "day", "month", "quarter", "year", "week", "week", "week", "week", "week", "week", "week"} {
			c := &search.Calendar{Unit: unit, Zone: zone, WeekStart: time.Weekday(i % 7)}
			start := c.Floor(time.Date(1993, 1, 1, 0, 0, 0, 0, time.UTC))
			if unit == "hour" {
				start = c.Floor(time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC))
			}
			for range 20000 {
				next := c.Next(start)
				if !next.After(start) || next.Year() > 2025 {
					require.True(t, next.After(start), "%s in %s: %s is not after %s", unit, name, next, start)
					break
				}
				require.Equal(t, start.UnixMilli(), c.Floor(start).UnixMilli(), "%s in %s", unit, name)
				require.Equal(t, start.UnixMilli(), c.Floor(next.Add(-time.Millisecond)).UnixMilli(), "the end of a %s in %s that begins at %s", unit, name, start)
				middle := start.Add(next.Sub(start) / 2)
				require.Equal(t, start.UnixMilli(), c.Floor(middle).UnixMilli(), "the middle of a %s in %s that begins at %s", unit, name, start)
				start = next
			}
		}
	}
}
