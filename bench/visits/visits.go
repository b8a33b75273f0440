// Package visits makes the documents on which DHR is measured: visits of
// patients to clinics, as many as are asked for, always the same.
//
// A million of them have 355 bytes on average, visit_id in each another one,
// 285,000 different patients of whom some come often, 36 districts of very
// different size, four years of days, 120 medications (missing in 15 of 100),
// free text in diagnosis and notes (6 to 25 of 6,000 words, missing in 20 of
// 100), follow-up dates in 60 of 100, and none to four symptoms.
//
//	go run ./bench/gen -n 1000000 > visits.ndjson
//	go run ./bench/gen -mapping > visits.json
package visits

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Index is the name of the index that the documents are of.
const Index = "visits"

//go:embed mapping.json
var mapping []byte

// Mapping returns the mapping file of the documents.
func Mapping() []byte { return append([]byte(nil), mapping...) }

// Schema returns the mapping file as a schema of the index with that name.
func Schema(index string) (*record.Schema, error) { return record.ParseSchema(index, mapping) }

// Sources returns the first n documents, each with its id, which is its
// visit_id. A document is lent: its bytes are valid until the next one. Every
// range over the result begins anew.
func Sources(n int) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		g := newGenerator()
		for i := range n {
			g.next(i)
			if !yield(string(g.id), g.doc) {
				return
			}
		}
	}
}

// Documents returns the first n documents as a [search.Loader] takes them. What
// stands in err once they were ranged over is the first document that the schema
// cannot read, which is the last one then.
func Documents(s *record.Schema, n int) (docs iter.Seq[*search.Document], err func() error) {
	var failed error
	return func(yield func(*search.Document) bool) {
		columns, err := s.ProjectAll()
		if err != nil {
			failed = err
			return
		}
		decoder := record.NewDecoder(columns)
		d := search.Document{Record: &record.Record{Index: s.Index}}
		for id, doc := range Sources(n) {
			d.Record.ID = id
			d.Place++
			if failed = decoder.Decode(doc, d.Record); failed != nil || !yield(&d) {
				return
			}
		}
	}, func() error { return failed }
}

// Store creates the index with that name and loads the first n documents into it.
func Store(ctx context.Context, l search.Loader, index string, n int) error {
	s, err := Schema(index)
	if err != nil {
		return err
	}
	if err := l.Create(ctx, s); err != nil {
		return err
	}
	docs, failed := Documents(s, n)
	var refused error
	_, err = l.Load(ctx, s, docs, func(r search.Refusal) {
		if refused == nil {
			refused = fmt.Errorf("document %q was refused: %s", r.ID, r.Reason)
		}
	})
	for _, err := range []error{err, failed(), refused} {
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	seed     = 20261127
	patients = 318_000 // of whom 285,000 come in a million visits
	days     = 4 * 365 // of visits
)

// A generator makes one document after the other.
type generator struct {
	r           *rand.Rand
	words       []string
	medications []string
	dates       []string
	word        *lottery
	district    *lottery
	medication  *lottery
	diagnosis   *lottery
	id, doc     []byte
}

func newGenerator() *generator {
	r := rand.New(rand.NewPCG(seed, 1))
	g := &generator{
		r:           r,
		words:       makeWords(commonWords, vocabulary, r),
		medications: makeWords([]string{"paracetamol", "amoxicillin", "ors", "chloroquine", "metformin", "amlodipine"}, 120, r),
		word:        zipf(vocabulary, 0.9),
		district:    zipf(len(districts), 1),
		medication:  zipf(120, 0.8),
		diagnosis:   zipf(len(diagnoses), 0.7),
	}
	first := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range days + 60 {
		g.dates = append(g.dates, first.AddDate(0, 0, i).Format(time.DateOnly))
	}
	return g
}

// next makes document i; it must be called for each in turn.
func (g *generator) next(i int) {
	r := g.r
	g.id = appendPadded(append(g.id[:0], 'V'), i+1, 9)
	b := g.doc[:0]
	b = append(b, `{"visit_id":"`...)
	b = append(b, g.id...)
	b = append(b, `","patient_id":"P`...)
	u := r.Float64()
	b = appendPadded(b, int(patients*u*u), 7)
	b = appendString(b, "district", districts[g.district.draw(r)])
	b = appendString(b, "gender", gender(r.IntN(1000)))
	b = append(b, `","age":`...)
	b = strconv.AppendInt(b, int64((r.IntN(61)+r.IntN(41))*r.IntN(100)/99), 10)
	day := r.IntN(days)
	b = append(b, `,"visit_date":"`...)
	b = append(b, g.dates[day]...)
	if r.IntN(100) < 60 {
		b = appendString(b, "followup_date", g.dates[day+1+r.IntN(59)])
	}
	if r.IntN(100) < 85 {
		b = appendString(b, "medication", g.medications[g.medication.draw(r)])
	}
	b = append(b, `","dosage":`...)
	b = strconv.AppendFloat(b, float64(1+r.IntN(200))*2.5, 'f', -1, 64)
	b = append(b, `,"diagnosis":"`...)
	b = g.appendDiagnosis(b)
	if r.IntN(100) < 80 {
		b = append(b, `","notes":"`...)
		b = g.appendNotes(b)
	}
	b = append(b, '"')
	b = g.appendSymptoms(b)
	b = append(b, '}')
	g.doc = b
}

func (g *generator) appendDiagnosis(b []byte) []byte {
	r := g.r
	b = append(b, degrees[r.IntN(len(degrees))]...)
	b = append(b, ' ')
	b = append(b, diagnoses[g.diagnosis.draw(r)]...)
	if r.IntN(2) == 0 {
		b = append(b, " with "...)
		b = append(b, afters[r.IntN(len(afters))]...)
	}
	return b
}

func (g *generator) appendNotes(b []byte) []byte {
	for i := range 6 + g.r.IntN(20) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, g.words[g.word.draw(g.r)]...)
	}
	return b
}

func (g *generator) appendSymptoms(b []byte) []byte {
	n := g.r.IntN(5)
	if n == 0 {
		return b
	}
	b = append(b, `,"symptoms":[`...)
	at := g.r.IntN(len(symptoms))
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		at = (at + 1 + g.r.IntN(4)) % len(symptoms)
		b = append(b, '"')
		b = append(b, symptoms[at]...)
		b = append(b, '"')
	}
	return append(b, ']')
}

// appendString appends a member to an object in which a string stands last, without its end.
func appendString(b []byte, name, value string) []byte {
	b = append(b, `","`...)
	b = append(b, name...)
	b = append(b, `":"`...)
	return append(b, value...)
}

func appendPadded(b []byte, n, width int) []byte {
	at := len(b)
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; n > 0 && i >= at; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

func gender(n int) string {
	switch {
	case n < 520:
		return "female"
	case n < 985:
		return "male"
	}
	return "other"
}
