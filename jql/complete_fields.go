package jql

import "github.com/digit-health/dhr/record"

// fields offers the names of fields: aliases before paths.
func (c *offers) fields(usable func(*record.Field) bool) {
	offer := func(f *record.Field, name string, rank int, others ...string) {
		if further, ok := c.fits(name, others...); ok {
			c.add(bareText(name), "field", detail(f), rank+further)
		}
	}
	for i, s := range c.schemas {
		for f := range s.All() {
			if !usable(f) || isSub(f) || c.offered(i, f.Path) {
				continue
			}
			for _, alias := range f.Aliases {
				offer(f, alias, 0)
			}
			offer(f, f.Path, rankOf(s, f), f.Label)
		}
	}
}

// offered reports whether one of the schemas before i has the path, too.
func (c *offers) offered(i int, path string) bool {
	for _, s := range c.schemas[:i] {
		if s.Field(path) != nil {
			return true
		}
	}
	return false
}

// begin offers what may begin a clause besides a field.
func (c *offers) begin() {
	rank := 60
	if c.prefix == "" { // nothing is known yet: show that they exist
		rank = 1
	}
	words := []string{"NOT", "("}
	if c.start {
		words = append(words, "ORDER BY")
	}
	c.keywords(rank, words...)
}

// rankOf puts the parts of a history behind the fields that people ask about.
func rankOf(s *record.Schema, f *record.Field) int {
	for _, h := range s.Histories {
		if f.Nested == h.Path || f.Path == h.Path {
			return 30
		}
	}
	return 2
}

// isSub reports whether f is a sub-field, which its parent stands for.
func isSub(f *record.Field) bool { return f.Source != f.Path }

func detail(f *record.Field) string {
	if f.Label == "" {
		return f.Type
	}
	return f.Label + ", " + f.Type
}
