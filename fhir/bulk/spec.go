package bulk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export/shelf"
	"github.com/digit-health/dhr/job"
)

const (
	// kind is that of the jobs, and of their documents.
	kind = "fhir-exports"
	// kindKeys is the kind of the documents that hold what opens sealed files.
	kindKeys = "fhir-export-keys"
	// labelStored is borne by jobs of which something is stored, or may be.
	labelStored = "stored"
	// labelDeleted is borne by jobs that their owner has deleted, and of which something may be left.
	labelDeleted = "deleted"
)

// A spec is what was asked, by whom. It is the Spec of the job.
type spec struct {
	User       string              `json:"user"`
	Tenant     string              `json:"tenant"`
	Roles      []string            `json:"roles,omitempty"`
	Groups     []string            `json:"groups,omitempty"`
	Attributes map[string][]string `json:"attributes,omitempty"`

	Level Level  `json:"level"`
	Group string `json:"group,omitempty"`
	URL   string `json:"url,omitempty"`
	// Time is the transaction time.
	Time   time.Time `json:"time"`
	Scheme string    `json:"scheme"`
	// Own are the patients to whom the principal is restricted; nil if it is not.
	Own []string `json:"own,omitempty"`
	asked
	// Exported are the resource types that are exported, in the order of the steps.
	Exported []string `json:"exported"`
	// Steps are what is done, one after another.
	Steps []step `json:"steps"`
	// Notes are what people should know of the whole.
	Notes []issue `json:"notes,omitempty"`
}

// asked are the parameters of a kick-off as they were understood.
type asked struct {
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// Types are the resource types in the order in which they were asked for; nil means all.
	Types []string `json:"types,omitempty"`
	// Elements are the elements to keep, by resource type, and under "" those of every type.
	Elements map[string][]string `json:"elements,omitempty"`
	// Filters are searches, by resource type.
	Filters  map[string][]string `json:"filters,omitempty"`
	Patients []string            `json:"patients,omitempty"`
	// Provenance is latest or relevant, if it was asked for beyond Types.
	Provenance string `json:"provenance,omitempty"`
	Organized  bool   `json:"organized,omitempty"`
	Partial    bool   `json:"partial,omitempty"`
	MinBytes   int64  `json:"min_bytes,omitempty"`
	MaxBytes   int64  `json:"max_bytes,omitempty"`
}

// A step is a part of the work that has one snapshot of each of its indexes.
type step struct {
	// Does is what: resources, deleted, organized or notes.
	Does string `json:"does"`
	// Mappings are the names of the mappings: one, but for organized.
	Mappings []string `json:"mappings,omitempty"`
	// Type is the resource type; empty for organized and notes.
	Type string `json:"type,omitempty"`
	// Associated says that it is of Provenance about other types.
	Associated bool `json:"associated,omitempty"`
}

// sorts reports whether a step reads all of its records before it writes the first: by patients, or to find the latest of each.
func (sp *spec) sorts(st *step) bool {
	return st.Does == doesOrganized || st.Associated && sp.Provenance == provenanceLatest
}

const (
	doesResources = "resources"
	doesDeleted   = "deleted"
	doesOrganized = "organized"
	doesNotes     = "notes"
)

func (sp *spec) who() *access.Principal {
	return &access.Principal{User: sp.User, Tenant: sp.Tenant, Roles: sp.Roles, Groups: sp.Groups, Attributes: sp.Attributes}
}

