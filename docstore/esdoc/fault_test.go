package esdoc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/esdoc"
)

var key = docstore.Key{Tenant: "pb", Kind: "filters", ID: "a"}

func document() *docstore.Document {
	return &docstore.Document{Key: key, Name: "A", Labels: []string{"x"}, Body: json.RawMessage(`{"a": <1>}`[:6] + `1}`)}
}

// withCluster runs a test in a bubble, where pauses take no time.
func withCluster(t *testing.T, test func(t *testing.T, c *cluster, d *esdoc.Driver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		d, err := esdoc.Open(t.Context(), c, nil)
		require.NoError(t, err)
		test(t, c, d)
	})
}

func TestProducts(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{
		`{"version":{"number":"7.17.0"}}`:                                 true,
		`{"version":{"number":"9.2.1"}}`:                                  true,
		`{"version":{"number":"8.19.0-SNAPSHOT"}}`:                        true,
		`{"version":{"distribution":"opensearch","number":"2.19.1"}}`:     true,
		`{"version":{"number":"7.16.3"}}`:                                 false,
		`{"version":{"number":"6.8.0"}}`:                                  false,
		`{"version":{"distribution":"somethingelse","number":"9.0.0"}}`:   false,
		`{"version":{"distribution":"opensearch","number":"unreleased"}}`: false,
		`{}`: false,
	} {
		c := newCluster(t)
		c.version = version
		_, err := esdoc.Open(t.Context(), c, nil)
		if good {
			require.NoError(t, err, version)
		} else {
			require.ErrorIs(t, err, docstore.ErrUnsupported, version)
		}
	}
	_, err := esdoc.Open(t.Context(), nil, nil)
	require.ErrorIs(t, err, docstore.ErrInvalid)
	for _, prefix := range []string{"-x", "_x", "A", "a b", "a/", "a*", "é", strings.Repeat("a", 101)} {
		_, err := esdoc.Open(t.Context(), newCluster(t), &esdoc.Options{Prefix: prefix})
		require.ErrorIs(t, err, docstore.ErrInvalid, prefix)
	}
}

// The index is made with its mapping before the first document.
func TestIndexIsMadeOnce(t *testing.T) {
	t.Parallel()
	withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
		_, err := d.Get(t.Context(), key)
		require.ErrorIs(t, err, docstore.ErrNotFound)
		require.Empty(t, c.mapping, "reading makes nothing")
		made, err := d.Put(t.Context(), document(), 0)
		require.NoError(t, err)
		require.Contains(t, c.mapping["dhr-config-filters"], `"dynamic": false`)
		require.NotNil(t, c.docs[path("a")])
		got, err := d.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, made, got)
		require.Equal(t, []string{
			"GET /", "GET /dhr-config-filters/_mapping", "GET /dhr-config-filters/_mapping", "PUT /dhr-config-filters", "GET /dhr-config-filters/_mapping",
			"PUT /dhr-config-filters/_create/pb:a", "GET /dhr-config-filters/_doc/pb:a",
		}, c.asked)
	})
}

func TestForeignIndexes(t *testing.T) {
	t.Parallel()
	for mapping, want := range map[string]error{
		`{"properties":{}}`:                          docstore.ErrCorrupt,
		`{"_meta":{"dhr":{"labels":{}}}}`:            docstore.ErrCorrupt,
		`{"_meta":{"dhr":{"documents":2}}}`:          docstore.ErrNewer,
		`{"_meta":{"dhr":{"documents":1,"more":1}}}`: nil,
	} {
		withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
			c.mapping["dhr-config-filters"] = mapping
			_, err := d.Put(t.Context(), document(), 0)
			require.ErrorIs(t, err, want, mapping)
			_, err = d.Get(t.Context(), key)
			require.ErrorIs(t, err, want, mapping)
			if want != nil {
				require.Empty(t, c.docs, "nothing is written into what is not ours")
			}
		})
	}
}

// A write whose answer was lost is sent again, and recognised.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
		ctx := t.Context()
		c.broken = once(http.MethodPut, "_create")
		one, err := d.Put(ctx, document(), 0)
		require.NoError(t, err)
		require.EqualValues(t, 1, one.Version)
		c.broken = once(http.MethodPut, "_doc")
		two, err := d.Put(ctx, document(), 1)
		require.NoError(t, err)
		require.EqualValues(t, 2, two.Version)
		got, err := d.Get(ctx, key)
		require.NoError(t, err)
		require.Equal(t, two, got)
		require.EqualValues(t, 2, c.seq, "nothing is stored twice")
		c.broken = once(http.MethodDelete, "")
		require.NoError(t, d.Delete(ctx, key, 2))
		_, err = d.Get(ctx, key)
		require.ErrorIs(t, err, docstore.ErrNotFound)
	})
}

