package exporttest_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
	"github.com/digit-health/dhr/record"
)

// faulty is a CSV with one fault.
type faulty struct {
	export.Encoder
	encode func(export.Encoder, *record.Record) error
	close  func(export.Encoder) error
}

func (f *faulty) Encode(r *record.Record) error {
	if f.encode != nil {
		return f.encode(f.Encoder, r)
	}
	return f.Encoder.Encode(r)
}

func (f *faulty) Close() error {
	if f.close != nil {
		return f.close(f.Encoder)
	}
	return f.Encoder.Close()
}

// deaf does not hear errors.
type deaf struct{ w io.Writer }

func (d deaf) Write(p []byte) (int, error) {
	_, _ = d.w.Write(p)
	return len(p), nil
}

// A fault makes an encoder of one that is right, and is found by a test.
type fault struct {
	found string
	make  func(w io.Writer, t *export.Table) (export.Encoder, error)
}

func sound(w io.Writer, t *export.Table) *faulty {
	e, err := export.CSV().New(w, t)
	if err != nil {
		panic(err)
	}
	return &faulty{Encoder: e}
}

var faults = map[string]fault{
	"keeps a record": {"SameBytes", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		f := sound(w, t)
		var kept *record.Record
		f.encode = func(e export.Encoder, r *record.Record) error {
			last := kept
			if kept = r; last == nil {
				return nil
			}
			return e.Encode(last)
		}
		f.close = func(e export.Encoder) error {
			if kept != nil {
				if err := e.Encode(kept); err != nil {
					return err
				}
			}
			return e.Close()
		}
		return f, nil
	}},
	"is never the same": {"SameBytes", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		t.Headings()[0] += strconv.FormatInt(rand.Int64(), 10)
		return sound(w, t), nil
	}},
	"hides errors": {"WriterFails", func(w io.Writer, t *export.Table) (export.Encoder, error) { return sound(deaf{w}, t), nil }},
	"writes too early": {"Refused", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		_, err := w.Write([]byte("too early"))
		return sound(w, t), err
	}},
	"holds everything": {"Streams", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		var all bytes.Buffer
		f := sound(&all, t)
		f.close = func(e export.Encoder) error {
			err := e.Close()
			if err == nil {
				_, err = all.WriteTo(w)
			}
			return err
		}
		return f, nil
	}},
	"grows": {"FlatMemory", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		f := sound(w, t)
		var all []*record.Record
		f.encode = func(e export.Encoder, r *record.Record) error {
			all = append(all, r.Clone())
			return e.Encode(all[len(all)-1])
		}
		f.close = func(e export.Encoder) error { all = nil; return e.Close() }
		return f, nil
	}},
	"keeps what it leaves out": {"Fits", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		return &fitter{Encoder: sound(w, t), slip: func(size, most int64) bool { return size <= most || size > most+500 }}, nil
	}},
	"is too large": {"Fits", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		return &fitter{Encoder: sound(w, t), slip: func(size, most int64) bool { return size <= 4*most }, honest: true}, nil
	}},
	"loses a record": {"EveryRecordOnceInOrder", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		f, n := sound(w, t), 0
		f.encode = func(e export.Encoder, r *record.Record) error {
			if n++; n == 1024 {
				return nil
			}
			return e.Encode(r)
		}
		return f, nil
	}},
	"believes the first index": {"SeveralIndexes", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		f := sound(w, t)
		var first *record.Projection
		f.encode = func(e export.Encoder, r *record.Record) error {
			if first == nil {
				first = r.Projection()
			}
			var wrong record.Record
			wrong.Reset(first)
			for i := range first.Fields() {
				for _, v := range r.Values(i) {
					wrong.Append(i, v)
				}
			}
			return e.Encode(&wrong)
		}
		return f, nil
	}},
	"knows no labels": {"Headings", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		copy(t.Headings(), []string{"id", "child.name"})
		return sound(w, t), nil
	}},
	"takes text for numbers": {"Text", values(func(v record.Value) record.Value {
		if n, err := strconv.ParseInt(v.Text(), 10, 64); err == nil && v.Kind() == record.String {
			return record.StringValue(strconv.FormatInt(n, 10))
		}
		return v
	})},
	"has floats alone": {"Values", values(func(v record.Value) record.Value {
		if v.Kind() == record.Int {
			return record.FloatValue(float64(v.Int()))
		}
		return v
	})},
	"takes the first value": {"Lists", func(w io.Writer, t *export.Table) (export.Encoder, error) {
		f := sound(w, t)
		f.encode = func(e export.Encoder, r *record.Record) error {
			var first record.Record
			first.Reset(r.Projection())
			for i := range r.Projection().Fields() {
				if v := r.Value(i); !v.IsNull() {
					first.Append(i, v)
				}
			}
			return e.Encode(&first)
		}
		return f, nil
	}},
}

// fitter is a Fitter with a fault.
type fitter struct {
	export.Encoder
	slip   func(size, most int64) bool // whether it takes a record
	honest bool                        // it says whether it has
	size   int64
}

func (f *fitter) EncodeWithin(r *record.Record, most int64) (bool, error) {
	var one bytes.Buffer
	e, err := export.NDJSON().NewEncoder(&one, export.Columns(nil, r.Projection()), nil)
	if err == nil {
		err = e.Encode(r)
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		return false, err
	}
	size := f.size + int64(one.Len())
	if !f.slip(size, most) {
		return false, nil
	}
	f.size = size
	return f.honest || size <= most, f.Encode(r)
}

func (f *fitter) Flush() error { return nil }

// values returns an encoder that changes the values of records.
func values(change func(record.Value) record.Value) func(io.Writer, *export.Table) (export.Encoder, error) {
	return func(w io.Writer, t *export.Table) (export.Encoder, error) {
		f := sound(w, t)
		f.encode = func(e export.Encoder, r *record.Record) error {
			var other record.Record
			other.Reset(r.Projection())
			for i := range r.Projection().Fields() {
				for _, v := range r.Values(i) {
					other.Append(i, change(v))
				}
			}
			return e.Encode(&other)
		}
		return f, nil
	}
}

const variable = "DHR_EXPORTTEST_FAULT" // of the processes that this test starts

// Each promise of the suite is held: a format with a fault does not pass.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	if name := os.Getenv(variable); name != "" {
		f := export.CSV()
		if made, ok := faults[name]; ok {
			f.New = made.make
		}
		exporttest.Run(t, f, &exporttest.Options{Lossy: true, Read: func(tb testing.TB, file []byte) [][]string {
			tb.Helper()
			rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\uFEFF")))).ReadAll()
			require.NoError(tb, err)
			return rows
		}})
		return
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, name, f.found)
			require.Error(t, err, out)
			require.Contains(t, out, "--- FAIL: TestFaultsAreFound/"+f.found)
		})
		t.Run("without: "+f.found, func(t *testing.T) {
			out, err := run(t, "none", f.found)
			require.NoError(t, err, out)
		})
	}
}

// run runs one test of the suite on a faulty format, in a process of its own.
func run(t *testing.T, fault, test string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFaultsAreFound$/^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+fault)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
