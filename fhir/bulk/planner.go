package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/search"
)

// A planner makes steps of a kick-off.
type planner struct {
	*reader
	s   *Service
	who *access.Principal
	sp  *spec
	// scope are the resource types that the client may have; nil means all.
	scope []string
	// bound are the mappings that are exported.
	bound []*bound
	// left are the mappings that the principal may not use.
	left []*mapping.Mapping
}

func (p *planner) do(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.choose, p.checkNames, p.bindAll, p.checkElements, p.checkFilters, p.makeSteps} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fits reports whether a mapping is exported at the level.
func (p *planner) fits(m *mapping.Mapping) bool { return p.r.Level == SystemLevel || inCompartment(m) }

// choose holds that the types that were asked for are offered, and fills in which there are.
func (p *planner) choose(context.Context) error {
	var offered []string
	for _, m := range p.s.config.Mappings {
		if p.fits(m) && !slices.Contains(offered, m.Type) {
			offered = append(offered, m.Type)
		}
	}
	if len(p.asked.Types) == 0 {
		return p.chooseAll(offered)
	}
	var kept []string
	for _, t := range p.asked.Types {
		if slices.Contains(offered, t) {
			if p.scope != nil && !slices.Contains(p.scope, t) {
				return forbidden(pType, fmt.Sprintf("The access token is not good for %s.", t))
			}
			kept = append(kept, t)
			continue
		}
		if err := p.ignore(unsupported(pType, "%s is not offered%s.%s There are %s.", t, p.atLevel(t), meant(t), strings.Join(offered, ", "))); err != nil {
			return err
		}
	}
	if len(kept) == 0 {
		return unsupported(pType, "None of the types is offered. There are %s.", strings.Join(offered, ", "))
	}
	p.asked.Types = kept
	return nil
}

func (p *planner) chooseAll(offered []string) error {
	for _, t := range offered {
		if p.scope == nil || slices.Contains(p.scope, t) {
			p.asked.Types = append(p.asked.Types, t)
			continue
		}
		p.notes = append(p.notes, issue{Severity: "warning", Code: "suppressed", Diagnostics: fmt.Sprintf("%s is left out: the access token is not good for it.", t)})
	}
	if len(p.asked.Types) == 0 {
		return forbidden(pType, "The access token is good for none of the resource types here.")
	}
	p.all = true
	return nil
}

// atLevel says that a type is offered elsewhere.
func (p *planner) atLevel(t string) string {
	if slices.ContainsFunc(p.s.config.Mappings, func(m *mapping.Mapping) bool { return m.Type == t }) {
		return " at this level, since it is not of the Patient compartment"
	}
	return ""
}

// meant returns a guess at a type that was misspelled.
func meant(t string) string {
	if near := fhir.Nearest(t, fhir.Types()); near != "" && near != t {
		return fmt.Sprintf(" Is %s meant?", near)
	}
	return ""
}

// bindAll binds the mappings of the types. What the principal may not see is left out, and that is said.
func (p *planner) bindAll(ctx context.Context) error {
	types := p.asked.Types
	if p.asked.Provenance != "" && !slices.Contains(types, provenanceType) {
		if p.scope != nil && !slices.Contains(p.scope, provenanceType) {
			return forbidden(pAssociated, "The access token is not good for Provenance.")
		}
		types = append(slices.Clone(types), provenanceType)
	}
	for _, m := range p.s.config.Mappings {
		if !p.fits(m) || !slices.Contains(types, m.Type) {
			continue
		}
		b, err := p.s.bind(ctx, p.who, m, &p.asked)
		if err == nil {
			err = p.s.checkWhole(ctx, p.who, b)
		}
		switch {
		case err == nil:
			p.bound = append(p.bound, b)
		case errors.Is(err, search.ErrUnknownIndex), errors.Is(err, errHidden), errors.Is(err, access.ErrDenied):
			p.left = append(p.left, m)
			p.s.log.DebugContext(ctx, "a mapping is left out of an export", "mapping", m.Name, "error", err)
		default:
			return err
		}
	}
	for _, m := range p.left {
		if !p.all && !slices.ContainsFunc(p.bound, func(b *bound) bool { return b.Type == m.Type }) && m.Type != provenanceType {
			return forbidden(pType, fmt.Sprintf("Not all that makes a %s may be seen.", m.Type))
		}
		p.notes = append(p.notes, issue{
			Severity: "warning", Code: "suppressed", Diagnostics: fmt.Sprintf("Resources of type %s that the mapping %q makes are left out: not all that they are made of may be seen.", m.Type, m.Name),
		})
	}
	if p.asked.Provenance != "" && !slices.ContainsFunc(p.bound, func(b *bound) bool { return b.Type == provenanceType }) {
		p.notes = append(p.notes, issue{
			Severity: "information", Code: "informational", Diagnostics: "There is no Provenance here.", Expression: []string{pAssociated},
		})
	}
	if len(p.bound) == 0 {
		return fmt.Errorf("%w: of none of the resource types may all be seen", ErrForbidden)
	}
	return nil
}

// checkWhole returns errHidden if whole documents are handed out, of which who may not see every field.
func (s *Service) checkWhole(ctx context.Context, who *access.Principal, b *bound) error {
	if !b.Native {
		return nil
	}
	q := s.question(&search.Query{Indexes: []string{b.Index}, Fields: b.x.Fields()})
	scanner, err := s.host.Index.Scan(ctx, who, q, &search.ScanOptions{Source: true})
	if errors.Is(err, search.ErrInvalid) {
		return fmt.Errorf("%w: %w", errHidden, err)
	}
	if err != nil {
		return err
	}
	return scanner.Close()
}

