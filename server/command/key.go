package command

import (
	"context"
	"encoding/json"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/server/config"
)

// key makes an API key: what its owner sends goes to standard output, and what the configuration is to hold to standard error.
func (p *Program) key(_ context.Context, args []string) error {
	g := newGuide("key", "-name NAME", `Makes an API key, and prints it: the only time, since nothing keeps it. What recognises it is printed to standard error,
to be put into the configuration. The server takes the key as X-API-Key or Authorization: Bearer in every auth.mode but none.`,
		"server key -config application.yml -name loader -roles EXPORTER > loader.key\ncurl -H \"X-API-Key: $(cat loader.key)\" 127.0.0.1:3000/v1/me")
	var one config.APIKey
	var roles, groups string
	var s settings
	s.register(g.flags)
	g.flags.StringVar(&one.Name, "name", "", "the machine is called by this `name`")
	g.flags.StringVar(&one.Tenant, "tenant", "", "of this `tenant` (default that of the configuration)")
	g.flags.StringVar(&roles, "roles", "", "with these `roles`, with commas between")
	g.flags.StringVar(&groups, "groups", "", "in these `groups`, with commas between")
	g.flags.StringVar(&one.Expires, "expires", "", "it is let in before this `day` begins, in UTC, such as 2027-12-31 (default without end)")
	operands, err := p.read(g, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return p.misuse(g, "found %q where nothing is expected", operands[0])
	}
	if one.Name == "" {
		return p.misuse(g, "-name is missing: what the machine is called")
	}
	c, err := s.load(p.Env, "")
	if err != nil {
		return err
	}
	if one.Tenant == "" {
		one.Tenant = localUser(c).Tenant
	}
	one.Roles, one.Groups = commas(roles), commas(groups)
	text, kept, err := auth.NewKey(&access.Principal{User: one.Name, Tenant: one.Tenant, Roles: one.Roles, Groups: one.Groups}, time.Time{})
	if err != nil {
		return &errUsage{"no key is made: " + err.Error()}
	}
	one.ID, one.SHA256 = kept.ID, kept.SHA256
	c.Auth.Keys = append(c.Auth.Keys, one)
	if err := c.Check(); err != nil {
		return &errUsage{"no key is made: " + err.Error()}
	}
	if c.Auth.Mode == "none" {
		say(p.Errors, "warning: auth.mode is none, so that a server with this configuration does not look at keys; set it to keys\n")
	}
	p.tell(&one)
	say(p.Out, "%s\n", text)
	return nil
}

// tell prints what the configuration has to hold of a key. JSON is YAML.
func (p *Program) tell(one *config.APIKey) {
	say(p.Errors, "auth:\n  keys:\n    - id: %q\n      sha256: %q\n", one.ID, one.SHA256)
	for _, m := range []struct {
		name  string
		value any
		there bool
	}{
		{"name", one.Name, true},
		{"tenant", one.Tenant, true},
		{"roles", one.Roles, len(one.Roles) > 0},
		{"groups", one.Groups, len(one.Groups) > 0},
		{"expires", one.Expires, one.Expires != ""},
	} {
		if text, err := json.Marshal(m.value); err == nil && m.there {
			say(p.Errors, "      %s: %s\n", m.name, text)
		}
	}
}
