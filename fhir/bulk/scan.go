package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// every is after how many records it is noted where the scan stands, and how far the work is.
const every = 1000

// records writes the records of a step, each a line, and stores each file when it is finished.
func (a *attempt) records(ctx context.Context, st *step) error {
	b, err := a.bind(ctx, st.Mappings[0])
	if err != nil {
		return err
	}
	if err := a.open(ctx, st, b); err != nil {
		return err
	}
	line := a.resource(b)
	switch {
	case st.Does == doesDeleted:
		line = a.deletion(b)
	case st.Associated:
		line = a.provenance(b)
	}
	skip := a.work.Skip
	for r, err := range a.slice.Records(ctx) {
		if err != nil {
			return err
		}
		if skip > 0 {
			skip--
			continue
		}
		if err := a.one(ctx, b, r, line); err != nil {
			return err
		}
	}
	if total := a.state().Total; skip > 0 || a.tally.sum() != total {
		return fmt.Errorf("%w: %d of %d", errCount, a.tally.sum(), total)
	}
	return a.advance(ctx)
}

// bind binds a mapping of a step.
func (a *attempt) bind(ctx context.Context, name string) (*bound, error) {
	m := a.s.mapping(name)
	if m == nil {
		return nil, fmt.Errorf("%w: %q", errGone, name)
	}
	return a.s.bind(ctx, a.spec.who(), m, &a.spec.asked)
}

// one writes a record. line appends its line to what it is given, or returns it as it was if there is none.
func (a *attempt) one(ctx context.Context, b *bound, r *record.Record, line maker) error {
	from := len(a.data.buf)
	buf, err := line(a.data.buf, r)
	a.data.buf = buf
	var next tally
	switch no := unmappable(b.Type, b.Index, err); {
	case no != nil:
		err = a.fault(ctx, no)
		next.Unmappable = 1
	case err != nil:
	case len(buf) == from:
		next.Outside, next.Elsewhere = 1, a.elsewhere(b, r)
	case a.data.never(len(buf) - from):
		a.data.buf = buf[:from]
		err = a.fault(ctx, tooLong(b.Type, recordOf(r.ID, b.Index), len(buf)-from, a.data.bytes))
		next.Unmappable = 1
	default:
		err = a.add(ctx, from)
		next.Written = 1
	}
	if err != nil {
		return err
	}
	a.tally.Written += next.Written
	a.tally.Unmappable += next.Unmappable
	a.tally.Outside += next.Outside
	a.tally.Elsewhere += next.Elsewhere
	if a.tally.sum()%every != 0 && !a.data.full() {
		return nil
	}
	a.report("writing")
	if a.slice != nil {
		token, err := a.slice.Checkpoint()
		if err != nil {
			return err
		}
		a.mark = mark{token, a.tally.sum()}
	}
	if a.data.full() {
		return a.cut(ctx)
	}
	return nil
}

// A maker appends the line of a record. If that is not wanted, it appends nothing; if it cannot be made, the error is a mapping.UnmappableError.
type maker func(dst []byte, r *record.Record) ([]byte, error)

// wanted reports whether a record belongs to a patient in question.
func (a *attempt) wanted(b *bound, r *record.Record) bool { return a.ofOne(b, r, a.patients) }

// ofOne reports whether a record belongs to one of some patients; nil is all. At system level every record does.
func (a *attempt) ofOne(b *bound, r *record.Record, patients *patients) bool {
	if a.spec.Level == SystemLevel {
		return true
	}
	id := b.x.PatientOf(r)
	return id != "" && (patients == nil || patients.has(id))
}

func (a *attempt) resource(b *bound) maker {
	return func(dst []byte, r *record.Record) ([]byte, error) {
		if !a.wanted(b, r) {
			return dst, a.unsaid(b, r)
		}
		return b.x.Append(dst, r)
	}
}

// unsaid returns why a record that seems to belong to nobody cannot be mapped, if the patients of everybody are wanted: it may
// be that of whom it is cannot be said. What somebody is to have of some patients alone says nothing of other records.
func (a *attempt) unsaid(b *bound, r *record.Record) error {
	if a.patients != nil {
		return nil
	}
	made, err := b.x.Append(a.scrap[:0], r)
	a.scrap = made
	return err
}

