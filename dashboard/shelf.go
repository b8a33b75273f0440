package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// A shelf keeps things of one kind, and lets nobody at them who may not.
type shelf struct {
	store  *docstore.Store
	policy *access.Policy
	kind   string // of the documents
	noun   string // of one thing, for errors
	now    func() time.Time
	newID  func() string
}

// A card is what the shelf knows of a thing that somebody asks for.
type card struct {
	sharing
	name  string
	level Level              // of who asks
	marks []string           // further labels, by which the thing is found
	doc   *docstore.Document // nil if it is not stored yet
}

// newShelf returns a shelf for things of one kind, with what opts leave open.
func newShelf(store *docstore.Store, policy *access.Policy, kind, noun string, opts *Options) shelf {
	s := shelf{store: store, policy: policy, kind: kind, noun: noun, now: time.Now, newID: rand.Text}
	if opts != nil && opts.Now != nil {
		s.now = opts.Now
	}
	if opts != nil && opts.NewID != nil {
		s.newID = opts.NewID
	}
	return s
}

// failed says of which thing err is.
func (s *shelf) failed(id string, err error) error {
	return fmt.Errorf("dashboard: %s %q: %w", s.noun, id, err)
}

// admit returns an error if who may have nothing to do with saved things at all.
func (s *shelf) admit(who *access.Principal) error {
	if err := s.may(who, access.MayView); err != nil {
		return err
	}
	if complaint := idComplaint(who.User); complaint != "" {
		return fmt.Errorf("%w: the user's id %s", ErrForbidden, complaint)
	}
	if complaint := textComplaint(who.Tenant, maxTenant); complaint != "" {
		return fmt.Errorf("%w: the tenant %s", ErrForbidden, complaint)
	}
	return nil
}

// may returns an error unless who has a permission.
func (s *shelf) may(who *access.Principal, what access.Permission) error {
	if !s.policy.May(who, what) {
		return fmt.Errorf("%w: the permission %q is needed", ErrForbidden, what)
	}
	return nil
}

