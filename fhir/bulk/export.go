package bulk

import (
	"time"

	"github.com/digit-health/dhr/job"
)

// An Export is one as it stands.
type Export struct {
	ID     string
	Tenant string
	User   string
	Level  Level
	Group  string
	// Types are the resource types that are exported.
	Types []string
	// Since and Until are between which instants resources were changed; zero where that was not asked.
	Since, Until time.Time
	// Elements are the elements that were asked for, such as Patient.name, and Filters the searches, such as Observation?status=final.
	Elements, Filters []string
	// Patients is how many were asked for by their ids.
	Patients int
	// Status says whether it is waiting, running, completed, failed or expired.
	Status job.State
	// Progress says in less than 100 characters of ASCII how far it is, and begins with the per cent: "24% Observation: 12000 of 50000".
	Progress string
	// Percent is 100 only if the export is completed.
	Percent int
	// RetryAfter is when it is worth while to ask again: whole seconds, at least one.
	RetryAfter time.Duration
	// Pages is how many pages of the manifest can be had: if partial manifests were asked for, also before the export is completed.
	Pages int
	// Resources is how many are written so far, Deletions how many it is told of that they were deleted, and Unmappable how many records
	// are no resources, for reasons that the error files have.
	Resources, Deletions, Unmappable int64
	// Files is how many are stored so far, and Bytes their size where they lie.
	Files int
	Bytes int64
	// Error says why the export, or its last attempt, failed; nil if none did.
	Error *Problem

	TransactionTime time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
	CompletedAt     time.Time // zero before
	ExpiresAt       time.Time // zero before completion
	// Change grows with each change of the export, also of others', and never comes back.
	Change int64
}

// A Problem says to people why an export failed.
type Problem struct {
	// Code is one for programs, such as ENGINE_UNAVAILABLE, and Issue the FHIR issue type.
	Code, Issue string
	Message     string
	// Transient says that the same request may succeed later.
	Transient bool
}

// A Manifest says what an export is made of, whatever the version of the protocol. A page of it never changes, but that a next one may come.
type Manifest struct {
	ID string
	// TransactionTime is up to which the files hold changes.
	TransactionTime time.Time
	// Request is the URL of the kick-off.
	Request string
	// RequiresAccessToken is that of the Config.
	RequiresAccessToken bool
	// OrganizedBy is Patient if the files hold blocks of patients; else empty.
	OrganizedBy string
	// Output are the files of resources, and Errors those of OperationOutcomes.
	Output, Errors []File
	// Deleted are the files of Bundles with deletions. It is nil if nothing is known of deletions, and
	// empty if there were none.
	Deleted []File
	// Page is the number of this page, from 0, and Next that of the next one; 0 if there is none, or none yet.
	Page, Next int
	// Complete says that the export is completed. ExpiresAt is zero before.
	Complete  bool
	ExpiresAt time.Time
}

// A File is one of the files of an export. Names and sizes are those of the plain text.
type File struct {
	// Name is unique in the export, and safe in a URL: Patient-1.ndjson.
	Name string `json:"name"`
	// Type is that of its resources; empty where they are organized by patients.
	Type string `json:"type,omitempty"`
	// Count is how many lines it has.
	Count int64 `json:"count"`
	// Size is how many bytes, and SHA256 their hash in hex.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Gzip is the same file as it is stored, compressed; nil if it is not.
	Gzip *Packed `json:"gzip,omitempty"`
	// CID is the content address on IPFS of what is stored there; empty elsewhere.
	CID string `json:"cid,omitempty"`
	// Sealed says that what is stored is sealed.
	Sealed bool `json:"sealed,omitempty"`
	// ContinuesIn is the name of the file in which the last block of this one goes on.
	ContinuesIn string `json:"continues_in,omitempty"`
	// Severities count the outcomes of an error file by their severity: error, warning, information.
	Severities map[string]int64 `json:"severities,omitempty"`
}

// Packed is a compressed file.
type Packed struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}