// elsewhere returns 1 for a record of nobody here that refers to a patient of another server, if the patients of everybody are wanted.
func (a *attempt) elsewhere(b *bound, r *record.Record) int64 {
	if a.patients == nil && a.spec.Level != SystemLevel && b.x.Elsewhere(r) {
		return 1
	}
	return 0
}

func (a *attempt) deletion(b *bound) maker {
	return func(dst []byte, r *record.Record) ([]byte, error) {
		if !a.ofOne(b, r, a.departed) {
			return dst, nil
		}
		id, err := b.x.IDOf(r)
		if err != nil {
			return dst, err
		}
		return appendDeletion(dst, b.Type, id), nil
	}
}

// open opens the snapshot on which the step goes on, or a new one, and counts it.
func (a *attempt) open(ctx context.Context, st *step, b *bound) error {
	if a.resumable() {
		err := a.scan(ctx, st, b, a.work.Token)
		if err == nil {
			var sight json.RawMessage
			if sight, err = a.scanner.Sight(); err != nil {
				return err
			}
			s := a.state()
			if len(s.Sights) == 1 && bytes.Equal(sight, s.Sights[0]) && slices.Equal(a.columns(), s.Columns[0]) {
				a.tally = s.tally
				a.mark = mark{a.work.Token, a.tally.sum() - a.work.Skip}
				return nil
			}
		}
		if err != nil && !errors.Is(err, search.ErrSnapshotLost) && !errors.Is(err, search.ErrBadToken) {
			return err
		}
		// It is gone, or what may be seen of it has changed.
		if err := a.startOver(ctx, a.work.Step); err != nil {
			return err
		}
	}
	if err := a.scan(ctx, st, b, ""); err != nil {
		return err
	}
	if err := a.count(ctx); err != nil {
		return err
	}
	token, err := a.slice.Checkpoint()
	if err != nil {
		return err
	}
	a.work.Token, a.work.Skip, a.mark = token, 0, mark{token, 0}
	return a.save(ctx)
}

// scan opens a scanner of a mapping, at a checkpoint if there is one.
func (a *attempt) scan(ctx context.Context, st *step, b *bound, token string) error {
	w := &wish{asked: &a.spec.asked, time: a.spec.Time, deleted: st.Does == doesDeleted}
	patients := a.patients
	if w.deleted {
		patients = a.departed
	}
	if patients != nil && a.spec.Level != SystemLevel && patients.few != nil {
		w.patients = patients.few
	}
	text, err := b.condition(w)
	if err != nil && w.patients != nil { // the index cannot be asked for one of them
		w.patients = nil
		text, err = b.condition(w)
	}
	if err != nil {
		return err
	}
	o := &search.ScanOptions{Source: b.Native}
	if token != "" {
		o.Resume = []string{token}
	}
	q := a.s.question(&search.Query{JQL: text, Indexes: []string{b.Index}, Fields: b.x.Fields()})
	q.Options.Now, q.Seen = a.spec.Time, a.spec.Time
	a.scanner, err = a.s.host.Index.Scan(ctx, a.spec.who(), q, o)
	if err != nil {
		return err
	}
	a.slice = a.scanner.Slice(0)
	return nil
}

// columns returns the paths of the columns of the scanner.
func (a *attempt) columns() []string {
	var all []string
	for _, p := range a.scanner.Columns() {
		for _, f := range p.Fields() {
			all = append(all, f.Path)
		}
	}
	return all
}

// count counts the records of the snapshot, and notes what is seen of it.
func (a *attempt) count(ctx context.Context) error {
	a.report("counting")
	total, err := a.scanner.Total(ctx)
	if err != nil {
		return err
	}
	sight, err := a.scanner.Sight()
	if err != nil {
		return err
	}
	s := a.state()
	s.Total += total
	s.Sights, s.Columns = append(s.Sights, sight), append(s.Columns, a.columns())
	return nil
}
