package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/digit-health/dhr/docstore"
)

const (
	kind     = "audit"
	headKind = "audit-head"
	headID   = "head"
	// tenant is that of the documents; entries have their own.
	tenant = "_audit"
	// format is that of blocks.
	format = 1
	// A block has at most so many entries, so that it has no more than 800 labels, and about so many bytes.
	maxEntries = 200
	maxBytes   = docstore.MaxBody / 2
)

// A block is some entries of the chain that follow each other, in one document.
type block struct {
	Format  int     `json:"format"`
	Entries []Entry `json:"entries"`
	// Latest is the latest time of any entry of this block and of all before it.
	Latest time.Time `json:"latest"`
}

// blockKey returns the key of a block by its first entry, so that blocks are
// ordered as the chain is.
func blockKey(first int64) docstore.Key {
	return docstore.Key{Tenant: tenant, Kind: kind, ID: fmt.Sprintf("%019d", first)}
}

// document returns the block as it is stored.
func (b *block) document() (*docstore.Document, error) {
	body, err := encode(b)
	if err != nil {
		return nil, err
	}
	return &docstore.Document{Key: blockKey(b.Entries[0].Seq), Labels: b.labels(), Body: body}, nil
}

func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// decodeBlock returns the block of a document, without checking its chain.
func decodeBlock(d *docstore.Document) (*block, error) {
	b := &block{}
	if err := decode(d.Body, b); err != nil {
		return nil, fmt.Errorf("%w: block %q: %w", ErrBroken, d.ID, err)
	}
	first, err := strconv.ParseInt(d.ID, 10, 64)
	switch {
	case b.Format > format:
		return nil, fmt.Errorf("block %q: %w: it has format %d, and this program knows formats up to %d", d.ID, docstore.ErrNewer, b.Format, format)
	case err != nil || len(b.Entries) == 0 || b.Entries[0].Seq != first || blockKey(first).ID != d.ID:
		return nil, fmt.Errorf("%w: block %q does not begin with the entry of its name", ErrBroken, d.ID)
	}
	return b, nil
}

// decode takes no more and no less than v has.
func decode(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("there is something behind it")
	}
	return nil
}

func (b *block) last() *Entry { return &b.Entries[len(b.Entries)-1] }

// labels are what the block is found by: tenants, and within each tenant its users,
// actions and days.
func (b *block) labels() []string {
	var labels []string
	for i := range b.Entries {
		e := &b.Entries[i]
		labels = append(labels, tenantLabel(e.Tenant), actionLabel(e.Tenant, e.Action), dayLabel(e.Tenant, e.Time))
		if e.User != "" {
			labels = append(labels, userLabel(e.Tenant, e.User))
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

func tenantLabel(tenant string) string { return "tenant:" + tenant }

func actionLabel(tenant, action string) string { return "action:" + action + " " + tenant }

func dayLabel(tenant string, t time.Time) string {
	return "day:" + t.UTC().Format(time.DateOnly) + " " + tenant
}

// userLabel is short however long the names are. That it stands for others as well is nearly impossible,
// and would do no harm.
func userLabel(tenant, user string) string {
	sum := sha256.Sum256([]byte(tenant + "\x00" + user))
	return "user:" + hex.EncodeToString(sum[:16])
}
