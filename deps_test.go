package dhr_test

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// This file is the picture of the house (docs/design.md) as a table. When the
// picture changes, the table changes in the same commit, and its reason with it.

// A room is one place of the house and what its packages may import of the house.
type room struct {
	// packages is a path.Match pattern of paths below the module; "." is the root.
	packages string
	// imports are such patterns, or everything. They only name rooms that
	// stand before this one in the table, so that imports point down.
	imports []string
	// why says why there are no more.
	why string
	// meeting is set where drivers meet: any vendor of the table may be imported.
	meeting bool
}

const (
	everything = "**"
	face       = "a package of the middle knows faces, never a driver, so that every driver can be put behind it"
	driver     = "a driver knows its own face and its vendor, never another driver, never dhr"
	engine     = "an engine sees the plan alone, where every choice of meaning has been made; what it cannot see, it cannot decide differently"
	suite      = "a suite checks the promises of its own face"
)

// house lists the rooms from the ground up; the first that matches a package is its room.
var house = []room{
	{packages: "internal/*", why: "code shared by two packages must not know the house that they stand in"},

	// The language. These say what a record is and what a question means.
	{packages: "record", imports: []string{"internal/nearest"}, why: "a record is what everything else is made of"},
	{packages: "jql/plan", imports: []string{"record"}, why: "a plan is made of records' fields and values, and must not know the syntax"},
	{packages: "jql", imports: []string{"record", "jql/plan", "internal/*"}, why: "the language is parsed and resolved without knowing who answers"},
	{packages: "jql/analyzer", why: "words are made of text alone"},
	{packages: "jql/eval", imports: []string{"record", "jql/plan", "jql/analyzer"}, why: engine},
	{packages: "jql/esdsl", imports: []string{"record", "jql/plan", "jql/analyzer"}, why: engine},
	{packages: "jql/sqlgen", imports: []string{"record", "jql/plan", "jql/analyzer"}, why: engine},

	// The faces over what differs from one installation to the next.
	{packages: "access", imports: []string{"record", "jql", "jql/plan"}, why: face},
	{packages: "auth", imports: []string{"access", "internal/*"}, why: "it says who asks, and knows nothing of what is asked"},
	{packages: "storage", why: face},
	{packages: "docstore", why: face},
	{packages: "job", imports: []string{"docstore"}, why: face + "; a job is a document, wherever these are kept"},
	{packages: "audit", imports: []string{"docstore"}, why: "what happened is kept as documents, wherever these are kept"},
	{
		packages: "search", imports: []string{"record", "jql", "jql/plan", "jql/eval", "access", "internal/*"},
		why: face + "; of the engines it knows the reference alone, to merge the orders of several indexes",
	},

	// Their suites and drivers.
	{packages: "storage/storagetest", imports: []string{"storage"}, why: suite},
	{packages: "docstore/docstoretest", imports: []string{"docstore"}, why: suite},
	{packages: "job/jobtest", imports: []string{"job", "docstore"}, why: suite},
	{packages: "search/exact", imports: []string{"record", "jql/plan", "jql/eval", "jql/analyzer", "search"}, why: "it answers in Go what an engine cannot, for any driver, and so knows none"},
	{packages: "search/bulk", imports: []string{"record", "search"}, why: "it reads files into documents, whatever driver stores them"},
	{packages: "search/searchtest", imports: []string{"record", "jql", "jql/*", "access", "search", "search/bulk", "search/exact", "internal/*"}, why: suite},
	{packages: "auth/jwtauth", imports: []string{"access", "auth", "internal/*"}, why: driver},
	{packages: "auth/smart", imports: []string{"access", "auth", "auth/jwtauth", "docstore", "internal/*"}, why: "its tokens are those of jwtauth, and which assertions were used is known to all processes"},
	{packages: "auth/*", imports: []string{"access", "auth", "internal/*"}, why: driver},
	{packages: "fhir/fhirtest", why: "a client knows of a server what HTTP says of it"},
	{packages: "storage/pins", imports: []string{"storage", "docstore"}, why: "it counts in the document store who holds a file, of whatever backend"},
	{packages: "storage/*", imports: []string{"storage", "internal/*"}, why: driver},
	{packages: "docstore/*", imports: []string{"docstore", "internal/*"}, why: driver},
	{packages: "job/*", imports: []string{"job", "docstore", "internal/*"}, why: driver},
	{
		packages: "search/*", why: driver,
		imports: []string{"record", "jql/plan", "jql/analyzer", "jql/eval", "jql/esdsl", "jql/sqlgen", "search", "search/exact", "internal/*"},
	},

	// What is done with records.
	{packages: "export", imports: []string{"record", "jql", "jql/plan", "access", "storage", "docstore", "job", "search"}, why: face},
	{packages: "export/exporttest", imports: []string{"record", "storage", "export"}, why: suite},
	{packages: "export/parts", imports: []string{"record", "export"}, why: "it makes files of whatever a format writes, and knows none"},
	{
		packages: "export/shelf", imports: []string{"docstore", "storage", "storage/pins", "export/parts"},
		why: "it keeps files that are finished, and knows neither what is in them nor who asked for them",
	},
	{
		packages: "export/failure", imports: []string{"access", "docstore", "export/parts", "job", "search", "storage"},
		why: "it says in words what can go wrong with any of them while files are made",
	},
	{
		packages: "export/listing", imports: []string{"access", "docstore", "job"},
		why: "it lists the exports of records and those of FHIR to who may know of them, and knows neither",
	},
	{
		packages: "export/process", imports: []string{"record", "jql", "access", "search", "docstore", "storage", "job", "export", "export/parts", "export/shelf", "export/failure", "export/listing"},
		why: "the export service knows faces, never a driver: which formats and storages there are, its host says",
	},
	{packages: "export/*", imports: []string{"record", "export", "internal/*"}, why: driver},
	{packages: "fhir", imports: []string{"internal/nearest"}, why: "the vocabulary of FHIR is R4's, and knows nothing of where resources come from"},
	{
		packages: "fhir/mapping", imports: []string{"record", "jql", "jql/plan", "jql/eval", "fhir"},
		why: "it makes resources of records, whoever read them; of the engines it knows the reference alone, for the conditions of a mapping",
	},
	{packages: "fhir/mappings", imports: []string{"fhir/mapping"}, why: "mapping files are texts, and know nothing of who uses them"},
	{
		packages: "fhir/bulk", why: "the Bulk Data export knows faces, never a driver nor HTTP: which storages there are, its host says",
		imports: []string{"record", "jql", "access", "search", "docstore", "storage", "job", "export", "export/parts", "export/shelf", "fhir", "fhir/mapping", "export/failure", "export/listing"},
	},
	{packages: "dashboard", imports: []string{"record", "jql", "jql/plan", "access", "docstore", "search"}, why: face},
	{
		packages: "dashboard/figures", imports: []string{"record", "jql", "jql/plan", "access", "search", "dashboard"},
		why: "figures are asked of the index, as who looks, and never of a driver",
	},
	{packages: "dashboard/chart", imports: []string{"internal/*"}, why: "it draws figures, and must not know what they are of or where they come from"},
	{packages: "dashboard/*", imports: []string{"record", "dashboard", "internal/*"}, why: driver},

	// The whole.
	{
		packages: ".", why: "the face of the library imports no driver and no engine: its users choose theirs, and link no other",
		imports: []string{"record", "jql", "jql/plan", "access", "auth", "storage", "docstore", "job", "audit", "search", "export", "export/process", "fhir", "fhir/bulk", "dashboard", "dashboard/figures"},
	},
	{
		packages: "server/sample", imports: []string{"record", "search", "search/bulk", "internal/*"},
		why: "sample records are loaded into any engine; only the server wants them",
	},
	{packages: "server/config", imports: []string{"access", "auth", "internal/nearest"}, why: "a configuration is values; of the house it knows what a role looks like, and which users there cannot be, so that a mistake in one is told with its line"},
	{packages: "server/otlp", why: "what traces are sent with knows nothing of what is traced"},
	{packages: "server/ui", why: "the page talks to the API over HTTP alone"},
	{
		packages: "server/api", why: "the API is an http.Handler over the face, with the page beside it; drivers are wired in server",
		imports: []string{
			".", "record", "jql", "jql/plan", "access", "auth", "auth/smart", "storage", "docstore", "job", "audit", "search",
			"export", "export/process", "fhir", "fhir/bulk", "dashboard", "dashboard/figures", "dashboard/chart", "server/ui", "internal/*",
		},
	},
	{packages: "server/command", imports: []string{everything}, meeting: true, why: "it wires what the configuration names"},
	{packages: "server", imports: []string{everything}, meeting: true, why: "it may import the whole house"},
	{packages: "examples/*", imports: []string{everything}, meeting: true, why: "it may import the whole house"},
	{packages: "bench/*", imports: []string{everything}, meeting: true, why: "it may measure the whole house"},
}

