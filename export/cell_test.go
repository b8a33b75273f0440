package export_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// project returns a projection of one field f, and perhaps others.
func project(tb testing.TB, mapping string, paths ...string) *record.Projection {
	tb.Helper()
	schema, err := record.ParseSchema("test", []byte(mapping))
	require.NoError(tb, err)
	p, err := schema.Project(paths...)
	require.NoError(tb, err)
	return p
}

// write returns the file of documents, and what the encoder reports.
func write(tb testing.TB, f *export.Format, p *record.Projection, opts *export.Options, docs ...string) (string, export.Report) {
	tb.Helper()
	var file bytes.Buffer
	e, err := f.NewEncoder(&file, export.Columns(nil, p), opts)
	require.NoError(tb, err)
	d := record.NewDecoder(p)
	var r record.Record
	for _, doc := range docs {
		require.NoError(tb, d.Decode([]byte(doc), &r))
		require.NoError(tb, e.Encode(&r))
	}
	require.NoError(tb, e.Close())
	return file.String(), e.Report()
}

// What one value is in a CSV and in JSON.
func TestCells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, field, value, csv, json string }{
		{"identifier", `{"type":"keyword"}`, `"007"`, `007`, `"007"`},
		{"number as identifier", `{"type":"keyword"}`, `7`, `7`, `"7"`},
		{"digits as written", `{"type":"double"}`, `36.50`, `36.50`, `36.50`},
		{"exponent as written", `{"type":"double"}`, `1.5e-7`, `1.5e-7`, `1.5e-7`},
		{"number in quotes", `{"type":"long"}`, `"42"`, `42`, `42`},
		{"leading zeros of a number", `{"type":"long"}`, `"007"`, `7`, `7`},
		{"beyond 2^53", `{"type":"long"}`, `-9007199254740993`, `-9007199254740993`, `-9007199254740993`},
		{"unsigned", `{"type":"unsigned_long"}`, `18446744073709551615`, `18446744073709551615`, `18446744073709551615`},
		{"negative number", `{"type":"double"}`, `-0.5`, `-0.5`, `-0.5`},
		{"boolean in quotes", `{"type":"boolean"}`, `"true"`, `true`, `true`},
		{"boolean of nothing", `{"type":"boolean"}`, `""`, `false`, `false`},
		{"null", `{"type":"keyword"}`, `null`, ``, `null`},
		{"empty text", `{"type":"keyword"}`, `""`, `""`, `""`},
		{"address", `{"type":"ip"}`, `"2001:DB8::0:1"`, `2001:db8::1`, `"2001:db8::1"`},
		{"formula", `{"type":"keyword"}`, `"=1+1"`, `'=1+1`, `"=1+1"`},
		{"formula with quotes", `{"type":"keyword"}`, `"=A(\"x\")"`, `"'=A(""x"")"`, `"=A(\"x\")"`},
		{"plus", `{"type":"text"}`, `"+91"`, `'+91`, `"+91"`},
		{"minus", `{"type":"keyword"}`, `"-1"`, `'-1`, `"-1"`},
		{"at", `{"type":"keyword"}`, `"@x"`, `'@x`, `"@x"`},
		{"tab", `{"type":"keyword"}`, `"\tx"`, "'\tx", `"\u0009x"`},
		{"carriage return", `{"type":"keyword"}`, `"\rx"`, "\"'\rx\"", `"\u000dx"`},
		{"line feed is no formula", `{"type":"keyword"}`, `"\n=x"`, "\"\n=x\"", `"\u000a=x"`},
		{"blank is no formula", `{"type":"keyword"}`, `" =x"`, ` =x`, `" =x"`},
		{"version", `{"type":"version"}`, `"1.10.0"`, `1.10.0`, `"1.10.0"`},
		{"object", `{"type":"flattened"}`, `{"a": "=1"}`, `"{""a"": ""=1""}"`, `{"a": "=1"}`},
		{"object of several lines", `{"type":"flattened"}`, "{\n \"a\" : \"x \\\" y\",\r\n \"b\": [1, 2]}", `"{""a"":""x \"" y"",""b"":[1,2]}"`, `{"a":"x \" y","b":[1,2]}`},
		{"point", `{"type":"geo_point"}`, `{"lat":1,"lon":2}`, `"{""lat"":1,""lon"":2}"`, `{"lat":1,"lon":2}`},
		{"list of numbers", `{"type":"long"}`, `[-3,2]`, `'-3; 2`, `[-3,2]`},
		{"list of formulas", `{"type":"keyword"}`, `["=a","b"]`, `'=a; b`, `["=a","b"]`},
		{"list of one", `{"type":"keyword"}`, `["a"]`, `a`, `"a"`},
		{"empty list", `{"type":"keyword"}`, `[]`, ``, `null`},

		{"instant", `{"type":"date"}`, `"2026-03-28T20:30:15Z"`, `2026-03-29T02:00:15+05:30`, `"2026-03-29T02:00:15+05:30"`},
		{"milliseconds", `{"type":"date"}`, `"2026-03-28T20:30:15.050Z"`, `2026-03-29T02:00:15.050+05:30`, `"2026-03-29T02:00:15.050+05:30"`},
		{"nanoseconds", `{"type":"date_nanos"}`, `"2026-03-28T20:30:15.050000001Z"`, `2026-03-29T02:00:15.050000001+05:30`, `"2026-03-29T02:00:15.050000001+05:30"`},
		{"epoch", `{"type":"date"}`, `1774729815050`, `2026-03-29T02:00:15.050+05:30`, `"2026-03-29T02:00:15.050+05:30"`},
		{"before 1970", `{"type":"date"}`, `-1`, `1970-01-01T05:29:59.999+05:30`, `"1970-01-01T05:29:59.999+05:30"`},
		{"midnight is an instant", `{"type":"date"}`, `"2026-01-31T00:00:00Z"`, `2026-01-31T05:30:00+05:30`, `"2026-01-31T05:30:00+05:30"`},
		{"other offset", `{"type":"date"}`, `"2026-01-31T00:00:00-08:00"`, `2026-01-31T13:30:00+05:30`, `"2026-01-31T13:30:00+05:30"`},
		{"before there were zones", `{"type":"date"}`, `"1850-01-31T00:00:00Z"`, `1850-01-31T00:00:00Z`, `"1850-01-31T00:00:00Z"`},
		{"a day in a date of instants", `{"type":"date"}`, `"2026-01-31"`, `2026-01-31`, `"2026-01-31"`},
		{"a month in a date of instants", `{"type":"date"}`, `"2026-02"`, `2026-02`, `"2026-02"`},
		{"a year in a date of instants", `{"type":"date"}`, `"2026"`, `2026`, `"2026"`},
		{"four digits that are no year", `{"type":"date","format":"epoch_millis"}`, `2026`, `1970-01-01T05:30:02.026+05:30`, `"1970-01-01T05:30:02.026+05:30"`},
		{"day", `{"type":"date","format":"yyyy-MM-dd"}`, `"2026-01-31"`, `2026-01-31`, `"2026-01-31"`},
		{"day of another form", `{"type":"date","format":"dd/MM/yyyy"}`, `"31/01/2026"`, `2026-01-31`, `"31/01/2026"`},
		{"basic day", `{"type":"date","format":"basic_date"}`, `"20260131"`, `2026-01-31`, `"20260131"`},
		{"day as a number", `{"type":"date","format":"basic_date"}`, `20260131`, `2026-01-31`, `"20260131"`},
		{"month", `{"type":"date","format":"MM/yyyy"}`, `"01/2026"`, `01/2026`, `"01/2026"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := project(t, `{"properties":{"f":`+c.field+`,"g":{"type":"keyword"}}}`, "f", "g")
			kolkata, err := time.LoadLocation("Asia/Kolkata")
			require.NoError(t, err)
			opts := &export.Options{Zone: kolkata, NoBOM: true}
			doc := `{"f":` + c.value + `}`
			file, _ := write(t, export.CSV(), p, opts, doc)
			require.Equal(t, "f,g\n"+c.csv+",\n", file)
			file, _ = write(t, export.NDJSON(), p, opts, doc)
			require.Equal(t, `{"f":`+c.json+`,"g":null}`+"\n", file)
			file, _ = write(t, export.JSON(), p, opts, doc, doc)
			require.Equal(t, "[\n"+`{"f":`+c.json+`,"g":null}`+",\n"+`{"f":`+c.json+`,"g":null}`+"\n]\n", file)
			require.True(t, json.Valid([]byte(file)))
		})
	}
}

// Dates that no document wrote have the same form.
func TestDatesMadeInGo(t *testing.T) {
	t.Parallel()
	p := project(t, `{"properties":{"at":{"type":"date"},"day":{"type":"date","format":"yyyy-MM-dd"}}}`, "at", "day")
	for at, want := range map[time.Time]string{
		time.Date(2024, 2, 29, 1, 2, 3, 4e6, time.UTC):   "2024-02-29T01:02:03.004Z,2024-02-29\n",
		time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC):     "+12345-01-01T00:00:00Z,+12345-01-01\n",
		time.Date(-44, 3, 15, 12, 0, 0, 0, time.UTC):     "-0044-03-15T12:00:00Z,-0044-03-15\n",
		time.Date(1900, 2, 28, 23, 59, 59, 0, time.UTC):  "1900-02-28T23:59:59Z,1900-02-28\n",
		time.Date(2000, 12, 31, 23, 59, 59, 0, time.UTC): "2000-12-31T23:59:59Z,2000-12-31\n",
	} {
		var file bytes.Buffer
		e, err := export.CSV().NewEncoder(&file, export.Columns(nil, p), export.Plain())
		require.NoError(t, err)
		var r record.Record
		r.Reset(p)
		r.Append(0, record.TimeValue(at))
		r.Append(1, record.TimeValue(at))
		require.NoError(t, e.Encode(&r))
		require.NoError(t, e.Close())
		require.Equal(t, "at,day\n"+want, file.String())
	}
}

// Instants of eight centuries are what package time says they are, on both sides of every change of clocks.
func TestInstants(t *testing.T) {
	t.Parallel()
	p := project(t, `{"properties":{"at":{"type":"date"}}}`, "at")
	for _, name := range []string{"UTC", "Asia/Kolkata", "America/St_Johns", "Africa/Lagos", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		var file bytes.Buffer
		e, err := export.CSV().NewEncoder(&file, export.Columns(nil, p), &export.Options{Zone: zone, NoBOM: true})
		require.NoError(t, err)
		want := []string{"at"}
		var r record.Record
		for at := time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2400; at = at.Add(403*time.Hour + 17*time.Minute + 1234*time.Millisecond) {
			r.Reset(p)
			r.Append(0, record.TimeValue(at))
			require.NoError(t, e.Encode(&r))
			local := at.In(zone)
			if _, offset := local.Zone(); offset%60 != 0 {
				local = at
			}
			text := local.Format("2006-01-02T15:04:05.000Z07:00")
			want = append(want, strings.Replace(text, ".000", "", 1))
		}
		require.NoError(t, e.Close())
		got := strings.Split(strings.TrimSuffix(file.String(), "\n"), "\n")
		require.Len(t, got, len(want))
		for i := range want {
			if want[i] != got[i] {
				require.Equal(t, want[i], got[i], name)
			}
		}
	}
}

// What was changed is counted.
func TestReport(t *testing.T) {
	t.Parallel()
	p := project(t, `{"properties":{"k":{"type":"keyword"},"n":{"type":"double"},"o":{"type":"flattened"}}}`, "k", "n", "o")
	encode := func(f *export.Format, opts *export.Options, values ...record.Value) (string, export.Report) {
		var file bytes.Buffer
		e, err := f.NewEncoder(&file, export.Columns(nil, p), opts)
		require.NoError(t, err)
		var r record.Record
		r.Reset(p)
		for _, v := range values {
			column := 0
			switch v.Kind() {
			case record.Float:
				column = 1
			case record.JSON:
				column = 2
			}
			r.Append(column, v)
		}
		require.NoError(t, e.Encode(&r))
		require.NoError(t, e.Close())
		return file.String(), e.Report()
	}
	broken := record.StringValue("a\xff\xfeb")
	file, report := encode(export.CSV(), export.Plain(), broken, record.FloatValue(math.Inf(-1)))
	require.Equal(t, "k,n,o\na\uFFFD\uFFFDb,-Inf,\n", file)
	require.Equal(t, export.Report{Records: 1, Rows: 1, Repaired: 1}, report)
	file, report = encode(export.NDJSON(), nil, broken, record.FloatValue(math.Inf(-1)), record.JSONValue("{\"\xff\":1}"))
	want := `{"k":"a��b","n":"-Inf","o":{"�":1}}` + "\n"
	require.Equal(t, want, file)
	require.Equal(t, export.Report{Records: 1, Rows: 1, Repaired: 2}, report)

	file, report = encode(export.CSV(), nil, record.StringValue("@a"), record.StringValue("b; c"), record.FloatValue(-1))
	require.Equal(t, "\uFEFFk,n,o\n'@a; b; c,-1,\n", file)
	require.Equal(t, export.Report{Records: 1, Rows: 1, Escaped: 1, Ambiguous: 1}, report)
	_, report = encode(export.CSV(), &export.Options{Lists: "json"}, record.StringValue("@a"), record.StringValue("b; c"))
	require.Equal(t, export.Report{Records: 1, Rows: 1}, report)
	_, report = encode(export.CSV(), &export.Options{Lists: "explode"}, record.StringValue("@a"), record.StringValue("b; c"))
	require.Equal(t, export.Report{Records: 1, Rows: 2, Escaped: 1}, report)
	file, report = encode(export.NDJSON(), &export.Options{Lists: "join"}, record.StringValue("@a"), record.StringValue("b"))
	want = `{"k":"@a; b","n":null,"o":null}` + "\n"
	require.Equal(t, want, file)
	require.Equal(t, export.Report{Records: 1, Rows: 1}, report)
}
