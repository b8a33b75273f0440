package memdoc_test

import (
	"testing"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/docstoretest"
	"github.com/digit-health/dhr/docstore/memdoc"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	d := memdoc.New()
	docstoretest.Run(t, docstoretest.Harness{
		New:      func(testing.TB) string { return "" },
		Open:     func(testing.TB, string) docstore.Driver { return d },
		Volatile: true,
		Large:    5000, // it sorts all of them for each page
	})
}
