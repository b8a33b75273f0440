package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// An If-Match names one version, any, or is refused; what names a version is its tag.
func FuzzIfMatch(f *testing.F) {
	for _, text := range []string{"", "*", `"1"`, ` "7" `, `W/"1"`, `"01"`, `"-1"`, `"9223372036854775808"`, `"1", "2"`, `"`, "1"} {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, match string, needed bool) {
		n, err := expected(t.Context(), match, needed)
		trimmed := strings.TrimSpace(match)
		switch {
		case err != nil:
			var p *Problem
			require.ErrorAs(t, err, &p)
			require.Contains(t, []int{412, 428}, p.Status)
			require.Equal(t, trimmed == "", p.Status == 428)
			require.Zero(t, n)
		case n == 0:
			require.True(t, trimmed == "*" || trimmed == "" && !needed)
		default:
			require.Equal(t, tag(n), trimmed)
		}
	})
}

// Lists with commas come apart without a loss, and without empty parts.
func FuzzCommas(f *testing.F) {
	f.Add("a,b", "c")
	f.Add(",", "")
	f.Fuzz(func(t *testing.T, one, other string) {
		got := commas([]string{one, other})
		require.False(t, slices.Contains(got, ""))
		require.Equal(t, strings.Join(strings.FieldsFunc(one+","+other, func(r rune) bool { return r == ',' }), ","), strings.Join(got, ","))
	})
}

// A Content-Type is taken or refused; one with another character set is refused.
func FuzzContentType(f *testing.F) {
	for _, text := range []string{"", "application/json", "application/json; charset=utf-8", "application/merge-patch+json", "text/plain", "application/json; charset=utf-16", ";", "a/b; c"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if lower := strings.ToLower(text); isJSON(text) && text != "" {
			require.Contains(t, lower, "json")
			require.NotContains(t, lower, "charset=utf-16")
		}
	})
}

// A text has one meaning alone if nothing of it is lost when it is read and written: no member, and no character.
func FuzzUnambiguous(f *testing.F) {
	for _, text := range []string{`{"a": 1, "b": {"a": [{"a": 2}]}}`, `{"a": 1, "a": 2}`, `"\ud83d\ude00"`, `"\ud83d"`, `"\\ud83d"`, `{"a": [1, {"b": 1, "\u0062": 2}]}`, `[[[`, `{"a"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var value any
		if !utf8.Valid(text) || json.Unmarshal(text, &value) != nil {
			_ = unambiguous(text) // others complain of these
			return
		}
		again, err := json.Marshal(value)
		require.NoError(t, err)
		require.NoError(t, unambiguous(again))
		replaced := bytes.ContainsRune(again, utf8.RuneError) && !bytes.ContainsRune(text, utf8.RuneError) && !bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`))
		if lost := tokens(t, text) != tokens(t, again) || replaced; lost {
			require.Error(t, unambiguous(text))
		} else if !bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`)) && !bytes.ContainsRune(text, utf8.RuneError) {
			require.NoError(t, unambiguous(text))
		}
	})
}

// tokens counts those of a JSON text.
func tokens(t *testing.T, text []byte) (n int) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(text)); ; n++ {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		require.NoError(t, err)
	}
}

// No text of a type error of Go's is left in what a client reads.
func FuzzInWords(f *testing.F) {
	f.Add(`{"jql": 5}`)
	f.Add(`{"start_at": 1.5}`)
	f.Add(`{"start_at": 9223372036854775808}`)
	f.Add(`{"max_results": 1e400}`)
	f.Fuzz(func(t *testing.T, body string) {
		var q Question
		err := json.Unmarshal([]byte(body), &q)
		var wrong *json.UnmarshalTypeError
		if !errors.As(err, &wrong) {
			return
		}
		got := inWords(err.Error(), "body")
		require.NotContains(t, got.Message, "Go struct")
		require.True(t, strings.HasPrefix(got.Location, "body"), got.Location)
	})
}
