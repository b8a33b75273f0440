package command

import (
	"context"
	"fmt"
)

// configure is the command config, whose first argument says what to do.
func (p *Program) configure(ctx context.Context, args []string) error {
	return p.choose(ctx, "config", args, []command{
		{"check", "[-config FILE]", "say everything that is wrong with the configuration", (*Program).configCheck},
		{"print", "[-config FILE]", "print the configuration as it counts, without secrets", (*Program).configPrint},
	})
}

// choose runs the one of several commands that the first argument names.
func (p *Program) choose(ctx context.Context, name string, args []string, from []command) error {
	to := p.Errors
	if len(args) > 0 {
		for _, c := range from {
			if c.name == args[0] {
				return c.run(p, ctx, args[1:])
			}
		}
		switch args[0] {
		case "-h", "-help", "--help", "help":
			to = p.Out
		default:
			say(to, "there is no command %q\n", name+" "+args[0])
		}
	}
	for _, c := range from {
		say(to, "  %-32s %s\n", "server "+name+" "+c.name+" "+c.arguments, c.about)
	}
	if to == p.Out {
		return nil
	}
	return &errUsage{}
}

func (p *Program) configCheck(_ context.Context, args []string) error {
	return p.configured(newGuide("config check", "", `Reads the configuration as the server does, from its defaults, the file and the environment, and says everything that
is wrong with it, each with its place. Of what it names, the files of keys and certificates alone are opened. The exit
code is 2 if anything is wrong.`,
		"server config check -config application.yml"), args, func(s *settings) error {
		c, err := s.load(p.Env, "")
		if err != nil {
			return err
		}
		if _, _, err := secured(c); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.Out, "the configuration is fine: records in %s, everything else in %s, sign-in %s\n", c.EngineKind(), c.DocstoreKind(), c.Auth.Mode)
		return err
	})
}

func (p *Program) configPrint(_ context.Context, args []string) error {
	return p.configured(newGuide("config print", "", `Prints the configuration as it counts: the defaults, the file over them, and over both the environment. Secrets are
not printed.`,
		"server config print -config application.yml"), args, func(s *settings) error {
		c, err := s.load(p.Env, "")
		if err != nil {
			return err
		}
		text, err := c.YAML()
		if err != nil {
			return err
		}
		_, err = p.Out.Write(text)
		return err
	})
}

// configured reads the arguments of a command that has none but the common flags, and does it.
func (p *Program) configured(g *guide, args []string, do func(*settings) error) error {
	var s settings
	s.register(g.flags)
	operands, err := p.read(g, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return p.misuse(g, "found %q where nothing is expected", operands[0])
	}
	return do(&s)
}
