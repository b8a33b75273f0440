package localjob_test

import (
	"testing"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/jobtest"
	"github.com/digit-health/dhr/job/localjob"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	jobtest.Run(t, jobtest.Harness{
		Runners: func(testing.TB) func() job.Runner { return func() job.Runner { return localjob.New() } },
		Store:   func(testing.TB) docstore.Driver { return memdoc.New() },
		Apart:   true,
	})
}
