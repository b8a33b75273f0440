package searchtest

import (
	"flag"
	"testing"

	"github.com/digit-health/dhr/search"
)

var update = flag.Bool("update", false, "rewrite testdata/golden.txt")

// TestSimple runs the suite over the simplest driver.
func TestSimple(t *testing.T) {
	t.Parallel()
	Run(t, Harness{Engine: "simple", Open: func(testing.TB) search.Driver { return newSimple() }})
}

// TestSimpleWithoutTypes runs it as for a server that lacks some types.
func TestSimpleWithoutTypes(t *testing.T) {
	t.Parallel()
	Run(t, Harness{
		Engine: "simple, lean", Open: func(testing.TB) search.Driver { return newSimple() },
		Types: map[string]string{"version": "", "scaled_float": "", "unsigned_long": "", "flattened": "flat_object"},
	})
}
