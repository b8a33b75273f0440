package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/audit"
)

// audit is the command audit, whose first argument says what to do.
func (p *Program) audit(ctx context.Context, args []string) error {
	return p.choose(ctx, "audit", args, []command{
		{"verify", "[-known SEQ:HASH]", "check that no entry was changed, added or taken away", (*Program).auditVerify},
	})
}

func (p *Program) auditVerify(ctx context.Context, args []string) (err error) {
	g := newGuide("audit verify", "", `Checks the chain of the audit log from its first entry on. Whoever can write to the store can also make a whole new
chain: to see that, keep the end that this command prints elsewhere, and give it to the next check with -known.
The exit code is 1 if the chain is broken.`,
		"server audit verify -known 1204:9f2c…")
	var s settings
	var known string
	s.register(g.flags)
	g.flags.StringVar(&known, "known", "", "the chain once ended with this `entry`, as SEQ:HASH; several have commas between")
	operands, err := p.read(g, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return p.misuse(g, "found %q where nothing is expected", operands[0])
	}
	opts := &audit.VerifyOptions{}
	for _, text := range commas(known) {
		head, ok := parseHead(text)
		if !ok {
			return p.misuse(g, "-known %q is no end of a chain, SEQ:HASH", text)
		}
		opts.Known = append(opts.Known, head)
	}
	c, err := s.load(p.Env, "")
	if err != nil {
		return err
	}
	if file := filepath.Join(c.Server.Data, "config.db"); c.DocstoreKind() == "sqlite" {
		if _, err := os.Stat(file); err != nil { // opening it would make it, and a new log is whole
			return fmt.Errorf("no server has kept anything under %q: %w", c.Server.Data, err)
		}
	}
	o := &parts{config: c}
	defer func() { err = errors.Join(err, o.Close()) }()
	if err := o.openStore(ctx); err != nil {
		return fmt.Errorf("the document store: %w", err)
	}
	return p.verify(ctx, o, opts)
}

// parseHead reads SEQ:HASH.
func parseHead(text string) (audit.Head, bool) {
	number, hash, ok := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	return audit.Head{Seq: seq, Hash: hash}, ok && err == nil && seq > 0 && hash != ""
}

func (p *Program) verify(ctx context.Context, o *parts, opts *audit.VerifyOptions) (err error) {
	log := audit.Open(o.store, nil)
	defer func() { err = errors.Join(err, log.Close()) }()
	g := p.progress("checking the audit log", 0)
	opts.Progress = g.records.Store
	report, err := log.Verify(ctx, opts)
	g.end()
	if err != nil {
		return err
	}
	if b := report.Break; b != nil {
		return fmt.Errorf("the chain is broken at entry %d: %s; the %d entries before are as they were appended", b.Seq, b.Reason, report.Entries)
	}
	if report.Entries == 0 {
		_, err = fmt.Fprintln(p.Out, "the audit log has no entries")
		return err
	}
	say(p.Out, "%d entries, none changed, added or taken away\nthe end is %d:%s\n", report.Entries, report.Last.Seq, report.Last.Hash)
	if report.Noted.Seq == 0 {
		say(p.Errors, "warning: no end is noted beside the chain; whether entries are missing there cannot be seen\n")
	}
	return nil
}
