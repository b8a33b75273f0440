package sqlsearch_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/sqlsearch"
)

const vectorMapping = `{"properties": {"age": {"type": "integer"}, "weight": {"type": "double"}, "day": {"type": "date"}, "at": {"type": "date"},
	"sex": {"type": "keyword"}, "signs": {"type": "keyword"}, "doses": {"type": "integer"}, "alive": {"type": "boolean"}, "notes": {"type": "text"}}}`

// vectorDocument is a document of some kind, with values missing and several.
func vectorDocument(random *rand.Rand, id string) string {
	var fields []string
	put := func(format string, args ...any) {
		if random.IntN(8) > 0 {
			fields = append(fields, fmt.Sprintf(format, args...))
		}
	}
	put(`"age": %d`, random.IntN(12)-2)
	put(`"weight": %v`, []string{"0", "-0.0", "1", "1.5", "-2.25", "1e300"}[random.IntN(6)])
	put(`"day": "2024-%02d-0%d"`, 1+random.IntN(12), 1+random.IntN(9))
	put(`"at": "2024-0%d-0%dT%02d:%02d:00.%03dZ"`, 1+random.IntN(3), 1+random.IntN(3), random.IntN(24), random.IntN(60), random.IntN(1000))
	put(`"sex": %q`, []string{"female", "male", "é", ""}[random.IntN(4)])
	put(`"signs": [%q, %q]`, []string{"fever", "cough", "rash"}[random.IntN(3)], []string{"fever", "chills"}[random.IntN(2)])
	put(`"doses": [%d, %d, %d]`, random.IntN(9), random.IntN(9), random.IntN(3))
	put(`"alive": %v`, random.IntN(2) == 0)
	put(`"notes": "%s of the child"`, []string{"fever", "cough"}[random.IntN(2)])
	return fmt.Sprintf(`{"_id": %q, "_source": {%s}}`, id, strings.Join(fields, ", "))
}

var vectorQueries = []string{
	"age >= 3 AND age < 7 ORDER BY day DESC", "age != 4 ORDER BY age, weight DESC", "weight > 0 ORDER BY weight", "weight <= 0 OR weight = 1.5 ORDER BY weight DESC, day",
	"sex = female AND age IN (1, 2, 3, 4, 5, 6, 7, 8) ORDER BY sex DESC", "sex NOT IN (male, absent) ORDER BY day",
	"signs IN (fever, cough) ORDER BY signs DESC, age", "signs != rash ORDER BY signs", "doses > 6 ORDER BY doses DESC", "doses < 1 AND doses > 7 ORDER BY doses, _id DESC",
	"alive = \"true\" AND notes ~ fever ORDER BY age", "notes ~ \"feve*\" OR age IS EMPTY ORDER BY day", "notes IS EMPTY AND signs IS NOT EMPTY", "day >= 2024-05-01 AND day <= 2024-05-09 ORDER BY day DESC, age",
	"NOT (age = 1 OR age = 2) ORDER BY alive", "weight < 1e301 AND NOT weight = 0", "age > 2147483647", "_id > \"r5\" AND age > 0 ORDER BY age",
}

// vectorPlans returns questions to s, by name: the queries, and ranges of words, which the language does not have.
func vectorPlans(t testing.TB, s *record.Schema) map[string]*plan.Plan {
	plans := map[string]*plan.Plan{}
	for _, query := range vectorQueries {
		plans[query] = parsed(t, s, query)
	}
	ends := []plan.Bound{{}, {Value: record.StringValue("female")}, {Value: record.StringValue("male"), Inclusive: true}, {Value: record.StringValue("f"), Inclusive: true}}
	for _, field := range []string{"sex", "signs"} {
		for _, low := range ends {
			for _, high := range ends {
				if low.Value.IsNull() && high.Value.IsNull() {
					continue
				}
				p := parsed(t, s, field+" IS NOT EMPTY ORDER BY "+field+" DESC")
				p = &plan.Plan{Schema: s, Where: plan.Range{Field: s.Field(field), Lower: low, Upper: high}, Order: p.Order}
				plans[p.String()] = p
			}
		}
	}
	return plans
}

