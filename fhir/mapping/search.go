package mapping

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/digit-health/dhr/fhir"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

const (
	maxQuery  = 64 << 10
	maxValues = 10_000
)

// Search turns search parameters, such as code=http://loinc.org|1234-5&date=ge2024-01-01, into a JQL condition in canonical form,
// empty if it matches every record. The text is decoded as in a URL, but that + stays +. The error is a [SearchError].
func (x *Mapper) Search(query string) (string, error) {
	if len(query) > maxQuery {
		return "", &SearchError{Reason: fmt.Sprintf("it is longer than %d bytes", maxQuery)}
	}
	var all *jql.Query
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name, err1 := url.PathUnescape(name)
		value, err2 := url.PathUnescape(value)
		if !ok || err1 != nil || err2 != nil {
			return "", &SearchError{Parameter: name, Reason: "it is not written name=value, encoded as in a URL"}
		}
		s := searcher{x: x, name: name}
		q := s.parameter(name, value)
		if s.err != nil {
			return "", s.err
		}
		if q != nil {
			all = all.And(q)
		}
	}
	return x.printed(all)
}

// printed returns a condition as text that the index understands.
func (x *Mapper) printed(q *jql.Query) (string, error) {
	if q == nil || q.Where == nil {
		return "", nil
	}
	text := q.String()
	again, err := jql.Parse(text, nil)
	if err == nil {
		_, err = jql.Resolve(context.Background(), again, []*record.Schema{x.schema}, &jql.ResolveOptions{Now: oneDay})
	}
	if err != nil {
		return "", &SearchError{Reason: "it cannot be asked of the index: " + err.Error()}
	}
	return text, nil
}

// OfPatients returns the JQL condition for the resources in the compartments of these patients. The error is a [SearchError] if the
// index cannot be asked for them: because an id is the hash of a longer text, or is put together; then [Mapper.PatientOf] tells.
func (x *Mapper) OfPatients(ids ...string) (string, error) {
	s := searcher{x: x, name: "patient"}
	if x.mapping.patient == nil {
		return "", &SearchError{Parameter: "patient", Reason: "resources of this mapping are in no compartment"}
	}
	if len(ids) == 0 {
		return x.printed(s.none())
	}
	p := &param{name: "patient", typ: "reference", source: x.mapping.patient, target: "Patient", native: x.mapping.Native && x.mapping.Type != "Patient"}
	q := s.identities(p, ids)
	if s.err != nil {
		return "", s.err
	}
	return x.printed(q)
}

// A searcher makes the condition of one parameter.
type searcher struct {
	x    *Mapper
	name string // with its modifier
	err  error
}

func (s *searcher) fail(value, format string, args ...any) *jql.Query {
	if s.err == nil {
		s.err = &SearchError{Parameter: s.name, Value: value, Reason: fmt.Sprintf(format, args...)}
	}
	return nil
}

// cond returns a condition of one field.
func (s *searcher) cond(field, op string, values ...any) *jql.Query {
	q, err := jql.Cond(field, op, values...)
	if err != nil {
		return s.fail("", "it cannot be asked of the index: %s", err)
	}
	return q
}

// none returns a condition that no record matches: each has an id.
func (s *searcher) none() *jql.Query { return s.cond("_id", "IS") }

// among returns the condition that a field has one of the texts.
func (s *searcher) among(field string, texts []string) *jql.Query {
	switch len(texts) {
	case 0:
		return nil
	case 1:
		return s.cond(field, "=", texts[0])
	}
	return s.cond(field, "IN", texts)
}

// or joins conditions, of which nil ones count as never true.
func (s *searcher) or(all ...*jql.Query) *jql.Query {
	var one *jql.Query
	for _, q := range all {
		switch {
		case q == nil:
		case one == nil:
			one = q
		default:
			one = one.Or(q)
		}
	}
	if one == nil {
		return s.none()
	}
	return one
}

// The parameters of searches that are about the result, not about the resources.
var resultParams = []string{"_sort", "_count", "_include", "_revinclude", "_summary", "_total", "_elements", "_contained", "_containedType"}

// parameter returns the condition of one parameter; nil if it is always true.
func (s *searcher) parameter(full, value string) *jql.Query {
	name, modifier, _ := strings.Cut(full, ":")
	switch {
	case slices.Contains(resultParams, name):
		return s.fail(value, "it says how a result is shown, which an export has no use for; leave it out")
	case name == "_has" || name == "_filter" || name == "_query" || name == "_content" || name == "_text":
		return s.fail(value, "it is not supported; expected one of %s", s.names())
	case strings.Contains(full, "."):
		return s.fail(value, "chained parameters are not supported; ask for the reference itself")
	}
	p := s.x.mapping.params[name]
	if p == nil {
		return s.fail("", "there is no such parameter%s; expected one of %s", didYouMean(fhir.Nearest(name, sortedNames(s.x.mapping.params))), s.names())
	}
	if value == "" {
		return s.fail("", "it has no value")
	}
	if modifier == "missing" {
		return s.missing(p, value)
	}
	values, complaint := splitValues(value)
	if complaint != "" {
		return s.fail(value, "%s", complaint)
	}
	if len(values) > maxValues {
		return s.fail("", "it has more than %d values", maxValues)
	}
	return s.ofType(p, modifier, values)
}

