package upload_test

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/internal/upload"
)

var errTooLarge = errors.New("too large")

func form(t *testing.T, u *upload.Upload) *multipart.Form {
	t.Helper()
	body, err := u.Begin()
	require.NoError(t, err)
	_, params, err := mime.ParseMediaType(u.ContentType)
	require.NoError(t, err)
	f, err := multipart.NewReader(body, params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	body.End()
	return f
}

// What is sent is a form that others read, each time the same.
func TestForm(t *testing.T) {
	t.Parallel()
	r := strings.NewReader("skipped hello")
	_, err := r.Seek(8, io.SeekStart)
	require.NoError(t, err)
	u, err := upload.New(r, &upload.File{
		Field: "file", Name: `a "b".csv`, ContentType: "text/plain", Before: []upload.Field{{"tenantId", "pb"}, {"tag", ""}}, Limit: 5, TooLarge: errTooLarge,
	})
	require.NoError(t, err)
	for range 2 {
		f := form(t, u)
		require.Equal(t, map[string][]string{"tenantId": {"pb"}}, f.Value)
		require.Equal(t, `a "b".csv`, f.File["file"][0].Filename)
		require.Equal(t, "text/plain", f.File["file"][0].Header.Get("Content-Type"))
		require.EqualValues(t, 5, f.File["file"][0].Size)
		require.True(t, u.Done())
		require.True(t, u.Again())
		require.EqualValues(t, 5, u.Size())
	}
}

// A stream that was read cannot be sent again; one that was not can.
func TestStream(t *testing.T) {
	t.Parallel()
	u, err := upload.New(io.MultiReader(strings.NewReader("hello")), &upload.File{Field: "file", Name: "a"})
	require.NoError(t, err)
	body, err := u.Begin()
	require.NoError(t, err)
	body.End()
	require.True(t, u.Again())
	_, err = body.Read(make([]byte, 10))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	form(t, u)
	require.False(t, u.Again())
}

// A request that a server has understood ends well, although its end was not yet read.
func TestAnswerBeforeEnd(t *testing.T) {
	t.Parallel()
	u, err := upload.New(strings.NewReader("hello"), &upload.File{Field: "file", Name: "a"})
	require.NoError(t, err)
	body, err := u.Begin()
	require.NoError(t, err)
	one := make([]byte, 1)
	for !u.Done() {
		_, err := body.Read(one)
		require.NoError(t, err)
	}
	body.End()
	rest, err := io.ReadAll(body)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(rest), "--\r\n"))
}

// What ends the stream is kept.
func TestErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for r, want := range map[io.Reader]error{
		iotest.ErrReader(broken):                               broken,
		strings.NewReader(strings.Repeat("a", 6)):              errTooLarge,
		iotest.OneByteReader(strings.NewReader("more than 5")): errTooLarge,
	} {
		u, err := upload.New(r, &upload.File{Field: "file", Name: "a", Limit: 5, TooLarge: errTooLarge})
		require.NoError(t, err)
		body, err := u.Begin()
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, body)
		require.ErrorIs(t, err, want)
		body.End()
		require.ErrorIs(t, u.Err(), want)
		require.False(t, u.Done())
		require.False(t, u.Again())
	}
}
