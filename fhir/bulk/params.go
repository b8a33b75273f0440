package bulk

import (
	"cmp"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/fhir"
)

// The parameters that are understood.
const (
	pOutputFormat = "_outputFormat"
	pSince        = "_since"
	pUntil        = "_until"
	pType         = "_type"
	pElements     = "_elements"
	pPatient      = "patient"
	pAssociated   = "includeAssociatedData"
	pTypeFilter   = "_typeFilter"
	pOrganize     = "organizeOutputBy"
	pPartial      = "allowPartialManifests"
	pMinBytes     = "_minimumFileSize"
	pMaxBytes     = "_maximumFileSize"
)

var (
	parameterNames = []string{
		pOutputFormat, pSince, pUntil, pType, pElements, pPatient, pAssociated, pTypeFilter, pOrganize, pPartial, pMinBytes, pMaxBytes,
	}
	formatNames     = []string{"application/fhir+ndjson", "application/ndjson", "ndjson"}
	associatedNames = []string{"LatestProvenanceResources", "RelevantProvenanceResources"}
)

const (
	provenanceLatest   = "latest"
	provenanceRelevant = "relevant"
	provenanceType     = "Provenance"
	patientType        = "Patient"
)

// A reader reads the parameters of a kick-off.
type reader struct {
	r      *Request
	limits *Limits
	bases  []string // of URLs by which patients here may be named
	asked  asked
	// all says that no types were asked for.
	all bool
	// searches is how many there are of _typeFilter.
	searches int
	// notes are what was ignored.
	notes []issue
}

