package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/jql/plan"
)

// A sight is what a principal saw of an index when it was asked: which of the records, and how they were shown.
type sight struct {
	Index string `json:"index"`
	// Rows are hashes of the conditions of which a record had to meet one. If empty, every record was seen.
	Rows []string `json:"rows,omitempty"`
	// Masked says by path how columns were treated that were not shown as they are.
	Masked map[string]string `json:"masked,omitempty"`
}

// Sight returns what the principal sees of each index of the scan, as JSON to be kept with what is taken out of them,
// for [Index.Covers]. It holds no values, and is equal for equal sights.
func (s *Scanner) Sight() (json.RawMessage, error) {
	all := make([]sight, len(s.resolved.targets))
	for i, t := range s.resolved.targets {
		all[i] = sight{Index: t.plan.Schema.Index, Rows: rowsOf(t.scope)}
		for _, other := range s.resolved.targets {
			for _, column := range other.shown.Fields() {
				if f := t.view.Full().Field(column.Path); f != nil && t.view.Treatment(f).As != access.Visible {
					if all[i].Masked == nil {
						all[i].Masked = map[string]string{}
					}
					all[i].Masked[f.Path] = treatmentText(t.view.Treatment(f))
				}
			}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("search: sight: %w", err)
	}
	return text, nil
}

// Covers reports whether who sees all that was seen before, which [Scanner.Sight] said, in these columns, given by their paths: every record, and each
// value shown in the same way or as it is. It is never mistaken when it says so; but of conditions that are worded
// otherwise it does not find out that they mean the same. An index that is not there any more is not seen. The instant
// of opts is the Query.Seen of the scan, so that rules with relative dates compare.
func (x *Index) Covers(ctx context.Context, who *access.Principal, before json.RawMessage, columns []string, opts *jql.ResolveOptions) (bool, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	var all []sight
	if err := json.Unmarshal(before, &all); err != nil {
		return false, fmt.Errorf("search: compare: %w: this is no sight: %w", ErrInvalid, err)
	}
	for i := range all {
		covers, err := x.covers(ctx, who, &all[i], columns, opts)
		if errors.Is(err, ErrUnknownIndex) || errors.Is(err, access.ErrDenied) {
			return false, nil
		}
		if err != nil || !covers {
			return false, x.wrap(ctx, "compare", err)
		}
	}
	return true, nil
}

func (x *Index) covers(ctx context.Context, who *access.Principal, before *sight, columns []string, opts *jql.ResolveOptions) (bool, error) {
	found, err := x.seen(ctx, who, []string{before.Index}, opts)
	if err != nil {
		return false, err
	}
	for _, now := range found {
		if now.Full().Index != before.Index {
			continue
		}
		rows := rowsOf(now.scope)
		if len(rows) > 0 && (len(before.Rows) == 0 || slices.ContainsFunc(before.Rows, func(row string) bool { return !slices.Contains(rows, row) })) {
			return false, nil
		}
		return now.showsAll(before, columns), nil
	}
	return false, nil
}

// showsAll reports whether columns are shown as they were.
func (s *seen) showsAll(before *sight, columns []string) bool {
	for _, path := range columns {
		f := s.Full().Field(path)
		if f == nil { // of a column that another index has
			if before.Masked[path] != "" {
				return false
			}
			continue
		}
		switch t := s.Treatment(f); {
		case t.As == access.Visible:
		case treatmentText(t) != before.Masked[path]:
			return false
		}
	}
	return true
}

// rowsOf returns the hashes of what a scope is joined of; nothing if every record is in it.
func rowsOf(scope plan.Node) []string {
	var parts plan.Or
	switch scope := scope.(type) {
	case nil, plan.All:
		return nil
	case plan.Or:
		parts = scope
	default:
		parts = plan.Or{scope}
	}
	rows := make([]string, len(parts))
	for i, p := range parts {
		sum := sha256.Sum256([]byte(p.String()))
		rows[i] = hex.EncodeToString(sum[:16])
	}
	slices.Sort(rows)
	return rows
}

func treatmentText(t access.Treatment) string {
	text, err := json.Marshal(t)
	if err != nil { // there is nothing in it that cannot be written
		return err.Error()
	}
	return string(text)
}
