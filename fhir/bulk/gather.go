package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/export/parts"
	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/record"
)

// gather reads all records of a step's mappings, and gives the line of each, lent, to emit.
func (a *attempt) gather(ctx context.Context, st *step, maker func(*bound) maker, emit func(n int, b *bound, r *record.Record, line []byte) error) error {
	var buf []byte
	for n, name := range st.Mappings {
		b, err := a.bind(ctx, name)
		if err != nil {
			return err
		}
		if err := a.scan(ctx, st, b, ""); err != nil {
			return err
		}
		if err := a.count(ctx); err != nil {
			return err
		}
		line := maker(b)
		for r, err := range a.slice.Records(ctx) {
			if err != nil {
				return err
			}
			buf, err = line(buf[:0], r)
			switch no := unmappable(b.Type, b.Index, err); {
			case no != nil:
				err = a.fault(ctx, no)
				a.tally.Unmappable++
			case err != nil:
			case len(buf) == 0:
				a.tally.Outside++
				a.tally.Elsewhere += a.elsewhere(b, r)
			default:
				err = emit(n, b, r, buf)
				a.tally.Written++
			}
			if err != nil {
				return err
			}
			if a.tally.sum()%every == 0 {
				a.report("sorting")
			}
		}
		if total := a.state().Total; a.tally.sum() != total {
			return fmt.Errorf("%w: %d of %d", errCount, a.tally.sum(), total)
		}
		a.leave(ctx)
	}
	return nil
}

// organized writes a block for each patient: a header, the patient, and what belongs to him or her. What is scanned by mapping is
// sorted by patient, on disk if there is much.
func (a *attempt) organized(ctx context.Context, st *step) (err error) {
	if err := a.begin(ctx); err != nil {
		return err
	}
	sorted := newSorter(a.s.config.Spool)
	defer func() {
		if closed := sorted.close(); err == nil {
			err = closed
		}
	}()
	nobodys := int64(0)
	var header []byte
	err = a.gather(ctx, st, a.resource, func(n int, b *bound, r *record.Record, line []byte) error {
		patient := b.x.PatientOf(r)
		if patient == "" { // at system level alone
			nobodys++
			a.tally.Written--
			a.tally.Outside++
			return nil
		}
		if header = appendHeader(header[:0], patient); a.data.never(len(header) + 1 + len(line)) { // both have to be in one file
			a.tally.Written--
			a.tally.Unmappable++
			return a.fault(ctx, tooLong(b.Type, recordOf(r.ID, b.Index), len(line), a.data.bytes))
		}
		rank := n + 1
		if b.Type == patientType {
			rank = 0
		}
		return sorted.add(fmt.Sprintf("%s\x00%06d", patient, rank), line)
	})
	if err != nil {
		return err
	}
	if nobodys > 0 {
		a.state().Note = &issue{
			Severity: "warning", Code: "suppressed", Diagnostics: fmt.Sprintf("%d resources name no patient and are left out, since output is organized by patients.", nobodys),
		}
	}
	blocks := &blocks{a: a}
	for e, err := range sorted.all() {
		if err == nil {
			patient, _, _ := bytes.Cut(e.key, []byte{0})
			err = blocks.add(ctx, patient, e.line)
		}
		if err != nil {
			return err
		}
	}
	if err := blocks.end(ctx); err != nil {
		return err
	}
	return a.advance(ctx)
}

// Blocks write the blocks of patients, of which one is spread over several files only if it is large.
type blocks struct {
	a       *attempt
	patient string
	// held are lines of the block that are not written, and at the ends of these.
	held []byte
	ends []int
	// spread says that some of the block is written.
	spread bool
}

// maxHeld is how many bytes of a block are held to see whether it has room.
const maxHeld = 1 << 20

// add adds a line to the block of a patient, who come in order.
func (b *blocks) add(ctx context.Context, patient, line []byte) error {
	if len(b.ends) == 0 && !b.spread || b.patient != string(patient) {
		if err := b.end(ctx); err != nil {
			return err
		}
		b.patient = string(patient)
		b.hold(appendHeader(nil, b.patient))
	}
	b.hold(line)
	if len(b.held) > maxHeld {
		return b.write(ctx, false)
	}
	return nil
}

func (b *blocks) hold(line []byte) {
	b.held = append(b.held, line...)
	b.ends = append(b.ends, len(b.held))
}

// end writes what is left of the block.
func (b *blocks) end(ctx context.Context) error {
	err := b.write(ctx, true)
	b.spread = false
	return err
}

// write writes the lines that are held. A block that is whole goes to one file if it can.
func (b *blocks) write(ctx context.Context, whole bool) error {
	l := b.a.data
	tight := l.size+int64(len(b.held)+len(b.ends)) > l.bytes || l.count+int64(len(b.ends)) > l.records && l.size >= l.least
	if len(b.ends) > 0 && !b.spread && l.count > 0 && (tight || !whole) {
		if err := b.a.cut(ctx); err != nil {
			return err
		}
	}
	from := 0
	for _, to := range b.ends {
		if err := b.line(ctx, b.held[from:to]); err != nil {
			return err
		}
		from = to
	}
	b.held, b.ends, b.spread = b.held[:0], b.ends[:0], !whole
	return nil
}

