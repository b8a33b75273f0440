package api_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// patientFile returns a file of patients, with its size as the manifest says it.
func (c *clinic) patientFile(user string) (at string, size int) {
	c.t.Helper()
	m := c.complete(user, c.kick(user, "$export?_type=Patient"))
	f := list(c.t, m.json, "output")[0].(map[string]any)      //nolint:forcetypeassert // a panic is as good
	return fmt.Sprint(f["url"]), int(f["fileSize"].(float64)) //nolint:forcetypeassert // a panic is as good
}

// F1 to F5: how a file comes.
func TestFHIRFiles(t *testing.T) {
	t.Parallel()
	c := openClinic(t, nil)
	file, size := c.patientFile("")
	plain := c.ask("", http.MethodGet, file, nil)

	t.Run("F1", func(t *testing.T) {
		require.Equal(t, http.StatusOK, plain.status)
		require.Equal(t, "application/fhir+ndjson", plain.header.Get("Content-Type"))
		require.Len(t, plain.body, size)
		require.Equal(t, clinicPatients, bytes.Count(plain.body, []byte("\n")), "each line ends")
		require.Empty(t, plain.header.Get("Content-Encoding"))
		sum := sha256.Sum256(plain.body)
		require.Equal(t, "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":", plain.header.Get("Repr-Digest"))
	})
	t.Run("F2", func(t *testing.T) {
		packed := c.ask("", http.MethodGet, file, nil, "Accept-Encoding", "gzip, deflate, br, identity")
		require.Equal(t, http.StatusOK, packed.status)
		require.Equal(t, "gzip", packed.header.Get("Content-Encoding"))
		require.Equal(t, "application/fhir+ndjson", packed.header.Get("Content-Type"))
		require.Contains(t, packed.header.Get("Vary"), "Accept-Encoding")
		require.NotEqual(t, plain.header.Get("ETag"), packed.header.Get("ETag"))
		require.Equal(t, fmt.Sprint(len(packed.body)), packed.header.Get("Content-Length"), "as it is stored")
		z, err := gzip.NewReader(bytes.NewReader(packed.body))
		require.NoError(t, err)
		text, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, string(plain.body), string(text))
		for _, refused := range []string{"identity", "br", "gzip;q=0, *;q=0"} {
			got := c.ask("", http.MethodGet, file, nil, "Accept-Encoding", refused)
			require.Empty(t, got.header.Get("Content-Encoding"), refused)
			require.Equal(t, plain.body, got.body)
		}
	})
	t.Run("ranges", func(t *testing.T) {
		for asked, want := range map[string][]byte{"bytes=10-19": plain.body[10:20], "bytes=100-": plain.body[100:], "bytes=-7": plain.body[size-7:]} {
			got := c.ask("", http.MethodGet, file, nil, "Range", asked, "Accept-Encoding", "gzip")
			require.Equal(t, http.StatusPartialContent, got.status, asked)
			require.Equal(t, string(want), string(got.body), "a part is one of what is not compressed")
			require.Empty(t, got.header.Get("Content-Encoding"))
			require.Equal(t, plain.header.Get("ETag"), got.header.Get("ETag"))
		}
		got := c.ask("", http.MethodGet, file, nil, "Range", fmt.Sprintf("bytes=%d-", size))
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, got.status)
		require.Equal(t, fmt.Sprintf("bytes */%d", size), got.header.Get("Content-Range"))
	})
	t.Run("ETag", func(t *testing.T) {
		for _, encoding := range []string{"gzip", "identity"} {
			tag := c.ask("", http.MethodGet, file, nil, "Accept-Encoding", encoding).header.Get("ETag")
			got := c.ask("", http.MethodGet, file, nil, "Accept-Encoding", encoding, "If-None-Match", tag)
			require.Equal(t, http.StatusNotModified, got.status)
			require.Empty(t, got.body)
		}
		require.Equal(t, http.StatusPreconditionFailed, c.ask("", http.MethodGet, file, nil, "If-Match", `"another"`).status)
	})
	t.Run("HEAD", func(t *testing.T) {
		got := c.ask("", http.MethodHead, file, nil)
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, fmt.Sprint(size), got.header.Get("Content-Length"))
		require.Empty(t, got.body)
	})
	t.Run("F1 names", func(t *testing.T) {
		require.Regexp(t, `/Patient[\w.-]*\.ndjson$`, file)
		require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, file+"x", nil).status)
		require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, file+"/../../../records.db", nil).status)
		require.Equal(t, http.StatusNotFound, c.ask("", http.MethodGet, file[:len(file)-len("Patient-1.ndjson")]+"..%2F..%2Frecords.db", nil).status)
	})
}
