package parts_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/export/pdf"
	"github.com/digit-health/dhr/export/xlsx"
	"github.com/digit-health/dhr/record"
)

// Every record is in one part, in order, whatever the format and what is done with its bytes; no part is too large; and
// the same gives the same.
func TestParts(t *testing.T) {
	t.Parallel()
	records := exporttest.Tasks(t, 1200)
	for _, f := range []*export.Format{export.CSV(), export.JSON(), export.NDJSON(), slow(), hidden(), xlsx.Format(), pdf.Format()} {
		for _, compression := range []string{"none", "gzip", "zip"} {
			for _, sealed := range []bool{false, true} {
				for _, limit := range [][2]int64{{0, 0}, {500, 0}, {0, 16_000}, {350, 24_000}, {0, 1 << 30}} {
					name := fmt.Sprintf("%s/%s/%v/%d rows, %d bytes", f.Name, compression, sealed, limit[0], limit[1])
					if f.Name == "pdf" && (compression == "zip" || sealed) {
						continue
					}
					few, limit := records, limit
					if f.Name == "pdf" { // it takes its time
						few, limit[0], limit[1] = records[:150], limit[0]/10, limit[1]*2
					}
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						opts := &parts.Options{Folder: t.TempDir(), Name: "fever", Compression: compression, MaxRows: limit[0], MaxBytes: limit[1]}
						if sealed {
							opts.Recipients = []string{"one"}
						}
						files, err := cut(t, f, nil, opts, few)
						require.NoError(t, err)
						complete(t, f, files, few)
						again, err := cut(t, f, nil, opts, few)
						require.NoError(t, err)
						require.Len(t, again, len(files))
						for i := range files {
							require.Equal(t, files[i].SHA256, again[i].SHA256)
							require.Equal(t, sealed, files[i].Stored.SHA256 != again[i].Stored.SHA256)
						}
						require.Equal(t, limit[0] == 0 && limit[1] == 0 || limit[1] >= 1<<30, len(files) == 1)
						left, err := os.ReadDir(opts.Folder)
						require.NoError(t, err)
						require.Empty(t, left)
					})
				}
			}
		}
	}
}

// complete holds that files are what the encoder alone makes of the records, so many for each.
func complete(t *testing.T, f *export.Format, files []made, records []*record.Record) {
	t.Helper()
	for _, m := range files {
		var want bytes.Buffer
		e, err := f.NewEncoder(&want, export.Columns(nil, records[0].Projection()), nil)
		require.NoError(t, err)
		for _, r := range records[:m.Records] {
			require.NoError(t, e.Encode(r))
		}
		require.NoError(t, e.Close())
		records = records[m.Records:]
		if f.Name != "excel" { // of which the widths of columns may come from fewer rows
			require.True(t, bytes.Equal(want.Bytes(), m.text), "part %d", m.Number)
		}
	}
	require.Empty(t, records)
}

// A part is filled: the next record would not have had room.
func TestFilled(t *testing.T) {
	t.Parallel()
	records := exporttest.Tasks(t, 5000)
	for _, f := range []*export.Format{export.CSV(), export.JSON(), export.NDJSON(), xlsx.Format(), hidden()} {
		for compression, least := range map[string]float64{"none": 0.995, "gzip": 0.95, "zip": 0.95} {
			most := int64(100_000)
			if compression != "none" {
				most = 30_000
			}
			switch f.Name {
			case "hidden":
				least = 0.85
			case "excel": // what stands behind the data may be larger than it is
				least = 0.93
			}
			files, err := cut(t, f, nil, &parts.Options{Folder: t.TempDir(), Name: "fever", Compression: compression, MaxBytes: most}, records)
			require.NoError(t, err)
			require.Greater(t, len(files), 1)
			for _, m := range files[:len(files)-1] {
				require.Greater(t, float64(m.Size), least*float64(most), "%s %s, part %d of %d", f.Name, compression, m.Number, len(files))
			}
		}
	}
}

// notes returns records of one text each.
func notes(tb testing.TB, texts ...string) []*record.Record {
	tb.Helper()
	schema, err := record.ParseSchema("notes", []byte(`{"properties":{"note":{"type":"keyword"}}}`))
	require.NoError(tb, err)
	p, err := schema.Project("note")
	require.NoError(tb, err)
	var all []*record.Record
	for i, text := range texts {
		r := &record.Record{ID: fmt.Sprint(i)}
		r.Reset(p)
		for _, one := range strings.Split(text, "|") {
			r.Append(0, record.StringValue(one))
		}
		all = append(all, r)
	}
	return all
}

