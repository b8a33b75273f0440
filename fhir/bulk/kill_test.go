package bulk_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search/sqlsearch"
)

var (
	kills = flag.Int("bulk.kills", 12, "how many workers TestKill kills at least")
	child = flag.String("bulk.child", "", "the folder of the parent of a worker that is to be killed")
)

// onDisk opens a house whose engine, documents and files lie in a folder, where other processes use them too.
func onDisk(t *testing.T, folder string, idle bool) *house {
	t.Helper()
	engine, err := sqlsearch.Open(t.Context(), filepath.Join(folder, "records"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = engine.Close() })
	driver, err := sqldoc.Open(t.Context(), filepath.Join(folder, "docs"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = driver.Close() })
	return open(t, engine, func(h *house) {
		h.docs, h.folder, h.idle = docstore.New(driver), filepath.Join(folder, "files"), idle
		// Whoever follows a killed worker is not to wait for long. One that nobody kills has time, also on a machine that is busy.
		if h.options.Lease = 300 * time.Millisecond; *child == "" {
			h.options.Lease = 3 * time.Second
		}
		h.options.MaxAttempts = 1000
		h.config.Limits.FileRecords = 100
		require.NoError(t, os.MkdirAll(h.folder, 0o700))
	})
}

// TestChild is the worker that is killed.
func TestChild(t *testing.T) {
	if *child == "" {
		return // it is run by TestKill
	}
	_ = onDisk(t, *child, false)
	_, _ = fmt.Fprintln(os.Stdout, "ready")
	<-t.Context().Done()
}

// killOne runs a worker and kills it a while after it has begun.
func killOne(t *testing.T, folder string, after time.Duration) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestChild$", "-bulk.child="+folder)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ready := false
	for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
		ready = lines.Text() == "ready"
	}
	require.True(t, ready)
	ctx, cancel := context.WithTimeout(t.Context(), after)
	<-ctx.Done()
	cancel()
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
}

// Whenever its worker is killed, an export ends complete and right, and nothing else is stored.
func TestKill(t *testing.T) {
	if *child != "" {
		return // the parent does it
	}
	least := *kills
	if testing.Short() {
		least = min(least, 3)
	}
	folder := t.TempDir()
	engine, err := sqlsearch.Open(t.Context(), filepath.Join(folder, "records"), nil)
	require.NoError(t, err)
	for index := range schemas {
		fill(t, engine, index, documents(index, 300))
	}
	require.NoError(t, engine.Close())
	requests := []*bulk.Request{
		ask(bulk.SystemLevel, "_since", at(0)), ask(bulk.PatientLevel, "organizeOutputBy", "Patient"),
		ask(bulk.PatientLevel, "_type", "Observation", "includeAssociatedData", "LatestProvenanceResources"), group(ask(bulk.GroupLevel), "d1"),
	}
	var want []*bulk.Manifest
	t.Run("undisturbed", func(t *testing.T) {
		h := onDisk(t, folder, false)
		for _, r := range requests {
			m := h.export(t, asha(), r)
			want = append(want, m)
			require.NoError(t, h.Delete(t.Context(), asha(), m.ID))
		}
	})
	h := onDisk(t, folder, true)
	require.Zero(t, h.stored(t))

	random := rand.New(rand.NewPCG(7, 8))
	killed := 0
	for killed < least {
		var ids []string
		for _, r := range requests {
			e, err := h.Start(t.Context(), asha(), r)
			require.NoError(t, err)
			ids = append(ids, e.ID)
		}
		for n := 0; n < 6 && !h.done(t, ids); n++ {
			killOne(t, folder, time.Duration(random.IntN(500))*time.Millisecond)
			killed++
		}
		t.Run("the rest", func(t *testing.T) {
			last := onDisk(t, folder, false)
			for _, id := range ids {
				_ = last.wait(t, asha(), id)
			}
		})
		files := 0
		for i, id := range ids {
			e, err := h.Get(t.Context(), asha(), id)
			require.NoError(t, err)
			require.Equal(t, job.Completed, e.Status, "%+v", e.Error)
			m, err := h.Manifest(t.Context(), asha(), id, 0)
			require.NoError(t, err)
			require.Equal(t, want[i].Output, m.Output)
			require.Equal(t, want[i].Deleted, m.Deleted)
			require.Equal(t, want[i].Errors, m.Errors)
			_ = h.lines(t, asha(), m, m.Output) // which checks the hashes
			files += len(m.Output) + len(m.Deleted) + len(m.Errors)
		}
		require.Equal(t, files, h.stored(t), "files that belong to no export are there")
		for _, id := range ids {
			require.NoError(t, h.Delete(t.Context(), asha(), id))
		}
		require.Zero(t, h.stored(t))
	}
	t.Logf("%d workers killed", killed)
}

func (h *house) done(t *testing.T, ids []string) bool {
	t.Helper()
	for _, id := range ids {
		e, err := h.Get(t.Context(), asha(), id)
		require.NoError(t, err)
		if !e.Status.Finished() {
			return false
		}
	}
	return true
}
