package process_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
)

// Beside returns a house over the same stores, with other roles.
func (h *house) beside(t *testing.T, change func(*house)) *house {
	t.Helper()
	return open(t, h.engine, func(o *house) {
		o.docs, o.folder, o.backend, o.others, o.roles = h.docs, h.folder, h.backend, h.others, h.roles
		if change != nil {
			change(o)
		}
	})
}

func officer(districts ...string) *access.Principal {
	who := user("asha", "district")
	who.Attributes = map[string][]string{"district": districts}
	return who
}

// Who may do what with an export.
func TestWhoMay(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 30), nil)
	p := h.export(t, asha(), &process.Request{Format: "csv"})
	foreign := user("asha", "exporter", "admin")
	foreign.Tenant = "mz"
	for name, c := range map[string]struct {
		who            *access.Principal
		get, file, end error
	}{
		"the owner":                      {asha(), nil, nil, nil},
		"an administrator who exports":   {user("boss", "exporter", "admin"), nil, nil, nil},
		"an administrator who does not":  {user("boss", "viewer", "admin"), nil, process.ErrForbidden, nil},
		"the owner, who may not export":  {user("asha", "viewer"), nil, process.ErrForbidden, nil},
		"another user":                   {user("ravi", "exporter"), process.ErrNotFound, process.ErrNotFound, process.ErrNotFound},
		"another tenant's administrator": {foreign, process.ErrNotFound, process.ErrNotFound, process.ErrNotFound},
		"nobody":                         {nil, process.ErrForbidden, process.ErrForbidden, process.ErrForbidden},
		"somebody without roles":         {user("asha"), process.ErrForbidden, process.ErrForbidden, process.ErrForbidden},
	} {
		is := func(err, want error) {
			t.Helper()
			if want == nil {
				require.NoError(t, err, name)
				return
			}
			require.ErrorIs(t, err, want, name)
		}
		_, err := h.Get(t.Context(), c.who, p.ID)
		is(err, c.get)
		_, err = h.Manifest(t.Context(), c.who, p.ID)
		is(err, c.file)
		_, err = h.OpenFile(t.Context(), c.who, p.ID, 1)
		is(err, c.file)
		if c.end != nil {
			_, err = h.Cancel(t.Context(), c.who, p.ID)
			is(err, c.end)
			_, err = h.Delete(t.Context(), c.who, p.ID)
			is(err, c.end)
		}
		for _, err := range h.Watch(t.Context(), c.who, p.ID) {
			is(err, c.get)
		}
	}
	_, err := h.Cancel(t.Context(), asha(), p.ID)
	require.ErrorIs(t, err, job.ErrFinished)
	for _, n := range []int{-1, 0, 2} {
		_, err = h.OpenFile(t.Context(), asha(), p.ID, n)
		require.ErrorIs(t, err, process.ErrNotFound)
	}
	for _, id := range []string{"", "none", "../" + p.ID, "a\x00b"} {
		_, err = h.Get(t.Context(), asha(), id)
		require.ErrorIs(t, err, process.ErrNotFound, "%q", id)
	}
}

// A file is given to those alone who may see all that it holds now.
func TestNarrowedBeforeDownload(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 90), nil)
	all := h.export(t, asha(), &process.Request{Format: "csv"})
	ages := h.export(t, asha(), &process.Request{Format: "csv", Fields: []string{"age"}})
	one := h.export(t, officer("D1"), &process.Request{Format: "csv"})
	require.EqualValues(t, 30, *one.TotalRecords)
	masked := h.export(t, user("asha", "masked"), &process.Request{Format: "csv"})
	require.Contains(t, h.read(t, user("asha", "masked"), masked.ID, 1), "***")
	for name, c := range map[string]struct {
		id   string
		who  *access.Principal
		want error
	}{
		"as before":                       {all.ID, asha(), nil},
		"names are hidden":                {all.ID, user("asha", "nameless"), process.ErrNarrowed},
		"names are masked":                {all.ID, user("asha", "masked"), process.ErrNarrowed},
		"names are not in the file":       {ages.ID, user("asha", "nameless"), nil},
		"some records":                    {ages.ID, officer("D1"), process.ErrNarrowed},
		"the same district":               {one.ID, officer("D1"), nil},
		"another district":                {one.ID, officer("D2"), process.ErrNarrowed},
		"no district":                     {one.ID, officer(), process.ErrNarrowed},
		"everything instead of one":       {one.ID, asha(), nil},
		"plain instead of masked":         {masked.ID, asha(), nil},
		"hidden instead of masked":        {masked.ID, user("asha", "nameless"), process.ErrNarrowed},
		"masked as before":                {masked.ID, user("asha", "masked"), nil},
		"an administrator of other sight": {all.ID, user("boss", "nameless", "admin"), process.ErrNarrowed},
	} {
		d, err := h.OpenFile(t.Context(), c.who, c.id, 1)
		_, manifest := h.Manifest(t.Context(), c.who, c.id)
		if c.want == nil {
			require.NoError(t, err, name)
			require.NoError(t, manifest, name)
			require.NotNil(t, d)
			continue
		}
		require.ErrorIs(t, err, c.want, name)
		require.ErrorIs(t, err, process.ErrForbidden, name)
		require.ErrorIs(t, manifest, c.want, name)
	}
}

