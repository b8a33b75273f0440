package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// boards are dashboards on the store of filters. Gadgets of the filter "none" are refused.
func boards(t *testing.T, filters *Filters) *Dashboards {
	t.Helper()
	var ticks, ids atomic.Int64
	check := func(_ context.Context, _ *access.Principal, g *Gadget) error {
		if g.FilterID == "none" {
			return FieldErrors{{Field: "filter_id", Message: "is not there"}}
		}
		return nil
	}
	return NewDashboards(filters.store, filters.policy, check, &Options{
		Now:   func() time.Time { return start.Add(time.Duration(ticks.Add(1)-1) * time.Second) },
		NewID: func() string { return fmt.Sprint("d", ids.Add(1)) },
	})
}

// stat is a gadget at a place.
func stat(title string, row, column int) *Gadget {
	return &Gadget{Type: "stat", Title: title, FilterID: "f1", Position: Position{Row: row, Column: column, Width: 3, Height: 2}}
}

func TestDashboards(t *testing.T) {
	t.Parallel()
	s := boards(t, newFilters(t, nil))
	asha, ravi := person("asha", "analyst"), person("ravi", "viewer", "ward")
	ctx := t.Context()
	d, err := s.Create(ctx, asha, &Dashboard{
		Name: " Morning ", Description: "What is new", Gadgets: []*Gadget{stat("b", 0, 3), stat("a", 0, 0)}, Favourite: true,
		SharePermissions: []SharePermission{{Type: "group", ID: "ward", Permission: Read}},
	})
	require.NoError(t, err)
	require.Equal(t, "Morning", d.Name)
	require.Equal(t, "a b", d.Gadgets[0].Title+" "+d.Gadgets[1].Title, "in the order of their positions")
	require.Equal(t, d.ID, d.Gadgets[0].DashboardID)
	require.True(t, d.Favourite)

	got, err := s.Get(ctx, ravi, d.ID)
	require.NoError(t, err)
	require.Equal(t, Read, got.Permission)
	require.False(t, got.Favourite)
	g, err := s.Gadget(ctx, ravi, d.Gadgets[0].ID)
	require.NoError(t, err)
	require.Equal(t, d.Gadgets[0], g)
	for _, who := range []*access.Principal{person("zoe", "viewer"), {User: "asha", Tenant: "mz", Roles: []string{"admin"}}} {
		_, err = s.Get(ctx, who, d.ID)
		require.ErrorIs(t, err, ErrNotFound)
		_, err = s.Gadget(ctx, who, g.ID)
		require.ErrorIs(t, err, ErrNotFound)
		_, err = s.PatchGadget(ctx, who, g.ID, []byte(`{}`), 0)
		require.ErrorIs(t, err, ErrNotFound)
	}
	for name, change := range map[string]func() error{
		"add":     func() error { _, err := s.AddGadget(ctx, ravi, d.ID, stat("c", 5, 0)); return err },
		"change":  func() error { _, err := s.ReplaceGadget(ctx, ravi, g.ID, stat("c", 5, 0), 0); return err },
		"remove":  func() error { return s.DeleteGadget(ctx, ravi, g.ID, 0) },
		"rename":  func() error { _, err := s.Patch(ctx, ravi, d.ID, []byte(`{"name": "x"}`), 0); return err },
		"delete":  func() error { return s.Delete(ctx, ravi, d.ID, 0) },
		"share":   func() error { _, err := s.SetPermissions(ctx, ravi, d.ID, nil, 0); return err },
		"cascade": func() error { _, err := s.Cascade(ctx, ravi, d.ID, newFilters(t, nil), true); return err },
		"a blind": func() error { _, err := s.Gadget(ctx, person("asha", "blind"), g.ID); return err },
	} {
		require.ErrorIs(t, change(), ErrForbidden, name)
	}

	added, err := s.AddGadget(ctx, asha, d.ID, stat("c", 0, 6))
	require.NoError(t, err)
	require.EqualValues(t, 1, added.Version)
	changed, err := s.PatchGadget(ctx, asha, g.ID, []byte(`{"title": " A ", "config": {"metric": "max", "metric_field": "age"}}`), g.Version)
	require.NoError(t, err)
	require.Equal(t, "A", changed.Title)
	require.EqualValues(t, 2, changed.Version)
	same, err := s.PatchGadget(ctx, asha, g.ID, []byte(`{"title": "A"}`), 2)
	require.NoError(t, err)
	require.EqualValues(t, 2, same.Version, "what changes nothing leaves the version")
	_, err = s.PatchGadget(ctx, asha, g.ID, []byte(`{"title": "B"}`), 1)
	require.ErrorIs(t, err, ErrConflict)
	_, err = s.PatchGadget(ctx, asha, g.ID, []byte(`{"config": {"metric_field": null}}`), 2)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "config.metric_field")
	after, err := s.PatchGadget(ctx, asha, g.ID, []byte(`{"config": {"metric_field": null, "metric": null}}`), 2)
	require.NoError(t, err)
	require.Equal(t, GadgetConfig{}, after.Config)
	require.NoError(t, s.DeleteGadget(ctx, asha, g.ID, 3))
	require.ErrorIs(t, s.DeleteGadget(ctx, asha, g.ID, 0), ErrNotFound)

	copied, err := s.Copy(ctx, ravi, d.ID, "")
	require.NoError(t, err)
	require.Equal(t, "Copy of Morning", copied.Name)
	require.Equal(t, "ravi", copied.Owner)
	require.Empty(t, copied.SharePermissions)
	require.Len(t, copied.Gadgets, 2)
	require.NotEqual(t, added.ID, copied.Gadgets[1].ID, "gadgets of a copy are others")
	page, err := s.List(ctx, ravi, &ListQuery{Owner: "shared"})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	require.NoError(t, s.Delete(ctx, asha, d.ID, 0))
	_, err = s.Gadget(ctx, asha, added.ID)
	require.ErrorIs(t, err, ErrNotFound)
}

