package filestoretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

const formats = "[jpg, jpeg, png, pdf, odt, ods, docx, doc, dxf, csv, txt, xlsx, xls]"

// allowed is the service's map of formats, as its code has it.
var allowed = map[string][]string{
	"jpg": {"image/jpg", "image/jpeg"}, "jpeg": {"image/jpg", "image/jpeg"}, "png": {"image/png"}, "pdf": {"application/pdf"},
	"odt": {"application/vnd.oasis.opendocument.text"}, "ods": {"application/vnd.oasis.opendocument.spreadsheet"},
	"docx": {"application/x-tika-msoffice", "application/x-tika-ooxml", "application/vnd.oasis.opendocument.text"},
	"doc":  {"application/x-tika-msoffice", "application/x-tika-ooxml", "application/vnd.oasis.opendocument.text"},
	"dxf":  {"text/plain"}, "csv": {"text/plain"}, "txt": {"text/plain"},
	"xlsx": {"application/x-tika-ooxml", "application/x-tika-msoffice"}, "xls": {"application/x-tika-ooxml", "application/x-tika-msoffice"},
}

// java answers as egov-filestore 2.9.3 does: every error is 400.
func (s *Server) java(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	call := strings.TrimPrefix(r.URL.Path, "/filestore")
	want, ok := map[string]struct {
		method string
		params []string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		"/v1/files":          {http.MethodPost, nil, s.javaUpload},
		"/v1/files/id":       {http.MethodGet, []string{"tenantId", "fileStoreId"}, s.javaRead},
		"/v1/files/url":      {http.MethodGet, []string{"tenantId", "fileStoreIds"}, s.javaLinks},
		"/v1/files/metadata": {http.MethodGet, []string{"tenantId", "fileStoreId"}, s.javaMetadata},
		"/v1/files/tag":      {http.MethodGet, []string{"tenantId", "tag"}, s.javaTag},
		"/health":            {http.MethodGet, nil, health},
	}[call]
	switch {
	case !ok:
		unhandled(w, "NoResourceFoundException", "No static resource "+strings.TrimPrefix(call, "/")+".")
		return
	case r.Method != want.method && (r.Method != http.MethodHead || want.method != http.MethodGet):
		unhandled(w, "HttpRequestMethodNotSupportedException", fmt.Sprintf("Request method '%s' is not supported", r.Method))
		return
	}
	for _, p := range want.params {
		if !q.Has(p) {
			missing(w, p)
			return
		}
	}
	want.answer(w, r)
}

func health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, "application/vnd.spring-boot.actuator.v3+json", `{"status":"UP"}`)
}

func (s *Server) javaUpload(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		unhandled(w, "MultipartException", "Current request is not a multipart request")
		return
	}
	u, err := read(r, true)
	switch {
	case err != nil:
		unhandled(w, "MultipartException", "Failed to parse multipart servlet request")
	case u.tooBig:
		unhandled(w, "MaxUploadSizeExceededException", "Maximum upload size exceeded")
	case len(u.parts) == 0:
		unhandled(w, "MissingServletRequestPartException", "Required part 'file' is not present.")
	case !u.has("tenantId"):
		missing(w, "tenantId")
	case !u.has("module"):
		missing(w, "module")
	case u.has("requestInfo") && !json.Valid([]byte(u.value("requestInfo"))):
		fail(w, "INVALID_REQ_INFO", "Failed to deserialization the requestinfo object", "")
	default:
		s.javaStore(w, u)
	}
}

func (s *Server) javaStore(w http.ResponseWriter, u *upload) {
	var files []*file
	for _, p := range u.parts {
		if complaint := p.complaint(); complaint != "" {
			fail(w, "EG_FILESTORE_INVALID_INPUT", complaint, "")
			return
		}
		files = append(files, newFile(u.value("tenantId"), u.value("module"), u.value("tag"), p.name, p.contentType, p.body))
	}
	for _, f := range files {
		switch {
		case slices.Contains(strings.Split(f.key, "/"), ".."):
			unhandled(w, "RuntimeException", "Error in Configuration")
			return
		case len(f.tag) > 255 || len(f.tenant) > 255 || len(f.contentType) > 255 || len(f.key) > 255:
			fail(w, "QUERY_EXECUTION_ERROR", "Database operation failed", "An error occurred while processing the database request.")
			return
		}
	}
	s.keep(files...)
	answer(w, http.StatusCreated, "application/json;charset=UTF-8", stored(files))
}

func stored(files []*file) string {
	var all []string
	for _, f := range files {
		all = append(all, fmt.Sprintf(`{"fileStoreId":%s,"tenantId":%s}`, quote(f.id), quote(f.tenant)))
	}
	return `{"files":[` + strings.Join(all, ",") + `]}`
}

