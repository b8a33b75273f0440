package pins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/storage"
)

// A state is the document of one content.
type state struct {
	// Holders are in the order of their names.
	Holders []entry `json:"holders"`
	// Loose are references that nobody holds, to be deleted.
	Loose []storage.Ref `json:"loose,omitempty"`
	// Deleting says who deletes them at this moment. Nobody begins to put meanwhile.
	Deleting *claim `json:"deleting,omitempty"`
}

type entry struct {
	Holder  string      `json:"holder"`
	Ref     storage.Ref `json:"ref,omitempty"`
	Putting bool        `json:"putting,omitempty"`
	Attempt string      `json:"attempt,omitempty"` // which Put it is that is putting
	Since   time.Time   `json:"since"`
}

type claim struct {
	By    string    `json:"by"`
	Until time.Time `json:"until"`
}

func (e entry) hold(k docstore.Key) Hold {
	scheme, sum, _ := strings.Cut(k.ID, ":")
	return Hold{Holder: e.Holder, SHA256: sum, Scheme: scheme, Putting: e.Putting, Ref: e.Ref, Since: e.Since}
}

// holder returns the entry of a holder, or nil.
func (s *state) holder(name string) *entry {
	for i := range s.Holders {
		if s.Holders[i].Holder == name {
			return &s.Holders[i]
		}
	}
	return nil
}

func (s *state) add(e entry) {
	s.Holders = append(s.Holders, e)
	slices.SortFunc(s.Holders, func(a, b entry) int { return strings.Compare(a.Holder, b.Holder) })
}

// remove takes a holder out, if an attempt is named only that, and lets his file go.
func (s *state) remove(name, attempt string) {
	h := s.holder(name)
	if h == nil || attempt != "" && h.Attempt != attempt {
		return
	}
	ref := h.Ref
	s.Holders = slices.DeleteFunc(s.Holders, func(e entry) bool { return e.Holder == name })
	if ref != "" {
		s.drop(ref)
	}
}

// drop makes a reference loose, unless somebody holds it.
func (s *state) drop(ref storage.Ref) {
	held := slices.ContainsFunc(s.Holders, func(e entry) bool { return e.Ref == ref })
	if !held && !slices.Contains(s.Loose, ref) {
		s.Loose = append(s.Loose, ref)
	}
}

// claimed takes a reference that is held now out of those to be deleted.
func (s *state) claimed(ref storage.Ref) {
	s.Loose = slices.DeleteFunc(s.Loose, func(r storage.Ref) bool { return r == ref })
}

// deletable reports whether what is loose may be deleted: who is putting may be about to get one of these references.
func (s *state) deletable() bool {
	return len(s.Loose) > 0 && !slices.ContainsFunc(s.Holders, func(e entry) bool { return e.Putting })
}

func (s *state) empty() bool { return len(s.Holders) == 0 && len(s.Loose) == 0 && s.Deleting == nil }

// The labels by which a sweep finds what it is after.
const (
	labelPutting = "putting"
	labelLoose   = "loose"
)

func (s *state) labels() []string {
	var labels []string
	if slices.ContainsFunc(s.Holders, func(e entry) bool { return e.Putting }) {
		labels = append(labels, labelPutting)
	}
	if len(s.Loose) > 0 || s.Deleting != nil {
		labels = append(labels, labelLoose)
	}
	return labels
}

var (
	errUnchanged = errors.New("nothing is to be changed")
	errDeleting  = errors.New("the file is being deleted")
)

// get returns the state of a content and the version of its document; 0 if there is none.
func (p *Pins) get(ctx context.Context, k docstore.Key) (*state, int64, error) {
	d, err := p.docs.Get(ctx, k)
	if errors.Is(err, docstore.ErrNotFound) {
		return &state{}, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	s, err := decode(d)
	return s, d.Version, err
}

func decode(d *docstore.Document) (*state, error) {
	s := &state{}
	if err := json.Unmarshal(d.Body, s); err != nil {
		return nil, fmt.Errorf("%w: %v: %w", docstore.ErrCorrupt, d.Key, err)
	}
	return s, nil
}

// update changes the document of a content, again from the start when somebody else was faster. That of a content which
// nobody holds any more is deleted. If change returns errUnchanged, nothing is written.
func (p *Pins) update(ctx context.Context, k docstore.Key, change func(*state) error) error {
	for {
		s, version, err := p.get(ctx, k)
		if err == nil {
			err = change(s)
		}
		switch {
		case errors.Is(err, errUnchanged):
			return nil
		case err != nil:
			return err
		case s.empty() && version == 0:
			return nil
		case s.empty():
			err = p.docs.Delete(ctx, k, version)
		default:
			var body []byte
			if body, err = json.Marshal(s); err == nil {
				_, err = p.docs.Put(ctx, &docstore.Document{Key: k, Labels: s.labels(), Body: body}, version)
			}
		}
		// Each conflict means that another writer has succeeded.
		if !errors.Is(err, docstore.ErrConflict) && !errors.Is(err, docstore.ErrNotFound) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
