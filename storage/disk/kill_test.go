package disk_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/disk"
)

const childDir = "DHR_TEST_DISK_CHILD" // set in processes that TestKill starts

// TestMain lets a process that TestKill started write until it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println(writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func writeUntilKilled(dir string) error {
	b, err := disk.Open(dir, nil)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		body := killText(i)
		ref, err := b.Put(context.Background(), fmt.Sprintf("%d.csv", i), strings.NewReader(body), &storage.PutOptions{Tenant: "pb"})
		if err != nil {
			return err
		}
		fmt.Println(ref)
	}
}

func killText(i int) string { return strings.Repeat(fmt.Sprintf("%d,kill\n", i), 1+i*7919%60_000) }

// A process is killed while it writes, again and again: each file that is there is whole, each that Put
// returned is there, and what is half-written is swept.
func TestKill(t *testing.T) {
	t.Parallel()
	dir, rounds := t.TempDir(), 20
	if testing.Short() {
		rounds = 5
	}
	returned := map[string]bool{}
	for range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		require.True(t, lines.Scan(), "the child wrote nothing")
		timer := time.AfterFunc(time.Duration(rand.IntN(40))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for ok := true; ok; ok = lines.Scan() {
			require.Contains(t, lines.Text(), "disk:pb/")
			returned[lines.Text()] = true
		}
		_ = cmd.Wait() // killed
		timer.Stop()
	}
	s := store(t, dir, &disk.Options{Leftover: 1})
	require.Empty(t, regular(t, dir+"/partial"))
	found := map[string]bool{}
	for _, file := range regular(t, dir+"/files") {
		ref := "disk:" + strings.TrimPrefix(file, dir+"/files/")
		found[ref] = true
		var i int
		_, err := fmt.Sscanf(ref[strings.LastIndexByte(ref, '-')+1:], "%d.csv", &i)
		require.NoError(t, err)
		r, err := s.Open(t.Context(), storage.Ref(ref), 0, -1)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.True(t, bytes.Equal([]byte(killText(i)), got), "%s is not whole", ref)
	}
	for ref := range returned {
		require.True(t, found[ref], "%s was returned and is gone", ref)
	}
}
