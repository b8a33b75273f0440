package process_test

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

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/redisjob"
	"github.com/digit-health/dhr/search/sqlsearch"
)

var (
	kills   = flag.Int("process.kills", 30, "how many workers TestKill kills at least")
	child   = flag.String("process.child", "", "the folder of the parent of a worker that is to be killed")
	redis   = flag.String("process.redis", "", "the address of the Redis over which the worker that is to be killed hears of work")
	records = flag.Int("process.records", 2000, "how many records TestKill exports")
)

// onDisk opens a house whose engine, documents and files lie in a folder, where other processes use them too. If there is an
// address, it is of the Redis over which they hear of work.
func onDisk(t *testing.T, folder, address string, idle bool) *house {
	t.Helper()
	engine, err := sqlsearch.Open(t.Context(), filepath.Join(folder, "records"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = engine.Close() })
	driver, err := sqldoc.Open(t.Context(), filepath.Join(folder, "docs"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = driver.Close() })
	var runner job.Runner
	if address != "" {
		r, err := redisjob.Open(address, &redisjob.Options{Queue: "process-" + filepath.Base(filepath.Dir(folder)), Check: 20 * time.Millisecond})
		require.NoError(t, err)
		t.Cleanup(func() { _ = r.Close() })
		runner = r
	}
	return open(t, engine, func(h *house) {
		h.runner = runner
		h.docs, h.folder, h.idle = docstore.New(driver), filepath.Join(folder, "files"), idle
		// Whoever follows a killed worker is not to wait for long. One that nobody kills has time, also on a machine that is busy.
		if h.options.Lease = 300 * time.Millisecond; *child == "" {
			h.options.Lease = 3 * time.Second
		}
		h.options.MaxAttempts = 1000
	})
}

// TestChild is the worker that is killed.
func TestChild(t *testing.T) {
	if *child == "" {
		return // it is run by TestKill
	}
	_ = onDisk(t, *child, *redis, false)
	_, _ = fmt.Fprintln(os.Stdout, "ready")
	<-t.Context().Done()
}

// killOne runs a worker and kills it a while after it has begun.
func killOne(t *testing.T, folder, address string, after time.Duration) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestChild$", "-process.child="+folder, "-process.redis="+address)
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

// Whenever its worker is killed, an export ends complete and right, in every format, and nothing else is stored.
func TestKill(t *testing.T) { killing(t, "") }

// So it is if workers hear of work over Redis: that of DHR_TEST_REDIS_URL, or one that is made up.
func TestKillOverRedis(t *testing.T) {
	address := os.Getenv("DHR_TEST_REDIS_URL")
	if address == "" && *child == "" {
		address = "redis://" + miniredis.RunT(t).Addr()
	}
	killing(t, address)
}

func killing(t *testing.T, address string) {
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
	load(t, engine, "visits", visits(*records))
	require.NoError(t, engine.Close())
	h := onDisk(t, folder, address, true)

	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	request := func(format string, round int) *process.Request {
		r := &process.Request{Format: format, AsOf: at, Options: process.Choices{PartRows: int64(*records / 8), Compression: []string{"", "gzip", "zip"}[round%3]}}
		if round%2 == 1 {
			r.JQL = "ORDER BY age DESC, weight"
		}
		return r
	}
	want := map[string][]process.File{}
	t.Run("undisturbed", func(t *testing.T) {
		undisturbed := onDisk(t, folder, address, false)
		for _, format := range formats {
			for round := range 6 {
				p := undisturbed.export(t, asha(), request(format, round))
				want[fmt.Sprint(format, round)] = p.Files
				_, err := undisturbed.Delete(t.Context(), asha(), p.ID)
				require.NoError(t, err)
			}
		}
	})
	require.Zero(t, h.stored(t))

	random := rand.New(rand.NewPCG(7, 8))
	killed, attempts := 0, 0
	for round := 0; killed < least; round++ {
		ids := map[string]string{}
		for _, format := range formats {
			ids[format] = h.begin(t, asha(), request(format, round%6)).ID
		}
		for n := 0; n < 12; n++ {
			killOne(t, folder, address, time.Duration(random.IntN(600))*time.Millisecond)
			if killed++; h.done(t, ids) {
				break
			}
		}
		t.Run("the rest", func(t *testing.T) {
			last := onDisk(t, folder, address, false)
			for _, id := range ids {
				_ = last.wait(t, asha(), id)
			}
		})
		files := 0
		for format, id := range ids {
			p, err := h.Get(t.Context(), asha(), id)
			require.NoError(t, err)
			require.Equal(t, job.Completed, p.Status, "%s: %+v", format, p.Error)
			require.Equal(t, want[fmt.Sprint(format, round%6)], p.Files, "%s, round %d", format, round)
			for i := range p.Files {
				_ = h.read(t, asha(), id, i+1) // which checks the hash
			}
			files += len(p.Files)
			attempts += p.Attempt
		}
		require.Equal(t, files, h.stored(t), "files that belong to no export are there")
		for _, id := range ids {
			_, err := h.Delete(t.Context(), asha(), id)
			require.NoError(t, err)
		}
		require.Zero(t, h.stored(t))
	}
	t.Logf("%d workers killed, %d attempts", killed, attempts)
}

func (h *house) done(t *testing.T, ids map[string]string) bool {
	t.Helper()
	for _, id := range ids {
		p, err := h.Get(t.Context(), asha(), id)
		require.NoError(t, err)
		if !p.Status.Finished() {
			return false
		}
	}
	return true
}
