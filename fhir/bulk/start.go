package bulk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/failure"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/job"
)

// own returns the patients to whom who is restricted, if it may not export otherwise: nil is all. One that may not export at all is ErrForbidden.
func (s *Service) own(who *access.Principal) ([]string, error) {
	switch {
	case who == nil || !s.host.Policy.May(who, access.MayView):
		return nil, fmt.Errorf("%w: the permission %q is needed", ErrForbidden, access.MayView)
	case who.User == "" || who.Tenant == "":
		return nil, fmt.Errorf("%w: an export needs a user and a tenant", ErrForbidden)
	case s.host.Policy.May(who, access.MayExport):
		return nil, nil
	}
	var ids []string
	if s.config.PatientAttribute != "" {
		for _, value := range who.Attributes[s.config.PatientAttribute] {
			if value != "" {
				ids = append(ids, mapping.ID(value))
			}
		}
	}
	if ids == nil {
		return nil, fmt.Errorf("%w: the permission %q is needed", ErrForbidden, access.MayExport)
	}
	return ids, nil
}

// allowed returns the patients to whom who is restricted at a level.
func (s *Service) allowed(who *access.Principal, l Level) ([]string, error) {
	ids, err := s.own(who)
	if err == nil && ids != nil && l == SystemLevel {
		return nil, fmt.Errorf("%w: an export of everything needs the permission %q; ask for Patient/$export", ErrForbidden, access.MayExport)
	}
	return ids, err
}

// Start asks for an export, and returns as soon as it is kept. What is wrong with the request is a [ParameterError]; ErrForbidden, ErrNotFound for
// the group and ErrBusy are told too. Equal requests are exports of their own.
func (s *Service) Start(ctx context.Context, who *access.Principal, r *Request) (*Export, error) {
	sp, err := s.admit(ctx, who, r)
	var e *Export
	if err == nil {
		e, err = s.submit(ctx, who, sp)
	}
	if err != nil {
		noted := s.note(ctx, &Event{Action: "request", Who: who, Err: err})
		return nil, errors.Join(failed("start", err), noted)
	}
	return e, nil
}

// admit returns what a request means for who, or what is wrong with it.
func (s *Service) admit(ctx context.Context, who *access.Principal, r *Request) (*spec, error) {
	if r == nil {
		return nil, wrong("", "There is no request.")
	}
	switch r.Level {
	case SystemLevel, PatientLevel, GroupLevel:
	default:
		return nil, wrong("", "There is no level %q.", r.Level)
	}
	own, err := s.allowed(who, r.Level)
	if err != nil {
		return nil, err
	}
	if r.Level == GroupLevel && s.group(who, r.Group) == nil {
		return nil, fmt.Errorf("%w: there is no group %q", ErrNotFound, r.Group)
	}
	p, err := readParameters(r, &s.config.Limits, s.config.Bases...)
	if err != nil {
		return nil, err
	}
	sp := &spec{
		User: who.User, Tenant: who.Tenant, Roles: who.Roles, Groups: who.Groups, Attributes: who.Attributes,
		Level: r.Level, URL: r.URL, Own: own, Time: s.now().Add(-s.config.Delay).UTC().Truncate(time.Millisecond), Scheme: s.config.Scheme,
	}
	if r.Level == GroupLevel {
		sp.Group = r.Group
	}
	plan := &planner{s: s, who: who, sp: sp, reader: p, scope: r.Types}
	if err := plan.do(ctx); err != nil {
		return nil, err
	}
	sp.asked, sp.Notes = p.asked, p.notes
	return sp, s.checkPatients(ctx, who, sp)
}

// checkPatients holds that the patients that were asked for are there, are members of the group, and are not somebody else.
func (s *Service) checkPatients(ctx context.Context, who *access.Principal, sp *spec) error {
	if len(sp.Patients) == 0 {
		return nil
	}
	gone, err := s.missing(ctx, who, sp.Patients)
	if err != nil {
		return err
	}
	if sp.Own != nil {
		for _, id := range sp.Patients {
			if !slices.Contains(sp.Own, id) && !slices.Contains(gone, id) {
				gone = append(gone, id)
			}
		}
	}
	if len(gone) == 0 && sp.Level == GroupLevel {
		set, err := s.patientSet(ctx, sp) // which is among those that were asked for
		if err != nil {
			return err
		}
		for _, id := range sp.Patients {
			if !set.has(id) {
				gone = append(gone, id)
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	const shown = 10
	e := wrong(pPatient, "%d of the patients are not known here, or not in the group: %s.", len(gone), strings.Join(gone[:min(len(gone), shown)], ", "))
	e.Code = "not-found"
	return e
}

// submit keeps a new export.
func (s *Service) submit(ctx context.Context, who *access.Principal, sp *spec) (*Export, error) {
	text, err := encode(sp)
	if err != nil {
		return nil, err
	}
	id := strings.ToLower(rand.Text())
	asked := &job.Job{Tenant: sp.Tenant, Kind: kind, ID: id, User: sp.User, Spec: text}
	limits := &job.Limits{PerUser: s.config.Limits.PerUser, PerTenant: s.config.Limits.PerTenant}
	if err := s.config.Jobs.Room(ctx, asked, limits); err != nil { // before it is noted that there is one
		return nil, failure.Busy(err, ErrBusy)
	}
	if err := s.note(ctx, &Event{Action: "request", Who: who, Export: id, Detail: sp.detail()}); err != nil {
		return nil, err
	}
	j, err := s.config.Jobs.SubmitWithin(ctx, asked, limits)
	if errors.Is(err, docstore.ErrTooLarge) {
		e := wrong("", "The request is too long to be kept. Ask for fewer patients, elements or searches.")
		e.Code, e.Status = "too-costly", http.StatusRequestEntityTooLarge
		return nil, e
	}
	if err != nil {
		return nil, failure.Busy(err, ErrBusy)
	}
	return s.export(j)
}

// detail says for the audit what was asked, without what may name persons.
func (sp *spec) detail() map[string]string {
	d := map[string]string{"level": string(sp.Level), "types": strings.Join(sp.Exported, ","), "storage": sp.Scheme}
	for name, value := range map[string]string{"group": sp.Group, "provenance": sp.Provenance} {
		if value != "" {
			d[name] = value
		}
	}
	if sp.Since != nil {
		d["since"] = sp.Since.Format(instantLayout)
	}
	if sp.Until != nil {
		d["until"] = sp.Until.Format(instantLayout)
	}
	if n := len(sp.Patients); n > 0 {
		d["patients"] = strconv.Itoa(n)
	}
	return d
}
