package record

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whole numbers in whatever way they are written are what math/big makes of
// them, cut off at the point.
func TestWholeNumbersAgainstBig(t *testing.T) {
	fields := map[string]*Field{}
	for _, typ := range []string{"byte", "short", "integer", "long", "unsigned_long"} {
		fields[typ] = field(t, `{"type":"`+typ+`"}`)
	}
	bounds := map[string][2]string{"byte": {"-128", "127"}, "short": {"-32768", "32767"}, "integer": {"-2147483648", "2147483647"},
		"long": {"-9223372036854775808", "9223372036854775807"}, "unsigned_long": {"0", "18446744073709551615"}}
	near := []string{"0", "5", "127", "128", "32768", "2147483648", "9223372036854775807", "9223372036854775808", "9223372036854775809",
		"18446744073709551615", "18446744073709551616", "99999999999999999999", "000000000000000000000000001", strings.Repeat("9", 50)}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "-", "+"}).Draw(t, "sign") + rapid.SampledFrom(near).Draw(t, "whole") +
			rapid.SampledFrom([]string{"", ".0", ".7", ".50", ".000000000000000000001", "." + strings.Repeat("0", 40)}).Draw(t, "fraction") +
			rapid.SampledFrom([]string{"", "e0", "e1", "E+3", "e-1", "e-20", "e-60", "e20"}).Draw(t, "exponent")
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		cut := new(big.Int).Quo(exact.Num(), exact.Denom())
		for typ, f := range fields {
			lo, _ := new(big.Int).SetString(bounds[typ][0], 10)
			hi, _ := new(big.Int).SetString(bounds[typ][1], 10)
			fits := cut.Cmp(lo) >= 0 && cut.Cmp(hi) <= 0
			for _, document := range []bool{true, false} {
				v, want := f.parse(text, document)
				if (want == "") != (fits && (document || exact.IsInt())) {
					t.Fatalf("%s in a %s (document %v): wants %q", text, typ, document, want)
				}
				if got := v.String(); want == "" && got != cut.String() {
					t.Fatalf("%s in a %s: got %s, want %s", text, typ, got, cut)
				}
			}
		}
	})
}

// Numbers that are written in an unusual way, or are no numbers, cost no memory either.
func TestDecodeNumbersAllocatesNothing(t *testing.T) {
	p := everything(t, `{"properties":{"q":{"type":"long"},"i":{"type":"integer"},"u":{"type":"unsigned_long"},"d":{"type":"double"},
		"h":{"type":"half_float"},"m":{"type":"integer","ignore_malformed":true},"t":{"type":"date","ignore_malformed":true}}}`)
	d := NewDecoder(p)
	var r Record
	for _, doc := range []string{`{"q":5.0}`, `{"q":"5.0"}`, `{"q":1234567890123456789}`, `{"q":-9223372036854775808}`, `{"q":12e3}`, `{"i":12.7}`,
		`{"q":0.1234567890123456789012345678901234567890}`, `{"u":18446744073709551615}`, `{"d":1.2345678901234567890123}`, `{"h":1.5}`,
		`{"m":"5,000"}`, `{"m":99999999999}`, `{"m":1e99999999999999999999}`, `{"t":"soon"}`, `{"t":true}`} {
		text := []byte(doc)
		allocs := testing.AllocsPerRun(100, func() {
			if err := d.Decode(text, &r); err != nil {
				t.Fatal(err)
			}
		})
		require.Zero(t, allocs, doc)
	}
}
