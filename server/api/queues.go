package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/auth"
)

const (
	queuesPath  = "/admin/queues/"
	routeQueues = "GET " + queuesPath
	// passCookie holds a pass, which lasts for passLife.
	passCookie = "dhr-queues"
	passLife   = 5 * time.Minute
	// passesEach is how many somebody may have at once, and mostPasses how many all may: the oldest make room.
	passesEach, mostPasses = 4, 1000
)

// queueRoutes are the pages of the queues. A browser asks for pages without the token that a page signs its requests with, so that there
// are passes: cookies for these pages alone.
func (a *handler) queueRoutes() {
	a.mux.HandleFunc(routeQueues, a.queuesPage)
	op := a.operation(http.MethodPost, "/v1/queues/pass", "open-queues", "Service", "Open the pages of the queues to this browser")
	op.Description = "The answer sets a cookie with which the browser sees the pages at /admin/queues/, and nothing else, for five minutes as who asks. It is for administrators."
	op.DefaultStatus = http.StatusNoContent
	huma.Register(a.api, op, a.openQueues)
	op = a.operation(http.MethodDelete, "/v1/queues/pass", "close-queues", "Service", "Close the pages of the queues")
	op.Description = "What opened the pages to who asks, in this browser and in others, is good no longer, and the answer removes the cookie."
	op.DefaultStatus = http.StatusNoContent
	huma.Register(a.api, op, a.closeQueues)
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
	cookie := passIn(ctx, a.passes.give(who, a.opts.Now()), int(passLife/time.Second))
	return &queuesOpened{cookie.Path, cookie}, nil
}

type queuesClosed struct {
	Cookie http.Cookie `header:"Set-Cookie" doc:"Removes the pass."`
}

// closeQueues drops the passes of who asks: the cookie is for the pages alone, so that the browser does not bring it here.
func (a *handler) closeQueues(ctx context.Context, _ *struct{}) (*queuesClosed, error) {
	a.passes.drop(whoOf(ctx))
	return &queuesClosed{passIn(ctx, "", -1)}, nil
}

// passIn returns the cookie of a pass, for the pages where the browser sees them.
func passIn(ctx context.Context, text string, age int) http.Cookie {
	q := request(ctx)
	return http.Cookie{
		Name: passCookie, Value: text, Path: q.prefix + queuesPath, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: q.secure,
	}
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

// known returns who sends a request: as it is authenticated or, if it has no credentials and is for the pages of the queues, by a pass. Credentials that are
// not accepted are not made good by one.
func (a *handler) known(r *http.Request, route string) (*access.Principal, error) {
	who, err := a.opts.Authenticate.Authenticate(r)
	if err == nil || route != routeQueues || !errors.Is(err, auth.ErrNoCredentials) {
		return who, err
	}
	for _, c := range r.CookiesNamed(passCookie) {
		if by := a.passes.who(c.Value, a.opts.Now()); by != nil {
			return by, nil
		}
	}
	return nil, err
}

// passes are those that were given, the oldest first, by the hashes of their texts. They end with the process.
type passes struct {
	mu    sync.Mutex
	given []pass
}

// A pass stands for somebody for some time.
type pass struct {
	name  [sha256.Size]byte
	who   *access.Principal
	until time.Time
}

func (p pass) of(who *access.Principal) bool {
	return p.who.Tenant == who.Tenant && p.who.User == who.User
}

// give returns a new pass.
func (p *passes) give(who *access.Principal, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given = slices.DeleteFunc(p.given, func(one pass) bool { return !now.Before(one.until) })
	more := 1 - passesEach // how many of who are to go
	for _, one := range p.given {
		if one.of(who) {
			more++
		}
	}
	p.given = slices.DeleteFunc(p.given, func(one pass) bool {
		if more <= 0 || !one.of(who) {
			return false
		}
		more--
		return true
	})
	if over := len(p.given) + 1 - mostPasses; over > 0 {
		p.given = slices.Delete(p.given, 0, over)
	}
	text := rand.Text()
	p.given = append(p.given, pass{sha256.Sum256([]byte(text)), who, now.Add(passLife)})
	return text
}

// drop makes the passes of somebody good no longer.
func (p *passes) drop(who *access.Principal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given = slices.DeleteFunc(p.given, func(one pass) bool { return one.of(who) })
}

// who returns for whom a pass is, or nil if it is none, or no longer good.
func (p *passes) who(text string, now time.Time) *access.Principal {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := sha256.Sum256([]byte(text))
	if i := slices.IndexFunc(p.given, func(one pass) bool { return one.name == name }); i >= 0 && now.Before(p.given[i].until) {
		return p.given[i].who
	}
	return nil
}
