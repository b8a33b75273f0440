package pins_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/docstore"
	"github.com/digit-health/dhr/docstore/memdoc"
	"github.com/digit-health/dhr/storage"
	"github.com/digit-health/dhr/storage/pins"
)

// Equal files have one reference, and go with the last holder.
func TestLastHolderDeletes(t *testing.T) {
	t.Parallel()
	for _, byContent := range []bool{true, false} {
		h := newHouse(byContent)
		p := h.pins(t, nil)
		a, err := p.Put(t.Context(), "a", bytes.NewReader(file), content)
		require.NoError(t, err)
		b, err := p.Put(t.Context(), "b", bytes.NewReader(file), content)
		require.NoError(t, err)
		require.Equal(t, byContent, a == b)
		again, err := p.Put(t.Context(), "b", iotest.ErrReader(errKilled), content)
		require.NoError(t, err, "what he has is not put again")
		require.Equal(t, b, again)
		holds, err := p.Holders(t.Context(), content.SHA256, "mem")
		require.NoError(t, err)
		require.Equal(t, []pins.Hold{{Holder: "a", SHA256: content.SHA256, Scheme: "mem", Ref: a, Since: h.now},
			{Holder: "b", SHA256: content.SHA256, Scheme: "mem", Ref: b, Since: h.now}}, holds)

		require.NoError(t, p.Release(t.Context(), "a", content.SHA256, "mem"))
		_, err = h.backend.Stat(t.Context(), b)
		require.NoError(t, err)
		require.Equal(t, 1, h.backend.count())
		require.NoError(t, p.Release(t.Context(), "a", content.SHA256, "mem"))
		require.NoError(t, p.Release(t.Context(), "nobody", content.SHA256, "mem"))
		require.NoError(t, p.Release(t.Context(), "b", content.SHA256, "mem"))
		require.Zero(t, h.backend.count())
		require.Zero(t, h.documents(t))
	}
}

// A Put that fails holds nothing. A file with another hash is not stored.
func TestPutFails(t *testing.T) {
	t.Parallel()
	h := newHouse(true)
	p := h.pins(t, nil)
	_, err := p.Put(t.Context(), "a", io.MultiReader(bytes.NewReader(file[:5]), iotest.ErrReader(errKilled)), content)
	require.ErrorIs(t, err, errKilled)
	_, err = p.Put(t.Context(), "a", bytes.NewReader([]byte("another")), content)
	require.ErrorIs(t, err, pins.ErrInvalid)
	sized := *content
	sized.Options.Size = 7
	_, err = p.Put(t.Context(), "a", bytes.NewReader([]byte("another")), &sized)
	require.ErrorIs(t, err, pins.ErrInvalid)
	require.Zero(t, h.documents(t))
	require.Zero(t, h.backend.count())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Put(ended, "a", bytes.NewReader(file), content)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, h.documents(t))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(true)
	p := h.pins(t, nil)
	for name, c := range map[string]struct{ holder, sum, scheme string }{
		"no holder": {"", content.SHA256, "mem"}, "a tab": {"a\tb", content.SHA256, "mem"}, "not UTF-8": {"\xff", content.SHA256, "mem"},
		"no hash": {"a", "", "mem"}, "a short hash": {"a", content.SHA256[2:], "mem"}, "no hex": {"a", "zz" + content.SHA256[2:], "mem"}, "no scheme": {"a", content.SHA256, ""},
	} {
		_, err := p.Put(t.Context(), c.holder, bytes.NewReader(file), &pins.Content{Name: "x", SHA256: c.sum, Options: storage.PutOptions{Scheme: c.scheme, Tenant: "pb"}})
		require.ErrorIs(t, err, pins.ErrInvalid, name)
		require.ErrorIs(t, p.Release(t.Context(), c.holder, c.sum, c.scheme), pins.ErrInvalid, name)
	}
	_, err := p.Put(t.Context(), "a", bytes.NewReader(file), nil)
	require.ErrorIs(t, err, pins.ErrInvalid)
	_, err = p.Holders(t.Context(), "x", "mem")
	require.ErrorIs(t, err, pins.ErrInvalid)
	require.Zero(t, h.documents(t))
}

