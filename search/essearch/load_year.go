package essearch

import (
	"fmt"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// yearFields returns the paths of the fields of s in which OpenSearch reads a negative whole
// number of 4 to 9 digits as a year before Christ, not as milliseconds before 1970 as Elasticsearch
// does: dates whose formats begin with one that has years.
func yearFields(p *product, s *record.Schema) (paths []string) {
	if !p.openSearch {
		return nil
	}
	for f := range s.All() {
		if f.Kind == record.Time && (len(f.Formats) == 0 || !strings.HasPrefix(f.Formats[0], "epoch_")) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// misread returns why a document must not be stored: a date that the engine
// would read as another; or "".
func misread(r *record.Record, paths []string) string {
	for _, path := range paths {
		for _, v := range r.Lookup(path) {
			if text := v.Text(); looksLikeYear(text) {
				return fmt.Sprintf("%s: OpenSearch reads the date %s as a year; write it as %s", path, text,
					v.Time().Format("2006-01-02T15:04:05.000Z"))
			}
		}
	}
	return ""
}

// looksLikeYear reports whether text is a minus sign and 4 to 10 digits.
func looksLikeYear(text string) bool {
	digits, ok := strings.CutPrefix(text, "-")
	return ok && len(digits) >= 4 && len(digits) <= 10 && strings.Trim(digits, "0123456789") == ""
}

// refusal returns why a document is not sent to the engine, or nil.
func (b *bulker) refusal(doc *search.Document) *search.Refusal {
	reason := misread(doc.Record, b.years)
	if id := doc.Record.ID; id == "" || len(id) > longestID {
		reason = fmt.Sprintf("the engine takes ids of 1 to %d bytes, not of %d", longestID, len(id))
	}
	if reason == "" {
		return nil
	}
	return &search.Refusal{Place: doc.Place, ID: strings.Clone(doc.Record.ID), Reason: reason}
}
