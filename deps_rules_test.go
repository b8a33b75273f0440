package dhr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A check that cannot fail checks nothing: made-up files show that each rule
// of deps_test.go bites, and that none bites what is allowed.

// madeUp returns a source with one import. A package's name is the last element of its path.
func madeUp(file, imported string) source {
	dir := "."
	if i := strings.LastIndexByte(file, '/'); i >= 0 {
		dir = file[:i]
	}
	pkg := dir[strings.LastIndexByte(dir, '/')+1:]
	return source{file: file, dir: dir, pkg: pkg, test: strings.HasSuffix(file, "_test.go"), imports: []string{imported}}
}

func TestForbiddenImportsAreFound(t *testing.T) {
	t.Parallel()
	const dhr = module
	for _, c := range []struct{ file, imported, want string }{
		{"record/record.go", dhr + "/jql", "what everything else is made of"},
		{"record/record.go", dhr + "/internal/x", "what everything else is made of"},
		{"record/record.go", "github.com/clipperhouse/uax29/v2/words", "one analyzer"},
		{"record/record.go", "example.com/x", "no row in deps_test.go"},
		{"record/record.go", "testing", "not into the binaries of users"},
		{"record/record.go", "testing/fstest", "not into the binaries of users"},
		{"record/record.go", "C", "without cgo"},
		{"record/record.go", "github.com/stretchr/testify/require", "not into the binaries of users"},
		{"record/record_test.go", "github.com/stretchr/testify/assert", "require alone"},
		{"record/record_test.go", dhr + "/server", "what everything else is made of"},
		{"record/record_test.go", "modernc.org/sqlite", "in its leaf alone"},
		{"jql/plan/plan.go", dhr + "/jql", "must not know the syntax"},
		{"jql/parse.go", dhr + "/jql/eval", "without knowing who answers"},
		{"jql/parse.go", dhr + "/jql/analyzer", "without knowing who answers"},
		{"jql/analyzer/analyzer.go", dhr + "/record", "text alone"},
		{"jql/eval/eval.go", dhr + "/jql", "sees the plan alone"},
		{"jql/eval/eval.go", "github.com/blevesearch/segment", "one analyzer"},
		{"jql/esdsl/esdsl.go", dhr + "/jql", "sees the plan alone"},
		{"jql/sqlgen/sqlgen.go", dhr + "/jql/eval", "sees the plan alone"},
		{"search/search.go", dhr + "/search/memsearch", "never a driver"},
		{"search/memsearch/mem.go", dhr + "/search/sqlsearch", "never another driver"},
		{"search/memsearch/mem.go", dhr, "never dhr"},
		{"search/essearch/es.go", dhr + "/jql", "never another driver"},
		{"search/essearch/es.go", "github.com/elastic/go-elasticsearch/v8", "861 packages"},
		{"search/essearch/es.go", dhr + "/search/searchtest", "by tests alone"},
		{"storage/disk/disk.go", "github.com/ipfs/go-cid", "in its leaf alone"},
		{"storage/storagetest/suite.go", dhr + "/storage/disk", "its own face"},
		{"job/jobs.go", dhr + "/job/localjob", "never a driver"},
		{"job/jobs.go", dhr + "/docstore/memdoc", "never a driver"},
		{"job/localjob/localjob.go", "github.com/hibiken/asynq", "who does neither"},
		{"job/redisjob/redisjob.go", dhr + "/docstore/sqldoc", "never another driver"},
		{"job/redisjob/redisjob.go", "github.com/hibiken/asynqmon", "belongs into _test.go files"},
		{"job/jobtest/suite.go", dhr + "/job/localjob", "its own face"},
		{"export/export.go", dhr + "/export/xlsx", "never a driver"},
		{"export/xlsx/xlsx.go", dhr + "/storage", "never another driver"},
		{"service.go", dhr + "/search/memsearch", "imports no driver"},
		{"service.go", dhr + "/jql/eval", "no engine"},
		{"service.go", dhr + "/server/api", "imports no driver"},
		{"server/api/api.go", dhr + "/storage/disk", "wired in server"},
		{"server/main.go", dhr + "/search/searchtest", "by tests alone"},
		{"server/main.go", "example.com/x", "no row in deps_test.go"},
		{"reports/reports.go", "fmt", "no room of the house"},
		{"jql/utils/utils.go", "fmt", `in a package "utils"`},
		{"pkg/record/record.go", "fmt", `in a package "pkg"`},
	} {
		got := madeUp(c.file, c.imported).complaints()
		require.NotEmpty(t, got, "%s importing %q", c.file, c.imported)
		require.Contains(t, strings.Join(got, "\n"), c.want, "%s importing %q", c.file, c.imported)
		require.Contains(t, got[0], c.file)
	}
}

func TestAllowedImportsAreNotFound(t *testing.T) {
	t.Parallel()
	const dhr = module
	for _, c := range []struct{ file, imported string }{
		{"record/record.go", "encoding/json"},
		{"record/record_test.go", "testing/synctest"},
		{"record/record_test.go", dhr + "/record"},
		{"record/record_test.go", "github.com/stretchr/testify/require"},
		{"jql/plan/plan.go", dhr + "/record"},
		{"jql/resolve.go", dhr + "/jql/plan"},
		{"jql/example_test.go", dhr + "/jql/eval"},
		{"jql/analyzer/analyzer.go", "github.com/clipperhouse/uax29/v2/words"},
		{"jql/eval/eval.go", dhr + "/jql/analyzer"},
		{"jql/eval/eval_test.go", dhr + "/jql"},
		{"search/essearch/es.go", "github.com/elastic/go-elasticsearch/v8/esapi"},
		{"search/essearch/es_test.go", dhr + "/search/searchtest"},
		{"search/searchtest/suite.go", "testing"},
		{"search/searchtest/suite.go", dhr + "/jql/eval"},
		{"search/searchtest/suite.go", "github.com/stretchr/testify/require"},
		{"storage/s3/s3.go", dhr + "/internal/retry"},
		{"job/jobs.go", dhr + "/docstore"},
		{"job/redisjob/redisjob.go", "github.com/hibiken/asynq"},
		{"job/redisjob/redisjob_test.go", "github.com/alicebob/miniredis/v2"},
		{"job/redismon/redismon.go", "github.com/redis/go-redis/v9"},
		{"job/redismon/redismon_test.go", "github.com/hibiken/asynqmon"},
		{"service.go", dhr + "/dashboard"},
		{"server/api/api.go", dhr},
		{"server/wire.go", dhr + "/search/sqlsearch"},
		{"server/wire.go", "github.com/elastic/go-elasticsearch/v8"},
		{"examples/jql/main.go", dhr + "/jql/eval"},
		{"examples/jql/main_test.go", "testing"},
	} {
		require.Empty(t, madeUp(c.file, c.imported).complaints())
	}
}

// Each vendor is refused everywhere but in its leaves and where drivers meet.
func TestVendorsAreBound(t *testing.T) {
	t.Parallel()
	for _, v := range vendors {
		for _, r := range house {
			dir := strings.ReplaceAll(r.packages, "*", "other")
			got := madeUp(dir+"/x.go", v.path).complaints()
			if r.meeting || matches(v.leaves, dir) {
				require.Empty(t, got)
			} else {
				require.NotEmpty(t, got, "%s in %s", v.path, dir)
			}
		}
	}
}
