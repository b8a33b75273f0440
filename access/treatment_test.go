package access

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/digit-health/dhr/record"
)

// treatments draws treatments that are sound.
func treatments() *rapid.Generator[Treatment] {
	return rapid.Custom(func(t *rapid.T) Treatment {
		how := rapid.SampledFrom([]How{Hidden, Removed, Constant, Pseudonym, Date, Band, First, Visible}).Draw(t, "as")
		out := Treatment{As: how}
		switch how {
		case Constant:
			out.Text = rapid.SampledFrom([]string{"***", "-"}).Draw(t, "text")
		case Pseudonym:
			out.Domain = rapid.SampledFrom([]string{"", "patient"}).Draw(t, "domain")
		case Date:
			out.Unit = rapid.SampledFrom(units).Draw(t, "unit")
		case Band:
			out.Width = rapid.SampledFrom([]int{1, 2, 3, 5, 10, 15}).Draw(t, "width")
			out.Top = out.Width * rapid.IntRange(0, 8).Draw(t, "top")
		case First:
			out.Length = rapid.IntRange(1, 3).Draw(t, "length")
		}
		return out
	})
}

// TestStrictest holds that of treatments there is one strictest, whatever the order in which they are met.
func TestStrictest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := treatments().Draw(t, "a"), treatments().Draw(t, "b"), treatments().Draw(t, "c")
		require.NoError(t, a.check())
		m := meet(a, b)
		require.NoError(t, m.check())
		require.Equal(t, a, meet(a, a))
		require.Equal(t, m, meet(b, a))
		require.Equal(t, meet(m, c), meet(a, meet(b, c)))
		require.True(t, within(m, a) && within(m, b))
		require.Equal(t, a, meet(a, Treatment{As: Visible}))
		require.Equal(t, Hidden, meet(a, Treatment{As: Hidden}).As)
	})
}

// TestStricterSaysLess holds that what a stricter mask shows follows from what the other shows: values that
// the other does not tell apart, the stricter one does not either.
func TestStricterSaysLess(t *testing.T) {
	t.Parallel()
	value := rapid.OneOf(rapid.Map(rapid.Int64Range(-5, 50), record.IntValue), rapid.Map(rapid.Float64Range(-2, 50), record.FloatValue),
		rapid.Map(rapid.StringOf(rapid.SampledFrom([]rune("abé"))), record.StringValue),
		rapid.Map(rapid.Int64Range(0, 1e11), func(ms int64) record.Value { return record.TimeValue(time.UnixMilli(ms)) }))
	rapid.Check(t, func(t *rapid.T) {
		a, b := treatments().Draw(t, "a"), treatments().Draw(t, "b")
		m := meet(a, b)
		v, w := value.Draw(t, "v"), value.Draw(t, "w")
		show := func(s Treatment, v record.Value) string { return maskAs(s.fitted(v.Kind()), v) }
		if v.Kind() == w.Kind() && show(a, v) == show(a, w) {
			require.Equal(t, show(m, v), show(m, w), "%v of %v and %v, of which the first does not tell %v from %v", m, a, b, v, w)
		}
	})
}

// maskAs returns what a treatment shows of one value.
func maskAs(s Treatment, v record.Value) string {
	switch s.As {
	case Visible:
		return v.String()
	case Hidden, Removed:
		return ""
	case Constant:
		return s.Text
	}
	m := masker{Treatment: &s, key: testKey, zone: time.UTC, path: "a"}
	text, ok := m.text(v)
	if !ok {
		return "nothing"
	}
	return text
}

// TestMasks says what each mask makes of values.
func TestMasks(t *testing.T) {
	t.Parallel()
	at := func(text string) record.Value {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return record.TimeValue(at)
	}
	text, number := record.StringValue, record.IntValue
	one := func(n int) Treatment { return Treatment{As: First, Length: n} }
	band := Treatment{As: Band, Width: 10, Top: 90}
	tests := []struct {
		name string
		show Treatment
		in   record.Value
		want string
	}{
		{"year", Treatment{As: Date, Unit: "year"}, at("2024-05-17T23:59:59Z"), "2024"},
		{"month", Treatment{As: Date, Unit: "month"}, at("2024-05-17T23:59:59Z"), "2024-05"},
		{"day", Treatment{As: Date, Unit: "day"}, at("2024-05-17T23:59:59Z"), "2024-05-17"},
		{"month of a leap day", Treatment{As: Date, Unit: "month"}, at("2024-02-29T00:00:00+05:30"), "2024-02"},
		{"a date that is none", Treatment{As: Date, Unit: "month"}, text("2024-05"), ""},
		{"band", band, number(64), "60-69"},
		{"band of zero", band, number(0), "0-9"},
		{"band at the top", band, number(90), "90+"},
		{"band of less than zero", band, number(-1), "nothing"},
		{"band of a fraction", band, record.FloatValue(9.99), "0-9"},
		{"band of no number", band, record.FloatValue(math.NaN()), "nothing"},
		{"band of a large fraction", Treatment{As: Band, Width: 10}, record.FloatValue(1e300), "nothing"},
		{"band of one", Treatment{As: Band, Width: 1}, number(7), "7"},
		{"the last band of all", Treatment{As: Band, Width: 10}, record.UintValue(math.MaxUint64), "18446744073709551610-18446744073709551615"},
		{"band of a text", band, text("64"), ""},
		{"first", one(3), text("560001"), "560"},
		{"first of fewer", one(3), text("56"), "56"},
		{"first of nothing", one(3), text(""), ""},
		{"first of a number as it is, not as it was written", one(2), number(560001).WithText("0560001"), "56"},
		{"first with an accent", one(2), text("e\u0301a\u0301x"), "e\u0301a\u0301"},
		{"first of Hindi", one(2), text("मरीज़"), "मरी"},
		{"first of a family", one(1), text("👩‍👩‍👧x"), "👩‍👩‍👧"},
		{"first of flags", one(1), text("🇮🇳🇳🇵"), "🇮🇳"},
		{"first of a hand", one(1), text("👍🏽👍"), "👍🏽"},
		{"first of bytes that are no text", one(2), text("\xff\xfea"), "\xff\xfe"},
		{"first of a fraction", one(1), record.FloatValue(1.5), ""},
		{"constant", Treatment{As: Constant, Text: "-"}, number(1), "-"},
		{"pseudonym of an object", Treatment{As: Pseudonym}, record.JSONValue("{}"), ""},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, maskAs(c.show.fitted(c.in.Kind()), c.in))
		})
	}
}

