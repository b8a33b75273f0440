// Package sample makes the records that a server begins with, so that there is
// something to ask about before anybody has loaded anything: patients, visits,
// treatments, outcomes and figures of two invented countries, and the tasks of
// a campaign in the shape in which DIGIT's health campaign management indexes them.
//
//	err := sample.Load(ctx, driver, func(done, total int64) { fmt.Println(done, "of", total) })
//
// The records are the same on every machine, byte for byte, and tell something: seasons
// of malaria and their decline after bed nets, an outbreak of cholera, a campaign
// and its targets, facilities without stock and without reports. docs/sample-data.md
// says what, and gives questions that find it. Nobody in them lives or has lived.
//
// # Time
//
// They are of the 24 months from 1 December 2024 to 30 November 2026. [AsOf] is an instant after
// the last of them, for now() and relative dates; nothing is shifted to today.
package sample

import (
	"context"
	"embed"
	"fmt"
	"iter"
	"time"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// The names of the indexes.
const (
	Patients   = "health-data-patients"
	Visits     = "health-data-visits"
	Treatments = "health-data-treatments"
	Outcomes   = "health-data-outcomes"
	Analytics  = "health-data-analytics"
	Tasks      = "project-task-index-v1"
)

var (
	lastDay = time.Date(2026, time.November, 30, 0, 0, 0, 0, time.UTC)
	asOf    = time.Date(2026, time.November, 30, 18, 0, 0, 0, time.UTC)
)

// AsOf returns the instant at which the sample ends, in UTC: the evening of
// 30 November 2026 in both countries. As as_of of a question it makes startOfMonth() the first
// of that November, whenever it is asked.
func AsOf() time.Time { return asOf }

// Indexes returns the names of the indexes, in the order in which they are loaded.
func Indexes() []string {
	return []string{Patients, Visits, Treatments, Outcomes, Analytics, Tasks}
}

//go:embed mappings/*.json
var mappings embed.FS

// Mapping returns the mapping file of one of the indexes, which the caller may change.
func Mapping(index string) ([]byte, error) {
	text, err := mappings.ReadFile("mappings/" + index + ".json")
	if err != nil {
		return nil, fmt.Errorf("sample: there is no index %q in the sample", index)
	}
	return text, nil
}

// Schema returns the mapping file of one of the indexes as a schema.
func Schema(index string) (*record.Schema, error) {
	text, err := Mapping(index)
	if err != nil {
		return nil, err
	}
	return record.ParseSchema(index, text)
}

// Documents returns the documents of one of the indexes, each with its id. A document is lent:
// its bytes are valid until the next one. The result may be ranged over again.
func Documents(index string) (iter.Seq2[string, []byte], error) {
	w := newWorld()
	_, documents, err := w.index(index)
	return documents, err
}

// index returns how many documents an index has, and the documents.
func (w *world) index(name string) (int, iter.Seq2[string, []byte], error) {
	switch name {
	case Patients:
		return len(w.patients), w.patientDocuments, nil
	case Visits:
		return len(w.visits), w.visitDocuments, nil
	case Treatments:
		return len(w.treatments), w.treatmentDocuments, nil
	case Outcomes:
		return len(w.outcomes), w.outcomeDocuments, nil
	case Analytics:
		return count(w.analyticsDocuments), w.analyticsDocuments, nil
	case Tasks:
		return w.taskCount(), w.taskDocuments, nil
	}
	return 0, nil, fmt.Errorf("sample: there is no index %q in the sample", name)
}

func count(documents iter.Seq2[string, []byte]) int {
	n := 0
	for range documents {
		n++
	}
	return n
}

// Load creates the indexes and stores the records in them. Loading again replaces what is there.
// progress, if not nil, is told of how many of all records were given to the loader, now and then and at
// last of all; it is called by one goroutine at a time. After an error, indexes may be there in part.
func Load(ctx context.Context, loader search.Loader, progress func(done, total int64)) error {
	w := newWorld()
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var done, total int64
	for _, name := range Indexes() {
		n, _, err := w.index(name)
		if err != nil {
			return err
		}
		total += int64(n)
	}
	step := func() {
		if done++; done%1000 == 0 && done < total {
			progress(done, total)
		}
	}
	progress(0, total)
	for _, name := range Indexes() {
		if err := w.load(ctx, loader, name, step); err != nil {
			return fmt.Errorf("sample: %s: %w", name, err)
		}
	}
	progress(done, total)
	return nil
}

func (w *world) load(ctx context.Context, loader search.Loader, name string, step func()) error {
	s, err := Schema(name)
	if err != nil {
		return err
	}
	columns, err := s.ProjectAll()
	if err != nil {
		return err
	}
	if err := loader.Create(ctx, s); err != nil {
		return err
	}
	_, documents, err := w.index(name)
	if err != nil {
		return err
	}
	var failed error
	decoded := func(yield func(*search.Document) bool) {
		decoder := record.NewDecoder(columns)
		d := search.Document{Record: &record.Record{Index: name}}
		for id, text := range documents {
			d.Record.ID = id
			d.Place++
			if failed = decoder.Decode(text, d.Record); failed != nil || !yield(&d) {
				return
			}
			step()
		}
	}
	var refused error
	_, err = loader.Load(ctx, s, decoded, func(r search.Refusal) {
		if refused == nil {
			refused = fmt.Errorf("record %q was refused: %s", r.ID, r.Reason)
		}
	})
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return err
	}
	return refused
}
