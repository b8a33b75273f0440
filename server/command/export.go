package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/pdf"
	"github.com/digit-health/dhr/export/xlsx"
	"github.com/digit-health/dhr/server/config"
)

// formats are the formats of exports.
func formats() []*export.Format {
	return []*export.Format{export.CSV(), xlsx.Format(), export.JSON(), export.NDJSON(), pdf.Format()}
}

// An exporting is one call of the command export.
type exporting struct {
	settings
	question

	p                  *Program
	guide              *guide
	jql, file          string
	format             string
	compression        string
	max                int64
	delimiter          string
	labels             bool
	noBOM, noEscape    bool
	lists, separator   string
	title              string
	chosen             *export.Format
	options            export.Options
	delimiterCharacter rune
}

func newExporting(p *Program) *exporting {
	e := &exporting{p: p}
	e.guide = newGuide("export", "", `Writes every record that a query finds into a file, as they all stood at one moment, whether -data, -es or -postgres says where
they are. The file appears when it is whole: all records that were counted are in it, or the exit code is not 0 and there
is no new file. The same records and the same -as-of make the same bytes.`,
		`server export -index visits -jql 'diagnosis ~ malaria ORDER BY date' -o malaria.csv
server export -es http://localhost:9200 -index project-task-index-v1 -jql 'createdDate >= startOfMonth()' -o tasks.xlsx
server export -index visits -format ndjson -o - | wc -l`)
	flags := e.guide.flags
	e.settings.register(flags)
	e.question.register(flags)
	flags.StringVar(&e.jql, "jql", "", "write the records that this `query` finds (default all)")
	flags.StringVar(&e.file, "o", "", "write this `file`, replacing one that is there; - is standard output")
	flags.StringVar(&e.format, "format", "", "write csv, excel (or xlsx), json, ndjson or pdf: this `format` (default by the file's name, or csv)")
	flags.StringVar(&e.compression, "compression", "", "pack it with gzip or zip: this `kind`, or none (default by the file's name)")
	flags.Int64Var(&e.max, "max-results", 0, "write the first records of the order alone, up to this `number` (default 0, all)")
	flags.BoolVar(&e.labels, "labels", false, "head columns with the labels of their fields, where they have one, instead of the paths")
	flags.StringVar(&e.lists, "lists", "", "`join` the values of a list, explode it into rows, or write it as json (default json in json and ndjson, join elsewhere)")
	flags.StringVar(&e.separator, "list-separator", "", "put this `text` between the values of a joined list (default \"; \")")
	flags.StringVar(&e.delimiter, "delimiter", "", "put this `character` between the cells of a csv: one of , ; | or tab (default ,)")
	flags.BoolVar(&e.noBOM, "no-bom", false, "begin a csv without a byte-order mark, as programs like it and spreadsheets do not")
	flags.BoolVar(&e.noEscape, "no-escape", false, "write text to a csv as it is, also where a spreadsheet takes it for a formula")
	flags.StringVar(&e.title, "title", "", "the file has this `title`, in excel and pdf")
	return e
}

