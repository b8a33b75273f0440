package record

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseOperand(t *testing.T) {
	for _, test := range []struct{ field, text, want string }{
		{`{"type":"keyword"}`, "a", `string "a"`},
		{`{"type":"text"}`, "a b", `string "a b"`},
		{`{"type":"flattened"}`, "a", `string "a"`},
		{`{"type":"version"}`, "1.2", `version "1.2"`},
		{`{"type":"integer"}`, "5", "int 5"},
		{`{"type":"integer"}`, "5.0", "int 5"},
		{`{"type":"integer"}`, "-0.5e1", "int -5"},
		{`{"type":"integer"}`, "12e-1", `"12e-1" is not a whole number`},
		{`{"type":"integer"}`, "5.7", `"5.7" is not a whole number`},
		{`{"type":"integer"}`, "abc", `"abc" is not a whole number`},
		{`{"type":"integer"}`, "", `"" is not a whole number`},
		{`{"type":"integer"}`, "1e", `"1e" is not a whole number`},
		{`{"type":"integer"}`, "1e+-3", `"1e+-3" is not a whole number`},
		{`{"type":"byte"}`, "128", `"128" is not a whole number from -128 to 127`},
		{`{"type":"long"}`, "9223372036854775807", "int 9223372036854775807"},
		{`{"type":"long"}`, "9.223372036854775807e18", "int 9223372036854775807"},
		{`{"type":"long"}`, "9223372036854775808", `"9223372036854775808" is not a whole number from -9223372036854775808 to 9223372036854775807`},
		{`{"type":"long"}`, "1e999999999999", `"1e999999999999" is not a whole number of a size that can be kept`},
		{`{"type":"long"}`, "0e999999999999", "int 0"},
		{`{"type":"long"}`, "1e-999999999999", `"1e-999999999999" is not a whole number of a size that can be kept`},
		{`{"type":"unsigned_long"}`, "18446744073709551615", "uint 18446744073709551615"},
		{`{"type":"unsigned_long"}`, "-1", `"-1" is not a whole number from 0 to 18446744073709551615`},
		{`{"type":"double"}`, "36.50", "float 36.5"},
		{`{"type":"double"}`, "-0", "float 0"},
		{`{"type":"double"}`, "1e400", `"1e400" is not a number of a size that can be kept`},
		{`{"type":"double"}`, "NaN", `"NaN" is not a number`},
		{`{"type":"double"}`, "0x10", `"0x10" is not a number`},
		{`{"type":"double"}`, "1_000", `"1_000" is not a number`},
		{`{"type":"float"}`, "0.1", "float 0.10000000149011612"},
		{`{"type":"float"}`, "1e39", `"1e39" is not a number of a size that can be kept`},
		{`{"type":"half_float"}`, "0.1", "float 0.0999755859375"},
		{`{"type":"half_float"}`, "-65520", `"-65520" is not a number of a size that can be kept`},
		{`{"type":"scaled_float","scaling_factor":100}`, "1.239", "float 1.24"},
		{`{"type":"boolean"}`, "true", "bool true"},
		{`{"type":"boolean"}`, "", `"" is not true or false`},
		{`{"type":"ip"}`, "::FFFF:10.0.0.1", "ip 10.0.0.1"},
		{`{"type":"ip"}`, "10.0.0.0/8", `"10.0.0.0/8" is not an IP address`},
		{`{"type":"date"}`, "2024-02-30", `"2024-02-30" is not a date as the field has them (strict_date_optional_time or epoch_millis)`},
		{`{"type":"date_nanos"}`, "2024-01-31T00:00:00.123999999Z", "time 2024-01-31T00:00:00.123Z"},
		{`{"type":"object"}`, "x", `"x" is not a value that can be compared: the field is an object`},
		{`{"type":"geo_point"}`, "1,2", `"1,2" is not a value that can be compared: the field is a point`},
		{`{"type":"shape"}`, "1,2", `"1,2" is not a value that can be compared: the field is of an unknown type`},
	} {
		f := field(t, test.field)
		v, err := f.Parse(test.text)
		if err == nil {
			require.Equal(t, test.want, v.Kind().String()+" "+v.String(), "%s: %q", test.field, test.text)
			if v.Kind() != IP {
				require.Equal(t, test.text, v.Text())
			}
			continue
		}
		var e *ValueError
		require.ErrorAs(t, err, &e)
		require.Same(t, f, e.Field)
		require.Equal(t, test.text, e.Text)
		require.EqualError(t, err, test.want, "%s: %q", test.field, test.text)
	}
}

