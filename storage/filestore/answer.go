package filestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/digit-health/dhr/storage"
)

// maxAnswer is far beyond what the service says about one file.
const maxAnswer = 1 << 20

// javaError reads what the service of DIGIT 2 answers. Itself it only answers 400.
func javaError(status int, _ http.Header, text []byte) error {
	var answer struct {
		Errors []struct {
			ID, Code, Message string
			Params            []string
		}
	}
	if status != http.StatusBadRequest || json.Unmarshal(text, &answer) != nil || len(answer.Errors) == 0 {
		return fmt.Errorf("%w: it answered %d %s", byStatus(status), status, excerpt(text))
	}
	e := answer.Errors[0]
	kind := storage.ErrUnavailable // and what the object store and the database behind it do not do, such as take more
	switch {
	case e.Code == "NOT_FOUND":
		kind = storage.ErrNotFound
	case e.Code == "EG_FILESTORE_INVALID_INPUT":
		kind = storage.ErrInvalidFormat
	case e.ID == "MaxUploadSizeExceededException", strings.Contains(e.Message, "OutOfMemoryError"):
		kind = storage.ErrTooLarge
	case e.Code == "INVALID_REQ_INFO", len(e.Params) > 0, e.ID == "MissingServletRequestPartException":
		kind = storage.ErrInvalid
	case e.ID == "NoResourceFoundException", e.ID == "HttpRequestMethodNotSupportedException":
		kind = storage.ErrUnsupported // another dialect
	}
	return fmt.Errorf("%w: it answered %s", kind, excerpt([]byte(strings.TrimSpace(e.ID+" "+e.Code+" "+e.Message))))
}

// goError reads what the services in Go answer: text without a code.
func goError(status int, _ http.Header, text []byte) error {
	kind := byStatus(status)
	switch {
	case bytes.Contains(text, []byte("record not found")):
		kind = storage.ErrNotFound
	case status == http.StatusNotFound:
		kind = storage.ErrUnsupported // it has no such path
		if json.Valid(text) {
			kind = storage.ErrNotFound
		}
	case status == http.StatusBadRequest:
		kind = storage.ErrInvalid
	}
	return fmt.Errorf("%w: it answered %d %s", kind, status, excerpt(text))
}

// excerpt shows the beginning of an answer in one line.
func excerpt(text []byte) string {
	if len(text) > 300 {
		text = text[:300]
	}
	return strconv.Quote(strings.ToValidUTF8(string(text), "�"))
}

// read reads a whole answer.
func read(ctx context.Context, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxAnswer))
	if err != nil {
		return nil, broken(ctx, err)
	}
	return text, nil
}

// broken tells the end of the context from a connection that broke.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

func decode(ctx context.Context, r io.Reader, into any) error {
	text, err := read(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: the answer is no JSON: %s", storage.ErrUnavailable, excerpt(text))
	}
	return nil
}

// readUpload returns the id of the one file that was sent.
func readUpload(ctx context.Context, r io.Reader, tenant string) (string, error) {
	var answer struct {
		Files []struct {
			FileStoreID string `json:"fileStoreId"`
			TenantID    string `json:"tenantId"`
		}
	}
	if err := decode(ctx, r, &answer); err != nil {
		return "", err
	}
	if len(answer.Files) != 1 || !ids.MatchString(answer.Files[0].FileStoreID) || answer.Files[0].TenantID != tenant {
		return "", fmt.Errorf("%w: it answered an upload with %s", storage.ErrUnavailable, excerpt(fmt.Appendf(nil, "%v", answer.Files)))
	}
	return answer.Files[0].FileStoreID, nil
}

// readMetadata reads sizes such as "22 bytes" and "22".
func readMetadata(ctx context.Context, r io.Reader) (storage.Info, error) {
	var answer struct {
		FileSize any `json:"fileSize"`
	}
	if err := decode(ctx, r, &answer); err != nil {
		return storage.Info{}, err
	}
	text, _, _ := strings.Cut(fmt.Sprint(answer.FileSize), " ")
	if f, ok := answer.FileSize.(float64); ok {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 {
		return storage.Info{}, fmt.Errorf("%w: it says that the file's size is %q", storage.ErrUnavailable, text)
	}
	return storage.Info{Size: size}, nil
}

// readLink finds the URL of one file. A file that the service does not know is just not listed.
func readLink(ctx context.Context, r io.Reader, id string) (storage.Link, error) {
	var answer struct {
		List []struct{ ID, URL string } `json:"fileStoreIds"`
	}
	if err := decode(ctx, r, &answer); err != nil {
		return storage.Link{}, err
	}
	for _, entry := range answer.List {
		if entry.ID != id {
			continue
		}
		first, _, _ := strings.Cut(entry.URL, ",http") // of a picture there are four
		u, err := url.Parse(first)
		if err != nil || u.Host == "" {
			return storage.Link{}, fmt.Errorf("%w: it gives no URL but %s", storage.ErrUnavailable, excerpt([]byte(first)))
		}
		return storage.Link{URL: first, Expires: expiry(u.Query())}, nil
	}
	return storage.Link{}, storage.ErrNotFound
}

// expiry reads when a URL of S3 or of Azure ends.
func expiry(q url.Values) time.Time {
	signed, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	seconds, err2 := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err == nil && err2 == nil {
		return signed.Add(time.Duration(seconds) * time.Second)
	}
	end, _ := time.Parse(time.RFC3339, q.Get("se")) // the zero time says that nothing is known
	return end
}

// body returns the bytes that were asked for: services without ranges give the whole file.
func body(res *http.Response, offset, length int64) (io.ReadCloser, error) {
	r := &reader{ctx: res.Request.Context(), body: res.Body, left: -1}
	if res.StatusCode == http.StatusPartialContent {
		var from, to, size int64
		_, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size)
		if err != nil || from != offset || to < from {
			_ = res.Body.Close() // it is not what was asked for
			return nil, fmt.Errorf("%w: it answered with the range %q", storage.ErrUnavailable, res.Header.Get("Content-Range"))
		}
		r.left = to - from + 1
		if length > 0 {
			r.left = min(length, size-from)
		}
		return r, nil
	}
	skipped, err := io.CopyN(io.Discard, r, offset)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("offset %d of %d bytes: %w", offset, skipped, storage.ErrInvalid)
	}
	if err != nil {
		_ = res.Body.Close() // the error matters
		return nil, err
	}
	if length > 0 {
		r.limit = true
		r.left = length
	}
	return r, nil
}

// A reader reads a file from the service.
type reader struct {
	ctx   context.Context
	body  io.ReadCloser
	left  int64 // bytes to come; -1 if only the connection knows
	limit bool  // left is what is wanted at most, not what there is
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.left > 0 {
		p = p[:min(int64(len(p)), r.left)]
	}
	n, err := r.body.Read(p)
	if r.left > 0 {
		r.left -= int64(n)
	}
	switch {
	case err == io.EOF && r.left > 0 && !r.limit:
		return n, fmt.Errorf("%w: %d bytes are missing: %w", storage.ErrUnavailable, r.left, io.ErrUnexpectedEOF)
	case err != nil && err != io.EOF:
		return n, broken(r.ctx, err)
	}
	return n, err
}

func (r *reader) Close() error { return r.body.Close() }

// rangeOf returns the header of a range that is not empty.
func rangeOf(offset, length int64) string {
	if length < 0 || length > 1<<62-offset {
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}
