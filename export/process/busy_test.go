package process_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/docstoretest"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
)

// Of requests at once, of which each has found that there is room, as many are exports as there may be.
func TestBusyAtOnce(t *testing.T) {
	t.Parallel()
	const n, most = 8, 2
	h := open(t, memory(t, 3), func(h *house) {
		h.docs, h.idle = docstore.New(docstoretest.NewBarrier(memdoc.New(), "exports", n)), true
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
