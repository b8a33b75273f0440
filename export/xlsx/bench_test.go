package xlsx_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/exporttest"
	"github.com/digit-health/dhr/export/xlsx"
	"github.com/digit-health/dhr/record"
)

func BenchmarkEncode(b *testing.B) { exporttest.Benchmark(b, xlsx.Format()) }

// BenchmarkAgainstExcelize writes the same records as excelize does with a StreamWriter, which is its
// fastest way, and reports how many times longer that takes. The two take turns,
// so that other work on the machine weighs on both alike.
func BenchmarkAgainstExcelize(b *testing.B) {
	records := exporttest.Tasks(b, 20_000)
	var times [2]time.Duration
	for b.Loop() {
		for i, write := range []func([]*record.Record) error{writeOurs, writeExcelize} {
			start := time.Now()
			if err := write(records); err != nil {
				b.Fatal(err)
			}
			times[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(b.N*len(records))/times[0].Seconds(), "records/s")
	b.ReportMetric(float64(times[1])/float64(times[0]), "x_excelize")
}

func writeOurs(records []*record.Record) error {
	e, err := xlsx.Format().NewEncoder(io.Discard, export.Columns(nil, records[0].Projection()), nil)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return e.Close()
}

func writeExcelize(records []*record.Record) error {
	f := excelize.NewFile()
	defer f.Close()
	day, err := f.NewStyle(&excelize.Style{NumFmt: 22})
	if err != nil {
		return err
	}
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		return err
	}
	row := make([]any, len(records[0].Projection().Fields()))
	for i, r := range records {
		for c := range row {
			switch v := r.Value(c); v.Kind() {
			case record.Int:
				row[c] = v.Int()
			case record.Float:
				row[c] = v.Float()
			case record.Bool:
				row[c] = v.Bool()
			case record.Time:
				row[c] = excelize.Cell{StyleID: day, Value: v.Time()}
			default:
				row[c] = v.Text()
			}
		}
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Write(io.Discard)
}
