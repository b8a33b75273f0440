package record

import (
	"strings"
	"time"
)

// A dateFormat is one date format, ready to read.
type dateFormat struct {
	read     func(f *dateFormat, s string) (ms int64, ok bool)
	ops      []dateOp
	dateOnly bool
}

// defaultFormats are the formats of a date that names none.
func defaultFormats(typ string) []string {
	if typ == "date_nanos" {
		return []string{"strict_date_optional_time_nanos", "epoch_millis"}
	}
	return []string{"strict_date_optional_time", "epoch_millis"}
}

// parseDate reads s by the first format that fits.
func parseDate(formats []dateFormat, s string) (ms int64, ok bool) {
	for i := range formats {
		if ms, ok = formats[i].read(&formats[i], s); ok {
			return ms, true
		}
	}
	return 0, false
}

// compileFormat makes a format ready: one of Elasticsearch's names, or else a
// pattern of Java.
func compileFormat(name string) (f dateFormat, ok bool) {
	switch name {
	case "epoch_millis":
		return dateFormat{read: readMillis}, true
	case "epoch_second":
		return dateFormat{read: readSeconds}, true
	case "strict_date_optional_time", "iso8601":
		return dateFormat{read: readISO}, true
	case "strict_date_optional_time_nanos":
		return dateFormat{read: readISONanos}, true
	}
	if p, known := oddFormats[name]; known {
		return compilePattern(p, true)
	}
	if p, known := strictFormats[strings.TrimPrefix(name, "strict_")]; known {
		if !strings.HasPrefix(name, "strict_") && !strings.HasPrefix(name, "basic_") {
			p = lenient.Replace(p)
		}
		return compilePattern(p, true)
	}
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" && strings.Contains(name, "_") {
		return f, false
	}
	return compilePattern(strings.TrimPrefix(name, "8"), false)
}

// lenient makes of a strict pattern one that takes fewer digits.
var lenient = strings.NewReplacer("yyyy", "t", "YYYY", "Y", "MM", "M", "dd", "d", "HH", "H", "mm", "m", "ss", "s", "ww", "w", "DDD", "D")

// oddFormats are those whose strict and lenient forms differ by more, or that
// have one form only.
var oddFormats = map[string]string{
	"date_optional_time":             "t[-M[-d['T'[H[:m[:s[,f][.f]][j]]]]]]",
	"date_time_no_millis":            "t-M-d'T'H:m[:s][j]",
	"strict_date_time":               "yyyy-MM-dd'T'HH:mm:ss[.f]j",
	"date_hour_minute_second_millis": "t-M-d'T'H:m:s.i",
	"hour_minute_second_millis":      "H:m:s.i",
	"strict_year_month_day":          "yyyy[-MM[-dd]]",
	"basic_date":                     "yyyyMMd",
}

// strictFormats are the named formats as patterns. Besides the letters of Java,
// t is a year of any length, f a fraction of one to nine digits, i one of up to
// three, and j a zone in any form.
var strictFormats = map[string]string{
	"basic_date_time":                   "yyyyMMdd'T'HHmmss.fj",
	"basic_date_time_no_millis":         "yyyyMMdd'T'HHmmssj",
	"basic_ordinal_date":                "yyyyDDD",
	"basic_ordinal_date_time":           "yyyyDDD'T'HHmmss.fj",
	"basic_ordinal_date_time_no_millis": "yyyyDDD'T'HHmmssj",
	"basic_time":                        "HHmmss.fj",
	"basic_time_no_millis":              "HHmmssj",
	"basic_t_time":                      "'T'HHmmss.fj",
	"basic_t_time_no_millis":            "'T'HHmmssj",
	"basic_week_date":                   "YYYY'W'wwe",
	"basic_week_date_time":              "YYYY'W'wwe'T'HHmmss.fj",
	"basic_week_date_time_no_millis":    "YYYY'W'wwe'T'HHmmssj",
	"date":                              "yyyy-MM-dd",
	"date_hour":                         "yyyy-MM-dd'T'HH",
	"date_hour_minute":                  "yyyy-MM-dd'T'HH:mm",
	"date_hour_minute_second":           "yyyy-MM-dd'T'HH:mm:ss",
	"date_hour_minute_second_fraction":  "yyyy-MM-dd'T'HH:mm:ss.f",
	"date_hour_minute_second_millis":    "yyyy-MM-dd'T'HH:mm:ss.f",
	"date_time":                         "yyyy-MM-dd'T'HH:mm:ss.fj",
	"date_time_no_millis":               "yyyy-MM-dd'T'HH:mm:ssj",
	"hour":                              "HH",
	"hour_minute":                       "HH:mm",
	"hour_minute_second":                "HH:mm:ss",
	"hour_minute_second_fraction":       "HH:mm:ss.f",
	"hour_minute_second_millis":         "HH:mm:ss.f",
	"ordinal_date":                      "yyyy-DDD",
	"ordinal_date_time":                 "yyyy-DDD'T'HH:mm:ss.fj",
	"ordinal_date_time_no_millis":       "yyyy-DDD'T'HH:mm:ssj",
	"time":                              "HH:mm:ss.fj",
	"time_no_millis":                    "HH:mm:ssj",
	"t_time":                            "'T'HH:mm:ss.fj",
	"t_time_no_millis":                  "'T'HH:mm:ssj",
	"week_date":                         "YYYY-'W'ww-e",
	"week_date_time":                    "YYYY-'W'ww-e'T'HH:mm:ss.fj",
	"week_date_time_no_millis":          "YYYY-'W'ww-e'T'HH:mm:ssj",
	"weekyear":                          "YYYY",
	"weekyear_week":                     "YYYY-'W'ww",
	"weekyear_week_day":                 "YYYY-'W'ww-e",
	"year":                              "yyyy",
	"year_month":                        "yyyy-MM",
	"year_month_day":                    "yyyy-MM-dd",
}

