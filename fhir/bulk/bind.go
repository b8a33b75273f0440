package bulk

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/fhir/mapping"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// A mapper is what is used of a mapping.Mapper.
type mapper interface {
	Fields() []string
	Append(dst []byte, r *record.Record) ([]byte, error)
	IDOf(r *record.Record) (string, error)
	PatientOf(r *record.Record) string
	Elsewhere(r *record.Record) bool
	Search(query string) (string, error)
	OfPatients(ids ...string) (string, error)
}

// bindMapping binds a mapping to a schema; of the resources only some elements are kept if there are any, or subset is set.
func bindMapping(m *mapping.Mapping, schema *record.Schema, elements []string, subset bool) (mapper, error) {
	x, err := m.Bind(schema)
	if err != nil || !subset {
		return x, err
	}
	return x.Elements(elements...)
}

// A bound is a mapping as a principal may use it.
type bound struct {
	*mapping.Mapping
	x      mapper
	schema *record.Schema
}

var (
	// errHidden is a mapping that reads fields which a principal may not see, or not as they are.
	errHidden = errors.New("fields that the mapping reads may not be seen")
	// errGone is a mapping that is no longer configured.
	errGone = errors.New("the mapping is not there any more")
)

// inCompartment reports whether resources of a mapping belong to patients.
func inCompartment(m *mapping.Mapping) bool { return m.Patient != "" || m.Type == patientType }

// mapping returns the mapping with a name, or nil.
func (s *Service) mapping(name string) *mapping.Mapping {
	for _, m := range s.config.Mappings {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// bind returns a mapping as who may use it, with the elements that were asked for. The error is that of package search, or errHidden.
func (s *Service) bind(ctx context.Context, who *access.Principal, m *mapping.Mapping, a *asked) (*bound, error) {
	schemas, err := s.host.Index.Schemas(ctx, who, m.Index)
	if err != nil {
		return nil, err
	}
	if len(schemas) != 1 {
		return nil, fmt.Errorf("%w %q", search.ErrUnknownIndex, m.Index)
	}
	elements, subset := a.elementsOf(m.Type)
	x, err := s.bindTo(m, schemas[0], elements, subset)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errHidden, err)
	}
	return &bound{Mapping: m, x: x, schema: schemas[0]}, nil
}

// elementsOf returns the elements to keep of a type, and whether it is to be a subset at all.
func (a *asked) elementsOf(resourceType string) (names []string, subset bool) {
	for _, name := range a.Elements[""] {
		if hasElement(resourceType, name) {
			names = append(names, name)
		}
	}
	for _, name := range a.Elements[resourceType] {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, len(a.Elements[""])+len(a.Elements[resourceType]) > 0
}

// hasElement reports whether a resource type has an element at its outermost level, or a choice, such as value, of this name.
func hasElement(resourceType, name string) bool {
	_, err := fhir.NewSubset(resourceType, []string{name})
	return err == nil
}

// A wish says which records of a mapping are wanted.
type wish struct {
	asked *asked
	time  time.Time // nothing later; zero for all
	// deleted asks for the deleted ones, and not for all others.
	deleted bool
	// patients, if there are any, are those whose resources are wanted.
	patients []string
}

// condition returns the JQL that chooses what is wanted. It is put together as a tree.
func (b *bound) condition(w *wish) (string, error) {
	all, err := jql.Parse(b.Where, nil)
	if err != nil {
		return "", err
	}
	if b.Deleted != "" {
		deleted, err := jql.Parse(b.Deleted, nil)
		if err != nil {
			return "", err
		}
		if !w.deleted {
			if deleted, err = others(deleted); err != nil {
				return "", err
			}
		}
		all = all.And(deleted)
	}
	for _, add := range []func(*wish) (*jql.Query, error){b.times, b.filters, b.patients} {
		q, err := add(w)
		if err != nil {
			return "", err
		}
		if q != nil {
			all = all.And(q)
		}
	}
	return all.String(), nil
}

// times returns the condition on when a resource was changed; nil if there is none. A record that does not say when is exported whatever is asked.
func (b *bound) times(w *wish) (*jql.Query, error) {
	if b.LastUpdated == "" {
		return nil, nil //nolint:nilnil // no condition is a condition
	}
	text := ""
	if since := w.asked.Since; since != nil {
		text += "&_lastUpdated=" + boundAt(since, "gt", "ge")
	}
	if until := w.asked.Until; until != nil {
		text += "&_lastUpdated=" + boundAt(until, "lt", "le")
	}
	if !w.time.IsZero() {
		text += "&_lastUpdated=le" + millis(w.time)
	}
	if text == "" {
		return nil, nil //nolint:nilnil // as above
	}
	q, err := b.search(text[1:])
	if err != nil {
		return nil, err
	}
	unknown, err := jql.Cond(b.LastUpdated, "is")
	if err != nil {
		return nil, err
	}
	return q.Or(unknown), nil
}

// boundAt returns a bound of times. Of an instant that is finer than records have it, the millisecond around it belongs to what is wanted.
func boundAt(t *time.Time, sharp, blunt string) string {
	if t.Truncate(time.Millisecond).Equal(*t) {
		return sharp + millis(*t)
	}
	return blunt + millis(*t)
}

func millis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// search returns the condition of a search.
func (b *bound) search(query string) (*jql.Query, error) {
	text, err := b.x.Search(query)
	if err != nil {
		return nil, err
	}
	return jql.Parse(text, nil)
}

// filters returns the condition of the searches of the type, of which one must fit; nil if there is none. Of what is deleted the id alone counts: what else is
// known of it may have changed with the deletion, and who was given what matched a search has to hear that it is gone.
func (b *bound) filters(w *wish) (*jql.Query, error) {
	var any *jql.Query
	for _, text := range w.asked.Filters[b.Type] {
		if w.deleted {
			text = ofIDs(text)
		}
		q, err := b.search(text)
		if err != nil {
			return nil, err
		}
		if q.Where == nil { // it restricts nothing
			return nil, nil //nolint:nilnil // as above
		}
		if any == nil {
			any = q
			continue
		}
		any = any.Or(q)
	}
	return any, nil
}

// ofIDs returns what a search asks of ids.
func ofIDs(search string) string {
	var kept []string
	for pair := range strings.SplitSeq(search, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.PathUnescape(name); err == nil && name == "_id" {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// patients returns the condition on patients; nil if there is none.
func (b *bound) patients(w *wish) (*jql.Query, error) {
	if len(w.patients) == 0 {
		return nil, nil //nolint:nilnil // as above
	}
	text, err := b.x.OfPatients(w.patients...)
	if err != nil {
		return nil, err
	}
	return jql.Parse(text, nil)
}
