package filestore

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/digit-health/dhr/storage"
)

// A Dialect is what a Filestore speaks.
type Dialect string

// The dialects.
const (
	V2   Dialect = "v2"    // egov-filestore of DIGIT 2, in Java
	V1Go Dialect = "v1-go" // the first Filestore of DIGIT 3, in Go
	V3   Dialect = "v3"    // the specification of DIGIT 3
)

// Paths are the paths of a service behind its address. {tenant} and {id} stand for those of the file.
type Paths struct {
	Upload   string
	Read     string
	Metadata string
	Links    string
	// Delete is empty where the service has no deletion.
	Delete string
}

func (p Paths) or(other Paths) Paths {
	set(&p.Upload, other.Upload)
	set(&p.Read, other.Read)
	set(&p.Metadata, other.Metadata)
	set(&p.Links, other.Links)
	set(&p.Delete, other.Delete)
	return p
}

func fill(path string, f fileID) string {
	return strings.NewReplacer("{tenant}", url.QueryEscape(f.tenant), "{id}", url.QueryEscape(f.id)).Replace(path)
}

type dialect struct {
	paths Paths
	// types are the content types that the service wants, by extension.
	types map[string]string
	// answers says what an answer that is no success means.
	answers func(status int, header http.Header, text []byte) error
}

var dialects = map[Dialect]dialect{
	V2: {
		paths: Paths{
			Upload:   "/v1/files",
			Read:     "/v1/files/id?tenantId={tenant}&fileStoreId={id}",
			Metadata: "/v1/files/metadata?tenantId={tenant}&fileStoreId={id}",
			Links:    "/v1/files/url?tenantId={tenant}&fileStoreIds={id}",
		},
		types: map[string]string{
			"csv": "text/plain", "txt": "text/plain", "dxf": "text/plain",
			"xlsx": "application/x-tika-ooxml", "xls": "application/x-tika-msoffice", "docx": "application/x-tika-ooxml", "doc": "application/x-tika-msoffice",
			"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg",
			"odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
			"json": "application/json", "zip": "application/zip", "gz": "application/gzip", // where they are configured
		},
		answers: javaError,
	},
	V1Go: {
		paths: Paths{
			Upload:   "/v1/files/upload",
			Read:     "/v1/files/{id}?tenantId={tenant}",
			Metadata: "/v1/files/metadata?tenantId={tenant}&fileStoreId={id}",
			Links:    "/v1/files/download-urls?tenantId={tenant}&fileStoreIds={id}",
		},
		answers: goError,
	},
	V3: {
		paths: Paths{
			Upload:   "/v3/upload",
			Read:     "/v3/{id}?tenantId={tenant}",
			Metadata: "/v3/metadata?tenantId={tenant}&fileStoreId={id}",
			Links:    "/v3/download-urls?tenantId={tenant}&fileStoreIds={id}",
			Delete:   "/v3/{id}?tenantId={tenant}",
		},
		answers: goError,
	},
}

// byStatus says what a status means whoever sends it: the service, a gateway, or a proxy before it.
func byStatus(status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return storage.ErrAuth
	case http.StatusRequestEntityTooLarge:
		return storage.ErrTooLarge
	case http.StatusUnsupportedMediaType:
		return storage.ErrInvalidFormat
	case http.StatusInsufficientStorage:
		return storage.ErrFull
	}
	return storage.ErrUnavailable
}
