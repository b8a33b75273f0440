package dhr_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/digit-health/dhr"

	maxLines       = 500 // of a file: one concern
	maxNames       = 40  // exported by a package: a face that can be read
	maxRootNames   = 30
	maxServerLines = 400 // of package server in all: it only wires
	maxMainLines   = 150 // of server/main.go
)

// A source is what the tests of the house know about one Go file.
type source struct {
	file      string // below the module, with slashes
	dir       string // of the package, below the module; "." is the root
	pkg       string // as in the package clause, without the _test of external tests
	test      bool   // a _test.go file
	generated bool
	imports   []string
	exported  []string // names of types, functions, constants and variables at top level
	lines     int
}

// allSources reads the module's Go files once. Since it opens every directory,
// go test runs these tests again whenever any file of the module changes.
var allSources = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || isModule(file)):
			return fs.SkipDir
		case d.IsDir() || path.Ext(file) != ".go" || strings.Contains(filepath.ToSlash(file), "testdata/"):
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s, err := readSource(filepath.ToSlash(file), text)
		all = append(all, s)
		return err
	})
	return all, err
})

// isModule reports whether a directory is that of a module of its own, such as examples/gin, whose vendors
// never reach the users of this one.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func sources(t *testing.T) []source {
	t.Helper()
	all, err := allSources()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

func readSource(file string, text []byte) (source, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	s := source{
		file:      file,
		dir:       path.Dir(file),
		pkg:       strings.TrimSuffix(f.Name.Name, "_test"),
		test:      strings.HasSuffix(file, "_test.go"),
		generated: ast.IsGenerated(f),
		lines:     bytes.Count(text, []byte("\n")),
	}
	for _, spec := range f.Imports {
		s.imports = append(s.imports, strings.Trim(spec.Path.Value, "`\""))
	}
	for _, decl := range f.Decls {
		s.exported = append(s.exported, exportedNames(decl)...)
	}
	return s, nil
}

func exportedNames(decl ast.Decl) []string {
	var idents []*ast.Ident
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			idents = append(idents, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				idents = append(idents, s.Name)
			case *ast.ValueSpec:
				idents = append(idents, s.Names...)
			}
		}
	}
	var names []string
	for _, id := range idents {
		if id.IsExported() {
			names = append(names, id.Name)
		}
	}
	return names
}

func TestShape(t *testing.T) {
	t.Parallel()
	for _, complaint := range misshapen(sources(t)) {
		t.Error(complaint)
	}
}

// misshapen returns what has outgrown its budget.
func misshapen(all []source) []string {
	var complaints []string
	names := map[string][]string{}
	server := 0
	for _, s := range all {
		if s.lines > maxLines && !s.generated {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines, more than %d: split it by concern", s.file, s.lines, maxLines))
		}
		if s.file == "server/main.go" && s.lines > maxMainLines {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines, more than %d: main only reads its configuration and runs", s.file, s.lines, maxMainLines))
		}
		if s.test || s.generated {
			continue
		}
		if s.dir == "server" {
			server += s.lines
		}
		if s.pkg != "main" {
			names[s.dir] = append(names[s.dir], s.exported...)
		}
	}
	if server > maxServerLines {
		complaints = append(complaints, fmt.Sprintf("server has %d lines, more than %d: it only wires", server, maxServerLines))
	}
	for dir, exported := range names {
		limit := maxNames
		if dir == "." {
			limit = maxRootNames
		}
		if len(exported) > limit {
			complaints = append(complaints, fmt.Sprintf("package %s exports %d names, more than %d: %s",
				dir, len(exported), limit, strings.Join(exported, " ")))
		}
	}
	return complaints
}

func TestShapeIsMeasured(t *testing.T) {
	t.Parallel()
	s, err := readSource("record/record.go", []byte(`// Package record is made up.
package record

import "testing"

type (
	A struct{ Field int }
	b int
)

const C, d = 1, 2

var E = 3

func F() {}
func g() {}

func (A) Method() {}
`))
	require.NoError(t, err)
	require.Equal(t, source{
		file: "record/record.go", dir: "record", pkg: "record", lines: 18,
		imports: []string{"testing"}, exported: []string{"A", "C", "E", "F"},
	}, s)

	many := func(n int) []string { return strings.Fields(strings.Repeat("N ", n)) }
	require.Empty(t, misshapen([]source{
		{file: "a/a.go", dir: "a", pkg: "a", lines: maxLines, exported: many(maxNames)},
		{file: "a/tables.go", dir: "a", pkg: "a", lines: maxLines + 1, generated: true},
		{file: "a/a_test.go", dir: "a", pkg: "a", test: true, exported: many(maxNames)},
		{file: "dhr.go", dir: ".", pkg: "dhr", exported: many(maxRootNames)},
		{file: "server/main.go", dir: "server", pkg: "main", lines: maxMainLines, exported: many(maxNames + 1)},
	}))
	for _, bad := range []source{
		{file: "a/a.go", dir: "a", pkg: "a", lines: maxLines + 1},
		{file: "a/a_test.go", dir: "a", pkg: "a", test: true, lines: maxLines + 1},
		{file: "a/a.go", dir: "a", pkg: "a", exported: many(maxNames + 1)},
		{file: "dhr.go", dir: ".", pkg: "dhr", exported: many(maxRootNames + 1)},
		{file: "server/main.go", dir: "server", pkg: "main", lines: maxMainLines + 1},
		{file: "server/wire.go", dir: "server", pkg: "main", lines: maxServerLines + 1},
	} {
		require.Len(t, misshapen([]source{bad}), 1, bad.file)
	}
}
