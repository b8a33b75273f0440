package essearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"

	"github.com/digit-health/dhr/jql/esdsl"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// Bounds on one bulk request.
const (
	bulkBytes     = 4 << 20
	bulkDocuments = 5000
	longestID     = 512 // bytes, as the engine has it
)

// Load stores documents, in requests of a few megabytes of which one is on its way while the
// next is made. They become visible at the end, all at once.
func (d *Driver) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (stored int64, err error) {
	return d.load(ctx, s, func(yield func(*search.Document, write) bool) {
		for doc := range docs {
			if !yield(doc, write{}) {
				return
			}
		}
	}, refuse)
}

// A write is the one by which the engine has a document, as JSON numbers. The zero write
// is any, or none.
type write struct{ number, term []byte }

// load stores documents, each only if what the engine has of it is still by a certain write.
// It is no refusal if it is not.
func (d *Driver) load(ctx context.Context, s *record.Schema, docs iter.Seq2[*search.Document, write], refuse func(search.Refusal)) (stored int64, err error) {
	l, err := d.layout(ctx, s.Index)
	if err != nil {
		return 0, err
	}
	if len(l.indexes) != 1 || l.indexes[0] != s.Index {
		return 0, fmt.Errorf("%w: %q is no index", search.ErrUnsupported, s.Index)
	}
	p, err := d.client.product(ctx)
	if err != nil {
		return 0, err
	}
	b := &bulker{d: d, ctx: ctx, index: s.Index, ids: l.ids, years: yearFields(p, s), refuse: refuse}
	for doc, by := range docs {
		if err = ctx.Err(); err != nil {
			break
		}
		if r := b.refusal(doc); r != nil {
			b.next.refusals = append(b.next.refusals, *r)
		} else {
			b.next.add(doc, b.ids, by)
		}
		if b.next.full() {
			if err = b.send(); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = b.send()
	}
	if last := b.wait(); err == nil {
		err = last
	}
	// what is stored is shown even if the rest failed
	showing, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err == nil {
		showing = ctx
	}
	if b.sent {
		if shown := d.refresh(showing, s.Index); err == nil {
			err = shown
		}
	}
	return b.stored, err
}

// A bulker sends batches one after the other.
type bulker struct {
	d      *Driver
	ctx    context.Context
	index  string
	ids    bool
	years  []string // see yearFields
	refuse func(search.Refusal)
	next   batch      // being filled
	spare  batch      // memory to use again
	flying chan flown // the answer for the batch on its way, or nil
	stored int64
	sent   bool
}

// A flown is a batch that was sent.
type flown struct {
	batch    batch
	refusals []search.Refusal
	err      error
}

// send sends the batch that was filled, once the one before is stored.
func (b *bulker) send() error {
	if err := b.wait(); err != nil || len(b.next.items) == 0 && len(b.next.refusals) == 0 {
		return err
	}
	flying := make(chan flown, 1)
	batch := b.next
	b.next, b.spare = b.spare, batch
	b.next.reset()
	b.flying, b.sent = flying, true
	go func() {
		refusals, err := b.d.bulk(b.ctx, b.index, &batch)
		flying <- flown{batch, refusals, err}
	}()
	return nil
}

// wait waits for the batch that is on its way.
func (b *bulker) wait() error {
	if b.flying == nil {
		return nil
	}
	got := <-b.flying
	b.flying = nil
	b.spare = got.batch
	if got.err != nil {
		return got.err
	}
	for _, r := range got.refusals {
		b.refuse(r)
	}
	b.stored += int64(len(got.batch.items) + len(got.batch.refusals))
	return nil
}

// A batch is the body of a bulk request.
type batch struct {
	body     []byte
	items    []item
	refusals []search.Refusal // of documents that are not sent at all
}

// An item is one document of a batch: two lines of its body.
type item struct {
	id       string
	place    int64
	from, to int
	ours     bool // it is to replace one write only
}

func (b *batch) reset() { b.body, b.items, b.refusals = b.body[:0], b.items[:0], nil }

func (b *batch) full() bool {
	return len(b.body) >= bulkBytes || len(b.items)+len(b.refusals) >= bulkDocuments
}

// add appends a document.
func (b *batch) add(doc *search.Document, withID bool, by write) {
	id := doc.Record.ID
	it := item{id: string(append([]byte(nil), id...)), place: doc.Place, from: len(b.body), ours: by.number != nil}
	b.body = append(b.body, `{"index":{"_id":`...)
	b.body = appendJSON(b.body, id)
	if it.ours {
		b.body = append(append(b.body, `,"if_seq_no":`...), by.number...)
		b.body = append(append(b.body, `,"if_primary_term":`...), by.term...)
	}
	b.body = append(b.body, "}}\n"...)
	from := len(b.body)
	if source := doc.Record.Source(); withID {
		b.body = appendWithID(b.body, source, id)
	} else {
		b.body = append(b.body, source...)
	}
	for i, c := range b.body[from:] { // a document stands on one line; breaks are white space
		if c == '\n' || c == '\r' {
			b.body[from+i] = ' '
		}
	}
	b.body = append(b.body, '\n')
	it.to = len(b.body)
	b.items = append(b.items, it)
}

func appendJSON(dst []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // a string is always JSON
		return append(dst, `""`...)
	}
	return append(dst, text...)
}

