package figures

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"time"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/dashboard"
	"github.com/digit-health/dhr/search"
)

// Options are choices that a user of [New] may leave open.
type Options struct {
	// Question fills in the circumstances that a question leaves open: zone, start of the week, functions. If nil, it is asked as it is.
	Question func(*search.Query) *search.Query
	// Keep is how long what was computed is used again. If zero, 15 s; if negative, not at all. Relative dates are as of a multiple of it.
	Keep time.Duration
	// MaxPoints is the greatest number of points of one gadget. If zero, 5,000.
	MaxPoints int
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
	// Failed is told of what went wrong with the service, and not with the gadget. If nil, nobody is.
	Failed func(ctx context.Context, g *dashboard.Gadget, err error)
}

// Figures computes the data of gadgets. It is safe for concurrent use.
type Figures struct {
	index   *search.Index
	filter  Filter
	opts    Options
	keeping *keeping
}

// A Filter returns a filter that who may read, such as [dashboard.Filters.Get].
type Filter func(ctx context.Context, who *access.Principal, id string) (*dashboard.Filter, error)

// New returns the figures of an index.
func New(index *search.Index, filter Filter, opts *Options) *Figures {
	f := &Figures{index: index, filter: filter}
	if opts != nil {
		f.opts = *opts
	}
	if f.opts.Question == nil {
		f.opts.Question = func(q *search.Query) *search.Query { return q }
	}
	if f.opts.Keep == 0 {
		f.opts.Keep = 15 * time.Second
	}
	if f.opts.MaxPoints == 0 {
		f.opts.MaxPoints = 5000
	}
	if f.opts.Now == nil {
		f.opts.Now = time.Now
	}
	f.keeping = newKeeping(f.opts.Keep, f.opts.Now)
	return f
}

// Asked are the circumstances in which gadgets are looked at.
type Asked struct {
	// AsOf is the instant for now() and relative dates. If zero, the present.
	AsOf time.Time
	// Zone is where days begin, for gadgets that do not say it. If nil, it is that of the service.
	Zone *time.Location
}

// Check returns what is wrong with a gadget in the sight of who: its filter is not there, its fields are not, or they are not
// of a kind that fits. It is a [dashboard.GadgetCheck].
func (f *Figures) Check(ctx context.Context, who *access.Principal, g *dashboard.Gadget) error {
	_, err := f.prepare(ctx, who, g, &Asked{}, f.reader(ctx, who))
	return err
}

// Data computes gadgets as who sees them, each once, as they become known. A gadget's error is in its data. When the context ends, or
// the loop is left, nothing more is computed.
func (f *Figures) Data(ctx context.Context, who *access.Principal, gadgets []*dashboard.Gadget, asked *Asked) iter.Seq[*Data] {
	return func(yield func(*Data) bool) {
		ctx, cancel := context.WithCancel(ctx)
		found := make(chan *Data, len(gadgets)) // nobody waits for a reader that is gone
		var working sync.WaitGroup
		defer working.Wait()
		defer cancel()
		f.begin(ctx, who, gadgets, asked, &working, found)
		for range gadgets {
			if !yield(<-found) {
				return
			}
		}
	}
}

// begin has gadgets computed: each is sent once.
func (f *Figures) begin(ctx context.Context, who *access.Principal, gadgets []*dashboard.Gadget, asked *Asked, working *sync.WaitGroup, found chan<- *Data) {
	if asked == nil {
		asked = &Asked{}
	}
	in := *asked
	if in.AsOf.IsZero() {
		in.AsOf = f.opts.Now()
		if f.opts.Keep > 0 {
			in.AsOf = in.AsOf.Truncate(f.opts.Keep)
		}
	}
	send := func(w *work, data *Data, err error) {
		if err != nil {
			data = &Data{Error: f.explain(ctx, w.gadget, err)}
		}
		found <- data.of(w.gadget)
	}
	var figures, pages []*work
	read := f.reader(ctx, who)
	for _, g := range gadgets {
		w, err := f.prepare(ctx, who, g, &in, read)
		switch {
		case err != nil:
			send(&work{gadget: g}, nil, err)
		case w.page != nil:
			pages = append(pages, w)
		default:
			figures = append(figures, w)
		}
	}
	working.Go(func() { f.compute(ctx, who, figures, send) })
	turns := make(chan struct{}, pagesAtOnce)
	for _, w := range pages {
		working.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			f.compute(ctx, who, []*work{w}, send)
		})
	}
}

// pagesAtOnce is how many tables of one dashboard are read side by side.
const pagesAtOnce = 4

// of returns a copy of d for a gadget.
func (d *Data) of(g *dashboard.Gadget) *Data {
	c := *d
	c.GadgetID, c.Type, c.Title = g.ID, g.Type, g.Title
	c.Question.FilterID = g.FilterID
	if c.Question.Indexes == nil {
		c.Question.Indexes = []string{}
	}
	c.Columns, c.Series, c.Records, c.Warnings = filled(c.Columns), filled(c.Series), filled(c.Records), filled(c.Warnings)
	return &c
}

