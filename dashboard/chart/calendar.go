package chart

import (
	"fmt"
	"strconv"
	"time"
)

// A clockUnit is what ticks of time are multiples of.
type clockUnit int

const (
	seconds clockUnit = iota
	minutes
	hours
	days
	weeks
	months
	years
)

// A calendarStep is the distance of ticks of time. Since months differ, it is no duration; about is for guessing how many there are.
type calendarStep struct {
	unit  clockUnit
	n     int
	about time.Duration
}

const day = 24 * time.Hour

var calendarSteps = []calendarStep{
	{seconds, 1, time.Second}, {seconds, 5, 5 * time.Second}, {seconds, 15, 15 * time.Second}, {seconds, 30, 30 * time.Second},
	{minutes, 1, time.Minute}, {minutes, 5, 5 * time.Minute}, {minutes, 15, 15 * time.Minute}, {minutes, 30, 30 * time.Minute},
	{hours, 1, time.Hour}, {hours, 3, 3 * time.Hour}, {hours, 6, 6 * time.Hour}, {hours, 12, 12 * time.Hour},
	{days, 1, day}, {weeks, 1, 7 * day}, {weeks, 2, 14 * day},
	{months, 1, 30 * day}, {months, 3, 91 * day}, {months, 6, 182 * day},
	{years, 1, 365 * day}, {years, 2, 730 * day}, {years, 5, 1826 * day}, {years, 10, 3652 * day}, {years, 25, 9131 * day}, {years, 50, 18262 * day},
}

// A moment is a tick of an axis of time. Its context, the year of a month, is written below the first
// tick, and where it is another one than before.
type moment struct {
	at             time.Time
	label, context string
}

// moments returns the ticks from one time to another.
func (l *locale) moments(from, to time.Time, step calendarStep, i Interval, start time.Weekday) []moment {
	var all []moment
	t := floor(from, step, start)
	for n := 0; !t.At(n).After(to) && n < 10_000; n++ {
		at := t.At(n)
		if at.Before(from) || len(all) > 0 && !at.After(all[len(all)-1].at) {
			continue
		}
		label, context := l.written(at, step.unit, i)
		all = append(all, moment{at, label, context})
	}
	return all
}

func (l *locale) written(t time.Time, unit clockUnit, i Interval) (label, context string) {
	switch unit {
	case seconds:
		return t.Format("15:04:05"), l.date(t)
	case minutes, hours:
		return t.Format("15:04"), l.date(t)
	case days, weeks:
		return fmt.Sprintf("%d%s%s%s", t.Day(), l.dayMark, solid, l.months[t.Month()-1]), strconv.Itoa(t.Year())
	case months:
		if i == Quarter {
			return fmt.Sprintf(l.quarter, (t.Month()+2)/3), strconv.Itoa(t.Year())
		}
		return l.months[t.Month()-1], strconv.Itoa(t.Year())
	}
	return strconv.Itoa(t.Year()), ""
}

// A beginning is the first boundary of a calendar, from which others are counted by the clock on the wall, whatever
// a change to summer time does to it.
type beginning struct {
	y, m, d, hour, minute, second int
	step                          calendarStep
	zone                          *time.Location
}

// At returns the nth boundary.
func (b beginning) At(n int) time.Time {
	n *= b.step.n
	switch b.step.unit {
	case seconds:
		b.second += n
	case minutes:
		b.minute += n
	case hours:
		b.hour += n
	case days:
		b.d += n
	case weeks:
		b.d += 7 * n
	case months:
		b.m += n
	default:
		b.y += n
	}
	return time.Date(b.y, time.Month(b.m), b.d, b.hour, b.minute, b.second, 0, b.zone)
}

// floor returns the boundary at or before a time.
func floor(t time.Time, step calendarStep, start time.Weekday) beginning {
	n := step.n
	b := beginning{y: t.Year(), m: int(t.Month()), d: t.Day(), hour: t.Hour(), minute: t.Minute(), second: t.Second(), step: step, zone: t.Location()}
	switch step.unit {
	case seconds:
		b.second -= b.second % n
		return b
	case minutes:
		b.minute -= b.minute % n
	case hours:
		b.hour -= b.hour % n
		b.minute = 0
	case weeks:
		b.d -= (int(t.Weekday()) - int(start) + 7) % 7
		b.hour, b.minute = 0, 0
	case months:
		b.m -= (b.m - 1) % n
		b.d, b.hour, b.minute = 1, 0, 0
	case years:
		b.y -= b.y % n
		b.m, b.d, b.hour, b.minute = 1, 1, 0, 0
	default:
		b.hour, b.minute = 0, 0
	}
	b.second = 0
	return b
}

// finest is the finest step that makes sense between buckets.
func finest(i Interval) clockUnit {
	switch i {
	case Hour:
		return hours
	case Day:
		return days
	case Week:
		return weeks
	case Month, Quarter:
		return months
	case Year:
		return years
	}
	return seconds
}

// after returns the bucket behind one.
func (i Interval) after(t time.Time) time.Time {
	switch i {
	case Hour:
		return t.Add(time.Hour)
	case Day:
		return t.AddDate(0, 0, 1)
	case Week:
		return t.AddDate(0, 0, 7)
	case Month:
		return t.AddDate(0, 1, 0)
	case Quarter:
		return t.AddDate(0, 3, 0)
	}
	return t.AddDate(1, 0, 0)
}

// gap reports whether there is a bucket between two.
func (i Interval) gap(from, to time.Time) bool {
	return i != "" && i.after(from).Before(to)
}
