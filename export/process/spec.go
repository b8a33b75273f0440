package process

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/job"
)

// kind is that of the jobs, and of their documents.
const kind = "exports"

// labelStored is borne by jobs of which something is stored, or may be.
const labelStored = "stored"

// A spec is what was asked, by whom. It is the Spec of the job.
type spec struct {
	Request
	User       string              `json:"user"`
	Tenant     string              `json:"tenant"`
	Roles      []string            `json:"roles,omitempty"`
	Groups     []string            `json:"groups,omitempty"`
	Attributes map[string][]string `json:"attributes,omitempty"`
	// Ordered says that the query has an order.
	Ordered bool `json:"ordered,omitempty"`
	// Claim is the id of the document by which an equal request finds the export, and Key that of its idempotency key.
	Claim string `json:"claim"`
	Key   string `json:"key,omitempty"`
}

func (sp *spec) who() *access.Principal {
	return &access.Principal{User: sp.User, Tenant: sp.Tenant, Roles: sp.Roles, Groups: sp.Groups, Attributes: sp.Attributes}
}

// A work is where an export stands. It is the Work of the job.
type work struct {
	// Token and Skip are where to go on: Skip records behind the checkpoint of the scanner. Before the snapshot is counted
	// there is no token.
	Token string `json:"token,omitempty"`
	Skip  int64  `json:"skip,omitempty"`
	// Total is how many records the query finds on the snapshot, Want how many of them are exported and Done how many are in Parts.
	Total int64 `json:"total"`
	Want  int64 `json:"want"`
	Done  int64 `json:"done"`
	Bytes int64 `json:"bytes"`
	// Reason is why Want is less than Total.
	Reason   string          `json:"reason,omitempty"`
	Columns  []export.Column `json:"columns,omitempty"`
	Indexes  []string        `json:"indexes,omitempty"`
	Sight    json.RawMessage `json:"sight,omitempty"` // of search.Scanner
	Warnings []string        `json:"warnings,omitempty"`
	Parts    []part          `json:"parts,omitempty"`
	// Doomed are files that are to be deleted: those of a snapshot that was lost.
	Doomed []part `json:"doomed,omitempty"`
	// Since is when this attempt began to write, and Before how many records there were then.
	Since  time.Time `json:"since,omitzero"`
	Before int64     `json:"before,omitempty"`
	// Sealed says that there is, or was, a key.
	Sealed bool `json:"sealed,omitempty"`
	// Looked is up to which lease it was looked for files that killed workers left.
	Looked int64 `json:"looked,omitempty"`
	// Complete says that nothing is left to be done.
	Complete bool `json:"complete,omitempty"`
}

// A part is a file that is stored, or of which it is not known whether it is.
type part struct {
	File
	shelf.Item
	Report *Report `json:"report,omitempty"`
}

func decodeSpec(j *job.Job) (*spec, error) {
	sp := new(spec)
	if err := json.Unmarshal(j.Spec, sp); err != nil {
		return nil, fmt.Errorf("the export %q cannot be read: %w", j.ID, err)
	}
	return sp, nil
}

func decodeWork(j *job.Job) (*work, error) {
	w := new(work)
	if len(j.Work) == 0 {
		return w, nil
	}
	if err := json.Unmarshal(j.Work, w); err != nil {
		return nil, fmt.Errorf("the state of the export %q cannot be read: %w", j.ID, err)
	}
	return w, nil
}

// decode returns what a job says.
func decode(j *job.Job) (*spec, *work, error) {
	sp, err := decodeSpec(j)
	if err != nil {
		return nil, nil, err
	}
	w, err := decodeWork(j)
	return sp, w, err
}

func encode(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the state of an export cannot be written: %w", err)
	}
	return b, nil
}

