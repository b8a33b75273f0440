package process

import (
	"bytes"
	"context"
	"fmt"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/export"
	"github.com/digit-health/dhr/search"
)

// A Preview is the beginning of a file.
type Preview struct {
	Name      string
	MediaType string
	// Body is a file of the first records.
	Body []byte
	// Records is how many.
	Records int64
}

// previewRecords is how many records a preview has.
const previewRecords = 50

// Preview returns what the file of a request begins with: a file of its first 50 records. In formats of
// text its bytes are those with which the file begins, up to what closes a list. It is never compressed, and nothing is kept.
func (s *Service) Preview(ctx context.Context, who *access.Principal, r *Request) (*Preview, error) {
	p, sp, err := s.preview(ctx, who, r)
	e := &Event{Action: "preview", Who: who, Err: err}
	if sp != nil {
		e.Detail = sp.detail()
	}
	if p != nil {
		e.Records = p.Records
	}
	if noted := s.note(ctx, e); err == nil {
		err = noted
	}
	if err != nil {
		return nil, failed("preview", err)
	}
	return p, nil
}

func (s *Service) preview(ctx context.Context, who *access.Principal, r *Request) (*Preview, *spec, error) {
	sp, err := s.admit(ctx, who, r)
	if err != nil {
		return nil, nil, err
	}
	scanner, err := s.host.Index.Scan(ctx, who, s.question(sp), &search.ScanOptions{Ordered: sp.Ordered})
	if err != nil {
		return nil, sp, err
	}
	p, err := s.firstRecords(ctx, sp, scanner)
	if closed := scanner.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, sp, err
	}
	return p, sp, nil
}

func (s *Service) firstRecords(ctx context.Context, sp *spec, scanner *search.Scanner) (*Preview, error) {
	f, most := s.format(sp.Format), int64(previewRecords)
	for _, limit := range []int64{sp.MaxResults, s.config.Limits.Records, f.MaxRecords, sp.Options.PartRows} {
		if limit > 0 {
			most = min(most, limit)
		}
	}
	body := new(bytes.Buffer)
	e, err := f.NewEncoder(body, export.Columns(sp.Fields, scanner.Columns()...), s.exportOptions(sp))
	if err != nil {
		return nil, err
	}
	p := &Preview{Name: fmt.Sprintf("%s-preview%s", sp.fileName(), f.Extension), MediaType: f.MediaType}
	for r, err := range scanner.Slice(0).Records(ctx) {
		if err == nil {
			err = e.Encode(r)
		}
		if err != nil {
			return nil, err
		}
		if p.Records++; p.Records == most {
			break
		}
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	p.Body = body.Bytes()
	return p, nil
}
