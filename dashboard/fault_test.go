package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
)

// A broken driver fails, or does something before a call, from the nth call on.
type broken struct {
	docstore.Driver
	calls int
	at    int
	err   error
}

func (b *broken) next() error {
	if b.calls++; b.calls >= b.at {
		return b.err
	}
	return nil
}

func (b *broken) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	if err := b.next(); err != nil {
		return nil, err
	}
	return b.Driver.Get(ctx, k)
}

func (b *broken) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	if err := b.next(); err != nil {
		return nil, err
	}
	return b.Driver.Put(ctx, d, expect)
}

func (b *broken) Delete(ctx context.Context, k docstore.Key, expect int64) error {
	if err := b.next(); err != nil {
		return err
	}
	return b.Driver.Delete(ctx, k, expect)
}

func (b *broken) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	if err := b.next(); err != nil {
		return nil, err
	}
	return b.Driver.List(ctx, q)
}

// TestCrashes holds that, wherever the store breaks down within a call, the call says so, and everything
// works afterwards: the filters can be listed, and the call repeated or the filter be found changed.
func TestCrashes(t *testing.T) {
	t.Parallel()
	steps := []func(ctx context.Context, s *Filters) error{
		func(ctx context.Context, s *Filters) error {
			_, err := s.Create(ctx, olga, &Filter{Name: "new", JQL: "a = 1", Favourite: true})
			return err
		},
		func(ctx context.Context, s *Filters) error {
			_, err := s.Patch(ctx, olga, "f1", []byte(`{"name": "renamed"}`), 0)
			return err
		},
		func(ctx context.Context, s *Filters) error { return s.SetFavourite(ctx, olga, "f1", false) },
		func(ctx context.Context, s *Filters) error { return s.Delete(ctx, olga, "f1", 0) },
		func(ctx context.Context, s *Filters) error {
			_, err := s.List(ctx, olga, &ListQuery{Owner: "favourite"})
			return err
		},
		func(ctx context.Context, s *Filters) error {
			_, err := s.Copy(ctx, olga, "f1", "")
			return err
		},
	}
	for i, step := range steps {
		failed := 0
		for at := 1; ; at++ {
			memory := memdoc.New()
			s := newFilters(t, memory)
			mustCreate(t, s, olga, &Filter{Name: "n", JQL: "a = 1", Favourite: true})
			b := &broken{Driver: memory, at: at, err: docstore.ErrUnavailable}
			s.store = docstore.New(b)
			err := step(t.Context(), s)
			s.store = docstore.New(memory)
			page, broken := s.List(t.Context(), olga, nil)
			require.NoError(t, broken)
			for _, f := range page.Filters {
				require.NoError(t, s.SetFavourite(t.Context(), olga, f.ID, true))
				require.NoError(t, s.Delete(t.Context(), olga, f.ID, f.Version))
			}
			if err == nil {
				break
			}
			failed++
			require.ErrorIs(t, err, docstore.ErrUnavailable)
		}
		require.Greater(t, failed, 1, "step %d", i)
	}
}

// TestDamage holds that a document that is none of ours is an error, and not an empty filter.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	f := mustCreate(t, s, olga, &Filter{Name: "n", JQL: "a = 1"})
	_, err := s.store.Update(t.Context(), docstore.Key{Tenant: "pb", Kind: "filters", ID: f.ID}, func(d *docstore.Document) error {
		d.Body = json.RawMessage(`{"name": 5}`)
		return nil
	})
	require.NoError(t, err)
	_, err = s.Get(t.Context(), olga, f.ID)
	require.ErrorIs(t, err, docstore.ErrCorrupt)
	_, err = s.List(t.Context(), olga, nil)
	require.ErrorIs(t, err, docstore.ErrCorrupt)
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	s := newFilters(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err := s.Create(ctx, olga, &Filter{Name: "n", JQL: "a = 1"})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.List(ctx, olga, nil)
	require.ErrorIs(t, err, context.Canceled)
}