// TestPseudonyms says which values have equal pseudonyms.
func TestPseudonyms(t *testing.T) {
	t.Parallel()
	v := viewOf(t, Grant{Others: Treatment{As: Pseudonym}})
	mask := func(path, text string) string {
		f := fieldOf(t, path)
		value, err := f.Parse(text)
		require.NoError(t, err)
		out := v.Mask(nil, f, []record.Value{value})
		require.Len(t, out, 1)
		require.Equal(t, record.String, out[0].Kind())
		require.Regexp(t, `^[0-9a-f]{32}$`, out[0].Text())
		return out[0].Text()
	}
	require.Equal(t, "034a0f0aced4127c145e5dca5dd2a9f5", mask("status", "open"), "pseudonyms are kept: they never change")
	require.Equal(t, mask("weight", "36.5"), mask("weight", "36.50"))
	require.Equal(t, mask("age", "5"), mask("age", "5.0"))
	require.Equal(t, mask("visited", "2024-01-31T00:00:00Z"), mask("visited", "2024-01-31T05:30:00+05:30"))
	require.Equal(t, mask("ip", "::ffff:10.0.0.1"), mask("ip", "10.0.0.1"))
	require.Equal(t, mask("email", "A@x.org"), mask("email", "a@x.org"), "a field that folds case")
	require.NotEqual(t, mask("status", "A"), mask("status", "a"))
	require.NotEqual(t, mask("status", "a"), mask("ward", "a"), "fields have pseudonyms of their own")
	require.Equal(t, mask("patient.name", "Asha"), mask("patient.name.keyword", "Asha"), "one value")

	shared := viewOf(t, Grant{Fields: []FieldRule{{Fields: []string{"status", "ward"}, Show: Treatment{As: Pseudonym, Domain: "d"}}}})
	a, b := record.StringValue("a"), record.StringValue("b")
	require.Equal(t, shared.Mask(nil, fieldOf(t, "status"), []record.Value{a, b}), shared.Mask(nil, fieldOf(t, "ward"), []record.Value{a, b}))

	other, err := NewPolicy(map[string]Role{"r": {Grants: []Grant{{Indexes: []string{"*"}, Others: Treatment{As: Pseudonym}}}}}, &Options{Key: []byte("another key for tests")})
	require.NoError(t, err)
	w, _ := other.View(&Principal{Roles: []string{"r"}}, visits)
	require.NotEqual(t, v.Mask(nil, fieldOf(t, "status"), []record.Value{a}), w.Mask(nil, fieldOf(t, "status"), []record.Value{a}))
}

// TestMaskLists says how lists of values are masked.
func TestMaskLists(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("IST", 19800)
	p, err := NewPolicy(map[string]Role{"r": {Grants: []Grant{{Indexes: []string{"*"}, Fields: []FieldRule{
		{Fields: []string{"status"}, Show: Treatment{As: Constant}},
		{Fields: []string{"visited", "born"}, Show: Treatment{As: Date, Unit: "month"}},
		{Fields: []string{"ward"}, Show: Treatment{As: Removed}},
	}}}}}, &Options{Zone: zone})
	require.NoError(t, err)
	v, ok := p.View(&Principal{Roles: []string{"r"}}, visits)
	require.True(t, ok)
	mask := func(path string, values ...record.Value) (texts []string) {
		for _, value := range v.Mask([]record.Value{record.IntValue(1)}, fieldOf(t, path), values)[1:] {
			texts = append(texts, value.Text())
		}
		return texts
	}
	a, late := record.StringValue("a"), record.TimeValue(time.Date(2024, 1, 31, 20, 0, 0, 0, time.UTC))
	require.Equal(t, []string{"***"}, mask("status", a, a))
	require.Empty(t, mask("status"))
	require.Empty(t, mask("ward", a))
	require.True(t, v.Shown(fieldOf(t, "ward")) && v.Masked(fieldOf(t, "ward")))
	require.Equal(t, []string{"2024-02", "2024-02"}, mask("visited", late, late), "in the zone of the policy")
	require.Equal(t, []string{"2024-01"}, mask("born", late), "a day of the calendar is in no zone")
}
