package bulk

import (
	"context"
	"log/slog"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
)

// A Config says what an installation exports, and how.
type Config struct {
	// Groups are those that can be exported.
	Groups []Group
	// PatientAttribute is the attribute of principals that names their own patients, by resource id. One that may not export
	// otherwise may export these. If empty, it may not.
	PatientAttribute string
	// RequiresAccessToken is what manifests say: whether files are handed out with a token alone.
	RequiresAccessToken bool
	// Files is where finished files go. It is required.
	Files *storage.Store
	// Scheme is the storage that is used. If empty, the first of Files.
	Scheme string
	// Plain are the schemes of storages that are shown to the world to which files go unsealed all the same.
	Plain []string
	// Jobs is where exports are kept and worked on. It is required.
	Jobs *job.Jobs
	// Spool is a folder for files that are being written. It is required, and belongs to this process alone.
	Spool string
	// Retention is how long files are kept after completion. If zero, 24 hours.
	Retention time.Duration
	// Sweep is how often it is looked for what has expired, by who calls Service.Sweep. If zero, an hour.
	Sweep time.Duration
	// Limits bound what can be asked for.
	Limits Limits
}

// Limits bound exports. A zero is no limit, if nothing else is said.
type Limits struct {
	// FileRecords is the greatest number of resources of one file. If zero, 100,000.
	FileRecords int64
	// FileBytes is the greatest size of one file, plain. If zero, 1 GiB, or what the storage takes.
	FileBytes int64
	// Bytes is the greatest size of all files of an export, as they are stored. One that would be larger fails.
	Bytes int64
	// Files is the greatest number of files of an export. If zero, 1,000; at most 2,000. One that would have more fails.
	Files int
	// PerUser and PerTenant are how many exports may be waiting or running.
	PerUser, PerTenant int
	// Patients is how many ids the parameter patient may have. If zero, 10,000.
	Patients int
	// PageFiles is how many files a page of a partial manifest has. If zero, 10.
	PageFiles int
}

// A Host is what exports need of the service that they are of.
type Host struct {
	Index  *search.Index
	Policy *access.Policy
	Store  *docstore.Store
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
	// Action is request, complete, fail, download, delete or expire.
	Action string
	// Who did it; nil if nobody says who asks. For what the service itself does it is the one who asked for the export.
	Who *access.Principal
	// Export is its id; empty for what was refused before there was one.
	Export string
	// Records is how many resources it concerns, and SHA256 the hash of their file, or of all files.
	Records int64
	SHA256  string
	// Detail is what else there is to say: names and numbers, never what a record says.
	Detail map[string]string
	// Err is why it did not happen; nil if it did.
	Err error
}
