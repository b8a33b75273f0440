// Package searchtest is the suite that every [search.Driver] runs: the same
// documents, the same questions, and for each the answer that package eval, or
// straightforward Go in this package, gives over the documents. A driver's whole test is
//
//	func TestSuite(t *testing.T) {
//		searchtest.Run(t, searchtest.Harness{
//			Engine: "memory",
//			Open:   func(t testing.TB) search.Driver { return memsearch.New() },
//		})
//	}
//
// # What is asked
//
// The corpus is testdata/mapping.json, with a field of every type, and some
// 400 documents: those of testdata/documents.ndjson, written by hand, and
// generated ones, always the same. The queries are enumerated from testdata/values.txt,
// every operator with every value, and read from testdata/queries.txt;
// testdata/golden.txt pins their answers, so that a change of the reference
// is seen in a diff. Then come queries, documents and aggregations
// drawn at random, whose seed is printed.
//
// # What is left out
//
// Nothing but types of fields that the server under test does not have (see
// [Harness.Types]): the fields of these types are not there, and a query that
// names one is not asked. The log says so.
package searchtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A Harness says how to make the driver under test.
type Harness struct {
	// Engine is what the log calls the engine.
	Engine string
	// Open returns a driver whose store has no index that begins with Prefix.
	// What it opens it closes by t.Cleanup.
	Open func(t testing.TB) search.Driver
	// Again returns another driver over the same store, as another process
	// would have it. If nil, tokens of snapshots are opened by the same driver.
	Again func(t testing.TB, d search.Driver) search.Driver
	// Fill makes an index and stores its documents, for a driver that is no
	// [search.Loader]; what a Loader promises is not checked then.
	Fill func(t testing.TB, d search.Driver, s *record.Schema, docs []*record.Record)
	// Prefix begins the names of all indexes of the suite. If empty, "searchtest-".
	Prefix string
	// Types are types of fields that the server has under another name, such
	// as flattened, which is flat_object to OpenSearch; or, if that name is empty, not at all.
	// A key that begins with a dot is a single field by its path, of which the server
	// does not take all values: it is left out. Where that is .stamp, which has milliseconds before 1970,
	// random documents have none either.
	Types map[string]string
	// OpenContexts returns how many snapshots and cursors the engine itself says
	// it holds open. If nil, that is not checked.
	OpenContexts func() (int, error)
	// Lose makes the engine forget its snapshots, as a restart would. If nil, a
	// snapshot is lost by being closed.
	Lose func(d search.Driver) error
	// Seed is of the random documents and questions. If zero, it is taken from the clock.
	Seed uint64
}

// Run checks that a driver keeps what package search promises of it. Each
// part is a subtest, whose comment in this package says what it checks. The
// last line of the log sums up.
func Run(t *testing.T, h Harness) {
	if h.Prefix == "" {
		h.Prefix = "searchtest-"
	}
	s := &suite{Harness: h, checks: &counters{}}
	s.open(t)
	for _, p := range parts {
		if p.loader && s.loader == nil {
			t.Logf("%s: %s is not checked: the driver stores nothing", h.Engine, p.name)
			continue
		}
		t.Run(p.name, func(t *testing.T) { p.run(s, t) })
	}
	s.sumUp(t)
}

// A tb is a testing.T, or what watches whether the suite finds faults.
type tb interface {
	testing.TB
}

// A part is a named piece of the suite.
type part struct {
	name   string
	loader bool // it needs a driver that stores
	run    func(s *suite, t tb)
}

var parts = []part{
	{name: "schemas", run: (*suite).schemas},
	{name: "queries", run: (*suite).queries},
	{name: "paging", run: (*suite).paging},
	{name: "records", run: (*suite).records},
	{name: "snapshots", run: (*suite).snapshots},
	{name: "aggregations", run: (*suite).aggregations},
	{name: "random", run: (*suite).random},
	{name: "keys", run: (*suite).keys},
	{name: "injection", run: (*suite).injection},
	{name: "unknown", run: (*suite).unknown},
	{name: "loading", loader: true, run: (*suite).loading},
	{name: "batches", loader: true, run: (*suite).batches},
	{name: "large", loader: true, run: (*suite).large},
	{name: "views", loader: true, run: (*suite).views},
}

// A suite is one run over one driver.
type suite struct {
	Harness
	driver search.Driver
	loader search.Loader // nil if the driver stores nothing
	corpus *corpus
	asked  []question // see questions

	checks *counters
}

// open makes the driver and the corpus, and loads it.
func (s *suite) open(t tb) {
	s.driver = s.Open(t)
	s.loader, _ = s.driver.(search.Loader)
	s.corpus = newCorpus(t, s.Prefix+"corpus", s.Types)
	if len(s.corpus.absent) > 0 {
		t.Logf("%s: LEFT OUT, since the server has no such types, or does not take all values of theirs: %s", s.Engine, strings.Join(s.corpus.absent, ", "))
	}
	s.fill(t, s.corpus.schema, s.corpus.records)
}

// fill makes an index with these records, and drops it when the test has ended.
func (s *suite) fill(t tb, schema *record.Schema, records []*record.Record) {
	t.Helper()
	if s.loader == nil {
		s.Fill(t, s.driver, schema, records)
		return
	}
	s.create(t, schema)
	s.load(t, schema, slices.Values(records))
}
