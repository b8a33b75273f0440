package api

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/digit-health/dhr/export/process"
)

type fileRequest struct {
	ExportID

	Number int `path:"n" minimum:"1" maximum:"1000000" doc:"The number of the file, from 1."`

	Prefer string `header:"Prefer" doc:"With no-redirect the way to where a storage has the file is told with status 204, not with 302: pages of browsers do not see where they are redirected to." example:"no-redirect"`

	// These are read by what answers.

	Range   string `header:"Range" doc:"The parts of the file that are wanted, such as bytes=1000- or bytes=-500." example:"bytes=0-1023"`
	IfRange string `header:"If-Range" doc:"The ETag of the file of which parts are wanted; of another, all is sent."`
	IfNone  string `header:"If-None-Match" doc:"The ETag of the file that the client has."`
}

// fileContent is a file in the document, whatever its kind: bytes have no schema.
func fileContent() map[string]*huma.MediaType { return map[string]*huma.MediaType{"*/*": {}} }

func textHeader(about string) *huma.Param {
	return &huma.Param{Description: about, Schema: &huma.Schema{Type: huma.TypeString}}
}

func (a *handler) fileOperation() huma.Operation {
	op := a.exportOp(http.MethodGet, "/v1/exports/{id}/files/{n}", "export-file", "A file of an export",
		http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable)
	op.Description = "The bytes of the file, or the way to where its storage has them. Whoever may not see any more what the file holds does not get it."
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The file.", Content: fileContent(), Headers: map[string]*huma.Header{
			"ETag": textHeader("Names the file's bytes."), "Content-Disposition": textHeader("The file's name."),
			"Repr-Digest": textHeader("The SHA-256 of the whole file (RFC 9530)."), "Accept-Ranges": textHeader("bytes."),
		}},
		"206": {Description: "Parts of the file.", Content: fileContent()},
		"302": {Description: "The file is had from its storage.", Headers: map[string]*huma.Header{"Location": textHeader("Where, for a short time.")}},
		"204": {Description: "The file is had from its storage, and no-redirect was preferred.", Headers: map[string]*huma.Header{
			"Location": textHeader("Where, for a short time."), "Preference-Applied": textHeader("no-redirect."),
		}},
		"304": {Description: "The client has the file."},
	}
	return op
}

func (a *handler) exportFile(ctx context.Context, in *fileRequest) (*huma.StreamResponse, error) {
	release, err := a.beginLasting(ctx)
	if err != nil {
		return nil, err
	}
	d, err := a.service.Exports().OpenFile(ctx, whoOf(ctx), in.ID, in.Number)
	if err != nil {
		release()
		return nil, a.unready(ctx, in.ID, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer release()
		r, w := humago.Unwrap(hc)
		if d.Link.URL != "" {
			w.Header().Set("Location", d.Link.URL)
			status := http.StatusFound
			if preferences(r.Header.Values("Prefer")).here {
				w.Header().Set("Preference-Applied", noRedirect)
				status = http.StatusNoContent
			}
			w.WriteHeader(status)
			return
		}
		a.serveFile(w, r, &served{name: d.Name, media: d.MediaType, size: d.Size, sha256: d.SHA256, modified: d.Modified, open: d.Open})
	}}, nil
}

// A served is a file that is sent.
type served struct {
	name, media string
	size        int64
	sha256      string // in hexadecimal
	modified    time.Time
	packed      bool // with gzip: what is sent is what is stored
	// open opens it at an offset, to its end if the length is negative.
	open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// mostRanges is how many parts of a file are sent at once: each is opened for itself. Of more, the whole file is sent.
const mostRanges = 16

// ranges returns the parts of a file to send of those asked for. It is empty if the whole file is sent instead: they are too many, or
// in another unit than bytes (RFC 9110, 14.2). The last no bytes, which there never are, are asked for as what is behind the end.
func ranges(asked string, size int64) string {
	unit, set, _ := strings.Cut(asked, "=")
	if strings.Count(asked, ",") >= mostRanges || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return ""
	}
	if set = strings.TrimSpace(set); len(set) > 1 && set[0] == '-' && strings.Trim(set[1:], "0") == "" {
		return fmt.Sprintf("bytes=%d-", size)
	}
	return asked
}