// A vendor is a module that is not ours, or a part of it, and where it may be imported.
type vendor struct {
	path   string   // an import path and everything below it; the longest that fits counts
	leaves []string // the packages, besides the meeting rooms; none means nowhere else
	why    string
}

const (
	oneLeaf    = "a vendor's package is imported in its leaf alone, so that who does not use it does not link it"
	serverOnly = "a choice of the reference server, which no embedding service should have to share"
)

var vendors = []vendor{
	{"github.com/clipperhouse/uax29/v2", []string{"jql/analyzer"}, "one analyzer breaks text into words, for every engine alike"},
	{"github.com/blevesearch/segment", []string{"jql/analyzer"}, "one analyzer breaks text into words, for every engine alike"},

	{"github.com/elastic/go-elasticsearch/v8", nil, "the client links 861 packages; drivers take a transport of one method, and only server makes the client"},
	{"github.com/elastic/go-elasticsearch/v8/esapi", []string{"search/essearch", "docstore/esdoc"}, oneLeaf},
	{"github.com/elastic/elastic-transport-go/v8", []string{"search/essearch", "docstore/esdoc"}, oneLeaf},
	{"modernc.org/sqlite", []string{"search/sqlsearch", "docstore/sqldoc"}, oneLeaf},
	{"golang.org/x/sync", []string{"search/sqlsearch"}, "questions of one call are worked on at once; the first error ends them all"},
	{"modernc.org/libc", []string{"search/sqlsearch"}, "SQLite in Go is called below database/sql, in the memory of this library"},
	{"github.com/jackc/pgx/v5", []string{"search/sqlsearch", "docstore/sqldoc"}, oneLeaf},

	{"github.com/ipfs/go-cid", []string{"storage/ipfs"}, oneLeaf},
	{"github.com/multiformats/go-multihash", []string{"storage/ipfs"}, oneLeaf},
	{"github.com/hibiken/asynq", []string{"job/redisjob", "job/redismon"}, "workers use it, and its pages show it; who does neither does not link it"},
	{"github.com/redis/go-redis/v9", []string{"job/redisjob", "job/redismon"}, "tickets are in Redis, and the pages show what it says about itself"},
	{"github.com/robfig/cron/v3", []string{"job/schedule"}, oneLeaf},

	{"github.com/xuri/excelize/v2", []string{"export/xlsx"}, oneLeaf},
	{"github.com/go-text/typesetting", []string{"internal/typeset"}, "printed tables and charts are set by one setter, in the same fonts"},
	{"golang.org/x/image", []string{"dashboard/chart"}, oneLeaf},
	{"github.com/klauspost/compress", []string{"export/parts", "export/xlsx", "search/bulk"}, oneLeaf},
	{"github.com/klauspost/compress/gzhttp", []string{"server/api"}, serverOnly},
	{"filippo.io/age", []string{"export/parts"}, oneLeaf},
	{"github.com/samply/golang-fhir-models/fhir-models", []string{"fhir"}, "generated FHIR types stay behind fhir"},

	{"github.com/danielgtaylor/huma/v2", []string{"server/api"}, serverOnly},
	{"github.com/rs/cors", []string{"server/api"}, serverOnly},
	{"golang.org/x/time", []string{"server/api"}, serverOnly},
	{"github.com/golang-jwt/jwt/v5", []string{"auth/jwtauth"}, oneLeaf},
	{"gopkg.in/yaml.v3", []string{"server/config", "fhir/mapping"}, "of the readers of YAML the one that says where each key stands"},
	{"github.com/prometheus/client_golang", []string{"server/api"}, serverOnly},
	{"go.opentelemetry.io/otel", []string{"server/api", "server/otlp"}, serverOnly},
	{"go.opentelemetry.io/otel/sdk", []string{"server/otlp"}, "who embeds DHR brings the SDK of his choice; the server has its own"},
}

