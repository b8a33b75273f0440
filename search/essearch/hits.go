package essearch

import (
	"fmt"
	"io"
	"strconv"

	"github.com/digit-health/dhr/search"
)

// A page is the answer to one search, in memory that is used again for the
// next. The hits point into its bytes.
type page struct {
	scanner
	hits  []hit
	total int64 // of matching records, -1 if it was not counted
	more  bool  // total is a lower bound
	pit   string
	late  bool // timed_out, or ended early
	// shards and failed count those that were asked and those that did not answer.
	shards, failed int64
	found          bool // there was a list of hits

	before []byte // the sort values behind which the page begins, or empty
	last   bool   // there is no page behind it
}

// A span is a part of a page's bytes; the zero span is nothing.
type span struct{ from, to int }

// A hit is one record of a page: the JSON of its members.
type hit struct {
	id, index, source, sort span
	number, term            span // of the write that made the document, if asked for
}

// bytes returns the part of the page that s stands for.
func (p *page) bytes(s span) []byte { return p.buf[s.from:s.to:s.to] }

// errTooLarge is a page that does not fit into the memory it may have.
var errTooLarge = fmt.Errorf("%w: it is too large", search.ErrBadAnswer)

// read reads the answer to a search. It takes in the bytes as they come, checks
// that they are JSON (but for the documents, which the decoder checks) and
// that they are the whole answer of all shards. The members may stand in any order.
func (p *page) read(r io.Reader, limit int) error {
	p.scanner = scanner{r: r, buf: p.buf[:0], limit: limit}
	p.hits, p.pit = p.hits[:0], ""
	p.total, p.more, p.late, p.found = -1, false, false, false
	p.shards, p.failed = 0, 0
	if !p.object(p.member) || !p.end() {
		return p.fault()
	}
	switch {
	case !p.found:
		return fmt.Errorf("%w: there is no list of hits", search.ErrBadAnswer)
	case p.late:
		return fmt.Errorf("%w: the search ended before it was done", search.ErrPartial)
	case p.failed > 0:
		return fmt.Errorf("%w: %d of %d shards failed", search.ErrPartial, p.failed, p.shards)
	}
	return nil
}

// member reads a member of the answer. The key is valid until it reads on.
func (p *page) member(key []byte) bool {
	switch string(key) {
	case "hits":
		return p.peek() == 'n' && p.skip() || p.object(p.hitsMember)
	case "_shards":
		return p.object(p.shardsMember)
	case "timed_out", "terminated_early":
		return p.flag(&p.late)
	case "pit_id":
		return p.string(&p.pit)
	}
	return p.skip()
}

func (p *page) shardsMember(key []byte) bool {
	switch string(key) {
	case "total":
		return p.int(&p.shards)
	case "failed":
		return p.int(&p.failed)
	}
	return p.skip()
}

func (p *page) hitsMember(key []byte) bool {
	switch string(key) {
	case "hits":
		p.found, p.hits = true, p.hits[:0]
		return p.array(p.hit)
	case "total":
		if p.peek() == '{' {
			return p.object(p.totalMember)
		}
		return p.int(&p.total)
	}
	return p.skip()
}

func (p *page) totalMember(key []byte) bool {
	switch string(key) {
	case "value":
		return p.int(&p.total)
	case "relation":
		var relation string
		ok := p.string(&relation)
		p.more = relation == "gte"
		return ok
	}
	return p.skip()
}

// hit reads one element of the list of hits.
func (p *page) hit() bool {
	p.hits = append(p.hits, hit{})
	return p.object(p.hitMember)
}

// hitMember reads a member of the last hit.
func (p *page) hitMember(key []byte) bool {
	h := &p.hits[len(p.hits)-1]
	switch string(key) {
	case "_source":
		return p.outline(&h.source)
	case "_id":
		return p.value(&h.id)
	case "sort":
		return p.value(&h.sort)
	case "_index":
		return p.value(&h.index)
	case "_seq_no":
		return p.value(&h.number)
	case "_primary_term":
		return p.value(&h.term)
	}
	return p.skip()
}

// value reads any value and notes where it stands.
func (p *page) value(s *span) bool {
	if p.peek() == 0 {
		return p.unexpected()
	}
	from := p.pos
	ok := p.skip()
	*s = span{from, p.pos}
	return ok
}

// outline steps over a document without checking more than where it ends.
func (p *page) outline(s *span) bool {
	if p.peek() != '{' {
		return p.value(s)
	}
	from := p.pos
	ok := p.loose()
	*s = span{from, p.pos}
	return ok
}

func (p *page) flag(b *bool) bool {
	switch p.peek() {
	case 't':
		*b = true
	case 'f':
	default:
		return p.unexpected()
	}
	return p.skip()
}

func (p *page) int(n *int64) bool {
	var s span
	if !p.value(&s) {
		return false
	}
	v, err := strconv.ParseInt(string(p.bytes(s)), 10, 64)
	if err != nil {
		p.pos = s.from
		return p.unexpected()
	}
	*n = v
	return true
}

func (p *page) string(text *string) bool {
	if p.peek() != '"' {
		return p.unexpected()
	}
	var s span
	if !p.value(&s) {
		return false
	}
	*text = string(unquote(p.bytes(s)))
	return true
}
