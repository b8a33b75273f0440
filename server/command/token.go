package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth/jwtauth"
	"github.com/digit-health/dhr/server/config"
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
	local := localUser(c)
	if who.User == "" {
		who.User = local.User
	}
	if who.Tenant == "" {
		who.Tenant = local.Tenant
	}
	who.Roles, who.Groups = commas(roles), commas(groups)
	text, err := mint(&c.Auth.JWT, &who, ttl)
	if err != nil {
		return &errUsage{"no token is made: " + err.Error()}
	}
	if c.Auth.Mode != "jwt" && c.Auth.Mode != "digit3" {
		say(p.Errors, "warning: auth.mode is %s, so that a server with this configuration does not look at tokens\n", c.Auth.Mode)
	}
	known := *c
	known.Auth.Roles = who.Roles
	if err := known.Check(); err != nil { // the configuration was checked, so that it is the roles
		say(p.Errors, "warning: the token gives nothing for some of its roles: %s\n", err)
	}
	_, err = fmt.Fprintln(p.Out, text)
	return err
}

// mint makes a token, and holds that a server with the configuration takes it for what it says.
func mint(j *config.JWT, who *access.Principal, ttl time.Duration) (string, error) {
	text, err := jwtauth.Mint([]byte(j.Secret.Reveal()), who, ttl, nil)
	if err != nil {
		return "", err
	}
	tokens, err := jwtTokens(j)
	if err != nil {
		return "", err
	}
	got, err := tokens.Authenticate(&http.Request{Header: http.Header{"Authorization": {"Bearer " + text}}})
	if err != nil {
		return "", fmt.Errorf("a server with this configuration would not take it: %w", err)
	}
	if got.User != who.User || got.Tenant != who.Tenant || !slices.Equal(got.Roles, who.Roles) || !slices.Equal(got.Groups, who.Groups) {
		return "", fmt.Errorf("a server with this configuration would take it for user %q of tenant %q with the roles %q and groups %q; auth.jwt.claims says where it looks",
			got.User, got.Tenant, got.Roles, got.Groups)
	}
	return text, nil
}
