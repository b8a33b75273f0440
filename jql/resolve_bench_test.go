package jql

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/record"
)

// wide returns a schema of 60 fields.
func wide(b *testing.B) *record.Schema {
	properties := map[string]any{
		"status": map[string]any{"type": "keyword"},
		"age":    map[string]any{"type": "integer"},
		"date":   map[string]any{"type": "date"},
	}
	for i := len(properties); i < 60; i++ {
		properties[fmt.Sprintf("field_%02d", i)] = map[string]any{"type": []string{"keyword", "long", "date", "text"}[i%4]}
	}
	mapping, err := json.Marshal(map[string]any{"mappings": map[string]any{"properties": properties}})
	require.NoError(b, err)
	s, err := record.ParseSchema("wide", mapping)
	require.NoError(b, err)
	return s
}

func BenchmarkResolve(b *testing.B) {
	schemas := []*record.Schema{wide(b)}
	for _, c := range []struct{ name, text string }{
		{"typical", "status = open AND age >= 60"},
		{"dates", "status = open AND date >= startOfMonth(-1) AND date < 2024-03-01 ORDER BY date DESC"},
		{"negative", "NOT (status IN (open, closed) OR age < 5)"},
	} {
		b.Run(c.name, func(b *testing.B) {
			q, err := Parse(c.text, nil)
			require.NoError(b, err)
			opts := &ResolveOptions{Now: time.Date(2024, 3, 15, 10, 0, 0, 0, time.UTC)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Resolve(b.Context(), q, schemas, opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
