package record

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// valuesApart are the values that DHR refuses and Elasticsearch takes.
var valuesApart = map[string]string{
	`"NaN"`:  "Java makes 0 of it in a whole number",
	`1e-400`: "Java makes 0 of it before it looks for a fraction, where coerce is off",
}

func TestValuesAsElasticsearch(t *testing.T) {
	data, err := os.ReadFile("testdata/values.txt")
	require.NoError(t, err)
	var f *Field
	var d *Decoder
	cases := 0
	for n, line := range strings.Split(string(data), "\n") {
		if definition, ok := strings.CutPrefix(line, "field "); ok {
			s, err := ParseSchema("", []byte(`{"properties":{"f":`+definition+`}}`))
			require.NoError(t, err, line)
			p, err := s.Project("f")
			require.NoError(t, err)
			f, d = s.Field("f"), NewDecoder(p)
			continue
		}
		raw, want, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		cases++
		var r Record
		err := d.Decode([]byte(`{"f":`+raw+`}`), &r)
		if valuesApart[raw] != "" && f.Kind == Int && want == "[0]" && (raw != "1e-400" || f.own.noCoerce) {
			require.True(t, err != nil || f.own.malformed)
			continue
		}
		if want == "-" {
			var e *DocumentError
			if f.Kind == IP && f.own.malformed {
				require.Empty(t, r.Values(0)) // Elasticsearch does not count a zone as malformed
				continue
			}
			require.ErrorAs(t, err, &e, "line %d: %s in %s: got %v", n+1, raw, f.Type, r.columns)
			continue
		}
		require.NoError(t, err, "line %d: %s in %s", n+1, raw, f.Type)
		require.True(t, sameValues(r.Values(0), want), "line %d: %s in %s: got %v, want %s", n+1, raw, f.Type, r.Values(0), want)
	}
	require.Greater(t, cases, 900)
}

// sameValues compares values with doc values, which are sorted and, but for
// numbers, without repeats.
func sameValues(vs []Value, want string) bool {
	vs = slices.Clone(vs)
	slices.SortFunc(vs, Value.Compare)
	var elements []json.RawMessage
	if json.Unmarshal([]byte(want), &elements) != nil {
		return false
	}
	if len(vs) > len(elements) {
		vs = slices.CompactFunc(vs, Value.Equal)
	}
	if len(vs) != len(elements) {
		return false
	}
	for i, v := range vs {
		var text string
		if json.Unmarshal(elements[i], &text) != nil {
			text = string(elements[i])
		}
		switch v.Kind() {
		case Float:
			x, err := strconv.ParseFloat(text, 64)
			if err != nil || math.Abs(x-v.Float()) > 1e-12*math.Abs(x) {
				return false
			}
		case Bool:
			if text != v.String() {
				return false
			}
		case Time:
			if text != fmt.Sprint(v.Millis()) {
				return false
			}
		default:
			if text != v.WithText("").Text() {
				return false
			}
		}
	}
	return true
}
