package dashboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
)

// MaxFavourites is the greatest number of favourites that a user has of one kind.
const MaxFavourites = 1000

// usersKind is the kind of the documents with users' preferences, one for each user. This package
// minds the member favourites of their bodies, and keeps the others as they are.
const usersKind = "users"

// userKey is the key of a user's preferences. A document's id is shorter than a user's may be.
func userKey(who *access.Principal) docstore.Key {
	const hashed = "sha256:"
	id := who.User
	if len(id) > 200 || strings.HasPrefix(id, hashed) {
		sum := sha256.Sum256([]byte(id))
		id = hashed + hex.EncodeToString(sum[:])
	}
	return docstore.Key{Tenant: who.Tenant, Kind: usersKind, ID: id}
}

// favourites returns the ids of those that who has of the shelf's kind. They need not exist.
func (s *shelf) favourites(ctx context.Context, who *access.Principal) (map[string]bool, error) {
	doc, err := s.store.Get(ctx, userKey(who))
	if errors.Is(err, docstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, ids, err := s.preferences(doc)
	set := map[string]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return set, err
}

// preferences reads a user's document: all of it, and the ids of the favourites of the shelf's kind.
func (s *shelf) preferences(doc *docstore.Document) (all map[string]json.RawMessage, ids []string, err error) {
	if doc.Version == 0 {
		return map[string]json.RawMessage{}, nil, nil
	}
	if err := decodeBody(doc, &all); err != nil {
		return nil, nil, err
	}
	var body struct {
		Favourites map[string][]string `json:"favourites"`
	}
	err = decodeBody(doc, &body)
	return all, body.Favourites[s.kind], err
}

// errUnchanged ends an update that would change nothing.
var errUnchanged = errors.New("nothing to change")

// setFavourite makes a thing that who may read a favourite, or no longer one. What is one already, or none, is left as it is.
func (s *shelf) setFavourite(ctx context.Context, who *access.Principal, id string, on bool) error {
	_, found := s.open(ctx, who, id, Read)
	if found != nil && (on || !errors.Is(found, ErrNotFound)) {
		return found
	}
	changed, err := s.favour(ctx, who, id, on)
	if err == nil && !changed {
		return found // the last trace of what is gone may be removed, and is then unknown
	}
	return err
}

// favour makes a thing a favourite of who, or no longer one.
func (s *shelf) favour(ctx context.Context, who *access.Principal, id string, on bool) (changed bool, err error) {
	_, err = s.store.Update(ctx, userKey(who), func(doc *docstore.Document) error {
		_, ids, err := s.preferences(doc)
		if err != nil {
			return err
		}
		if slices.Contains(ids, id) == on {
			return errUnchanged
		}
		if !on {
			return s.setFavourites(doc, slices.DeleteFunc(ids, func(other string) bool { return other == id }))
		}
		if len(ids) >= MaxFavourites {
			if ids, err = s.existing(ctx, who.Tenant, ids); err != nil {
				return err
			}
		}
		if len(ids) >= MaxFavourites {
			var errs FieldErrors
			errs.add("favourite", "there are %d favourites already, at most %d are allowed", len(ids), MaxFavourites)
			return errs
		}
		return s.setFavourites(doc, append(ids, id))
	})
	if errors.Is(err, errUnchanged) {
		return false, nil
	}
	return err == nil, err
}

// existing returns those ids whose things have not been deleted.
func (s *shelf) existing(ctx context.Context, tenant string, ids []string) ([]string, error) {
	var kept []string
	for _, id := range ids {
		_, err := s.store.Get(ctx, docstore.Key{Tenant: tenant, Kind: s.kind, ID: id})
		if errors.Is(err, docstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		kept = append(kept, id)
	}
	return kept, nil
}

// setFavourites writes ids into a user's document, and leaves everything else in it as it is.
func (s *shelf) setFavourites(doc *docstore.Document, ids []string) error {
	all, _, err := s.preferences(doc)
	if err != nil {
		return err
	}
	kinds := map[string]json.RawMessage{}
	if text, ok := all["favourites"]; ok {
		if err := json.Unmarshal(text, &kinds); err != nil {
			return err
		}
	}
	if kinds[s.kind], err = encodeBody(ids); err != nil {
		return err
	}
	if all["favourites"], err = encodeBody(kinds); err != nil {
		return err
	}
	doc.Body, err = encodeBody(all)
	return err
}
