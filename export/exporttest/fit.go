package exporttest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/record"
)

// A file of a Fitter has at most the bytes it was given, and is what it would be without the records left out.
func testFits(t *testing.T, f *export.Format, opts *Options) {
	records := some(t, 1_500)
	size := int64(len(encode(t, f, nil, records)))
	columns := export.Columns(nil, records.projection)
	if e, err := f.NewEncoder(&bytes.Buffer{}, columns, nil); err != nil {
		t.Fatal(err)
	} else if _, ok := e.(export.Fitter); !ok {
		return // its files are measured once they are there
	}
	for _, most := range []int64{100, size / 5, size - 1, 2 * size} {
		for _, flush := range []int{0, 100} {
			var file bytes.Buffer
			e, err := f.NewEncoder(&file, columns, nil)
			require.NoError(t, err)
			fitter := e.(export.Fitter)
			taken := set{projection: records.projection}
			n := 0
			require.NoError(t, records.each(t, func(r *record.Record) error {
				fits, err := fitter.EncodeWithin(r, most)
				if fits {
					taken.docs = append(taken.docs, records.docs[n])
				}
				if n++; err == nil && flush > 0 && n%flush == 0 {
					err = fitter.Flush()
				}
				return err
			}))
			report := e.Report()
			require.Equal(t, int64(len(taken.docs)), report.Records)
			require.Equal(t, int64(len(taken.docs)), report.Rows)
			require.NoError(t, e.Close())
			if len(taken.docs) > 0 {
				require.LessOrEqual(t, int64(file.Len()), most, "flushed every %d records", flush)
			}
			if most >= size/5 {
				require.Greater(t, int64(file.Len()), min(most, size)*3/4, "of %d bytes, hardly any are used", most)
			}
			if opts.Read != nil {
				require.Equal(t, opts.Read(t, encode(t, f, nil, taken)), opts.Read(t, file.Bytes()))
			}
			require.ErrorIs(t, records.each(t, func(r *record.Record) error {
				_, err := fitter.EncodeWithin(r, 2*size)
				return err
			}), export.ErrClosed)
		}
	}
}