func TestDashboardsAreReplaced(t *testing.T) {
	t.Parallel()
	s := boards(t, newFilters(t, nil))
	asha := person("asha", "analyst")
	ctx := t.Context()
	d, err := s.Create(ctx, asha, &Dashboard{Name: "One", Gadgets: []*Gadget{stat("a", 0, 0), stat("b", 0, 3)}})
	require.NoError(t, err)
	a, b := d.Gadgets[0], d.Gadgets[1]
	same, err := s.Replace(ctx, asha, d.ID, d, d.Version)
	require.NoError(t, err)
	require.Equal(t, d.Version, same.Version, "what was read can be sent back")

	a.Position, b.Position = b.Position, a.Position // they change places at once
	swapped, err := s.Replace(ctx, asha, d.ID, &Dashboard{Name: "One", Gadgets: []*Gadget{a, b, stat("c", 2, 0)}}, d.Version)
	require.NoError(t, err)
	require.Equal(t, "b a c", swapped.Gadgets[0].Title+" "+swapped.Gadgets[1].Title+" "+swapped.Gadgets[2].Title)
	require.Equal(t, a.ID, swapped.Gadgets[1].ID)
	require.EqualValues(t, 2, swapped.Gadgets[1].Version)
	kept, err := s.Replace(ctx, asha, d.ID, &Dashboard{Name: "Two"}, swapped.Version)
	require.NoError(t, err)
	require.Len(t, kept.Gadgets, 3, "gadgets that are not named stay")
	text, err := json.Marshal(map[string]any{"gadgets": []*Gadget{kept.Gadgets[2]}})
	require.NoError(t, err)
	left, err := s.Patch(ctx, asha, d.ID, text, kept.Version)
	require.NoError(t, err)
	require.Len(t, left.Gadgets, 1)
	_, err = s.Replace(ctx, asha, d.ID, &Dashboard{Name: "Two", Gadgets: []*Gadget{{ID: a.ID, Type: "stat", Title: "x", FilterID: "f1", Position: a.Position}}}, 0)
	require.ErrorContains(t, err, "gadgets[0].id: there is no gadget")
	_, err = s.Create(ctx, asha, &Dashboard{Name: "TWO"})
	require.ErrorIs(t, err, ErrTaken)
	for _, patch := range []string{`{"version": 77}`, `{"permission": "read"}`, `{"name": null}`, `{"odd": 1}`, `{"gadgets": [{"odd": 1}]}`, `[]`, `{"gadgets": [{"position": {"row": 1e99}}]}`} {
		_, err = s.Patch(ctx, asha, d.ID, []byte(patch), 0)
		require.ErrorIs(t, err, ErrInvalid, patch)
	}
}

