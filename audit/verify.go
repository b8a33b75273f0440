package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// VerifyOptions are choices for [Log.Verify].
type VerifyOptions struct {
	// Known are ends that the chain once had and that were kept elsewhere.
	Known []Head
	// Progress, if not nil, is told from time to time how many entries were found good.
	Progress func(entries int64)
}

// A Report is what [Log.Verify] found.
type Report struct {
	// Entries is how many entries were found good, and Last the end of the chain they are.
	Entries int64
	Last    Head
	// Noted is the end that is noted beside the chain. It may lie behind the last entries, which were
	// appended since; if its Seq is 0 although there are entries, nothing is noted, and
	// that entries are missing at the end cannot be seen.
	Noted Head
	// Break is the first place where the chain is broken, or nil.
	Break *Break
}

// A Break is a place where a chain is not as it was appended.
type Break struct {
	// Seq is the number of the first entry that is missing or not as it was.
	Seq int64
	// Reason says what is wrong, for a person.
	Reason string
}

// Verify walks the whole chain from its first entry on, and reports the first break.
// Entries that are appended meanwhile may be missing from the report. The error is that of
// the store; a broken chain is none.
func (l *Log) Verify(ctx context.Context, opts *VerifyOptions) (*Report, error) {
	v := &verifier{r: &Report{Last: Head{Hash: genesis}}}
	if opts != nil {
		v.opts = *opts
	}
	noted, err := l.readHead(ctx) // before the blocks, of which there may be more a moment later
	if errors.Is(err, ErrBroken) {
		v.unreadable = err.Error()
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: verify: %w", err)
	}
	v.r.Noted = noted
	v.heads = append(slices.Clone(v.opts.Known), noted)
	for d, err := range l.store.All(ctx, &docstore.Query{Tenant: tenant, Kind: kind, Limit: pageBlocks}) {
		if err != nil {
			return nil, fmt.Errorf("audit: verify: %w", err)
		}
		if err := v.block(d); err != nil {
			return nil, fmt.Errorf("audit: verify: %w", err)
		}
		if v.r.Break != nil {
			return v.r, nil
		}
	}
	v.end()
	return v.r, nil
}

// A verifier walks a chain.
type verifier struct {
	opts       VerifyOptions
	r          *Report
	heads      []Head // that the chain must go through
	latest     time.Time
	unreadable string // what is noted beside the chain
}

func (v *verifier) broken(seq int64, format string, args ...any) {
	if v.r.Break == nil {
		v.r.Break = &Break{Seq: seq, Reason: fmt.Sprintf(format, args...)}
	}
}

// block goes on over one block. The error is that it cannot be judged.
func (v *verifier) block(d *docstore.Document) error {
	next := v.r.Last.Seq + 1
	if first, err := strconv.ParseInt(d.ID, 10, 64); err == nil && first > next && blockKey(first).ID == d.ID {
		v.broken(next, "entries %d to %d are missing", next, first-1)
		return nil
	} else if err != nil || d.ID != blockKey(next).ID {
		v.broken(next, "there is a block %q where %q must follow", d.ID, blockKey(next).ID)
		return nil
	}
	b, err := decodeBlock(d)
	if errors.Is(err, ErrBroken) {
		v.broken(next, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	good, last := v.r.Entries, v.r.Last
	for i := range b.Entries {
		if v.entry(&b.Entries[i]); v.r.Break != nil {
			return nil
		}
	}
	switch {
	case d.Version != 1:
		v.broken(next, "block %q was written %d times", d.ID, d.Version)
	case !slices.Equal(d.Labels, b.labels()):
		v.broken(next, "block %q has other labels than its entries say, so that they are not found", d.ID)
	case !b.Latest.Equal(v.latest):
		v.broken(next, "block %q names another latest time than its entries say", d.ID)
	}
	if v.r.Break != nil {
		v.r.Entries, v.r.Last = good, last
	}
	if v.opts.Progress != nil {
		v.opts.Progress(v.r.Entries)
	}
	return nil
}

// entry goes on over one entry.
func (v *verifier) entry(e *Entry) {
	last := v.r.Last
	switch {
	case e.Seq != last.Seq+1:
		v.broken(last.Seq+1, "entry %d follows entry %d", e.Seq, last.Seq)
	case e.Prev != last.Hash:
		v.broken(e.Seq, "entry %d does not follow the entry before it: that one was changed, or this one was put here", e.Seq)
	case e.Hash != e.hash():
		v.broken(e.Seq, "entry %d was changed", e.Seq)
	}
	for _, h := range v.heads {
		if h.Seq == e.Seq && h.Hash != e.Hash {
			v.broken(e.Seq, "entry %d has another hash than was noted when it was appended", e.Seq)
		}
	}
	if v.r.Break != nil {
		return
	}
	v.r.Entries, v.r.Last = v.r.Entries+1, Head{Seq: e.Seq, Hash: e.Hash}
	if e.Time.After(v.latest) {
		v.latest = e.Time
	}
}

// end holds that the chain goes as far as it once did.
func (v *verifier) end() {
	last := v.r.Last.Seq
	for _, h := range v.heads {
		if h.Seq > last {
			v.broken(last+1, "entries %d to %d are missing at the end", last+1, h.Seq)
		}
	}
	if v.unreadable != "" {
		v.broken(last+1, "%s", v.unreadable)
	}
}
