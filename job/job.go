package job

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A State is where a job is in its life.
type State string

// The states of a job.
const (
	Initiated  State = "initiated"  // waits to be worked on, for the first time or again
	Processing State = "processing" // somebody works on it
	Completed  State = "completed"  // its handler returned nil
	Failed     State = "failed"     // it will not be tried again
	Cancelled  State = "cancelled"  // somebody asked for that before it was done
	Expired    State = "expired"    // its owner has thrown away what it made
)

// Finished reports whether nobody will work on the job any more.
func (s State) Finished() bool { return s != Initiated && s != Processing }

// A Job is one piece of work, as it was when it was read. It belongs to whoever
// got it: changing it changes nothing else.
type Job struct {
	// Tenant is whose the job is, Kind what handles it, and ID is unique within both;
	// see docstore.Key for what they may be.
	Tenant string `json:"-"`
	Kind   string `json:"-"`
	// ID may be chosen by who submits the job. If empty, it is random.
	ID string `json:"-"`
	// Version counts the writes of the job, and Change grows with each and never comes
	// back: see docstore.Document. Whoever submits leaves them alone.
	Version int64 `json:"-"`
	Change  int64 `json:"-"`
	// First is the Change with which the job came into being: the smaller, the earlier.
	First int64 `json:"first,omitempty"`

	// User is on whose behalf the work is done, up to 256 bytes. It may be empty.
	User string `json:"user,omitempty"`
	// Labels are by what its owner finds the job again, beside its state and user.
	Labels []string `json:"labels,omitempty"`
	// Priority says which of several is begun first: the greater. It may be negative.
	Priority int `json:"priority,omitempty"`
	// NotBefore is when the job is due. If zero, at once.
	NotBefore time.Time `json:"not_before,omitzero"`
	// MaxAttempts is how often the work is begun at most. If zero, as the Options say.
	MaxAttempts int `json:"max_attempts"`
	// Expires is for its owner, who throws away then what the job made.
	Expires time.Time `json:"expires,omitzero"`
	// Spec is what was asked, one JSON value. It is written once.
	Spec json.RawMessage `json:"spec,omitempty"`

	// State and all below is kept by this package, and ignored by Submit.
	State    State     `json:"state"`
	Created  time.Time `json:"created"`
	Started  time.Time `json:"started,omitzero"` // of the first attempt
	Updated  time.Time `json:"updated"`          // of the last write
	Finished time.Time `json:"finished,omitzero"`
	// Attempt is how often the work was begun: 0 before the first time.
	Attempt int `json:"attempt,omitempty"`
	// Worker is who holds the lease, Fence the lease's number, and LeaseUntil when it ends by
	// the worker's clock, for people to read. Nobody relies on it.
	Worker     string    `json:"worker,omitempty"`
	Fence      int64     `json:"fence,omitempty"`
	LeaseUntil time.Time `json:"lease_until,omitzero"`
	// CancelRequested says that somebody has asked to cancel the job while it was Processing.
	CancelRequested bool `json:"cancel_requested,omitempty"`
	// Progress is how far the work is.
	Progress Progress `json:"progress,omitzero"`
	// Code and Message say to people why the last attempt failed, as its Failure
	// said. Cause is the text of the error, for operators alone.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Cause   string `json:"cause,omitempty"`
	// Work is the handler's checkpoint, one JSON value. It survives a failed attempt.
	Work json.RawMessage `json:"work,omitempty"`
}

// A Progress is how far some work is. The zero value says nothing.
type Progress struct {
	Phase string `json:"phase,omitempty"` // what is being done, such as "counting"
	Done  int64  `json:"done,omitempty"`  // of Total
	Total int64  `json:"total,omitempty"` // 0 while it is unknown
	Bytes int64  `json:"bytes,omitempty"` // written
	Parts int    `json:"parts,omitempty"` // finished
}

// Cursor returns the place of j in every listing.
func (j *Job) Cursor() *docstore.Cursor {
	return &docstore.Cursor{Name: orderName(j.Created), ID: j.ID, Tenant: j.Tenant, Change: j.Change}
}

// Key returns the key of the job's document.
func (j *Job) Key() docstore.Key { return docstore.Key{Tenant: j.Tenant, Kind: j.Kind, ID: j.ID} }

// Label has j bear a label, or no longer.
func (j *Job) Label(label string, on bool) {
	j.Labels = slices.DeleteFunc(slices.Clone(j.Labels), func(l string) bool { return l == label })
	if on {
		j.Labels = append(j.Labels, label)
	}
}

// Clone returns a copy that shares nothing with j.
func (j *Job) Clone() *Job {
	c := *j
	c.Labels, c.Spec, c.Work = slices.Clone(j.Labels), slices.Clone(j.Spec), slices.Clone(j.Work)
	return &c
}

// A Query asks for jobs of one kind, the newest first.
type Query struct {
	// Tenant is whose jobs are asked for: exactly this tenant's.
	Tenant string
	// AllTenants asks for those of every tenant instead, which is for sweepers and never for
	// a request; Tenant is empty then.
	AllTenants bool
	Kind       string
	// States are those asked for. If empty, all are.
	States []State
	// User, if not empty, is whose jobs are asked for.
	User string
	// Label, if not empty, is one that the jobs bear.
	Label string
	// After is the place behind which the listing begins: a Job's Cursor. If nil, at its start.
	After *docstore.Cursor
	// Limit is the greatest number of jobs of one page, up to docstore.MaxPage. If zero, 100.
	Limit int
}
