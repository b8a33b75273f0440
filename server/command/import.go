package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/bulk"
)

// An importing is one call of the command import.
type importing struct {
	settings
	p              *Program
	guide          *guide
	index, mapping string
	show           int
	sources        []*source
	refused        int
}

func newImporting(p *Program) *importing {
	im := &importing{p: p}
	im.guide = newGuide("import", "FILE...", `Loads records from files into an index, which is made if it is not there. A file has a JSON document on each
line: a plain one, one in the form {"_id": …, "_source": {…}}, or pairs of lines for the bulk API of Elasticsearch. It
may be compressed with gzip or zstd; - is standard input. A record replaces the one with the same _id.

A new index gets the mapping of -mapping, or else one that is inferred from all of the documents before the first is
stored. An index that is there gets the fields that it lacks. What is refused is said with its file, line and reason,
and the rest is stored. The exit code is 0 only if every record was stored; the next query finds them.`,
		"server import -index visits visits-2024.ndjson.gz visits-2025.ndjson.gz\nzcat visits.ndjson.gz | server import -index visits -mapping visits.json -")
	im.register(im.guide.flags)
	im.guide.flags.StringVar(&im.index, "index", "", "the records go into the index of this `name`")
	im.guide.flags.StringVar(&im.mapping, "mapping", "", "this `file` has the mapping of the index, as Elasticsearch takes and gives it; fields that the index lacks are added")
	im.guide.flags.IntVar(&im.show, "show", 100, "show this `number` of refused records; 0 shows all")
	return im
}

func (p *Program) importFiles(ctx context.Context, args []string) (err error) {
	im := newImporting(p)
	names, err := p.read(im.guide, args)
	if err != nil {
		return err
	}
	if err := im.check(names); err != nil {
		return err
	}
	c, err := im.load(p.Env, "")
	if err != nil {
		return err
	}
	var declared *record.Schema
	if im.mapping != "" {
		if declared, err = readMapping(im.index, im.mapping); err != nil {
			return &errUsage{fmt.Sprintf("the mapping: %v", err)}
		}
	}
	if im.sources, err = sources(names); err != nil {
		return fmt.Errorf("%w\nnothing was stored", err)
	}
	o, err := open(ctx, c)
	if err != nil {
		return im.busy(err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	return im.busy(im.run(ctx, o, declared))
}

// check checks the arguments.
func (im *importing) check(names []string) error {
	twice := map[string]bool{}
	for _, name := range names {
		if twice[name] {
			return im.p.misuse(im.guide, "%q stands twice; a file is read once", name)
		}
		twice[name] = true
	}
	switch {
	case im.index == "":
		return im.p.misuse(im.guide, "-index is missing: the name of the index that the records go into")
	case badIndexName(im.index) != "":
		return im.p.misuse(im.guide, "-index %q: %s", im.index, badIndexName(im.index))
	case len(names) == 0:
		return im.p.misuse(im.guide, "no file is named; - is standard input")
	case im.show < 0:
		return im.p.misuse(im.guide, "-show %d is less than nothing", im.show)
	}
	return nil
}

// badIndexName says why an index cannot have a name, by the rules of Elasticsearch, or returns "".
func badIndexName(name string) string {
	switch {
	case name != strings.ToLower(name):
		return "the name of an index is in lower case"
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:") || visible(name) != name:
		return `the name of an index has no blanks and none of \ / * ? " < > | , # :`
	case strings.ContainsAny(name[:1], "-_+."):
		return "the name of an index does not begin with - _ + or ."
	case len(name) > 255:
		return "the name of an index has at most 255 bytes"
	}
	return ""
}

// run finds the schema of the index, makes it, and loads the files.
func (im *importing) run(ctx context.Context, o *parts, declared *record.Schema) error {
	s := declared
	if s == nil {
		existing, err := o.engine.Schemas(ctx, im.index)
		if err != nil {
			return err
		}
		if len(existing) > 0 {
			extended, forget, err := im.extend(ctx, o, existing[0])
			defer forget()
			if err != nil {
				return err
			}
			s = extended
		}
	}
	if s == nil {
		inferred, forget, err := im.infer(ctx, filepath.Join(o.config.Server.Data, "tmp"))
		defer forget()
		if err != nil {
			return im.stopped(ctx, err)
		}
		s = inferred
	}
	if err := o.engine.Create(ctx, s); err != nil {
		return fmt.Errorf("%w\nnothing was stored", err)
	}
	return im.store(ctx, o.engine, s)
}

// infer makes a mapping of all documents. Forget removes the copies that it needs of what can be read only once.
func (im *importing) infer(ctx context.Context, dir string) (s *record.Schema, forget func(), err error) {
	g := im.p.progress("reading "+im.index, 0)
	forget, err = im.p.keep(ctx, im.sources, dir, g)
	g.end()
	if err != nil {
		return nil, forget, err
	}
	g = im.p.progress("looking for the fields of "+im.index, total(im.sources))
	defer g.end()
	s, err = bulk.Infer(ctx, im.index, im.names(), &bulk.Options{Open: im.opener(ctx, g)})
	return s, forget, err
}

// stopped says of an error that came before anything was stored that this is so.
func (im *importing) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing was stored")
	}
	return fmt.Errorf("%w\nnothing was stored", err)
}