// TestGadgetsFit holds that what does not fit is refused with the member at fault.
func TestGadgetsFit(t *testing.T) {
	t.Parallel()
	half := 50.0
	for _, c := range []struct {
		kind, want string
		config     GadgetConfig
	}{
		{"pie-chart", "config.group_by", GadgetConfig{}},
		{"pie-chart", "config.metric", GadgetConfig{GroupBy: "a", Metric: "avg", MetricField: "b"}},
		{"pie-chart", "config.split_by", GadgetConfig{GroupBy: "a", SplitBy: "b"}},
		{"pie-chart", "config.interval", GadgetConfig{GroupBy: "a", Interval: "day"}},
		{"pie-chart", "config.compare", GadgetConfig{GroupBy: "a", Compare: "previous_period"}},
		{"bar-chart", "config.group_by", GadgetConfig{}},
		{"bar-chart", "config.split_by", GadgetConfig{GroupBy: "a", SplitBy: "a"}},
		{"bar-chart", "config.columns", GadgetConfig{GroupBy: "a", Columns: []string{"b"}}},
		{"bar-chart", "config.compare", GadgetConfig{GroupBy: "a", Compare: "previous_period"}},
		{"bar-chart", "config.compare", GadgetConfig{GroupBy: "a", Interval: "day", Compare: "last year"}},
		{"line-chart", "config.sort", GadgetConfig{GroupBy: "a", Interval: "day", Sort: "count"}},
		{"line-chart", "config.compare", GadgetConfig{GroupBy: "a", Interval: "day", SplitBy: "b", Compare: "previous_period"}},
		{"line-chart", "config.interval", GadgetConfig{GroupBy: "a", Interval: "fortnight"}},
		{"stat", "config.group_by", GadgetConfig{GroupBy: "a"}},
		{"stat", "config.group_by", GadgetConfig{Compare: "previous_period"}},
		{"stat", "config.limit", GadgetConfig{Limit: 3}},
		{"stat", "config.limit", GadgetConfig{Limit: -1}},
		{"stat", "config.metric", GadgetConfig{Metric: "mode", MetricField: "a"}},
		{"stat", "config.metric_field", GadgetConfig{Metric: "sum"}},
		{"stat", "config.metric_field", GadgetConfig{MetricField: "a"}},
		{"stat", "config.percentile", GadgetConfig{Metric: "percentile", MetricField: "a"}},
		{"stat", "config.percentile", GadgetConfig{Metric: "sum", MetricField: "a", Percentile: &half}},
		{"stat", "config.time_zone", GadgetConfig{TimeZone: "Mars/Base"}},
		{"stat", "config.time_zone", GadgetConfig{TimeZone: "../etc/passwd"}},
		{"stat", "config.metric_field", GadgetConfig{Metric: "sum", MetricField: "a\x00"}},
		{"table", "config.columns", GadgetConfig{GroupBy: "a", Columns: []string{"b"}}},
		{"table", "config.columns[1]", GadgetConfig{Columns: []string{"b", ""}}},
		{"table", "config.sort", GadgetConfig{Sort: "key"}},
		{"table", "config.metric", GadgetConfig{Metric: "sum", MetricField: "a"}},
		{"table", "config.split_by", GadgetConfig{SplitBy: "a"}},
		{"table", "config.compare", GadgetConfig{GroupBy: "a", Interval: "day", Compare: "previous_period"}},
		{"map", "type", GadgetConfig{}},
	} {
		g := &Gadget{Type: c.kind, Title: "x", FilterID: "f", Config: c.config, Position: Position{Width: 1, Height: 1}}
		var errs FieldErrors
		g.check("", &errs)
		require.NotEmpty(t, errs, "%s %+v", c.kind, c.config)
		require.Equal(t, c.want, errs[0].Field, "%s %+v: %v", c.kind, c.config, errs)
	}
	for _, c := range []struct {
		want string
		p    Position
	}{
		{"position.row", Position{Row: -1, Width: 1, Height: 1}},
		{"position.col", Position{Column: 12, Width: 1, Height: 1}},
		{"position.width", Position{Column: 11, Width: 2, Height: 1}},
		{"position.width", Position{Width: 13, Height: 1}},
		{"position.height", Position{Width: 1}},
		{"position.height", Position{Width: 1, Height: 51}},
		{"position.row", Position{Row: 1 << 62, Width: 1, Height: 1}},
	} {
		g := stat("x", 0, 0)
		g.Position = c.p
		var errs FieldErrors
		g.check("", &errs)
		require.NotEmpty(t, errs, "%+v", c.p)
		require.Equal(t, c.want, errs[0].Field, "%+v", c.p)
	}
}

