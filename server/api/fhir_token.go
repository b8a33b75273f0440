package api

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/digit-health/dhr/auth"
	"github.com/digit-health/dhr/auth/smart"
)

// fhirToken gives tokens to SMART clients. Its errors are those of OAuth 2 (RFC 6749, 5.2).
func (a *handler) fhirToken(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	q := request(ctx)
	if wait, ok := a.opts.Limits.address(w, q.address, a.opts.Now()); !ok {
		refusedFor(w, wait).problem(ctx, "too many requests from this address").write(w)
		return
	}
	form, err := url.ParseQuery(string(q.body))
	if err != nil {
		writeToken(w, http.StatusBadRequest, &smart.Error{Code: "invalid_request", Description: "the body is no form"})
		return
	}
	token, err := a.opts.Tokens.Token(ctx, form)
	var refused *smart.Error
	switch {
	case err == nil:
		writeToken(w, http.StatusOK, token)
	case !errors.As(err, &refused):
		a.fhirRefuse(w, r, err)
	case refused.Status() >= http.StatusInternalServerError:
		a.log.ErrorContext(ctx, "a SMART client gets no token", "client", refused.Client, "error", err, "trace_id", q.trace)
		w.Header().Set("Retry-After", "5")
		writeToken(w, refused.Status(), refused)
	default:
		a.log.WarnContext(ctx, "sign-in refused", "reason", err.Error(), "client", refused.Client, "trace_id", q.trace)
		if wait, ok := a.failures.take(w, placeOf(q.address), guessesPerSecond, guessesAtOnce, a.opts.Now()); !ok {
			refusedFor(w, wait).problem(ctx, "too many refused sign-ins from this address").write(w)
			return
		}
		if a.opts.Refused != nil {
			a.opts.Refused(ctx, q.address, &auth.Error{Scheme: "smart", Kind: auth.ErrUnauthenticated, Reason: refused.Code + ": " + refused.Description})
		}
		writeToken(w, refused.Status(), refused)
	}
}

// writeToken answers the request for a token.
func writeToken(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Pragma", "no-cache")
	writeJSON(w, status, "application/json", answer)
}
