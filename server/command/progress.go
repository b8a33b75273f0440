package command

import (
	"context"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

const (
	onTerminal = 200 * time.Millisecond // how often the line on a screen is written again
	elsewhere  = 5 * time.Second        // how often a line is written to a file or a pipe
	barWidth   = 24
)

// A progress tells how far a long work has come: on a screen in one line that is written again and again,
// elsewhere in a line now and then.
type progress struct {
	to       io.Writer
	terminal bool
	doing    string
	total    int64 // bytes to be read, or 0 if nobody knows
	start    time.Time

	read, records atomic.Int64
	expected      atomic.Int64 // records, or 0 if nobody knows

	mu    sync.Mutex // guards what is written
	drawn bool       // there is a line on the screen
	done  chan struct{}
	ended sync.WaitGroup
}

// progress begins to tell of a work. The caller ends it.
func (p *Program) progress(doing string, total int64) *progress {
	g := &progress{to: p.Errors, terminal: p.Terminal, doing: doing, total: total, start: time.Now(), done: make(chan struct{})}
	every := elsewhere
	if g.terminal {
		every = onTerminal
	}
	g.ended.Go(func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case now := <-ticks.C:
				g.tell(now)
			case <-g.done:
				return
			}
		}
	})
	return g
}

// end ends the telling, and clears the line.
func (g *progress) end() {
	close(g.done)
	g.ended.Wait()
	g.aside(func() {})
}

// tell writes how far the work is.
func (g *progress) tell(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.terminal {
		say(g.to, "%s\n", g.line(now))
		return
	}
	say(g.to, "\r%s\x1b[K", g.line(now))
	g.drawn = true
}

// aside does something that writes, without the line in its way.
func (g *progress) aside(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.drawn {
		say(g.to, "\r\x1b[K")
		g.drawn = false
	}
	do()
}

func (g *progress) line(now time.Time) string {
	var b strings.Builder
	b.WriteString(g.doing)
	records, expected := g.records.Load(), g.expected.Load()
	if expected > 0 {
		g.bar(&b, records, expected)
	} else if g.total > 0 {
		g.bar(&b, g.read.Load(), g.total)
	} else if read := g.read.Load(); read > 0 {
		say(&b, " %.1f MB", float64(read)/1e6)
	}
	if records > 0 {
		say(&b, ", %s records", thousands(records))
		if took := now.Sub(g.start); took > 0 {
			say(&b, ", %s/s", thousands(int64(float64(records)/took.Seconds())))
			if left := expected - records; left > 0 {
				say(&b, ", %s left", time.Duration(float64(took)*float64(left)/float64(records)).Round(time.Second))
			}
		}
	}
	return b.String()
}

// bar writes which part of all is done.
func (g *progress) bar(b *strings.Builder, done, all int64) {
	part := min(1, float64(done)/float64(all))
	if g.terminal {
		full := int(part * barWidth)
		b.WriteString(" [" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "]")
	}
	say(b, " %3.0f%%", 100*part)
}

// thousands writes a number for people: 12,345.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// reading counts the bytes of a file.
func (g *progress) reading(r io.ReadCloser) io.ReadCloser { return &counted{r, &g.read} }

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// loading counts the records that a loader is given.
func (g *progress) loading(l search.Loader) search.Loader { return &countedLoader{l, g} }

type countedLoader struct {
	search.Loader
	progress *progress
}

// Load counts.
func (l *countedLoader) Load(ctx context.Context, s *record.Schema, docs iter.Seq[*search.Document], refuse func(search.Refusal)) (int64, error) {
	return l.Loader.Load(ctx, s, func(yield func(*search.Document) bool) {
		for d := range docs {
			l.progress.records.Add(1)
			if !yield(d) {
				return
			}
		}
	}, refuse)
}
