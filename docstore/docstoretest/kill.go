package docstoretest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
)

// childKind is the kind of the documents that the processes write which are killed.
const childKind = "suite-killed"

// What a process had stored before it was killed is there, and nothing is half there.
func testKill(t *testing.T, s *suite) {
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	random := rand.New(rand.NewPCG(3, 4))
	acked, total := map[string]int64{}, 0
	for round := range rounds {
		n := s.killAfter(t, round, 1+random.IntN(300), acked)
		require.Positive(t, n, "the process that is killed writes")
		total += n
		s.checkKilled(t, acked)
	}
	t.Logf("%d processes killed, %d writes acknowledged, none lost", rounds, total)
}

// killAfter runs a process that writes, and kills it once it has said that so many writes
// succeeded. It notes the last version of each document, 0 if it was deleted.
func (s *suite) killAfter(t *testing.T, round, writes int, acked map[string]int64) (n int) {
	var run []string
	for _, element := range strings.Split(t.Name(), "/")[:strings.Count(t.Name(), "/")] {
		run = append(run, "^"+regexp.QuoteMeta(element)+"$")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, "-test.run="+strings.Join(run, "/"), "-docstoretest.child="+s.address)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = fmt.Fprintln(in, round)
	require.NoError(t, err)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var id string
		var version int64
		if _, err := fmt.Sscanf(lines.Text(), "ack %s %d", &id, &version); err != nil {
			t.Logf("the process says: %s", lines.Text())
			continue
		}
		acked[id] = version
		if n++; n == writes {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	_ = in.Close()
	err = cmd.Wait()
	require.Error(t, err, "it was killed")
	require.GreaterOrEqual(t, n, writes)
	return n
}

// checkKilled holds that every acknowledged write is there, and every document whole.
func (s *suite) checkKilled(t *testing.T, acked map[string]int64) {
	store := s.open(t)
	for id, version := range acked {
		d, err := store.Get(t.Context(), docstore.Key{Tenant: "pb", Kind: childKind, ID: id})
		switch {
		case version == 0:
			require.ErrorIs(t, err, docstore.ErrNotFound, "%s was deleted", id)
		case errors.Is(err, docstore.ErrNotFound):
			require.EqualValues(t, 3, version, "%s was lost in version %d", id, version) // 3 is deleted next
			delete(acked, id)
		default:
			require.NoError(t, err, "%s", id)
			require.Contains(t, []int64{version, version + 1}, d.Version, "%s", id)
		}
	}
	last := int64(0)
	for _, d := range all(t, store, &docstore.Query{Tenant: "pb", Kind: childKind, Order: docstore.ByChange}) {
		require.Greater(t, d.Change, last)
		last = d.Change
		want := childDocument(d.ID, d.Version)
		require.Equal(t, string(want.Body), string(d.Body), "%s", d.ID)
		require.Equal(t, want.Name, d.Name)
		require.Equal(t, want.Labels, d.Labels)
		got, err := store.Get(t.Context(), d.Key)
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	for _, version := range []int64{1, 2, 3} {
		for _, d := range all(t, store, &docstore.Query{Tenant: "pb", Kind: childKind, Any: []string{fmt.Sprint("v:", version)}}) {
			require.Equal(t, version, d.Version)
		}
	}
}

// childDocument returns the document that a process writes as that version.
func childDocument(id string, version int64) *docstore.Document {
	return &docstore.Document{
		Key:  docstore.Key{Tenant: "pb", Kind: childKind, ID: id},
		Name: fmt.Sprintf("%s in version %d", id, version), Labels: []string{"id:" + id, fmt.Sprint("v:", version)},
		Body: json.RawMessage(fmt.Sprintf(`{"version":%d,"text":%q}`, version, strings.Repeat(fmt.Sprint(version), 2000))),
	}
}

// writeUntilKilled makes, changes and deletes documents, and says on standard output what succeeded.
func (h *Harness) writeUntilKilled(t *testing.T, address string) {
	var round int
	_, err := fmt.Fscan(os.Stdin, &round)
	require.NoError(t, err)
	store := docstore.New(h.Open(t, address))
	inParallel(t, 4, func(t testing.TB, worker int) {
		for n := 0; ; n++ {
			id := fmt.Sprintf("r%d-w%d-%d", round, worker, n)
			for version := int64(1); version <= 3; version++ {
				if _, err := store.Put(t.Context(), childDocument(id, version), version-1); err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				_, _ = fmt.Fprintf(os.Stdout, "ack %s %d\n", id, version)
			}
			if n%2 == 1 {
				continue
			}
			if err := store.Delete(t.Context(), childDocument(id, 3).Key, 3); err != nil {
				t.Errorf("%s: %v", id, err)
				return
			}
			_, _ = fmt.Fprintf(os.Stdout, "ack %s 0\n", id)
		}
	})
}
