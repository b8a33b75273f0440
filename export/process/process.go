package process

import (
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/job"
)

// A Process is an export as it stands. It is one document of the store.
type Process struct {
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant"`
	UserID   string    `json:"user_id"`
	Status   job.State `json:"status"`
	FilterID string    `json:"filter_id,omitempty"`
	JQL      string    `json:"jql"`
	// AllowedIndexes, Format, Fields, MaxResults, Options, Storage and AsOf are those of the request, with their defaults.
	AllowedIndexes []string  `json:"allowed_indexes,omitempty"`
	Format         string    `json:"format"`
	Fields         []string  `json:"fields,omitempty"`
	MaxResults     int64     `json:"max_results,omitempty"`
	Options        Choices   `json:"options"`
	Storage        string    `json:"storage"`
	AsOf           time.Time `json:"as_of"`

	// Phase is what is being done: waiting, opening, counting, writing, finishing; in the end that of the state.
	Phase string `json:"phase"`
	// TotalRecords is how many records the query finds on the snapshot that is exported; nil until they are counted.
	TotalRecords *int64 `json:"total_records,omitempty"`
	// ProcessedRecords is how many are written.
	ProcessedRecords int64 `json:"processed_records"`
	// Progress is that in per cent, 100 only if the process is completed.
	Progress int `json:"progress"`
	// ETA is when the process will be completed if it goes on as before; nil while that is unknown.
	ETA *time.Time `json:"eta,omitempty"`
	// BytesWritten is how many bytes are written to files.
	BytesWritten int64 `json:"bytes_written"`
	// Attempt is how often the work was begun.
	Attempt int `json:"attempt"`
	// Truncated says that records which the query finds are left out, for the reason that TruncatedReason has: max_results,
	// as asked, or limit, that of the service.
	Truncated       bool   `json:"truncated"`
	TruncatedReason string `json:"truncated_reason,omitempty"`
	// Warnings are complaints about the query, or about what a format could not show, that did not keep it from being exported.
	Warnings []string `json:"warnings,omitempty"`
	// Files are the finished files once the process is completed.
	Files []File `json:"files"`
	// Error says why the last attempt failed; nil if none did.
	Error *Problem `json:"error,omitempty"`

	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	CompletedAt *time.Time `json:"completed_at,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`

	// Existing says that [Service.Start] has not begun this process but found it.
	Existing bool `json:"-"`
	// Change grows with each change of the process, also of others', and never comes back.
	Change int64 `json:"-"`
	// Cursor is the place of the process in a listing.
	Cursor *docstore.Cursor `json:"-"`
}

// A Problem says to people why an export failed.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// A File is one of the files of an export.
type File struct {
	// Number counts the files of an export from 1.
	Number int    `json:"number"`
	Name   string `json:"name"`
	// Size and SHA256 are those of what is downloaded.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Rows is how many records it has.
	Rows        int64  `json:"rows"`
	MediaType   string `json:"media_type"`
	CID         string `json:"cid,omitempty"`
	FileStoreID string `json:"file_store_id,omitempty"`
	// Sealed says that what is stored is sealed, so that it is downloaded through the service alone.
	Sealed bool `json:"sealed,omitempty"`
}

// A Manifest says what an export is made of. It is the same however often it is asked for.
type Manifest struct {
	ID             string    `json:"id"`
	Tenant         string    `json:"tenant"`
	UserID         string    `json:"user_id"`
	FilterID       string    `json:"filter_id,omitempty"`
	JQL            string    `json:"jql"`
	AllowedIndexes []string  `json:"allowed_indexes,omitempty"`
	AsOf           time.Time `json:"as_of"`
	Format         string    `json:"format"`
	Options        Choices   `json:"options"`
	// Columns are the paths of the columns of the files, and Indexes those whose records they hold.
	Columns []string `json:"columns"`
	Indexes []string `json:"indexes"`
	// TotalRecords is how many records the query found, and Rows how many of them the files hold.
	TotalRecords    int64  `json:"total_records"`
	Rows            int64  `json:"rows"`
	Truncated       bool   `json:"truncated"`
	TruncatedReason string `json:"truncated_reason,omitempty"`
	// Report counts what became of cells: see export.Report.
	Report      Report    `json:"report"`
	Warnings    []string  `json:"warnings,omitempty"`
	CompletedAt time.Time `json:"completed_at"`
	Files       []File    `json:"files"`
	// SHA256 is the hash of the hashes of the files, one a line in hexadecimal.
	SHA256 string `json:"sha256"`
}

// A Report is an export.Report of all files together, as JSON.
type Report struct {
	Rows      int64 `json:"rows"`
	Escaped   int64 `json:"escaped,omitempty"`
	Cut       int64 `json:"cut,omitempty"`
	AsText    int64 `json:"as_text,omitempty"`
	Repaired  int64 `json:"repaired,omitempty"`
	Ambiguous int64 `json:"ambiguous,omitempty"`
	// Replaced are the characters that the format cannot show, each as U+XXXX, with their number.
	Replaced map[string]int64 `json:"replaced,omitempty"`
}