// asked returns what a store answers: a page, another one behind it, and how many there are.
func asked(t testing.TB, d *sqlsearch.SQLite, p *plan.Plan) string {
	columns, err := p.Schema.Project("_id", "age")
	require.NoError(t, err)
	var out strings.Builder
	for _, skip := range []int{0, 7} {
		for r, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Skip: skip, Limit: 40}) {
			require.NoError(t, err, p)
			fmt.Fprintf(&out, "%s %v,", r.ID, r.Values(1))
		}
		out.WriteString("\n")
	}
	n, err := d.Count(t.Context(), p, 0)
	require.NoError(t, err, p)
	most, err := d.Count(t.Context(), p, 9)
	require.NoError(t, err, p)
	fmt.Fprintf(&out, "%d %d", n, most)
	return out.String()
}

// What columns in memory answer is what SQL answers, whatever has changed in between.
func TestColumnsAnswerAsSQL(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", vectorMapping)
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a fixed seed is wanted
	file := filepath.Join(t.TempDir(), "records.sqlite")
	d, sql := open(t, file, nil), open(t, file, &sqlsearch.Options{Columns: -1})
	require.NoError(t, d.Create(t.Context(), s))
	for round := range 3 {
		var lines []string
		for i := range 70 {
			lines = append(lines, vectorDocument(random, fmt.Sprintf("r%d", random.IntN(40)+40*round*(i%2))))
		}
		load(t, d, s, lines...)
		for name, p := range vectorPlans(t, s) {
			require.Equal(t, asked(t, sql, p), asked(t, d, p), "%d: %s", round, name)
		}
		require.Positive(t, d.InMemory())
	}
	require.Zero(t, sql.InMemory())
	d.Forget()
	require.Zero(t, d.InMemory(), "nobody has asked for a while")
	require.NoError(t, d.Drop(t.Context(), "clinic"))
	require.NoError(t, d.Create(t.Context(), s))
	for range 9 {
		require.Equal(t, "\n\n0 0", asked(t, d, parsed(t, s, vectorQueries[0])))
	}
}

// The memory is bounded, and what does not fit is answered by SQL.
func TestColumnsHaveRoom(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a fixed seed is wanted
	for _, room := range []int64{1, 8_000} {
		file := filepath.Join(t.TempDir(), "records.sqlite")
		d, sql := open(t, file, &sqlsearch.Options{Columns: room}), open(t, file, &sqlsearch.Options{Columns: -1})
		var all []*record.Schema
		for _, name := range []string{"a", "b"} {
			s := schema(t, name, vectorMapping)
			require.NoError(t, d.Create(t.Context(), s))
			var lines []string
			for i := range 100 {
				lines = append(lines, vectorDocument(random, fmt.Sprintf("r%d", i)))
			}
			load(t, d, s, lines...)
			all = append(all, s)
		}
		most := int64(0)
		for range 2 {
			for _, s := range all {
				for _, query := range vectorQueries {
					p := parsed(t, s, query)
					require.Equal(t, asked(t, sql, p), asked(t, d, p), query)
					most = max(most, d.InMemory())
				}
			}
		}
		require.LessOrEqual(t, most, room)
		require.Equal(t, room > 1_000, most > 0)
	}
}

