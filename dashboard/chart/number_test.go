package chart_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/dashboard/chart"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		locale               string
		v                    float64
		exact, label, scaled string
	}{
		{"en", 0, "0", "0", ""},
		{"en", math.Copysign(0, -1), "0", "0", ""},
		{"en", 999, "999", "999", ""},
		{"en", 1234567, "1,234,567", "1,234,567", "~1.2\u00A0M"},
		{"en-IN", 1234567, "12,34,567", "12,34,567", "~12.3\u00A0lakh"},
		{"hi", 1234567, "12,34,567", "12,34,567", "~12.3\u00A0लाख"},
		{"hi", 100000, "1,00,000", "1,00,000", "1\u00A0लाख"},
		{"hi", -123456789012, "-1,23,45,67,89,012", "-1,23,45,67,89,012", "~-12,345.7\u00A0करोड़"},
		{"de", 1234567.5, "1.234.567,5", "1.234.567,5", "~1,2\u00A0Mio."},
		{"fr", 1234567.25, "1\u202F234\u202F567,25", "1\u202F234\u202F567,3", "~1,2\u00A0M"},
		{"de-AT", 1000, "1.000", "1.000", ""},
		{"en", 0.1 + 0.2, "0.3", "0.3", ""},
		{"en", 2.675, "2.675", "2.675", ""},
		{"en", 12.345678, "12.345678", "12.35", ""},
		{"en", 1.0 / 3, "0.333333333333333", "0.3333", ""},
		{"en", 99.996, "99.996", "99.996", ""},
		{"en", 1234.98, "1,234.98", "1,234.98", "~1.2\u00A0k"},
		{"en", 0.00001, "0.00001", "0.00001", ""},
		{"en", 1e-9, "1\u00A0×\u00A010⁻⁹", "1\u00A0×\u00A010⁻⁹", ""},
		{"en", -2.5e30, "~-2.5\u00A0×\u00A010³⁰", "~-2.5\u00A0×\u00A010³⁰", ""},
		{"en", 9007199254740991, "9,007,199,254,740,991", "9,007,199,254,740,991", "~9,007.2\u00A0T"},
		{"en", 9007199254740994, "~9,007,199,254,740,990", "~9,007,199,254,740,990", "~9,007.2\u00A0T"},
	} {
		exact, label, scaled := chart.Written(c.locale, c.v)
		require.Equal(t, c.exact, exact, "%s %v", c.locale, c.v)
		require.Equal(t, c.label, label, "%s %v", c.locale, c.v)
		if c.scaled != "" {
			require.Equal(t, c.scaled, scaled, "%s %v", c.locale, c.v)
		}
	}
}

