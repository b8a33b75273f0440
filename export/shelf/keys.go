package shelf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/parts"
)

// A keyDocument is what opens the files of one piece of work.
type keyDocument struct {
	Identity  string    `json:"identity"`
	Recipient string    `json:"recipient"`
	Created   time.Time `json:"created"`
}

func (s *Shelf) keyOf(tenant, work string) docstore.Key {
	return docstore.Key{Tenant: tenant, Kind: s.opts.Keys, ID: work}
}

// Recipient returns for whom the files of a piece of work are sealed. Its key is made if there is none.
func (s *Shelf) Recipient(ctx context.Context, tenant, work string) (string, error) {
	doc, err := s.docs.Get(ctx, s.keyOf(tenant, work))
	if errors.Is(err, docstore.ErrNotFound) {
		var made *parts.Key
		if made, err = parts.NewKey(); err != nil {
			return "", err
		}
		doc = &docstore.Document{Key: s.keyOf(tenant, work)}
		if doc.Body, err = json.Marshal(keyDocument{Identity: made.Identity, Recipient: made.Recipient, Created: s.opts.Now().UTC()}); err != nil {
			return "", fmt.Errorf("a key cannot be written: %w", err)
		}
		if doc, err = s.docs.Put(ctx, doc, 0); errors.Is(err, docstore.ErrConflict) { // another worker's, whose lease has ended
			doc, err = s.docs.Get(ctx, s.keyOf(tenant, work))
		}
	}
	if err != nil {
		return "", err
	}
	k, err := readKey(doc)
	return k.Recipient, err
}

// Identity returns what opens the sealed files of a piece of work, or ErrNoKey.
func (s *Shelf) Identity(ctx context.Context, tenant, work string) (string, error) {
	doc, err := s.docs.Get(ctx, s.keyOf(tenant, work))
	if errors.Is(err, docstore.ErrNotFound) {
		return "", ErrNoKey
	}
	if err != nil {
		return "", err
	}
	k, err := readKey(doc)
	return k.Identity, err
}

func readKey(doc *docstore.Document) (k keyDocument, err error) {
	if err := json.Unmarshal(doc.Body, &k); err != nil || k.Identity == "" {
		return keyDocument{}, fmt.Errorf("%w: %v", docstore.ErrCorrupt, doc.Key)
	}
	return k, nil
}

// DestroyKey destroys the key of a piece of work. That there is none is no error.
func (s *Shelf) DestroyKey(ctx context.Context, tenant, work string) error {
	for {
		doc, err := s.docs.Get(ctx, s.keyOf(tenant, work))
		if err == nil {
			err = s.docs.Delete(ctx, doc.Key, doc.Version)
		}
		switch {
		case errors.Is(err, docstore.ErrNotFound):
			return nil
		case !errors.Is(err, docstore.ErrConflict):
			return err
		}
	}
}
