package search_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// patient has one role, whose rule fits visits and no index of staff.
var patient = &access.Principal{User: "eve", Roles: []string{"patient"}, Attributes: map[string][]string{"id": {"p3"}}}

// newUnfit returns an Index over the world, of which a patient sees its own records, and where to read what the operator was told.
func newUnfit(t *testing.T, rows string) (*search.Index, *[]error) {
	t.Helper()
	policy, err := access.NewPolicy(map[string]access.Role{"patient": {Grants: []access.Grant{{
		Indexes: []string{"*"}, Rows: rows, Others: access.Treatment{As: access.Visible}}}}}, nil)
	require.NoError(t, err)
	told := new([]error)
	x, err := search.New(newWorld(t, nil).driver, policy, &search.Options{Denied: func(_ context.Context, who *access.Principal, err error) {
		require.Equal(t, patient, who)
		*told = append(*told, err)
	}})
	require.NoError(t, err)
	return x, told
}

// An index that lacks the field of a rule is one that the principal may not see, and no reason to refuse the others.
func TestIndexesThatARuleDoesNotFit(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	x, told := newUnfit(t, `patient.id = attribute("id")`)
	names, err := x.Indexes(ctx, patient)
	require.NoError(t, err)
	require.Equal(t, []string{"visits"}, names)
	for _, asked := range [][]string{nil, {"*"}, {"visits", "v*"}, {"visits"}} {
		schemas, err := x.Schemas(ctx, patient, asked...)
		require.NoError(t, err)
		require.Len(t, schemas, 1)
		page, err := x.Page(ctx, patient, ask("", asked...), nil)
		require.NoError(t, err)
		require.Equal(t, "v03 v10 v17 v24 v31 v38", ids(page.Records))
		require.Equal(t, int64(6), page.Total)
		n, _, err := x.Count(ctx, patient, ask("", asked...), 0)
		require.NoError(t, err)
		require.Equal(t, int64(6), n)
		scan, err := x.Scan(ctx, patient, ask("", asked...), nil)
		require.NoError(t, err)
		total, err := scan.Total(ctx)
		require.NoError(t, err)
		require.Equal(t, int64(6), total)
		require.NoError(t, scan.Close())
		answers, err := x.Aggregate(ctx, patient, &search.Question{Query: *ask("", asked...), Groups: []search.Group{{Name: "district"}}})
		require.NoError(t, err)
		require.Equal(t, int64(6), answers[0].Total)
		values, err := x.Suggest(ctx, patient, asked, "district", "", 10)
		require.NoError(t, err)
		require.Len(t, values, 4)
	}
	require.Empty(t, *told)
	for _, asked := range [][]string{{"staff"}, {"visits", "staff"}, {"sta*"}, {"nothing"}} {
		for what, err := range everyWay(ctx, x, asked) {
			require.ErrorIs(t, err, search.ErrUnknownIndex, "%s %q", what, asked)
			require.NotErrorIs(t, err, access.ErrDenied, "%s %q", what, asked)
			require.NotContains(t, err.Error(), "patient.id")
		}
	}
	require.NotEmpty(t, *told)
	require.ErrorIs(t, (*told)[0], access.ErrUnfit)
	require.ErrorContains(t, (*told)[0], "patient.id")
}

// everyWay asks in every way, and returns the errors.
func everyWay(ctx context.Context, x *search.Index, names []string) map[string]error {
	all := map[string]error{}
	_, all["page"] = x.Page(ctx, patient, ask("", names...), nil)
	_, _, all["count"] = x.Count(ctx, patient, ask("", names...), 0)
	_, all["scan"] = x.Scan(ctx, patient, ask("", names...), nil)
	_, all["aggregate"] = x.Aggregate(ctx, patient, &search.Question{Query: *ask("", names...)})
	_, all["suggest"] = x.Suggest(ctx, patient, names, "district", "", 10)
	_, all["schemas"] = x.Schemas(ctx, patient, names...)
	_, all["get"] = x.Get(ctx, patient, names[len(names)-1], "s1")
	return all
}

// A rule that fits nowhere leaves nothing.
func TestARuleThatFitsNowhere(t *testing.T) {
	t.Parallel()
	x, told := newUnfit(t, `secret = 1`)
	names, err := x.Indexes(t.Context(), patient)
	require.NoError(t, err)
	require.Empty(t, names)
	require.Empty(t, *told)
	_, err = x.Page(t.Context(), patient, ask(""), nil)
	require.ErrorIs(t, err, search.ErrUnknownIndex)
	require.NotContains(t, err.Error(), "secret")
	require.ErrorContains(t, (*told)[0], "secret")
}

// A rule of which a function fails denies, and leaves no index out: the next time it may be there, and figures would
// change in silence. Why it is so is told to the operator alone.
func TestRulesThatFail(t *testing.T) {
	t.Parallel()
	x, told := newUnfit(t, `district IN membersOf("secret")`)
	down := ask("")
	down.Options = jql.ResolveOptions{Members: func(context.Context, string) ([]string, error) { return nil, errors.New("the directory is down") }}
	_, err := x.Page(t.Context(), patient, down, nil)
	require.ErrorIs(t, err, access.ErrDenied)
	require.NotErrorIs(t, err, search.ErrUnknownIndex)
	require.NotContains(t, err.Error(), "secret")
	require.ErrorContains(t, (*told)[0], "the directory is down")
	schemas, err := x.Schemas(t.Context(), patient)
	require.NoError(t, err, "what there is to ask about does not hang on it")
	require.Len(t, schemas, 2)
	var all []*record.Record
	up := ask("ORDER BY _id")
	up.Options.Members = func(context.Context, string) ([]string, error) { return []string{"Kano"}, nil }
	all = pages(t, x, patient, up, 100)
	require.Len(t, all, 12)
}
