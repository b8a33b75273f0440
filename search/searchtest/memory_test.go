package searchtest_test

import (
	"testing"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/search/searchtest"
)

// TestMemory runs the suite over the driver in memory.
func TestMemory(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, searchtest.Harness{Engine: "memory", Open: func(testing.TB) search.Driver { return memsearch.New() }})
}

// FuzzMemory puts any text into every place of the language.
func FuzzMemory(f *testing.F) {
	searchtest.Fuzz(f, searchtest.Harness{Engine: "memory", Open: func(testing.TB) search.Driver { return memsearch.New() }})
}
