package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/digit-health/dhr/auth/smart"
	"github.com/digit-health/dhr/fhir/bulk"
)

// ndjsonType is the media type of files, exactly.
const ndjsonType = "application/fhir+ndjson"

// fhirFile sends a file of an export: compressed as it is stored to who takes that, otherwise as it is, or parts of it. A part
// is always one of the file as it is.
func (a *handler) fhirFile(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	release, err := a.beginLasting(ctx)
	if err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	defer release()
	d, err := a.openFHIR(ctx, r.PathValue("id"), r.PathValue("name"))
	if err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	f := &served{name: d.Name, media: ndjsonType, size: d.Size, sha256: d.SHA256, modified: d.Modified}
	f.open = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return d.Open(ctx, false, offset, length)
	}
	if d.Gzip != nil {
		w.Header().Add("Vary", "Accept-Encoding, Range")
		if r.Header.Get("Range") == "" && takesGzip(r.Header.Values("Accept-Encoding")) {
			f.packed, f.size, f.sha256 = true, d.Gzip.Size, d.Gzip.SHA256
			f.open = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
				return d.Open(ctx, true, offset, length)
			}
		}
	}
	a.serveFile(w, r, f)
}

// openFHIR opens a file of an export, if all that is exported is for who asks.
func (a *handler) openFHIR(ctx context.Context, id, name string) (*bulk.Download, error) {
	who := whoOf(ctx)
	if _, limited := smart.Granted(who); limited {
		e, err := a.exporter().Get(ctx, who, id)
		if err == nil {
			err = covers(who, e)
		}
		if err != nil {
			return nil, err
		}
	}
	return a.exporter().OpenFile(ctx, who, id, name)
}

// takesGzip reports whether a header Accept-Encoding (RFC 9110, 12.5.3) takes gzip, and does not rather want it otherwise.
func takesGzip(values []string) bool {
	weight := map[string]float64{}
	for part := range strings.SplitSeq(strings.ToLower(strings.Join(values, ",")), ",") {
		coding, params, err := mime.ParseMediaType("x/" + strings.TrimSpace(part)) // which has the same parameters
		if err != nil {
			continue
		}
		q := 1.
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		weight[strings.TrimPrefix(coding, "x/")] = q
	}
	of := func(names ...string) float64 {
		for _, name := range names {
			if q, ok := weight[name]; ok {
				return q
			}
		}
		return 0
	}
	packed := of("gzip", "x-gzip", "*")
	return packed > 0 && packed >= weight["identity"]
}
