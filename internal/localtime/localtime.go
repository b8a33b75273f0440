// Package localtime finds the instants at which the clocks of a zone show a
// time, also where they are set forward or back.
package localtime

import "time"

// DayStart returns the first instant of a day, which is not midnight where the
// clocks are set forward at midnight. The day may be beyond the month's end.
func DayStart(year int, month time.Month, day int, zone *time.Location) time.Time {
	t := At(year, month, day, 0, 0, zone)
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t
	}
	begin, end := t.ZoneBounds()
	if t.Hour() < 12 && !begin.IsZero() { // midnight was skipped: the day begins at the change
		return begin
	}
	if t.Hour() >= 12 && !end.IsZero() {
		return end
	}
	return t
}

// At returns the first instant at which the clocks of the zone show a
// time. Where they skip it, it is the instant that is as long after the
// change as the time is after the skipped hour's beginning.
func At(year int, month time.Month, day, hour, minute int, zone *time.Location) time.Time {
	wall := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	_, before := wall.Add(-26 * time.Hour).In(zone).Zone()
	_, after := wall.Add(26 * time.Hour).In(zone).Zone()
	first := wall.Add(-time.Duration(before) * time.Second).In(zone)
	second := wall.Add(-time.Duration(after) * time.Second).In(zone)
	if sameWall(first, wall) {
		if sameWall(second, wall) && second.Before(first) {
			return second
		}
		return first
	}
	if sameWall(second, wall) {
		return second
	}
	return first
}

func sameWall(t, wall time.Time) bool {
	return t.Minute() == wall.Minute() && t.Hour() == wall.Hour() && t.Day() == wall.Day() && t.Second() == wall.Second()
}