// A record that is larger than a part is an error that says so; one that is just as large has a part of its own.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 20_000)
	for _, f := range []*export.Format{export.CSV(), export.JSON(), slow(), hidden(), xlsx.Format()} {
		for _, compression := range []string{"none", "gzip", "zip"} {
			opts := &parts.Options{Folder: t.TempDir(), Name: "fever", Compression: compression}
			records := notes(t, "a", long, "b")
			alone, err := cut(t, f, nil, opts, records[1:2])
			require.NoError(t, err)
			few, err := cut(t, f, nil, opts, records[:1])
			require.NoError(t, err)
			opts.MaxBytes = alone[0].Size - 1
			if compression != "none" {
				opts.MaxBytes -= 40 // more text may compress to less
			}
			if opts.MaxBytes < few[0].Size {
				continue // it compresses too well
			}
			_, err = cut(t, f, nil, opts, records)
			require.ErrorIs(t, err, parts.ErrTooLarge, "%s %s", f.Name, compression)
			require.ErrorContains(t, err, `record "1"`)
			opts.MaxBytes = alone[0].Size + 4 // the names in a zip
			files, err := cut(t, f, nil, opts, records)
			require.NoError(t, err, "%s %s", f.Name, compression)
			require.GreaterOrEqual(t, len(files), 1)
		}
	}
	_, err := cut(t, export.CSV(), nil, &parts.Options{Name: "fever", MaxBytes: 3}, notes(t, ""))
	require.ErrorIs(t, err, parts.ErrTooLarge)
	w, err := parts.NewWriter(export.CSV(), []export.Column{{Path: "note"}}, nil, &parts.Options{Name: "fever", MaxBytes: 3})
	require.NoError(t, err)
	_, err = w.Finish()
	require.ErrorIs(t, err, parts.ErrTooLarge, "headings alone")
}

// Rows are counted where a record is several.
func TestExplodedRows(t *testing.T) {
	t.Parallel()
	explode := &export.Options{Lists: "explode", NoBOM: true}
	opts := &parts.Options{Folder: t.TempDir(), Name: "fever", MaxRows: 3}
	files, err := cut(t, export.CSV(), explode, opts, notes(t, "a", "b|c", "d|e", "f|g|h", "i"))
	require.NoError(t, err)
	require.Len(t, files, 4)
	require.Equal(t, "note\na\nb\nc\n", string(files[0].text))
	require.Equal(t, "note\nd\ne\n", string(files[1].text))
	require.EqualValues(t, 1, files[1].Records)
	require.EqualValues(t, 2, files[1].Rows)
	_, err = cut(t, export.CSV(), explode, opts, notes(t, "a|b|c|d"))
	require.ErrorIs(t, err, parts.ErrTooLarge)
}

