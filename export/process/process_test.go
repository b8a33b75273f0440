package process_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
)

var formats = []string{"csv", "json", "ndjson", "excel", "pdf"}

// Every format: what was counted is what was written, the hash is that of the file, and the manifest says the same.
func TestFormats(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 120), nil)
	for _, format := range formats {
		p := h.export(t, asha(), &process.Request{JQL: "age < 60 ORDER BY age DESC, visit_id", Format: format, Fields: []string{"visit_id", "age", "name"}})
		require.Equal(t, job.Completed, p.Status)
		require.Equal(t, 100, p.Progress)
		require.EqualValues(t, 90, *p.TotalRecords, format)
		require.EqualValues(t, 90, p.ProcessedRecords, format)
		require.False(t, p.Truncated)
		require.Nil(t, p.Error)
		require.Len(t, p.Files, 1)
		require.WithinDuration(t, h.clock.now().Add(7*24*time.Hour), *p.ExpiresAt, time.Minute)
		text := h.read(t, asha(), p.ID, 1)
		sum := sha256.Sum256([]byte(text))
		require.Equal(t, hex.EncodeToString(sum[:]), p.Files[0].SHA256)
		require.EqualValues(t, 90, p.Files[0].Rows)
		require.EqualValues(t, len(text), p.BytesWritten)
		m, err := h.Manifest(t.Context(), asha(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p.Files, m.Files)
		require.Equal(t, []string{"visit_id", "age", "name"}, m.Columns)
		require.Equal(t, []string{"visits"}, m.Indexes)
		require.EqualValues(t, 90, m.Rows)
		if format == "csv" {
			require.Equal(t, "\ufeffvisit_id,age,name\nV000059,59,Asha 59 अशा\nV000058,58,", text[:len("\ufeffvisit_id,age,name\nV000059,59,Asha 59 अशा\nV000058,58,")])
		}
	}
	require.Equal(t, len(formats), h.stored(t))
	require.Zero(t, h.spooled(t))
}

// No record, and one.
func TestFew(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 10), nil)
	for _, format := range formats {
		for query, want := range map[string]int64{"age > 200": 0, "visit_id = V000003": 1} {
			p := h.export(t, asha(), &process.Request{JQL: query, Format: format})
			require.Len(t, p.Files, 1)
			require.Equal(t, want, p.Files[0].Rows)
			require.Equal(t, want, *p.TotalRecords)
			text := h.read(t, asha(), p.ID, 1)
			require.Equal(t, format == "ndjson" && want == 0, text == "")
		}
	}
}

// Parts by rows and by bytes: each within its bound, together the whole, each record once.
func TestParts(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 5000), nil)
	noBOM := false
	whole := h.export(t, asha(), &process.Request{Format: "ndjson"})
	want := h.read(t, asha(), whole.ID, 1)
	for _, choices := range []process.Choices{{PartRows: 700}, {PartBytes: 50_000}, {PartRows: 5000}, {PartRows: 900, PartBytes: 100_000}} {
		choices.BOM = &noBOM
		p := h.export(t, asha(), &process.Request{Format: "ndjson", Options: choices})
		var all strings.Builder
		var rows int64
		for i, f := range p.Files {
			require.Equal(t, i+1, f.Number)
			text := h.read(t, asha(), p.ID, i+1)
			all.WriteString(text)
			require.EqualValues(t, strings.Count(text, "\n"), f.Rows)
			rows += f.Rows
			if choices.PartRows > 0 {
				require.LessOrEqual(t, f.Rows, choices.PartRows)
			}
			if choices.PartBytes > 0 {
				require.LessOrEqual(t, f.Size, choices.PartBytes)
			}
		}
		require.EqualValues(t, 5000, rows)
		require.Equal(t, want, all.String())
	}
}

// A request that says nothing of parts has those of the service.
func TestPartsOfTheService(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 100), func(h *house) { h.config.PartRows, h.config.PartBytes = 60, 1<<20 })
	p := h.export(t, asha(), &process.Request{Format: "csv"})
	require.Len(t, p.Files, 2)
	require.EqualValues(t, 60, p.Files[0].Rows)
	require.EqualValues(t, 60, p.Options.PartRows)
	p = h.export(t, asha(), &process.Request{Format: "csv", Options: process.Choices{PartRows: 30}})
	require.Len(t, p.Files, 4)
}

