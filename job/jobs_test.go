package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/job/localjob"
)

func newJobs(opts *job.Options) *job.Jobs {
	return job.New(docstore.New(memdoc.New()), localjob.New(), opts)
}

func submit(t *testing.T, jobs *job.Jobs, j *job.Job) *job.Job {
	t.Helper()
	if j.Tenant == "" {
		j.Tenant = "pb"
	}
	if j.Kind == "" {
		j.Kind = "k"
	}
	made, err := jobs.Submit(t.Context(), j)
	require.NoError(t, err)
	return made
}

// What is submitted is kept; what is not the submitter's to say is not.
func TestSubmit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 11, 0, 0, 5, time.UTC)
	jobs := newJobs(&job.Options{Now: func() time.Time { return now }})
	in := &job.Job{
		Tenant: "pb", Kind: "exports", ID: "a", User: "amara", Labels: []string{"equal:1"}, Priority: 3, NotBefore: now.Add(time.Hour),
		MaxAttempts: 2, Expires: now.Add(24 * time.Hour), Spec: json.RawMessage(`{"jql":"a<1"}`),
		State: job.Completed, Attempt: 7, Fence: 9, Worker: "w", Work: json.RawMessage(`1`), Code: "X", CancelRequested: true,
	}
	made, err := jobs.Submit(t.Context(), in)
	require.NoError(t, err)
	want := in.Clone()
	want.State, want.Attempt, want.Fence, want.Worker, want.Work, want.Code, want.CancelRequested = job.Initiated, 0, 0, "", nil, "", false
	want.Created, want.Updated, want.Version, want.Change, want.First = now, now, 1, made.Change, made.Change
	require.Equal(t, want, made)
	got, err := jobs.Get(t.Context(), "pb", "exports", "a")
	require.NoError(t, err)
	require.Equal(t, made, got)

	there, err := jobs.Submit(t.Context(), &job.Job{Tenant: "pb", Kind: "exports", ID: "a"})
	require.ErrorIs(t, err, job.ErrExists)
	require.Equal(t, made, there)

	random, err := jobs.Submit(t.Context(), &job.Job{Tenant: "pb", Kind: "exports"})
	require.NoError(t, err)
	require.Len(t, random.ID, 26)
	require.Equal(t, 5, random.MaxAttempts)
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	jobs := newJobs(nil)
	for name, j := range map[string]*job.Job{
		"nothing":          nil,
		"no tenant":        {Kind: "k"},
		"no kind":          {Tenant: "pb"},
		"bad kind":         {Tenant: "pb", Kind: "K"},
		"bad id":           {Tenant: "pb", Kind: "k", ID: "a\n"},
		"long user":        {Tenant: "pb", Kind: "k", User: strings.Repeat("u", 257)},
		"bad user":         {Tenant: "pb", Kind: "k", User: "a\x00"},
		"reserved label":   {Tenant: "pb", Kind: "k", Labels: []string{"state:completed"}},
		"bad label":        {Tenant: "pb", Kind: "k", Labels: []string{""}},
		"no attempts":      {Tenant: "pb", Kind: "k", MaxAttempts: -1},
		"spec is not JSON": {Tenant: "pb", Kind: "k", Spec: json.RawMessage(`{`)},
		"name twice":       {Tenant: "pb", Kind: "k", Spec: json.RawMessage(`{"a":1,"a":2}`)},
		"spec too large":   {Tenant: "pb", Kind: "k", Spec: json.RawMessage(`"` + strings.Repeat("a", docstore.MaxBody) + `"`)},
	} {
		_, err := jobs.Submit(t.Context(), j)
		require.ErrorIs(t, err, job.ErrInvalid, name)
	}
	all, err := jobs.List(t.Context(), &job.Query{AllTenants: true, Kind: "k"})
	require.NoError(t, err)
	require.Empty(t, all)
}

