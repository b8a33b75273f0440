// Package exporttest checks the promises that every format of package export makes.
//
// The test of a format is one call:
//
//	func TestFormat(t *testing.T) {
//		exporttest.Run(t, tsv.Format(), &exporttest.Options{Read: read})
//	}
package exporttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// Options are what the suite must know of a format.
type Options struct {
	// Read reads a file back: the headings, and then the rows, each cell as the text for
	// people that stands in it, and an empty one for nothing. It should not be made of what
	// the encoder is made of. If nil, what stands in the file is not checked.
	Read func(tb testing.TB, file []byte) [][]string
	// Lossy is set where Read cannot give back line breaks, blanks and odd characters.
	Lossy bool
}

// Run runs the suite for a format.
func Run(t *testing.T, f *export.Format, opts *Options) {
	if opts == nil {
		opts = &Options{}
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, *export.Format, *Options)
	}{
		{"Named", testNamed},
		{"SameBytes", testSameBytes},
		{"Refused", testRefused},
		{"WriterFails", testWriterFails},
		{"Closed", testClosed},
		{"MaxRecords", testMaxRecords},
		{"Streams", testStreams},
		{"FlatMemory", testFlatMemory},
		{"Fits", testFits},
		{"NoRecords", testNoRecords},
		{"EveryRecordOnceInOrder", testEveryRecord},
		{"SeveralIndexes", testSeveralIndexes},
		{"Headings", testHeadings},
		{"Text", testText},
		{"Values", testValues},
		{"Lists", testLists},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, f, opts) })
	}
}

// A format has a name that people can ask for, and what a download needs.
func testNamed(t *testing.T, f *export.Format, _ *Options) {
	require.Regexp(t, `^[a-z][a-z0-9]*$`, f.Name)
	require.Regexp(t, `^[a-z]+/[-+.a-z0-9]+(; [-a-z0-9]+=[-a-z0-9]+)*$`, f.MediaType)
	require.Regexp(t, `^\.[a-z0-9.]+$`, f.Extension)
	require.GreaterOrEqual(t, f.MaxRecords, int64(0))
}

// The same records give the same bytes, also in several goroutines at once, and whatever
// becomes of a record's memory afterwards.
func testSameBytes(t *testing.T, f *export.Format, _ *Options) {
	records := some(t, 500)
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	opts := &export.Options{Title: "Visits", Question: `age < 5`, User: "asha", At: at}
	want := encode(t, f, opts, records)
	require.NotEmpty(t, want)
	got := make([][]byte, 4)
	var group sync.WaitGroup
	for i := range got {
		group.Go(func() { got[i] = encode(t, f, opts, records) })
	}
	group.Wait()
	for _, file := range got {
		require.True(t, bytes.Equal(want, file), "the same records gave other bytes")
	}

	var kept bytes.Buffer // of records that stay as they are
	e, err := f.NewEncoder(&kept, export.Columns(nil, records.projection), opts)
	require.NoError(t, err)
	require.NoError(t, records.each(t, func(r *record.Record) error { return e.Encode(r.Clone()) }))
	require.NoError(t, e.Close())
	require.True(t, bytes.Equal(want, kept.Bytes()), "the encoder has kept a record")
	require.Equal(t, int64(500), e.Report().Records)
}

// What makes no sense is refused before anything is written.
func testRefused(t *testing.T, f *export.Format, _ *Options) {
	columns := []export.Column{{Path: "id"}}
	for name, c := range map[string]struct {
		columns []export.Column
		opts    *export.Options
	}{
		"no columns":         {nil, nil},
		"a nameless column":  {[]export.Column{{Label: "Id"}}, nil},
		"unknown lists":      {columns, &export.Options{Lists: "some"}},
		"unknown delimiter":  {columns, &export.Options{Delimiter: '"'}},
		"broken separator":   {columns, &export.Options{Separator: "\xff"}},
		"broken question":    {columns, &export.Options{Question: "\xff"}},
		"a letter delimiter": {columns, &export.Options{Delimiter: 'x'}},
	} {
		var file bytes.Buffer
		_, err := f.NewEncoder(&file, c.columns, c.opts)
		require.ErrorIs(t, err, export.ErrInvalid, name)
		require.Contains(t, err.Error(), f.Name)
		require.Zero(t, file.Len(), name)
	}
	var file bytes.Buffer
	e, err := f.NewEncoder(&file, columns, nil)
	require.NoError(t, err)
	require.Zero(t, file.Len(), "something was written before there was a record")
	require.ErrorIs(t, e.Encode(nil), export.ErrInvalid)
	require.ErrorIs(t, e.Close(), export.ErrInvalid)
}

var errFull = errors.New("disk is full")

// full takes some bytes, and then no more.
type full struct{ room int }

func (w *full) Write(p []byte) (int, error) {
	if n := w.room; n < len(p) {
		w.room = 0
		return n, errFull
	}
	w.room -= len(p)
	return len(p), nil
}