// line writes a line. Where the file is full, the block goes on in the next one, which begins with its header.
func (b *blocks) line(ctx context.Context, line []byte) error {
	l := b.a.data
	if l.count > 0 && !l.fits(len(line)+1) {
		l.continues = b.a.nameOf(l, 2)
		if err := b.a.cut(ctx); err != nil {
			return err
		}
		if err := b.put(appendHeader(nil, b.patient)); err != nil {
			return err
		}
	}
	return b.put(line)
}

func (b *blocks) put(line []byte) error {
	l := b.a.data
	from := len(l.buf)
	l.buf = append(l.buf, line...)
	added, err := l.add(from)
	if err == nil && !added {
		err = fmt.Errorf("%w: a resource of %d bytes, a file has %d", parts.ErrTooLarge, len(line), l.bytes)
	}
	return err
}

// latest writes the latest Provenance about each resource.
func (a *attempt) latest(ctx context.Context, st *step) (err error) {
	if err := a.begin(ctx); err != nil {
		return err
	}
	byTarget, byID := newSorter(a.s.config.Spool), newSorter(a.s.config.Spool)
	defer func() {
		for _, s := range []*sorter{byTarget, byID} {
			if closed := s.close(); err == nil {
				err = closed
			}
		}
	}()
	err = a.gather(ctx, st, a.provenance, func(_ int, _ *bound, _ *record.Record, line []byte) error {
		p, err := readProvenance(line)
		for _, target := range a.about(p) {
			if err == nil {
				err = byTarget.add(target, append([]byte(p.at()), line...))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	a.tally.Outside, a.tally.Written = a.tally.Outside+a.tally.Written, 0
	if err := latestOf(byTarget, byID); err != nil {
		return err
	}
	var last []byte
	for e, err := range byID.all() {
		if err != nil {
			return err
		}
		if last != nil && bytes.Equal(last, e.key) { // it is about several resources
			continue
		}
		last = append(last[:0:0], e.key...)
		a.tally.Outside--
		if a.data.never(len(e.line)) {
			a.tally.Unmappable++
			if err := a.fault(ctx, tooLong(st.Type, fmt.Sprintf("Provenance/%s", last), len(e.line), a.data.bytes)); err != nil {
				return err
			}
			continue
		}
		from := len(a.data.buf)
		a.data.buf = append(a.data.buf, e.line...)
		if err := a.add(ctx, from); err != nil {
			return err
		}
		a.tally.Written++
	}
	return a.advance(ctx)
}

// latestOf gives the latest of each key, of which the lines begin with when they are from, by their ids to another sorter.
func latestOf(from, to *sorter) error {
	var key, best []byte
	keep := func() error {
		if best == nil {
			return nil
		}
		line := best[len(recordedLayout):]
		p, err := readProvenance(line)
		if err != nil {
			return err
		}
		return to.add(p.ID, line)
	}
	for e, err := range from.all() {
		if err != nil {
			return err
		}
		if best != nil && bytes.Equal(key, e.key) {
			if bytes.Compare(e.line[:len(recordedLayout)], best[:len(recordedLayout)]) > 0 {
				best = append(best[:0], e.line...)
			}
			continue
		}
		if err := keep(); err != nil {
			return err
		}
		key, best = append(key[:0], e.key...), append(best[:0:0], e.line...)
	}
	return keep()
}

// A provenanceLine is what is read of a Provenance.
type provenanceLine struct {
	ID       string `json:"id"`
	Recorded string `json:"recorded"`
	Target   []struct {
		Reference string `json:"reference"`
	} `json:"target"`
}

func readProvenance(line []byte) (*provenanceLine, error) {
	p := new(provenanceLine)
	if err := json.Unmarshal(line, p); err != nil {
		return nil, fmt.Errorf("a Provenance cannot be read: %w", err)
	}
	return p, nil
}

const recordedLayout = "2006-01-02T15:04:05.000000000Z"

// at returns when it was recorded, as texts that compare as the instants do.
func (p *provenanceLine) at() string {
	t, err := time.Parse(time.RFC3339Nano, p.Recorded)
	if err != nil {
		t = time.Time{} // before all others
	}
	return t.UTC().Format(recordedLayout)
}

// about returns the references to resources of the exported types that a Provenance is about.
func (a *attempt) about(p *provenanceLine) (all []string) {
	if p == nil {
		return nil
	}
	for _, t := range p.Target {
		reference, _, _ := strings.Cut(fhir.Relative(t.Reference, a.s.config.Bases), "/_history/")
		of, id, ok := strings.Cut(reference, "/")
		if ok && !strings.Contains(id, "/") && slices.Contains(a.spec.Types, of) {
			all = append(all, reference)
		}
	}
	return all
}

// provenance makes the lines of Provenance about resources of the exported types.
func (a *attempt) provenance(b *bound) maker {
	return func(dst []byte, r *record.Record) ([]byte, error) {
		if !a.wanted(b, r) {
			return dst, a.unsaid(b, r)
		}
		out, err := b.x.Append(dst, r)
		if err != nil {
			return out, err
		}
		p, err := readProvenance(out[len(dst):])
		if err != nil || len(a.about(p)) == 0 {
			return out[:len(dst)], err
		}
		return out, nil
	}
}
