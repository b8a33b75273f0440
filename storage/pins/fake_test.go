package pins_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/pins"
)

// A backend keeps files in memory, under their hash or, if it is not addressed by content, each under a new reference.
type backend struct {
	byContent bool
	delete    error // of Delete, if not nil

	mu    sync.Mutex
	files map[string][]byte
	made  int
}

func (b *backend) Scheme() string { return "mem" }

func (b *backend) Put(_ context.Context, _ string, r io.Reader, _ *storage.PutOptions) (storage.Ref, error) {
	file, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made++
	id := fmt.Sprint(b.made)
	if b.byContent {
		id = sum(file)
	}
	if b.files == nil {
		b.files = map[string][]byte{}
	}
	b.files[id] = file
	return storage.MakeRef("mem", id), nil
}

func (b *backend) Open(_ context.Context, ref storage.Ref, offset, _ int64) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	file, ok := b.files[ref.ID()]
	if !ok {
		return nil, storage.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(file[offset:])), nil
}

func (b *backend) Stat(_ context.Context, ref storage.Ref) (storage.Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	file, ok := b.files[ref.ID()]
	if !ok {
		return storage.Info{}, storage.ErrNotFound
	}
	return storage.Info{Size: int64(len(file))}, nil
}

func (b *backend) Delete(_ context.Context, ref storage.Ref) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.delete != nil {
		return b.delete
	}
	delete(b.files, ref.ID())
	return nil
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.files)
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

var (
	file    = []byte("name,age\nAsha,3\n")
	content = &pins.Content{Name: "fever.csv", SHA256: sum(file), Options: storage.PutOptions{Scheme: "mem", Tenant: "pb"}}
)

// A house has the document store and the storage that survive processes.
type house struct {
	docs    docstore.Driver
	backend *backend
	now     time.Time
}

func newHouse(byContent bool) *house {
	return &house{docs: memdoc.New(), backend: &backend{byContent: byContent}, now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
}

// pins returns the pins of a process; each step of which g allows, if it is not nil.
func (h *house) pins(tb testing.TB, g *gate) *pins.Pins {
	tb.Helper()
	docs, files := h.docs, storage.Backend(h.backend)
	if g != nil {
		docs, files = &gatedDocs{h.docs, g}, &gatedFiles{h.backend, g}
	}
	store, err := storage.New(files)
	require.NoError(tb, err)
	return pins.New(docstore.New(docs), store, &pins.Options{Poll: 1, Now: func() time.Time { return h.now }})
}

// documents returns how many documents there are.
func (h *house) documents(tb testing.TB) int {
	tb.Helper()
	all, err := docstore.New(h.docs).List(context.Background(), &docstore.Query{AllTenants: true, Kind: "pins"}) //nolint:usetesting // also in a cleanup
	require.NoError(tb, err)
	return len(all)
}

// A gate is where the steps of one process pass, each when it is allowed, until it is killed.
type gate struct {
	at   chan struct{} // a step waits
	pass chan bool     // it may be taken; if false, the process is dead
	dead bool
}

func newGate() *gate { return &gate{at: make(chan struct{}), pass: make(chan bool)} }

var errKilled = errors.New("killed")

// step takes a step. A process may be killed before it, or, when it has been taken, before it knows.
func step[T any](g *gate, do func() (T, error)) (T, error) {
	var none T
	if g.dead {
		return none, errKilled
	}
	g.at <- struct{}{}
	if g.dead = !<-g.pass; g.dead {
		return none, errKilled
	}
	got, err := do()
	g.at <- struct{}{}
	if g.dead = !<-g.pass; g.dead {
		return none, errKilled
	}
	return got, err
}

type nothing struct{}

type gatedDocs struct {
	docstore.Driver
	g *gate
}

func (d *gatedDocs) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	return step(d.g, func() (*docstore.Document, error) { return d.Driver.Get(ctx, k) })
}

func (d *gatedDocs) Put(ctx context.Context, doc *docstore.Document, expect int64) (*docstore.Document, error) {
	return step(d.g, func() (*docstore.Document, error) { return d.Driver.Put(ctx, doc, expect) })
}

func (d *gatedDocs) Delete(ctx context.Context, k docstore.Key, expect int64) error {
	_, err := step(d.g, func() (nothing, error) { return nothing{}, d.Driver.Delete(ctx, k, expect) })
	return err
}

type gatedFiles struct {
	*backend
	g *gate
}

func (f *gatedFiles) Put(ctx context.Context, name string, r io.Reader, o *storage.PutOptions) (storage.Ref, error) {
	return step(f.g, func() (storage.Ref, error) { return f.backend.Put(ctx, name, r, o) })
}

func (f *gatedFiles) Delete(ctx context.Context, ref storage.Ref) error {
	_, err := step(f.g, func() (nothing, error) { return nothing{}, f.backend.Delete(ctx, ref) })
	return err
}

// A run is one of several processes that do something at once.
type run struct {
	g    *gate
	done chan struct{}
}

func start(do func(g *gate)) *run {
	r := &run{g: newGate(), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		do(r.g)
	}()
	return r
}

// race lets processes take their steps in an order that r chooses, and kills the
// victim, if there is one, at its nth stop. It returns whether it was alive then. When others have waited for
// a killed one for long, time passes: the others have long taken what steps they had.
func race(r *rand.Rand, h *house, runs []*run, victim, nth int) bool {
	killed, stops, total := false, 0, 0
	waiting := make([]bool, len(runs))
	live := len(runs)
	gone := make([]bool, len(runs))
	for live > 0 {
		for i, p := range runs { // each waits at its gate or is done
			if gone[i] || waiting[i] {
				continue
			}
			select {
			case <-p.g.at:
				waiting[i] = true
			case <-p.done:
				gone[i] = true
				live--
			}
		}
		if live == 0 {
			break
		}
		i := r.IntN(len(runs))
		for gone[i] {
			i = (i + 1) % len(runs)
		}
		waiting[i] = false
		if total++; killed && total%2000 == 0 {
			h.now = h.now.Add(time.Hour)
		}
		if i == victim {
			stops++
		}
		alive := i != victim || stops != nth
		killed = killed || !alive
		runs[i].g.pass <- alive
	}
	return killed
}