// short takes less than it is given, and does not say so.
type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) / 2, nil }

// An error of the writer comes out, at the latest from Close; and then again and again.
func testWriterFails(t *testing.T, f *export.Format, _ *Options) {
	records := some(t, 300)
	size := len(encode(t, f, nil, records))
	try := func(w io.Writer) error {
		e, err := f.NewEncoder(w, export.Columns(nil, records.projection), nil)
		require.NoError(t, err)
		failed := records.each(t, e.Encode)
		err = e.Close()
		if failed != nil {
			require.Equal(t, failed, err)
		}
		require.Equal(t, err, e.Close())
		return err
	}
	for _, room := range []int{0, 1, size / 3, size / 2, size - 1} {
		require.ErrorIs(t, try(&full{room}), errFull, "after %d of %d bytes", room, size)
	}
	require.NoError(t, try(&full{size}))
	require.ErrorIs(t, try(short{}), io.ErrShortWrite)
}

// A file that is closed takes no more records, and may be closed again.
func testClosed(t *testing.T, f *export.Format, _ *Options) {
	var file bytes.Buffer
	records := some(t, 1)
	e, err := f.NewEncoder(&file, export.Columns(nil, records.projection), nil)
	require.NoError(t, err)
	require.NoError(t, records.each(t, e.Encode))
	require.NoError(t, e.Close())
	size := file.Len()
	require.ErrorIs(t, records.each(t, e.Encode), export.ErrClosed)
	require.NoError(t, e.Close())
	require.Equal(t, size, file.Len())
}

// A format that cannot stream refuses more than it has declared.
func testMaxRecords(t *testing.T, f *export.Format, _ *Options) {
	if f.MaxRecords == 0 {
		return // it streams: see testStreams
	}
	few := *f
	few.MaxRecords = 3
	records := some(t, 4)
	e, err := few.NewEncoder(io.Discard, export.Columns(nil, records.projection), nil)
	require.NoError(t, err)
	require.ErrorIs(t, records.each(t, e.Encode), export.ErrTooMany)
	require.ErrorIs(t, e.Close(), export.ErrTooMany)
}

type counter struct{ n int64 }

func (w *counter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}

// A format that streams writes while it reads.
func testStreams(t *testing.T, f *export.Format, _ *Options) {
	if f.MaxRecords > 0 {
		return
	}
	var w counter
	records := some(t, 5_000)
	e, err := f.NewEncoder(&w, export.Columns(nil, records.projection), nil)
	require.NoError(t, err)
	require.NoError(t, records.each(t, e.Encode))
	before := w.n
	require.NoError(t, e.Close())
	require.Greater(t, before, w.n/2, "of %d bytes, %d were written before Close", w.n, before)
}

// The memory of a format that streams does not grow with the records.
func testFlatMemory(t *testing.T, f *export.Format, _ *Options) {
	if f.MaxRecords > 0 {
		return
	}
	records := some(t, 2_000)
	e, err := f.NewEncoder(io.Discard, export.Columns(nil, records.projection), nil)
	require.NoError(t, err)
	held := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	require.NoError(t, records.each(t, e.Encode))
	grown := int64(0)
	for range 5 { // other tests may run beside this one, and take memory of their own
		before := held()
		for range 10 {
			require.NoError(t, records.each(t, e.Encode))
		}
		if grown = held() - before; grown < 3<<20 {
			break
		}
	}
	require.Less(t, grown, int64(3<<20), "20,000 more records are held in memory")
	require.NoError(t, e.Close())
}

// read returns the rows of a file, or skips the test.
func (o *Options) read(tb testing.TB, file []byte) [][]string {
	tb.Helper()
	if o.Read == nil {
		tb.Skip("the options have no Read: what stands in the file is not checked")
	}
	return o.Read(tb, file)
}

// A file without records has headings, if the format has any, and can be read.
func testNoRecords(t *testing.T, f *export.Format, opts *Options) {
	rows := opts.read(t, encode(t, f, nil, some(t, 0)))
	require.LessOrEqual(t, len(rows), 1)
	if len(rows) == 1 {
		require.Equal(t, paths, rows[0])
	}
}

// Every record is in the file once, in the order in which they came.
func testEveryRecord(t *testing.T, f *export.Format, opts *Options) {
	n := 3000
	if f.MaxRecords > 0 {
		n = int(min(f.MaxRecords, 300))
	}
	rows := opts.read(t, encode(t, f, nil, some(t, n)))
	require.Len(t, rows, n+1)
	require.Equal(t, paths, rows[0])
	for i, row := range rows[1:] {
		require.Len(t, row, len(paths))
		require.Equal(t, fmt.Sprintf("%07d", i), row[0])
	}
}

