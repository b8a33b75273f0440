package command

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/server/config"
)

// localUser returns who everybody is that the machine lets in: on the command line, and everywhere if nobody signs in.
func localUser(c *config.Config) (*access.Principal, error) {
	a := c.Auth
	who := &access.Principal{User: a.User, Tenant: a.Tenant, Roles: a.Roles, Groups: a.Groups}
	if who.Tenant == "" {
		who.Tenant = c.Tenants.Default
	}
	if len(who.Roles) > 0 {
		return who, nil
	}
	if len(c.Roles) > 0 {
		who.Roles = slices.Sorted(maps.Keys(c.Roles))
		return who, nil
	}
	shipped, err := access.ParseRoles(access.DefaultRoles())
	who.Roles = slices.Sorted(maps.Keys(shipped))
	return who, err
}

// membersOf returns the users of a group, as the configuration knows it.
func membersOf(c *config.Config) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, group string) ([]string, error) {
		users, ok := c.Directory.Groups[group]
		if !ok {
			return nil, fmt.Errorf("there is no group %q", group)
		}
		return users, nil
	}
}

// circumstances are those of the configuration in which a query is asked.
func circumstances(c *config.Config) (*jql.ResolveOptions, error) {
	zone, err := time.LoadLocation(c.Query.TimeZone)
	if err != nil {
		return nil, err
	}
	o := &jql.ResolveOptions{Zone: zone, Members: membersOf(c)}
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(day.String(), c.Query.WeekStart) {
			o.WeekStart = day
		}
	}
	return o, nil
}
