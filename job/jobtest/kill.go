package jobtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/job"
)

// A KillHarness says how several processes get at the same jobs.
type KillHarness struct {
	// New makes an empty installation, and returns where it is: all that Open needs to know, also in
	// another process. What it makes, it removes by t.Cleanup.
	New func(t testing.TB) (address string)
	// Open opens it once more, and closes it by t.Cleanup.
	Open func(t testing.TB, address string) (docstore.Driver, job.Runner)
	// Kills is how many processes are killed. If zero, 20. With -short, it is 5.
	Kills int
}

var (
	child  = flag.String("jobtest.child", "", "work on the jobs at this address until killed")
	folder = flag.String("jobtest.folder", "", "where the child writes its parts")
)

const (
	killKind  = "suite-killed"
	killJobs  = 24
	killParts = 20
)

// Kill kills processes (kill -9) at random instants while they work on jobs that write parts, and holds that
// every job is completed with every part, once and right. It is called by a test of its own, which the processes run again.
func Kill(t *testing.T, h KillHarness) {
	if *child != "" {
		h.workUntilKilled(t)
		return
	}
	kills := h.Kills
	if kills == 0 {
		kills = 20
	}
	if testing.Short() {
		kills = 5
	}
	address, dir := h.New(t), t.TempDir()
	driver, runner := h.Open(t, address)
	jobs := job.New(docstore.New(driver), runner, killOptions())
	var all []*job.Job
	for i := range killJobs {
		made, err := jobs.Submit(t.Context(), &job.Job{Tenant: tenant, Kind: killKind, ID: fmt.Sprint("j", i), MaxAttempts: 1000})
		require.NoError(t, err)
		all = append(all, made)
	}
	random := rand.New(rand.NewPCG(7, 8))
	other := h.child(t, address, dir)
	for range kills {
		c := h.child(t, address, dir)
		c.killAfter(1+random.IntN(15), time.Duration(random.IntN(3000))*time.Microsecond)
	}
	other.killAfter(0, 0)

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	jobs.Handle(killKind, writeParts(dir, io.Discard))
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	fences := int64(0)
	for _, made := range all {
		for j, err := range jobs.Watch(ctx, made.Tenant, made.Kind, made.ID) {
			require.NoError(t, err)
			made = j
		}
		require.Equal(t, job.Completed, made.State, "%+v", made)
		checkParts(t, dir, made)
		fences += made.Fence
	}
	cancel()
	require.NoError(t, <-done)
	t.Logf("%d processes killed, %d jobs of %d parts completed with %d leases", kills+1, len(all), killParts, fences)
}

func killOptions() *job.Options {
	return &job.Options{
		Lease: time.Second, Poll: 50 * time.Millisecond, Patience: 100 * time.Millisecond, Workers: 3,
		Backoff: func(int) time.Duration { return 10 * time.Millisecond },
	}
}

// partOf returns the content of a part.
func partOf(id string, n int) string {
	return strings.Repeat(fmt.Sprintf("part %d of %s\n", n, id), 100)
}

// writeParts is a handler that writes one file for each part, checkpoints their names, and acknowledges each.
func writeParts(dir string, acks io.Writer) job.Handler {
	return func(ctx context.Context, run *job.Run) error {
		j := run.Job()
		var names []string
		if j.Work != nil {
			if err := json.Unmarshal(j.Work, &names); err != nil {
				return job.Permanent(err)
			}
		}
		for n := len(names); n < killParts; n++ {
			run.Progress(job.Progress{Done: int64(n), Total: killParts})
			name := fmt.Sprintf("%s-%d-%d", j.ID, n, j.Fence)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(partOf(j.ID, n)), 0o600); err != nil {
				return err
			}
			names = append(names, name)
			if err := run.Checkpoint(ctx, names); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(acks, "ack", name)
		}
		return nil
	}
}

func checkParts(t *testing.T, dir string, j *job.Job) {
	var names []string
	require.NoError(t, json.Unmarshal(j.Work, &names))
	require.Len(t, names, killParts)
	for n, name := range names {
		require.True(t, strings.HasPrefix(name, fmt.Sprintf("%s-%d-", j.ID, n)), "part %d of %s is %s", n, j.ID, name)
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, partOf(j.ID, n), string(text))
	}
}

// workUntilKilled works in a process that the suite has started.
func (h *KillHarness) workUntilKilled(t *testing.T) {
	driver, runner := h.Open(t, *child)
	jobs := job.New(docstore.New(driver), runner, killOptions())
	jobs.Handle(killKind, writeParts(*folder, os.Stdout))
	_, _ = fmt.Fprintln(os.Stdout, "ack ready")
	if err := jobs.Run(t.Context()); err != nil {
		t.Errorf("run: %v", err)
	}
}

// A victim is a process that is going to be killed.
type victim struct {
	t    *testing.T
	cmd  *exec.Cmd
	acks chan struct{} // closed when the process is gone
}

// child starts a process that works on the jobs.
func (h *KillHarness) child(t *testing.T, address, dir string) *victim {
	var run []string
	for element := range strings.SplitSeq(t.Name(), "/") {
		run = append(run, "^"+regexp.QuoteMeta(element)+"$")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "-test.run="+strings.Join(run, "/"), "-jobtest.child="+address, "-jobtest.folder="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	v := &victim{t: t, cmd: cmd, acks: make(chan struct{}, 10_000)}
	go func() {
		defer close(v.acks)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "ack") {
				v.acks <- struct{}{}
			} else {
				t.Logf("a process says: %s", lines.Text())
			}
		}
	}()
	wait(&world{T: t}, v.acks, "a process is ready")
	return v
}

// killAfter kills the process when it has written some parts, or sooner if there is nothing to do, and a little later.
func (v *victim) killAfter(parts int, later time.Duration) {
	enough := time.After(500 * time.Millisecond)
	for parts > 0 {
		select {
		case _, ok := <-v.acks:
			require.True(v.t, ok, "the process ended by itself")
			parts--
		case <-enough:
			parts = 0
		}
	}
	<-time.After(later)
	require.NoError(v.t, v.cmd.Process.Kill())
	for range v.acks { // until it is gone
		continue
	}
	var exit *exec.ExitError
	require.True(v.t, errors.As(v.cmd.Wait(), &exit) && !exit.Exited(), "it was killed")
}
