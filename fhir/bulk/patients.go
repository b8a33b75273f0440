package bulk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"slices"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/search"
)

// A patients set is those to whom an export is restricted: 16 bytes for each, however many there are.
type patients struct {
	hashes []hash16
	// few are their ids, if there are not too many to be asked for in a query; else nil.
	few []string
}

type hash16 [16]byte

// maxFew is how many ids are asked for in a query.
const maxFew = 300

func hashOf(id string) (h hash16) {
	sum := sha256.Sum256([]byte(id))
	copy(h[:], sum[:])
	return h
}

func compareHashes(a, b hash16) int { return bytes.Compare(a[:], b[:]) }

// collect returns the set of what a sequence yields.
func collect(ids iter.Seq2[string, error]) (*patients, error) {
	p := &patients{few: []string{}}
	for id, err := range ids {
		if err != nil {
			return nil, err
		}
		p.hashes = append(p.hashes, hashOf(id))
		switch {
		case len(p.few) == maxFew:
			p.few = nil
		case p.few != nil:
			p.few = append(p.few, id)
		}
	}
	slices.SortFunc(p.hashes, compareHashes)
	p.hashes = slices.Compact(p.hashes)
	slices.Sort(p.few)
	p.few = slices.Compact(p.few)
	return p, nil
}

// has reports whether a patient is in the set.
func (p *patients) has(id string) bool {
	_, found := slices.BinarySearchFunc(p.hashes, hashOf(id), compareHashes)
	return found
}

// digest returns a hash of the set.
func (p *patients) digest() string {
	h := sha256.New()
	for i := range p.hashes {
		_, _ = h.Write(p.hashes[i][:]) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// among yields those of ids that are in the set; all if it is nil.
func (p *patients) among(ids iter.Seq2[string, error]) iter.Seq2[string, error] {
	if p == nil {
		return ids
	}
	return func(yield func(string, error) bool) {
		for id, err := range ids {
			if (err != nil || p.has(id)) && !yield(id, err) {
				return
			}
		}
	}
}

// each yields ids that are known.
func each(ids []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// patientSet returns the patients to whom an export is restricted: those that were asked for, of the group, and the principal's own. Nil means all.
func (s *Service) patientSet(ctx context.Context, sp *spec) (*patients, error) {
	p, err := s.chosen(sp)
	if err != nil {
		return nil, err
	}
	if sp.Level != GroupLevel {
		return p, nil
	}
	g := s.group(sp.who(), sp.Group)
	if g == nil {
		return nil, ErrNotFound
	}
	return collect(p.among(s.members(ctx, sp.who(), g)))
}

// chosen returns the patients that were asked for, of the principal's own. Nil means all.
func (s *Service) chosen(sp *spec) (p *patients, err error) {
	if sp.Own != nil {
		if p, err = collect(each(sp.Own)); err != nil {
			return nil, err
		}
	}
	if sp.Patients != nil {
		return collect(p.among(each(sp.Patients)))
	}
	return p, nil
}

// departed returns the patients whose deletions an export lists. Those who are deleted are no members of a group that is given
// by JQL, but that they were is what the list is to say.
func (s *Service) departed(ctx context.Context, sp *spec, p *patients) (*patients, error) {
	lists := slices.ContainsFunc(sp.Steps, func(st step) bool { return st.Does == doesDeleted })
	g := s.group(sp.who(), sp.Group)
	if !lists || sp.Level != GroupLevel || g == nil || g.JQL == "" {
		return p, nil
	}
	b, err := s.patientMapping(ctx, sp.who())
	if errors.Is(err, search.ErrUnknownIndex) || errors.Is(err, errHidden) {
		return p, nil
	}
	if err != nil || b.Deleted == "" {
		return p, err
	}
	and, err := jql.Parse(g.JQL, nil)
	if err != nil {
		return nil, err
	}
	may, err := s.chosen(sp)
	if err != nil {
		return nil, err
	}
	gone, err := collect(may.among(s.found(ctx, sp.who(), b, &wish{asked: &asked{}, deleted: true}, and)))
	if err != nil {
		return nil, err
	}
	return p.with(gone), nil
}

// with returns the patients of both sets.
func (p *patients) with(q *patients) *patients {
	both := &patients{hashes: append(slices.Clone(p.hashes), q.hashes...)}
	slices.SortFunc(both.hashes, compareHashes)
	both.hashes = slices.Compact(both.hashes)
	if p.few != nil && q.few != nil && len(p.few)+len(q.few) <= maxFew {
		both.few = append(slices.Clone(p.few), q.few...)
		slices.Sort(both.few)
		both.few = slices.Compact(both.few)
	}
	return both
}

// patientMapping returns the mapping of patients that who may use: the first.
func (s *Service) patientMapping(ctx context.Context, who *access.Principal) (*bound, error) {
	for _, m := range s.config.Mappings {
		if m.Type == patientType {
			return s.bind(ctx, who, m, &asked{})
		}
	}
	return nil, search.ErrUnknownIndex
}

// found yields the ids of the patients whose records match a condition, and who are not deleted.
func (s *Service) found(ctx context.Context, who *access.Principal, b *bound, w *wish, and *jql.Query) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		text, err := b.condition(w)
		if err == nil && and != nil {
			var q *jql.Query
			if q, err = jql.Parse(text, nil); err == nil {
				text = q.And(and).String()
			}
		}
		if err != nil {
			yield("", err)
			return
		}
		scanner, err := s.host.Index.Scan(ctx, who, s.question(&search.Query{JQL: text, Indexes: []string{b.Index}, Fields: b.x.Fields()}), nil)
		if err != nil {
			yield("", err)
			return
		}
		defer func() {
			if err := scanner.Close(); err != nil {
				s.log.WarnContext(ctx, "a snapshot was not given back", "error", err)
			}
		}()
		for r, err := range scanner.Slice(0).Records(ctx) {
			id := ""
			if err == nil {
				id, err = b.x.IDOf(r)
			}
			var no *mapping.UnmappableError
			if errors.As(err, &no) { // it is no patient that could be exported
				continue
			}
			if !yield(id, err) || err != nil {
				return
			}
		}
	}
}

// missing returns those of some patients who are not there, or not to be seen.
func (s *Service) missing(ctx context.Context, who *access.Principal, ids []string) ([]string, error) {
	there := map[string]bool{}
	for _, m := range s.config.Mappings {
		if m.Type != patientType {
			continue
		}
		b, err := s.bind(ctx, who, m, &asked{})
		if errors.Is(err, search.ErrUnknownIndex) || errors.Is(err, errHidden) {
			continue
		}
		if err == nil {
			err = s.present(ctx, who, b, ids, there)
		}
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return there[id] }), nil
}

// present adds to there those of some patients whom a mapping has.
func (s *Service) present(ctx context.Context, who *access.Principal, b *bound, ids []string, there map[string]bool) error {
	for chunk := range slices.Chunk(ids, maxFew) {
		w := &wish{asked: &asked{}, patients: chunk}
		if _, err := b.condition(w); err != nil { // the index cannot be asked for one of them
			w.patients = nil
		}
		for id, err := range s.found(ctx, who, b, w, nil) {
			if err != nil {
				return err
			}
			there[id] = true
		}
	}
	return nil
}