// testVendors may be imported in tests and suites, and nowhere else.
var testVendors = []string{
	"github.com/stretchr/testify/require",
	"pgregory.net/rapid",
	"github.com/alicebob/miniredis/v2",
	"github.com/hibiken/asynqmon", // it embeds 5 MB that nobody reads, and switches the linker's dead-code elimination off
}

// badNames are names that say nothing about what a package does.
var badNames = []string{"util", "utils", "common", "model", "models", "pkg", "mock", "mocks", "helper", "helpers"}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, complaint := range s.complaints() {
			t.Error(complaint)
		}
	}
}

// complaints returns what is wrong with the file's imports and its package's name.
func (s source) complaints() []string {
	var all []string
	for _, element := range append(strings.Split(s.dir, "/"), s.pkg) {
		for _, bad := range badNames {
			if element == bad {
				all = append(all, fmt.Sprintf("%s is in a package %q: name a package for what it does", s.file, bad))
			}
		}
	}
	r, ok := roomOf(s.dir)
	if !ok {
		return append(all, fmt.Sprintf("%s is in no room of the house: package %q has no row in deps_test.go", s.file, s.dir))
	}
	for _, imported := range s.imports {
		if why := s.objection(r, imported); why != "" {
			all = append(all, fmt.Sprintf("%s imports %q: %s", s.file, imported, why))
		}
	}
	return all
}

