package auth

import (
	"container/list"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// A tokenHash stands for a token where it is kept.
type tokenHash [sha256.Size]byte

// An answer is what is known of a token: a user or an error. It is kept until then, if that is not zero.
type answer struct {
	user  *digitUser
	err   error
	until time.Time
}

// answers are those of the last tokens. Bad ones have a room of their own, so
// that who guesses tokens does not push out those of others.
type answers struct {
	mu      sync.Mutex
	good    lru
	bad     lru
	pending map[tokenHash]*pendingCall
}

// A pendingCall is one that others wait for. The answer is there when done is closed.
type pendingCall struct {
	done   chan struct{}
	answer answer
}

// A turn says who makes a call: the first who needs it.
type turn struct {
	pending *pendingCall
	first   bool
}

func newAnswers(size int) *answers {
	return &answers{good: newLRU(size), bad: newLRU(size), pending: map[tokenHash]*pendingCall{}}
}

// find returns what is known of a token, or the call that is being made for it.
// Who is first has to make it and to finish it.
func (a *answers) find(hash tokenHash, now time.Time) (*answer, turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found := a.good.find(hash, now); found != nil {
		return found, turn{}
	}
	if found := a.bad.find(hash, now); found != nil {
		return found, turn{}
	}
	if p := a.pending[hash]; p != nil {
		return nil, turn{pending: p}
	}
	p := &pendingCall{done: make(chan struct{})}
	// What counts if the call ends without an answer, by a panic.
	p.answer = unavailable("the call to egov-user was broken off", errors.New("broken off"))
	a.pending[hash] = p
	return nil, turn{pending: p, first: true}
}

// finish keeps the answer of a call, and gives it to those who wait.
func (a *answers) finish(hash tokenHash, p *pendingCall) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, hash)
	close(p.done)
	switch {
	case p.answer.until.IsZero():
	case p.answer.err == nil:
		a.good.keep(hash, p.answer)
	default:
		a.bad.keep(hash, p.answer)
	}
}

// An lru keeps the answers that were used last.
type lru struct {
	size  int
	items map[tokenHash]*list.Element
	order *list.List // of lruItem, the last used first
}

type lruItem struct {
	hash   tokenHash
	answer answer
}

func newLRU(size int) lru {
	return lru{size: size, items: map[tokenHash]*list.Element{}, order: list.New()}
}

func (l *lru) find(hash tokenHash, now time.Time) *answer {
	e := l.items[hash]
	if e == nil {
		return nil
	}
	item, _ := e.Value.(*lruItem)
	if !now.Before(item.answer.until) {
		l.order.Remove(e)
		delete(l.items, hash)
		return nil
	}
	l.order.MoveToFront(e)
	return &item.answer
}

func (l *lru) keep(hash tokenHash, a answer) {
	if e := l.items[hash]; e != nil {
		l.order.Remove(e)
	}
	l.items[hash] = l.order.PushFront(&lruItem{hash, a})
	if l.order.Len() > l.size {
		last := l.order.Back()
		item, _ := last.Value.(*lruItem)
		l.order.Remove(last)
		delete(l.items, item.hash)
	}
}