// A write whose answer was lost, and whose document was changed before it was sent again, may
// have succeeded: that is no conflict, which promises that nothing has changed.
func TestLostAnswersAndOtherWriters(t *testing.T) {
	t.Parallel()
	rewritten := func(c *cluster, version string) func() {
		return func() {
			s := c.docs[path("a")]
			var source map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(s.source, &source))
			source["version"], source["write"] = json.RawMessage(version), json.RawMessage(`"another"`)
			text, err := json.Marshal(source)
			require.NoError(t, err)
			c.seq++
			c.docs[path("a")] = &stored{seq: c.seq, source: text}
		}
	}
	withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
		c.broken, c.meanwhile = once(http.MethodPut, "_create"), rewritten(c, "2")
		_, err := d.Put(t.Context(), document(), 0)
		require.ErrorIs(t, err, docstore.ErrUnavailable)
		require.NotErrorIs(t, err, docstore.ErrConflict)
	})
	withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
		c.broken, c.meanwhile = once(http.MethodPut, "_create"), rewritten(c, "1")
		_, err := d.Put(t.Context(), document(), 0)
		require.ErrorIs(t, err, docstore.ErrConflict, "the other one was first")
	})
	withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
		c.broken, c.meanwhile = once(http.MethodPut, "_create"), func() { delete(c.docs, path("a")) }
		_, err := d.Put(t.Context(), document(), 0)
		require.NoError(t, err, "made, deleted by another one, made again")
	})
}

// What the cluster says is told apart, and tried again where that helps.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
		tries  int
	}{
		"overloaded":   {429, `{"error":{"type":"es_rejected_execution_exception","reason":"full"},"status":429}`, docstore.ErrUnavailable, 6},
		"starting":     {503, `{"error":"no master"}`, docstore.ErrUnavailable, 6},
		"a proxy":      {502, `<html>Bad gateway</html>`, docstore.ErrUnavailable, 6},
		"another page": {404, `<html>Not found</html>`, docstore.ErrUnavailable, 1},
		"a wrong key":  {401, `{"error":{"type":"security_exception","reason":"no"},"status":401}`, docstore.ErrUnavailable, 1},
		"no right":     {403, `{"error":{"type":"security_exception","reason":"no"},"status":403}`, docstore.ErrUnavailable, 1},
		"no room":      {403, `{"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];"},"status":403}`, docstore.ErrFull, 1},
		"no room, 429": {429, `{"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"},"status":429}`, docstore.ErrFull, 1},
		"read-only":    {403, `{"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [FORBIDDEN/8/index write (api)];"},"status":403}`, docstore.ErrReadOnly, 1},
		"not JSON":     {200, `OK`, docstore.ErrUnavailable, 1},
		"half a body":  {200, `{"_seq_no":`, docstore.ErrUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withCluster(t, func(t *testing.T, fake *cluster, d *esdoc.Driver) {
				_, err := d.Put(t.Context(), document(), 0)
				require.NoError(t, err)
				tries := 0
				fake.fault = func(method, path string) *http.Response {
					if method != http.MethodPut {
						return nil
					}
					tries++
					return answer(c.status, "%s", c.body)
				}
				_, err = d.Put(t.Context(), document(), 1)
				require.ErrorIs(t, err, c.want)
				require.Equal(t, c.tries, tries)
				var told *esdoc.Error
				if c.status >= 400 {
					require.ErrorAs(t, err, &told)
					require.Equal(t, c.status, told.Status)
				}
				tries = -1000
				fake.fault = func(method, _ string) *http.Response {
					if tries++; tries < -997 {
						return answer(503, `{"error":"soon"}`)
					}
					return nil
				}
				again, err := d.Put(t.Context(), document(), 1)
				require.NoError(t, err, "a cluster that comes back")
				require.EqualValues(t, 2, again.Version)
			})
		})
	}
}

// The end of a context ends the pauses as well.
func TestContextEndsPauses(t *testing.T) {
	t.Parallel()
	withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
		ctx, cancel := context.WithCancelCause(t.Context())
		c.fault = func(string, string) *http.Response {
			cancel(errors.New("enough"))
			return answer(503, `{}`)
		}
		_, err := d.Get(ctx, key)
		require.ErrorIs(t, err, context.Canceled)
		require.Len(t, c.asked, 2)
	})
}

// What somebody else wrote into our index is not taken for a document.
func TestForeignDocuments(t *testing.T) {
	t.Parallel()
	withCluster(t, func(t *testing.T, c *cluster, d *esdoc.Driver) {
		_, err := d.Put(t.Context(), document(), 0)
		require.NoError(t, err)
		for _, source := range []string{`{}`, `null`, `{"version":1}`, `{"version":0,"body":{}}`} {
			c.docs[path("a")].source = json.RawMessage(source)
			_, err = d.Get(t.Context(), key)
			require.ErrorIs(t, err, docstore.ErrCorrupt, source)
			_, err = d.Put(t.Context(), document(), 1)
			require.ErrorIs(t, err, docstore.ErrCorrupt, source)
			require.ErrorIs(t, d.Delete(t.Context(), key, 1), docstore.ErrCorrupt, source)
		}
	})
}
