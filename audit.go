package dhr

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/audit"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/search"
)

type addressKey struct{}

// WithAddress returns a context for questions that come from an address, which the audit notes.
func WithAddress(ctx context.Context, from netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, from)
}

// note appends an entry to the audit, if there is one. What cannot be noted must not be answered. What was done is
// noted also if who did it does not wait for the answer.
func (s *Service) note(ctx context.Context, who *access.Principal, e audit.Entry) error {
	if s.config.Audit == nil {
		return nil
	}
	const longestUser, longestObject, longestDetail = 200, 300, 500
	if who != nil {
		e.Tenant, e.User = who.Tenant, entryText(who.User, longestUser)
	}
	e.Object = entryText(e.Object, longestObject)
	for name, value := range e.Detail {
		e.Detail[name] = entryText(value, longestDetail)
	}
	if e.Tenant == "" {
		e.Tenant = "-"
	}
	if from, ok := ctx.Value(addressKey{}).(netip.Addr); ok && from.IsValid() {
		e.Address = from.String()
	}
	if _, err := s.config.Audit.Append(context.WithoutCancel(ctx), e); err != nil {
		return fmt.Errorf("dhr: audit: %w", err)
	}
	return nil
}

// noteQuery notes a question that was asked: a hash of its text, since the text may name persons, to which
// indexes, how many records were shown, and how it ended.
func (s *Service) noteQuery(ctx context.Context, who *access.Principal, q *search.Query, page *search.Page, err error) error {
	if s.config.Audit == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(q.JQL))
	e := audit.Entry{Action: "query.run", Object: cmp.Or(strings.Join(q.Indexes, ","), "*"), Detail: map[string]string{
		"query": "sha256:" + hex.EncodeToString(sum[:8]), "outcome": outcome(err),
	}}
	if page != nil {
		e.Count = int64(len(page.Records))
	}
	return s.note(ctx, who, e)
}

// outcome says how something ended.
func outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, ErrForbidden), errors.Is(err, access.ErrDenied), errors.Is(err, search.ErrUnknownIndex),
		errors.Is(err, dashboard.ErrForbidden), errors.Is(err, dashboard.ErrNotFound):
		return "denied"
	}
	return "failed"
}

// entryText makes of what somebody sent what the audit takes. A text that is too long ends in a hash of the whole.
func entryText(text string, longest int) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text, string(utf8.RuneError)))
	if len(plain) <= longest {
		return plain
	}
	sum := sha256.Sum256([]byte(text))
	end := "…" + hex.EncodeToString(sum[:8])
	return strings.ToValidUTF8(plain[:longest-len(end)], "") + end
}

// Audit returns entries of the audit of the tenant of who, which needs the permission [access.MayAudit], the newest first.
// The query's tenant does not count. Without an audit there are none.
func (s *Service) Audit(ctx context.Context, who *access.Principal, q audit.Query) ([]audit.Entry, error) {
	if err := s.may(who, access.MayAudit); err != nil {
		return nil, err
	}
	if s.config.Audit == nil {
		return nil, nil
	}
	q.Tenant = who.Tenant
	return s.config.Audit.List(ctx, &q)
}
