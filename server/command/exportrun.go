package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr"
	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/export"
	exportparts "github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
)

// An exportRun is an export that is being done.
type exportRun struct {
	*exporting

	parts *parts
	trail *audit.Log // or nil
	who   *access.Principal
	to    *target
}

// run writes the file, and says what is in it.
func (x *exportRun) run(ctx context.Context) (err error) {
	for _, needed := range []access.Permission{access.MayView, access.MayExport} {
		if !x.parts.policy.May(x.who, needed) {
			return fmt.Errorf("%w: the permission %q is needed", dhr.ErrForbidden, needed)
		}
	}
	index, err := x.parts.index(x.p)
	if err != nil {
		return err
	}
	s, err := index.Scan(ctx, x.who, x.query, &search.ScanOptions{Ordered: x.ordered()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	x.warn(x.p, s.Warnings())
	total, err := s.Total(ctx)
	if err != nil {
		return err
	}
	wanted := total
	if x.max > 0 {
		wanted = min(total, x.max)
	}
	if err := x.tooMany(wanted); err != nil {
		return err
	}
	if err := x.tell(ctx, "export.run", wanted, nil); err != nil {
		return err
	}
	if wanted < total {
		x.options.Found = total
	}
	report, err := x.write(ctx, s, wanted)
	if err != nil {
		_ = x.tell(ctx, "export.run", wanted, map[string]string{"outcome": "failed"}) // the error says more
		return err
	}
	return x.say(s, report, total)
}

// ordered reports whether the query has an order of its own. Otherwise that of the engine will do: it is
// the fastest, and the same for the same records.
func (x *exportRun) ordered() bool {
	parsed, err := jql.Parse(x.jql, x.query.Parse)
	return err == nil && len(parsed.Order) > 0 // an error is told by who asks
}

// tell notes in the audit what is done.
func (x *exportRun) tell(ctx context.Context, action string, count int64, detail map[string]string) error {
	all := map[string]string{"format": x.chosen.Name, "compression": x.compression, "file": firstBytes(x.to.name, 400), "fields": firstBytes(x.fields, 400)}
	maps.Copy(all, detail)
	return x.note(ctx, x.trail, x.who, action, count, all)
}

// write writes the wanted number of records, and publishes the file if they are all in it.
func (x *exportRun) write(ctx context.Context, s *search.Scanner, wanted int64) (report export.Report, err error) {
	if err := x.to.open(); err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, x.to.discard()) }()
	report, err = x.encode(ctx, s, wanted)
	switch {
	case err != nil:
		return report, err
	case report.Records != wanted:
		return report, fmt.Errorf("%d records were counted, and %d read", wanted, report.Records)
	}
	if err := x.to.settle(); err != nil {
		return report, err
	}
	if err := ctx.Err(); err != nil {
		return report, err
	}
	err = x.tell(ctx, "export.completed", report.Records, map[string]string{"sha256": x.to.hash(), "as_of": s.AsOf().UTC().Format(time.RFC3339Nano)})
	if err != nil {
		return report, err
	}
	return report, x.to.publish()
}

// encode writes the records, and packs them meanwhile.
func (x *exportRun) encode(ctx context.Context, s *search.Scanner, wanted int64) (report export.Report, err error) {
	packed, err := exportparts.Pack(x.to, x.compression, x.inside())
	if err != nil {
		return report, err
	}
	defer func() { _ = packed.Close() }() // its error is told, or another was before
	x.options.User, x.options.At = x.who.User, s.AsOf()
	encoder, err := x.chosen.NewEncoder(packed, export.Columns(x.query.Fields, s.Columns()...), &x.options)
	if err != nil {
		return report, err
	}
	if err := x.records(ctx, s, encoder, wanted); err != nil {
		return report, err
	}
	if err := encoder.Close(); err != nil {
		return report, err
	}
	return encoder.Report(), packed.Close()
}

// records encodes the records, up to the wanted number if only the first are.
func (x *exportRun) records(ctx context.Context, s *search.Scanner, encoder export.Encoder, wanted int64) error {
	g := x.p.progress("exporting", 0)
	g.expected.Store(wanted)
	defer g.end()
	for r, err := range s.Slice(0).Records(ctx) {
		if err == nil {
			err = encoder.Encode(r)
		}
		if err != nil {
			return err
		}
		if g.records.Add(1) == wanted && x.max > 0 {
			break
		}
	}
	return nil
}

// say says what is in the file: on standard output, unless the file is there.
func (x *exportRun) say(s *search.Scanner, r export.Report, total int64) error {
	out := x.p.Out
	if x.to.name != x.file {
		out = x.p.Errors
	}
	text := &strings.Builder{}
	say(text, "%s: %d of %d records", visible(x.to.name), r.Records, total)
	if r.Rows != r.Records {
		say(text, " in %d rows", r.Rows)
	}
	say(text, ", %d bytes, as of %s\nsha256 %s\n", x.to.bytes, s.AsOf().UTC().Format(time.RFC3339Nano), x.to.hash())
	for _, c := range []struct {
		n    int64
		what string
	}{
		{r.Cut, "texts that lost their end, since a cell cannot hold more"},
		{r.Escaped, "apostrophes before text that a spreadsheet would take for a formula"},
		{r.AsText, "numbers and dates that stand as text, since they would be shown wrongly"},
		{r.Repaired, "texts with bytes that are no UTF-8"},
		{r.Ambiguous, "lists with a value that contains what stands between values"},
	} {
		if c.n > 0 {
			say(text, "%s: %d\n", c.what, c.n)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(r.Replaced)) {
		say(text, "characters %U, which the format cannot show, with a sign in their place: %d\n", c, r.Replaced[c])
	}
	_, err := io.WriteString(out, text.String())
	return err
}