// Who asks while records are stored sees each load as a whole, and never an older one than before.
func TestColumnsWhileLoading(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", vectorMapping)
	d := open(t, filepath.Join(t.TempDir(), "records.sqlite"), nil)
	require.NoError(t, d.Create(t.Context(), s))
	p, done := parsed(t, s, "age >= 0 ORDER BY age"), make(chan struct{})
	columns, err := s.Project("_id")
	require.NoError(t, err)
	var asking sync.WaitGroup
	for range 3 {
		asking.Go(func() {
			last := int64(0)
			for {
				n, err := d.Count(t.Context(), p, 0)
				if err != nil || n%10 != 0 || n < last {
					t.Errorf("%d records after %d: %v", n, last, err)
					return
				}
				last = n
				read := int64(0)
				for _, err := range d.Read(t.Context(), &search.Read{Plan: p, Columns: columns, Limit: 1000}) {
					if err != nil {
						t.Error(err)
						return
					}
					read++
				}
				if read%10 != 0 || read < last {
					t.Errorf("%d records read after %d", read, last)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 40 {
		var lines []string
		for j := range 10 {
			lines = append(lines, fmt.Sprintf(`{"_id": "r%d", "_source": {"age": %d}}`, i*10+j, j))
		}
		load(t, d, s, lines...)
	}
	close(done)
	asking.Wait()
	n, err := d.Count(t.Context(), p, 0)
	require.NoError(t, err)
	require.EqualValues(t, 400, n)
}

// Another file that takes the place of one is not taken for it, though the same program has made both alike.
func TestColumnsOfAnotherFile(t *testing.T) {
	t.Parallel()
	s := schema(t, "clinic", `{"properties": {"age": {"type": "integer"}, "name": {"type": "keyword"}}}`)
	dir := t.TempDir()
	build := func(name string, ids ...string) string {
		file := filepath.Join(dir, name)
		w, err := sqlsearch.Open(t.Context(), file, nil)
		require.NoError(t, err)
		require.NoError(t, w.Create(t.Context(), s))
		var lines []string
		for i, id := range ids {
			lines = append(lines, fmt.Sprintf(`{"_id": %q, "_source": {"age": %d, "name": "name of %s"}}`, id, i, id))
		}
		load(t, w, s, lines...)
		require.NoError(t, w.Close())
		return file
	}
	file, next := build("records.sqlite", "anna", "bert", "carl"), build("next.sqlite", "dora", "anna", "bert")
	d := open(t, file, &sqlsearch.Options{ReadOnly: true})
	columns, err := s.Project("name")
	require.NoError(t, err)
	q := &search.Read{Plan: parsed(t, s, "age >= 0 ORDER BY age"), Columns: columns, Limit: 9}
	read := func() (out []string) {
		for r, err := range d.Read(t.Context(), q) {
			require.NoError(t, err)
			out = append(out, r.ID+": "+r.Values(0)[0].Text())
		}
		return out
	}
	for range 9 {
		require.Equal(t, []string{"anna: name of anna", "bert: name of bert", "carl: name of carl"}, read())
	}
	require.Positive(t, d.InMemory())
	if err := os.Rename(next, file); err != nil { // where files in use cannot be replaced
		return
	}
	for _, err := range d.Read(t.Context(), q) { // another connection is opened, and finds the other file
		require.NoError(t, err)
		require.Equal(t, []string{"dora: name of dora", "anna: name of anna", "bert: name of bert"}, read())
		break
	}
}

// What cannot fit is not read to its end, and drives out nothing else.
func TestColumnsTooLarge(t *testing.T) {
	t.Parallel()
	const room = 40_000
	d := open(t, filepath.Join(t.TempDir(), "records.sqlite"), &sqlsearch.Options{Columns: room})
	small, large := schema(t, "small", `{"properties": {"age": {"type": "integer"}}}`), schema(t, "large", `{"properties": {"age": {"type": "integer"}, "doses": {"type": "integer"}}}`)
	list := strings.Repeat("7, ", 99) + "8"
	for _, s := range []*record.Schema{small, large} {
		require.NoError(t, d.Create(t.Context(), s))
		var lines []string
		for i := range 100 {
			lines = append(lines, fmt.Sprintf(`{"_id": "r%d", "_source": {"age": %d, "doses": [%s]}}`, i, i, list))
		}
		load(t, d, s, lines...)
	}
	ask := func(s *record.Schema, query string, want int64) {
		for range 8 {
			n, err := d.Count(t.Context(), parsed(t, s, query), 0)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
	}
	ask(small, "age > 1", 98)
	one := d.InMemory()
	ask(large, "age > 1", 98)
	both := d.InMemory()
	require.Greater(t, both, one)
	ask(large, "doses > 7", 100)
	require.Equal(t, both, d.InMemory(), "10,000 values of 16 bytes have no room")
	require.Less(t, both, int64(room))
}