// Some is never written as none, and not all never as all.
func TestShares(t *testing.T) {
	t.Parallel()
	for want, of := range map[string][2]float64{
		"0.0%": {0, 5}, "<0.1%": {1, 1_000_000}, "0.1%": {1, 1000}, "50.0%": {1, 2}, "33.3%": {1, 3}, "66.7%": {2, 3}, "99.9%": {999, 1000}, ">99.9%": {999_999, 1_000_000}, "100.0%": {7, 7},
		"": {0, 0}, "12.5%": {1, 8},
	} {
		require.Equal(t, want, chart.Share(of[0], of[1]))
	}
	for want, c := range map[string][2]float64{
		"+12.2%": {1100000, 1234567}, "-17.7%": {1500, 1234}, "": {0, 5}, "+<0.1%": {100000, 100001}, "-<0.1%": {100001, 100000}, "+150.0%": {-2, 1}, "+900.0%": {1, 10}, "-100.0%": {3, 0},
	} {
		require.Equal(t, want, chart.Change(c[0], c[1]), c)
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		locale   string
		from, to float64
		n        int
		whole    bool
		want     []string
	}{
		{"en", 0, 7, 5, true, []string{"0", "2", "4", "6", "8"}},
		{"en", 0, 1, 5, true, []string{"0", "1"}},
		{"en", 0, 1, 5, false, []string{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{"en", 0, 0, 5, true, []string{"0", "1"}},
		{"en", 0, 1850, 5, true, []string{"0", "500", "1,000", "1,500", "2,000"}},
		{"en", 0, 99999, 5, true, []string{"0", "20\u00A0k", "40\u00A0k", "60\u00A0k", "80\u00A0k", "100\u00A0k"}},
		{"en", 0, 1234567, 5, true, []string{"0", "0.25\u00A0M", "0.5\u00A0M", "0.75\u00A0M", "1\u00A0M", "1.25\u00A0M"}},
		{"hi", 0, 1234567, 5, true, []string{"0", "2.5\u00A0लाख", "5\u00A0लाख", "7.5\u00A0लाख", "10\u00A0लाख", "12.5\u00A0लाख"}},
		{"de", -1200, 900, 5, true, []string{"-1.500", "-1.000", "-500", "0", "500", "1.000"}},
		{"en", 36.5, 37.65, 5, false, []string{"36.50", "36.75", "37.00", "37.25", "37.50", "37.75"}},
		{"en", 0, 1e-9, 2, false, []string{"0", "5\u00A0×\u00A010⁻¹⁰", "1\u00A0×\u00A010⁻⁹"}},
		{"en", 0, 1e300, 2, false, []string{"0", "5\u00A0×\u00A010²⁹⁹", "1\u00A0×\u00A010³⁰⁰"}},
		{"en", 1e15, 1e15 + 1, 2, true, []string{"0", "1,000\u00A0T", "2,000\u00A0T"}},
	} {
		labels, values := chart.Ticks(c.locale, c.from, c.to, c.n, c.whole)
		require.Equal(t, c.want, labels, "%g to %g", c.from, c.to)
		require.LessOrEqual(t, values[0], c.from)
		require.GreaterOrEqual(t, values[len(values)-1], c.to)
	}
}

// Ticks of time stand at the boundaries of the calendar in the zone of the chart, also where clocks are changed.
func TestMoments(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	at := func(zone *time.Location, y, m, d, h int) time.Time {
		return time.Date(y, time.Month(m), d, h, 0, 0, 0, zone)
	}
	require.Equal(t, []string{"Feb / 2026", "Mar / 2026", "Apr / 2026"}, chart.Moments("en", at(kolkata, 2026, 1, 15, 3), at(kolkata, 2026, 4, 30, 0), "month", 1))
	require.Equal(t, []string{"Apr. / 2026", "Juli / 2026", "Okt. / 2026", "Jan. / 2027"}, chart.Moments("de", at(berlin, 2026, 1, 2, 0), at(berlin, 2027, 1, 1, 0), "month", 3))
	require.Equal(t, []string{"2\u00A0Mar / 2026", "9\u00A0Mar / 2026"}, chart.Moments("en", at(kolkata, 2026, 2, 25, 0), at(kolkata, 2026, 3, 10, 0), "week", 1))
	require.Equal(t, []string{"00:00 / 29\u00A0Mar\u00A02026", "03:00 / 29\u00A0Mar\u00A02026", "06:00 / 29\u00A0Mar\u00A02026"},
		chart.Moments("en", at(berlin, 2026, 3, 29, 0), at(berlin, 2026, 3, 29, 8), "hour", 3), "clocks are put forward at two")
	require.Equal(t, []string{"24\u00A0Oct / 2026", "25\u00A0Oct / 2026", "26\u00A0Oct / 2026"}, chart.Moments("en", at(berlin, 2026, 10, 24, 0), at(berlin, 2026, 10, 26, 12), "day", 1), "a day of 25 hours")
	require.Equal(t, []string{"2030 / ", "2040 / "}, chart.Moments("en", at(time.UTC, 2021, 1, 1, 0), at(time.UTC, 2045, 1, 1, 0), "year", 10))
}
