// Package docstoretest checks that a driver of package docstore keeps its
// promises. A driver's whole test says how to make a store and how to open it:
//
//	func TestSuite(t *testing.T) {
//		docstoretest.Run(t, docstoretest.Harness{
//			New:  func(t testing.TB) string { return filepath.Join(t.TempDir(), "config.sqlite") },
//			Open: func(t testing.TB, address string) docstore.Driver { … },
//		})
//	}
//
// With -short, the suite writes fewer documents and kills fewer processes.
package docstoretest

import (
	"encoding/json"
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
)

// A Harness says how the suite gets at a store.
type Harness struct {
	// New makes an empty store, and returns where it is: all that Open needs to
	// know, also in another process. What it makes, it removes by t.Cleanup.
	New func(t testing.TB) (address string)
	// Open opens a store once more, and closes it by t.Cleanup.
	Open func(t testing.TB, address string) docstore.Driver
	// Volatile says that the store ends with its process, so that nothing is killed.
	Volatile bool
	// Large is the number of documents of the large test, unless -docstoretest.large says
	// another. If zero, 100,000. With -short, it is 2,000.
	Large int
}

var (
	// child is set in a process that the suite starts, and kills while it writes.
	child = flag.String("docstoretest.child", "", "write to the store at this address until killed")
	large = flag.Int("docstoretest.large", 0, "how many documents the large test makes")
)

// Run checks a driver. It is called by a test of its own, which other
// processes of the suite run again.
func Run(t *testing.T, h Harness) {
	if *child != "" {
		h.writeUntilKilled(t, *child)
		return
	}
	address := h.New(t)
	tests := []struct {
		name string
		test func(t *testing.T, s *suite)
	}{
		{"round trip", testRoundTrip},
		{"odd names", testOddNames},
		{"versions", testVersions},
		{"one winner", testOneWinner},
		{"counter", testCounter},
		{"read your own write", testReadYourOwnWrite},
		{"tenants", testTenants},
		{"listings", testListings},
		{"cursors", testCursors},
		{"changes", testChanges},
		{"context", testContext},
		{"hasty writers", testHastyWriters},
		{"bad input", testBadInput},
		{"unknown kind", testUnknownKind},
		{"kill", testKill},
		{"large", testLarge},
	}
	for i, test := range tests {
		if h.Volatile && test.name == "kill" {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			test.test(t, &suite{Harness: h, address: address, kind: fmt.Sprintf("suite-%d", i)})
		})
	}
}

// A suite is what one test of it works with: a kind of documents of its own.
type suite struct {
	Harness
	address string
	kind    string
}

// open opens the store once more.
func (s *suite) open(t testing.TB) *docstore.Store { return docstore.New(s.Open(t, s.address)) }

func (s *suite) key(id string) docstore.Key {
	return docstore.Key{Tenant: "pb", Kind: s.kind, ID: id}
}

// document returns a document of the tenant pb.
func (s *suite) document(id, name string, labels ...string) *docstore.Document {
	return &docstore.Document{Key: s.key(id), Name: name, Labels: labels, Body: json.RawMessage(`{"id":` + quote(id) + `}`)}
}

func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// make stores a new document, and returns it as it was stored.
func (s *suite) make(t testing.TB, store *docstore.Store, d *docstore.Document) *docstore.Document {
	stored, err := store.Put(t.Context(), d, 0)
	require.NoError(t, err, "%v", d.Key)
	return stored
}

// all returns all documents of a query.
func all(t testing.TB, store *docstore.Store, q *docstore.Query) []*docstore.Document {
	t.Helper()
	var found []*docstore.Document
	for d, err := range store.All(t.Context(), q) {
		require.NoError(t, err)
		found = append(found, d)
	}
	return found
}

func ids(documents []*docstore.Document) []string {
	list := []string{}
	for _, d := range documents {
		list = append(list, d.ID)
	}
	return list
}