// A file that cannot be deleted now is deleted by the next release, or the sweep; where there is no deletion, that is told once.
func TestDeleteFails(t *testing.T) {
	t.Parallel()
	h := newHouse(true)
	p := h.pins(t, nil)
	put := func() {
		_, err := p.Put(t.Context(), "a", bytes.NewReader(file), content)
		require.NoError(t, err)
	}
	put()
	h.backend.delete = storage.ErrUnavailable
	require.ErrorIs(t, p.Release(t.Context(), "a", content.SHA256, "mem"), storage.ErrUnavailable)
	for _, err := range p.Sweep(t.Context(), time.Hour) {
		require.ErrorIs(t, err, storage.ErrUnavailable)
	}
	require.Equal(t, 1, h.documents(t))
	h.backend.delete = nil
	put() // and it is held again
	require.NoError(t, p.Release(t.Context(), "b", content.SHA256, "mem"))
	require.Equal(t, 1, h.backend.count())
	h.backend.delete = storage.ErrUnavailable
	require.ErrorIs(t, p.Release(t.Context(), "a", content.SHA256, "mem"), storage.ErrUnavailable)
	h.backend.delete = nil
	for _, err := range p.Sweep(t.Context(), time.Hour) {
		require.NoError(t, err)
	}
	require.Zero(t, h.documents(t))
	require.Zero(t, h.backend.count())

	put()
	h.backend.delete = storage.ErrUnsupported
	require.ErrorIs(t, p.Release(t.Context(), "a", content.SHA256, "mem"), storage.ErrUnsupported)
	require.NoError(t, p.Release(t.Context(), "a", content.SHA256, "mem"))
	require.Zero(t, h.documents(t))
}

// A document that is damaged is told, and is no reason to delete anything.
func TestDamaged(t *testing.T) {
	t.Parallel()
	h := newHouse(true)
	p := h.pins(t, nil)
	k := docstore.Key{Tenant: "dhr", Kind: "pins", ID: "mem:" + content.SHA256}
	_, err := docstore.New(h.docs).Put(t.Context(), &docstore.Document{Key: k, Labels: []string{"loose"}, Body: []byte(`{"holders": 1}`)}, 0)
	require.NoError(t, err)
	_, err = p.Put(t.Context(), "a", bytes.NewReader(file), content)
	require.ErrorIs(t, err, docstore.ErrCorrupt)
	require.ErrorIs(t, p.Release(t.Context(), "a", content.SHA256, "mem"), docstore.ErrCorrupt)
	n := 0
	for _, err := range p.Sweep(t.Context(), 0) {
		require.ErrorIs(t, err, docstore.ErrCorrupt)
		n++
	}
	require.Positive(t, n)
}

// A holder who is released while he puts has nothing, and nothing of his stays.
func TestReleasedWhilePutting(t *testing.T) {
	t.Parallel()
	for _, byContent := range []bool{true, false} {
		h := newHouse(byContent)
		p := h.pins(t, nil)
		released := readerFunc(func([]byte) (int, error) {
			return 0, errors.Join(p.Release(t.Context(), "a", content.SHA256, "mem"), io.EOF)
		})
		_, err := p.Put(t.Context(), "a", io.MultiReader(bytes.NewReader(file), eof{released}), content)
		require.ErrorIs(t, err, pins.ErrReleased)
		require.Zero(t, h.documents(t))
		require.Zero(t, h.backend.count())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// eof ends with io.EOF itself.
type eof struct{ r io.Reader }

func (e eof) Read(b []byte) (int, error) {
	if _, err := e.r.Read(b); !errors.Is(err, io.EOF) {
		return 0, err
	}
	return 0, io.EOF
}

// does is what one process does: it puts, or releases, or both, for one holder.
type does struct {
	holder       string
	put, release bool
	got          storage.Ref
	err          error
}

func (d *does) run(tb testing.TB, h *house, g *gate) {
	tb.Helper()
	p := h.pins(tb, g)
	if d.put {
		if d.got, d.err = p.Put(context.Background(), d.holder, bytes.NewReader(file), content); d.err != nil { //nolint:usetesting // a killed process has no context
			return
		}
	}
	if d.release {
		d.err = p.Release(context.Background(), d.holder, content.SHA256, "mem") //nolint:usetesting // as above
	}
}

// Whatever the order of the steps of several processes, and wherever one of them is killed: who holds the file has it; and once
// the sweep has run and everybody is released, nothing is left.
func TestRacesAndKills(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]does{
		"one releases, one puts": {{holder: "a", release: true}, {holder: "b", put: true}},
		"both put":               {{holder: "b", put: true}, {holder: "c", put: true}},
		"both release":           {{holder: "a", release: true}, {holder: "a2", release: true}},
		"put and release":        {{holder: "b", put: true, release: true}, {holder: "c", put: true, release: true}},
		"the same holder":        {{holder: "b", put: true}, {holder: "b", put: true}},
		"all":                    {{holder: "a", release: true}, {holder: "b", put: true, release: true}, {holder: "c", put: true}},
	} {
		for _, byContent := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", name, byContent), func(t *testing.T) {
				t.Parallel()
				kills := 0
				for seed := range uint64(200) {
					r := rand.New(rand.NewPCG(seed, 7))
					victim := -1
					if seed%3 > 0 {
						victim = r.IntN(len(all))
					}
					if raceOnce(t, r, byContent, all, victim, 1+r.IntN(24)) {
						kills++
					}
				}
				require.Greater(t, kills, 20, "hardly anybody was killed")
			})
		}
	}
}