func (im *importing) names() []string {
	names := make([]string, len(im.sources))
	for i, s := range im.sources {
		names[i] = s.shown()
	}
	return names
}

func (im *importing) opener(ctx context.Context, g *progress) func(string) (io.ReadCloser, error) {
	return func(name string) (io.ReadCloser, error) {
		i := slices.IndexFunc(im.sources, func(s *source) bool { return s.shown() == name })
		f, err := im.p.openSource(ctx, im.sources[i])
		if err != nil {
			return nil, err
		}
		return g.reading(f), nil
	}
}

// store loads the files, and says what became of them.
func (im *importing) store(ctx context.Context, engine search.Loader, s *record.Schema) error {
	g := im.p.progress("loading "+im.index, total(im.sources))
	report, err := bulk.Load(ctx, g.loading(engine), s, im.names(), &bulk.Options{
		Open: im.opener(ctx, g), Keep: -1,
		Refused: func(r search.Refusal) { g.aside(func() { im.refuse(r) }) },
	})
	g.end()
	if hidden := im.refused - im.shown(); hidden > 0 {
		say(im.p.Out, "%d more refused records are not shown; -show 0 shows all\n", hidden)
	}
	_, unsaid := fmt.Fprintf(im.p.Out, "%s: %d read, %d stored, %d refused\n", im.index, report.Read, report.Stored, report.Refused)
	return errors.Join(im.verdict(ctx, report, err), unsaid)
}

// verdict returns nil if every record was stored, or what is missing.
func (im *importing) verdict(ctx context.Context, report *bulk.Report, err error) error {
	var unread *bulk.FileError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: at least %d records were stored, and stay", report.Stored)
	case errors.As(err, &unread):
		return fmt.Errorf("%w\nnot everything was stored: what could be read was", err)
	case err != nil:
		return fmt.Errorf("%w\nnot everything was stored: at least %d records were", err, report.Stored)
	case report.Refused > 0:
		return fmt.Errorf("not everything was stored: %d of %d records were refused", report.Refused, report.Read)
	}
	return nil
}

// shown is how many of the refused records are shown.
func (im *importing) shown() int {
	if im.show == 0 {
		return math.MaxInt
	}
	return min(im.show, im.refused)
}

// refuse says why a record is not stored.
func (im *importing) refuse(r search.Refusal) {
	if im.refused++; im.refused > im.shown() {
		return
	}
	id := ""
	if r.ID != "" {
		id = fmt.Sprintf("id %q: ", r.ID)
	}
	say(im.p.Out, "%s:%d: %s%s\n", visible(r.File), r.Place, id, visible(r.Reason))
}

// busy says of a store that another process holds what can be done.
func (im *importing) busy(err error) error {
	if errors.Is(err, search.ErrUnavailable) && im.es == "" && im.postgres == "" && strings.Contains(err.Error(), "locked") {
		return fmt.Errorf("%w\nanother process, such as a running server or import, is writing to the store; wait until it has ended, and import again", err)
	}
	return err
}
