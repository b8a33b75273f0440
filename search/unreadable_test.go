package search_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A brokenDriver has indexes whose schemas cannot be read.
type brokenDriver struct {
	search.Driver
	indexes []string
	other   error // what goes wrong beside
}

// A brokenIndex is the error for the index with this name.
type brokenIndex string

func (b brokenIndex) Error() string      { return fmt.Sprintf("the index %q is broken", string(b)) }
func (b brokenIndex) Unreadable() string { return string(b) }
func (b brokenIndex) Unwrap() error      { return search.ErrSchemaConflict }

func (b brokenDriver) Schemas(ctx context.Context, name string) ([]*record.Schema, error) {
	schemas, err := b.Driver.Schemas(ctx, name)
	errs := []error{err, b.other}
	for _, index := range b.indexes {
		if prefix, pattern := strings.CutSuffix(name, "*"); index == name || pattern && strings.HasPrefix(index, prefix) {
			errs = append(errs, brokenIndex(index))
		}
	}
	return schemas, errors.Join(errs...)
}

// TestUnreadableIndexes holds that an index whose schema cannot be read is not there for those who
// may not see it, and that those who may are given no number without it.
func TestUnreadableIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	x, err := search.New(brokenDriver{w.driver, []string{"secret", "audit"}, nil}, newPolicy(t), nil)
	require.NoError(t, err)
	count := func(who *access.Principal, names ...string) error {
		_, _, err := x.Count(t.Context(), who, ask("", names...), 0)
		return err
	}
	require.NoError(t, count(officer, "*"))
	require.NoError(t, count(officer))
	require.NoError(t, count(admin, "visits"))
	require.NoError(t, count(admin, "s*f", "v*"))
	require.ErrorIs(t, count(officer, "secret"), search.ErrUnknownIndex)
	for _, names := range [][]string{{"*"}, nil, {"visits", "se*"}, {"secret"}} {
		err := count(admin, names...)
		require.ErrorIs(t, err, search.ErrSchemaConflict, names)
		var one brokenIndex
		require.ErrorAs(t, err, &one, names)
	}
	_, err = x.Schemas(t.Context(), officer)
	require.NoError(t, err)
	names, err := x.Indexes(t.Context(), admin)
	require.NoError(t, err)
	require.Equal(t, []string{"audit", "secret", "staff", "visits"}, names)
	names, err = x.Indexes(t.Context(), officer)
	require.NoError(t, err)
	require.Equal(t, []string{"visits"}, names)

	x, err = search.New(brokenDriver{w.driver, []string{"secret"}, search.ErrUnavailable}, newPolicy(t), nil)
	require.NoError(t, err)
	_, err = x.Indexes(t.Context(), officer)
	require.ErrorIs(t, err, search.ErrUnavailable)
	require.ErrorIs(t, count(officer, "*"), search.ErrUnavailable)
}