func TestBadDashboards(t *testing.T) {
	t.Parallel()
	s := boards(t, newFilters(t, nil))
	asha := person("asha", "analyst")
	many := &Dashboard{Name: "many"}
	for i := range MaxGadgets + 1 {
		many.Gadgets = append(many.Gadgets, stat("x", 2*i, 0))
	}
	none := stat("x", 0, 0)
	none.FilterID = "none"
	for want, d := range map[string]*Dashboard{
		"name":                    {},
		"there is no dashboard":   nil,
		"gadgets: there are 51":   many,
		"gadgets[1].position":     {Name: "x", Gadgets: []*Gadget{stat("a", 0, 0), stat("b", 1, 2)}},
		"gadgets[0].type":         {Name: "x", Gadgets: []*Gadget{nil}},
		"gadgets[1].filter_id":    {Name: "x", Gadgets: []*Gadget{stat("a", 4, 0), none}},
		"share_permissions[0].id": {Name: "x", SharePermissions: []SharePermission{{Type: "user", Permission: Read}}},
	} {
		_, err := s.Create(t.Context(), asha, d)
		require.ErrorIs(t, err, ErrInvalid, want)
		require.ErrorContains(t, err, want)
	}
	d, err := s.Create(t.Context(), asha, &Dashboard{Name: "one", Gadgets: []*Gadget{stat("a", 0, 0)}})
	require.NoError(t, err)
	_, err = s.AddGadget(t.Context(), asha, d.ID, stat("b", 1, 1))
	require.ErrorContains(t, err, `position: stands where the gadget "a" does`)
	_, err = s.AddGadget(t.Context(), asha, d.ID, none)
	require.ErrorContains(t, err, `position: stands`)
	none.Position.Row = 9
	_, err = s.AddGadget(t.Context(), asha, d.ID, none)
	var fields FieldErrors
	require.ErrorAs(t, err, &fields)
	require.Equal(t, "filter_id", fields[0].Field, "of a gadget by itself the member is said as the gadget has it")
	got, err := s.Get(t.Context(), asha, d.ID)
	require.NoError(t, err)
	require.Equal(t, d.Version, got.Version, "what is refused leaves nothing behind")
}

