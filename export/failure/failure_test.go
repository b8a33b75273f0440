package failure_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/failure"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
)

func TestOf(t *testing.T) {
	t.Parallel()
	errOwn := errors.New("too much")
	own := []failure.Known{
		{Is: errOwn, Code: "TOO_MUCH", Message: "It is too much.", Permanent: true, Why: true},
		{Is: search.ErrInvalid, Code: "QUERY_REFUSED", Message: "No.", Permanent: true},
	}
	for _, c := range []struct {
		err           error
		code, message string
		permanent     bool
	}{
		{fmt.Errorf("a: %w: 3 columns", errOwn), "TOO_MUCH", "It is too much: 3 columns.", true},
		{errOwn, "TOO_MUCH", "It is too much.", true},
		{fmt.Errorf("scan: %w: secret", search.ErrInvalid), "QUERY_REFUSED", "No.", true},
		{fmt.Errorf("scan: %w: secret", search.ErrUnavailable), "ENGINE_UNAVAILABLE", "The engine does not answer.", false},
		{job.Permanent(fmt.Errorf("scan: %w", search.ErrUnavailable)), "ENGINE_UNAVAILABLE", "The engine does not answer.", true},
		{fmt.Errorf("put: %w", storage.ErrFull), storage.Class(storage.ErrFull), "The storage did not take a file.", false},
		{fmt.Errorf("put: %w", storage.ErrTooLarge), storage.Class(storage.ErrTooLarge), "The storage did not take a file.", true},
		{&job.Failure{Code: "MINE", Message: "Mine.", Err: search.ErrUnavailable}, "MINE", "Mine.", false},
		{errors.New("x"), job.CodeInternal, "Something went wrong.", false},
	} {
		f := failure.Of(c.err, own...)
		require.Equal(t, c.code, f.Code, c.err)
		require.Equal(t, c.message, f.Message, c.err)
		require.Equal(t, c.permanent, f.Permanent, c.err)
	}
}
