package search

import (
	"fmt"

	"github.com/digit-health/dhr/record"
)

// MergeSchemas returns the schema of an index that has stored when declared is
// created as well, as [record.Schema.Merge] does. The error wraps [ErrSchemaConflict].
func MergeSchemas(stored, declared *record.Schema) (*record.Schema, error) {
	merged, err := stored.Merge(declared)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchemaConflict, err)
	}
	return merged, nil
}
