package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/record"
)

// fitted returns t for a field of this kind: what cannot work there removes the values.
func (t Treatment) fitted(k record.Kind) Treatment {
	ok := true
	switch t.As {
	case Date:
		ok = k == record.Time
	case Band:
		ok = k == record.Int || k == record.Uint || k == record.Float
	case First:
		ok = k == record.String || k == record.Text || k == record.Version || k == record.Int || k == record.Uint
	case Pseudonym:
		switch k {
		case record.JSON, record.Object, record.Nested, record.Flattened, record.Unknown:
			ok = false
		}
	case Constant: // would tell whether something hidden inside has a value
		ok = k != record.Object && k != record.Nested
	}
	if !ok {
		return Treatment{As: Removed}
	}
	return t
}

// A masker masks the values of one field.
type masker struct {
	*Treatment
	key  []byte
	zone *time.Location
	path string // in the document
	fold bool
}

// text returns what is shown of v; ok is false if that is nothing.
func (m *masker) text(v record.Value) (text string, ok bool) {
	switch m.As {
	case Pseudonym:
		return m.pseudonym(canonical(v, m.fold)), !v.IsNull()
	case Date:
		return cut(v.Time().In(m.zone), m.Unit), v.Kind() == record.Time
	case Band:
		return m.band(v)
	case First:
		return first(shownText(v), m.Length), !v.IsNull()
	}
	return "", false
}

// pseudonym returns 128 bits of the HMAC-SHA-256 of a text, as 32 hexadecimal digits.
func (m *masker) pseudonym(text string) string {
	domain := m.Domain
	if domain == "" {
		domain = m.path
	}
	h := hmac.New(sha256.New, m.key)
	// The length keeps a domain and a text apart. A hash never fails to write.
	h.Write([]byte("dhr pseudonym 1 " + strconv.Itoa(len(domain)) + ":" + domain + text))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// canonical returns a text that is the same for equal values, however they were written.
func canonical(v record.Value, fold bool) string {
	switch v.Kind() {
	case record.Bool:
		return strconv.FormatBool(v.Bool())
	case record.Int:
		return strconv.FormatInt(v.Int(), 10)
	case record.Uint:
		return strconv.FormatUint(v.Uint(), 10)
	case record.Float:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case record.Time:
		return v.Time().Format("2006-01-02T15:04:05.000Z")
	}
	if fold {
		return strings.ToLower(v.Text())
	}
	return v.Text()
}

// shownText returns the characters of which First shows some.
func shownText(v record.Value) string {
	if v.Kind() == record.String || v.Kind() == record.Version {
		return v.Text()
	}
	return canonical(v, false)
}

// cut writes a date down to a unit.
func cut(t time.Time, unit string) string {
	switch unit {
	case "year":
		return t.Format("2006")
	case "month":
		return t.Format("2006-01")
	}
	return t.Format("2006-01-02")
}

// band returns the band that a number lies in.
func (m *masker) band(v record.Value) (text string, ok bool) {
	var n uint64
	switch v.Kind() {
	case record.Int:
		if v.Int() < 0 {
			return "", false
		}
		n = uint64(v.Int())
	case record.Uint:
		n = v.Uint()
	case record.Float:
		if f := v.Float(); f >= 0 && f < math.MaxInt64 {
			n = uint64(f)
			break
		}
		return "", false
	default:
		return "", false
	}
	width, top := uint64(m.Width), uint64(m.Top)
	if top > 0 && n >= top {
		return strconv.FormatUint(top, 10) + "+", true
	}
	low := n - n%width
	if width == 1 {
		return strconv.FormatUint(low, 10), true
	}
	high := low + (width - 1)
	if high < low { // the last band of all
		high = math.MaxUint64
	}
	return strconv.FormatUint(low, 10) + "-" + strconv.FormatUint(high, 10), true
}

// first returns the first n characters of s, each with the marks that go with it.
func first(s string, n int) string {
	end, joined := 0, false
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		if !joined && !extends(r) {
			if n == 0 {
				break
			}
			n--
			if isRegional(r) { // two of them are one flag
				if next, more := utf8.DecodeRuneInString(s[end+size:]); isRegional(next) {
					size += more
				}
			}
		}
		joined = r == zeroWidthJoiner
		end += size
	}
	return s[:end]
}

const zeroWidthJoiner = '\u200d'

// extends reports whether r goes with the character before it.
func extends(r rune) bool {
	return r == zeroWidthJoiner || unicode.Is(unicode.M, r) || r >= 0x1f3fb && r <= 0x1f3ff || r >= 0xe0020 && r <= 0xe007f
}

func isRegional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