func TestValueErrorCutsLongTexts(t *testing.T) {
	err := &ValueError{Text: string(make([]byte, 63)) + "é long", Want: "a number"}
	require.Len(t, err.Error(), len(`"`)+63*len(`\x00`)+len(`…" is not a number`))
}

func TestDateOnly(t *testing.T) {
	for format, want := range map[string]bool{
		"yyyy-MM-dd": true, "date||yyyy": true, "strict_date": true, "basic_date": true, "year_month": true, "week_date": true,
		"dd/MM/yyyy": true, "EEE d MMM yyyy": true, "ordinal_date": true,
		"date_optional_time": false, "epoch_millis": false, "yyyy-MM-dd||epoch_second": false, "yyyy-MM-dd HH:mm": false,
		"yyyy-MM-dd[ HH:mm]": false, "yyyy-MM-ddXXX": false, "strict_date_optional_time": false, "hour": false,
	} {
		require.Equal(t, want, field(t, fmt.Sprintf(`{"type":"date","format":%q}`, format)).DateOnly(), format)
	}
	require.False(t, field(t, `{"type":"keyword"}`).DateOnly())
	require.False(t, field(t, `{"type":"date"}`).DateOnly())
}

// Every number of half precision is found for itself, for what lies a little
// beside it, and for the even one of two from the middle.
func TestHalf(t *testing.T) {
	value := func(bits int) float64 {
		exp, mantissa := bits>>10, float64(bits&0x3FF)
		if exp == 0 {
			return math.Ldexp(mantissa, -24)
		}
		return math.Ldexp(1024+mantissa, exp-25)
	}
	for bits := range 0x7BFF {
		a, b := value(bits), value(bits+1)
		even := a
		if bits&1 == 1 {
			even = b
		}
		require.Equal(t, a, half(a))
		require.Equal(t, -a, half(-a))
		require.Equal(t, even, half((a+b)/2))
		require.Equal(t, a, half(a+(b-a)/4))
		require.Equal(t, b, half(b-(b-a)/4))
	}
	require.True(t, math.IsInf(half(65520), 1))
	require.True(t, math.IsInf(half(-1e30), -1))
}

func TestParseIsReadable(t *testing.T) {
	long, double, ms := field(t, `{"type":"long"}`), field(t, `{"type":"double"}`), field(t, `{"type":"date","format":"epoch_millis"}`)
	date := field(t, `{"type":"date"}`)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "i")
		v, err := long.Parse(strconv.FormatInt(i, 10))
		if err != nil || v.Int() != i {
			t.Fatalf("%d: %v %v", i, v, err)
		}
		x := rapid.Float64().Draw(t, "x")
		for _, form := range []byte("efg") {
			text := strconv.FormatFloat(x, form, -1, 64)
			if v, err = double.Parse(text); err != nil || v.Float() != x {
				t.Fatalf("%s: %v %v", text, v, err)
			}
		}
		at := time.UnixMilli(rapid.Int64Range(-62167219200000, 253402300799999).Draw(t, "at")).UTC()
		zoned := at.In(time.FixedZone("", rapid.IntRange(-18*60, 18*60).Draw(t, "zone")*60))
		for _, text := range []string{at.Format(time.RFC3339Nano), TimeValue(at).Text(), zoned.Format("2006-01-02T15:04:05.999-07:00")} {
			if zoned.Year() < 0 || zoned.Year() > 9999 {
				break
			}
			if v, err = date.Parse(text); err != nil || !v.Time().Equal(at) {
				t.Fatalf("%s: %v %v", text, v, err)
			}
		}
		if v, err = ms.Parse(strconv.FormatInt(at.UnixMilli(), 10)); err != nil || !v.Time().Equal(at) {
			t.Fatalf("%v: %v %v", at, v, err)
		}
	})
}