// readParameters returns what a request asks for, and what is ignored of it. Patients may be named by URLs on the base of the request, or on others.
func readParameters(r *Request, limits *Limits, bases ...string) (*reader, error) {
	p := &reader{r: r, limits: limits, bases: bases}
	if err := p.unknown(); err != nil {
		return nil, err
	}
	for _, read := range []func() error{p.format, p.times, p.types, p.elements, p.filters, p.patients, p.associated, p.organize, p.partial, p.sizes} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// ignore returns a complaint, or notes it and returns nil if the request is lenient and can go on without.
func (p *reader) ignore(e *ParameterError) error {
	if !p.r.Lenient || e.Code != "not-supported" {
		return e
	}
	p.notes = append(p.notes, issue{
		Severity: "warning", Code: e.Code, Diagnostics: e.Diagnostics + " It was ignored, as handling=lenient asks.", Expression: []string{e.Parameter},
	})
	return nil
}

func (p *reader) unknown() error {
	var names []string
	for name := range p.r.Parameters {
		if !slices.Contains(parameterNames, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		err := p.ignore(unsupported(name, "There is no parameter %q. There are %s.", name, strings.Join(parameterNames, ", ")))
		if err != nil {
			return err
		}
	}
	return nil
}

// one returns the value of a parameter that stands once at most.
func (p *reader) one(name string) (string, error) {
	values := p.r.Parameters[name]
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", wrong(name, "It stands %d times. It may stand once.", len(values))
	case strings.TrimSpace(values[0]) == "":
		return "", wrong(name, "It has no value. Leave it out, or give it one.")
	}
	return values[0], nil
}

// maxValues is how many values a parameter may have, but for patient, which has a limit of its own.
const maxValues = 1000

// list returns the values of a parameter, each once, which may stand several times and hold commas. More than so many are refused.
func (p *reader) list(name string, most int) (all []string, err error) {
	seen := map[string]bool{}
	for _, value := range p.r.Parameters[name] {
		for one := range strings.SplitSeq(value, ",") {
			if one = strings.TrimSpace(one); one == "" {
				return nil, wrong(name, "One of its values is empty.")
			}
			if seen[one] {
				continue
			}
			if len(all) == most {
				return nil, tooMany(name, most)
			}
			seen[one], all = true, append(all, one)
		}
	}
	return all, nil
}

// tooMany returns a complaint about more values than there may be.
func tooMany(name string, most int) error {
	e := wrong(name, "It has more than %d values. Ask for fewer, in several exports.", most)
	e.Code = "too-costly"
	return e
}

func (p *reader) format() error {
	value, err := p.one(pOutputFormat)
	if err != nil || value == "" {
		return err
	}
	media, _, _ := strings.Cut(value, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	media = strings.ReplaceAll(media, "fhir ndjson", "fhir+ndjson") // a + in a URL is a blank
	if slices.Contains(formatNames, media) {
		return nil
	}
	return p.ignore(unsupported(pOutputFormat, "The format %q is not offered. Ask for %s.", value, strings.Join(formatNames, ", ")))
}

func (p *reader) times() (err error) {
	if p.asked.Since, err = p.instant(pSince); err != nil {
		return err
	}
	if p.asked.Until, err = p.instant(pUntil); err != nil {
		return err
	}
	if s, u := p.asked.Since, p.asked.Until; s != nil && u != nil && !s.Before(*u) {
		return wrong(pUntil, "Nothing is after %s and before %s. Ask for a later %s, or an earlier %s.", s.Format(instantLayout), u.Format(instantLayout), pUntil, pSince)
	}
	return nil
}

const instantLayout = "2006-01-02T15:04:05.999999999Z07:00"

func (p *reader) instant(name string) (*time.Time, error) {
	value, err := p.one(name)
	if err != nil || value == "" {
		return nil, err
	}
	t, err := time.Parse(time.RFC3339, strings.Replace(value, " ", "+", 1)) // a + in a URL is a blank
	if err != nil || t.Year() < 1 || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return nil, wrong(name, "%q is no instant. Write it with seconds and zone, such as 2026-01-31T10:15:30Z.", value)
	}
	t = t.UTC()
	return &t, nil
}

func (p *reader) types() (err error) {
	p.asked.Types, err = p.list(pType, maxValues)
	return err
}

// nameForm is that of resource types and elements.
var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

func (p *reader) elements() error {
	all, err := p.list(pElements, maxValues)
	if err != nil || len(all) == 0 {
		return err
	}
	p.asked.Elements = map[string][]string{}
	for _, one := range all {
		of, element, qualified := strings.Cut(one, ".")
		if !qualified {
			of, element = "", one
		}
		if !nameForm.MatchString(element) || qualified && !nameForm.MatchString(of) {
			return wrong(pElements, "%q is no element of the outermost level. Ask for one such as id or Patient.name.", one)
		}
		p.asked.Elements[of] = append(p.asked.Elements[of], element)
	}
	return nil
}

// filterStart is where the next filter begins in a comma list.
var filterStart = regexp.MustCompile(`,\s*[A-Z][A-Za-z]*\?`)

func (p *reader) filters() error {
	for _, value := range p.r.Parameters[pTypeFilter] {
		from := 0
		ends := append(filterStart.FindAllStringIndex(value, -1), []int{len(value), len(value)})
		for _, end := range ends {
			if err := p.filter(strings.TrimSpace(value[from:end[0]])); err != nil {
				return err
			}
			from = min(end[0]+1, len(value))
		}
	}
	return nil
}

func (p *reader) filter(text string) error {
	of, search, ok := strings.Cut(text, "?")
	if !ok || !nameForm.MatchString(of) {
		return wrong(pTypeFilter, "%q is no search of a type. Write one such as Observation?code=8867-4.", text)
	}
	if p.searches++; p.searches > maxValues {
		return tooMany(pTypeFilter, maxValues)
	}
	if p.asked.Filters == nil {
		p.asked.Filters = map[string][]string{}
	}
	p.asked.Filters[of] = append(p.asked.Filters[of], search)
	return nil
}

// idForm is that of resource ids.
var idForm = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)

