package search_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/search"
)

// Who backdates a question sees no more by it: rules with relative dates are as of the clock, and stay so over
// the pages and checkpoints of one question.
func TestBackdatedQuestions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	policy, err := access.NewPolicy(map[string]access.Role{"patient": {Grants: []access.Grant{{
		Indexes: []string{"visits"}, Rows: "date >= -100d", Others: access.Treatment{As: access.Visible}}}}}, nil)
	require.NoError(t, err)
	now := time.Date(2024, 11, 20, 0, 0, 0, 0, time.UTC)
	x, err := search.New(newWorld(t, nil).driver, policy, &search.Options{Now: func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}})
	require.NoError(t, err)
	q := ask("ORDER BY date", "visits")
	all, err := x.Page(ctx, patient, q, nil)
	require.NoError(t, err)
	require.Equal(t, int64(15), all.Total)
	q.Options.Now = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	got, err := x.Page(ctx, patient, q, nil)
	require.NoError(t, err)
	require.Equal(t, ids(all.Records), ids(got.Records))

	first, err := x.Page(ctx, patient, q, &search.PageOptions{MaxResults: 4})
	require.NoError(t, err)
	second, err := x.Page(ctx, patient, q, &search.PageOptions{MaxResults: 11, Token: first.Next})
	require.NoError(t, err)
	require.Equal(t, ids(all.Records), ids(first.Records)+" "+ids(second.Records))

	scan, err := x.Scan(ctx, patient, q, nil)
	require.NoError(t, err)
	sight, err := scan.Sight()
	require.NoError(t, err)
	at, err := scan.Slice(0).Checkpoint()
	require.NoError(t, err)
	require.NoError(t, scan.Close())
	_, err = x.Scan(ctx, patient, q, &search.ScanOptions{Resume: []string{at}})
	require.NotErrorIs(t, err, search.ErrBadToken)
	rules := q.Options
	rules.Now = now.AddDate(0, 0, 2)
	covers, err := x.Covers(ctx, patient, sight, []string{"date"}, &rules)
	require.NoError(t, err)
	require.False(t, covers, "the rule leaves out two days more by now")
}
