package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:generate npm --prefix web ci
//go:generate npm --prefix web run build

//go:embed dist
var dist embed.FS

// Options are choices about the page.
type Options struct {
	// Base is the path under which the page lies, such as /health-reports. If empty, the page finds what
	// it needs beside itself, wherever it lies.
	Base string
	// OIDC is where people sign in, beside pasting a token. If nil, they paste one.
	OIDC *OIDC
	// NotFound answers for what there is not. If nil, a line of text does.
	NotFound http.Handler
}

// Handler returns what serves the page at / and its parts at /ui/. It answers GET and HEAD, and is safe for
// concurrent use.
func Handler(opts *Options) http.Handler {
	h := &handler{files: map[string]*file{}, notFound: http.NotFoundHandler()}
	base, oidc := "", (*OIDC)(nil)
	if opts != nil {
		oidc = opts.OIDC
		if b := strings.Trim(opts.Base, "/"); b != "" {
			base = "/" + b + "/"
		}
		if opts.NotFound != nil {
			h.notFound = opts.NotFound
		}
	}
	h.policy = policyOf(oidc)
	names, err := fs.Glob(dist, "dist/*")
	if err != nil || len(names) == 0 {
		panic(fmt.Sprintf("ui: the page is not embedded: %v", err))
	}
	for _, name := range names {
		text, err := fs.ReadFile(dist, name)
		if err != nil {
			panic(fmt.Sprintf("ui: the page is not embedded: %v", err))
		}
		if path.Base(name) == "index.html" {
			text = bytes.ReplaceAll(text, []byte("{{base}}"), []byte(html.EscapeString(base)))
			text = bytes.ReplaceAll(text, []byte("{{oidc}}"), []byte(oidc.attribute()))
		}
		h.files[path.Base(name)] = newFile(path.Base(name), text)
	}
	return h
}

type handler struct {
	files    map[string]*file
	policy   string
	notFound http.Handler
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, isPart := strings.CutPrefix(r.URL.Path, "/ui/")
	f := h.files[name]
	switch {
	case r.URL.Path == "/":
		f = h.files["index.html"]
	case !isPart || f == nil || name == "index.html":
		h.notFound.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the methods here are GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	head := w.Header()
	head.Set("Content-Type", f.media)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	if isPart { // its name changes with what it holds
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		head.Set("Cache-Control", "no-cache")
		head.Set("Content-Security-Policy", h.policy)
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	}
	f.serve(w, r)
}

// A file is a part of the page.
type file struct {
	media string
	plain []byte
	tag   string
	// packed returns it compressed, or nil if that does not pay.
	packed func() []byte
}

func newFile(name string, text []byte) *file {
	sum := sha256.Sum256(text)
	media := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // whatever the machine's own tables say
	case ".html":
		media = "text/html; charset=utf-8"
	case ".js":
		media = "text/javascript; charset=utf-8"
	case ".css":
		media = "text/css; charset=utf-8"
	case ".svg":
		media = "image/svg+xml"
	}
	return &file{media: media, plain: text, tag: hex.EncodeToString(sum[:16]), packed: sync.OnceValue(func() []byte { return pack(text) })}
}

// pack compresses text as well as gzip can, or returns nil if that saves little.
func pack(text []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := z.Write(text); err != nil {
		return nil
	}
	if err := z.Close(); err != nil || b.Len() > len(text)*9/10 {
		return nil
	}
	return b.Bytes()
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	content, tag := f.plain, f.tag
	if packed := f.packed(); packed != nil {
		head.Add("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			head.Set("Content-Encoding", "gzip")
			content, tag = packed, tag+"-gzip"
		}
	}
	head.Set("ETag", `"`+tag+`"`)
	if r.Header.Get("Range") == "" {
		head.Set("Content-Length", strconv.Itoa(len(content))) // which ServeContent leaves out of what is compressed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// takesGzip reports whether an Accept-Encoding allows gzip.
func takesGzip(accept string) bool {
	for _, one := range strings.Split(accept, ",") {
		name, q, _ := strings.Cut(one, ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		value, has := strings.CutPrefix(strings.ReplaceAll(q, " ", ""), "q=")
		weight, err := strconv.ParseFloat(value, 64)
		return !has || err == nil && weight > 0
	}
	return false
}