// Listings choose by state, user and label, alone and together, the newest first, page after page.
func TestList(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 27, 11, 0, 0, 0, time.UTC)
	jobs := newJobs(&job.Options{Now: func() time.Time { return clock }})
	var all []*job.Job
	for i := range 60 {
		clock = clock.Add(time.Duration(i%2) * time.Second) // two at a time are equally old
		j := submit(t, jobs, &job.Job{
			Tenant: fmt.Sprint("t", i%2), ID: fmt.Sprintf("j%02d", i), User: fmt.Sprint("u", i/2%3), Labels: []string{fmt.Sprint("equal:", i%5)},
		})
		if i%4 < 2 {
			var err error
			j, err = jobs.Cancel(t.Context(), j.Tenant, j.Kind, j.ID)
			require.NoError(t, err)
		}
		all = append([]*job.Job{j}, all...)
	}
	states := [][]job.State{nil, {job.Initiated}, {job.Cancelled}, {job.Initiated, job.Cancelled}, {job.Failed}}
	for _, tenant := range []string{"", "t0", "t1"} {
		for _, user := range []string{"", "u1"} {
			for _, label := range []string{"", "equal:3"} {
				for _, s := range states {
					q := &job.Query{Tenant: tenant, AllTenants: tenant == "", Kind: "k", User: user, Label: label, States: s, Limit: 3}
					var want, got []string
					for _, j := range all {
						if (tenant == "" || j.Tenant == tenant) && (user == "" || j.User == user) && (label == "" || j.Labels[0] == label) &&
							(s == nil || strings.Contains(fmt.Sprint(s), string(j.State))) {
							want = append(want, j.ID)
						}
					}
					for j, err := range jobs.All(t.Context(), q) {
						require.NoError(t, err)
						got = append(got, j.ID)
					}
					require.Equal(t, want, got, "%+v", q)
				}
			}
		}
	}
	page, err := jobs.List(t.Context(), &job.Query{Tenant: "t0", Kind: "k", States: []job.State{job.Cancelled}, Limit: 2})
	require.NoError(t, err)
	require.Len(t, page, 2)
	require.Equal(t, []string{"j56", "j52"}, []string{page[0].ID, page[1].ID})

	for _, q := range []*job.Query{nil, {Kind: "k"}, {Tenant: "a", AllTenants: true, Kind: "k"}, {Tenant: "a", Kind: "k", Limit: 1001}} {
		_, err := jobs.List(t.Context(), q)
		require.ErrorIs(t, err, job.ErrInvalid)
	}
}

// An owner changes what is his, and nothing else.
func TestUpdate(t *testing.T) {
	t.Parallel()
	jobs := newJobs(nil)
	submit(t, jobs, &job.Job{ID: "a", User: "amara", Spec: json.RawMessage(`1`)})
	update := func(change func(*job.Job)) (*job.Job, error) {
		return jobs.Update(t.Context(), "pb", "k", "a", func(j *job.Job) error {
			change(j)
			return nil
		})
	}
	expires := time.Now().UTC().Add(time.Hour).Round(0)
	got, err := update(func(j *job.Job) {
		j.Labels, j.Expires, j.Priority, j.Work, j.Code, j.Message = []string{"x"}, expires, 4, json.RawMessage(`{"n":1}`), "C", "m"
	})
	require.NoError(t, err)
	require.Equal(t, []any{[]string{"x"}, expires, 4, `{"n":1}`, "C", "m"}, []any{got.Labels, got.Expires, got.Priority, string(got.Work), got.Code, got.Message})
	for name, change := range map[string]func(*job.Job){
		"spec":     func(j *job.Job) { j.Spec = json.RawMessage(`2`) },
		"user":     func(j *job.Job) { j.User = "other" },
		"tenant":   func(j *job.Job) { j.Tenant = "other" },
		"state":    func(j *job.Job) { j.State = job.Completed },
		"expired":  func(j *job.Job) { j.State = job.Expired }, // it is not finished
		"fence":    func(j *job.Job) { j.Fence++ },
		"attempt":  func(j *job.Job) { j.Attempt = 0; j.MaxAttempts = 100 },
		"reserved": func(j *job.Job) { j.Labels = []string{"user:other"} },
		"work":     func(j *job.Job) { j.Work = json.RawMessage(`{`) },
	} {
		_, err := update(change)
		require.ErrorIs(t, err, job.ErrInvalid, name)
	}
	own := fmt.Errorf("the owner's")
	_, err = jobs.Update(t.Context(), "pb", "k", "a", func(*job.Job) error { return own })
	require.Equal(t, own, err)
	_, err = jobs.Update(t.Context(), "pb", "k", "b", func(*job.Job) error { return nil })
	require.ErrorIs(t, err, job.ErrNotFound)
	after, err := jobs.Get(t.Context(), "pb", "k", "a")
	require.NoError(t, err)
	require.Equal(t, got, after, "nothing was half-written")

	require.ErrorIs(t, jobs.Delete(t.Context(), "pb", "k", "a"), job.ErrOpen)
	_, err = jobs.Cancel(t.Context(), "pb", "k", "a")
	require.NoError(t, err)
	got, err = update(func(j *job.Job) { j.State = job.Expired })
	require.NoError(t, err)
	require.Equal(t, job.Expired, got.State)
	require.NoError(t, jobs.Delete(t.Context(), "pb", "k", "a"))
	require.ErrorIs(t, jobs.Delete(t.Context(), "pb", "k", "a"), job.ErrNotFound)
	_, err = jobs.Cancel(t.Context(), "pb", "k", "a")
	require.ErrorIs(t, err, job.ErrNotFound)
}

