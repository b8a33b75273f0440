package process

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/export/failure"
	"github.com/digit-health/dhr/job"
)

// kindClaims is the kind of the documents by which a request finds the export that it asks for already.
const kindClaims = "export-requests"

// keyLife is how long an idempotency key is remembered.
const keyLife = 24 * time.Hour

// A claim says which export a request has led to. It is written before the export is, and under
// an id made of the request, so that of two equal requests at once both name the same export, and whoever
// submits it second finds it.
type claim struct {
	Process string `json:"process"`
	// Request is the hash of the request under an idempotency key.
	Request string    `json:"request,omitempty"`
	Created time.Time `json:"created"`
	// Deleted says that the export was deleted.
	Deleted bool `json:"deleted,omitempty"`
}

// StartOptions say more of a request.
type StartOptions struct {
	// IdempotencyKey is 1 to 255 printable characters of ASCII. The same request by the same user under the
	// same key is the same export, for 24 hours. If empty, there is none.
	IdempotencyKey string
	// Priority says which of several exports is begun first: the greater.
	Priority int
}

// Start asks for an export. If who has one waiting or running that is equal, or one under the same key, Start returns
// that one, with Existing set. It needs [access.MayExport] and [access.MayView].
func (s *Service) Start(ctx context.Context, who *access.Principal, r *Request, opts *StartOptions) (*Process, error) {
	if opts == nil {
		opts = &StartOptions{}
	}
	p, err := s.begin(ctx, who, r, opts)
	if err != nil {
		noted := s.note(ctx, &Event{Action: "request", Who: who, Err: err})
		return nil, errors.Join(failed("start", err), noted)
	}
	return p, nil
}

func (s *Service) begin(ctx context.Context, who *access.Principal, r *Request, opts *StartOptions) (*Process, error) {
	if err := checkKey(opts.IdempotencyKey); err != nil {
		return nil, err
	}
	sp, err := s.admit(ctx, who, r)
	if err != nil {
		return nil, err
	}
	asked, err := encode(r)
	if err != nil {
		return nil, err
	}
	sp.Claim = "request-" + digest("%q %q %q %q %q", asked, sp.User, sp.Roles, sp.Groups, sp.Attributes)
	id := strings.ToLower(rand.Text())
	if opts.IdempotencyKey != "" {
		sp.Key = "key-" + digest("%q %q", sp.User, opts.IdempotencyKey)
		mine, err := s.claimKey(ctx, sp, id, digest("%q", asked))
		if err != nil {
			return nil, err
		}
		if mine != id { // the request was here before
			found, err := s.config.Jobs.Get(ctx, sp.Tenant, kind, mine)
			if err == nil {
				return s.existing(found)
			}
			if !errors.Is(err, job.ErrNotFound) {
				return nil, err
			}
			id = mine // and whoever made it has not come to submit it
		}
	}
	found, err := s.claimRequest(ctx, sp, &id)
	if err != nil {
		return nil, err
	}
	if found != nil {
		return s.existing(found)
	}
	return s.submit(ctx, who, sp, id, opts.Priority)
}

func (s *Service) existing(j *job.Job) (*Process, error) {
	p, err := s.process(j)
	if err == nil {
		p.Existing = true
	}
	return p, err
}

// checkKey returns what is wrong with an idempotency key, which may be empty.
func checkKey(key string) error {
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return invalid("Idempotency-Key", "must be 1 to 255 printable characters of ASCII")
	}
	return nil
}

// digest returns a hash of what it is given, for the id of a document.
func digest(format string, values ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, format, values...))
	return hex.EncodeToString(sum[:])
}

// claimKey returns the export of an idempotency key, which is id if nobody has used the key.
func (s *Service) claimKey(ctx context.Context, sp *spec, id, request string) (string, error) {
	found := id
	err := s.editClaim(ctx, sp, sp.Key, func(c *claim) (bool, error) {
		now := s.now()
		switch old := c.Process != "" && now.Sub(c.Created) < keyLife; {
		case !old:
			*c = claim{Process: id, Request: request, Created: now.UTC()}
			found = id
			return true, nil
		case c.Request != request:
			return false, ErrKeyReused
		case c.Deleted:
			return false, fmt.Errorf("%w: the one of this idempotency key was deleted", ErrNotFound)
		}
		found = c.Process
		return false, nil
	})
	return found, err
}

