package figures

import (
	"context"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// table reads the first records of a table.
func (f *Figures) table(ctx context.Context, who *access.Principal, w *work) (*work, *Data, error) {
	page, err := f.index.Page(ctx, who, w.page, &search.PageOptions{MaxResults: w.limit})
	if err != nil {
		return w, nil, err
	}
	s := w.subject
	d := &Data{
		Question: Question{
			JQL: s.parsed.String(), Indexes: s.filter.AllowedIndexes, AsOf: page.AsOf.UTC().Truncate(time.Millisecond), TimeZone: s.query.Options.Zone.String(),
		},
		Total: page.Total,
	}
	for _, warning := range page.Warnings {
		d.Warnings = append(d.Warnings, warning.Error())
	}
	seen := map[string]bool{}
	add := func(field *record.Field) {
		if !seen[field.Path] {
			seen[field.Path] = true
			d.Columns = append(d.Columns, Column{Name: field.Path, Label: field.Name(), Kind: kindOf(field.Kind)})
		}
	}
	if len(page.Records) == 0 { // nothing says which columns there are but what was asked for
		for _, name := range s.config.Columns {
			before := len(d.Columns)
			for _, schema := range s.schemas {
				for _, field := range schema.Lookup(name) {
					add(field)
				}
			}
			if len(d.Columns) == before { // it is masked, or a pattern
				d.Columns = append(d.Columns, Column{Name: name, Label: name, Kind: "text"})
			}
		}
	}
	for _, r := range page.Records {
		for _, field := range r.Projection().Fields() {
			add(field)
		}
		d.Records = append(d.Records, Record{ID: r.ID, Index: r.Index, Fields: r.AppendJSON(nil)})
	}
	return w, d, nil
}