// The policy counts as it is when the work is done.
func TestNarrowedBeforeRun(t *testing.T) {
	t.Parallel()
	asked := open(t, memory(t, 90), func(h *house) { h.idle = true })
	names := asked.begin(t, asha(), &process.Request{Format: "csv", Fields: []string{"name"}})
	all := asked.begin(t, asha(), &process.Request{Format: "csv"})
	gone := asked.begin(t, user("asha", "nameless"), &process.Request{Format: "csv"})
	some := asked.begin(t, user("asha", "masked"), &process.Request{Format: "csv"})

	narrow := map[string]access.Role{}
	for name, role := range roles {
		narrow[name] = role
	}
	narrow["exporter"] = roles["nameless"]
	narrow["nameless"] = roles["viewer"]
	narrow["masked"] = access.Role{Permissions: roles["masked"].Permissions, Grants: []access.Grant{{
		Indexes: []string{"visits"}, Rows: "district = D2", Others: access.Treatment{As: access.Visible}}}}
	h := asked.beside(t, func(h *house) { h.roles = narrow })

	p := h.wait(t, asha(), names.ID)
	require.Equal(t, job.Failed, p.Status)
	require.Equal(t, "UNKNOWN_FIELD", p.Error.Code)
	require.Empty(t, p.Files)

	p = h.wait(t, asha(), all.ID)
	require.Equal(t, job.Completed, p.Status)
	require.NotContains(t, h.read(t, asha(), p.ID, 1), "Asha")

	p = h.wait(t, asha(), gone.ID)
	require.Equal(t, job.Failed, p.Status)
	require.Equal(t, "FORBIDDEN", p.Error.Code)
	require.Equal(t, 1, p.Attempt, "it is not tried again")

	p = h.wait(t, asha(), some.ID)
	require.Equal(t, job.Completed, p.Status)
	require.EqualValues(t, 30, *p.TotalRecords)
	require.NotContains(t, h.read(t, user("asha", "masked"), p.ID, 1), "D1")
	require.Equal(t, 2, h.stored(t))
}

// After its time an export is a document, and no more; deleted, it is not there.
func TestExpiry(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 30), func(h *house) { h.config.Retention = time.Hour })
	p := h.export(t, asha(), &process.Request{Format: "csv", Options: process.Choices{PartRows: 10}})
	kept := h.export(t, asha(), &process.Request{Format: "json"})
	require.Equal(t, 4, h.stored(t))
	require.NoError(t, h.Sweep(t.Context()))
	require.Equal(t, 4, h.stored(t))
	h.clock.add(59 * time.Minute)
	require.NoError(t, h.Sweep(t.Context()))
	require.NotEmpty(t, h.read(t, asha(), p.ID, 3))
	h.clock.add(2 * time.Minute)
	_, err := h.OpenFile(t.Context(), asha(), p.ID, 1)
	require.ErrorIs(t, err, process.ErrExpired, "also before the sweep")
	_, err = h.Manifest(t.Context(), asha(), p.ID)
	require.ErrorIs(t, err, process.ErrExpired)
	require.NoError(t, h.Sweep(t.Context()))
	require.NoError(t, h.Sweep(t.Context()))
	require.Zero(t, h.stored(t))
	p, err = h.Get(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	require.Equal(t, job.Expired, p.Status)
	require.Len(t, p.Files, 3)
	_, err = h.OpenFile(t.Context(), asha(), p.ID, 1)
	require.ErrorIs(t, err, process.ErrExpired)
	_, err = h.Delete(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	_, err = h.Get(t.Context(), asha(), p.ID)
	require.ErrorIs(t, err, process.ErrNotFound)
	_, err = h.Get(t.Context(), asha(), kept.ID)
	require.NoError(t, err)
	require.Contains(t, h.noted(), "expire asha done 30")
}

// Of a file any range can be had.
func TestRanges(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 50), nil)
	p := h.export(t, asha(), &process.Request{Format: "csv"})
	want := h.read(t, asha(), p.ID, 1)
	d, err := h.OpenFile(t.Context(), asha(), p.ID, 1)
	require.NoError(t, err)
	checkRanges(t, d, want)
}
