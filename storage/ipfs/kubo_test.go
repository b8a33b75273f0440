package ipfs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/ipfs"
	"github.com/digit-health/dhr/storage/storagetest"
)

// kubo returns the RPC address of a real node, or skips the test.
func kubo(t testing.TB) string {
	t.Helper()
	address := os.Getenv("DHR_TEST_KUBO_URL")
	if address == "" {
		t.Skip("DHR_TEST_KUBO_URL is not set: nothing is tried with a real Kubo")
	}
	return address
}

// rpc calls a command of the node without the driver.
func rpc(t testing.TB, node, command string, query url.Values, contentType string, body io.Reader) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, node+"/api/v0/"+command+"?"+query.Encode(), body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", text)
	return string(text)
}

// pins returns the files that the node has pinned.
func pins(t testing.TB, node string) map[string]any {
	t.Helper()
	var answer struct{ Keys map[string]any }
	require.NoError(t, json.Unmarshal([]byte(rpc(t, node, "pin/ls", url.Values{"type": {"recursive"}}, "", nil)), &answer))
	return answer.Keys
}

// One node serves all tests of this file, which therefore run one after the other.
func TestSuite(t *testing.T) {
	node := kubo(t)
	var before map[string]any
	storagetest.Run(t, storagetest.Harness{
		Open: func(t testing.TB) storage.Backend {
			before = pins(t, node)
			t.Cleanup(func() {
				for id := range pins(t, node) {
					if before[id] == nil {
						rpc(t, node, "pin/rm", url.Values{"arg": {id}}, "", nil)
					}
				}
			})
			b, err := ipfs.New(node, &ipfs.Options{Pause: time.Millisecond})
			require.NoError(t, err)
			return b
		},
		Count: func(t testing.TB) int { return len(pins(t, node)) - len(before) },
		Equal: true,
	})
}

// The CID is that of the node, for every shape of tree.
func TestHasherEqualsKubo(t *testing.T) {
	node := kubo(t)
	const chunk = 262_144
	data := bytes.Repeat([]byte("id,name\n1,Asha\n2,Ravi\n"), 350*chunk/22)
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 10*chunk + 7, 174 * chunk, 174*chunk + 1, 349*chunk + 5} {
		body := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Type: application/octet-stream\r\n\r\n" + string(data[:size]) + "\r\n--x--\r\n"
		text := rpc(t, node, "add", url.Values{"cid-version": {"1"}, "only-hash": {"true"}, "progress": {"false"}}, "multipart/form-data; boundary=x", strings.NewReader(body))
		var answer struct{ Hash string }
		require.NoError(t, json.Unmarshal([]byte(text), &answer))
		h := &ipfs.Hasher{}
		_, _ = h.Write(data[:size])
		require.Equal(t, answer.Hash, h.CID(), "%d bytes", size)
	}
}

// What is not pinned is not there, although the node could still give it; garbage collection then takes it.
func TestGarbageCollection(t *testing.T) {
	node := kubo(t)
	b, err := ipfs.New(node, &ipfs.Options{Gateway: "https://files.example.org/"})
	require.NoError(t, err)
	s, err := storage.New(b)
	require.NoError(t, err)
	text := strings.Repeat("kept until unpinned\n", 40_000)
	ref, err := s.Put(t.Context(), "a.csv", strings.NewReader(text), &storage.PutOptions{Tenant: "pb"})
	require.NoError(t, err)
	link, err := s.Link(t.Context(), ref, time.Hour)
	require.NoError(t, err)
	require.Equal(t, storage.Link{URL: "https://files.example.org/ipfs/" + ref.ID()}, link)
	rpc(t, node, "repo/gc", nil, "", nil)
	r, err := s.Open(t.Context(), ref, 0, -1)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, text, string(got))
	require.NoError(t, s.Delete(t.Context(), ref))
	_, err = s.Link(t.Context(), ref, time.Hour)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.Contains(t, rpc(t, node, "repo/gc", nil, "", nil), ref.ID()[len("bafybei"):]) // it lists blocks as raw
}