// The same request as of the same moment makes the same bytes, ordered or not.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 300), nil)
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, format := range formats {
		for _, query := range []string{"", "ORDER BY age"} {
			r := &process.Request{JQL: query, Format: format, AsOf: at, Options: process.Choices{Title: "Visits", TimeZone: "Asia/Kolkata"}}
			one, two := h.export(t, asha(), r), h.export(t, asha(), r)
			require.NotEqual(t, one.ID, two.ID)
			require.Equal(t, one.Files, two.Files, "%s %q", format, query)
		}
	}
}

// What is left out is said, with the reason.
func TestTruncated(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 100), func(h *house) { h.config.Limits.Records = 60 })
	for _, c := range []struct {
		most, rows int64
		reason     string
	}{{10, 10, "max_results"}, {60, 60, "limit"}, {0, 60, "limit"}, {100, 60, "limit"}} {
		p := h.export(t, asha(), &process.Request{Format: "csv", MaxResults: c.most})
		require.True(t, p.Truncated)
		require.Equal(t, c.reason, p.TruncatedReason)
		require.EqualValues(t, 100, *p.TotalRecords)
		require.Equal(t, c.rows, p.Files[0].Rows)
	}
	p := h.export(t, asha(), &process.Request{Format: "csv", JQL: "age < 10", MaxResults: 20})
	require.EqualValues(t, 20, *p.TotalRecords)
	require.False(t, p.Truncated, "there are exactly so many")
}

// A filter counts as it is when the export is asked for.
func TestFilter(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 100), nil)
	p := h.export(t, asha(), &process.Request{FilterID: "children", Format: "csv"})
	require.Equal(t, "age < 5", p.JQL)
	require.Equal(t, []string{"visits"}, p.AllowedIndexes)
	require.EqualValues(t, 10, *p.TotalRecords)
	require.Equal(t, "visits.csv", p.Files[0].Name)
	_, err := h.Start(t.Context(), asha(), &process.Request{FilterID: "none", Format: "csv"}, nil)
	require.ErrorContains(t, err, "no such filter")
}

// Bad requests say which member is wrong, and leave nothing behind.
func TestStartRefuses(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 3), nil)
	for field, r := range map[string]*process.Request{
		"format":                 {Format: "parquet"},
		"jql":                    {Format: "csv", FilterID: "children", JQL: "age < 5"},
		"storage":                {Format: "csv", Storage: "tape"},
		"max_results":            {Format: "csv", MaxResults: -1},
		"fields":                 {Format: "csv", Fields: []string{"age", "name", "age"}},
		"options.time_zone":      {Format: "csv", Options: process.Choices{TimeZone: "Mars/Base"}},
		"options.delimiter":      {Format: "csv", Options: process.Choices{Delimiter: "x"}},
		"options.lists":          {Format: "csv", Options: process.Choices{Lists: "sum"}},
		"options.compression":    {Format: "csv", Options: process.Choices{Compression: "rar"}},
		"options.part_rows":      {Format: "csv", Options: process.Choices{PartRows: -1}},
		"options.part_bytes":     {Format: "csv", Options: process.Choices{PartBytes: -1}},
		"options.title":          {Format: "csv", Options: process.Choices{Title: "a\nb"}},
		"options.list_separator": {Format: "csv", Options: process.Choices{ListSeparator: "\xff"}},
	} {
		_, err := h.Start(t.Context(), asha(), r, nil)
		require.ErrorIs(t, err, process.ErrInvalid, field)
		var wrong *process.FieldError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, field, wrong.Field)
	}
	_, err := h.Start(t.Context(), asha(), &process.Request{Format: "csv", JQL: "ago < 5"}, nil)
	require.ErrorContains(t, err, `did you mean "age"?`)
	_, err = h.Start(t.Context(), asha(), &process.Request{Format: "csv", Fields: []string{"ago"}}, nil)
	require.ErrorContains(t, err, "ago")
	_, err = h.Start(t.Context(), asha(), &process.Request{Format: "csv", AllowedIndexes: []string{"none"}}, nil)
	require.ErrorContains(t, err, "none")
	_, err = h.Start(t.Context(), asha(), nil, nil)
	require.ErrorIs(t, err, process.ErrInvalid)
	page, err := h.List(t.Context(), asha(), &process.ListQuery{Status: []job.State{job.Initiated, job.Processing}})
	require.NoError(t, err)
	require.Empty(t, page.Processes)
}

