package redisjob_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/docstore/sqldoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/jobtest"
	"github.com/digit-health/dhr/job/redisjob"
)

const variable = "DHR_TEST_REDIS_URL"

// realRedis returns the address of the server that tests may use.
func realRedis(t testing.TB) string {
	address := os.Getenv(variable)
	if address == "" {
		t.Skipf("NOT TESTED: %s is not set", variable)
	}
	return address
}

func open(t testing.TB, address, queue string) *redisjob.Runner {
	t.Helper()
	r, err := redisjob.Open(address, &redisjob.Options{Queue: queue})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// newQueue returns the name of queues that are not there, and are removed in the end.
func newQueue(t testing.TB, address string) string {
	queue := "test-" + strings.ToLower(rand.Text()[:10])
	t.Cleanup(func() {
		opts, err := redis.ParseURL(address)
		require.NoError(t, err)
		client := redis.NewClient(opts)
		defer client.Close()
		ctx := context.WithoutCancel(t.Context())
		keys := client.Scan(ctx, 0, "asynq:{"+queue+"-*", 1000).Iterator()
		for keys.Next(ctx) {
			require.NoError(t, client.Del(ctx, keys.Val()).Err())
		}
		require.NoError(t, keys.Err())
		require.NoError(t, client.SRem(ctx, "asynq:queues", queue+"-high", queue+"-normal", queue+"-low").Err())
	})
	return queue
}

func suite(t *testing.T, address func(t testing.TB) string) {
	jobtest.Run(t, jobtest.Harness{
		Runners: func(t testing.TB) func() job.Runner {
			a := address(t)
			queue := newQueue(t, a)
			return func() job.Runner { return open(t, a, queue) }
		},
		Store:      func(testing.TB) docstore.Driver { return memdoc.New() },
		Priorities: []int{5, 0, -5},
	})
}

func startMini(t testing.TB) string { return "redis://" + miniredis.RunT(t).Addr() }

func TestSuite(t *testing.T) {
	t.Parallel()
	suite(t, startMini)
}

// TestRedis runs the suite on the server at DHR_TEST_REDIS_URL.
func TestRedis(t *testing.T) {
	t.Parallel()
	realRedis(t)
	suite(t, realRedis)
}

func kill(t *testing.T, address func(t testing.TB) string) {
	jobtest.Kill(t, jobtest.KillHarness{
		New: func(t testing.TB) string {
			a := address(t)
			return strings.Join([]string{a, newQueue(t, a), filepath.Join(t.TempDir(), "config.sqlite")}, "\n")
		},
		Open: func(t testing.TB, address string) (docstore.Driver, job.Runner) {
			parts := strings.Split(address, "\n")
			d, err := sqldoc.Open(t.Context(), parts[2], nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			return d, open(t, parts[0], parts[1])
		},
	})
}

func TestKill(t *testing.T) {
	t.Parallel()
	kill(t, startMini)
}

// TestRedisKill has workers killed that share the server at DHR_TEST_REDIS_URL.
func TestRedisKill(t *testing.T) {
	t.Parallel()
	realRedis(t)
	kill(t, realRedis)
}

// start has jobs of kind "k" worked on until the test ends.
func start(t *testing.T, runner job.Runner, h job.Handler) *job.Jobs {
	t.Helper()
	jobs := job.New(docstore.New(memdoc.New()), runner, &job.Options{
		Poll: 30 * time.Millisecond, Patience: 400 * time.Millisecond, Backoff: func(int) time.Duration { return 10 * time.Millisecond },
	})
	jobs.Handle("k", h)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return jobs
}

func finish(t *testing.T, jobs *job.Jobs, j *job.Job) *job.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for got, err := range jobs.Watch(ctx, j.Tenant, j.Kind, j.ID) {
		require.NoError(t, err)
		j = got
	}
	return j
}

// Whatever becomes of the task in asynq, which tries a cancelled one again, the job runs on, once; and a
// job that is cancelled is not begun again by its task.
func TestAsynqDecidesNothing(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: server.Addr()})
	defer inspector.Close()
	begun, release := make(chan string, 10), make(chan struct{})
	jobs := start(t, open(t, "redis://"+server.Addr(), "dhr"), func(ctx context.Context, run *job.Run) error {
		begun <- run.Job().ID
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), asynq.SkipRetry)
		}
	})
	made, err := jobs.Submit(t.Context(), &job.Job{Tenant: "pb", Kind: "k", ID: "a/b"})
	require.NoError(t, err)
	require.Equal(t, "a/b", <-begun)
	tasks, err := inspector.ListActiveTasks("dhr-normal")
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	require.Equal(t, "k/pb/a%2Fb/0", tasks[0].ID)
	require.Eventually(t, func() bool { // the subscription to cancellations may not stand yet
		if err := inspector.CancelProcessing(tasks[0].ID); err != nil {
			return false
		}
		info, err := inspector.GetTaskInfo("dhr-normal", tasks[0].ID)
		return err != nil || info.State != asynq.TaskStateActive
	}, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { // tried again, to no avail
		_, err := inspector.GetTaskInfo("dhr-normal", tasks[0].ID)
		return err != nil
	}, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, begun)
	close(release)
	got := finish(t, jobs, made)
	require.Equal(t, job.Completed, got.State)
	require.EqualValues(t, 1, got.Fence)
}

