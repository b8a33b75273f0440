package searchtest

import (
	_ "embed" // the mapping is needed wherever a driver is tested
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

//go:embed testdata/small.json
var smallMapping []byte

// letters are what random texts are made of: several scripts, marks that belong to the
// letter before, what joins and what parts, and what means something to SQL, JSON or Lucene.
var letters = []rune("aAbBzZéÉe\u0301ßẞıİiIΣςσǅमरीज़ுதবਬไख日本カ👍\U0001F3FD👩\u200d☕\uFE0F0 9٣ .,:'’_-/ \t\"\\%*?$;()[]{}<>=!&|~^+#@\x00\n\u00a0\ufeff\uffff\U0010ffff")

// few returns a generator of one of few strings, so that records meet, and now and then any.
func few(strings ...string) *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(strings), rapid.SampledFrom(strings), rapid.SampledFrom(strings), rapid.SampledFrom(strings),
		rapid.StringOfN(rapid.SampledFrom(letters), 0, 6, -1))
}

func jsonText(s *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Map(s, func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err) // a string always has a JSON text
		}
		return string(b)
	})
}

var words = rapid.Map(rapid.SliceOfN(few("fever", "Fever", "high", "मरीज़", "b.p", "120/80", "日本", "👍", "cough,", "type_2", "don't"), 0, 5),
	func(words []string) string { return strings.Join(words, " ") })

// instants are JSON texts of dates.
var instants = rapid.OneOf(
	rapid.SampledFrom([]string{`"2024-01-31"`, `"2024-02-29T23:59:59.999Z"`, `"2024-02-29"`, `"1969-12-31T23:59:59.999Z"`, `0`, `"2024-03-10T07:00:00Z"`}),
	rapid.Map(rapid.Int64Range(-2_000_000_000_000, 4_000_000_000_000).Filter(noYear), func(ms int64) string { return strconv.FormatInt(ms, 10) }),
	rapid.Map(rapid.Int64Range(0, 2_000_000_000), func(s int64) string {
		return time.Unix(s, 0).In(time.FixedZone("", 19800)).Format(`"2006-01-02T15:04:05Z07:00"`)
	}),
)

// noYear leaves out milliseconds that look like a year before Christ, which is what OpenSearch
// takes them for: its driver refuses such documents. The corpus has some, of a field of epoch_millis.
func noYear(ms int64) bool { return ms >= 0 || ms <= -10_000_000_000 }

var days = rapid.Map(rapid.IntRange(-40_000, 80_000), func(n int) string {
	if n%3 != 0 {
		n %= 3
	}
	return time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(`"2006-01-02"`)
})

var wholes = rapid.OneOf(
	rapid.SampledFrom([]string{"0", "1", "2", "-1", `"7"`, "5.0", "1e2", "9007199254740993", "9007199254740992"}),
	rapid.Map(rapid.Int64(), func(i int64) string { return strconv.FormatInt(i, 10) }))

var fractions = rapid.OneOf(
	rapid.SampledFrom([]string{"0", "-0.0", "0.1", "1.50", "-2", `"1.5"`, "5e-324", "1e308"}),
	rapid.Map(rapid.Float64Range(-1e12, 1e12), func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }))

var floats = rapid.Map(rapid.Float32Range(-1e30, 1e30), func(f float32) string { return strconv.FormatFloat(float64(f), 'g', -1, 32) })

var smallWholes = rapid.Map(rapid.OneOf(rapid.IntRange(-2, 5), rapid.IntRange(math.MinInt32, math.MaxInt32)), strconv.Itoa)

// A drawn is how the value of a key is drawn.
type drawn struct {
	key   string
	value *rapid.Generator[string]
}

var smallFields = []drawn{
	{"k", jsonText(few("a", "A", "b", "", "%", "é"))},
	{"fold", jsonText(few("a", "A", "b", "É", "é", ""))},
	{"short", jsonText(few("abcd", "abcde", "😀😀", "😀😀😀"))},
	{"text", jsonText(words)},
	{"n", wholes},
	{"x", fractions},
	{"f", rapid.OneOf(fractions, floats).Filter(roundsOnce)},
	{"b", rapid.SampledFrom([]string{"true", "false", `"true"`, `""`})},
	{"at", instants},
	{"day", days},
	{"ip", rapid.SampledFrom([]string{`"10.0.0.1"`, `"::1"`, `"::ffff:10.0.0.1"`, `"2001:db8::1"`})},
	{"u", rapid.Map(rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Range(math.MaxUint64-2, math.MaxUint64), rapid.Uint64()), func(u uint64) string { return strconv.FormatUint(u, 10) })},
	{"v", rapid.SampledFrom([]string{`"1.0.0"`, `"1.0.0-rc1"`, `"1.10.0"`, `"x"`, `"1.9.0+b"`})},
	{"o", objectOf(drawn{"k", jsonText(few("a", "b"))}, drawn{"n", smallWholes})},
	{"many", listOf(objectOf(
		drawn{"k", jsonText(few("a", "b", ""))}, drawn{"fold", jsonText(few("a", "A", "b"))}, drawn{"n", smallWholes}, drawn{"text", jsonText(words)},
		drawn{"deep", listOf(objectOf(drawn{"k", jsonText(few("a", "b"))}, drawn{"x", fractions}))}))},
	{"flat", objectOf(drawn{"a", jsonText(few("x", "y", ""))}, drawn{"b", wholes}, drawn{"c.d", jsonText(few("x"))})},
	{"log", listOf(objectOf(
		drawn{"field", rapid.SampledFrom([]string{`"k"`, `"n"`, `"fold"`, `"x"`})},
		drawn{"from", jsonText(few("a", "A", "b", "1", "2.0", ""))}, drawn{"to", jsonText(few("a", "A", "b", "1", "2.0", ""))},
		drawn{"at", rapid.SampledFrom([]string{`"2024-01-01"`, `"2024-01-02"`, `"2024-01-03T12:00:00Z"`})},
		drawn{"author", jsonText(few("ana", "Ana", "raj"))}))},
}

// objectOf returns a generator of objects: each key is left out, null, an empty list, a
// value or several.
func objectOf(keys ...drawn) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var members []string
		for _, k := range keys {
			value := ""
			switch n := rapid.IntRange(0, 11).Draw(t, "form"); {
			case n < 3:
				continue
			case n == 3:
				value = "null"
			case n == 4:
				value = "[]"
			case n < 8:
				value = "[" + strings.Join(rapid.SliceOfN(k.value, 1, 4).Draw(t, k.key), ", ") + "]"
			default:
				value = k.value.Draw(t, k.key)
			}
			members = append(members, fmt.Sprintf("%q: %s", k.key, value))
		}
		return "{" + strings.Join(members, ", ") + "}"
	})
}

func listOf(value *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(value, 0, 3), func(items []string) string { return "[" + strings.Join(items, ", ") + "]" })
}

// smallDocument draws a document of testdata/small.json.
var smallDocument = objectOf(smallFields...)

// roundsOnce reports whether s is the same float when it is rounded by way of a
// double. Servers before Elasticsearch 8.5 or so round twice.
func roundsOnce(s string) bool {
	double, err := strconv.ParseFloat(s, 64)
	float, over := strconv.ParseFloat(s, 32)
	return err == nil && over == nil && float == float64(float32(double))
}
