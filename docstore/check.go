package docstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxTenant = 100
	maxKind   = 64
	maxID     = 200
	maxName   = 1000
	maxLabel  = 300
	maxLabels = 1000
	maxDepth  = 100
)

// check returns what is wrong with k.
func (k Key) check() error {
	if err := checkKind(k.Kind); err != nil {
		return err
	}
	if err := checkText("tenant", k.Tenant, 1, maxTenant); err != nil {
		return err
	}
	return checkText("id", k.ID, 1, maxID)
}

func checkKind(kind string) error {
	if len(kind) > maxKind {
		return fmt.Errorf("%w: a kind has %d bytes, at most %d are allowed", ErrTooLarge, len(kind), maxKind)
	}
	ended := true // a word has ended, or none has begun
	for i := range len(kind) {
		switch c := kind[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9' && i > 0:
			ended = false
		case c == '-' && !ended:
			ended = true
		default:
			return fmt.Errorf("%w: the kind %q has more than lower-case letters, digits, and hyphens between them", ErrInvalid, kind)
		}
	}
	if ended {
		return fmt.Errorf("%w: the kind %q does not end in a letter or a digit", ErrInvalid, kind)
	}
	return nil
}

// checkText returns what is wrong with a text of a document.
func checkText(what, text string, least, most int) error {
	switch {
	case len(text) < least:
		return fmt.Errorf("%w: the %s is empty", ErrInvalid, what)
	case len(text) > most:
		return fmt.Errorf("%w: the %s has %d bytes, at most %d are allowed", ErrTooLarge, what, len(text), most)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: the %s %q is not UTF-8", ErrInvalid, what, text)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%w: the %s %q has a control character", ErrInvalid, what, text)
	}
	return nil
}

func checkLabels(labels []string) error {
	if len(labels) > maxLabels {
		return fmt.Errorf("%w: there are %d labels, at most %d are allowed", ErrTooLarge, len(labels), maxLabels)
	}
	for _, l := range labels {
		if err := checkText("label", l, 1, maxLabel); err != nil {
			return err
		}
	}
	return nil
}

// clean checks d and returns a copy, with its labels a set in order, for the driver and no one else.
func (d *Document) clean() (*Document, error) {
	if d == nil {
		return nil, fmt.Errorf("%w: no document", ErrInvalid)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	body := bytes.Trim(d.Body, " \t\r\n")
	if err := checkBody(body); err != nil {
		return nil, err
	}
	clean := *d
	clean.Labels = slices.Compact(slices.Sorted(slices.Values(d.Labels)))
	clean.Body = bytes.Clone(body)
	return &clean, nil
}

func (d *Document) check() error {
	if err := d.Key.check(); err != nil {
		return err
	}
	if err := checkText("name", d.Name, 0, maxName); err != nil {
		return err
	}
	return checkLabels(d.Labels)
}

// checkBody returns what is wrong with a body. Names must be unique and the
// depth bounded since Elasticsearch refuses what is otherwise.
func checkBody(body []byte) error {
	switch {
	case len(body) > MaxBody:
		return fmt.Errorf("%w: the body has %d bytes, at most %d are allowed", ErrTooLarge, len(body), MaxBody)
	case !utf8.Valid(body):
		return fmt.Errorf("%w: the body is not UTF-8", ErrInvalid)
	case len(body) == 0 || body[0] != '{' || !json.Valid(body):
		return fmt.Errorf("%w: the body is not one JSON object", ErrInvalid)
	}
	return checkNames(body)
}

// checkNames holds that no object of a body, which is valid JSON, has a name twice.
func checkNames(body []byte) error {
	// One entry for each level: the names of an object, or nil within an array.
	var levels []map[string]bool
	name := false // the next token of the innermost level is a name
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return fmt.Errorf("%w: the body: %w", ErrInvalid, err)
		}
		switch text, isText := token.(string); {
		case token == json.Delim('{') || token == json.Delim('['):
			var names map[string]bool
			if name = token == json.Delim('{'); name {
				names = map[string]bool{}
			}
			if levels = append(levels, names); len(levels) > maxDepth {
				return fmt.Errorf("%w: the body is nested more than %d deep", ErrTooLarge, maxDepth)
			}
			continue
		case token == json.Delim('}') || token == json.Delim(']'):
			if levels = levels[:len(levels)-1]; len(levels) == 0 {
				return nil
			}
		case isText && name:
			names := levels[len(levels)-1]
			if names[text] {
				return fmt.Errorf("%w: the body has the name %q twice in one object", ErrInvalid, text)
			}
			names[text], name = true, false
			continue
		}
		name = levels[len(levels)-1] != nil // a value has ended
	}
}

// check returns what is wrong with q.
func (q *Query) check() error {
	if err := checkKind(q.Kind); err != nil {
		return err
	}
	switch {
	case q.AllTenants && q.Tenant != "":
		return fmt.Errorf("%w: a query of tenant %q and of all tenants", ErrInvalid, q.Tenant)
	case q.Limit < 0 || q.Limit > MaxPage:
		return fmt.Errorf("%w: a limit of %d, at most %d are allowed", ErrInvalid, q.Limit, MaxPage)
	case q.Order < ByID || q.Order > ByChange:
		return fmt.Errorf("%w: an unknown order %d", ErrInvalid, q.Order)
	}
	if !q.AllTenants {
		if err := checkText("tenant", q.Tenant, 1, maxTenant); err != nil {
			return err
		}
	}
	if err := q.After.check(); err != nil {
		return err
	}
	return checkLabels(q.Any)
}

// check returns what is wrong with c, which comes from outside as often as not.
func (c *Cursor) check() error {
	if c == nil {
		return nil
	}
	if c.Change < 0 {
		return fmt.Errorf("%w: a cursor at change %d", ErrInvalid, c.Change)
	}
	if err := checkText("cursor's name", c.Name, 0, maxName); err != nil {
		return err
	}
	if err := checkText("cursor's tenant", c.Tenant, 0, maxTenant); err != nil {
		return err
	}
	return checkText("cursor's id", c.ID, 0, maxID)
}