// open returns a thing that who may do something with at least.
func (s *shelf) open(ctx context.Context, who *access.Principal, id string, need Level) (*card, error) {
	if err := s.admit(who); err != nil {
		return nil, err
	}
	doc, err := s.store.Get(ctx, docstore.Key{Tenant: who.Tenant, Kind: s.kind, ID: id})
	if errors.Is(err, docstore.ErrNotFound) || errors.Is(err, docstore.ErrInvalid) { // no such id can be
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	c, err := s.card(who, doc)
	switch {
	case err != nil:
		return nil, err
	case !c.level.atLeast(Read):
		return nil, ErrNotFound
	case !c.level.atLeast(need):
		return nil, fmt.Errorf("%w: this needs %s permission, you have %s", ErrForbidden, need, c.level)
	}
	return c, nil
}

// card reads what the shelf knows of a document.
func (s *shelf) card(who *access.Principal, doc *docstore.Document) (*card, error) {
	var body struct {
		Name   string            `json:"name"`
		Owner  string            `json:"owner"`
		Shares []SharePermission `json:"share_permissions"`
	}
	if err := decodeBody(doc, &body); err != nil {
		return nil, err
	}
	c := &card{sharing: sharing{body.Owner, body.Shares}, name: body.Name, doc: doc}
	c.level = s.level(who, c.sharing)
	return c, nil
}

// level returns what who may do with a thing of the same tenant.
func (s *shelf) level(who *access.Principal, of sharing) Level {
	level := of.level(who)
	if !level.atLeast(Admin) && s.policy.May(who, access.MayAdmin) {
		return Admin
	}
	return level
}

// mayShare returns an error if who may not turn what a thing was shared like into what it is to be
// shared like. The zero sharing is that of a new thing.
func (s *shelf) mayShare(who *access.Principal, was, is sharing) error {
	administrates := s.policy.May(who, access.MayAdmin)
	if !is.same(was) {
		if level := s.level(who, was); was.owner != "" && !level.atLeast(Admin) {
			return fmt.Errorf("%w: to share needs %s permission, you have %s", ErrForbidden, Admin, level)
		}
		if is.gives(was) {
			if err := s.may(who, access.MayShare); err != nil {
				return err
			}
		}
	}
	switch previous := cmp.Or(was.owner, who.User); {
	case is.owner == previous || administrates:
		return nil
	case previous != who.User:
		return fmt.Errorf("%w: only the owner may give a %s to another", ErrForbidden, s.noun)
	case was.owner == "":
		return fmt.Errorf("%w: the owner of a new %s is who makes it", ErrForbidden, s.noun)
	}
	return s.may(who, access.MayShare)
}

// put stores a thing with its body, in place of what c.doc is or as a new one, and returns the
// document. It fails with ErrTaken if the owner has another thing of that name.
func (s *shelf) put(ctx context.Context, tenant string, c *card, body any) (*docstore.Document, error) {
	text, err := encodeBody(body)
	if err != nil {
		return nil, err
	}
	doc := &docstore.Document{Name: sortName(c.name), Body: text}
	var expect int64
	if c.doc != nil {
		doc.Key, expect = c.doc.Key, c.doc.Version
	} else {
		doc.Key = docstore.Key{Tenant: tenant, Kind: s.kind, ID: s.newID()}
	}
	name, got := nameLabel(c.owner, c.name), sinceLabel(expect+1)
	renamed := c.doc == nil || !slices.Contains(c.doc.Labels, name)
	if renamed {
		if err := s.settle(ctx, name, doc); err != nil {
			return nil, err
		}
	} else if i := slices.IndexFunc(c.doc.Labels, isSinceLabel); i >= 0 {
		got = c.doc.Labels[i]
	}
	doc.Labels = append(append(c.labels(), name, got), c.marks...)
	stored, err := s.store.Put(ctx, doc, expect)
	switch {
	case errors.Is(err, docstore.ErrConflict):
		return nil, fmt.Errorf("%w: %w", ErrConflict, err)
	case errors.Is(err, docstore.ErrTooLarge):
		return nil, FieldErrors{{Message: fmt.Sprintf("is too large to be kept: %v", err)}}
	case err != nil || !renamed:
		return stored, err
	}
	if err := s.settle(ctx, name, stored); errors.Is(err, ErrTaken) {
		return nil, errors.Join(err, s.undo(context.WithoutCancel(ctx), stored, c.doc))
	} else if err != nil {
		return nil, err
	}
	return stored, nil
}

// settle returns ErrTaken if d has to leave a name to another document, which a label stands for. Before d is stored,
// it has to leave it to any other; afterwards, to those that had it earlier. It is asked twice since two
// may be stored at once; then the later sees the earlier, as the store promises of listings by change. That
// one may be of a later change by now, but then it shows that the name is not from its last version.
func (s *shelf) settle(ctx context.Context, name string, d *docstore.Document) error {
	q := &docstore.Query{Tenant: d.Tenant, Kind: s.kind, Any: []string{name}, Order: docstore.ByChange}
	for other, err := range s.store.All(ctx, q) {
		if err != nil {
			return err
		}
		earlier := d.Change == 0 || other.Change < d.Change || !slices.Contains(other.Labels, sinceLabel(other.Version))
		if other.ID != d.ID && earlier {
			return ErrTaken
		}
	}
	return nil
}

// undo puts back what was before stored, which nobody has been told of, unless somebody has
// changed it since.
func (s *shelf) undo(ctx context.Context, stored, before *docstore.Document) error {
	var err error
	if before == nil {
		err = s.store.Delete(ctx, stored.Key, stored.Version)
	} else {
		_, err = s.store.Put(ctx, before, stored.Version)
	}
	if errors.Is(err, docstore.ErrConflict) || errors.Is(err, docstore.ErrNotFound) {
		return nil
	}
	return err
}

// remove deletes a thing in the version of its card.
func (s *shelf) remove(ctx context.Context, c *card) error {
	err := s.store.Delete(ctx, c.doc.Key, c.doc.Version)
	switch {
	case errors.Is(err, docstore.ErrConflict):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case errors.Is(err, docstore.ErrNotFound):
		return ErrNotFound
	}
	return err
}

// maxTries is how often a change is tried whose writer does not care for the version.
const maxTries = 1000

// try runs change on a thing, in the version expect, or if that is 0 in whichever there is, again if
// somebody else was faster.
func (s *shelf) try(ctx context.Context, who *access.Principal, id string, expect int64, need Level, change func(*card) error) error {
	for n := 1; ; n++ {
		c, err := s.open(ctx, who, id, need)
		if err != nil {
			return err
		}
		if expect != 0 && expect != c.doc.Version {
			return fmt.Errorf("%w: it has version %d, version %d was expected", ErrConflict, c.doc.Version, expect)
		}
		err = change(c)
		if expect != 0 || n == maxTries || !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

func encodeBody(body any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a query has many < and >
	err := enc.Encode(body)
	return b.Bytes(), err
}

func decodeBody(doc *docstore.Document, into any) error {
	if err := json.Unmarshal(doc.Body, into); err != nil {
		return fmt.Errorf("%w: %v: %w", docstore.ErrCorrupt, doc.Key, err)
	}
	return nil
}

// nameLabel is a label that things of one owner have in common if their names are equal but for case.
func nameLabel(owner, name string) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + fold(name)))
	return "name:" + hex.EncodeToString(sum[:])
}

const since = "since:"

// sinceLabel is a label that says in which version a thing got its name.
func sinceLabel(version int64) string { return since + strconv.FormatInt(version, 10) }

func isSinceLabel(label string) bool { return strings.HasPrefix(label, since) }

// sortName is by what listings order: the name without regard to case, and no longer than the store takes.
func sortName(name string) string {
	name = fold(name)
	for len(name) > 1000 {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return name
}

// fold returns a text that is the same for texts that differ in case alone.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return unicode.ToLower(least)
	}, text)
}
