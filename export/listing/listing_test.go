package listing_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export/listing"
	"github.com/digit-health/dhr/job"
)

// Who may ask for whose exports, whatever somebody is called.
func TestJobs(t *testing.T) {
	t.Parallel()
	errWrong, errOthers := errors.New("wrong"), errors.New("not yours")
	for _, c := range []struct {
		who   string
		admin bool
		q     *listing.Query
		user  string
		err   error
	}{
		{who: "asha", user: "asha"},
		{who: "asha", q: &listing.Query{UserID: "asha"}, user: "asha"},
		{who: "asha", q: &listing.Query{UserID: "ravi"}, err: errOthers},
		{who: "asha", q: &listing.Query{UserID: "*"}, err: errOthers},
		{who: "*", user: "*"},
		{who: "*", q: &listing.Query{UserID: "*"}, err: errOthers},
		{who: "boss", admin: true, user: "boss"},
		{who: "boss", admin: true, q: &listing.Query{UserID: "ravi"}, user: "ravi"},
		{who: "boss", admin: true, q: &listing.Query{UserID: "*"}},
		{who: "*", admin: true, q: &listing.Query{UserID: "*"}},
		{who: "asha", q: &listing.Query{Status: []job.State{"done"}}, err: errWrong},
		{who: "asha", q: &listing.Query{MaxResults: -1}, err: errWrong},
		{who: "asha", q: &listing.Query{MaxResults: 1001}, err: errWrong},
	} {
		got, err := c.q.Jobs("things", &listing.Asker{
			Who: &access.Principal{User: c.who, Tenant: "pb"},
			Others: func() error {
				if c.admin {
					return nil
				}
				return errOthers
			},
			Wrong: func(member, format string, args ...any) error {
				return fmt.Errorf("%w: %s: %s", errWrong, member, fmt.Sprintf(format, args...))
			},
		})
		if c.err != nil {
			require.ErrorIs(t, err, c.err, "%+v", c)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, &job.Query{Tenant: "pb", Kind: "things", User: c.user, Limit: 50}, got, "%+v", c)
	}
}