// A key stands for one export; an equal one that runs is offered instead of a second.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 3), func(h *house) { h.idle = true })
	r := &process.Request{Format: "csv"}
	key := &process.StartOptions{IdempotencyKey: "k1"}
	first, err := h.Start(t.Context(), asha(), r, key)
	require.NoError(t, err)
	require.False(t, first.Existing)
	again, err := h.Start(t.Context(), asha(), r, key)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.True(t, again.Existing)
	_, err = h.Start(t.Context(), asha(), &process.Request{Format: "json"}, key)
	require.ErrorIs(t, err, process.ErrKeyReused)
	equal := h.begin(t, asha(), r)
	require.Equal(t, first.ID, equal.ID)
	require.True(t, equal.Existing)
	other, err := h.Start(t.Context(), user("ravi", "exporter"), r, key)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, other.ID, "another user's key is another key")
	second, err := h.Start(t.Context(), asha(), r, &process.StartOptions{IdempotencyKey: "k2"})
	require.NoError(t, err)
	require.Equal(t, first.ID, second.ID, "an equal export waits already")

	_, err = h.Cancel(t.Context(), asha(), first.ID)
	require.NoError(t, err)
	again, err = h.Start(t.Context(), asha(), r, key)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID, "a key stands for its export, whatever became of it")
	require.NotEqual(t, first.ID, h.begin(t, asha(), r).ID)
	_, err = h.Delete(t.Context(), asha(), first.ID)
	require.NoError(t, err)
	_, err = h.Start(t.Context(), asha(), r, key)
	require.ErrorIs(t, err, process.ErrNotFound)
	h.clock.add(25 * time.Hour)
	fresh, err := h.Start(t.Context(), asha(), &process.Request{Format: "json"}, key)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, fresh.ID)
	_, err = h.Start(t.Context(), asha(), r, &process.StartOptions{IdempotencyKey: "a\nb"})
	require.ErrorIs(t, err, process.ErrInvalid)
}

// Of many equal requests at once one export comes.
func TestEqualAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 3), func(h *house) { h.idle = true })
	const n = 16
	ids := make(chan string, n)
	for range n {
		go func() {
			p, err := h.Start(t.Context(), asha(), &process.Request{Format: "csv"}, nil)
			if err != nil {
				ids <- err.Error()
				return
			}
			ids <- p.ID
		}()
	}
	first := <-ids
	for range n - 1 {
		require.Equal(t, first, <-ids)
	}
	page, err := h.List(t.Context(), asha(), nil)
	require.NoError(t, err)
	require.Len(t, page.Processes, 1)
}

// No more exports wait than the limits say.
func TestBusy(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 3), func(h *house) {
		h.idle = true
		h.config.Limits.PerUser, h.config.Limits.PerTenant = 2, 3
	})
	ask := func(who string, n int) error {
		_, err := h.Start(t.Context(), user(who, "exporter"), &process.Request{Format: "csv", MaxResults: int64(n)}, nil)
		return err
	}
	require.NoError(t, ask("asha", 1))
	require.NoError(t, ask("asha", 2))
	require.ErrorIs(t, ask("asha", 3), process.ErrBusy)
	require.NoError(t, ask("asha", 1), "the same is offered")
	require.NoError(t, ask("ravi", 1))
	require.ErrorIs(t, ask("ravi", 2), process.ErrBusy)
}

