package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What can go wrong, besides the errors of package docstore.
var (
	// ErrInvalid is an entry or a query that makes no sense, or is too large.
	ErrInvalid = errors.New("invalid audit request")
	// ErrClosed is a log that was closed.
	ErrClosed = errors.New("audit log is closed")
	// ErrBroken is a chain that was damaged or changed. Verify says where.
	ErrBroken = errors.New("audit chain is broken")
)

// An Entry says what happened. Who appends it sets Tenant, User, Action, Object, Address,
// Count and Detail; the log sets the rest.
type Entry struct {
	// Seq is the number of the entry, from 1.
	Seq int64 `json:"seq"`
	// Time is when the entry was appended, by the clock of the process that did,
	// in microseconds and UTC. The chain is ordered by Seq; clocks may differ.
	Time time.Time `json:"time"`
	// Tenant is where it happened: 1 to 100 bytes.
	Tenant string `json:"tenant"`
	// User is the id of who did it, up to 200 bytes; empty if it is not known.
	User string `json:"user,omitempty"`
	// Action is what was done, in lower-case words with dots between them, such as query.run,
	// filter.share or auth.failure: up to 64 bytes.
	Action string `json:"action"`
	// Object names to what it was done: up to 300 bytes.
	Object string `json:"object,omitempty"`
	// Address is from where: up to 100 bytes.
	Address string `json:"address,omitempty"`
	// Count is how many records it concerned.
	Count int64 `json:"count,omitempty"`
	// Detail is what else there is to say: at most 16 names of up to 64 bytes
	// with values of up to 500 bytes.
	Detail map[string]string `json:"detail,omitempty"`
	// Prev is the Hash of the entry before, in hexadecimal; that of the first is 64 zeros.
	Prev string `json:"prev"`
	// Hash is the SHA-256 of the entry without it, in hexadecimal.
	Hash string `json:"hash"`
}

// genesis is the Prev of the first entry.
var genesis = strings.Repeat("0", 2*sha256.Size)

// hash returns what Hash must be: the SHA-256 of a text in which each field
// follows its length in bytes, so that no two entries have the same.
func (e *Entry) hash() string {
	var b strings.Builder
	put := func(text string) {
		b.WriteString(strconv.Itoa(len(text)))
		b.WriteByte(':')
		b.WriteString(text)
		b.WriteByte('\n')
	}
	put("dhr audit entry 1")
	put(e.Prev)
	put(strconv.FormatInt(e.Seq, 10))
	put(e.Time.UTC().Format(time.RFC3339Nano))
	for _, text := range []string{e.Tenant, e.User, e.Action, e.Object, e.Address} {
		put(text)
	}
	put(strconv.FormatInt(e.Count, 10))
	put(strconv.Itoa(len(e.Detail)))
	for _, name := range slices.Sorted(maps.Keys(e.Detail)) {
		put(name)
		put(e.Detail[name])
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

const (
	maxTenant  = 100
	maxUser    = 200
	maxAction  = 64
	maxObject  = 300
	maxAddress = 100
	maxDetails = 16
	maxValue   = 500
)

// check returns what is wrong with what the caller has set.
func (e *Entry) check() error {
	if err := checkAction(e.Action, false); err != nil {
		return err
	}
	for _, f := range []struct {
		what, text  string
		least, most int
	}{
		{"tenant", e.Tenant, 1, maxTenant},
		{"user", e.User, 0, maxUser},
		{"object", e.Object, 0, maxObject},
		{"address", e.Address, 0, maxAddress},
	} {
		if err := checkText(f.what, f.text, f.least, f.most); err != nil {
			return err
		}
	}
	switch {
	case e.Count < 0:
		return fmt.Errorf("%w: a count of %d", ErrInvalid, e.Count)
	case len(e.Detail) > maxDetails:
		return fmt.Errorf("%w: %d details, at most %d are allowed", ErrInvalid, len(e.Detail), maxDetails)
	}
	for name, value := range e.Detail {
		if err := checkText("name of a detail", name, 1, maxAction); err != nil {
			return err
		}
		if err := checkText("detail "+name, value, 0, maxValue); err != nil {
			return err
		}
	}
	return nil
}

func checkText(what, text string, least, most int) error {
	switch {
	case len(text) < least:
		return fmt.Errorf("%w: the %s is empty", ErrInvalid, what)
	case len(text) > most:
		return fmt.Errorf("%w: the %s has %d bytes, at most %d are allowed", ErrInvalid, what, len(text), most)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: the %s %q is not UTF-8", ErrInvalid, what, text)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%w: the %s %q has a control character", ErrInvalid, what, text)
	}
	return nil
}

// checkAction returns what is wrong with an action, which may be empty if optional.
func checkAction(action string, optional bool) error {
	if action == "" && optional {
		return nil
	}
	ended := true // a word has ended, or none has begun
	for i := range len(action) {
		switch c := action[i]; {
		case c >= 'a' && c <= 'z', (c >= '0' && c <= '9' || c == '_') && !ended:
			ended = false
		case c == '.' && !ended:
			ended = true
		default:
			return badAction(action)
		}
	}
	if ended || len(action) > maxAction {
		return badAction(action)
	}
	return nil
}

func badAction(action string) error {
	return fmt.Errorf("%w: the action %.100q is not of lower-case words with dots between them, in up to %d bytes", ErrInvalid, action, maxAction)
}

// seal makes e the entry behind another.
func (e *Entry) seal(seq int64, prev string, now time.Time) {
	e.Seq, e.Prev, e.Time = seq, prev, now
	e.Hash = e.hash()
}