// objection says why the file, which is of room r, must not import a path; "" if it may.
func (s source) objection(r room, imported string) string {
	inside, ours := strings.CutPrefix(imported+"/", module+"/")
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == "C":
		return "the module builds without cgo, on every platform that Go knows"
	case ours:
		return s.houseObjection(r, path.Clean(inside))
	case strings.Contains(first, "."):
		return s.vendorObjection(r, imported)
	case first == "testing" && !s.forTests():
		return "testing belongs into _test.go files and packages named ...test, not into the binaries of users"
	}
	return ""
}

func (s source) houseObjection(r room, dir string) string {
	switch {
	case dir == s.dir: // an external test imports its own package
		return ""
	case strings.HasSuffix(dir, "test") && !s.forTests():
		return "a suite is imported by tests alone, since it imports testing"
	case s.test && !matches([]string{"server", "server/*", "examples/*"}, dir):
		return "" // a test may ask any package for help
	case !matches(r.imports, dir):
		return r.why
	}
	return ""
}

func (s source) vendorObjection(r room, imported string) string {
	for _, allowed := range testVendors {
		if below(allowed, imported) {
			if s.forTests() {
				return ""
			}
			return "what tests are written with belongs into _test.go files and packages named ...test, not into the binaries of users"
		}
	}
	if below("github.com/stretchr/testify", imported) {
		return "of testify, tests use require alone"
	}
	var v vendor
	for _, candidate := range vendors {
		if below(candidate.path, imported) && len(candidate.path) > len(v.path) {
			v = candidate
		}
	}
	switch {
	case v.path == "":
		return "this vendor has no row in deps_test.go; say there which leaf may import it, and why we need it"
	case r.meeting || matches(v.leaves, s.dir):
		return ""
	}
	return v.why
}

// forTests reports whether the file is never linked into a user's binary.
func (s source) forTests() bool { return s.test || strings.HasSuffix(s.pkg, "test") }

func roomOf(dir string) (room, bool) {
	for _, r := range house {
		if matches([]string{r.packages}, dir) {
			return r, true
		}
	}
	return room{}, false
}

func matches(patterns []string, dir string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, dir); ok || p == everything {
			return true
		}
	}
	return false
}

func below(prefix, imported string) bool { return strings.HasPrefix(imported+"/", prefix+"/") }

// The picture itself: a room imports rooms that stand before it in the table.
func TestHouseStands(t *testing.T) {
	t.Parallel()
	for i, r := range house {
		require.NotEmpty(t, r.why, "room %q gives no reason", r.packages)
		for _, imported := range r.imports {
			if imported == everything {
				continue
			}
			lower := false
			for _, l := range house[:i] {
				lower = lower || matches([]string{l.packages}, imported) || matches([]string{imported}, l.packages)
			}
			require.True(t, lower, "room %q imports %q, which does not stand below it", r.packages, imported)
		}
	}
	for _, v := range vendors {
		require.NotEmpty(t, v.why, "vendor %q gives no reason", v.path)
		for _, leaf := range v.leaves {
			_, ok := roomOf(leaf)
			require.True(t, ok, "leaf %q of vendor %q is in no room", leaf, v.path)
		}
	}
}
