package sqlsearch

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/digit-health/dhr/jql/sqlgen"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A pgQuerier is a view of a PostgreSQL database.
type pgQuerier struct{ tx pgx.Tx }

var _ querier = pgQuerier{}

func (v pgQuerier) query(ctx context.Context, q sqlgen.Query, each func(row []any) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := v.tx.Query(ctx, q.Text, q.Args...)
	if err != nil {
		return pgError(ctx, err)
	}
	defer rows.Close()
	defer cancel() // before rows.Close, which would read to the end
	for rows.Next() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		row, err := rows.Values()
		if err != nil {
			return pgError(ctx, err)
		}
		for i, x := range row {
			row[i] = plainValue(x)
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return pgError(ctx, rows.Err())
}

// plainValue returns what pgx has read as one of the types that a querier returns.
func plainValue(x any) any {
	switch x := x.(type) {
	case int16:
		return int64(x)
	case int32:
		return int64(x)
	case float32:
		return float64(x)
	case bool:
		if x {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return x.UnixMilli()
	}
	return x
}

// escape returns a string as PostgreSQL can store it, which has no place for
// U+0000. The order of strings stays, and so does which begins with which:
// U+0000 becomes two U+0001, and U+0001 becomes U+0001 U+0002.
func escape(s string) string {
	if !strings.ContainsAny(s, "\x00\x01") {
		return s
	}
	return escaper.Replace(s)
}

// unescape is the inverse of escape.
func unescape(s string) string {
	if strings.IndexByte(s, 1) < 0 {
		return s
	}
	return unescaper.Replace(s)
}

var (
	escaper   = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
	unescaper = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01")
)

// pgArgument makes the argument for a value, as [sqlgen.Argument] does.
func pgArgument(v record.Value) (any, error) {
	if v.Kind() != record.String {
		return sqlgen.Argument(v)
	}
	if !utf8.ValidString(v.Text()) {
		return nil, fmt.Errorf("%w: %q is not UTF-8", search.ErrInvalid, v.Text())
	}
	return escape(v.Text()), nil
}