// filled returns a list that is not nil.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// A readFilter is a filter that was read, or why not.
type readFilter struct {
	filter *dashboard.Filter
	err    error
}

// reader reads each filter once.
func (f *Figures) reader(ctx context.Context, who *access.Principal) func(id string) (*dashboard.Filter, error) {
	known := map[string]readFilter{}
	return func(id string) (*dashboard.Filter, error) {
		r, ok := known[id]
		if !ok {
			r.filter, r.err = f.filter(ctx, who, id)
			known[id] = r
		}
		return r.filter, r.err
	}
}

// compute sends the data of works, of which it asks those together that nobody has asked before, or asks at present.
func (f *Figures) compute(ctx context.Context, who *access.Principal, works []*work, send func(*work, *Data, error)) {
	for len(works) > 0 {
		mine, others := f.keeping.claim(works)
		f.settle(ctx, who, mine, send)
		works = nil
		for _, o := range others {
			data, err := o.wait(ctx)
			if gaveUp(err) && ctx.Err() == nil { // who asked has left
				works = append(works, o.work)
				continue
			}
			send(o.work, data, err)
		}
	}
}

// settle asks works that were claimed, and settles and sends each. A panic, of a driver perhaps, is an error of those that it kept from being known: others
// wait for them, and no server stands above this goroutine.
func (f *Figures) settle(ctx context.Context, who *access.Principal, mine []*work, send func(*work, *Data, error)) {
	open := map[*work]bool{}
	for _, w := range mine {
		open[w] = true
	}
	done := func(w *work, data *Data, err error) {
		delete(open, w)
		f.keeping.settle(w, data, err)
		send(w, data, err)
	}
	defer func() {
		if p := recover(); p != nil {
			for w := range open {
				done(w, nil, fmt.Errorf("figures: panic: %v\n%s", p, debug.Stack()))
			}
		}
	}()
	f.ask(ctx, who, mine, done)
}

func gaveUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// mostAtOnce is how many questions are put in one call, of those that an index takes.
const mostAtOnce = 200

// ask asks the engine: in one call, and one by one if that fails.
func (f *Figures) ask(ctx context.Context, who *access.Principal, works []*work, done func(*work, *Data, error)) {
	for len(works) > 0 {
		n, questions := 0, []*search.Question(nil)
		for _, w := range works {
			if n > 0 && len(questions)+len(w.questions) > mostAtOnce {
				break
			}
			questions = append(questions, w.questions...)
			n++
		}
		some := works[:n]
		works = works[n:]
		if some[0].page != nil { // tables come one by one
			done(f.table(ctx, who, some[0]))
			continue
		}
		answers, err := f.index.Aggregate(ctx, who, questions...)
		if err != nil && len(some) > 1 && ctx.Err() == nil && !errors.Is(err, search.ErrOverloaded) {
			f.askEach(ctx, who, some, done)
			continue
		}
		f.buildAll(ctx, who, some, answers, err, done)
	}
}

// buildAll builds the data of works of the answers to all of their questions, and asks once more, in one call, for those that need to know more.
func (f *Figures) buildAll(ctx context.Context, who *access.Principal, works []*work, answers []*search.Answer, err error, done func(*work, *Data, error)) {
	var open []*work
	var questions []*search.Question
	for _, w := range works {
		if err != nil {
			done(w, nil, err)
			continue
		}
		w.answers, answers = answers[:len(w.questions):len(w.questions)], answers[len(w.questions):]
		if q := w.subject.more(w.answers[0]); q != nil {
			open, questions = append(open, w), append(questions, q)
			continue
		}
		f.build(w, done)
	}
	if len(open) == 0 {
		return
	}
	further, err := f.index.Aggregate(ctx, who, questions...)
	for i, w := range open {
		switch {
		case err == nil:
			w.answers = append(w.answers, further[i])
			f.build(w, done)
		case len(open) > 1 && ctx.Err() == nil:
			one, err := f.index.Aggregate(ctx, who, questions[i])
			if err != nil {
				done(w, nil, err)
				continue
			}
			w.answers = append(w.answers, one...)
			f.build(w, done)
		default:
			done(w, nil, err)
		}
	}
}

// askEach asks works one by one. If the engine does not answer the first of them either, it is left alone.
func (f *Figures) askEach(ctx context.Context, who *access.Principal, works []*work, done func(*work, *Data, error)) {
	silent := 0
	for i, w := range works {
		answers, err := f.index.Aggregate(ctx, who, w.questions...)
		f.buildAll(ctx, who, works[i:i+1], answers, err, done)
		switch {
		case !errors.Is(err, search.ErrUnavailable):
			silent = 0
		case silent == mostSilent:
			for _, rest := range works[i+1:] {
				done(rest, nil, err)
			}
			return
		default:
			silent++
		}
	}
}

// mostSilent is how many answers in a row may fail to come.
const mostSilent = 2

func (f *Figures) build(w *work, done func(*work, *Data, error)) {
	data, err := w.build(w.answers)
	done(w, data, err)
}
