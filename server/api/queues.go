package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/access"
)

const (
	queuesPath  = "/admin/queues/"
	routeQueues = "GET " + queuesPath
	// passCookie holds a pass, which lasts for passLife.
	passCookie = "dhr-queues"
	passLife   = longestStream
	// mostPasses is how many may be good at once.
	mostPasses = 1000
)

// queueRoutes are the pages of the queues. A browser asks for pages without the token that a page signs its requests with, so that there
// are passes: cookies for these pages alone.
func (a *handler) queueRoutes() {
	a.mux.HandleFunc(routeQueues, a.queuesPage)
	op := a.operation(http.MethodPost, "/v1/queues/pass", "open-queues", "Service", "Open the pages of the queues to this browser")
	op.Description = "The answer sets a cookie with which the browser sees the pages at /admin/queues/, and nothing else, for half an hour as who asks. It is for administrators."
	op.DefaultStatus = http.StatusNoContent
	huma.Register(a.api, op, a.openQueues)
}

type queuesOpened struct {
	Location string      `header:"Location" doc:"Where the pages begin."`
	Cookie   http.Cookie `header:"Set-Cookie" doc:"The pass."`
}

func (a *handler) openQueues(ctx context.Context, _ *struct{}) (*queuesOpened, error) {
	who := whoOf(ctx)
	if !a.mayQueues(who) {
		return nil, queuesForbidden(ctx)
	}
	text, ok := a.passes.give(who, a.opts.Now())
	if !ok {
		comeAgain(ctx, "60")
		return nil, tooMany.problem(ctx, "too many administrators look at the queues")
	}
	at := a.opts.Base + queuesPath
	return &queuesOpened{at, http.Cookie{
		Name: passCookie, Value: text, Path: at, MaxAge: int(passLife / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: request(ctx).secure,
	}}, nil
}

// queuesPage shows the queues to who may see them.
func (a *handler) queuesPage(w http.ResponseWriter, r *http.Request) {
	if !a.mayQueues(request(r.Context()).who) {
		queuesForbidden(r.Context()).write(w)
		return
	}
	a.opts.Queues.ServeHTTP(w, r)
}

func queuesForbidden(ctx context.Context) *Problem {
	return byStatus[http.StatusForbidden].problem(ctx, "the queues are for administrators")
}

func (a *handler) mayQueues(who *access.Principal) bool {
	return a.opts.Permissions != nil && slices.Contains(a.opts.Permissions(who), access.MayAdmin)
}

// known returns who sends a request: by a pass, if it is for the pages of the queues and has one that is good, and else as it is authenticated.
func (a *handler) known(r *http.Request, route string) (*access.Principal, error) {
	if route == routeQueues {
		if c, err := r.Cookie(passCookie); err == nil {
			if who := a.passes.who(c.Value, a.opts.Now()); who != nil {
				return who, nil
			}
		}
	}
	return a.opts.Authenticate.Authenticate(r)
}

// passes are those that were given, by the hashes of their texts. They end with the process.
type passes struct {
	mu sync.Mutex
	of map[[sha256.Size]byte]pass
}

// A pass stands for somebody for some time.
type pass struct {
	who   *access.Principal
	until time.Time
}

// give returns a new pass, or not if there are too many.
func (p *passes) give(who *access.Principal, now time.Time) (text string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, one := range p.of {
		if !now.Before(one.until) {
			delete(p.of, name)
		}
	}
	if len(p.of) >= mostPasses {
		return "", false
	}
	if p.of == nil {
		p.of = map[[sha256.Size]byte]pass{}
	}
	text = rand.Text()
	p.of[sha256.Sum256([]byte(text))] = pass{who, now.Add(passLife)}
	return text, true
}

// who returns for whom a pass is, or nil if it is none, or no longer good.
func (p *passes) who(text string, now time.Time) *access.Principal {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one, ok := p.of[sha256.Sum256([]byte(text))]; ok && now.Before(one.until) {
		return one.who
	}
	return nil
}
