package process

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
)

// A Config says how an installation exports.
type Config struct {
	// Formats are those that can be asked for, by their names. They are required.
	Formats []*export.Format
	// Files is where finished files go. It is required.
	Files *storage.Store
	// Scheme is the storage that is used unless a request says another. If empty, the first of Files.
	Scheme string
	// Plain are the schemes of storages that are shown to the world to which files go
	// unsealed all the same. Without it what goes to ipfs is sealed with a key of the export.
	Plain []string
	// Links are the schemes of storages whose own URLs are handed out for download, so that the bytes do not go
	// through this process. A URL is good for anybody who has it.
	Links []string
	// Jobs is where exports are kept and worked on. It is required.
	Jobs *job.Jobs
	// Spool is a folder for files that are being written. It is required, and belongs to this
	// process alone.
	Spool string
	// Retention is how long files are kept after completion. If zero, 7 days.
	Retention time.Duration
	// Sweep is how often it is looked for what has expired. If zero, an hour.
	Sweep time.Duration
	// Limits bound what can be asked for.
	Limits Limits
}

// Limits bound exports. A zero is no limit, if nothing else is said.
type Limits struct {
	// Records is the greatest number of records of an export. One that would have more is cut there, and says so.
	Records int64
	// Bytes is the greatest size of all files of an export. One that would be larger fails.
	Bytes int64
	// Parts is the greatest number of files of an export. If zero, 2,000. One that would have more fails.
	Parts int
	// PerUser and PerTenant are how many exports may be waiting or running. See also job.Limits.
	PerUser, PerTenant int
}

// A Host is what exports need of the service that they are of.
type Host struct {
	Index  *search.Index
	Policy *access.Policy
	Store  *docstore.Store
	// Filter returns the question of a saved filter that who may run. If nil, there are none.
	Filter func(ctx context.Context, who *access.Principal, id string) (*search.Query, error)
	// Question returns a query with what the service knows of where and among whom it is asked. If nil, as it is.
	Question func(*search.Query) *search.Query
	// Note keeps what happened. What cannot be noted does not happen. If nil, nobody does.
	Note func(ctx context.Context, e *Event) error
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
	// Log is told what an operator should know. If nil, nobody is.
	Log *slog.Logger
}

// An Event is something that happened to an export.
type Event struct {
	// Action is request, run, complete, fail, cancel, preview, download, delete or expire.
	Action string
	// Who did it. For what the service itself does it is the one who asked for the export.
	Who *access.Principal
	// Process is the export; empty for a preview, and for what was refused before there was one.
	Process string
	// Records is how many records it concerns, and SHA256 the hash of their file, or of all files.
	Records int64
	SHA256  string
	// Detail is what else there is to say: names and numbers, never what a record says.
	Detail map[string]string
	// Err is why it did not happen; nil if it did.
	Err error
}

// Service makes exports. It is safe for concurrent use, also by several processes over one store.
type Service struct {
	config Config
	host   Host
}

// New returns the exports of a host, and has the configuration's jobs handle them. It starts nothing:
// somebody runs the jobs, and Sweep.
func New(c *Config, h *Host) (*Service, error) { panic("face") }

// StartOptions say more of a request.
type StartOptions struct {
	// IdempotencyKey is 1 to 255 printable characters of ASCII. The same request by the same user under the
	// same key is the same export, for 24 hours. If empty, there is none.
	IdempotencyKey string
	// Priority says which of several exports is begun first: the greater.
	Priority int
}

// Start asks for an export. If who has one waiting or running that is equal, or one under the same key, Start returns
// that one, with Existing set. It needs [access.MayExport] and [access.MayView].
func (s *Service) Start(ctx context.Context, who *access.Principal, r *Request, opts *StartOptions) (*Process, error) {
	panic("face")
}

// Get returns an export of who, or, with [access.MayAdmin], of anybody of the tenant.
func (s *Service) Get(ctx context.Context, who *access.Principal, id string) (*Process, error) {
	panic("face")
}

// A ListQuery asks for exports of the principal's tenant, the newest first.
type ListQuery struct {
	// Status are the states asked for. If empty, all.
	Status []job.State
	// UserID is whose exports are asked for: without [access.MayAdmin] only the principal's own. If empty, the principal's own;
	// if "*", everybody's.
	UserID string
	// After is the Next of the page before.
	After *docstore.Cursor
	// MaxResults is the greatest number to return, up to 1,000. If zero, 50.
	MaxResults int
}

// A Page is one page of a listing.
type Page struct {
	Processes []*Process
	// Next is where the next page begins; nil if this is the last.
	Next *docstore.Cursor
}

// List returns exports, the newest first. nil asks for all of who's own.
func (s *Service) List(ctx context.Context, who *access.Principal, q *ListQuery) (*Page, error) {
	panic("face")
}

// Watch yields an export as it is, and again each time that it has changed. One that is
// finished is the last pair; so is an error.
func (s *Service) Watch(ctx context.Context, who *access.Principal, id string) iter.Seq2[*Process, error] {
	panic("face")
}

// Cancel ends an export that is waiting or running, of which nothing remains stored. One that is finished is job.ErrFinished.
// It returns as soon as the wish is kept: the export is cancelled a moment later.
func (s *Service) Cancel(ctx context.Context, who *access.Principal, id string) (*Process, error) {
	panic("face")
}

// Delete cancels an export that is waiting or running, and returns it as it is; of a finished one it deletes the files, the key and the process
// itself, and returns nil. Then it is ErrNotFound.
func (s *Service) Delete(ctx context.Context, who *access.Principal, id string) (*Process, error) {
	panic("face")
}

// Manifest returns that of a completed export, under the conditions of OpenFile.
func (s *Service) Manifest(ctx context.Context, who *access.Principal, id string) (*Manifest, error) {
	panic("face")
}

// OpenFile returns the nth file of a completed export, from 1, for download. Whoever may Get the export and has
// [access.MayExport] may have it, unless it holds records or fields that he or she may not see now, which is ErrNarrowed.
func (s *Service) OpenFile(ctx context.Context, who *access.Principal, id string, n int) (*Download, error) {
	panic("face")
}

// A Download is a file that may be downloaded.
type Download struct {
	File
	// Link is a URL under which the file can be had from its storage, if it is one of Config.Links; else its URL is empty.
	Link storage.Link
	// Modified is when the export was completed.
	Modified time.Time
}

// Open returns the file from an offset: length bytes or as many as there are, and all if length is negative. The
// caller closes the reader. An offset behind the end is storage.ErrInvalid.
func (d *Download) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	panic("face")
}

// A Preview is the beginning of a file.
type Preview struct {
	Name      string
	MediaType string
	// Body is a file of the first records.
	Body []byte
	// Records is how many.
	Records int64
}

// Preview returns what the file of a request begins with: a file of its first 50 records. In formats of
// text its bytes are those with which the file begins, up to what closes a list. Nothing is kept.
func (s *Service) Preview(ctx context.Context, who *access.Principal, r *Request) (*Preview, error) {
	panic("face")
}

// Sweep deletes the files and keys of exports whose time has come, and is for a host to call now and then. The process stays, as expired.
func (s *Service) Sweep(ctx context.Context) error { panic("face") }
