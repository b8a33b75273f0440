package process

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/export/shelf"
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
	// PartRows and PartBytes are those of requests that do not say their own: see Choices. If zero, what the format can hold
	// and the storage takes.
	PartRows, PartBytes int64
	// Limits bound what can be asked for.
	Limits Limits
}

// Limits bound exports. A zero is no limit, if nothing else is said.
type Limits struct {
	// Records is the greatest number of records of an export. One that would have more is cut there, and says so.
	Records int64
	// Bytes is the greatest size of all files of an export. One that would be larger fails.
	Bytes int64
	// Parts is the greatest number of files of an export. If zero, 1,000; at most 2,000. One that would have more fails.
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
	// Who did it; nil if nobody says who asks. For what the service itself does it is the one who asked for the export.
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
	shelf  *shelf.Shelf
	log    *slog.Logger
}

// maxParts is how many files a document can list, or nearly: one that gets too long is TOO_MANY_FILES as well.
const maxParts = 2000

// New returns the exports of a host, and has the configuration's jobs handle them. It starts nothing:
// somebody runs the jobs, and calls Sweep.
func New(c *Config, h *Host) (*Service, error) {
	switch {
	case c == nil || h == nil || h.Index == nil || h.Policy == nil || h.Store == nil:
		return nil, fmt.Errorf("process: %w: exports need an index, a policy and a store", ErrInvalid)
	case len(c.Formats) == 0 || c.Files == nil || c.Jobs == nil || c.Spool == "":
		return nil, fmt.Errorf("process: %w: exports need formats, storage, jobs and a spool folder", ErrInvalid)
	}
	s := &Service{config: *c, host: *h, log: h.Log}
	if s.config.Scheme == "" {
		s.config.Scheme = c.Files.Schemes()[0]
	}
	for _, scheme := range append([]string{s.config.Scheme}, append(c.Plain, c.Links...)...) {
		if !slices.Contains(c.Files.Schemes(), scheme) {
			return nil, fmt.Errorf("process: %w: no storage is called %q", ErrInvalid, scheme)
		}
	}
	if c.Retention < 0 || c.Sweep < 0 || c.PartRows < 0 || c.PartBytes < 0 || c.Limits.Records < 0 || c.Limits.Bytes < 0 || c.Limits.Parts < 0 || c.Limits.Parts > maxParts {
		return nil, fmt.Errorf("process: %w: a limit is out of range", ErrInvalid)
	}
	s.config.Retention = cmp.Or(c.Retention, 7*24*time.Hour)
	s.config.Limits.Parts = cmp.Or(c.Limits.Parts, 1000)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.shelf = s.newShelf(0)
	c.Jobs.Handle(kind, s.handle)
	return s, nil
}

// newShelf returns what keeps the files. The pause is that before a part is stored for the second time.
func (s *Service) newShelf(pause time.Duration) *shelf.Shelf {
	return shelf.New(s.host.Store, s.config.Files, &shelf.Options{Name: kind, Keys: kindKeys, Pause: pause, Now: s.host.Now})
}

func (s *Service) now() time.Time {
	if s.host.Now != nil {
		return s.host.Now()
	}
	return time.Now()
}

// note keeps an event.
func (s *Service) note(ctx context.Context, e *Event) error {
	if s.host.Note == nil {
		return nil
	}
	return s.host.Note(ctx, e)
}
