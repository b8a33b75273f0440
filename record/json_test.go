package record

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	schema, err := ParseSchema("visits", []byte(`{"properties": {
		"i": {"type": "long"}, "u": {"type": "unsigned_long"}, "f": {"type": "double"}, "b": {"type": "boolean"},
		"k": {"type": "keyword"}, "t": {"type": "text"}, "d": {"type": "date"}, "a": {"type": "ip"}, "v": {"type": "version"},
		"p": {"type": "geo_point"}, "o": {"type": "flattened"}}}`))
	require.NoError(t, err)
	columns, err := schema.Project("i", "u", "f", "b", "k", "t", "d", "a", "v", "p", "o")
	require.NoError(t, err)
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", `{}`, `{"i":null,"u":null,"f":null,"b":null,"k":null,"t":null,"d":null,"a":null,"v":null,"p":null,"o":null}`},
		{"digits are kept", `{"i":9007199254740993,"u":18446744073709551615,"f":36.50,"b":true,"k":"007"}`,
			`{"i":9007199254740993,"u":18446744073709551615,"f":36.50,"b":true,"k":"007","t":null,"d":null,"a":null,"v":null,"p":null,"o":null}`},
		{"numbers in quotes", `{"i":"12","f":"1e3","u":"0012","b":"false"}`,
			`{"i":12,"u":12,"f":1e3,"b":false,"k":null,"t":null,"d":null,"a":null,"v":null,"p":null,"o":null}`},
		{"dates", `{"d":["2024-01-31","2024","2024-01-31T10:00:00.5+05:30",1706671800000]}`,
			`{"i":null,"u":null,"f":null,"b":null,"k":null,"t":null,"d":["2024-01-31","2024","2024-01-31T10:00:00.5+05:30",1706671800000],"a":null,"v":null,"p":null,"o":null}`},
		{"texts", `{"k":"a\"b\\c\u0001\nसू","t":["x","x"],"a":"2001:DB8:0::1","v":"1.2.3"}`,
			`{"i":null,"u":null,"f":null,"b":null,"k":"a\"b\\c\u0001\u000aसू","t":["x","x"],"d":null,"a":"2001:db8::1","v":"1.2.3","p":null,"o":null}`},
		{"objects", `{"p":{"lat": 1.50, "lon": 2},"o":{"x": 1}}`,
			`{"i":null,"u":null,"f":null,"b":null,"k":null,"t":null,"d":null,"a":null,"v":null,"p":{"lat": 1.50, "lon": 2},"o":{"x": 1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var r Record
			require.NoError(t, NewDecoder(columns).Decode([]byte(c.doc), &r))
			got := string(r.AppendJSON(nil))
			require.True(t, json.Valid([]byte(got)), got)
			require.Equal(t, c.want, got)
		})
	}
}

func TestAppendJSONOfMadeValues(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]Value{
		`null`:                   {},
		`-5`:                     IntValue(-5),
		`7`:                      UintValue(7),
		`0.5`:                    FloatValue(0.5),
		`"2024-01-31T00:00:00Z"`: TimeValue(time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)),
		"\"a\uFFFDb\"":           StringValue("a\xffb"),
		`"{"`:                    JSONValue("{"),
		`{"a":1}`:                JSONValue(`{"a":1}`),
	} {
		require.Equal(t, want, string(v.AppendJSON(nil)))
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("a\"\x00\xff\\ स")
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range []Value{StringValue(text), JSONValue(text), TimeValue(time.UnixMilli(0)).WithText(text), IntValue(3).WithText(text), FloatValue(2).WithText(text)} {
			require.True(t, json.Valid(v.AppendJSON(nil)), text)
		}
		var back string
		require.NoError(t, json.Unmarshal(StringValue(text).AppendJSON(nil), &back))
		require.Equal(t, string([]rune(text)), back)
	})
}

// What is taken for a number is what encoding/json takes for one.
func TestNumbersOfJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "-", "0", "-0", "00", "01", "-01", "10", "1.", ".5", "1.5", "1.50", "-1.5e3", "1e", "1e+", "1E-5", "1e05",
		"1e5.5", "+1", " 1", "1 ", "0x10", "NaN", "Infinity", "true", `"1"`, "1_000", "--1", "1-", "9007199254740993", "1e400", "٣"} {
		digits := text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9')
		require.Equal(t, digits && json.Valid([]byte(text)) && text == strings.TrimSpace(text), isJSONNumber(text), "%q", text)
	}
}
