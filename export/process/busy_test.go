package process_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
)

// A barrier is a store in which new exports wait for each other before they are kept.
type barrier struct {
	docstore.Driver
	missing atomic.Int64
	opened  chan struct{}
}

func (b *barrier) Put(ctx context.Context, d *docstore.Document, expect int64) (*docstore.Document, error) {
	if d.Kind == "exports" && expect == 0 {
		if b.missing.Add(-1) == 0 {
			close(b.opened)
		}
		<-b.opened
	}
	return b.Driver.Put(ctx, d, expect)
}

// Of requests at once, of which each has found that there is room, as many are exports as there may be.
func TestBusyAtOnce(t *testing.T) {
	t.Parallel()
	const n, most = 8, 2
	b := &barrier{Driver: memdoc.New(), opened: make(chan struct{})}
	b.missing.Store(n)
	h := open(t, memory(t, 3), func(h *house) {
		h.docs, h.idle = docstore.New(b), true
		h.config.Limits.PerUser = most
	})
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := h.Start(context.WithoutCancel(t.Context()), asha(), &process.Request{Format: "csv", MaxResults: int64(i + 1)}, nil)
			errs <- err
		}()
	}
	begun := 0
	for range n {
		err := <-errs
		if err == nil {
			begun++
			continue
		}
		require.ErrorIs(t, err, process.ErrBusy)
		require.ErrorContains(t, err, "a user may have 2")
	}
	require.Equal(t, most, begun)
	left, err := h.jobs.List(t.Context(), &job.Query{Tenant: "pb", Kind: "exports"})
	require.NoError(t, err)
	require.Len(t, left, most)
}
