package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/digit-health/dhr/internal/strictjson"
)

// defaultBody is how much of a body is looked through for RequestInfo.
const defaultBody = 1 << 20

// errNoRequestInfo is why a body has no RequestInfo that could be read. It is no refusal:
// whoever reads the body next complains about it.
type errNoRequestInfo string

func (e errNoRequestInfo) Error() string { return string(e) }

// requestInfo returns the member RequestInfo of a request's JSON body, of which it reads at
// most limit bytes. The body can be read afterwards as before. The error is an
// errNoRequestInfo if there is none, and another if there is one that is not clear.
func requestInfo(r *http.Request, limit int64) (map[string]any, error) {
	if !hasJSONBody(r) {
		return nil, errNoRequestInfo("the body is no JSON")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, errNoRequestInfo("the body is compressed, and was not looked through")
	}
	text, err := peek(r, limit)
	if err != nil {
		return nil, errNoRequestInfo("the body could not be read")
	}
	if int64(len(text)) > limit {
		return nil, errNoRequestInfo(fmt.Sprintf("the body has more than %d bytes, and was not looked through", limit))
	}
	raw, err := memberOnce(text, "RequestInfo")
	if err != nil {
		return nil, err
	}
	info, err := strictjson.Object(raw)
	if err != nil {
		return nil, fmt.Errorf("RequestInfo: %w", err)
	}
	return info, nil
}

// hasBody reports whether a request may have a body of one of the kinds of content, as
// DIGIT's gateways ask that: in the first Content-Type, anywhere in it.
func hasBody(r *http.Request, kinds ...string) bool {
	if r.Method != http.MethodPost && r.Method != http.MethodPut && r.Method != http.MethodPatch || r.Body == nil {
		return false
	}
	content := strings.ToLower(r.Header.Get("Content-Type"))
	return slices.ContainsFunc(kinds, func(kind string) bool { return strings.Contains(content, kind) })
}

func hasJSONBody(r *http.Request) bool { return hasBody(r, "json") }

// hasFormBody is true of requests to which the newer gateway adds no header x-user-info, and of
// which it leaves one as the client sent it.
func hasFormBody(r *http.Request) bool {
	return hasBody(r, "x-www-form-urlencoded", "multipart/form-data")
}

// peek reads up to limit+1 bytes of a body and puts them back before the rest.
func peek(r *http.Request, limit int64) ([]byte, error) {
	body := r.Body
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	rest := io.Reader(body)
	if err != nil {
		rest = failed{err}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), rest), body}
	return text, err
}

// A failed is a reader that has failed.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// memberOnce returns the value of a member of a JSON object that has it once.
func memberOnce(text []byte, name string) ([]byte, error) {
	const bad = errNoRequestInfo("the body is no JSON object")
	if !json.Valid(text) {
		return nil, bad
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, bad
	}
	var found json.RawMessage
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, bad
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, bad
		}
		if t != name {
			continue
		}
		if found != nil {
			return nil, errors.New("the body has two members " + name)
		}
		found = value
	}
	if found == nil || string(found) == "null" {
		return nil, errNoRequestInfo("the body has no " + name)
	}
	return found, nil
}