func (p *reader) patients() error {
	if len(p.r.Parameters[pPatient]) == 0 {
		return nil
	}
	invalid := func(format string, args ...any) error {
		e := wrong(pPatient, format, args...)
		e.Code = "invalid"
		return e
	}
	switch {
	case p.r.Level == SystemLevel:
		return invalid("At system level there are no patients to choose. Ask for Patient/$export.")
	case !p.r.Post:
		return invalid("It may stand in the body of a POST alone.")
	}
	all, err := p.list(pPatient, math.MaxInt)
	if err != nil {
		return err
	}
	if len(all) > p.limits.Patients {
		e := wrong(pPatient, "These are %d patients. Ask for %d at most, or for a group.", len(all), p.limits.Patients)
		e.Code = "too-costly"
		return e
	}
	for _, reference := range all {
		id, ok := strings.CutPrefix(fhir.Relative(strings.TrimPrefix(reference, p.base()), p.bases), "Patient/")
		if !ok || !idForm.MatchString(id) {
			return wrong(pPatient, "%q is no reference to a patient here. Write one such as Patient/123.", reference)
		}
		if !slices.Contains(p.asked.Patients, id) {
			p.asked.Patients = append(p.asked.Patients, id)
		}
	}
	return nil
}

// base returns the base of the kick-off's URL, with its slash; "" if there is none.
func (p *reader) base() string {
	path, _, _ := strings.Cut(p.r.URL, "?")
	path, ok := strings.CutSuffix(strings.Replace(path, "%24export", "$export", 1), "$export")
	if !ok {
		return ""
	}
	switch p.r.Level {
	case PatientLevel:
		path, _ = strings.CutSuffix(path, "Patient/")
	case GroupLevel:
		path, _ = strings.CutSuffix(path, "Group/"+p.r.Group+"/")
	case SystemLevel:
	}
	return path
}

func (p *reader) associated() error {
	all, err := p.list(pAssociated, maxValues)
	if err != nil {
		return err
	}
	for _, one := range all {
		switch one {
		case associatedNames[0]:
			p.asked.Provenance = cmp.Or(p.asked.Provenance, provenanceLatest)
		case associatedNames[1]: // the least restrictive counts
			p.asked.Provenance = provenanceRelevant
		default:
			err := p.ignore(unsupported(pAssociated, "%q is not offered. Ask for %s.", one, strings.Join(associatedNames, " or ")))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *reader) organize() error {
	value, err := p.one(pOrganize)
	if err != nil || value == "" {
		return err
	}
	if value == patientType {
		p.asked.Organized = true
		return nil
	}
	return p.ignore(unsupported(pOrganize, "Output is not organized by %q. Ask for Patient.", value))
}

func (p *reader) partial() error {
	value, err := p.one(pPartial)
	if err != nil || value == "" {
		return err
	}
	if value != "true" && value != "false" {
		return wrong(pPartial, "%q is neither true nor false.", value)
	}
	p.asked.Partial = value == "true"
	return nil
}

func (p *reader) sizes() (err error) {
	if p.asked.MinBytes, err = p.size(pMinBytes); err != nil {
		return err
	}
	if p.asked.MaxBytes, err = p.size(pMaxBytes); err != nil {
		return err
	}
	switch least, most := p.asked.MinBytes, p.asked.MaxBytes; {
	case most == 0:
	case least >= most:
		return wrong(pMinBytes, "It is %d and has to be less than %s, which is %d.", least, pMaxBytes, most)
	case most < leastBytes:
		return wrong(pMaxBytes, "Files of %d bytes at most have no room for many a resource. Ask for %d or more.", most, leastBytes)
	}
	return nil
}

func (p *reader) size(name string) (int64, error) {
	value, err := p.one(name)
	if err != nil || value == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 {
		return 0, wrong(name, "%q is no positive number of bytes.", value)
	}
	return n, nil
}

// forbidden returns a complaint about what the principal may not have.
func forbidden(parameter, diagnostics string) *ParameterError {
	return &ParameterError{Parameter: parameter, Code: "forbidden", Status: http.StatusForbidden, Diagnostics: diagnostics}
}
