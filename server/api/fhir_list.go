package api

import (
	"context"
	"net/url"
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/fhir/bulk"
	"github.com/digit-health/dhr/job"
)

// A fhirOffer is what can be exported as FHIR Bulk Data.
type fhirOffer struct {
	Base      string          `json:"base" doc:"The path of FHIR."`
	Types     []fhirOfferType `json:"types" nullable:"false" doc:"The types of resources."`
	Groups    bool            `json:"groups" doc:"Whether groups of patients can be exported."`
	Retention int64           `json:"retention_seconds" doc:"How long files are kept after completion."`
}

type fhirOfferType struct {
	Type     string `json:"type" doc:"The type." example:"Patient"`
	Patients bool   `json:"patients" doc:"Whether it is also exported at the levels of patients and groups."`
}

func (a *handler) fhirOffer() *fhirOffer {
	if !a.has("fhir") || a.service.FHIR() == nil {
		return nil
	}
	c := a.exporter().Capabilities()
	o := &fhirOffer{Base: a.opts.Base + fhirBase, Types: []fhirOfferType{}, Groups: c.Groups, Retention: int64(c.Retention / time.Second)}
	for i := range c.Types {
		o.Types = append(o.Types, fhirOfferType{c.Types[i].Type, c.Types[i].Compartment})
	}
	return o
}

// A fhirListed is an export of FHIR in a list.
type fhirListed struct {
	ID         string     `json:"id" doc:"Names the export."`
	UserID     string     `json:"user_id" doc:"Who asked for it."`
	Status     job.State  `json:"status" enum:"initiated,processing,completed,failed,expired" doc:"Where it is in its life."`
	StatusURL  string     `json:"status_url" doc:"Where it is asked how far it is, what its files are, and that it is deleted." example:"/fhir/r4/$export-status/4tzcxm5lq3a2kqdpqzq7bvy3ii"`
	Level      bulk.Level `json:"level" enum:"system,patient,group" doc:"Of what it is."`
	Group      string     `json:"group,omitempty" doc:"The group of patients."`
	Types      []string   `json:"types" nullable:"false" doc:"The types of resources that are exported."`
	Since      *time.Time `json:"since,omitempty" nullable:"false" doc:"After when they were changed, if that was asked."`
	Until      *time.Time `json:"until,omitempty" nullable:"false" doc:"Before when they were changed, if that was asked."`
	Elements   []string   `json:"elements,omitempty" nullable:"false" doc:"The elements that are kept, if not all." example:"[\"Patient.name\"]"`
	Filters    []string   `json:"filters,omitempty" nullable:"false" doc:"The searches, one of which resources of its type fit." example:"[\"Observation?status=final\"]"`
	Patients   int        `json:"patients,omitempty" doc:"How many patients were asked for one by one."`
	Progress   int        `json:"progress" minimum:"0" maximum:"100" doc:"How far it is, in per cent; 100 when it is completed."`
	Doing      string     `json:"doing" doc:"That in words, as the header X-Progress has it." example:"24% Observation: 12000 of 50000"`
	Resources  int64      `json:"resources" doc:"How many are written."`
	Deletions  int64      `json:"deletions" doc:"Of how many it is told that they were deleted."`
	Unmappable int64      `json:"unmappable" doc:"How many records are no resources, for reasons that the error files have."`
	Files      int        `json:"files" doc:"How many files are stored."`
	Bytes      int64      `json:"bytes" doc:"Their size where they lie, perhaps compressed."`
	Error      *fhirError `json:"error,omitempty" nullable:"false" doc:"Why the last attempt failed."`

	TransactionTime time.Time  `json:"transaction_time" doc:"Up to when the files hold changes."`
	CreatedAt       time.Time  `json:"created_at" doc:"When it was asked for."`
	UpdatedAt       time.Time  `json:"updated_at" doc:"When it changed."`
	CompletedAt     *time.Time `json:"completed_at,omitempty" nullable:"false" doc:"When it was finished."`
	ExpiresAt       *time.Time `json:"expires_at,omitempty" nullable:"false" doc:"When its files are deleted."`
}

type fhirError struct {
	Code      string `json:"code" doc:"The reason for programs."`
	Message   string `json:"message" doc:"The reason for people."`
	Transient bool   `json:"transient" doc:"Whether the same request may succeed later."`
}

type fhirList listOf[fhirListed]

func (a *handler) listFHIR(ctx context.Context, in *exportListRequest) (*answer[fhirList], error) {
	page, err := listed(in, func(q *bulk.ListQuery) ([]fhirListed, *docstore.Cursor, error) {
		p, err := a.exporter().List(ctx, whoOf(ctx), q)
		if err != nil {
			return nil, nil, err
		}
		all := make([]fhirListed, len(p.Exports))
		for i, e := range p.Exports {
			all[i] = a.fhirListed(e)
		}
		return all, p.Next, nil
	})
	if err != nil {
		return nil, a.inQuery(ctx, in, err)
	}
	return &answer[fhirList]{fhirList(*page)}, nil
}

func (a *handler) fhirListed(e *bulk.Export) fhirListed {
	out := fhirListed{
		ID: e.ID, UserID: e.User, Status: e.Status, StatusURL: a.opts.Base + fhirBase + "/$export-status/" + url.PathEscape(e.ID),
		Level: e.Level, Group: e.Group, Types: filled(e.Types), Since: unlessZero(e.Since), Until: unlessZero(e.Until),
		Elements: e.Elements, Filters: e.Filters, Patients: e.Patients, Progress: e.Percent, Doing: e.Progress,
		Resources: e.Resources, Deletions: e.Deletions, Unmappable: e.Unmappable, Files: e.Files, Bytes: e.Bytes, TransactionTime: e.TransactionTime,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, CompletedAt: unlessZero(e.CompletedAt), ExpiresAt: unlessZero(e.ExpiresAt),
	}
	if e.Error != nil {
		out.Error = &fhirError{e.Error.Code, e.Error.Message, e.Error.Transient}
	}
	return out
}

// unlessZero returns a time that is there, or nil.
func unlessZero(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