// TestManyChangeGadgets holds that changes of different gadgets at one time are all kept.
func TestManyChangeGadgets(t *testing.T) {
	t.Parallel()
	s := boards(t, newFilters(t, nil))
	asha := person("asha", "analyst")
	d, err := s.Create(t.Context(), asha, &Dashboard{Name: "one"})
	require.NoError(t, err)
	var working sync.WaitGroup
	for i := range 12 {
		working.Go(func() {
			g, err := s.AddGadget(t.Context(), asha, d.ID, stat(fmt.Sprint("g", i), i/4*2, i%4*3))
			if err == nil {
				_, err = s.PatchGadget(t.Context(), asha, g.ID, []byte(`{"config": {"metric": "max", "metric_field": "age"}}`), g.Version)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	working.Wait()
	got, err := s.Get(t.Context(), asha, d.ID)
	require.NoError(t, err)
	require.Len(t, got.Gadgets, 12)
	for _, g := range got.Gadgets {
		require.Equal(t, "max", g.Config.Metric)
		require.EqualValues(t, 2, g.Version)
	}
}

func TestCascade(t *testing.T) {
	t.Parallel()
	filters := newFilters(t, nil)
	s := boards(t, filters)
	ctx, asha, ravi := t.Context(), person("asha", "analyst"), person("ravi", "analyst")
	mine := mustCreate(t, filters, asha, &Filter{Name: "mine", SharePermissions: []SharePermission{withUser("zoe", Write)}})
	open := mustCreate(t, filters, asha, &Filter{Name: "open", SharePermissions: []SharePermission{{Type: "public", Permission: Read}}})
	his := mustCreate(t, filters, ravi, &Filter{Name: "his", SharePermissions: []SharePermission{withUser("asha", Write)}})
	board := &Dashboard{Name: "all", SharePermissions: []SharePermission{withUser("zoe", Admin), {Type: "group", ID: "ward", Permission: Write}}}
	for i, id := range []string{mine.ID, open.ID, his.ID, "gone", mine.ID} {
		g := stat("x", 2*i, 0)
		g.FilterID = id
		board.Gadgets = append(board.Gadgets, g)
	}
	d, err := s.Create(ctx, asha, board)
	require.NoError(t, err)
	outcomes := func(all []Cascade) string {
		var b strings.Builder
		for _, c := range all {
			fmt.Fprintf(&b, "%s=%s+%d ", c.Name, c.Outcome, len(c.Adds))
		}
		return b.String()
	}
	all, err := s.Cascade(ctx, asha, d.ID, filters, true)
	require.NoError(t, err)
	require.Equal(t, "mine=would_share+1 open=nothing_to_do+0 his=forbidden+2 =not_found+0 ", outcomes(all))
	got, err := filters.Get(ctx, asha, mine.ID)
	require.NoError(t, err)
	require.Equal(t, mine.Version, got.Version, "a dry run changes nothing")

	all, err = s.Cascade(ctx, asha, d.ID, filters, false)
	require.NoError(t, err)
	require.Equal(t, "mine=shared+1 open=nothing_to_do+0 his=forbidden+2 =not_found+0 ", outcomes(all))
	got, err = filters.Get(ctx, person("bina", "viewer", "ward"), mine.ID)
	require.NoError(t, err)
	require.Equal(t, Read, got.Permission, "to read, whatever the share of the dashboard")
	require.Equal(t, []SharePermission{withUser("zoe", Write), {Type: "group", ID: "ward", Permission: Read}}, got.SharePermissions)
	all, err = s.Cascade(ctx, asha, d.ID, filters, false)
	require.NoError(t, err)
	require.Equal(t, "mine=nothing_to_do+0 open=nothing_to_do+0 his=forbidden+2 =not_found+0 ", outcomes(all))
	_, err = s.Cascade(ctx, &access.Principal{User: "zoe", Tenant: "pb", Roles: []string{"viewer"}}, d.ID, filters, false)
	require.NoError(t, err, "whoever has admin on it")
}

func FuzzPatchGadget(f *testing.F) {
	for _, seed := range []string{`{}`, `{"title": "x"}`, `{"config": {"percentile": 1e400}}`, `{"config": {"columns": [null]}}`, `{"position": {"row": -1}}`, `{"config": null}`, `{"position": null}`, `null`, `{"a": {"a": 1}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, patch []byte) {
		g := stat("x", 0, 0)
		if err := patched(g, patch, "type", "title", "filter_id", "position"); err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.Equal(t, stat("x", 0, 0), g)
			return
		}
		if err := (&Dashboard{}).setGadget(0, g); err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		text, err := json.Marshal(g)
		require.NoError(t, err)
		var again Gadget
		require.NoError(t, json.Unmarshal(text, &again))
		require.True(t, g.same(&again))
	})
}

// TestGadgetsOfADamagedStore holds that a document that cannot be read is an error, and no panic.
func TestGadgetsOfADamagedStore(t *testing.T) {
	t.Parallel()
	filters := newFilters(t, nil)
	s := boards(t, filters)
	_, err := s.store.Put(t.Context(), &docstore.Document{
		Key: docstore.Key{Tenant: "pb", Kind: "dashboards", ID: "bad"}, Name: "bad", Labels: []string{"owner:asha", "gadget:g"},
		Body: []byte(`{"name": "bad", "owner": "asha", "gadgets": "none"}`),
	}, 0)
	require.NoError(t, err)
	_, err = s.Get(t.Context(), person("asha", "analyst"), "bad")
	require.ErrorIs(t, err, docstore.ErrCorrupt)
	_, err = s.Gadget(t.Context(), person("asha", "analyst"), "g")
	require.ErrorIs(t, err, docstore.ErrCorrupt)
}