// readMillis reads milliseconds since 1970, of which a fraction is cut off.
func readMillis(_ *dateFormat, s string) (int64, bool) {
	whole, nanos, ok := splitEpoch(s, 6)
	if nanos > 0 && s[0] == '-' {
		whole--
	}
	return whole, ok
}

// readSeconds reads seconds since 1970.
func readSeconds(_ *dateFormat, s string) (int64, bool) {
	whole, nanos, ok := splitEpoch(s, 9)
	if !ok || whole > 1<<53 || whole < -1<<53 {
		return 0, false
	}
	if s[0] == '-' {
		return whole*1000 - int64((nanos+999_999)/1_000_000), true
	}
	return whole*1000 + int64(nanos/1_000_000), true
}

// splitEpoch reads [-]123.456: the whole part with its sign, and the fraction
// as nanoseconds of a second.
func splitEpoch(s string, most int) (whole int64, nanos int, ok bool) {
	text, behind, _ := strings.Cut(s, ".")
	if text == "" || text[0] == '+' {
		return 0, 0, false
	}
	if whole, ok = smallInt(text); !ok {
		return 0, 0, false
	}
	nanos, behind, _ = fraction(behind, 0, most)
	return whole, nanos, behind == ""
}

// A dateParts is what a text says about an instant.
type dateParts struct {
	year, month, day     int
	hour, minute, second int
	nanos                int
	offset               int // seconds east of UTC
	yearDay              int // instead of month and day, if not 0
	weekYear, week       int // instead of all three, if byWeek
	weekDay              int // from 1, Monday
	half                 int // 1 for AM, 2 for PM
	hour12               int // from 1
	byWeek               bool
	hours, below         bool // whether the hour, and what is below it, is named
}

const msPerDay = 24 * 60 * 60 * 1000

// millis returns the instant, if there is one.
func (p *dateParts) millis() (int64, bool) {
	days, ok := p.days()
	if !ok || p.hour > 23 || p.minute > 59 || p.second > 59 {
		return 0, false
	}
	hour := p.hour
	if p.hour12 != 0 {
		if p.hour12 > 12 || p.half == 0 {
			return 0, false
		}
		hour = p.hour12%12 + 12*(p.half-1)
	}
	seconds := int64(hour*3600+p.minute*60+p.second) - int64(p.offset)
	return days*msPerDay + seconds*1000 + int64(p.nanos/1e6), true
}

// days returns the day since 1970 that p names.
func (p *dateParts) days() (int64, bool) {
	if p.byWeek {
		// the week with the fourth of January is the first
		jan4 := daysSinceEpoch(p.weekYear, 1, 4)
		monday := jan4 - int64(weekdayOf(jan4)-1)
		if p.week < 1 || p.week > 53 || p.weekDay < 1 || p.weekDay > 7 {
			return 0, false
		}
		days := monday + int64(7*(p.week-1)+p.weekDay-1)
		next := daysSinceEpoch(p.weekYear+1, 1, 4)
		return days, p.week < 53 || monday+52*7 < next-int64(weekdayOf(next)-1)
	}
	if p.yearDay != 0 {
		first := daysSinceEpoch(p.year, 1, 1)
		return first + int64(p.yearDay-1), p.yearDay > 0 && int64(p.yearDay) <= daysSinceEpoch(p.year+1, 1, 1)-first
	}
	if p.month < 1 || p.month > 12 || p.day < 1 || p.day > daysIn(p.year, p.month) {
		return 0, false
	}
	return daysSinceEpoch(p.year, p.month, p.day), true
}

// weekdayOf returns the day of the week from 1, Monday. Day 0 was a Thursday.
func weekdayOf(days int64) int { return int(((days+3)%7+7)%7) + 1 }

func daysIn(year, month int) int {
	switch {
	case month != 2:
		return 30 + (month+month>>3)&1
	case year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	}
	return 28
}

