package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/server/config"
)

// maxTable is how many records a table, or a page, may have: the width of a column is that of its widest value.
const maxTable = 1000

// An asking is one call of the command query.
type asking struct {
	settings
	question
	p      *Program
	guide  *guide
	max    int64
	format string

	page    int64 // how many records a page has at most
	service *dhr.Service
	trail   *audit.Log // or nil
}

func newAsking(p *Program) *asking {
	a := &asking{p: p}
	a.guide = newGuide("query", "JQL", `Prints the records that a query finds. They are those that the local user of the configuration may see; unless it says
otherwise, that is all of them. An empty query finds every record.`,
		`server query -index visits -fields date,district,diagnosis 'diagnosis ~ malaria AND age < 5 ORDER BY date DESC'
server query -index visits -max 0 -format ndjson 'date >= startOfYear()' > visits.ndjson`)
	a.settings.register(a.guide.flags)
	a.question.register(a.guide.flags)
	a.guide.flags.Int64Var(&a.max, "max", 50, "print at most this `number` of records; 0 prints all, as json or ndjson")
	a.guide.flags.StringVar(&a.format, "format", "table", "print them as `table`, json or ndjson, which has a record on each line")
	return a
}

func (p *Program) query(ctx context.Context, args []string) (err error) {
	a := newAsking(p)
	operands, err := p.read(a.guide, args)
	if err != nil {
		return err
	}
	if err := a.check(operands); err != nil {
		return err
	}
	c, err := a.load(p.Env, "")
	if err != nil {
		return err
	}
	if err := a.fill(operands[0], c); err != nil {
		return err
	}
	o, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if a.service, a.trail, err = p.service(ctx, o, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(p.Errors, &slog.HandlerOptions{Level: slog.LevelWarn}))); err != nil {
		return err
	}
	return a.complain(p, a.run(ctx, o, localUser(c)), "more records may match")
}

// check checks the arguments.
func (a *asking) check(operands []string) error {
	switch {
	case len(operands) == 0:
		return a.p.misuse(a.guide, "no query is given; '' finds every record")
	case len(operands) > 1:
		return a.p.misuse(a.guide, "found %q behind the query; a query with blanks stands in quotes", operands[1])
	case a.max < 0:
		return a.p.misuse(a.guide, "-max %d is less than nothing", a.max)
	case !slices.Contains([]string{"table", "json", "ndjson"}, a.format):
		return a.p.misuse(a.guide, "-format %q is none of table, json and ndjson", a.format)
	case a.format == "table" && (a.max == 0 || a.max > maxTable):
		return a.p.misuse(a.guide, "a table has at most %d records; json and ndjson have any number", maxTable)
	}
	return nil
}

// fill makes the query.
func (a *asking) fill(text string, c *config.Config) error {
	a.page = min(maxTable, int64(c.Query.MaxResults))
	if a.format == "table" && a.max > a.page {
		return a.p.misuse(a.guide, "a page, and so a table, has at most %d records by the configuration (query.max_results)", a.page)
	}
	return a.ask(a.p, a.guide, text, c)
}

// run asks the query and prints what it finds.
func (a *asking) run(ctx context.Context, o *parts, who *access.Principal) error {
	if a.max == 0 || a.max > a.page {
		return a.scan(ctx, o, who)
	}
	page, err := a.service.Query(ctx, who, a.query, &search.PageOptions{MaxResults: int(a.max)})
	if err != nil {
		return err
	}
	a.warn(a.p, page.Warnings)
	if a.format == "table" {
		return printTable(a.p.Out, page.Records, page.Total)
	}
	w := a.writer()
	for _, r := range page.Records {
		if err := w.write(r); err != nil {
			return err
		}
	}
	return w.end(page.Total, page.AsOf)
}

// scan prints records as they come, in the order of the query, however many there are. It is noted beforehand.
func (a *asking) scan(ctx context.Context, o *parts, who *access.Principal) (err error) {
	if !o.policy.May(who, access.MayView) {
		return fmt.Errorf("%w: the permission %q is needed", dhr.ErrForbidden, access.MayView)
	}
	x, err := o.index(a.p)
	if err != nil {
		return err
	}
	s, err := x.Scan(ctx, who, a.query, &search.ScanOptions{Ordered: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	a.warn(a.p, s.Warnings())
	total, err := s.Total(ctx)
	if err != nil {
		return err
	}
	noted := total
	if a.max > 0 {
		noted = min(total, a.max)
	}
	if err := a.note(ctx, a.trail, who, "query.run", noted, nil); err != nil {
		return err
	}
	w := a.writer()
	for r, err := range s.Slice(0).Records(ctx) {
		if err == nil {
			err = w.write(r)
		}
		if err != nil {
			return errors.Join(err, w.out.Flush())
		}
		if w.written == a.max {
			break
		}
	}
	return w.end(total, s.AsOf())
}

// A recordWriter writes records as the answer of POST /v1/query has them, or one on each line.
type recordWriter struct {
	out     *bufio.Writer
	lines   bool
	written int64
	buffer  []byte
}

func (a *asking) writer() *recordWriter {
	return &recordWriter{out: bufio.NewWriter(a.p.Out), lines: a.format == "ndjson"}
}

func (w *recordWriter) write(r *record.Record) error {
	b := w.buffer[:0]
	if !w.lines {
		b = append(b, w.between()...)
	}
	b = append(b, `{"id":`...)
	b = record.StringValue(r.ID).AppendJSON(b)
	b = append(b, `,"index":`...)
	b = record.StringValue(r.Index).AppendJSON(b)
	b = append(b, `,"fields":`...)
	b = append(r.AppendJSON(b), '}')
	if w.lines {
		b = append(b, '\n')
	}
	w.buffer = b
	w.written++
	_, err := w.out.Write(b)
	return err
}

// between is what stands before a record.
func (w *recordWriter) between() string {
	if w.written == 0 {
		return "{\"records\":[\n"
	}
	return ",\n"
}

// end ends what was written, of a total of records.
func (w *recordWriter) end(total int64, asOf time.Time) error {
	if !w.lines {
		begin := "\n"
		if w.written == 0 {
			begin = `{"records":[`
		}
		say(w.out, "%s],\"total\":%d,\"as_of\":%q}\n", begin, total, asOf.UTC().Format(time.RFC3339Nano))
	}
	return w.out.Flush()
}