// serveFile answers with a file, or the parts of it that are asked for. What cannot be read to its end is cut off, so that no client
// takes it for the whole.
func (a *handler) serveFile(w http.ResponseWriter, r *http.Request, d *served) {
	asked := r.Header.Get("Range")
	if asked != "" {
		r = r.Clone(r.Context())
		if wanted := ranges(asked, d.size); wanted != "" {
			r.Header.Set("Range", wanted)
		} else {
			r.Header.Del("Range")
		}
	}
	h := w.Header()
	h.Set("Content-Type", d.media)
	h.Set("Content-Disposition", disposition(d.name))
	h.Set("ETag", `"`+d.sha256+`"`)
	if d.packed {
		h.Set("Content-Encoding", "gzip")
	}
	if sum, err := hex.DecodeString(d.sha256); err == nil {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
	content := &seeker{ctx: r.Context(), file: d}
	late := &late{ResponseWriter: w}
	http.ServeContent(late, r, "", d.modified, content)
	err := content.end()
	switch {
	case late.err != nil:
		panic(http.ErrAbortHandler)
	case err != nil && late.sent:
		a.log.ErrorContext(r.Context(), "a file is cut off", "error", err, "trace_id", traceOf(r.Context()))
		panic(http.ErrAbortHandler)
	case err != nil:
		a.insteadOf(w, a.problem(r.Context(), err))
	case late.status == http.StatusRequestedRangeNotSatisfiable:
		a.insteadOf(w, noSuchRange.problem(r.Context(), fmt.Sprintf("the file has %d bytes; there is nothing at %q", d.size, asked)))
	case late.status >= http.StatusBadRequest:
		a.insteadOf(w, preconditionFailed.problem(r.Context(), "the file is not the one of If-Match, or is younger"))
	default:
		late.send()
	}
}

// insteadOf answers with a problem what was to be a file.
func (a *handler) insteadOf(w http.ResponseWriter, err error) {
	h := w.Header()
	for _, name := range []string{"Content-Disposition", "ETag", "Repr-Digest", "Last-Modified", "Accept-Ranges", "Content-Length", "Content-Encoding"} {
		h.Del(name)
	}
	var p *Problem
	if !errors.As(err, &p) {
		p = internalError.problem(context.Background(), "something went wrong that should not")
	}
	if p.Status != http.StatusRequestedRangeNotSatisfiable {
		h.Del("Content-Range")
	}
	p.write(w)
}

// late sends the head of an answer with its first bytes, and no errors, so that there can be another answer instead.
type late struct {
	http.ResponseWriter

	status int
	sent   bool
	err    error // of writing
}

func (l *late) WriteHeader(status int) {
	if l.status == 0 {
		l.status = status
	}
}

func (l *late) send() {
	if !l.sent {
		l.sent = true
		l.ResponseWriter.WriteHeader(max(l.status, http.StatusOK))
	}
}

func (l *late) Write(b []byte) (int, error) {
	if l.status >= http.StatusBadRequest {
		return len(b), nil
	}
	l.send()
	n, err := l.ResponseWriter.Write(b)
	if err != nil {
		l.err = err
	}
	return n, err
}

// A seeker reads a file from wherever it is told, and opens it when it is read. It keeps the first error. The last bytes of
// the file it gives away when it knows that all of it was right. What sends several parts of it may still
// read when the answer has ended.
type seeker struct {
	mu   sync.Mutex
	ctx  context.Context //nolint:containedctx // of the request that it is made for
	file *served
	at   int64
	open io.ReadCloser
	err  error
}

var errClosed = errors.New("the answer has ended")

// Seek implements io.Seeker.
func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.file.size
	}
	if offset < 0 {
		return 0, errors.New("a place before the file")
	}
	if offset != s.at {
		s.shut()
		s.at = offset
	}
	return offset, nil
}

// Read implements io.Reader.
func (s *seeker) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if s.at >= s.file.size {
		return 0, io.EOF
	}
	if s.open == nil {
		if s.open, s.err = s.file.open(s.ctx, s.at, -1); s.err != nil {
			return 0, s.err
		}
	}
	n, err := io.ReadFull(s.open, p[:min(int64(len(p)), s.file.size-s.at)])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it is too short", process.ErrDamaged)
	}
	if err == nil && s.at+int64(n) == s.file.size {
		err = ended(s.open)
	}
	if err != nil {
		s.err = err
		return 0, err
	}
	s.at += int64(n)
	return n, nil
}

// ended returns nil if nothing is left to be read.
func ended(r io.Reader) error {
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return process.ErrDamaged
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// end ends the reading, and returns what was wrong with it.
func (s *seeker) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut()
	err := s.err
	s.err = errClosed
	return err
}

func (s *seeker) shut() {
	if s.open != nil {
		_ = s.open.Close() // it was read from alone
		s.open = nil
	}
}

// disposition is the Content-Disposition of a file that is kept under a name (RFC 6266).
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	if plain == name {
		return `attachment; filename="` + name + `"`
	}
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

const previewPath = "/v1/exports/preview"

type previewRequest struct {
	Body exportBody
}

type previewAnswer struct {
	ContentType        string `header:"Content-Type"`
	ContentDisposition string `header:"Content-Disposition" doc:"The file's name."`
	Records            string `header:"X-Records" doc:"How many records it has."`
	Body               []byte
}

func (a *handler) previewOperation() huma.Operation {
	op := a.exportOp(http.MethodPost, previewPath, "preview-export", "What the file of an export begins with")
	op.Description = "A file of the first 50 records, or fewer if the question finds fewer, in the format asked for and never compressed. " +
		"In formats of text its bytes are those with which the file begins. Nothing is kept."
	op.Responses = map[string]*huma.Response{"200": {Description: "The beginning of the file.", Content: fileContent()}}
	return op
}

func (a *handler) previewExport(ctx context.Context, in *previewRequest) (*previewAnswer, error) {
	asked, err := a.exportRequest(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	p, err := a.service.Exports().Preview(ctx, whoOf(ctx), asked)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	request(ctx).records = int(p.Records)
	return &previewAnswer{p.MediaType, disposition(p.Name), strconv.FormatInt(p.Records, 10), p.Body}, nil
}
