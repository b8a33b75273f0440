package bulk

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/storage"
)

// A Config says what an installation exports, and how.
type Config struct {
	// Mappings say which records are which resources. There is at least one.
	Mappings []*mapping.Mapping
	// Bases are URLs of FHIR servers whose resources those here are, such as https://dhr.example.org/fhir/r4: native resources may refer to
	// patients by URLs that begin so.
	Bases []string
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
	// Uncompressed has files lie in the storage as they are, for who hands them out from there. Otherwise they are compressed.
	Uncompressed bool
	// Jobs is where exports are kept and worked on. It is required.
	Jobs *job.Jobs
	// Spool is a folder for files that are being written. It is required, and belongs to this process alone.
	Spool string
	// Retention is how long files are kept after completion. If zero, 24 hours.
	Retention time.Duration
	// Sweep is how often it is looked for what has expired, by who calls Service.Sweep. If zero, an hour.
	Sweep time.Duration
	// Delay is how long a change may take until the engine finds it, such as the refresh interval of Elasticsearch. The transaction
	// time is so much before the request, so that no change is in neither of two exports of which the second begins where the first ended.
	Delay time.Duration
	// Limits bound what can be asked for.
	Limits Limits
}

// Limits bound exports. A zero is no limit, if nothing else is said.
type Limits struct {
	// FileRecords is the greatest number of resources of one file. If zero, 100,000.
	FileRecords int64
	// FileBytes is the greatest size of one file, plain, 64 KiB or more. If zero, 1 GiB, or what the storage takes. A resource
	// that is larger is in no file: it goes to the error file as what cannot be mapped does.
	FileBytes int64
	// Bytes is the greatest size of all files of an export, as they are stored. One that would be larger fails.
	Bytes int64
	// Files is the greatest number of files of an export. If zero, 1,000; at most 2,000. One that would have more fails.
	Files int
	// PerUser and PerTenant are how many exports may be waiting or running.
	PerUser, PerTenant int
	// Patients is how many ids the parameter patient may have. If zero, 5,000.
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

// Service makes exports. It is safe for concurrent use, also by several processes over one store.
type Service struct {
	config  Config
	host    Host
	shelf   *shelf.Shelf
	log     *slog.Logger
	reading reading
	// bindTo binds a mapping to a schema.
	bindTo func(m *mapping.Mapping, schema *record.Schema, elements []string, subset bool) (mapper, error)
}

const (
	// maxFiles is how many files a document can list, or nearly: one that gets too long is TOO_MANY_FILES as well.
	maxFiles = 2000
	// spare is what compression and sealing may add to a file that has to fit into a storage, besides a part in a thousand.
	spare = 4096
	// leastBytes is the least greatest size of a file: whatever is said of a record in an error file has room in it.
	leastBytes = 64 << 10
)

// New returns the exports of a host, and has the configuration's jobs handle them. It starts nothing:
// somebody runs the jobs, and calls Sweep.
func New(c *Config, h *Host) (*Service, error) {
	if err := check(c, h); err != nil {
		return nil, fmt.Errorf("fhir export: %w", err)
	}
	s := &Service{config: *c, host: *h, log: h.Log, bindTo: bindMapping}
	s.config.Mappings = make([]*mapping.Mapping, len(c.Mappings))
	for i, m := range c.Mappings {
		s.config.Mappings[i] = m.At(c.Bases...)
	}
	s.config.Scheme = cmp.Or(c.Scheme, c.Files.Schemes()[0])
	for _, scheme := range append([]string{s.config.Scheme}, c.Plain...) {
		if !slices.Contains(c.Files.Schemes(), scheme) {
			return nil, fmt.Errorf("fhir export: %w: no storage is called %q", ErrInvalid, scheme)
		}
	}
	l := &s.config.Limits
	s.config.Retention = cmp.Or(c.Retention, 24*time.Hour)
	l.FileRecords, l.FileBytes = cmp.Or(l.FileRecords, 100_000), cmp.Or(l.FileBytes, 1<<30)
	l.Files, l.Patients, l.PageFiles = cmp.Or(l.Files, 1000), cmp.Or(l.Patients, 5000), cmp.Or(l.PageFiles, 10)
	if most, err := c.Files.MaxBytes(s.config.Scheme); err != nil {
		return nil, fmt.Errorf("fhir export: %w", err)
	} else if most > 0 {
		l.FileBytes = min(l.FileBytes, most-most/1000-spare)
	}
	if l.FileBytes < leastBytes {
		return nil, fmt.Errorf("fhir export: %w: files in the storage %q may have %d bytes; %d are needed at least", ErrInvalid, s.config.Scheme, l.FileBytes, leastBytes)
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.shelf = s.newShelf(0)
	c.Jobs.Handle(kind, s.handle)
	return s, nil
}

// newShelf returns what keeps the files. The pause is that before a file is stored for the second time.
func (s *Service) newShelf(pause time.Duration) *shelf.Shelf {
	return shelf.New(s.host.Store, s.config.Files, &shelf.Options{Name: kind, Keys: kindKeys, Pause: pause, Now: s.host.Now})
}

// check says what makes no sense.
func check(c *Config, h *Host) error {
	switch {
	case c == nil || h == nil || h.Index == nil || h.Policy == nil || h.Store == nil:
		return fmt.Errorf("%w: exports need an index, a policy and a store", ErrInvalid)
	case len(c.Mappings) == 0 || c.Files == nil || c.Jobs == nil || c.Spool == "":
		return fmt.Errorf("%w: exports need mappings, storage, jobs and a spool folder", ErrInvalid)
	}
	l := &c.Limits
	if c.Retention < 0 || c.Sweep < 0 || c.Delay < 0 || l.FileRecords < 0 || l.FileBytes < 0 || l.Bytes < 0 || l.Files < 0 || l.Files > maxFiles ||
		l.PerUser < 0 || l.PerTenant < 0 || l.Patients < 0 || l.PageFiles < 0 {
		return fmt.Errorf("%w: a limit is out of range", ErrInvalid)
	}
	if err := checkMappings(c.Mappings); err != nil {
		return err
	}
	return checkGroups(c.Groups)
}

func checkMappings(all []*mapping.Mapping) error {
	names := map[string]bool{}
	for _, m := range all {
		if names[m.Name] {
			return fmt.Errorf("%w: two mappings are called %q", ErrInvalid, m.Name)
		}
		names[m.Name] = true
		if m.Deleted == "" {
			continue
		}
		q, err := jql.Parse(m.Deleted, nil)
		if err == nil {
			_, err = others(q)
		}
		if err != nil {
			return fmt.Errorf("%w: the mapping %q: deleted: %w", ErrInvalid, m.Name, err)
		}
	}
	return nil
}

func checkGroups(all []Group) error {
	ids := map[string]bool{}
	for i := range all {
		g := &all[i]
		switch {
		case !idForm.MatchString(g.ID):
			return fmt.Errorf("%w: %q is no id of a group: 1 to 64 letters, digits, points and hyphens", ErrInvalid, g.ID)
		case ids[g.ID]:
			return fmt.Errorf("%w: two groups have the id %q", ErrInvalid, g.ID)
		case g.JQL != "" && len(g.Members) > 0:
			return fmt.Errorf("%w: the group %q has a query and members; one of them is asked for", ErrInvalid, g.ID)
		}
		ids[g.ID] = true
		if q, err := jql.Parse(g.JQL, nil); err != nil {
			return fmt.Errorf("%w: the group %q: %w", ErrInvalid, g.ID, err)
		} else if len(q.Order) > 0 {
			return fmt.Errorf("%w: the group %q: members have no order", ErrInvalid, g.ID)
		}
	}
	return nil
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

// question returns a query with the circumstances of the host.
func (s *Service) question(q *search.Query) *search.Query {
	if s.host.Question != nil {
		return s.host.Question(q)
	}
	return q
}

// sealed reports whether what goes to the storage is sealed.
func (s *Service) sealed() bool {
	return shelf.Public(s.config.Scheme) && !slices.Contains(s.config.Plain, s.config.Scheme)
}
