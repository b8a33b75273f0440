package sqlsearch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/digit-health/dhr/search"
)

// pgError returns what a driver says of an error of PostgreSQL: the
// context's own error if that has ended, else one of the errors of package
// search where one fits, with the server's words beside it.
func pgError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := context.Cause(ctx); ended != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	var known *pgconn.PgError
	if errors.As(err, &known) {
		if sentinel := pgSentinel(known.Code); sentinel != nil {
			return fmt.Errorf("%w: %w", sentinel, err)
		}
		return err
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &connecting), errors.As(err, &network), pgconn.Timeout(err), errors.Is(err, net.ErrClosed),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", search.ErrUnavailable, err)
	}
	return err
}

// pgSentinel returns the error of package search for a code of PostgreSQL
// (its manual, appendix A), or nil.
func pgSentinel(code string) error {
	switch code {
	case "25006": // read_only_sql_transaction
		return search.ErrReadOnly
	case "42501": // insufficient_privilege
		return search.ErrReadOnly
	case "53100": // disk_full
		return search.ErrFull
	case "55P03", "40P01", "55006": // lock_not_available, deadlock_detected, object_in_use
		return search.ErrUnavailable
	case "57014", "57P05", "25P03": // query_canceled, by a limit of time; idle sessions ended
		return search.ErrUnavailable
	case "72000": // snapshot_too_old
		return search.ErrSnapshotLost
	}
	switch {
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "28"), strings.HasPrefix(code, "58"):
		return search.ErrUnavailable // connections, shutdown, log-in, the operating system
	case strings.HasPrefix(code, "53"):
		return search.ErrOverloaded // connections and memory used up
	case strings.HasPrefix(code, "XX"):
		return search.ErrCorrupt
	}
	return nil
}
