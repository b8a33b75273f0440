package record

import "strings"

// A dateOp is one step of a date pattern.
type dateOp struct {
	// code is a letter of the pattern, '\'' for a literal, or '[' for an
	// optional section.
	code byte
	// width is how often the letter stands, min and max how many digits it takes.
	width, min, max int
	// reserve is how many digits the steps directly behind need.
	reserve int
	own     bool
	literal string
	section []dateOp
}

// dayLetters are the letters that name a day or something coarser.
const dayLetters = "yuMLdDEYwet"

// compilePattern makes a pattern of Java's DateTimeFormatter ready, or one of
// our own with a few more letters. It returns false for what it does not know.
func compilePattern(pattern string, own bool) (dateFormat, bool) {
	c := patternCompiler{rest: pattern, own: own, dateOnly: true}
	ops, ok := c.ops(0)
	if !ok || c.rest != "" || len(ops) == 0 || c.letters == 0 {
		return dateFormat{}, false
	}
	f := dateFormat{read: readPattern, ops: ops, dateOnly: c.dateOnly}
	if pattern == "yyyy-MM-dd" || pattern == "uuuu-MM-dd" {
		f.read = readDay
	}
	return f, true
}

type patternCompiler struct {
	rest     string
	own      bool
	dateOnly bool
	letters  int // but for those of a zone
}

// ops reads steps up to the end of the pattern, or of the section it is in.
func (c *patternCompiler) ops(depth int) (ops []dateOp, ok bool) {
	for c.rest != "" {
		ch := c.rest[0]
		switch {
		case ch == ']' && depth > 0:
			return reserved(ops), true
		case ch == ']' || strings.IndexByte("{}#", ch) >= 0 || depth > 16:
			return nil, false
		case ch == '[':
			c.rest = c.rest[1:]
			section, ok := c.ops(depth + 1)
			if !ok || c.rest == "" {
				return nil, false
			}
			c.rest = c.rest[1:]
			ops = append(ops, dateOp{code: '[', section: section})
		case ch == '\'':
			op, ok := c.quoted()
			if !ok {
				return nil, false
			}
			ops = append(ops, op)
		case 'a' <= ch|0x20 && ch|0x20 <= 'z':
			op, ok := c.letter()
			if !ok {
				return nil, false
			}
			ops = append(ops, op)
		default:
			ops = append(ops, dateOp{code: '\'', literal: c.rest[:1]})
			c.rest = c.rest[1:]
		}
	}
	return reserved(ops), depth == 0
}

// quoted reads a literal in quotes; a doubled quote is a quote.
func (c *patternCompiler) quoted() (dateOp, bool) {
	var b strings.Builder
	for i := 1; i < len(c.rest); i++ {
		if c.rest[i] != '\'' {
			b.WriteByte(c.rest[i])
			continue
		}
		if i+1 < len(c.rest) && c.rest[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		c.rest = c.rest[i+1:]
		if b.Len() == 0 {
			b.WriteByte('\'')
		}
		return dateOp{code: '\'', literal: b.String()}, true
	}
	return dateOp{}, false
}

// letter reads a run of one letter.
func (c *patternCompiler) letter() (op dateOp, ok bool) {
	ch, n := c.rest[0], 1
	for n < len(c.rest) && c.rest[n] == ch {
		n++
	}
	c.rest = c.rest[n:]
	if strings.IndexByte("XxZz", ch) < 0 {
		c.letters++
	}
	c.dateOnly = c.dateOnly && strings.IndexByte(dayLetters, ch) >= 0
	op = dateOp{code: ch, width: n, min: n, max: n, own: c.own}
	switch ch {
	case 'y', 'u':
		op.max = 9
		return op, true
	case 'Y':
		op.max = 9
		fallthrough // weeks are the locale's affair in a pattern of Java
	case 't', 'f', 'i', 'j':
		return op, c.own
	case 'M', 'L':
		ok = n <= 4
	case 'd', 'H', 'h', 'k', 'K', 'm', 's':
		ok = n <= 2
	case 'w', 'e':
		ok = c.own
	case 'D':
		ok = n == 1 || n == 3
	case 'S', 'n':
		ok = n <= 9
	case 'E':
		return op, n <= 4
	case 'a':
		return op, n == 1
	case 'X', 'x':
		return op, n <= 5
	case 'Z':
		return op, n <= 3 || n == 5
	case 'z':
		return op, n <= 3
	}
	if n == 1 && ch != 'S' && ch != 'e' {
		op.max = 9
		if c.own {
			op.max = 2
		}
		if ch == 'D' {
			op.max = 3
		}
	}
	return op, ok
}

// numeric reports whether op is read from digits alone.
func (op *dateOp) numeric() bool {
	switch op.code {
	case 'M', 'L':
		return op.width <= 2
	case '\'', '[', 'E', 'a', 'X', 'x', 'Z', 'z', 'j', 'f', 'i':
		return false
	}
	return true
}

// reserved tells each number how many digits the fixed ones right behind it need.
func reserved(ops []dateOp) []dateOp {
	for i := len(ops) - 2; i >= 0; i-- {
		next := &ops[i+1]
		if ops[i].numeric() && next.numeric() && next.min == next.max {
			ops[i].reserve = next.min + next.reserve
		}
	}
	return ops
}

// readDay reads what readPattern does, and the common form of it fast.
func readDay(f *dateFormat, s string) (int64, bool) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return readPattern(f, s)
	}
	year, ok := pairs(s[:4])
	month, ok2 := pairs(s[5:7])
	day, ok3 := pairs(s[8:])
	if !ok || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return readPattern(f, s)
	}
	return daysSinceEpoch(year, month, day) * msPerDay, true
}