func raceOnce(t *testing.T, r *rand.Rand, byContent bool, all []does, victim, nth int) bool {
	t.Helper()
	h := newHouse(byContent)
	p := h.pins(t, nil)
	held := map[string]storage.Ref{}
	for _, d := range all { // who releases has put before
		if !d.put {
			ref, err := p.Put(t.Context(), d.holder, bytes.NewReader(file), content)
			require.NoError(t, err)
			held[d.holder] = ref
		}
	}
	did := append([]does(nil), all...)
	runs := make([]*run, len(did))
	for i := range did {
		runs[i] = start(func(g *gate) { did[i].run(t, h, g) })
	}
	killed := race(r, h, runs, victim, nth)
	for i, d := range did {
		switch {
		case i == victim && killed:
			delete(held, d.holder) // it is not known
		case d.err != nil:
			require.NoError(t, d.err, "process %d", i)
		case d.release:
			delete(held, d.holder)
		default:
			held[d.holder] = d.got
		}
	}
	require.NoError(t, complain(t.Context(), h, held))

	if killed { // it is swept later
		h.now = h.now.Add(time.Hour)
	}
	for hold, err := range p.Sweep(t.Context(), time.Minute) {
		require.NoError(t, err)
		require.True(t, killed, "%v is still putting, and nobody was killed", hold)
		require.Equal(t, did[victim].holder, hold.Holder)
	}
	require.NoError(t, complain(t.Context(), h, held))
	if killed { // it comes back, and does what it was to do
		d := did[victim]
		if d.put {
			ref, err := p.Put(t.Context(), d.holder, bytes.NewReader(file), content)
			require.NoError(t, err)
			held[d.holder] = ref
		}
		require.NoError(t, complain(t.Context(), h, held))
	}
	for _, d := range did {
		require.NoError(t, p.Release(t.Context(), d.holder, content.SHA256, "mem"))
	}
	require.Zero(t, h.documents(t))
	if byContent || !killed { // a file of which a killed process did not tell the name stays
		require.Zero(t, h.backend.count())
	}
	return killed
}

// complain says who does not have the file that he holds.
func complain(ctx context.Context, h *house, held map[string]storage.Ref) error {
	for holder, ref := range held {
		if _, err := h.backend.Stat(ctx, ref); err != nil {
			return fmt.Errorf("%s holds %s, which is gone: %w", holder, ref, err)
		}
	}
	return nil
}

// Many at once, each with many turns: nobody's file is deleted, and nothing is left.
func TestMany(t *testing.T) {
	t.Parallel()
	h := newHouse(true)
	p := h.pins(t, nil)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			holder := fmt.Sprint("holder ", i)
			for range 100 {
				ref, err := p.Put(t.Context(), holder, bytes.NewReader(file), content)
				if err == nil {
					_, err = h.backend.Stat(t.Context(), ref)
				}
				if err == nil {
					err = p.Release(t.Context(), holder, content.SHA256, "mem")
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	require.Zero(t, h.documents(t))
	require.Zero(t, h.backend.count())
}

func Example() {
	files, err := storage.New(&backend{byContent: true})
	if err != nil {
		panic(err)
	}
	p := pins.New(docstore.New(memdoc.New()), files, nil)
	ctx := context.Background()
	var refs []storage.Ref
	for _, holder := range []string{"pb/exports/1/1", "od/exports/2/1"} {
		ref, err := p.Put(ctx, holder, bytes.NewReader(file), content)
		if err != nil {
			panic(err)
		}
		refs = append(refs, ref)
	}
	fmt.Println(refs[0] == refs[1])
	if err := p.Release(ctx, "pb/exports/1/1", content.SHA256, "mem"); err != nil {
		panic(err)
	}
	_, err = files.Stat(ctx, refs[1])
	fmt.Println(err)
	if err := p.Release(ctx, "od/exports/2/1", content.SHA256, "mem"); err != nil {
		panic(err)
	}
	_, err = files.Stat(ctx, refs[1])
	fmt.Println(errors.Is(err, storage.ErrNotFound))
	// Output:
	// true
	// <nil>
	// true
}