// checkNames holds that the elements that are asked for of one type are elements of it.
func (p *planner) checkNames(context.Context) error {
	for t, elements := range p.asked.Elements {
		if t == "" {
			continue
		}
		if fhir.TypeOf(t) == nil {
			return wrong(pElements, "There is no type %q.%s", t, meant(t))
		}
		for _, e := range elements {
			if !hasElement(t, e) {
				return wrong(pElements, "%s has no element %q.", t, e)
			}
		}
	}
	return nil
}

// checkElements holds that the elements that are asked for of every type are elements of one that is exported.
func (p *planner) checkElements(context.Context) error {
	for _, e := range p.asked.Elements[""] {
		if !slices.ContainsFunc(p.bound, func(b *bound) bool { return hasElement(b.Type, e) }) {
			return wrong(pElements, "None of the types has an element %q.", e)
		}
	}
	return nil
}

// checkFilters holds that the searches can be done. If one of a type is ignored, so are the others, since what fits any of them is wanted.
func (p *planner) checkFilters(context.Context) error {
	var types []string
	for t := range p.asked.Filters {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, t := range types {
		if !slices.ContainsFunc(p.bound, func(b *bound) bool { return b.Type == t }) {
			if err := p.ignore(unsupported(pTypeFilter, "%s is not exported.%s", t, meant(t))); err != nil {
				return err
			}
			delete(p.asked.Filters, t)
			continue
		}
		for _, b := range p.bound {
			if b.Type != t {
				continue
			}
			if err := p.checkFilter(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkFilter tries the question of a mapping.
func (p *planner) checkFilter(b *bound) error {
	for _, text := range p.asked.Filters[b.Type] {
		_, err := b.search(text)
		var refused *mapping.SearchError
		if errors.As(err, &refused) {
			if err := p.ignore(unsupported(pTypeFilter, "%s?%s: %s.", b.Type, text, strings.TrimSuffix(refused.Error(), "."))); err != nil {
				return err
			}
			delete(p.asked.Filters, b.Type)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeSteps makes the steps, and says what cannot be said of times and deletions.
func (p *planner) makeSteps(ctx context.Context) error {
	sp := p.sp
	var organized step
	for _, b := range p.bound {
		if err := p.ask(ctx, b); err != nil {
			return err
		}
		if !slices.Contains(sp.Exported, b.Type) {
			sp.Exported = append(sp.Exported, b.Type)
		}
		if b.LastUpdated == "" && (p.asked.Since != nil || p.asked.Until != nil) {
			p.notes = append(p.notes, issue{
				Severity: "information", Code: "informational", Diagnostics: fmt.Sprintf("It is not known when resources of type %s that the mapping %q makes were changed: all of them are exported.", b.Type, b.Name),
			})
		}
		// Where nobody has asked for Provenance by its name, how much of it is wanted is what includeAssociatedData says.
		associated := b.Type == provenanceType && (p.all && p.asked.Provenance != "" || !slices.Contains(p.asked.Types, provenanceType))
		switch {
		case !p.asked.Organized || associated:
			sp.Steps = append(sp.Steps, step{Does: doesResources, Mappings: []string{b.Name}, Type: b.Type, Associated: associated})
		case inCompartment(b.Mapping):
			organized.Mappings = append(organized.Mappings, b.Name)
		default:
			p.notes = append(p.notes, issue{
				Severity: "warning", Code: "suppressed", Diagnostics: fmt.Sprintf("Resources of type %s belong to no patient and are left out, since output is organized by patients.", b.Type),
			})
		}
	}
	if len(organized.Mappings) > 0 {
		organized.Does = doesOrganized
		sp.Steps = append(sp.Steps, organized)
	}
	p.deletions()
	sp.Steps = append(sp.Steps, step{Does: doesNotes})
	return nil
}

// deletions adds the steps that list what was deleted, if it was asked since when, and if anything is known of it.
func (p *planner) deletions() {
	if p.asked.Since == nil {
		return
	}
	var known, unknown []*bound
	for _, b := range p.bound {
		if b.Deleted != "" && b.LastUpdated != "" {
			known = append(known, b)
		} else {
			unknown = append(unknown, b)
		}
	}
	if len(known) == 0 {
		return
	}
	for _, b := range known {
		p.sp.Steps = append(p.sp.Steps, step{Does: doesDeleted, Mappings: []string{b.Name}, Type: b.Type})
	}
	for _, b := range unknown {
		p.notes = append(p.notes, issue{
			Severity: "information", Code: "informational", Diagnostics: fmt.Sprintf("It is not known which resources of type %s that the mapping %q makes were deleted.", b.Type, b.Name),
		})
	}
}

// ask has the index say whether it would answer the question of a mapping.
func (p *planner) ask(ctx context.Context, b *bound) error {
	text, err := b.condition(&wish{asked: &p.asked, time: p.sp.Time})
	if err != nil {
		return err
	}
	_, err = p.s.host.Index.Check(ctx, p.who, p.s.question(&search.Query{JQL: text, Indexes: []string{b.Index}, Fields: b.x.Fields()}))
	return err
}
