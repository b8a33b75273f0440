package bulk

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/digit-health/dhr/export/parts"
)

// A sorter brings more lines than fit into memory into the order of their keys; those of one key stay as they came.
// What does not fit lies in scratch files.
type sorter struct {
	folder string
	memory int // bytes held
	buf    []byte
	items  []item
	// levels are runs that are sorted; one of a level is made of maxRuns of the level below, and the runs of a level stand in the order of what is in them.
	levels [][]*run
}

// An item is a key and a line in the buffer.
type item struct{ at, key, line int }

// A run is a sorted file.
type run struct {
	file *parts.Scratch
	size int64
}

const (
	sorterMemory = 16 << 20
	// maxRuns is how many files are merged at once.
	maxRuns  = 64
	runChunk = 64 << 10
)

func newSorter(folder string) *sorter { return &sorter{folder: folder, memory: sorterMemory} }

// add adds a line, of which it keeps a copy.
func (s *sorter) add(key string, line []byte) error {
	const each = 24 // of an item
	if len(s.items) > 0 && len(s.buf)+len(key)+len(line)+each*len(s.items) > s.memory {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.items = append(s.items, item{len(s.buf), len(key), len(line)})
	s.buf = append(append(s.buf, key...), line...)
	return nil
}

func (s *sorter) keyOf(i item) []byte  { return s.buf[i.at : i.at+i.key] }
func (s *sorter) lineOf(i item) []byte { return s.buf[i.at+i.key : i.at+i.key+i.line] }

func (s *sorter) sort() {
	slices.SortStableFunc(s.items, func(a, b item) int { return bytes.Compare(s.keyOf(a), s.keyOf(b)) })
}

// spill writes what is in memory to a run.
func (s *sorter) spill() error {
	s.sort()
	r, err := s.write(func(yield func(entry, error) bool) {
		for _, i := range s.items {
			if !yield(entry{s.keyOf(i), s.lineOf(i)}, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	s.buf, s.items = s.buf[:0], s.items[:0]
	return s.keep(r, 0)
}

// keep adds a run to a level. Too many runs become one of the next.
func (s *sorter) keep(r *run, level int) error {
	if len(s.levels) == level {
		s.levels = append(s.levels, nil)
	}
	s.levels[level] = append(s.levels[level], r)
	if len(s.levels[level]) < maxRuns {
		return nil
	}
	merged, err := s.write(merge(s.levels[level]))
	if err != nil {
		return err
	}
	err = closeRuns(s.levels[level])
	s.levels[level] = nil
	return errors.Join(err, s.keep(merged, level+1))
}

// write writes a run.
func (s *sorter) write(entries iter.Seq2[entry, error]) (*run, error) {
	file, err := parts.NewScratch(s.folder)
	if err != nil {
		return nil, err
	}
	r := &run{file: file}
	w := bufio.NewWriterSize(file, runChunk)
	var head []byte
	for e, err := range entries {
		if err == nil {
			head = binary.AppendUvarint(binary.AppendUvarint(head[:0], uint64(len(e.key))), uint64(len(e.line)))
			for _, b := range [][]byte{head, e.key, e.line} {
				_, failed := w.Write(b)
				if r.size += int64(len(b)); err == nil {
					err = failed
				}
			}
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	if err := w.Flush(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// An entry is a key and its line, lent until the next one.
type entry struct{ key, line []byte }

// all yields everything in order. It is ranged over once.
func (s *sorter) all() iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		if len(s.levels) == 0 {
			s.sort()
			for _, i := range s.items {
				if !yield(entry{s.keyOf(i), s.lineOf(i)}, nil) {
					return
				}
			}
			return
		}
		if len(s.items) > 0 {
			if err := s.spill(); err != nil {
				yield(entry{}, err)
				return
			}
		}
		s.buf, s.items = nil, nil
		var runs []*run
		for _, level := range slices.Backward(s.levels) { // what came first is in the highest
			runs = append(runs, level...)
		}
		merge(runs)(yield)
	}
}

// close removes the scratch files.
func (s *sorter) close() error {
	var errs []error
	for _, level := range s.levels {
		errs = append(errs, closeRuns(level))
	}
	s.levels = nil
	return errors.Join(errs...)
}

func closeRuns(runs []*run) error {
	var errs []error
	for _, r := range runs {
		errs = append(errs, r.file.Close())
	}
	return errors.Join(errs...)
}

// A head is the next entry of a run.
type head struct {
	entry
	from  *bufio.Reader
	place int // of the run
}

func (h *head) next() error {
	key, err := binary.ReadUvarint(h.from)
	if err != nil {
		return err
	}
	line, err := binary.ReadUvarint(h.from)
	if err == nil && (key > math.MaxInt32 || line > math.MaxInt32) {
		err = fmt.Errorf("%w: a run is damaged", parts.ErrSpool)
	}
	if err != nil {
		return err
	}
	n := int(key + line) //nolint:gosec // it is no more than twice MaxInt32
	buf := slices.Grow(h.key[:0], n)[:n]
	if _, err := io.ReadFull(h.from, buf); err != nil {
		return fmt.Errorf("%w: %w", parts.ErrSpool, err)
	}
	h.key, h.line = buf[:key], buf[key:]
	return nil
}

type heads []*head

func (h heads) Len() int { return len(h) }
func (h heads) Less(i, j int) bool {
	if c := bytes.Compare(h[i].key, h[j].key); c != 0 {
		return c < 0
	}
	return h[i].place < h[j].place
}
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)   { *h = append(*h, x.(*head)) } //nolint:forcetypeassert // it is of this heap
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// merge yields the entries of runs in order; of equal keys those of the earlier run first.
func merge(runs []*run) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		var h heads
		for i, r := range runs {
			one := &head{from: bufio.NewReaderSize(io.NewSectionReader(r.file, 0, r.size), runChunk), place: i}
			if err := one.next(); err != nil {
				yield(entry{}, unexpected(err))
				return
			}
			h = append(h, one)
		}
		heap.Init(&h)
		for len(h) > 0 {
			if !yield(h[0].entry, nil) {
				return
			}
			switch err := h[0].next(); {
			case err == io.EOF: //nolint:errorlint // a reader ends with io.EOF itself
				heap.Pop(&h)
			case err != nil:
				yield(entry{}, unexpected(err))
				return
			default:
				heap.Fix(&h, 0)
			}
		}
	}
}

// unexpected returns the error of a run that ends too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if errors.Is(err, parts.ErrSpool) {
		return err
	}
	return fmt.Errorf("%w: %w", parts.ErrSpool, err)
}
