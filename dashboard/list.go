package dashboard

import (
	"cmp"
	"context"
	"strings"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// A ListQuery asks for saved things that the principal may read.
type ListQuery struct {
	// Owner chooses: "me" those that the principal owns, "shared" those of others that a share gives to
	// it, "favourite" its favourites, "all" all. If empty, all.
	Owner string
	// Name is contained in the names, without regard to case. If empty, any name will do.
	Name string
	// StartAt is how many to leave out.
	StartAt int
	// After is the Next of the page before, instead of StartAt. While others make and delete things, pages
	// that follow each other in this way leave out none that stays, and show none twice.
	After *docstore.Cursor
	// MaxResults is the greatest number to return, up to MaxPage. If zero, 50.
	MaxResults int
}

// MaxPage is the greatest number of things on one page of a listing.
const MaxPage = 1000

const defaultPage = 50

// owners are the values of ListQuery.Owner.
var owners = []string{"me", "shared", "favourite", "all"}

func (q *ListQuery) check() error {
	var errs FieldErrors
	known := q.Owner == ""
	for _, o := range owners {
		known = known || q.Owner == o
	}
	if !known {
		errs.add("owner", "must be %s, got %q", strings.Join(owners, ", "), q.Owner)
	}
	if !utf8.ValidString(q.Name) {
		errs.add("name", "must be UTF-8, got %q", q.Name)
	}
	if q.StartAt < 0 {
		errs.add("start_at", "must not be negative, got %d", q.StartAt)
	}
	if q.StartAt != 0 && q.After != nil {
		errs.add("start_at", "must not be given together with the place after which to begin")
	}
	if q.MaxResults < 0 || q.MaxResults > MaxPage {
		errs.add("max_results", "must be 1 to %d, got %d", MaxPage, q.MaxResults)
	}
	return errs.err()
}

// A list is one page of cards.
type list struct {
	cards []*card
	total int
	next  *docstore.Cursor
}

// listing is a page of the things that match q, nil for all, and the favourites of who.
func (s *shelf) listing(ctx context.Context, who *access.Principal, q *ListQuery) (*list, map[string]bool, error) {
	if err := s.admit(who); err != nil {
		return nil, nil, err
	}
	if q == nil {
		q = &ListQuery{}
	}
	if err := q.check(); err != nil {
		return nil, nil, err
	}
	favourites, err := s.favourites(ctx, who)
	if err != nil {
		return nil, nil, err
	}
	found, err := s.list(ctx, who, q, favourites)
	return found, favourites, err
}

// list returns a page of the things that match q, in the order of their names. It looks at all that may
// match, since only so is the total known.
func (s *shelf) list(ctx context.Context, who *access.Principal, q *ListQuery, favourites map[string]bool) (*list, error) {
	found, limit := new(list), cmp.Or(q.MaxResults, defaultPage)
	if q.Owner == "favourite" && len(favourites) == 0 {
		return found, nil
	}
	wanted := fold(q.Name)
	seen := map[string]bool{} // what is renamed meanwhile comes twice
	for doc, err := range s.store.All(ctx, s.candidates(who, q.Owner)) {
		if err != nil {
			return nil, err
		}
		c, err := s.card(who, doc)
		if err != nil {
			return nil, err
		}
		if seen[doc.ID] || !c.level.atLeast(Read) || !c.chosen(who, q.Owner, favourites) || !strings.Contains(fold(c.name), wanted) {
			continue
		}
		seen[doc.ID] = true
		found.total++
		switch before := found.total <= q.StartAt || q.After != nil && !behind(doc, q.After); {
		case before:
		case len(found.cards) < limit:
			found.cards = append(found.cards, c)
		case found.next == nil:
			found.next = found.cards[limit-1].doc.Cursor()
		}
	}
	return found, nil
}

// maxAny is how many labels a query of a store may have.
const maxAny = 1000

// candidates asks for all documents that who may see under a choice, and perhaps for more.
func (s *shelf) candidates(who *access.Principal, owner string) *docstore.Query {
	q := &docstore.Query{Tenant: who.Tenant, Kind: s.kind, Order: docstore.ByName}
	own := "owner:" + who.User
	switch {
	case owner == "me":
		q.Any = []string{own}
	case owner == "shared":
		q.Any = sharedLabels(who)
	case !s.policy.May(who, access.MayAdmin):
		q.Any = append(sharedLabels(who), own)
	}
	if len(q.Any) > maxAny { // who is in that many groups is shown what there is, if it may be seen
		q.Any = nil
	}
	return q
}

// chosen reports whether a thing that who may read is of a choice.
func (c *card) chosen(who *access.Principal, owner string, favourites map[string]bool) bool {
	switch owner {
	case "me":
		return c.owner == who.User
	case "shared":
		return c.owner != who.User && c.sharing.level(who) != ""
	case "favourite":
		return favourites[c.doc.ID]
	}
	return true
}

// behind reports whether a document stands behind a place in the order of names.
func behind(d *docstore.Document, place *docstore.Cursor) bool {
	return cmp.Or(cmp.Compare(d.Name, place.Name), cmp.Compare(d.ID, place.ID)) > 0
}