// appendWithID appends a document with its id as the last member.
func appendWithID(dst, source []byte, id string) []byte {
	source = bytes.TrimRight(source, " \t\r\n")
	inner, ok := bytes.CutSuffix(source, []byte("}"))
	if !ok {
		return append(dst, source...)
	}
	dst = append(dst, inner...)
	if last := bytes.TrimRight(inner, " \t\r\n"); len(last) > 0 && last[len(last)-1] != '{' {
		dst = append(dst, ',')
	} else {
		dst = append(dst, ' ')
	}
	dst = append(dst, `"`+esdsl.IDField+`":`...)
	dst = appendJSON(dst, id)
	return append(dst, '}')
}

// idMember begins the member that appendWithID adds. In a string these bytes cannot stand,
// since its quotes are escaped.
var idMember = []byte(`"` + esdsl.IDField + `":"`)

// original returns a document of an index made by DHR as it was loaded: without the member at
// its end that holds its id. It changes the memory of source, once.
func original(source []byte) []byte {
	at := idAt(source)
	if at < 1 {
		return source
	}
	if before := source[at-1]; before != ',' && before != ' ' && before != '}' {
		return source
	}
	source[at-1] = '}'
	return source[:at]
}

// idAt returns where the member begins that holds the id at the end of a document, or -1.
func idAt(source []byte) int {
	text, ok := bytes.CutSuffix(source, []byte(`"}`))
	if !ok {
		return -1
	}
	for {
		quote := bytes.LastIndexByte(text, '"')
		slashes := 0
		for slashes < quote && text[quote-1-slashes] == '\\' {
			slashes++
		}
		if quote < 0 || slashes%2 == 0 {
			if !bytes.HasSuffix(text[:quote+1], idMember) {
				return -1
			}
			return quote + 1 - len(idMember)
		}
		text = text[:quote]
	}
}

// bulk stores a batch. It sends those documents again that the engine had no room for.
func (d *Driver) bulk(ctx context.Context, index string, b *batch) ([]search.Refusal, error) {
	refusals := b.refusals
	where, err := indexPath(index, "/_bulk")
	if err != nil {
		return nil, err
	}
	body, items := b.body, b.items
	for attempt := 0; len(items) > 0; attempt++ {
		outcome := bulkOutcome{items: items}
		r := &request{method: http.MethodPost, path: where, body: body, ndjson: true}
		if err := d.client.do(ctx, r, outcome.read); err != nil {
			return nil, err
		}
		refusals = append(refusals, outcome.refused...)
		if outcome.all != nil {
			return nil, fmt.Errorf("%w: the index %q: %s", outcome.all, index, outcome.reason)
		}
		if len(outcome.again) == 0 {
			break
		}
		if attempt >= d.client.retries {
			return nil, fmt.Errorf("%w: it refuses %d documents: %s", search.ErrOverloaded, len(outcome.again), outcome.reason)
		}
		if err := d.client.pause(ctx, attempt, &retryable{err: search.ErrOverloaded, refused: true}); err != nil {
			return nil, err
		}
		body, items = resend(b.body, items, &outcome)
	}
	return refusals, nil
}

// resend returns the body of those items again that the engine had no room for, but for those
// that a later one replaced. One that was refused replaces none.
func resend(body []byte, items []item, o *bulkOutcome) ([]byte, []item) {
	last := make(map[string]int, len(items))
	for i, it := range items {
		if _, lost := slices.BinarySearch(o.lost, i); !lost { // they stand in their order
			last[it.id] = i
		}
	}
	var out []byte
	var left []item
	for _, i := range o.again {
		if it := items[i]; last[it.id] == i {
			out = append(out, body[it.from:it.to]...)
			left = append(left, it)
		}
	}
	return out, left
}

// A bulkOutcome is what the engine made of a batch.
type bulkOutcome struct {
	items   []item
	refused []search.Refusal
	lost    []int // the places of those refused
	again   []int
	all     error // what stands against any document, whatever it is
	reason  string
}

func (o *bulkOutcome) read(r io.Reader) error {
	o.refused, o.lost, o.again, o.all = nil, nil, nil, nil
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var answer struct {
		Errors *bool `json:"errors"`
		Items  []map[string]struct {
			Status int    `json:"status"`
			Error  *fault `json:"error"`
		} `json:"items"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%w: %w", search.ErrBadAnswer, err)
	}
	if answer.Errors == nil || len(answer.Items) != len(o.items) {
		return fmt.Errorf("%w: of %d documents it speaks of %d", search.ErrBadAnswer, len(o.items), len(answer.Items))
	}
	if !*answer.Errors {
		return nil
	}
	for i, one := range answer.Items {
		for _, got := range one {
			if got.Error != nil || got.Status < 200 || got.Status > 299 {
				o.failed(i, got.Status, got.Error)
			}
		}
	}
	return nil
}

// failed notes that a document was not stored.
func (o *bulkOutcome) failed(i, status int, f *fault) {
	reason := ""
	f.walk(func(kind, text string) {
		if text != "" && (reason == "" || len(reason)+len(text) < 600) {
			if reason != "" {
				reason += ": "
			}
			reason += text
		}
		if o.all == nil {
			o.all = sentinelOf(kind, text)
		}
	})
	if o.all == nil && (status == http.StatusUnauthorized || status == http.StatusForbidden) {
		o.all = errNotAllowed
	}
	if o.all != nil {
		o.reason = reason
		return
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		o.again, o.reason = append(o.again, i), reason
		return
	}
	if reason == "" {
		reason = fmt.Sprintf("status %d", status)
	}
	it := o.items[i]
	if it.ours && status == http.StatusConflict {
		return // somebody has replaced or removed it, or an answer to this very request was lost
	}
	o.lost = append(o.lost, i)
	o.refused = append(o.refused, search.Refusal{Place: it.place, ID: it.id, Reason: reason})
}