// claimRequest returns the export that is equal to what is asked for and is waiting or running, or nil. Then id is the one to
// submit, which others who ask for the same at the same time are told too.
func (s *Service) claimRequest(ctx context.Context, sp *spec, id *string) (running *job.Job, err error) {
	wanted := *id
	err = s.editClaim(ctx, sp, sp.Claim, func(c *claim) (bool, error) {
		running, *id = nil, wanted
		if c.Process != "" && c.Process != wanted && !c.Deleted {
			j, err := s.config.Jobs.Get(ctx, sp.Tenant, kind, c.Process)
			switch {
			case errors.Is(err, job.ErrNotFound) && s.now().Sub(c.Created) < time.Minute:
				*id = c.Process // it is about to be submitted, by us now
				return false, nil
			case errors.Is(err, job.ErrNotFound):
			case err != nil:
				return false, err
			case !j.State.Finished() && !j.CancelRequested:
				running = j
				return false, nil
			}
		}
		*c = claim{Process: wanted, Created: s.now().UTC()}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if sp.Key == "" || *id == wanted && running == nil {
		return running, nil
	}
	is := *id
	if running != nil {
		is = running.ID
	}
	return running, s.editClaim(ctx, sp, sp.Key, func(c *claim) (bool, error) {
		c.Process = is
		return true, nil
	})
}

// editClaim changes a claim, if change says that it did. One that is not there is empty.
func (s *Service) editClaim(ctx context.Context, sp *spec, id string, change func(*claim) (bool, error)) error {
	errAsIs := errors.New("nothing is changed")
	_, err := s.host.Store.Update(ctx, docstore.Key{Tenant: sp.Tenant, Kind: kindClaims, ID: id}, func(d *docstore.Document) error {
		c := new(claim)
		if d.Version > 0 {
			if err := json.Unmarshal(d.Body, c); err != nil {
				return fmt.Errorf("%w: %v: %w", docstore.ErrCorrupt, d.Key, err)
			}
		}
		changed, err := change(c)
		if err != nil {
			return err
		}
		if !changed {
			return errAsIs
		}
		d.Body, err = encode(c)
		return err
	})
	if errors.Is(err, errAsIs) {
		return nil
	}
	return err
}

// submit keeps a new export.
func (s *Service) submit(ctx context.Context, who *access.Principal, sp *spec, id string, priority int) (*Process, error) {
	text, err := encode(sp)
	if err != nil {
		return nil, err
	}
	asked := &job.Job{Tenant: sp.Tenant, Kind: kind, ID: id, User: sp.User, Priority: priority, Spec: text}
	limits := &job.Limits{PerUser: s.config.Limits.PerUser, PerTenant: s.config.Limits.PerTenant}
	if err := s.config.Jobs.Room(ctx, asked, limits); err != nil { // before it is noted that there is one
		return nil, failure.Busy(err, ErrBusy)
	}
	if err := s.note(ctx, &Event{Action: "request", Who: who, Process: id, Detail: sp.detail()}); err != nil {
		return nil, err
	}
	j, err := s.config.Jobs.SubmitWithin(ctx, asked, limits)
	if errors.Is(err, job.ErrExists) { // an equal request was faster
		return s.existing(j)
	}
	if err != nil {
		return nil, failure.Busy(err, ErrBusy)
	}
	return s.process(j)
}

// detail says for the audit what was asked, without its text, which may name persons.
func (sp *spec) detail() map[string]string {
	sum := sha256.Sum256([]byte(sp.JQL))
	d := map[string]string{
		"query": "sha256:" + hex.EncodeToString(sum[:8]), "format": sp.Format, "storage": sp.Storage,
		"indexes": strings.Join(sp.AllowedIndexes, ","), "fields": strings.Join(sp.Fields, ","),
	}
	if sp.FilterID != "" {
		d["filter"] = sp.FilterID
	}
	return d
}
