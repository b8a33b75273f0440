package api

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/digit-health/dhr/fhir/bulk"
)

// A fhirManifest is that of an export: as version 3 of the specification has it, with the keys of version 4 beside. Clients of
// version 3 break on one without error, those of version 4 look for outcome.
type fhirManifest struct {
	TransactionTime     string       `json:"transactionTime"`
	Request             string       `json:"request"`
	RequiresAccessToken bool         `json:"requiresAccessToken"`
	OutputFormat        string       `json:"outputFormat"`
	ManifestType        string       `json:"manifestType"`
	OutputOrganizedBy   string       `json:"outputOrganizedBy,omitempty"`
	Output              []fhirOutput `json:"output"`
	Deleted             []fhirOutput `json:"deleted,omitzero"` // [] says that nothing was deleted; nothing, that it is not known
	Error               []fhirOutput `json:"error"`
	Outcome             []fhirOutput `json:"outcome"`
	Link                []fhirLink   `json:"link,omitempty"`
}

// A fhirOutput is a file of a manifest.
type fhirOutput struct {
	Type            string         `json:"type,omitempty"`
	URL             string         `json:"url"`
	Count           int64          `json:"count"`
	FileSize        int64          `json:"fileSize"`
	ContinuesInFile string         `json:"continuesInFile,omitempty"`
	CountSeverity   []fhirSeverity `json:"countSeverity,omitempty"`
	Extension       *fhirFile      `json:"extension,omitempty"`
}

type fhirSeverity struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// A fhirFile is what DHR says of a file besides: an object of its own, as version 3 has extensions.
type fhirFile struct {
	SHA256 string `json:"sha256,omitempty"`
	CID    string `json:"cid,omitempty"`    // of what is stored on IPFS
	Sealed bool   `json:"sealed,omitempty"` // what has this CID is encrypted
}

type fhirLink struct {
	Relation string `json:"relation"`
	URL      string `json:"url"`
}

// instantForm is how FHIR writes instants.
const instantForm = "2006-01-02T15:04:05.000Z07:00"

// manifestOf is the manifest as a client reads it that sees the base URL of FHIR so.
func manifestOf(m *bulk.Manifest, base string, separate bool) *fhirManifest {
	files := func(list []bulk.File, of string) []fhirOutput {
		all := make([]fhirOutput, 0, len(list))
		for i := range list {
			all = append(all, outputOf(m.ID, &list[i], of, base))
		}
		return all
	}
	out := &fhirManifest{
		TransactionTime: instant(m.TransactionTime), Request: m.Request, RequiresAccessToken: m.RequiresAccessToken,
		OutputFormat: ndjsonType, ManifestType: definitionBase + "export", OutputOrganizedBy: m.OrganizedBy,
		Output: files(m.Output, ""), Error: files(m.Errors, "OperationOutcome"),
	}
	out.Outcome = out.Error
	if m.Deleted != nil {
		out.Deleted = files(m.Deleted, "Bundle")
	}
	if m.Next > 0 {
		at := base + "/$export-status/" + url.PathEscape(m.ID) + "?page=" + strconv.Itoa(m.Next)
		if separate {
			at += "&" + separateStatus
		}
		out.Link = []fhirLink{{"next", at}}
	}
	return out
}

func outputOf(id string, f *bulk.File, of, base string) fhirOutput {
	out := fhirOutput{Type: f.Type, URL: fileURL(base, id, f.Name), Count: f.Count, FileSize: f.Size}
	if of != "" {
		out.Type = of
	}
	if f.ContinuesIn != "" {
		out.ContinuesInFile = fileURL(base, id, f.ContinuesIn)
	}
	for _, severity := range slices.Sorted(maps.Keys(f.Severities)) {
		out.CountSeverity = append(out.CountSeverity, fhirSeverity{severity, f.Severities[severity]})
	}
	if f.SHA256 != "" || f.CID != "" {
		out.Extension = &fhirFile{f.SHA256, f.CID, f.Sealed && f.CID != ""}
	}
	return out
}

func fileURL(base, id, name string) string {
	return base + "/$export-file/" + url.PathEscape(id) + "/" + url.PathEscape(name)
}

// manifest answers with a page of the manifest, which is all there is if the status is 200.
func (s *statusAnswer) manifest(status, page int) {
	ctx := s.r.Context()
	m, err := s.a.exporter().Manifest(ctx, whoOf(ctx), s.export.ID, page)
	switch {
	case errors.Is(err, bulk.ErrNotReady) && !s.export.Status.Finished():
		s.waiting()
		return
	case err != nil:
		s.a.fhirRefuse(s.w, s.r, err)
		return
	}
	if status == http.StatusAccepted {
		s.progress()
	}
	if !m.ExpiresAt.IsZero() {
		s.w.Header().Set("Expires", m.ExpiresAt.UTC().Format(http.TimeFormat))
	}
	writeJSON(s.w, s.status(status), "application/json", manifestOf(m, s.a.fhirURL(s.r), s.separate))
}

// instant writes a time as FHIR has it.
func instant(at time.Time) string { return at.UTC().Format(instantForm) }
