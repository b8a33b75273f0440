package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// A guide is what a command says of itself.
type guide struct {
	name      string // as it is called: "config check"
	arguments string
	about     string // some lines that end with a full stop
	example   string // one, or several on lines of their own
	flags     *flag.FlagSet
}

// newGuide returns the guide of a command, whose flags are to be added.
func newGuide(name, arguments, about, example string) *guide {
	g := &guide{name: name, arguments: arguments, about: about, example: example, flags: flag.NewFlagSet(name, flag.ContinueOnError)}
	g.flags.Usage = func() {} // it is printed where it is asked for, not under every mistake
	return g
}

// read reads the flags of a command from its arguments, and prints the guide if that is asked for.
// What is left are operands, of which none may look like a flag that came too late.
func (p *Program) read(g *guide, args []string) (operands []string, err error) {
	if err = p.parse(g.flags, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			g.print(p.Out)
		} else {
			p.see(g)
		}
		return nil, err
	}
	operands = g.flags.Args()
	for i, o := range operands {
		if len(args) > len(operands) && args[len(args)-len(operands)-1] == "--" {
			break
		}
		if len(o) > 1 && o[0] == '-' && i > 0 {
			return nil, p.misuse(g, "found %q behind %q; flags stand before everything else", o, operands[i-1])
		}
	}
	return operands, nil
}

// misuse returns a mistake in the arguments of a command.
func (p *Program) misuse(g *guide, format string, args ...any) error {
	say(p.Errors, format+"\n", args...)
	p.see(g)
	return &errUsage{}
}

// see says where to read more.
func (p *Program) see(g *guide) { say(p.Errors, "server %s -h says how it is used\n", g.name) }

func (g *guide) print(to io.Writer) {
	say(to, "%s\n\n%s\n\nFlags:\n", strings.TrimSpace("server "+g.name+" [flags] "+g.arguments), g.about)
	g.flags.VisitAll(func(f *flag.Flag) {
		name, usage := flag.UnquoteUsage(f)
		line := fmt.Sprintf("  -%s %s", f.Name, name)
		if f.DefValue != "" && f.DefValue != "false" {
			usage += " (default " + f.DefValue + ")"
		}
		if len(line) < 24 {
			say(to, "%-24s%s\n", line, usage)
		} else {
			say(to, "%s\n%24s%s\n", line, "", usage)
		}
	})
	say(to, "\nFor example:\n  %s\n", strings.ReplaceAll(g.example, "\n", "\n  "))
}

// visible returns a text that comes from elsewhere as it may be printed: what would move the cursor of a screen or
// change its colours is written as an escape.
func visible(text string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) && !unicode.In(r, unicode.Zs, unicode.M) && !joiner(r) }
	if strings.IndexFunc(text, hidden) < 0 && !strings.ContainsRune(text, unicode.ReplacementChar) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		default:
			say(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// joiner reports whether r joins letters, or keeps them apart, as Indian scripts and Persian need.
func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