// A work is where an export stands. It is the Work of the job.
type work struct {
	// Step is the number of the step that is being done.
	Step int `json:"step"`
	// Token and Skip are where to go on in it: Skip records behind the checkpoint of the scanner. Before its snapshot is counted there is no token.
	Token string `json:"token,omitempty"`
	Skip  int64  `json:"skip,omitempty"`
	// States are what is known of the steps that were begun.
	States []state `json:"states,omitempty"`
	// Bytes is how many are stored.
	Bytes int64  `json:"bytes,omitempty"`
	Parts []part `json:"parts,omitempty"`
	// Doomed are files that are to be deleted: those of a snapshot that was lost.
	Doomed []part `json:"doomed,omitempty"`
	// Patients is a hash of the patients to whom the export is restricted. If they change, everything begins anew.
	Patients string `json:"patients,omitempty"`
	// Sealed says that there is, or was, a key.
	Sealed bool `json:"sealed,omitempty"`
	// Looked is up to which lease it was looked for files that killed workers left.
	Looked int64 `json:"looked,omitempty"`
	// Complete says that nothing is left to be done.
	Complete bool `json:"complete,omitempty"`
	// Kept says that a storage without deletion still has files.
	Kept bool `json:"kept,omitempty"`
}

// A state is what is known of a step.
type state struct {
	// Sights are what the principal sees of the indexes, and Columns the fields that were read, one for each mapping.
	Sights  []json.RawMessage `json:"sights,omitempty"`
	Columns [][]string        `json:"columns,omitempty"`
	// Total is how many records the snapshot has of what was asked.
	Total int64 `json:"total"`
	// Note is what people should know of the step.
	Note *issue `json:"note,omitempty"`
	// Of them, Written are in files, Unmappable in error files, and Outside belong to no patient in question.
	tally
}

// A tally is what became of records.
type tally struct {
	Written    int64 `json:"written"`
	Unmappable int64 `json:"unmappable,omitempty"`
	Outside    int64 `json:"outside,omitempty"`
	// Elsewhere are those of Outside that refer to patients of other servers, if the patients of everybody are wanted.
	Elsewhere int64 `json:"elsewhere,omitempty"`
}

func (t tally) sum() int64 { return t.Written + t.Unmappable + t.Outside }

// A part is a file that is stored, or of which it is not known whether it is.
type part struct {
	File
	shelf.Item
	// Holds is what is in it: output, error or deleted.
	Holds string `json:"holds"`
	Step  int    `json:"step"`
}

// stored returns how many bytes it has where it lies, unsealed.
func (p *part) stored() int64 {
	if p.Gzip != nil {
		return p.Gzip.Size
	}
	return p.Size
}

const (
	holdsOutput  = "output"
	holdsError   = "error"
	holdsDeleted = "deleted"
)

func itemsOf(files []part) []shelf.Item {
	items := make([]shelf.Item, len(files))
	for i := range files {
		items[i] = files[i].Item
	}
	return items
}

// decode returns what a job says.
func decode(j *job.Job) (*spec, *work, error) {
	sp := new(spec)
	if err := json.Unmarshal(j.Spec, sp); err != nil {
		return nil, nil, fmt.Errorf("the export %q cannot be read: %w", j.ID, err)
	}
	w, err := decodeWork(j)
	return sp, w, err
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

func encode(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the state of an export cannot be written: %w", err)
	}
	return b, nil
}

// resources returns how many resources are written in all.
func (w *work) resources() (n int64) {
	for i := range w.States {
		n += w.States[i].Written
	}
	return n
}

// written returns how many resources are written, and how many it is told of that they were deleted.
func (sp *spec) written(w *work) (resources, deletions int64) {
	for i := range w.States {
		if i < len(sp.Steps) && sp.Steps[i].Does == doesDeleted {
			deletions += w.States[i].Written
			continue
		}
		resources += w.States[i].Written
	}
	return resources, deletions
}

// unmappable returns how many records were no resources.
func (w *work) unmappable() (n int64) {
	for i := range w.States {
		n += w.States[i].Unmappable
	}
	return n
}

// elements returns the elements that were asked for, in an order that is always the same.
func (a *asked) elements() []string {
	return named(a.Elements, func(of, element string) string {
		if of == "" {
			return element
		}
		return of + "." + element
	})
}

// filters returns the searches that were asked for.
func (a *asked) filters() []string {
	return named(a.Filters, func(of, search string) string { return of + "?" + search })
}

// named returns each value of each type by its name, in the order of the types.
func named(all map[string][]string, name func(of, value string) string) (list []string) {
	for _, of := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[of] {
			list = append(list, name(of, value))
		}
	}
	return list
}