// readPattern reads s by the steps of f.
func readPattern(f *dateFormat, s string) (int64, bool) {
	p := dateParts{year: 1970, month: 1, day: 1, weekDay: 1}
	rest, ok := matchAll(f.ops, s, &p)
	if !ok || rest != "" || s == "" || p.below && !p.hours {
		return 0, false
	}
	return p.millis()
}

func matchAll(ops []dateOp, s string, p *dateParts) (rest string, ok bool) {
	for i := range ops {
		if ops[i].code == '[' {
			before := *p
			if rest, ok := matchAll(ops[i].section, s, p); ok {
				s = rest
			} else {
				*p = before
			}
			continue
		}
		if s, ok = ops[i].match(s, p); !ok {
			return s, false
		}
	}
	return s, true
}

// match reads one step.
func (op *dateOp) match(s string, p *dateParts) (rest string, ok bool) {
	switch op.code {
	case '\'':
		return strings.CutPrefix(s, op.literal)
	case 'X', 'x', 'Z', 'z', 'j':
		p.offset, rest, ok = op.zone(s)
		return rest, ok
	case 'f', 'i':
		most := 9
		if op.code == 'i' {
			most = 3
		}
		p.nanos, rest, ok = fraction(s, 1, most)
		return rest, ok
	case 'S':
		p.below = true
		p.nanos, rest, ok = fraction(s, op.min, op.max)
		return rest, ok
	case 'a':
		return word(s, &p.half, []string{"AM", "PM"}, 2)
	case 'E':
		var day int // Elasticsearch does not ask whether it is the right one
		return word(s, &day, dayNames, op.width)
	case 'M', 'L':
		if op.width > 2 {
			return word(s, &p.month, monthNames, op.width)
		}
	}
	n, rest, ok := op.digits(s)
	return rest, ok && op.store(n, p)
}

// store puts the number of a step into its place.
func (op *dateOp) store(n int, p *dateParts) bool {
	switch op.code {
	case 'y', 'u', 't':
		p.year = n
	case 'Y':
		p.weekYear, p.byWeek = n, true
		p.week = max(p.week, 1)
	case 'M', 'L':
		p.month = n
	case 'd':
		p.day = n
	case 'D':
		p.yearDay = n
		return n != 0
	case 'w':
		p.week = n
	case 'e':
		p.weekDay = n
	default:
		return op.storeTime(n, p)
	}
	return true
}

func (op *dateOp) storeTime(n int, p *dateParts) bool {
	switch op.code {
	case 'm':
		p.minute, p.below = n, true
		return true
	case 's':
		p.second, p.below = n, true
		return true
	case 'n':
		p.nanos, p.below = n, true
		return true
	}
	p.hours = true
	switch op.code {
	case 'H':
		p.hour = n
	case 'k':
		p.hour = n % 24
		return n >= 1 && n <= 24
	case 'h':
		p.hour12 = n
		return n != 0
	case 'K':
		p.hour12 = n
		if n == 0 {
			p.hour12 = 12
		}
		return n < 12
	}
	return true
}

// digits reads the number of a step. A year of four letters takes more digits
// only behind a plus, one of two letters is in this century.
func (op *dateOp) digits(s string) (n int, rest string, ok bool) {
	year := strings.IndexByte("yuYt", op.code) >= 0
	least, most, sign := op.min, op.max, byte(0)
	if year && s != "" && (s[0] == '-' || s[0] == '+') {
		if sign = s[0]; !op.signed(sign) {
			return 0, s, false
		}
		s = s[1:]
	}
	switch {
	case !year:
	case op.width == 4 && sign == '+':
		least = 5
	case op.width == 4 || op.width == 2:
		most = op.width
	case op.code == 't':
		most = 9
	}
	count := 0
	for count < len(s) && count < most+op.reserve && isDigit(s[count]) {
		count++
	}
	count = min(most, count-op.reserve)
	if count < least {
		return 0, s, false
	}
	n, ok = pairs(s[:count])
	if year && op.width == 2 {
		n += 2000
	}
	if sign == '-' {
		n = -n
	}
	return n, s[count:], ok && n <= maxYear && n >= -maxYear
}

// signed reports whether the year of a step may begin with the sign.
func (op *dateOp) signed(sign byte) bool {
	if op.own || op.code == 't' {
		return sign == '-'
	}
	return op.code == 'u' && (sign == '-' || op.width == 4) || sign == '+' && op.width == 4
}

// zone reads the zone of a step, in the form that its letter and width ask for.
func (op *dateOp) zone(s string) (offset int, rest string, ok bool) {
	offset, rest, ok = anyZone(s)
	if op.code == 'j' || op.code == 'z' || !ok {
		return offset, rest, ok
	}
	read := s[:len(s)-len(rest)]
	if read[0] != '+' && read[0] != '-' {
		return offset, rest, read == "Z" && (op.code == 'X' || op.code == 'Z' && op.width == 5)
	}
	colon := op.width == 3 || op.width == 5
	short, seconds := op.width == 1, op.width > 3
	if op.code == 'Z' {
		colon, short, seconds = op.width == 5, false, op.width == 5
	}
	switch {
	case len(read) == len("+01"):
		return offset, rest, short
	case len(read) > len("+01:30"):
		return offset, rest, seconds && strings.Contains(read, ":") == colon
	}
	return offset, rest, strings.Contains(read, ":") == colon
}

var (
	monthNames = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
		"November", "December"}
	dayNames = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
)

// word reads one of the names into n, counted from 1: its first three letters,
// or all of it where the letter stands four times.
func word(s string, n *int, names []string, width int) (rest string, ok bool) {
	for i, name := range names {
		if width < 4 {
			name = name[:min(3, len(name))]
		}
		if rest, ok := strings.CutPrefix(s, name); ok {
			*n = i + 1
			return rest, true
		}
	}
	return s, false
}