// Listings are of one's own, and for administrators of all; pages follow each other.
func TestList(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 3), func(h *house) { h.idle = true })
	var want []string
	for i := range 5 {
		h.clock.add(time.Second)
		p := h.begin(t, asha(), &process.Request{Format: "csv", MaxResults: int64(i + 1)})
		want = append([]string{p.ID}, want...)
	}
	ravi := h.begin(t, user("ravi", "exporter"), &process.Request{Format: "csv"})
	var got []string
	q := &process.ListQuery{MaxResults: 2}
	for {
		page, err := h.List(t.Context(), asha(), q)
		require.NoError(t, err)
		for _, p := range page.Processes {
			got = append(got, p.ID)
		}
		if page.Next == nil {
			break
		}
		q.After = page.Next
	}
	require.Equal(t, want, got)
	page, err := h.List(t.Context(), user("boss", "viewer", "admin"), &process.ListQuery{UserID: "*"})
	require.NoError(t, err)
	require.Len(t, page.Processes, 6)
	page, err = h.List(t.Context(), user("boss", "viewer", "admin"), &process.ListQuery{UserID: "ravi", Status: []job.State{job.Initiated}})
	require.NoError(t, err)
	require.Equal(t, ravi.ID, page.Processes[0].ID)
	_, err = h.List(t.Context(), asha(), &process.ListQuery{UserID: "ravi"})
	require.ErrorIs(t, err, process.ErrForbidden)
	_, err = h.List(t.Context(), asha(), &process.ListQuery{Status: []job.State{"queued"}})
	require.ErrorIs(t, err, process.ErrInvalid)
	foreign := user("boss", "viewer", "admin")
	foreign.Tenant = "mz"
	page, err = h.List(t.Context(), foreign, &process.ListQuery{UserID: "*"})
	require.NoError(t, err)
	require.Empty(t, page.Processes)
}

// The preview is what the file begins with.
func TestPreview(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 500), nil)
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, format := range formats {
		for _, query := range []string{"", "ORDER BY weight DESC"} {
			r := &process.Request{JQL: query, Format: format, AsOf: at, Options: process.Choices{TimeZone: "Asia/Kolkata", Labels: true}}
			preview, err := h.Preview(t.Context(), asha(), r)
			require.NoError(t, err)
			require.EqualValues(t, 50, preview.Records)
			p := h.export(t, asha(), r)
			text, begin := h.read(t, asha(), p.ID, 1), string(preview.Body)
			switch format {
			case "json":
				begin = strings.TrimRight(begin, "]\n")
				fallthrough
			case "csv", "ndjson":
				require.Equal(t, begin, text[:len(begin)])
			default:
				require.NotEmpty(t, preview.Body)
			}
		}
	}
	_, err := h.Preview(t.Context(), user("x", "viewer"), &process.Request{Format: "csv"})
	require.ErrorIs(t, err, process.ErrForbidden)
}

// What happens to an export is noted, and what cannot be noted does not happen.
func TestNotes(t *testing.T) {
	t.Parallel()
	h := open(t, memory(t, 7), nil)
	p := h.export(t, asha(), &process.Request{Format: "csv"})
	_ = h.read(t, asha(), p.ID, 1)
	_, err := h.OpenFile(t.Context(), user("ravi", "exporter"), p.ID, 1)
	require.ErrorIs(t, err, process.ErrNotFound)
	_, err = h.Delete(t.Context(), asha(), p.ID)
	require.NoError(t, err)
	_, err = h.Start(t.Context(), user("x", "viewer"), &process.Request{Format: "csv"}, nil)
	require.ErrorIs(t, err, process.ErrForbidden)
	require.Equal(t, []string{
		"request asha done 0", "complete asha done 7", "download asha done 7", "download ravi refused 0", "delete asha done 7", "request x refused 0",
	}, h.noted())

	p = h.export(t, asha(), &process.Request{Format: "csv"})
	h.mu.Lock()
	h.refuse = fmt.Errorf("the audit is full")
	h.mu.Unlock()
	_, err = h.Start(t.Context(), asha(), &process.Request{Format: "json"}, nil)
	require.ErrorContains(t, err, "the audit is full")
	_, err = h.OpenFile(t.Context(), asha(), p.ID, 1)
	require.ErrorContains(t, err, "the audit is full")
	_, err = h.Delete(t.Context(), asha(), p.ID)
	require.ErrorContains(t, err, "the audit is full")
	page, err := h.List(t.Context(), asha(), nil)
	require.NoError(t, err)
	require.Len(t, page.Processes, 1)
}