func (p *Program) exportFile(ctx context.Context, args []string) (err error) {
	e := newExporting(p)
	operands, err := p.read(e.guide, args)
	if err != nil {
		return err
	}
	if err := e.check(operands); err != nil {
		return err
	}
	c, err := e.load(p.Env, "")
	if err != nil {
		return err
	}
	if err := e.fill(c); err != nil {
		return err
	}
	to, err := e.target()
	if err != nil {
		return err
	}
	o, err := open(ctx, c)
	if err != nil {
		return e.complain(p, err, "nothing was written")
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	_, trail, err := p.service(ctx, o, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(p.Errors, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	job := &exportRun{exporting: e, parts: o, trail: trail, who: localUser(c), to: to}
	if err = job.run(ctx); err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever it made of it
	}
	return e.complain(p, err, to.left())
}

// check checks the arguments, and fills in what the file's name says.
func (e *exporting) check(operands []string) error {
	byName, packed := namedFormat(e.file)
	switch {
	case len(operands) > 0:
		return e.p.misuse(e.guide, "found %q, and export has flags alone; a query is given with -jql, and stands in quotes", operands[0])
	case e.file == "":
		return e.p.misuse(e.guide, "-o is missing: the file to write, or - for standard output")
	case e.max < 0:
		return e.p.misuse(e.guide, "-max-results %d is less than nothing", e.max)
	}
	if e.compression == "" {
		e.compression = packed
	}
	if !slices.Contains([]string{"none", "gzip", "zip"}, e.compression) {
		return e.p.misuse(e.guide, "-compression %q is none of none, gzip and zip", e.compression)
	}
	switch name := e.format; {
	case name == "" && byName != nil:
		e.chosen = byName
	case name == "" && e.file == standardOutput:
		e.chosen = export.CSV()
	case name == "":
		return e.p.misuse(e.guide, "-format is missing: the name %q does not say which it is", e.file)
	default:
		if e.chosen = formatOf(name); e.chosen == nil {
			return e.p.misuse(e.guide, "-format %q is none of csv, excel, json, ndjson and pdf", name)
		}
	}
	return e.checkOptions()
}

func (e *exporting) checkOptions() error {
	if e.lists != "" && !slices.Contains([]string{"join", "explode", "json"}, e.lists) {
		return e.p.misuse(e.guide, "-lists %q is none of join, explode and json", e.lists)
	}
	switch {
	case e.delimiter == "":
	case e.delimiter == "tab" || e.delimiter == "\t":
		e.delimiterCharacter = '\t'
	case slices.Contains([]string{",", ";", "|"}, e.delimiter):
		e.delimiterCharacter = rune(e.delimiter[0])
	default:
		return e.p.misuse(e.guide, "-delimiter %q is none of , ; | and tab", e.delimiter)
	}
	return nil
}

// fill makes the query and the choices for the encoder.
func (e *exporting) fill(c *config.Config) error {
	if err := e.ask(e.p, e.guide, e.jql, c); err != nil {
		return err
	}
	e.options = export.Options{
		Zone: e.query.Options.Zone, Labels: e.labels, Lists: e.lists, Separator: e.separator, Delimiter: e.delimiterCharacter,
		NoBOM: e.noBOM, NoEscape: e.noEscape, Title: e.title, Question: e.jql,
	}
	return nil
}

// formatOf returns the format of a name, of which excel has two, or nil.
func formatOf(name string) *export.Format {
	for _, f := range formats() {
		if f.Name == name || strings.TrimPrefix(f.Extension, ".") == name {
			return f
		}
	}
	return nil
}

// namedFormat returns the format and the compression that the name of a file tells; nil if it tells no format.
func namedFormat(file string) (*export.Format, string) {
	compression := "none"
	extension := strings.ToLower(filepath.Ext(file))
	switch extension {
	case ".gz":
		compression = "gzip"
	case ".zip":
		compression = "zip"
	}
	if compression != "none" {
		extension = strings.ToLower(filepath.Ext(file[:len(file)-len(extension)]))
	}
	if extension == "" {
		return nil, compression
	}
	return formatOf(extension[1:]), compression
}

// inside is the name of the file that a zip holds.
func (e *exporting) inside() string {
	name := filepath.Base(e.file)
	if e.file == standardOutput {
		name = "export"
	}
	if extension := filepath.Ext(name); strings.EqualFold(extension, ".zip") {
		name = name[:len(name)-len(extension)]
	}
	if !strings.EqualFold(filepath.Ext(name), e.chosen.Extension) {
		name += e.chosen.Extension
	}
	return name
}

// tooMany says of a format that cannot hold so many records what can be done.
func (e *exporting) tooMany(wanted int64) error {
	if most := e.chosen.MaxRecords; most > 0 && wanted > most {
		return fmt.Errorf("a %s holds at most %s records, and there are %s; -max-results %d has the first of them", e.chosen.Name, thousands(most), thousands(wanted), most)
	}
	return nil
}