// daysSinceEpoch counts the days of the Gregorian calendar from 1970 on.
func daysSinceEpoch(year, month, day int) int64 {
	// years begin in March, so that the leap day is the last
	y, m := int64(year), int64(month)-3
	if m < 0 {
		y, m = y-1, m+12
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + (153*m+2)/5 + int64(day) - 1 - 719468
}

// readISO reads 2006[-01[-02[T[15[:04[:05[.999999999]]]][zone]]]].
func readISO(_ *dateFormat, s string) (int64, bool) {
	p := dateParts{month: 1, day: 1}
	var ok bool
	if p.year, s, ok = isoYear(s); !ok {
		return 0, false
	}
	if p.month, s, ok = isoPart(s, '-', 1); !ok {
		return 0, false
	}
	if s != "" && s[0] == '-' {
		if p.day, s, ok = isoPart(s, '-', 1); !ok {
			return 0, false
		}
		if s != "" {
			if s, ok = isoTime(s, &p); !ok {
				return 0, false
			}
		}
	}
	if s != "" {
		return 0, false
	}
	return p.millis()
}

// readISONanos reads what readISO does, but a time of day only with its seconds.
func readISONanos(f *dateFormat, s string) (int64, bool) {
	day, clock, timed := strings.Cut(s, "T")
	if timed && (len(day) < 10 || len(clock) < 8 || clock[5] != ':') {
		return 0, false
	}
	return readISO(f, s)
}

// isoYear reads four digits, before which a minus may stand.
func isoYear(s string) (year int, rest string, ok bool) {
	digits, before := strings.CutPrefix(s, "-")
	if len(digits) < 4 {
		return 0, s, false
	}
	if year, ok = pairs(digits[:4]); before {
		year = -year
	}
	return year, digits[4:], ok
}

// maxYear is the largest year whose milliseconds fit.
const maxYear = 292_000_000

// pairs reads a text of digits.
func pairs(s string) (n int, ok bool) {
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, true
}

// isoPart reads two digits after sep; if sep is absent, it returns missing.
func isoPart(s string, sep byte, missing int) (n int, rest string, ok bool) {
	if s == "" || s[0] != sep {
		return missing, s, true
	}
	if len(s) < 3 {
		return 0, s, false
	}
	n, ok = pairs(s[1:3])
	return n, s[3:], ok
}

// isoTime reads the time of day after the date, beginning with T.
func isoTime(s string, p *dateParts) (rest string, ok bool) {
	if s[0] != 'T' {
		return s, false
	}
	if len(s) == 1 {
		return "", true
	}
	if p.hour, s, ok = isoPart(s, 'T', 0); !ok {
		return s, false
	}
	colon := s != "" && s[0] == ':'
	if p.minute, s, ok = isoPart(s, ':', 0); !ok {
		return s, false
	}
	colon = colon && s != "" && s[0] == ':'
	if p.second, s, ok = isoPart(s, ':', 0); !ok {
		return s, false
	}
	if colon && s != "" && (s[0] == '.' || s[0] == ',') {
		if p.nanos, s, ok = fraction(s[1:], 1, 9); !ok {
			return s, false
		}
	}
	if s == "Z" || s == "" {
		return "", true
	}
	p.offset, s, ok = anyZone(s)
	return s, ok
}

// fraction reads from least to most digits behind a decimal point, as nanoseconds.
func fraction(s string, least, most int) (nanos int, rest string, ok bool) {
	n := 0
	for unit := int(time.Second) / 10; n < len(s) && n < most && isDigit(s[n]); n++ {
		nanos += int(s[n]-'0') * unit
		unit /= 10
	}
	return nanos, s[n:], n >= least
}

var utcNames = []string{"Z", "UTC", "GMT", "UT"}

// anyZone reads Z, UTC, +01, +0130, +01:30 or +01:30:15.
func anyZone(s string) (offset int, rest string, ok bool) {
	for _, name := range utcNames {
		if rest, ok := strings.CutPrefix(s, name); ok {
			return 0, rest, true
		}
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, s, false
	}
	sign := 1
	if s[0] == '-' {
		sign = -1
	}
	var part [3]int
	part[0], ok = pairs(s[1:3])
	s = s[3:]
	colon := s != "" && s[0] == ':'
	for i := 1; i < 3 && ok && s != ""; i++ {
		digits := s
		if colon {
			if s[0] != ':' {
				break
			}
			digits = s[1:]
		}
		if len(digits) < 2 || !isDigit(digits[0]) {
			ok = !colon
			break
		}
		part[i], ok = pairs(digits[:2])
		s = digits[2:]
	}
	if part[0] > 18 || part[1] > 59 || part[2] > 59 {
		return 0, s, false
	}
	return sign * (part[0]*3600 + part[1]*60 + part[2]), s, ok
}
