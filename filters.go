package dhr

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/search"
)

// Filters are saved questions. They are those of package dashboard, and whoever changes one is noted in the audit.
type Filters struct {
	*dashboard.Filters

	service *Service
}

// change has change do something to a filter, and notes that who began it and how it ended: what cannot be noted is not
// done, and of what a crash has interrupted there is an entry.
func (s *Filters) change(ctx context.Context, who *access.Principal, action, id string, change func() (*dashboard.Filter, error)) (*dashboard.Filter, error) {
	begun := audit.Entry{Action: "filter." + action, Object: "filter/" + id, Detail: map[string]string{"outcome": "begun"}}
	if err := s.service.note(ctx, who, begun); err != nil {
		return nil, err
	}
	f, err := change()
	if f != nil {
		id = f.ID
	}
	e := audit.Entry{Action: "filter." + action, Object: "filter/" + id, Detail: map[string]string{"outcome": outcome(err)}}
	if f != nil { // as it is from now on, so that a change of who may see it is found whatever the change was called
		e.Detail["version"], e.Detail["owner"], e.Detail["shares"] = strconv.FormatInt(f.Version, 10), f.Owner, sharesText(f.SharePermissions)
	}
	if failed := s.service.note(ctx, who, e); err == nil {
		err = failed
	}
	return f, err
}

// sharesText lists shares in one line.
func sharesText(shares []dashboard.SharePermission) string {
	all := make([]string, len(shares))
	for i, p := range shares {
		all[i] = strings.Join([]string{p.Type, p.ID, string(p.Permission)}, ":")
	}
	return strings.Join(all, " ")
}

// Query is [dashboard.Filters.Query]. That somebody asked for a filter that it may not run is noted; the rest is when
// it is run.
func (s *Filters) Query(ctx context.Context, who *access.Principal, id string) (*search.Query, error) {
	q, err := s.Filters.Query(ctx, who, id)
	if err == nil {
		return q, nil
	}
	e := audit.Entry{Action: "query.run", Object: "filter/" + id, Detail: map[string]string{"outcome": outcome(err)}}
	return nil, errors.Join(err, s.service.note(ctx, who, e))
}

// Create is [dashboard.Filters.Create].
func (s *Filters) Create(ctx context.Context, who *access.Principal, f *dashboard.Filter) (*dashboard.Filter, error) {
	return s.change(ctx, who, "create", "", func() (*dashboard.Filter, error) { return s.Filters.Create(ctx, who, f) })
}

// Copy is [dashboard.Filters.Copy].
func (s *Filters) Copy(ctx context.Context, who *access.Principal, id, name string) (*dashboard.Filter, error) {
	return s.change(ctx, who, "copy", id, func() (*dashboard.Filter, error) { return s.Filters.Copy(ctx, who, id, name) })
}

// Replace is [dashboard.Filters.Replace].
func (s *Filters) Replace(ctx context.Context, who *access.Principal, id string, f *dashboard.Filter, expect int64) (*dashboard.Filter, error) {
	return s.change(ctx, who, "change", id, func() (*dashboard.Filter, error) { return s.Filters.Replace(ctx, who, id, f, expect) })
}

// Patch is [dashboard.Filters.Patch].
func (s *Filters) Patch(ctx context.Context, who *access.Principal, id string, patch []byte, expect int64) (*dashboard.Filter, error) {
	return s.change(ctx, who, "change", id, func() (*dashboard.Filter, error) { return s.Filters.Patch(ctx, who, id, patch, expect) })
}

// Delete is [dashboard.Filters.Delete].
func (s *Filters) Delete(ctx context.Context, who *access.Principal, id string, expect int64) error {
	_, err := s.change(ctx, who, "delete", id, func() (*dashboard.Filter, error) { return nil, s.Filters.Delete(ctx, who, id, expect) })
	return err
}

// ChangeOwner is [dashboard.Filters.ChangeOwner].
func (s *Filters) ChangeOwner(ctx context.Context, who *access.Principal, id, owner string, expect int64) (*dashboard.Filter, error) {
	return s.change(ctx, who, "own", id, func() (*dashboard.Filter, error) { return s.Filters.ChangeOwner(ctx, who, id, owner, expect) })
}

// SetPermissions is [dashboard.Filters.SetPermissions].
func (s *Filters) SetPermissions(ctx context.Context, who *access.Principal, id string, shares []dashboard.SharePermission, expect int64) (*dashboard.Filter, error) {
	return s.change(ctx, who, "share", id, func() (*dashboard.Filter, error) { return s.Filters.SetPermissions(ctx, who, id, shares, expect) })
}
