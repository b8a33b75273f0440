package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/digit-health/dhr/internal/fetch"
)

// RemoteOptions are what [Remote] may be told. The zero value is good.
type RemoteOptions struct {
	// Refresh is how old the keys may grow before they are fetched again. If zero, 15 minutes.
	Refresh time.Duration
	// Stale is how old keys may be at most that could not be fetched again; then tokens can no longer
	// be checked. It is also for how long a key is still accepted that the issuer withdrew while it could
	// not be reached. If zero, 1 hour.
	Stale time.Duration
	// Pause is the least time between two fetches, whatever tokens ask for: a token that
	// names a key which is not there does not cause a fetch before it has passed. If zero, 10 seconds.
	Pause time.Duration
	// Timeout bounds each fetch. If zero, 5 seconds.
	Timeout time.Duration
	// Client fetches. Redirects are not followed. If nil, one that uses no proxy.
	Client *http.Client
}

// Remote returns the keys of a JWK set at an address: https, or http on this machine. They are fetched when the first token
// comes, and again when they have grown old, or when a token names one that is not among them. Keys that could
// not be fetched again remain good for a while. Keys of the set that DHR cannot use are left out. A nil opts means the defaults.
//
// It starts nothing that remains: one of the requests that need the keys fetches them.
func Remote(address string, opts *RemoteOptions) (Keys, error) {
	var o RemoteOptions
	if opts != nil {
		o = *opts
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return nil, errors.New("jwtauth: the address of the keys is none: it looks like https://id.example.org/realms/health/protocol/openid-connect/certs")
	case u.Scheme != "https" && (u.Scheme != "http" || !fetch.Loopback(u.Hostname())):
		return nil, fmt.Errorf("jwtauth: the address %q of the keys does not begin with https: whoever is in between could put in keys of his own", u.Redacted())
	case o.Refresh < 0 || o.Stale < 0 || o.Pause < 0 || o.Timeout < 0:
		return nil, errors.New("jwtauth: an option of the keys is negative")
	}
	orDefault(&o.Refresh, 15*time.Minute)
	orDefault(&o.Stale, time.Hour)
	orDefault(&o.Pause, 10*time.Second)
	orDefault(&o.Timeout, 5*time.Second)
	if o.Stale < o.Refresh {
		return nil, errors.New("jwtauth: the keys would be too old before they are fetched again: Stale is less than Refresh")
	}
	return &remote{opts: o, address: u.String(), client: fetch.Client(o.Client, 0)}, nil
}

func orDefault(option *time.Duration, value time.Duration) {
	if *option == 0 {
		*option = value
	}
}

type remote struct {
	opts    RemoteOptions
	address string
	client  *http.Client

	mu       sync.Mutex
	keys     keySet
	fetched  time.Time     // when keys were fetched; zero if never
	tried    time.Time     // when the last fetch began; zero if never
	failure  error         // of the last fetch
	fetching chan struct{} // closed when the fetch that runs has ended; nil if none runs
}

// find fetches the keys first if they are missing or old, or if the token names one that is not among them.
func (r *remote) find(ctx context.Context, alg, kid string, now time.Time) ([]key, error) {
	for {
		keys, wait, fetch, err := r.look(alg, kid, now)
		switch {
		case fetch:
			r.refresh(context.WithoutCancel(ctx), now, wait)
			continue
		case wait == nil:
			return keys, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, fmt.Errorf("the request ended before the issuer's keys were fetched: %w", ctx.Err())
		}
	}
}

// look returns what the keys that are there say; or, if they do not suffice, a channel that is closed
// when newer ones are there or are known not to come. With fetch the caller has to fetch them.
func (r *remote) look(alg, kid string, now time.Time) (keys []key, wait chan struct{}, fetch bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	age := now.Sub(r.fetched)
	good := r.keys != nil && age < r.opts.Stale
	suffices := good && r.keys.has(kid)
	switch {
	case suffices && (age < r.opts.Refresh || r.fetching != nil): // while one request fetches, others go on
	case r.fetching != nil:
		return nil, r.fetching, false, nil
	case r.tried.IsZero() || now.Sub(r.tried) >= r.opts.Pause:
		r.fetching, r.tried = make(chan struct{}), now
		return nil, r.fetching, true, nil
	}
	keys, err = r.answer(good, alg, kid)
	return keys, nil, false, err
}

// answer is that of the keys that are there, when no fetch is due. Called with the lock held.
func (r *remote) answer(good bool, alg, kid string) ([]key, error) {
	switch {
	case good && (r.failure == nil || r.keys.has(kid)):
		return r.keys.pick(alg, kid)
	case r.failure != nil:
		return nil, fmt.Errorf("the issuer's keys could not be fetched: %w", r.failure)
	}
	return nil, errors.New("the issuer's keys are too old")
}

// refresh fetches the keys, and keeps them if that went well.
func (r *remote) refresh(ctx context.Context, now time.Time, done chan struct{}) {
	keys, err := keySet(nil), errors.New("the fetch was broken off")
	defer func() { // also after a panic of the client's transport
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.failure = err; err == nil {
			r.keys, r.fetched = keys, now
		}
		r.fetching = nil
		close(done)
	}()
	keys, err = r.fetch(ctx)
}

func (r *remote) fetch(ctx context.Context) (keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered with status %d", request.URL.Redacted(), response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKeysLen+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeysLen {
		return nil, fmt.Errorf("%s answered with more than %d bytes", request.URL.Redacted(), maxKeysLen)
	}
	keys, err := parseJWKs(text, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", request.URL.Redacted(), err)
	}
	return keys, nil
}
