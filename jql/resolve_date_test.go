package jql

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// utc prints milliseconds as an instant in UTC.
func utc(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z") }

// Jira's forms and those of ISO 8601, each the half-open interval of its precision.
func TestParseDate(t *testing.T) {
	for _, c := range []struct{ text, zone, start, end string }{
		{"2024-01-31", "UTC", "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z"},
		{"2024/01/31", "UTC", "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z"},
		{"2024-1-3", "UTC", "2024-01-03T00:00:00Z", "2024-01-04T00:00:00Z"},
		{" 2024-01-31 ", "UTC", "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z"},
		{"2024-02-29", "UTC", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"2024-12-31", "UTC", "2024-12-31T00:00:00Z", "2025-01-01T00:00:00Z"},
		{"2024-01-31", "Asia/Kolkata", "2024-01-30T18:30:00Z", "2024-01-31T18:30:00Z"},
		{"2024-01-31", "America/New_York", "2024-01-31T05:00:00Z", "2024-02-01T05:00:00Z"},
		{"2024-03-10", "America/New_York", "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z"},
		{"2024-11-03", "America/New_York", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"},
		// The clocks skip midnight, so that the day begins at one o'clock.
		{"2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		// The clocks show the last hour of the 17th twice.
		{"2018-02-17", "America/Sao_Paulo", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
		// Samoa had no 30 December 2011.
		{"2011-12-29", "Pacific/Apia", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"2024-01-31 14:30", "UTC", "2024-01-31T14:30:00Z", "2024-01-31T14:31:00Z"},
		{"2024/1/31 4:5", "UTC", "2024-01-31T04:05:00Z", "2024-01-31T04:06:00Z"},
		{"2024-01-31T14:30", "Asia/Kolkata", "2024-01-31T09:00:00Z", "2024-01-31T09:01:00Z"},
		{"2024-01-31T14:30:15", "UTC", "2024-01-31T14:30:15Z", "2024-01-31T14:30:16Z"},
		{"2024-01-31T14:30:15.25", "UTC", "2024-01-31T14:30:15.25Z", "2024-01-31T14:30:15.251Z"},
		{"2024-01-31T14:30:15Z", "Asia/Kolkata", "2024-01-31T14:30:15Z", "2024-01-31T14:30:16Z"},
		{"2024-01-31T14:30:15+05:30", "UTC", "2024-01-31T09:00:15Z", "2024-01-31T09:00:16Z"},
		{"2024-01-31 14:30 -0800", "UTC", "2024-01-31T22:30:00Z", "2024-01-31T22:31:00Z"},
		{"2024-01-31 14:30+01", "UTC", "2024-01-31T13:30:00Z", "2024-01-31T13:31:00Z"},
		// Shown twice: the first. Skipped: as long after the change.
		{"2024-11-03 01:30", "America/New_York", "2024-11-03T05:30:00Z", "2024-11-03T05:31:00Z"},
		{"2024-03-10 02:30", "America/New_York", "2024-03-10T07:30:00Z", "2024-03-10T07:31:00Z"},
	} {
		t.Run(c.text+" "+c.zone, func(t *testing.T) {
			m, ok := parseDate(c.text, zone(t, c.zone))
			require.True(t, ok)
			require.Equal(t, c.start, utc(m.start))
			require.Equal(t, c.end, utc(m.end))
		})
	}
}

func TestParseDateRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "2024", "2024-01", "24-01-31", "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-00",
		"2024-01/31", "2024.01.31", "31/01/2024", "2024-01-31x", "2024-01-31T", "2024-01-31 24:00", "2024-01-31 14",
		"2024-01-31 14:60", "2024-01-31 14:30:60", "2024-01-31 14:30:5", "2024-01-31 14:30:05.", "2024-01-31Z",
		"2024-01-31 14:30+1", "2024-01-31 14:30+05:3", "2024-01-31 14:30+19:00", "2024-01-31 14:30 Z Z", "20240131",
		"99999-01-01", "-2024-01-01", "2024-01-31\t14:30",
	} {
		_, ok := parseDate(text, time.UTC)
		require.False(t, ok, "%q", text)
	}
}

func TestParseDuration(t *testing.T) {
	now := time.Date(2024, 3, 31, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct{ text, want string }{
		{"-7d", "2024-03-24T10:00:00Z"},
		{"+7d", "2024-04-07T10:00:00Z"},
		{"7d", "2024-04-07T10:00:00Z"},
		{"-1w", "2024-03-24T10:00:00Z"},
		{"4w 2d", "2024-04-30T10:00:00Z"},
		{"-4w 2d", "2024-03-01T10:00:00Z"},
		{"4w2d", "2024-04-30T10:00:00Z"},
		{"1.5h", "2024-03-31T11:30:00Z"},
		{"-30m", "2024-03-31T09:30:00Z"},
		{"1h 15", "2024-03-31T11:15:00Z"},
		{"-1M", "2024-02-29T10:00:00Z"},
		{"+1M", "2024-04-30T10:00:00Z"},
		{"-1y", "2023-03-31T10:00:00Z"},
		{"-1y 1M", "2023-02-28T10:00:00Z"},
		{" -7d ", "2024-03-24T10:00:00Z"},
	} {
		d, ok := parseDuration(c.text)
		require.True(t, ok, "%q", c.text)
		require.Equal(t, c.want, utc(d.from(now, time.UTC).UnixMilli()), "%q", c.text)
	}
	for _, text := range []string{
		"", "-", "7", "-7", "d", "7x", "7 d", "7d-", "1.5M", "1..5d", "--7d", "7D", "7dd", "99999999d", "99999y", "1e3d", "५d",
	} {
		_, ok := parseDuration(text)
		require.False(t, ok, "%q", text)
	}
}

// The functions of the language in their own unit and in others, at the edges
// of months, years and daylight saving.
func TestDateFunctions(t *testing.T) {
	for _, c := range []struct{ function, arg, now, zone, want string }{
		{"startOfDay", "", "2024-03-15T10:00:00Z", "UTC", "2024-03-15T00:00:00Z"},
		{"startOfDay", "", "2024-03-15T20:00:00Z", "Asia/Kolkata", "2024-03-15T18:30:00Z"},
		{"startOfDay", "-1", "2024-03-01T10:00:00Z", "UTC", "2024-02-29T00:00:00Z"},
		{"startOfDay", "-1d", "2024-03-01T10:00:00Z", "UTC", "2024-02-29T00:00:00Z"},
		{"startOfDay", "+3h", "2024-03-15T10:00:00Z", "UTC", "2024-03-15T03:00:00Z"},
		{"endOfDay", "", "2024-03-15T10:00:00Z", "UTC", "2024-03-15T23:59:59.999Z"},
		{"endOfDay", "", "2024-03-10T12:00:00Z", "America/New_York", "2024-03-11T03:59:59.999Z"},
		{"startOfWeek", "", "2024-03-15T10:00:00Z", "UTC", "2024-03-10T00:00:00Z"},
		{"startOfWeek", "", "2024-03-10T10:00:00Z", "UTC", "2024-03-10T00:00:00Z"},
		{"endOfWeek", "", "2024-03-15T10:00:00Z", "UTC", "2024-03-16T23:59:59.999Z"},
		{"startOfWeek", "-1w", "2024-03-15T10:00:00Z", "UTC", "2024-03-03T00:00:00Z"},
		{"startOfWeek", "+1d", "2024-03-15T10:00:00Z", "UTC", "2024-03-11T00:00:00Z"},
		{"startOfMonth", "", "2024-03-15T10:00:00Z", "UTC", "2024-03-01T00:00:00Z"},
		{"startOfMonth", "+14d", "2024-03-15T10:00:00Z", "UTC", "2024-03-15T00:00:00Z"},
		{"startOfMonth", "-1", "2024-03-31T10:00:00Z", "UTC", "2024-02-01T00:00:00Z"},
		{"endOfMonth", "+1", "2024-02-10T10:00:00Z", "UTC", "2024-03-31T23:59:59.999Z"},
		{"endOfMonth", "+1M", "2024-01-31T10:00:00Z", "UTC", "2024-02-29T23:59:59.999Z"},
		{"endOfMonth", "+15d", "2024-01-10T10:00:00Z", "UTC", "2024-02-15T23:59:59.999Z"},
		{"startOfYear", "", "2024-03-15T10:00:00Z", "UTC", "2024-01-01T00:00:00Z"},
		{"startOfYear", "-1y", "2024-02-29T10:00:00Z", "UTC", "2023-01-01T00:00:00Z"},
		{"endOfYear", "", "2024-03-15T10:00:00Z", "UTC", "2024-12-31T23:59:59.999Z"},
		{"startOfDay", "", "2018-11-04T12:00:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z"},
	} {
		t.Run(c.function+c.arg+" "+c.now+" "+c.zone, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			require.NoError(t, err)
			r := &resolver{opts: ResolveOptions{Now: now, Zone: zone(t, c.zone)}}
			fn, ok := r.function(c.function)
			require.True(t, ok)
			call := &Call{Options: &r.opts, name: c.function}
			if c.arg != "" {
				call.Args = []string{c.arg}
			}
			got, err := fn.Call(t.Context(), call)
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.Equal(t, c.want, utc(got[0].Millis()))
		})
	}
}

func TestBadIncrement(t *testing.T) {
	for _, arg := range []string{"", " ", "d", "1x", "1D", "1.5d", "--1d", "1d2", "99999999999999999999", "-1 d"} {
		r := &resolver{opts: ResolveOptions{Now: time.Unix(0, 0), Zone: time.UTC}}
		fn, _ := r.function("startOfMonth")
		_, err := fn.Call(t.Context(), &Call{Args: []string{arg}, Options: &r.opts, name: "startOfMonth"})
		require.EqualError(t, err,
			"Duration for function 'startOfMonth' should have the format (+/-)n(yMwdm), e.g -1M for 1 month earlier.", "%q", arg)
	}
}

// Jira shifts by whole days of the calendar, so that the hour stays across a change of the clocks.
// An increment that is right in form may still lead too far.
func TestIncrementTooFar(t *testing.T) {
	for _, arg := range []string{"99999999y", "2147483647M", "-2147483647d", "+2147483647w", "9999y"} {
		r := &resolver{opts: ResolveOptions{Now: time.Unix(0, 0), Zone: time.UTC}}
		fn, _ := r.function("startOfMonth")
		_, err := fn.Call(t.Context(), &Call{Args: []string{arg}, Options: &r.opts, name: "startOfMonth"})
		require.EqualError(t, err, `the function "startOfMonth" leads beyond the years that a date can have`, "%q", arg)
	}
}

func TestShiftAcrossClockChange(t *testing.T) {
	ny := zone(t, "America/New_York")
	now := time.Date(2024, 3, 9, 12, 0, 0, 0, ny)
	got, ok := increment{n: 1, unit: 'd'}.shift(now, 'd')
	require.True(t, ok)
	require.Equal(t, time.Date(2024, 3, 10, 12, 0, 0, 0, ny).UnixMilli(), got.UnixMilli())
	got, ok = increment{n: 24, unit: 'h'}.shift(now, 'd')
	require.True(t, ok)
	require.Equal(t, time.Date(2024, 3, 10, 13, 0, 0, 0, ny).UnixMilli(), got.UnixMilli())
}

func FuzzMoment(f *testing.F) {
	for _, text := range []string{"2024-01-31", "2024/1/3 4:5", "-7d", "4w 2d", "1.5h", "2024-01-31T14:30:15.25+05:30", "+1M"} {
		f.Add(text, int64(1710000000000))
	}
	zones := []*time.Location{time.UTC, zone(f, "America/Sao_Paulo"), zone(f, "Asia/Kolkata"), zone(f, "Pacific/Apia")}
	f.Fuzz(func(t *testing.T, text string, now int64) {
		now %= maxMillis
		for _, z := range zones {
			if m, ok := parseDate(text, z); ok {
				require.LessOrEqual(t, m.start, m.end) // equal on a day that a zone left out
			}
			if d, ok := parseDuration(text); ok {
				d.from(time.UnixMilli(now), z)
				m := d.precision(time.UnixMilli(now), z)
				require.LessOrEqual(t, m.start, now)
				require.Greater(t, m.end, now)
			}
			if inc, ok := parseIncrement(text); ok {
				inc.shift(time.UnixMilli(now).In(z), 'd')
			}
		}
	})
}
