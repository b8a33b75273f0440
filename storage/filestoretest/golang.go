package filestoretest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// goRoutes are those of the service in Go. Its errors are plain text, its files have no
// ranges, and it has no list of formats.
func (s *Server) goRoutes(mux *http.ServeMux, base string) {
	method := http.MethodGet
	if s.dialect == "v1-go" {
		base += "/files"
		method = http.MethodPost
	} else {
		mux.HandleFunc("DELETE "+base+"/{id}", s.goDelete)
	}
	mux.HandleFunc("POST "+base+"/upload", s.goUpload)
	mux.HandleFunc("GET "+base+"/download-urls", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		answer(w, http.StatusOK, "application/json; charset=utf-8", s.links(q.Get("tenantId"), q.Get("fileStoreIds"), time.Hour))
	})
	mux.HandleFunc(method+" "+base+"/metadata", s.goMetadata)
	mux.HandleFunc(method+" "+base+"/tag", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		answer(w, http.StatusOK, "application/json; charset=utf-8", s.tagged(q.Get("tenantId"), q.Get("tag")))
	})
	mux.HandleFunc("GET "+base+"/{id}", s.goRead)
}

func (s *Server) goUpload(w http.ResponseWriter, r *http.Request) {
	u, err := read(r, false)
	switch {
	case err != nil || len(u.parts) != 1:
		answer(w, http.StatusBadRequest, "application/json; charset=utf-8", `{"error":"file is required"}`)
	case u.value("module") == "":
		answer(w, http.StatusInternalServerError, "text/plain; charset=utf-8", "Error uploading file: Object name contains unsupported characters.")
	default:
		p := u.parts[0]
		f := newFile(u.value("tenantId"), u.value("module"), u.value("tag"), p.name, p.contentType, p.body)
		s.keep(f)
		answer(w, http.StatusCreated, "application/json; charset=utf-8", stored([]*file{f}))
	}
}

func (s *Server) goRead(w http.ResponseWriter, r *http.Request) {
	f := s.find(r.URL.Query().Get("tenantId"), r.PathValue("id"))
	if f == nil {
		answer(w, http.StatusInternalServerError, "text/plain; charset=utf-8", "Error retrieving file: failed to fetch artifact: record not found")
		return
	}
	serve(w, r, f, false)
}

func (s *Server) goMetadata(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := s.find(q.Get("tenantId"), q.Get("fileStoreId"))
	if f == nil {
		answer(w, http.StatusInternalServerError, "text/plain; charset=utf-8", "Error retrieving metadata: record not found")
		return
	}
	answer(w, http.StatusOK, "application/json; charset=utf-8", fmt.Sprintf(`{"contentType":%s,"fileName":%s,"tenantId":%s,"fileSize":%s}`,
		quote(f.contentType), quote(f.key), quote(f.tenant), quote(strconv.Itoa(len(f.body)))))
}

func (s *Server) goDelete(w http.ResponseWriter, r *http.Request) {
	f := s.find(r.URL.Query().Get("tenantId"), r.PathValue("id"))
	if f == nil {
		answer(w, http.StatusNotFound, "application/json; charset=utf-8", `{"error":"record not found"}`)
		return
	}
	s.mu.Lock()
	delete(s.files, f.id)
	delete(s.objects, f.key)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