// complaint says why the service refuses a file: for its extension, its bytes, or its part's type, compared as text.
func (p part) complaint() string {
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(p.name), "."))
	types, ok := allowed[extension]
	switch {
	case !ok:
		return "Inalvid input provided for file : " + extension + ", please upload any of the allowed formats : " + formats
	case !slices.Contains(types, detect(p.body)):
		return "Inalvid input provided for file, the extension does not match the file format. Please upload any of the allowed formats : " + formats
	case !slices.Contains(types, p.contentType):
		return "Invalid Content Type"
	}
	return ""
}

func (s *Server) javaRead(w http.ResponseWriter, r *http.Request) {
	f := s.asked(w, r)
	if f == nil {
		return
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", path.Base(f.key)))
	serve(w, r, f, true)
}

func (s *Server) javaMetadata(w http.ResponseWriter, r *http.Request) {
	f := s.asked(w, r)
	if f == nil {
		return
	}
	answer(w, http.StatusOK, "application/json", fmt.Sprintf(`{"contentType":%s,"fileName":%s,"resource":null,"tenantId":%s,"fileSize":"%d bytes"}`,
		quote(f.contentType), quote(bucket+"/"+f.key), quote(f.tenant), len(f.body)))
}

// asked returns the file of a request, or answers that it is not there.
func (s *Server) asked(w http.ResponseWriter, r *http.Request) *file {
	f := s.find(r.URL.Query().Get("tenantId"), r.URL.Query().Get("fileStoreId"))
	if f == nil {
		fail(w, "NOT_FOUND", "Invalid filestoreid or tenantid", "")
	}
	return f
}

func (s *Server) javaLinks(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("fileStoreIds") == "" {
		answer(w, http.StatusOK, "application/json", "{}")
		return
	}
	answer(w, http.StatusOK, "application/json", s.links(q.Get("tenantId"), q.Get("fileStoreIds"), 24*time.Hour))
}

// links lists URLs, in an order that means nothing; those of a picture are four.
func (s *Server) links(tenant, ids string, expiry time.Duration) string {
	var byID, list []string
	all := strings.Split(ids, ",")
	slices.Reverse(all)
	for _, id := range all {
		f := s.find(tenant, id)
		if f == nil {
			continue
		}
		urls := []string{s.link(f.key, expiry)}
		if strings.HasPrefix(f.contentType, "image/") {
			extension := path.Ext(f.key)
			for _, size := range []string{"_large", "_medium", "_small"} {
				urls = append(urls, s.link(strings.TrimSuffix(f.key, extension)+size+extension, expiry))
			}
		}
		url := quote(strings.Join(urls, ","))
		byID = append(byID, fmt.Sprintf(`%s:%s`, quote(id), url))
		list = append(list, fmt.Sprintf(`{"id":%s,"url":%s}`, quote(id), url))
	}
	return "{" + strings.Join(append(byID, `"fileStoreIds":[`+strings.Join(list, ",")+`]`), ",") + "}"
}

func (s *Server) javaTag(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	answer(w, http.StatusOK, "application/json;charset=UTF-8", s.tagged(q.Get("tenantId"), q.Get("tag")))
}

func (s *Server) tagged(tenant, tag string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, f := range s.files {
		if f.tenant == tenant && f.tag == tag {
			all = append(all, fmt.Sprintf(`{"url":%s,"contentType":%s}`, quote("/filestore/v1/files/id?fileStoreId="+f.id+"&tenantId="+f.tenant), quote(f.contentType)))
		}
	}
	return `{"files":[` + strings.Join(all, ",") + `]}`
}

// unhandled answers with an exception that the service does not know.
func unhandled(w http.ResponseWriter, exception, message string) {
	envelope(w, quote(exception), "An unhandled exception occurred on the server", message, "null", "null")
}

func missing(w http.ResponseWriter, param string) {
	kind := "String"
	if param == "fileStoreIds" {
		kind = "List"
	}
	envelope(w, "null", "", fmt.Sprintf("Required request parameter '%s' for method parameter type %s is not present", param, kind), "null", "["+quote(param)+"]")
}

func fail(w http.ResponseWriter, code, message, description string) {
	d := "null"
	if description != "" {
		d = quote(description)
	}
	envelope(w, "null", code, message, d, "null")
}

func envelope(w http.ResponseWriter, id, code, message, description, params string) {
	w.Header().Set("Connection", "close")
	answer(w, http.StatusBadRequest, "application/json", fmt.Sprintf(`{"ResponseInfo":null,"Errors":[{"id":%s,"parentId":null,"code":%s,"message":%s,"description":%s,"params":%s}]}`,
		id, quote(code), quote(message), description, params))
}

// answer writes in chunks, as Tomcat does.
func answer(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = http.NewResponseController(w).Flush() // who does not listen does not hear
	_, _ = w.Write([]byte(body))
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string never fails
	return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(b))
}
