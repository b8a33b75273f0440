package redismon

import (
	"archive/zip"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
)

// pagesZip holds the pages of asynqmon, with its license, without the source maps.
//
//go:embed pages.zip
var pagesZip string

// pages opens pagesZip, once.
var pages = sync.OnceValues(func() (*zip.Reader, error) {
	return zip.NewReader(strings.NewReader(pagesZip), int64(len(pagesZip)))
})

// indexFile is the page that shows all the others.
const indexFile = "index.html"

// read returns a file of the pages.
func read(name string) ([]byte, error) {
	all, err := pages()
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(all, name)
}

// index returns the page that shows all the others, with links below root. It is all of the placeholders that is
// filled in: root, that there is no Prometheus to ask, and that nothing is changed.
func index(root string) ([]byte, error) {
	page, err := read(indexFile)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(root) // escapes what would end a script
	if err != nil {
		return nil, err
	}
	const rootHere, prometheusHere, readOnlyHere = "/[[.RootPath]]", "/[[.PrometheusAddr]]", "/[[.ReadOnly]]"
	link := html.EscapeString((&url.URL{Path: root}).EscapedPath())
	inScript := strings.NewReplacer(rootHere, string(text[1:len(text)-1]), prometheusHere, "", readOnlyHere, "true")
	var filled strings.Builder
	for rest := string(page); rest != ""; {
		markup, script, _ := strings.Cut(rest, "<script>")
		filled.WriteString(strings.ReplaceAll(markup, rootHere, link))
		if script == "" {
			break
		}
		code, after, ended := strings.Cut(script, "</script>")
		if !ended {
			return nil, fmt.Errorf("a script of %s does not end", indexFile)
		}
		filled.WriteString("<script>" + inScript.Replace(code) + "</script>")
		rest = after
	}
	if strings.Contains(filled.String(), "/[[") {
		return nil, fmt.Errorf("%s has placeholders that are not known", indexFile)
	}
	return []byte(filled.String()), nil
}

// page serves a file of the pages. What is none is a path of the page that shows all the others.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, name string) {
	body, err := read(name)
	kind := mime.TypeByExtension(path.Ext(name))
	switch {
	case err != nil && path.Ext(name) == ".map":
		http.NotFound(w, r)
		return
	case err != nil, name == indexFile:
		kind, body = "text/html; charset=utf-8", h.index
	}
	if kind != "" { // otherwise it is seen by its first bytes
		w.Header().Set("Content-Type", kind)
	}
	_, _ = w.Write(body) // who asked is gone
}
