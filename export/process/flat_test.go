package process_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

var flat = flag.Int("process.flat", 0, "how many records TestFlatChild exports")

// An endless engine has one record n times.
type endless struct {
	*memsearch.Driver
	n int
}

func (e *endless) Snapshot(ctx context.Context, index, token string) (search.Snapshot, error) {
	s, err := e.Driver.Snapshot(ctx, index, token)
	return &endlessSnapshot{s, e.n}, err
}

type endlessSnapshot struct {
	search.Snapshot
	n int
}

func (s *endlessSnapshot) Count(context.Context, *plan.Plan) (int64, error) { return int64(s.n), nil }

func (s *endlessSnapshot) Scan(ctx context.Context, scan *search.Scan) (record.Stream, func() string) {
	all, _ := s.Snapshot.Scan(ctx, scan)
	n := 0
	return func(yield func(*record.Record, error) bool) {
		for r, err := range all {
			if err != nil {
				yield(nil, err)
				return
			}
			for ; n < s.n; n++ {
				if !yield(r, ctx.Err()) || ctx.Err() != nil {
					return
				}
			}
			return
		}
	}, func() string { return strconv.Itoa(n) }
}

// Two million records are exported in the memory of few, whatever the format.
func TestFlat(t *testing.T) {
	if *flat > 0 {
		return // the parent does it
	}
	n := 2_000_000
	if testing.Short() {
		n = 20_000
	}
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestFlatChild$", "-test.v", "-process.flat="+strconv.Itoa(n))
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=96MiB")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	found := regexp.MustCompile(`peak ([0-9]+) kB`).FindSubmatch(out)
	if found == nil {
		t.Log("this system does not tell how much memory a process had")
		return
	}
	peak, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	t.Logf("%d records in each of four formats: peak %d MB", n, peak>>10)
	if !testing.Short() { // where the race detector has its share
		require.Less(t, peak, 96<<10)
	}
}

// TestFlatChild is the process whose memory is limited.
func TestFlatChild(t *testing.T) {
	if *flat == 0 {
		return // it is run by TestFlat
	}
	h := open(t, &endless{memory(t, 1), *flat}, nil)
	for _, format := range []string{"csv", "json", "ndjson", "excel"} {
		p := h.export(t, asha(), &process.Request{Format: format})
		require.EqualValues(t, *flat, p.ProcessedRecords)
		_, err := h.Delete(t.Context(), asha(), p.ID)
		require.NoError(t, err)
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if m := regexp.MustCompile(`VmHWM:\s*([0-9]+) kB`).FindSubmatch(status); m != nil {
			fmt.Printf("peak %s kB\n", m[1])
		}
	}
}
