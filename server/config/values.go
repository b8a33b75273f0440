package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Secret is a text that is never printed: neither by fmt, nor as JSON or YAML, nor in a log.
type Secret struct{ text string }

const redacted = "[redacted]"

// NewSecret returns a secret that holds the text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text itself.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.text == "" }

// String returns [redacted], or nothing if there is no text.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format prints what String returns, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText returns what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// A Size is a number of bytes, written as 512KB, 10MB or 1GB (powers of 1024; KiB and
// so on are the same), or as a bare number.
type Size int64

// String returns the size with the largest unit that divides it.
func (s Size) String() string {
	units := []string{"", "KB", "MB", "GB"}
	n, i := int64(s), 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

func parseSize(text string) (Size, error) {
	number := strings.TrimRight(text, "KMGiBb ")
	unit := strings.TrimSpace(text[len(number):])
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	shift, known := map[string]uint{"": 0, "B": 0, "KB": 10, "KIB": 10, "K": 10, "MB": 20, "MIB": 20, "M": 20, "GB": 30, "GIB": 30, "G": 30}[strings.ToUpper(unit)]
	if err != nil || !known || n < 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is no size; expected one such as 512KB or 10MB", text)
	}
	return Size(n << shift), nil
}

// parseDuration takes what Go takes, and days.
func parseDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no duration; expected one such as 500ms, 20s, 5m, 2h or 7d", text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 100_000 {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, wrong
	}
	return d, nil
}

func formatDuration(d time.Duration) string {
	if d > 0 && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// A JSON is a part of the configuration that another package reads.
type JSON = json.RawMessage