func (s *searcher) ofType(p *param, modifier string, values [][]string) *jql.Query {
	allowed := map[string][]string{"token": {"not"}, "string": {"exact"}}[p.typ]
	if p.typ == "reference" && modifier == p.target {
		modifier = ""
	}
	if modifier != "" && !slices.Contains(allowed, modifier) {
		return s.fail("", "the modifier %q is not supported; expected none, or one of %s", modifier, oneOf(append(allowed, "missing")))
	}
	switch {
	case p.name == "_id":
		if modifier != "" {
			return s.fail("", "the modifier %q is not supported; expected none", modifier)
		}
		return s.identities(p, joined(values))
	case p.typ == "token":
		return s.tokens(p, values, modifier == "not")
	case p.typ == "date":
		return s.dates(p, joined(values))
	case p.typ == "string":
		return s.strings(p, joined(values), modifier == "exact")
	}
	return s.references(p, joined(values))
}

func (s *searcher) names() string { return oneOf(sortedNames(s.x.mapping.params)) }

// joined returns values with their bars.
func joined(values [][]string) []string {
	all := make([]string, len(values))
	for i, parts := range values {
		all[i] = strings.Join(parts, "|")
	}
	return all
}

// splitValues takes a value apart at its commas, and each at its bars, both unless they are escaped.
func splitValues(text string) (values [][]string, complaint string) {
	value := []string{""}
	var b strings.Builder
	flush := func() { value[len(value)-1] = b.String(); b.Reset() }
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\\':
			i++
			if i == len(text) || !strings.ContainsRune(`,|$\`, rune(text[i])) {
				return nil, `a \ stands before , | $ or \ alone`
			}
			b.WriteByte(text[i])
		case ',':
			flush()
			values, value = append(values, value), []string{""}
		case '|':
			flush()
			value = append(value, "")
		default:
			b.WriteByte(c)
		}
	}
	flush()
	values = append(values, value)
	for _, v := range values {
		if strings.Join(v, "") == "" {
			return nil, "it has an empty value"
		}
	}
	return values, ""
}

// missing returns the condition for records with or without a value.
func (s *searcher) missing(p *param, value string) *jql.Query {
	if value != "true" && value != "false" {
		return s.fail(value, "expected true or false")
	}
	if p.name == "_id" || p.isSet || p.empty != nil {
		if value == "true" {
			return s.none()
		}
		return nil
	}
	fields := p.fields
	if p.source != nil {
		for _, t := range p.source.from {
			for _, part := range t.parts {
				if part.ref != nil && len(part.ref.options) == 1 && !part.ref.options[0].filter && len(p.source.from) == 1 {
					fields = append(fields, paramField{path: part.ref.options[0].path})
				}
			}
		}
		if len(fields) != 1 {
			return s.fail(value, "it is put together of several fields, and cannot be asked for")
		}
	}
	var all *jql.Query
	for _, f := range fields {
		if value == "true" {
			all = all.And(s.cond(f.path, "IS"))
		} else {
			all = s.either(all, s.cond(f.path, "IS NOT"))
		}
	}
	return all
}

// either joins two conditions by OR, of which the first may be nil.
func (s *searcher) either(a, b *jql.Query) *jql.Query {
	if a == nil {
		return b
	}
	return a.Or(b)
}

// strings returns the condition of texts.
func (s *searcher) strings(p *param, values []string, exact bool) *jql.Query {
	var all *jql.Query
	for _, pf := range p.fields {
		f := s.x.schema.Field(pf.path)
		for _, v := range values {
			var q *jql.Query
			switch {
			case exact && f.Exact() == nil:
				return s.fail(v, "the index has no whole values of it, so that :exact is not supported")
			case exact || f.FullText() == nil:
				q = s.cond(pf.path, "=", v)
			default:
				words := wordsOf(v)
				if len(words) == 0 {
					return s.fail(v, "it has no words")
				}
				for i, w := range words {
					words[i] = jql.PlainText(w)
				}
				q = s.cond(f.FullText().Path, "~", strings.Join(words, " ")+"*")
			}
			all = s.either(all, q)
		}
	}
	return all
}

// wordsOf returns the runs of letters, marks and digits.
func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) })
}
