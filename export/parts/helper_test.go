package parts_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/record"
)

// A made is a file with its bytes: as people get them, and what was compressed.
type made struct {
	*parts.File
	stored, plain, text []byte
}

func stream(records []*record.Record) record.Stream {
	return func(yield func(*record.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// cut returns the files of records, checked for what holds of all of them.
func cut(tb testing.TB, f *export.Format, eopts *export.Options, opts *parts.Options, records []*record.Record) ([]made, error) {
	tb.Helper()
	o := *opts
	var key *parts.Key
	if len(o.Recipients) > 0 {
		var err error
		key, err = parts.NewKey()
		require.NoError(tb, err)
		o.Recipients = []string{key.Recipient}
	}
	w, err := parts.NewWriter(f, export.Columns(nil, records[0].Projection()), eopts, &o)
	require.NoError(tb, err)
	defer w.Abort()
	var all []made
	for file, err := range w.Files(stream(records)) {
		if err != nil {
			return nil, err
		}
		all = append(all, check(tb, file, &o, key))
	}
	for i, m := range all {
		require.Equal(tb, i+1, m.Number)
		require.Equal(tb, i == len(all)-1, m.Last)
		want := o.Name + f.Extension
		if len(all) > 1 {
			want = fmt.Sprintf("%s-%d%s", o.Name, i+1, f.Extension)
		}
		require.Equal(tb, want, strings.TrimSuffix(strings.TrimSuffix(m.Name, ".gz"), ".zip"))
	}
	return all, nil
}

func check(tb testing.TB, file *parts.File, o *parts.Options, key *parts.Key) made {
	tb.Helper()
	m := made{File: file}
	r, err := file.Open()
	require.NoError(tb, err)
	m.stored, err = io.ReadAll(r)
	require.NoError(tb, err)
	require.NoError(tb, r.Close())
	require.NoError(tb, file.Remove())
	require.NoError(tb, file.Remove())
	_, err = file.Open()
	require.ErrorIs(tb, err, parts.ErrClosed)

	m.plain = m.stored
	if key != nil {
		u, err := parts.Unseal(bytes.NewReader(m.stored), key.Identity, 0, -1)
		require.NoError(tb, err)
		m.plain, err = io.ReadAll(u)
		require.NoError(tb, err)
	}
	require.Equal(tb, sum(m.stored), file.Stored.SHA256)
	require.Equal(tb, sum(m.plain), file.SHA256)
	require.EqualValues(tb, len(m.stored), file.Stored.Size)
	require.EqualValues(tb, len(m.plain), file.Size)
	require.Equal(tb, file.Records, file.Report.Records)
	require.Equal(tb, file.Rows, file.Report.Rows)
	if o.MaxBytes > 0 {
		require.LessOrEqual(tb, file.Stored.Size, o.MaxBytes)
	}
	if o.MaxRows > 0 {
		require.LessOrEqual(tb, file.Rows, o.MaxRows)
	}
	m.text = unpack(tb, o.Compression, m.plain, file)
	return m
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// unpack decompresses with the standard library, which the files are not made with.
func unpack(tb testing.TB, compression string, packed []byte, file *parts.File) []byte {
	tb.Helper()
	var text []byte
	switch compression {
	case "gzip":
		require.Equal(tb, "application/gzip", file.MediaType)
		r, err := gzip.NewReader(bytes.NewReader(packed))
		require.NoError(tb, err)
		require.True(tb, r.ModTime.IsZero())
		text, err = io.ReadAll(r)
		require.NoError(tb, err)
	case "zip":
		require.Equal(tb, "application/zip", file.MediaType)
		r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
		require.NoError(tb, err)
		require.Len(tb, r.File, 1)
		require.Regexp(tb, `^fever(-\d+)?\.[a-z]+$`, r.File[0].Name)
		f, err := r.File[0].Open()
		require.NoError(tb, err)
		text, err = io.ReadAll(f)
		require.NoError(tb, err)
	default:
		text = packed
	}
	return text
}

// slow is a format of somebody else: its encoder holds everything until Close, and does not know how large it is.
func slow() *export.Format {
	csv := export.CSV()
	return &export.Format{Name: "slow", MediaType: "text/slow", Extension: ".slow",
		New: func(w io.Writer, t *export.Table) (export.Encoder, error) {
			s := &slowEncoder{w: w}
			var err error
			s.Encoder, err = csv.New(&s.buf, t)
			return s, err
		}}
}

type slowEncoder struct {
	export.Encoder
	w   io.Writer
	buf bytes.Buffer
}

func (s *slowEncoder) Close() error {
	if err := s.Encoder.Close(); err != nil {
		return err
	}
	_, err := s.w.Write(s.buf.Bytes())
	return err
}

// hidden is a format whose encoder streams, and is no fitter.
func hidden() *export.Format {
	csv := export.CSV()
	return &export.Format{Name: "hidden", MediaType: "text/hidden", Extension: ".hidden",
		New: func(w io.Writer, t *export.Table) (export.Encoder, error) {
			e, err := csv.New(w, t)
			return struct{ export.Encoder }{e}, err
		}}
}
