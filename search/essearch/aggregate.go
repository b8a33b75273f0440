package essearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/exact"
)

// Aggregate answers several questions. Those that the engine answers exactly go to
// it in one request; where it would count roughly, round, or leave out buckets,
// the records are counted here. Spans of a calendar take a request more, which
// finds the days that there are.
func (d *Driver) Aggregate(ctx context.Context, questions []*search.Aggregation) ([]*search.Table, error) {
	tables := make([]*search.Table, len(questions))
	asked, err := d.ask(ctx, questions)
	if err != nil {
		return nil, err
	}
	if err := d.askDays(ctx, asked); err != nil {
		return nil, err
	}
	if err := d.askTables(ctx, asked, tables); err != nil {
		return nil, err
	}
	for i, a := range questions {
		if tables[i] != nil {
			continue
		}
		if tables[i], err = exact.Aggregate(ctx, a, a.Plan.Where, d.unordered); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// An asked is an aggregation as it is put to the engine.
type asked struct {
	*search.Aggregation
	place int // among the questions
	q     *question
	// of is how many parts the values of the first group are asked for in, part which of them.
	// There is one if of is 0.
	part, of int64
	spans    [][]span64 // for each group with a calendar the spans that hold anything
	days     [][]int64  // for each group with a calendar the days in UTC that do
}

// A span64 is a span of a calendar, in milliseconds, without its end.
type span64 struct{ from, to int64 }

// ask returns those questions which the engine can answer.
func (d *Driver) ask(ctx context.Context, questions []*search.Aggregation) ([]*asked, error) {
	var all []*asked
	for i, a := range questions {
		if err := a.Validate(); err != nil {
			return nil, err
		}
		bare := &plan.Plan{Schema: a.Plan.Schema, Where: a.Plan.Where, Order: a.Plan.Order[len(a.Plan.Order)-1:]}
		q, err := d.question(ctx, bare)
		if err != nil {
			return nil, err
		}
		k := &asked{Aggregation: a, place: i, q: q, spans: make([][]span64, len(a.Groups)), days: make([][]int64, len(a.Groups))}
		if q.exact && k.native() {
			all = append(all, k)
		}
	}
	return all, nil
}

// askDays finds for every calendar the days that hold anything, and of these its
// spans. Questions whose spans are too many are left out of what is asked.
func (d *Driver) askDays(ctx context.Context, all []*asked) error {
	var with []*asked
	for _, k := range all {
		if k.calendars() {
			with = append(with, k)
		}
	}
	answers, err := d.multi(ctx, with, (*asked).daysBody)
	if err != nil {
		return err
	}
	for i, k := range with {
		if answers[i] == nil || !k.readDays(answers[i]) {
			k.q = nil
		}
	}
	return nil
}

// askTables asks all that is left in one request. What it does not answer exactly stays nil.
func (d *Driver) askTables(ctx context.Context, all []*asked, tables []*search.Table) error {
	all = slices.DeleteFunc(slices.Clone(all), func(k *asked) bool { return k.q == nil })
	answers, err := d.multi(ctx, all, (*asked).body)
	if err != nil {
		return err
	}
	for i, k := range all {
		if answers[i] == nil {
			continue
		}
		r := newTableReader(k)
		tables[k.place] = r.table(answers[i])
		switch {
		case r.wide && k.divisible():
			tables[k.place], err = d.askParts(ctx, k)
		case tables[k.place] != nil:
			tables[k.place], err = d.countValues(ctx, k, r.uncounted, tables[k.place])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// An answer is what the engine says to one question.
type answer struct {
	Status   int    `json:"status"`
	Error    *fault `json:"error"`
	TimedOut bool   `json:"timed_out"`
	Shards   struct {
		Failed int `json:"failed"`
	} `json:"_shards"`
	Hits struct {
		Total struct {
			Value    int64  `json:"value"`
			Relation string `json:"relation"`
		} `json:"total"`
	} `json:"hits"`
	Aggregations object `json:"aggregations"`
}

// multi asks several questions in one request. A question that the engine finds too
// large, or does not understand, has no answer.
func (d *Driver) multi(ctx context.Context, all []*asked, body func(*asked) []byte) ([]*answer, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var lines []byte
	for _, k := range all {
		index := k.Plan.Schema.Index
		if _, err := indexPath(index, ""); err != nil {
			return nil, err
		}
		lines = append(lines, `{"allow_partial_search_results":false,"index":`...)
		lines = appendJSON(lines, index)
		lines = append(append(append(lines, "}\n"...), body(k)...), '\n')
	}
	var answers []*answer
	r := &request{method: http.MethodPost, path: "/_msearch", body: lines, ndjson: true}
	err := d.client.do(ctx, r, func(b io.Reader) (err error) {
		answers, err = d.readMulti(b, r, len(all))
		return err
	})
	return answers, err
}

// readMulti reads the answers to n questions.
func (d *Driver) readMulti(b io.Reader, r *request, n int) ([]*answer, error) {
	text, err := io.ReadAll(b)
	if err != nil {
		return nil, err
	}
	var all struct {
		Responses []*answer `json:"responses"`
	}
	if err := decodeNumbers(text, &all); err != nil {
		return nil, fmt.Errorf("%w: %w", search.ErrBadAnswer, err)
	}
	if len(all.Responses) != n {
		return nil, fmt.Errorf("%w: %d answers to %d questions", search.ErrBadAnswer, len(all.Responses), n)
	}
	for i, a := range all.Responses {
		switch err := a.check(r); {
		case err != nil && a.tooLarge():
			all.Responses[i] = nil
		case errors.Is(err, search.ErrOverloaded) || errors.Is(err, search.ErrUnavailable):
			return nil, &retryable{err: err, refused: true}
		case errors.Is(err, search.ErrTooManyBuckets) || errors.Is(err, search.ErrUnsupported):
			all.Responses[i] = nil
		case err != nil:
			return nil, err
		}
	}
	return all.Responses, nil
}

// check returns why an answer is none.
func (a *answer) check(r *request) error {
	switch {
	case a == nil:
		return fmt.Errorf("%w: an answer is missing", search.ErrBadAnswer)
	case a.Error != nil || a.Status > 299:
		e := a.Error.plain(a.Status)
		if sentinel := classify(a.Status, r, a.Error); sentinel != nil {
			return fmt.Errorf("%w: %w", sentinel, e)
		}
		if a.Status == http.StatusBadRequest {
			return fmt.Errorf("%w: %w", search.ErrUnsupported, e)
		}
		return e
	case a.TimedOut || a.Shards.Failed > 0:
		return fmt.Errorf("%w: %d shards failed", search.ErrPartial, a.Shards.Failed)
	case a.Hits.Total.Relation != "eq":
		return fmt.Errorf("%w: the records are not counted", search.ErrBadAnswer)
	}
	return nil
}

// tooLarge reports whether the engine refused the question for the memory it would take.
func (a *answer) tooLarge() (found bool) {
	if a != nil {
		a.Error.walk(func(kind, _ string) { found = found || kind == "circuit_breaking_exception" })
	}
	return found
}

// number returns a whole number of an answer.
func number(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}
