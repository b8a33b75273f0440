// Package command is the command line of DHR: the server, and what is done beside it.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The exit codes of all commands.
const (
	exitDone   = 0 // it was done, all of it
	exitFailed = 1 // it was not done, or not all of it
	exitUsage  = 2 // the arguments or the configuration make no sense
)

// A Program is what a command runs in.
type Program struct {
	In          io.Reader
	Out, Errors io.Writer
	// Env returns a variable of the environment.
	Env func(name string) string
	// Terminal says that Errors is a screen on which a line can be written again.
	Terminal bool
	// Version is that of the program.
	Version string
}

// A command is one of those of the command line.
type command struct {
	name, arguments, about string
	run                    func(p *Program, ctx context.Context, args []string) error
}

// commands are in the order of the help.
func commands() []command {
	return []command{
		{"serve", "[flags]", "start the server; the default", (*Program).serve},
		{"import", "-index NAME FILE...", "load records from files", (*Program).importFiles},
		{"query", "JQL", "print the records that a query finds", (*Program).query},
		{"export", "-jql JQL -o FILE", "write the records that a query finds into a file", (*Program).exportFile},
		{"token", "", "print a token for development", (*Program).token},
		{"key", "-name NAME", "make an API key", (*Program).key},
		{"config", "check|print", "check or print the configuration", (*Program).configure},
		{"audit", "verify", "check the audit log", (*Program).audit},
		{"version", "", "print the version", (*Program).version},
	}
}

// errUsage is a mistake in the arguments or the configuration. Its text has been printed if it is empty.
type errUsage struct{ text string }

func (e *errUsage) Error() string { return e.text }

// Run runs the command that the arguments name, and returns the exit code: 0 if all was done, 1 if not, 2 if the
// arguments or the configuration make no sense.
func (p *Program) Run(ctx context.Context, args []string) int {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		name, args = "help", nil
	}
	if name == "help" {
		p.help(p.Out)
		return exitDone
	}
	for _, c := range commands() {
		if c.name == name {
			return p.code(c.run(p, ctx, args))
		}
	}
	say(p.Errors, "there is no command %q\n\n", name)
	p.help(p.Errors)
	return exitUsage
}

// code prints an error, and returns the exit code for it.
func (p *Program) code(err error) int {
	var usage *errUsage
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, &usage):
		if usage.text != "" {
			say(p.Errors, "%s\n", usage.text)
		}
		return exitUsage
	}
	say(p.Errors, "%s\n", err)
	return exitFailed
}

func (p *Program) help(to io.Writer) {
	say(to, "DHR answers questions about health records.\n\nCommands:\n")
	for _, c := range commands() {
		say(to, "  %-34s %s\n", strings.TrimSpace("server "+c.name+" "+c.arguments), c.about)
	}
	say(to, "\nserver COMMAND -h says more of each. Exit codes: 0 all was done, 1 it was not, 2 the arguments make no sense.\n")
}

// parse reads the flags of a command. An error has been printed.
func (p *Program) parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(p.Errors)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return &errUsage{}
	}
	return nil
}

func (p *Program) version(_ context.Context, args []string) error {
	if len(args) > 0 {
		return &errUsage{"version takes no arguments"}
	}
	_, err := fmt.Fprintln(p.Out, "dhr", p.Version)
	return err
}

// say prints. To whom it cannot be said there is nothing else to say it to.
func say(to io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(to, format, args...) }