// Watch ends with the job, with an error, with the context, and with who watches.
func TestWatch(t *testing.T) {
	t.Parallel()
	jobs := newJobs(nil)
	for _, err := range jobs.Watch(t.Context(), "pb", "k", "nobody") {
		require.ErrorIs(t, err, job.ErrNotFound)
	}
	made := submit(t, jobs, &job.Job{ID: "a"})
	var seen []job.State
	for j, err := range jobs.Watch(t.Context(), "pb", "k", "a") {
		require.NoError(t, err)
		if seen = append(seen, j.State); len(seen) == 1 {
			require.Equal(t, made, j)
			_, err := jobs.Cancel(t.Context(), "pb", "k", "a")
			require.NoError(t, err)
		}
	}
	require.Equal(t, []job.State{job.Initiated, job.Cancelled}, seen)

	submit(t, jobs, &job.Job{ID: "b"})
	for _, err := range jobs.Watch(t.Context(), "pb", "k", "b") {
		require.NoError(t, err)
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for j, err := range jobs.Watch(ctx, "pb", "k", "b") {
		if n++; n == 1 {
			require.NoError(t, err)
			require.Equal(t, job.Initiated, j.State)
			cancel()
			continue
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, 2, n)
}

func TestRunWithout(t *testing.T) {
	t.Parallel()
	jobs := job.New(docstore.New(memdoc.New()), nil, nil)
	require.ErrorIs(t, jobs.Run(t.Context()), job.ErrNoRunner)
	require.NoError(t, jobs.Drain(t.Context()), "there is nothing to drain")
	made := submit(t, jobs, &job.Job{})
	require.Equal(t, job.Initiated, made.State)
}

func TestFailure(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("no space left on device")
	full := &job.Failure{Code: "STORAGE_FULL", Message: "There is no room.", Err: cause}
	require.Equal(t, "STORAGE_FULL: There is no room.: no space left on device", full.Error())
	require.Equal(t, "no space left on device", job.Permanent(cause).Error())
	require.Equal(t, full.Error(), job.Permanent(full).Error())
	require.Equal(t, "STORAGE_FULL: There is no room.", (&job.Failure{Code: "STORAGE_FULL", Message: "There is no room."}).Error())
	var f *job.Failure
	require.ErrorAs(t, job.Permanent(fmt.Errorf("part 3: %w", full)), &f)
	require.True(t, f.Permanent)
	require.Equal(t, "STORAGE_FULL", f.Code)
	require.ErrorIs(t, f, cause)
	require.ErrorAs(t, job.RetryAfter(job.Permanent(cause), time.Minute), &f)
	require.Equal(t, time.Minute, f.After)
	require.False(t, full.Permanent, "what was given is not changed")
}
