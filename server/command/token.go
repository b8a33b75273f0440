package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth/jwtauth"
)

// token mints a token for development.
func (p *Program) token(_ context.Context, args []string) error {
	g := newGuide("token", "", `Prints a token for development, signed with the secret of the configuration (auth.jwt.secret, or the file of
auth.jwt.secret_file), that the server takes as Authorization: Bearer. Whoever has it is who it says, until it expires.`,
		"curl -H \"Authorization: Bearer $(server token -config application.yml -user asha -roles ANALYST)\" 127.0.0.1:3000/v1/me")
	var who access.Principal
	var roles, groups string
	var ttl time.Duration
	var s settings
	s.register(g.flags)
	g.flags.StringVar(&who.User, "user", "", "the token is for the user of this `name` (default the local user)")
	g.flags.StringVar(&who.Tenant, "tenant", "", "of this `tenant` (default that of the configuration)")
	g.flags.StringVar(&roles, "roles", "", "with these `roles`, with commas between")
	g.flags.StringVar(&groups, "groups", "", "in these `groups`, with commas between")
	g.flags.DurationVar(&ttl, "ttl", 12*time.Hour, "it expires after this `duration`, such as 30m or 12h")
	operands, err := p.read(g, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return p.misuse(g, "found %q where nothing is expected", operands[0])
	}
	c, err := s.load(p.Env, "")
	if err != nil {
		return err
	}
	if c.Auth.JWT.Secret.IsZero() {
		return errors.New("no token is made: the configuration has no secret to sign it with; set auth.mode to jwt, and auth.jwt.secret_file to a file that holds 32 bytes or more")
	}
	local, err := localUser(c)
	if err != nil {
		return err
	}
	if who.User == "" {
		who.User = local.User
	}
	if who.Tenant == "" {
		who.Tenant = local.Tenant
	}
	who.Roles, who.Groups = commas(roles), commas(groups)
	text, err := jwtauth.Mint([]byte(c.Auth.JWT.Secret.Reveal()), &who, ttl, nil)
	if err != nil {
		return &errUsage{err.Error()}
	}
	if c.Auth.Mode == "none" {
		fmt.Fprintln(p.Errors, "warning: auth.mode is none, so that a server with this configuration does not look at tokens")
	}
	_, err = fmt.Fprintln(p.Out, text)
	return err
}
