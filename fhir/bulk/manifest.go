package bulk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
)

// pages returns how many pages of its manifest an export has now. Without partial manifests it is one; with them
// a page is there as soon as it is full, and the last with the completion.
func (s *Service) pages(w *work, sp *spec) int {
	n := s.config.Limits.PageFiles
	switch {
	case !sp.Partial:
		return 1
	case w.Complete:
		return max(1, (len(w.Parts)+n-1)/n)
	}
	return s.listed(w, sp) / n
}

// listed returns how many files of an export that is not completed are on pages. Those of a step that sorts are on none before it is done: until
// then it may have to begin anew.
func (s *Service) listed(w *work, sp *spec) int {
	files := len(w.Parts)
	if w.Step < len(sp.Steps) && sp.sorts(&sp.Steps[w.Step]) {
		files = 0
		for i := range w.Parts {
			if w.Parts[i].Step < w.Step {
				files++
			}
		}
	}
	return files / s.config.Limits.PageFiles * s.config.Limits.PageFiles
}

// Manifest returns a page of the manifest of an export, from 0. One that is not there yet is ErrNotReady. Whoever may Get the
// export may have it, unless it holds what he or she may not see now, which is ErrNarrowed.
func (s *Service) Manifest(ctx context.Context, who *access.Principal, id string, page int) (*Manifest, error) {
	m, err := s.manifest(ctx, who, id, page)
	if err != nil {
		return nil, failed("manifest", err)
	}
	return m, nil
}

func (s *Service) manifest(ctx context.Context, who *access.Principal, id string, page int) (*Manifest, error) {
	j, sp, w, err := s.ready(ctx, who, id)
	if err != nil {
		return nil, err
	}
	pages := s.pages(w, sp)
	switch {
	case page < 0 || page >= pages && w.Complete:
		return nil, fmt.Errorf("%w: the manifest has %d pages, not a page %d", ErrNotFound, pages, page)
	case page >= pages:
		return nil, fmt.Errorf("%w: page %d is not there yet", ErrNotReady, page)
	}
	for step := range w.States {
		if err := s.covers(ctx, who, j, sp, w, step); err != nil {
			return nil, err
		}
	}
	m := &Manifest{
		ID: j.ID, TransactionTime: sp.Time, Request: sp.URL, RequiresAccessToken: s.config.RequiresAccessToken, Page: page,
		Output: []File{}, Errors: []File{}, Complete: w.Complete, ExpiresAt: j.Expires,
	}
	if page+1 < pages {
		m.Next = page + 1
	}
	if sp.Organized {
		m.OrganizedBy = patientType
	}
	for i := range sp.Steps {
		if sp.Steps[i].Does == doesDeleted {
			m.Deleted = []File{}
		}
	}
	files := w.Parts
	if n := s.config.Limits.PageFiles; sp.Partial {
		files = files[page*n : min(len(files), (page+1)*n)]
	}
	for i := range files {
		switch p := &files[i]; p.Holds {
		case holdsError:
			m.Errors = append(m.Errors, p.File)
		case holdsDeleted:
			m.Deleted = append(m.Deleted, p.File)
		default:
			m.Output = append(m.Output, p.File)
		}
	}
	return m, nil
}

// ready returns an export of which files are there for who.
func (s *Service) ready(ctx context.Context, who *access.Principal, id string) (*job.Job, *spec, *work, error) {
	j, err := s.mine(ctx, who, id)
	if err != nil {
		return nil, nil, nil, err
	}
	sp, w, err := decode(j)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case s.expired(j):
		return nil, nil, nil, ErrExpired
	case j.State == job.Completed, sp.Partial && !j.State.Finished() && s.pages(w, sp) > 0:
		return j, sp, w, nil
	}
	return nil, nil, nil, fmt.Errorf("%w: it is %s", ErrNotReady, j.State)
}

// covers returns ErrNarrowed if who sees less now than a step has written.
func (s *Service) covers(ctx context.Context, who *access.Principal, j *job.Job, sp *spec, w *work, step int) error {
	own, err := s.own(who)
	if err != nil {
		return err
	}
	if own != nil && (sp.Own == nil || slices.ContainsFunc(sp.Own, func(id string) bool { return !slices.Contains(own, id) })) {
		return ErrNarrowed
	}
	if step >= len(w.States) {
		return nil
	}
	st := &w.States[step]
	for i, sight := range st.Sights {
		rules := s.question(&search.Query{}).Options
		rules.Now = sp.Time.Truncate(time.Millisecond) // as the scan had them
		covers, err := s.host.Index.Covers(ctx, who, sight, st.Columns[i], &rules)
		if err != nil {
			return err
		}
		if !covers {
			return ErrNarrowed
		}
	}
	return nil
}