// A Redis that is gone, or comes back empty, holds up nothing for longer than Patience.
func TestRedisRestarts(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	restarts(t, "redis://"+server.Addr(), server.Close, func() {
		server.FlushAll()
		require.NoError(t, server.Restart())
	})
}

// serverVariable names the program redis-server.
const serverVariable = "DHR_TEST_REDIS_SERVER"

// TestRealRedisRestarts starts the program that DHR_TEST_REDIS_SERVER names, kills it, and starts it again.
func TestRealRedisRestarts(t *testing.T) {
	t.Parallel()
	program := os.Getenv(serverVariable)
	if program == "" {
		t.Skipf("NOT TESTED: %s is not set", serverVariable)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	var server *exec.Cmd
	run := func() {
		server = exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir()) //nolint:gosec // who tests names it
		require.NoError(t, server.Start())
		require.Eventually(t, func() bool {
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
			return err == nil && conn.Close() == nil
		}, 20*time.Second, 10*time.Millisecond)
	}
	kill := func() {
		require.NoError(t, server.Process.Kill())
		_ = server.Wait() // it was killed
	}
	run()
	t.Cleanup(func() { kill() })
	restarts(t, "redis://"+address, kill, run)
}

// restarts has jobs worked on while a Redis goes and comes back.
func restarts(t *testing.T, address string, kill, again func()) {
	t.Helper()
	begun, release := make(chan string, 10), make(chan struct{})
	jobs := start(t, open(t, address, "dhr"), func(_ context.Context, run *job.Run) error {
		begun <- run.Job().ID
		<-release
		return nil
	})
	submit := func(id string) *job.Job {
		made, err := jobs.Submit(t.Context(), &job.Job{Tenant: "pb", Kind: "k", ID: id})
		require.NoError(t, err)
		return made
	}
	running := submit("running")
	require.Equal(t, "running", <-begun)
	kill()
	without := submit("without")
	require.Equal(t, "without", <-begun)
	waits := submit("waits") // both workers are busy
	again()
	close(release)
	require.Equal(t, "waits", <-begun)
	after := submit("after")
	for _, j := range []*job.Job{running, without, waits, after} {
		got := finish(t, jobs, j)
		require.Equal(t, job.Completed, got.State)
		require.EqualValues(t, 1, got.Fence, "%s was worked on once", j.ID)
	}
}

// A runner over a client of the caller leaves that open; an address that makes no sense is told without its password.
func TestOpen(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	defer client.Close()
	r := redisjob.New(client, nil)
	require.NoError(t, r.Ping(t.Context()))
	require.NoError(t, r.Close())
	require.NoError(t, client.Ping(t.Context()).Err())

	gone := open(t, "redis://127.0.0.1:1", "dhr")
	require.Error(t, gone.Ping(t.Context()))
	for _, address := range []string{"", "http://localhost", "redis://user:secret@host:6379/zero", "redis://user:secret@ho st"} {
		_, err := redisjob.Open(address, nil)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}
