package bulk_test

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

	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
)

var flat = flag.Int("bulk.flat", 0, "how many resources TestFlatChild exports")

// An endless engine has the first record of each index n times.
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

// A million resources, mapped, native, of members of a group and organized by patients, are exported in the memory of few.
func TestFlat(t *testing.T) {
	if *flat > 0 {
		return // the parent does it
	}
	n := 1_000_000
	if testing.Short() {
		n = 20_000
	}
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestFlatChild$", "-test.v", "-bulk.flat="+strconv.Itoa(n))
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
	t.Logf("%d resources in each of four exports: peak %d MB", n, peak>>10)
	if !testing.Short() { // where the race detector has its share
		require.Less(t, peak, 120<<10)
	}
}

// TestFlatChild is the process whose memory is limited.
func TestFlatChild(t *testing.T) {
	if *flat == 0 {
		return // it is run by TestFlat
	}
	h := open(t, &endless{memory(t, 1), *flat}, func(h *house) {
		h.config.Groups = []bulk.Group{{ID: "all", JQL: "status = active"}}
	})
	for _, r := range []*bulk.Request{
		ask(bulk.SystemLevel, "_type", "Condition"), ask(bulk.SystemLevel, "_type", "Patient"), group(ask(bulk.GroupLevel, "_type", "Patient"), "all"),
		ask(bulk.PatientLevel, "_type", "Patient", "organizeOutputBy", "Patient"),
	} {
		m := h.export(t, asha(), r)
		n := int64(0)
		for i := range m.Output {
			n += m.Output[i].Count
		}
		require.GreaterOrEqual(t, n, int64(*flat))
		require.NoError(t, h.Delete(t.Context(), asha(), m.ID))
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if m := regexp.MustCompile(`VmHWM:\s*([0-9]+) kB`).FindSubmatch(status); m != nil {
			fmt.Printf("peak %s kB\n", m[1])
		}
	}
}
