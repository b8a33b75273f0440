package sample_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/memsearch"
	"github.com/digit-health/dhr/server/sample"
)

// everything is an index over the sample, loaded once for all tests.
var everything = sync.OnceValues(func() (*search.Index, error) {
	driver := memsearch.New()
	if err := sample.Load(context.Background(), driver, nil); err != nil {
		return nil, err
	}
	return over(driver)
})

func over(driver search.Driver) (*search.Index, error) {
	policy, err := access.NewPolicy(map[string]access.Role{
		"all": {Grants: []access.Grant{{Indexes: []string{"*"}, Others: access.Treatment{As: access.Visible}}}},
	}, nil)
	if err != nil {
		return nil, err
	}
	return search.New(driver, policy, &search.Options{Now: sample.AsOf})
}

func searchOver(t *testing.T, driver search.Driver) *search.Index {
	t.Helper()
	x, err := over(driver)
	require.NoError(t, err)
	return x
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func open(t *testing.T) *search.Index {
	t.Helper()
	x, err := everything()
	require.NoError(t, err)
	return x
}

var somebody = &access.Principal{User: "reader", Roles: []string{"all"}}

func query(text string, indexes ...string) search.Query {
	return search.Query{JQL: text, Indexes: indexes, Options: jql.ResolveOptions{Zone: time.UTC}}
}

// count returns how many records a question finds, which must not give warnings that it finds nothing.
func count(t *testing.T, text string, indexes ...string) int64 {
	t.Helper()
	q := query(text, indexes...)
	n, exact, err := open(t).Count(t.Context(), somebody, &q, 0)
	require.NoError(t, err, text)
	require.True(t, exact)
	return n
}

// buckets counts what a question finds by the values of fields, one or two.
func buckets(t *testing.T, index, text string, groups ...search.Group) map[string]int64 {
	t.Helper()
	answers, err := open(t).Aggregate(t.Context(), somebody, &search.Question{Query: query(text, index), Groups: groups})
	require.NoError(t, err, text)
	all := map[string]int64{}
	for _, b := range answers[0].Buckets {
		key := ""
		for i, v := range b.Keys {
			if i > 0 {
				key += " "
			}
			key += v.Text()
		}
		all[key] = b.Count
	}
	return all
}