// A format that holds only so many records has several parts.
func TestMaxRecords(t *testing.T) {
	t.Parallel()
	f := slow()
	f.MaxRecords = 2
	files, err := cut(t, f, nil, &parts.Options{Folder: t.TempDir(), Name: "fever"}, notes(t, "a", "b", "c", "d"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	require.EqualValues(t, 2, files[1].Records)
}

// An export without records is one file with headings; work that goes on without more has none.
func TestNoRecords(t *testing.T) {
	t.Parallel()
	w, err := parts.NewWriter(export.CSV(), []export.Column{{Path: "note"}}, export.Plain(), &parts.Options{Folder: t.TempDir(), Name: "fever", MaxRows: 5})
	require.NoError(t, err)
	f, err := w.Finish()
	require.NoError(t, err)
	require.Equal(t, "note\n", string(check(t, f, &parts.Options{}, nil).text))
	require.Equal(t, "fever.csv", f.Name)
	require.Equal(t, "text/csv; charset=utf-8", f.MediaType)
	require.True(t, f.Last)
	_, err = w.Finish()
	require.Equal(t, io.EOF, err)

	w, err = parts.NewWriter(export.CSV(), []export.Column{{Path: "note"}}, nil, &parts.Options{Folder: t.TempDir(), Name: "fever", First: 4})
	require.NoError(t, err)
	_, err = w.Finish()
	require.Equal(t, io.EOF, err)
	_, err = w.Encode(notes(t, "a")[0])
	require.NoError(t, err)
	f, err = w.Finish()
	require.NoError(t, err)
	require.Equal(t, "fever-4.csv", f.Name)
	require.NoError(t, f.Remove())
}

// Encode, Full and Finish are what Files is made of.
func TestStepByStep(t *testing.T) {
	t.Parallel()
	records := notes(t, "a", "b", "c")
	w, err := parts.NewWriter(export.CSV(), []export.Column{{Path: "note"}}, nil, &parts.Options{Folder: t.TempDir(), Name: "fever", MaxRows: 1})
	require.NoError(t, err)
	full, err := w.Encode(records[0])
	require.NoError(t, err)
	require.False(t, full, "it is not known yet whether there will be another part")
	full, err = w.Encode(records[1])
	require.NoError(t, err)
	require.True(t, full)
	_, err = w.Encode(records[2])
	require.ErrorIs(t, err, parts.ErrNotFinished)
	f, err := w.Finish()
	require.NoError(t, err)
	require.Equal(t, "fever-1.csv", f.Name)
	require.False(t, f.Last)
	require.False(t, w.Full())
	require.Positive(t, w.Written())
	require.NoError(t, f.Remove())
	w.Abort()
	_, err = w.Encode(records[2])
	require.ErrorIs(t, err, parts.ErrClosed)
	_, err = w.Finish()
	require.ErrorIs(t, err, parts.ErrClosed)
}

// What makes no sense is refused before anything is done.
func TestRefused(t *testing.T) {
	t.Parallel()
	columns := []export.Column{{Path: "note"}}
	for name, o := range map[string]*parts.Options{
		"nothing": nil, "no name": {}, "a folder": {Name: "a/b"}, "hidden": {Name: ".fever"}, "a tab": {Name: "a\tb"}, "not UTF-8": {Name: "\xff"},
		"long": {Name: strings.Repeat("n", 201)}, "rows": {Name: "fever", MaxRows: -1}, "bytes": {Name: "fever", MaxBytes: -1}, "first": {Name: "fever", First: -1},
		"compression": {Name: "fever", Compression: "rar"}, "recipient": {Name: "fever", Recipients: []string{"age1"}}, "no recipient": {Name: "fever", Recipients: []string{""}},
		"a comment": {Name: "fever", Recipients: []string{"# none"}},
	} {
		_, err := parts.NewWriter(export.CSV(), columns, nil, o)
		require.ErrorIs(t, err, parts.ErrInvalid, name)
	}
	_, err := parts.NewWriter(export.CSV(), nil, nil, &parts.Options{Name: "fever"})
	require.ErrorIs(t, err, export.ErrInvalid)
	w, err := parts.NewWriter(export.CSV(), columns, nil, &parts.Options{Name: "fever", Folder: t.TempDir() + "/none"})
	require.NoError(t, err)
	_, err = w.Finish()
	require.ErrorIs(t, err, parts.ErrSpool)
}

// A disk that is full, or fails, is told from Encode or Finish, and nothing is left.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	records := exporttest.Tasks(t, 3000)
	broken := errors.New("broken")
	for _, c := range []struct{ err, want error }{{syscall.ENOSPC, parts.ErrFull}, {syscall.EDQUOT, parts.ErrFull}, {broken, parts.ErrSpool}} {
		for _, compression := range []string{"none", "gzip", "zip"} {
			for _, sealed := range []bool{false, true} {
				for _, room := range []int64{0, 1000, 50_000} {
					o := &parts.Options{Folder: t.TempDir(), Name: "fever", Compression: compression, MaxBytes: 80_000}
					if sealed {
						key, err := parts.NewKey()
						require.NoError(t, err)
						o.Recipients = []string{key.Recipient}
					}
					w, err := parts.NewWriter(export.CSV(), export.Columns(nil, records[0].Projection()), nil, o)
					require.NoError(t, err)
					parts.FailWrites(w, room, c.err)
					var failed error
					for f, err := range w.Files(stream(records)) {
						failed = err
						if err == nil {
							require.NoError(t, f.Remove())
						}
					}
					require.ErrorIs(t, failed, c.want, "%s %v %d", compression, sealed, room)
					require.ErrorIs(t, failed, c.err)
					_, err = w.Encode(records[0])
					require.Equal(t, failed, err)
					left, err := os.ReadDir(o.Folder)
					require.NoError(t, err)
					require.Empty(t, left)
				}
			}
		}
	}
}

// An error of the records comes out, and a loop that is left leaves nothing running.
func TestStreamFails(t *testing.T) {
	t.Parallel()
	records := exporttest.Tasks(t, 100)
	columns := export.Columns(nil, records[0].Projection())
	lost := errors.New("lost")
	var failing iter.Seq2[*record.Record, error] = func(yield func(*record.Record, error) bool) {
		_ = yield(records[0], nil) && yield(nil, lost)
	}
	w, err := parts.NewWriter(export.CSV(), columns, nil, &parts.Options{Folder: t.TempDir(), Name: "fever"})
	require.NoError(t, err)
	n := 0
	for f, err := range w.Files(failing) {
		require.Nil(t, f)
		require.ErrorIs(t, err, lost)
		n++
	}
	require.Equal(t, 1, n)

	w, err = parts.NewWriter(export.CSV(), columns, nil, &parts.Options{Folder: t.TempDir(), Name: "fever", MaxRows: 3, Compression: "gzip"})
	require.NoError(t, err)
	for f, err := range w.Files(stream(records)) {
		require.NoError(t, err)
		require.NoError(t, f.Remove())
		break
	}
	w.Abort()
	w.Abort()
	_, err = w.Encode(nil)
	require.ErrorIs(t, err, parts.ErrClosed)
	w, err = parts.NewWriter(export.CSV(), columns, nil, &parts.Options{Folder: t.TempDir(), Name: "fever", MaxRows: 3})
	require.NoError(t, err)
	_, err = w.Encode(nil)
	require.ErrorIs(t, err, export.ErrInvalid)
}

// Memory does not grow with the records.
func TestFlatMemory(t *testing.T) {
	t.Parallel()
	records := exporttest.Tasks(t, 2000)
	for _, o := range []parts.Options{{Compression: "gzip"}, {Compression: "gzip", MaxBytes: 1 << 30}, {MaxRows: 1000}} {
		o.Folder, o.Name = t.TempDir(), "fever"
		w, err := parts.NewWriter(export.CSV(), export.Columns(nil, records[0].Projection()), nil, &o)
		require.NoError(t, err)
		write := func() {
			for _, r := range records {
				full, err := w.Encode(r)
				require.NoError(t, err)
				for ; full; full = w.Full() {
					f, err := w.Finish()
					require.NoError(t, err)
					require.NoError(t, f.Remove())
				}
			}
		}
		write()
		grown := int64(0)
		for range 5 { // other tests may run beside this one, and take memory of their own
			before := held()
			for range 10 {
				write()
			}
			if grown = held() - before; grown < 4<<20 {
				break
			}
		}
		require.Less(t, grown, int64(4<<20))
		w.Abort()
	}
}

func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What is left of a process that was killed goes; other files stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"dhr-part-12345.spool", "dhr-part-6.spool", "other.spool", "dhr-part-1.csv"} {
		require.NoError(t, os.WriteFile(folder+"/"+name, []byte("x"), 0o600))
	}
	require.NoError(t, os.Mkdir(folder+"/dhr-part-7.spool", 0o700))
	w, err := parts.NewWriter(export.CSV(), []export.Column{{Path: "note"}}, export.Plain(), &parts.Options{Folder: folder, Name: "fever"})
	require.NoError(t, err)
	_, err = w.Encode(notes(t, "a")[0])
	require.NoError(t, err)
	n, err := parts.Sweep(folder)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	f, err := w.Finish()
	require.NoError(t, err)
	require.Equal(t, "note\na\n", string(check(t, f, &parts.Options{}, nil).text), "a file in use was swept away")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 3)
	_, err = parts.Sweep(folder + "/none")
	require.ErrorIs(t, err, parts.ErrSpool)
}

// A spool file can be read from anywhere, by several readers.
func TestOpen(t *testing.T) {
	t.Parallel()
	w, err := parts.NewWriter(export.CSV(), []export.Column{{Path: "note"}}, export.Plain(), &parts.Options{Folder: t.TempDir(), Name: "fever"})
	require.NoError(t, err)
	_, err = w.Encode(notes(t, "abc")[0])
	require.NoError(t, err)
	f, err := w.Finish()
	require.NoError(t, err)
	a, err := f.Open()
	require.NoError(t, err)
	b, err := f.Open()
	require.NoError(t, err)
	_, err = a.Seek(-4, io.SeekEnd)
	require.NoError(t, err)
	text, err := io.ReadAll(a)
	require.NoError(t, err)
	require.Equal(t, "abc\n", string(text))
	text, err = io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "note\nabc\n", string(text))
	require.NoError(t, f.Remove())
	_, err = a.Seek(0, io.SeekStart)
	require.NoError(t, err)
	_, err = io.ReadAll(a)
	require.ErrorIs(t, err, parts.ErrSpool)
}
