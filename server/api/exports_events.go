package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export/process"
	"github.com/digit-health/dhr/job"
)

// The routes whose answers last: as long as an export runs, or as a client takes to download.
const (
	routeEvents = "GET /v1/exports/{id}/events"
	routeFile   = "GET /v1/exports/{id}/files/{n}"
)

// lasts reports whether the answers of a route may last. They have no turn among the others, and are sent as they are
// written, not compressed.
func lasts(route string) bool {
	return route == routeEvents || route == routeFile || route == routeNDJSON
}

// longestStream is how long events are sent before the client has to ask again, and to say again who it is.
const longestStream = 30 * time.Minute

// errEnding is why streams end with the server.
var errEnding = errors.New("the server ends")

// untilTheEnd has streams of events end when the server does, also those that are forwarded.
func (a *handler) untilTheEnd(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.opts.Ending == nil || request(r.Context()).route != routeEvents {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		go func() {
			select {
			case <-a.opts.Ending:
				cancel(errEnding)
			case <-ctx.Done():
			}
		}()
		defer func() { // of a forwarder, which cuts what it cannot finish
			if failed := recover(); failed != nil && (failed != http.ErrAbortHandler || !errors.Is(context.Cause(ctx), errEnding)) { //nolint:errorlint // it is never wrapped
				panic(failed)
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// mostLasting is how many answers that last one user may have at once.
const mostLasting = 32

// lasting counts the answers that last, by their users.
type lasting struct {
	mu sync.Mutex
	of map[string]int
}

// begin counts one more, until the function is called; or not, if there are too many.
func (l *lasting) begin(who *access.Principal) (end func(), ok bool) {
	name := who.Tenant + "\x00" + who.User
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[name] >= mostLasting {
		return nil, false
	}
	if l.of == nil {
		l.of = map[string]int{}
	}
	l.of[name]++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.of[name]--; l.of[name] == 0 {
			delete(l.of, name)
		}
	}), true
}

// beginLasting is begin, with its problem.
func (a *handler) beginLasting(ctx context.Context) (end func(), err error) {
	end, ok := a.lasting.begin(whoOf(ctx))
	if !ok {
		comeAgain(ctx, "5")
		return nil, tooMany.problem(ctx, fmt.Sprintf("this user has %d downloads and streams of events; there may be no more at once", mostLasting))
	}
	return end, nil
}

type eventsRequest struct {
	ExportID

	LastEventID string `header:"Last-Event-ID" maxLength:"64" doc:"The id of the last event that was seen: what follows is sent. One that is unknown counts as none."`
}

// eventsOperation describes a stream of Server-Sent Events.
func (a *handler) eventsOperation() huma.Operation {
	op := a.exportOp(http.MethodGet, "/v1/exports/{id}/events", "export-events", "How far an export is, as Server-Sent Events")
	op.Description = "The stream has the events progress (records were written), state (the status has changed) and end (it is finished, and nothing follows), " +
		"each with the export as its data, the first at once. Comments keep it alive. It ends after half an hour at the latest, and when the server ends; " +
		"who asks again with Last-Event-ID is sent what follows, and 204 if that was the end."
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The events.", Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema: &huma.Schema{
				Type: huma.TypeObject, Description: "One event.", Required: []string{"event", "id", "data"}, Properties: map[string]*huma.Schema{
					"event": {Type: huma.TypeString, Enum: []any{"progress", "state", "end"}},
					"id":    {Type: huma.TypeString, Description: "For Last-Event-ID."},
					"data": {Type: huma.TypeString, Description: "The export, as it is.", Extensions: map[string]any{
						"contentMediaType": "application/json", "contentSchema": map[string]any{"$ref": "#/components/schemas/Export"},
					}},
				},
			},
		}}},
		"204": {Description: "The end was seen before; nothing follows."},
	}
	return op
}

func (a *handler) exportEvents(ctx context.Context, in *eventsRequest) (*huma.StreamResponse, error) {
	release, err := a.beginLasting(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, longestStream)
	changes := watched(ctx, a.service.Exports().Watch(ctx, whoOf(ctx), in.ID))
	end := func() {
		cancel()
		for range changes { // what watches has returned then
		}
		release()
	}
	first, ok := <-changes
	if !ok {
		first.err = context.Cause(ctx)
	}
	if first.err != nil {
		end()
		return nil, a.problem(ctx, first.err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer end()
		r, w := humago.Unwrap(hc)
		if first.process.Status.Finished() && in.LastEventID == lastID(first.process) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		s := &events{w: w, control: http.NewResponseController(w)}
		s.seen, _ = strconv.ParseInt(in.LastEventID, 10, 64) // 0 if it is no number
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store, no-transform")
		h.Set("X-Accel-Buffering", "no") // says to proxies what FlushError says to us
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusOK)
			return
		}
		if err := s.send(ctx, first, changes, a.opts.Heartbeat); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "events of an export end early", "error", err, "trace_id", traceOf(ctx))
		}
	}}, nil
}

// A change is a process that has changed, or why it is not known any more.
type change struct {
	process *process.Process
	err     error
}

// watched has what is watched in a channel, which is closed with it.
func watched(ctx context.Context, all iter.Seq2[*process.Process, error]) <-chan change {
	out := make(chan change)
	go func() {
		defer close(out)
		for p, err := range all {
			select {
			case out <- change{p, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// lastID is the id of the event that is the end of a finished process.
func lastID(p *process.Process) string {
	return strconv.FormatInt(p.Change, 10) + "-end"
}

// events are a stream of them.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	seen    int64 // the change that the client has seen
	state   job.State
}

// send sends a change and those after it, until the process is finished, ctx ends or the client is gone.
func (s *events) send(ctx context.Context, first change, changes <-chan change, every time.Duration) error {
	beat := time.NewTicker(every)
	defer beat.Stop()
	s.w.WriteHeader(http.StatusOK)
	if err := s.write("retry: 2000\n\n"); err != nil {
		return err
	}
	if first.process.Change == s.seen {
		s.state = first.process.Status
	}
	for next := first; ; {
		if done, err := s.change(next); done || err != nil {
			return err
		}
		for waiting := true; waiting; {
			select {
			case c, ok := <-changes:
				if !ok {
					return nil
				}
				next, waiting = c, false
			case <-beat.C:
				if err := s.write(":\n\n"); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// change sends what has changed, and reports whether it was the last.
func (s *events) change(c change) (done bool, err error) {
	if c.err != nil {
		return true, c.err
	}
	p := c.process
	var data bytes.Buffer // as it is in other answers, and in one line
	text := json.NewEncoder(&data)
	text.SetEscapeHTML(false)
	if err := text.Encode(p); err != nil {
		return true, err
	}
	if p.Change != s.seen {
		event := "progress"
		if p.Status != s.state {
			event = "state"
		}
		s.seen, s.state = p.Change, p.Status
		if err := s.write(eventText(event, strconv.FormatInt(p.Change, 10), data.Bytes())); err != nil {
			return true, err
		}
	}
	if !p.Status.Finished() {
		return false, nil
	}
	return true, s.write(eventText("end", lastID(p), data.Bytes()))
}

// eventText is an event as it is sent.
func eventText(name, id string, data []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "event: %s\nid: %s\ndata: %s\n\n", name, id, bytes.TrimSuffix(data, []byte("\n")))
	return b.String()
}

func (s *events) write(text string) error {
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
