package essearch

import (
	"fmt"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// yearColumns returns the columns of s in which OpenSearch reads a negative whole
// number of 4 to 9 digits as a year before Christ, not as milliseconds before 1970 as Elasticsearch
// does: dates whose formats begin with one that has years.
func yearColumns(p *product, s *record.Schema) (columns []int) {
	if !p.openSearch {
		return nil
	}
	n := 0
	for f := range s.All() {
		if f.Kind == record.Time && (len(f.Formats) == 0 || !strings.HasPrefix(f.Formats[0], "epoch_")) {
			columns = append(columns, n)
		}
		n++
	}
	return columns
}

// misread returns why a document must not be stored: a date that the engine
// would read as another; or "".
func misread(r *record.Record, columns []int) string {
	for _, n := range columns {
		for _, v := range r.Values(n) {
			if text := v.Text(); looksLikeYear(text) {
				return fmt.Sprintf("%s: OpenSearch reads the date %s as a year; write it as %s", r.Projection().Fields()[n].Path, text,
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