// process returns a job as its owner sees it.
func (s *Service) process(j *job.Job) (*Process, error) {
	sp, w, err := decode(j)
	if err != nil {
		return nil, err
	}
	p := &Process{
		ID: j.ID, Tenant: j.Tenant, UserID: sp.User, Status: j.State, FilterID: sp.FilterID, JQL: sp.JQL,
		AllowedIndexes: sp.AllowedIndexes, Format: sp.Format, Fields: sp.Fields, MaxResults: sp.MaxResults, Options: sp.Options,
		Storage: sp.Storage, AsOf: sp.AsOf, Phase: phaseOf(j), Attempt: j.Attempt, Files: []File{},
		ProcessedRecords: w.Done, BytesWritten: w.Bytes, Truncated: w.Reason != "", TruncatedReason: w.Reason, Warnings: w.Warnings,
		CreatedAt: j.Created, UpdatedAt: j.Updated, StartedAt: instant(j.Started), ExpiresAt: instant(j.Expires),
		Change: j.Change, Cursor: j.Cursor(),
	}
	if j.State == job.Processing {
		p.ProcessedRecords, p.BytesWritten = max(w.Done, j.Progress.Done), max(w.Bytes, j.Progress.Bytes)
	}
	if j.State.Finished() {
		p.CompletedAt = instant(j.Finished)
	}
	if j.Code != "" && j.State != job.Completed && j.State != job.Expired {
		p.Error = &Problem{Code: j.Code, Message: j.Message}
	}
	if !w.Since.IsZero() {
		p.TotalRecords = &w.Total
	}
	if j.State == job.Completed || j.State == job.Expired {
		for i := range w.Parts {
			p.Files = append(p.Files, w.Parts[i].File)
		}
	}
	s.estimate(p, w)
	return p, nil
}

// estimate fills in how far the process is, and when it will be done.
func (s *Service) estimate(p *Process, w *work) {
	switch {
	case p.Status == job.Completed || p.Status == job.Expired:
		p.Progress = 100
	case w.Want > 0:
		p.Progress = int(min(99, p.ProcessedRecords*100/w.Want))
	}
	if p.Status != job.Processing || w.Since.IsZero() || p.ProcessedRecords <= w.Before {
		return
	}
	now := s.now()
	took := now.Sub(w.Since)
	left := float64(took) * float64(w.Want-p.ProcessedRecords) / float64(p.ProcessedRecords-w.Before)
	if left >= 0 && left < float64(1000*24*time.Hour) {
		eta := now.Add(time.Duration(left)).UTC()
		p.ETA = &eta
	}
}

// The phases of an export that is processing. Others are called as its state.
const (
	phaseWaiting   = "waiting"
	phaseOpening   = "opening"
	phaseCounting  = "counting"
	phaseWriting   = "writing"
	phaseStoring   = "storing"
	phaseFinishing = "finishing"
)

func phaseOf(j *job.Job) string {
	switch {
	case j.State == job.Initiated:
		return phaseWaiting
	case j.State == job.Processing && j.Progress.Phase == "":
		return phaseOpening
	case j.State == job.Processing:
		return j.Progress.Phase
	}
	return string(j.State)
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// reportOf returns a report as it is kept.
func reportOf(r *export.Report) *Report {
	out := &Report{Rows: r.Rows, Escaped: r.Escaped, Cut: r.Cut, AsText: r.AsText, Repaired: r.Repaired, Ambiguous: r.Ambiguous}
	for c, n := range r.Replaced {
		if out.Replaced == nil {
			out.Replaced = map[string]int64{}
		}
		out.Replaced[fmt.Sprintf("U+%04X", c)] += n
	}
	return out
}

// add adds what another report counts.
func (r *Report) add(other *Report) {
	if other == nil {
		return
	}
	r.Rows += other.Rows
	r.Escaped += other.Escaped
	r.Cut += other.Cut
	r.AsText += other.AsText
	r.Repaired += other.Repaired
	r.Ambiguous += other.Ambiguous
	for c, n := range other.Replaced {
		if r.Replaced == nil {
			r.Replaced = map[string]int64{}
		}
		r.Replaced[c] += n
	}
}