// FuzzParse: no text makes a parser panic, what is parsed compares with
// itself, and days agree with package time.
func FuzzParse(f *testing.F) {
	var fields []*Field
	for _, definition := range []string{`"date"`, `"date","format":"yyyyMMdd'T'HHmmss[.SSS][XXX]||d/M/yy||hh:mm a"`, `"date","format":"date_optional_time||epoch_second"`,
		`"date","format":"week_date||ordinal_date||basic_date_time"`, `"integer"`, `"unsigned_long"`, `"half_float"`, `"scaled_float","scaling_factor":10`, `"ip"`, `"boolean"`} {
		fields = append(fields, field(f, `{"type":`+definition+`}`))
	}
	for _, text := range []string{"2024-02-29T10:11:12.123456789+05:30", "20240131T101112.5Z", "2024-W05-3", "31/1/24", "08:15 PM", "-1.5", "1e18", "::1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, field := range fields {
			v, err := field.Parse(text)
			w, again := field.Parse(text)
			if (err == nil) != (again == nil) || err == nil && !v.Equal(w) {
				t.Fatalf("%s: %q: %v, then %v", field.Type, text, v, w)
			}
		}
		want, err := time.Parse("2006-01-02", text)
		got, own := fields[0].Parse(text)
		if err == nil && (own != nil || !got.Time().Equal(want)) {
			t.Fatalf("%q: got %v %v, want %v", text, got, own, want)
		}
	})
}

// FuzzDateFormat: no format makes the compiler or a parser panic.
func FuzzDateFormat(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-01-31T00:00:00.000Z")
	f.Add("[yyyy][[MM]]''a'b'", "2024")
	f.Add("strict_week_date_time||uuu||Hmmss", "2024-W05-3T00:00:00.0Z")
	f.Fuzz(func(t *testing.T, format, text string) {
		if d, ok := compileFormat(format); ok {
			if ms, ok := d.read(&d, text); ok && d.dateOnly && ms%msPerDay != 0 {
				t.Fatalf("%q of %q is no day: %d", text, format, ms)
			}
		}
	})
}

func FuzzParseSchema(f *testing.F) {
	f.Add([]byte(taskMapping))
	f.Add([]byte(documentMapping))
	f.Add([]byte(lookupMapping))
	f.Add([]byte(`{"i":{"mappings":{"_meta":{"dhr":{"history":[]}},"properties":{"a":{"type":"alias","path":"b.c"},"b.c":{"type":"date","format":"x"}}}}}`))
	f.Fuzz(func(t *testing.T, mapping []byte) {
		s, err := ParseSchema("", mapping)
		if err != nil {
			if e := err.(*SchemaError); e.Error() == "" || e.Offset > len(mapping) {
				t.Fatalf("%q: %#v", mapping, e)
			}
			return
		}
		checkRoundTrip(t, string(mapping), s)
		for f := range s.All() {
			if s.Field(f.Path) != f {
				t.Fatalf("%q: %s is not found", mapping, f.Path)
			}
			if got := s.Lookup(f.Path); len(got) != 1 || got[0] != f {
				t.Fatalf("%q: %s is not looked up", mapping, f.Path)
			}
			if _, err := s.Project(f.Path); err != nil {
				t.Fatalf("%q: %v", mapping, err)
			}
		}
	})
}
