package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDayWithoutMidnight holds that a day is that day in a zone whose clocks are set forward at its midnight, too.
func TestDayWithoutMidnight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, day string }{
		{"America/Santiago", "2026-09-06"}, {"America/Havana", "2026-03-08"}, {"Africa/Cairo", "2026-04-24"}, {"Asia/Kolkata", "2026-04-24"},
	} {
		zone, err := time.LoadLocation(c.zone)
		require.NoError(t, err)
		got, ok := timeOf(c.day, zone)
		require.True(t, ok)
		require.Equal(t, c.day, got.In(zone).Format(time.DateOnly), c.zone)
	}
}
