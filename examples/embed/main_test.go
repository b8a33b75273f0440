package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program prints the same whether its database is new or there already.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), dir, &out))
		require.Equal(t, []string{
			`{"visit_id":"V-01","age":4,"district":"Kano","date":"2026-11-24","diagnosis":"Severe malaria with anaemia"}`,
			`{"visit_id":"V-02","age":3,"district":"Madurai","date":"2026-11-20","diagnosis":"Uncomplicated malaria"}`,
			`{"visit_id":"V-05","age":1,"district":"Kano","date":"2026-10-27","diagnosis":"Suspected malaria, test negative"}`,
			"3 records", "",
		}, strings.Split(out.String(), "\n"))
	}
}
