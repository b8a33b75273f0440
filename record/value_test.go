package record

import (
	"math"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestValueSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Value{}), uintptr(32))
}

func TestValueTexts(t *testing.T) {
	at := time.Date(2024, 1, 31, 10, 0, 0, 123_999_999, time.FixedZone("", 3600))
	for _, test := range []struct {
		v            Value
		kind         Kind
		text, String string
	}{
		{Value{}, Null, "", "null"},
		{BoolValue(true), Bool, "true", "true"},
		{BoolValue(false).WithText(""), Bool, "", "false"},
		{IntValue(-5), Int, "-5", "-5"},
		{IntValue(5).WithText("5.0"), Int, "5.0", "5"},
		{UintValue(math.MaxUint64), Uint, "18446744073709551615", "18446744073709551615"},
		{FloatValue(36.5).WithText("36.50"), Float, "36.50", "36.5"},
		{FloatValue(math.Copysign(0, -1)), Float, "0", "0"},
		{StringValue("a\"b").WithText("no"), String, `a"b`, `"a\"b"`},
		{TimeValue(at), Time, "2024-01-31T09:00:00.123Z", "2024-01-31T09:00:00.123Z"},
		{TimeValue(at).WithText("then"), Time, "then", "2024-01-31T09:00:00.123Z"},
		{IPValue(netip.MustParseAddr("::ffff:10.0.0.1")), IP, "10.0.0.1", "10.0.0.1"},
		{VersionValue("1.0"), Version, "1.0", `"1.0"`},
		{JSONValue(`{"a":1}`), JSON, `{"a":1}`, `{"a":1}`},
	} {
		require.Equal(t, test.kind, test.v.Kind())
		require.Equal(t, test.text, test.v.Text())
		require.Equal(t, ">"+test.text, string(test.v.AppendText([]byte(">"))))
		require.Equal(t, test.String, test.v.String())
		require.Equal(t, test.v, test.v.Clone())
		require.Equal(t, test.kind == Null, test.v.IsNull())
	}
}

// A value of one kind is nothing in every other.
func TestValueAccessors(t *testing.T) {
	addr := netip.MustParseAddr("::1")
	require.Equal(t, int64(-1), IntValue(-1).Int())
	require.Equal(t, uint64(7), UintValue(7).Uint())
	require.Equal(t, 1.5, FloatValue(1.5).Float())
	require.True(t, BoolValue(true).Bool())
	require.Equal(t, int64(5), TimeValue(time.UnixMilli(5)).Millis())
	require.Equal(t, addr, IPValue(addr).Addr())
	s := StringValue("1")
	require.Zero(t, s.Int())
	require.Zero(t, s.Uint())
	require.Zero(t, s.Float())
	require.Zero(t, s.Millis())
	require.False(t, s.Bool())
	require.True(t, s.Time().IsZero())
	require.False(t, s.Addr().IsValid())
}

// Values in ascending order: by kind, and within a kind by value.
func TestValueCompare(t *testing.T) {
	ip := func(s string) Value { return IPValue(netip.MustParseAddr(s)) }
	list := []Value{{}, BoolValue(false), BoolValue(true), IntValue(math.MinInt64), IntValue(-1), IntValue(2), UintValue(0), UintValue(math.MaxUint64),
		FloatValue(math.Inf(-1)), FloatValue(-0.5), FloatValue(0), FloatValue(1e300), StringValue(""), StringValue("B"), StringValue("a"), StringValue("\uffee"),
		StringValue("😀"), TimeValue(time.UnixMilli(-1)), TimeValue(time.UnixMilli(0)), ip("::1"), ip("10.0.0.1"), ip("10.0.0.2"), ip("2001:db8::1"),
		VersionValue("1.9"), VersionValue("1.10"), VersionValue("x"), JSONValue("1"), JSONValue("{}")}
	for i, v := range list {
		for j, w := range list {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			require.Equal(t, want, v.Compare(w), "%v against %v", v, w)
			require.Equal(t, want == 0, v.Equal(w), "%v and %v", v, w)
		}
	}
	require.True(t, IntValue(5).Equal(IntValue(5).WithText("5.0")))
	require.Zero(t, IntValue(5).Compare(IntValue(5).WithText("5.0")))
}

func TestKindNames(t *testing.T) {
	require.Equal(t, "null", Null.String())
	require.Equal(t, "unknown", Unknown.String())
	require.Equal(t, "kind(99)", Kind(99).String())
}

// An address is the one value that does not keep how it was written.
func TestAddressHasItsCanonicalText(t *testing.T) {
	v, err := field(t, `{"type":"ip"}`).Parse("2001:DB8:0::1")
	require.NoError(t, err)
	require.Equal(t, "2001:db8::1", v.Text())
	require.Equal(t, "2001:db8::1", v.WithText("2001:DB8:0::1").Text())
}