// Records of several indexes come under one heading, each value under its own.
func testSeveralIndexes(t *testing.T, f *export.Format, opts *Options) {
	a := newSet(t, "a", []string{"id", "child.name"}, `{"id": "1", "child.name": "Asha"}`)
	b := newSet(t, "b", []string{"doses", "id"}, `{"id": "2", "doses": 3}`)
	require.Equal(t, [][]string{{"id", "child.name", "doses"}, {"1", "Asha", ""}, {"2", "", "3"}, {"1", "Asha", ""}},
		opts.read(t, encode(t, f, nil, a, b, a)))
}

// Columns are headed by their paths, or if asked by their labels.
func testHeadings(t *testing.T, f *export.Format, opts *Options) {
	records := newSet(t, "visits", []string{"id", "child.name"}, `{"id": "1", "child.name": "Asha"}`)
	require.Equal(t, []string{"id", "child.name"}, opts.read(t, encode(t, f, nil, records))[0])
	require.Equal(t, []string{"id", "Name of the child"}, opts.read(t, encode(t, f, &export.Options{Labels: true}, records))[0])
}

// Texts are what they were, to the last blank.
func testText(t *testing.T, f *export.Format, opts *Options) {
	texts := []string{"Asha", "007", "0123456789012345678901", "1e5", "2026-01-31", "TRUE", "null", "a,b;c|d", `say "no"`, "<b>&amp;</b>", "50%", `back\slash`}
	if !opts.Lossy {
		texts = append(texts, "one\ntwo", "one\r\ntwo\r", "\ttabs\t", "  blanks  ", "\"", `""`, "'=1", "_x0041_", "_x005F_x0041_", "आशा", "ਆਸ਼ਾ", "🩺 fine",
			"é", "\u200bzero\u00a0width", "=1+1", "+91 98", "-x", "@home", "\u0001\u001f", strings.Repeat("long ", 5000))
	}
	var docs []string
	want := [][]string{{"id", "child.name"}}
	for i, text := range texts {
		id, value := record.StringValue(fmt.Sprint(i)), record.StringValue(text)
		docs = append(docs, fmt.Sprintf(`{"id": %s, "child": {"name": %s}}`, id.AppendJSON(nil), value.AppendJSON(nil)))
		want = append(want, []string{fmt.Sprint(i), text})
	}
	records := newSet(t, "visits", []string{"id", "child.name"}, docs...)
	require.Equal(t, want, opts.read(t, encode(t, f, export.Plain(), records)))
}

// Numbers are exact, also those that no float64 holds; days stay where they are.
func testValues(t *testing.T, f *export.Format, opts *Options) {
	records := newSet(t, "visits", paths, `{"id": "0", "child": {"name": "", "age": -3}, "doses": 9007199254740993, "serial": 18446744073709551615,
		"weight": 36.5, "treated": true, "at": "2026-03-28T20:30:15.250Z", "born": "2021-12-31", "host": "2001:DB8:0::1", "place": "12.5,-8.25", "note": "x"}`,
		`{"id": "1", "treated": false, "at": "1969-12-31T23:59:59Z"}`)
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	rows := opts.read(t, encode(t, f, &export.Options{Zone: kolkata}, records))
	require.Len(t, rows, 3)
	got := rows[1]
	require.Equal(t, []string{"0", "", "-3", "9007199254740993", "18446744073709551615", "36.5"}, got[:6])
	require.Equal(t, "true", strings.ToLower(got[6]))
	require.Contains(t, got[7], "2026-03-29")
	require.Contains(t, got[7], "02:00:15.25")
	require.Equal(t, "2021-12-31", got[8])
	require.Equal(t, "2001:db8::1", got[9])
	require.Contains(t, got[10], "12.5,-8.25")
	require.Equal(t, "false", strings.ToLower(rows[2][6]))
	require.Contains(t, rows[2][7], "1970-01-01")
	require.Contains(t, rows[2][7], "05:29:59")
	require.Equal(t, []string{"", "", "", ""}, rows[2][2:6])
}

// A list is joined, in rows of its own, or JSON, as asked.
func testLists(t *testing.T, f *export.Format, opts *Options) {
	records := newSet(t, "visits", []string{"id", "doses", "note"}, `{"id": "0", "doses": [3, 1, 3], "note": ["a", "b"]}`, `{"id": "1", "doses": 5}`)
	heading := []string{"id", "doses", "note"}
	for lists, want := range map[string][][]string{
		"join":    {heading, {"0", "3 / 1 / 3", "a / b"}, {"1", "5", ""}},
		"explode": {heading, {"0", "3", "a / b"}, {"0", "1", "a / b"}, {"0", "3", "a / b"}, {"1", "5", ""}},
		"json":    {heading, {"0", "[3,1,3]", `["a","b"]`}, {"1", "5", ""}},
	} {
		require.Equal(t, want, opts.read(t, encode(t, f, &export.Options{Lists: lists, Separator: " / "}, records)), lists)
	}
}
