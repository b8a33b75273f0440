package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/server/sample"
)

// sampleMark is the document that says that the sample has been loaded whole.
var sampleMark = docstore.Key{Tenant: "-", Kind: "server", ID: "sample"}

// sample loads the sample records and filters into an engine that has nothing else, once.
func (p *Program) sample(ctx context.Context, o *parts, service *dhr.Service) error {
	if load := o.config.Sample.Load; load == "never" || load == "embedded" && o.kind != "sqlite" {
		return nil
	}
	switch _, err := o.store.Get(ctx, sampleMark); {
	case err == nil:
		return nil
	case !errors.Is(err, docstore.ErrNotFound):
		return err
	}
	all, err := o.engine.Schemas(ctx, "*")
	if err != nil {
		return err
	}
	for _, s := range all {
		if !slices.Contains(sample.Indexes(), s.Index) {
			return nil // there are records of somebody's own
		}
	}
	begun := time.Now()
	var last time.Time
	err = sample.Load(ctx, o.engine, func(done, total int64) {
		if done < total && time.Since(last) < 500*time.Millisecond {
			return
		}
		last = time.Now()
		if p.Terminal {
			say(p.Errors, "\rloading sample records: %d of %d", done, total)
		} else {
			say(p.Errors, "loading sample records: %d of %d\n", done, total)
		}
	})
	if p.Terminal {
		say(p.Errors, "\n")
	}
	if err != nil {
		return fmt.Errorf("the sample records: %w", err)
	}
	debug.FreeOSMemory() // loading takes more than all that comes after it
	if err := sampleFilters(ctx, o, service); err != nil {
		return fmt.Errorf("the sample filters: %w", err)
	}
	say(p.Errors, "sample records loaded in %.1f s\n", time.Since(begun).Seconds())
	_, err = o.store.Put(ctx, &docstore.Document{Key: sampleMark, Body: json.RawMessage("{}")}, 0)
	if errors.Is(err, docstore.ErrConflict) { // another process was first
		return nil
	}
	return err
}

// sampleFilters saves the sample filters, for everybody to read.
func sampleFilters(ctx context.Context, o *parts, service *dhr.Service) error {
	c := o.config
	who := &access.Principal{User: c.Auth.User, Tenant: c.Tenants.Default, Roles: []string{allRights}}
	if c.Auth.Mode == "none" {
		who = localUser(c)
	}
	for _, f := range sample.Filters() {
		_, err := service.Filters().Create(ctx, who, &dashboard.Filter{
			Name: f.Name, Description: f.Description, JQL: f.JQL, AllowedIndexes: f.Indexes,
			SharePermissions: []dashboard.SharePermission{{Type: "public", Permission: dashboard.Read}},
		})
		if err != nil && !errors.Is(err, dashboard.ErrTaken) {
			return err
		}
	}
	return nil
}
