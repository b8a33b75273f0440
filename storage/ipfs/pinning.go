package ipfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/digit-health/dhr/storage"
)

// Pinning is a service with the IPFS Pinning Service API.
type Pinning struct {
	// URL is where its pins are, such as https://pins.example.org/psa; without /pins.
	URL  string
	Auth Auth
	// Wait is how long it may take to fetch a file. If zero, 10 minutes.
	Wait time.Duration
}

// A pinner pins at one service.
type pinner struct {
	client
	wait time.Duration
}

func newPinner(p Pinning, o *Options) (*pinner, error) {
	c, err := newClient(p.URL, &p.Auth, o)
	if err != nil {
		return nil, err
	}
	if p.Wait == 0 {
		p.Wait = 10 * time.Minute
	}
	return &pinner{client: *c, wait: p.Wait}, nil
}

// A pinStatus is what the service says of one pin.
type pinStatus struct {
	RequestID string `json:"requestid"`
	Status    string `json:"status"`
	Pin       struct {
		CID string `json:"cid"`
	} `json:"pin"`
}

// pin asks for a pin, unless there is one, and waits until the service has the file.
func (p *pinner) pin(ctx context.Context, id, name string) error {
	s, err := p.request(ctx, id, name)
	if err != nil {
		return fmt.Errorf("pinning service: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.wait, errPinningLasts)
	defer cancel()
	for try := 0; err == nil; try++ {
		switch s.Status {
		case "pinned":
			return nil
		case "queued", "pinning":
		default:
			return fmt.Errorf("pinning service: %w: the pin is %q", storage.ErrUnavailable, s.Status)
		}
		if err = p.client.wait(ctx, min(try, 5)); err == nil {
			err = p.ask(ctx, request{method: http.MethodGet, path: "/pins/" + url.PathEscape(s.RequestID)}, &s)
		}
	}
	if errors.Is(context.Cause(ctx), errPinningLasts) {
		err = errPinningLasts
	}
	return fmt.Errorf("pinning service: %w", err)
}

var errPinningLasts = fmt.Errorf("%w: it has not fetched the file in time", storage.ErrUnavailable)

func (p *pinner) request(ctx context.Context, id, name string) (pinStatus, error) {
	all, err := p.list(ctx, id)
	if err != nil {
		return pinStatus{}, err
	}
	for _, s := range all {
		if s.Status != "failed" {
			return s, nil
		}
	}
	body, err := json.Marshal(map[string]string{"cid": id, "name": name})
	if err != nil {
		return pinStatus{}, err
	}
	var s pinStatus
	err = p.ask(ctx, request{method: http.MethodPost, path: "/pins", json: body, contentType: "application/json"}, &s)
	if err == nil && (s.RequestID == "" || s.Pin.CID != id) {
		err = fmt.Errorf("%w: it answered with the pin %q of %q", storage.ErrUnavailable, s.RequestID, s.Pin.CID)
	}
	return s, err
}

// unpin removes every pin of a file. That there is none is no error.
func (p *pinner) unpin(ctx context.Context, id string) error {
	all, err := p.list(ctx, id)
	for _, s := range all {
		err = p.ask(ctx, request{method: http.MethodDelete, path: "/pins/" + url.PathEscape(s.RequestID)}, nil)
		if err != nil && !errors.Is(err, errNoPin) {
			break
		}
		err = nil
	}
	if err != nil {
		return fmt.Errorf("pinning service: %w", err)
	}
	return nil
}

func (p *pinner) list(ctx context.Context, id string) ([]pinStatus, error) {
	var answer struct {
		Count   int
		Results []pinStatus
	}
	err := p.ask(ctx, request{method: http.MethodGet, path: "/pins", query: url.Values{
		"cid": {id}, "status": {"queued,pinning,pinned,failed"}, "limit": {"1000"},
	}}, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Count > len(answer.Results) {
		return nil, fmt.Errorf("%w: it has %d pins of one file", storage.ErrUnavailable, answer.Count)
	}
	for _, s := range answer.Results {
		if s.Pin.CID != id || s.RequestID == "" {
			return nil, fmt.Errorf("%w: asked for %s, it lists the pin %q of %q", storage.ErrUnavailable, id, s.RequestID, s.Pin.CID)
		}
	}
	return answer.Results, nil
}

// errNoPin is a pin that is gone.
var errNoPin = errors.New("no such pin")

func (p *pinner) ask(ctx context.Context, q request, into any) error {
	res, err := p.call(ctx, q)
	if err != nil {
		if q.method == http.MethodDelete && errors.Is(err, storage.ErrUnsupported) { // 404
			return errNoPin
		}
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := readAnswer(ctx, res)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: it answered %s", storage.ErrUnavailable, excerpt(text))
	}
	return nil
}
