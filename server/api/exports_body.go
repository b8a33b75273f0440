package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/dashboard/figures"
	"github.com/digit-health/dhr/export/process"
)

// An exportBody says what to export: a query or a saved filter.
type exportBody struct {
	JQL            *string       `json:"jql,omitempty" nullable:"false" doc:"The question; empty asks for every record. Either this or filter_id." example:"diagnosis ~ malaria AND age < 5 ORDER BY date DESC"`
	FilterID       *string       `json:"filter_id,omitempty" nullable:"false" minLength:"1" maxLength:"200" doc:"A saved filter, which counts as it is now. Either this or jql."`
	AllowedIndexes []string      `json:"allowed_indexes,omitempty" maxItems:"100" nullable:"false" doc:"Names of indexes, or patterns with *; without any, those of the filter, or every index that the asker may see." example:"[\"health-data-visits\"]"`
	Format         string        `json:"format" minLength:"1" maxLength:"64" doc:"One of the formats of /v1/capabilities: csv, excel, json, ndjson, pdf." example:"csv"`
	Fields         []string      `json:"fields,omitempty" maxItems:"1000" nullable:"false" doc:"The columns in their order: paths, aliases or labels of fields, or patterns such as patient.*; without any, all." example:"[\"visit_id\", \"age\", \"district\", \"date\"]"`
	MaxResults     int64         `json:"max_results,omitempty" minimum:"1" maximum:"9007199254740991" doc:"The greatest number of records; without one, all. If there are more, the export says that it is truncated."`
	Options        exportOptions `json:"options,omitzero" doc:"Choices about the file."`
	Storage        string        `json:"storage,omitempty" minLength:"1" maxLength:"64" doc:"Where the files are kept, one of the storages of /v1/capabilities; without one, the first of these." example:"disk"`
	AsOf           *time.Time    `json:"as_of,omitempty" nullable:"false" doc:"The instant that now() and relative dates stand for; without one, now. The same request with the same instant makes the same bytes." example:"2026-11-30T18:00:00Z"`
}

// exportOptions are choices about a file.
type exportOptions struct {
	TimeZone      string `json:"time_zone,omitempty" minLength:"1" maxLength:"64" doc:"In which zone instants are written, and days of the question begin: an IANA name such as Asia/Kolkata." example:"Asia/Kolkata"`
	BOM           *bool  `json:"bom,omitempty" nullable:"false" doc:"Whether a CSV begins with a byte-order mark, by which spreadsheets know UTF-8; without a word it does."`
	Delimiter     string `json:"delimiter,omitempty" doc:"What stands between the cells of a CSV; without a word, a comma." example:";"`
	Lists         string `json:"lists,omitempty" enum:"join,explode,json" doc:"What is done with a field of several values: all in one cell, a row for each, or a cell of JSON. Without a word, as the format has it." example:"join"`
	ListSeparator string `json:"list_separator,omitempty" minLength:"1" maxLength:"50" doc:"What stands between joined values; without a word, a semicolon and a space." example:"; "`
	Labels        bool   `json:"labels,omitempty" doc:"Head the columns with the labels of their fields, not their paths."`
	Compression   string `json:"compression,omitempty" enum:"none,gzip,zip" doc:"How files are compressed; without a word, not at all." example:"none"`
	PartRows      int64  `json:"part_rows,omitempty" minimum:"1" maximum:"9007199254740991" doc:"The greatest number of rows of one file, which are its records unless lists are exploded; what is more goes to further files."`
	PartBytes     int64  `json:"part_bytes,omitempty" minimum:"1" maximum:"9007199254740991" doc:"The greatest size of one file; what is more goes to further files."`
	Title         string `json:"title,omitempty" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f-\\x9f]*$" patternDescription:"text without control characters" doc:"What stands above the table in formats with room for it, and what the files are called." example:"Fever this week"`
}

// TransformSchema says which delimiters there are: a tag could not, for one of them is the comma.
func (exportOptions) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["delimiter"].Enum = []any{",", ";", "|", "\t"}
	return s
}

// exportRequest makes a request of the service's of a body.
func (a *handler) exportRequest(ctx context.Context, b *exportBody) (*process.Request, error) {
	refuse := func(detail, member, message string) error {
		return formProblem(ctx, http.StatusUnprocessableEntity, detail, []error{&huma.ErrorDetail{Message: message, Location: "body." + member}})
	}
	o := &b.Options
	r := &process.Request{
		AllowedIndexes: b.AllowedIndexes, Format: b.Format, Fields: b.Fields, MaxResults: b.MaxResults, Storage: b.Storage, Options: process.Choices{
			TimeZone: o.TimeZone, BOM: o.BOM, Delimiter: o.Delimiter, Lists: o.Lists, ListSeparator: o.ListSeparator, Labels: o.Labels,
			Compression: o.Compression, PartRows: o.PartRows, PartBytes: o.PartBytes, Title: o.Title,
		},
	}
	switch {
	case b.JQL != nil && b.FilterID != nil:
		return nil, refuse("a query and a filter are given", "filter_id", "is given beside jql; one of them is asked for")
	case b.FilterID != nil:
		r.FilterID = *b.FilterID
	case b.JQL != nil:
		r.JQL = *b.JQL
		a.logged(ctx, r.JQL)
	default:
		return nil, refuse("it is not said what to export", "jql", "or filter_id is needed; an empty query is every record")
	}
	if b.AsOf != nil {
		if b.AsOf.IsZero() {
			return nil, refuse("no such instant", "as_of", "the year 1 is too early")
		}
		r.AsOf = *b.AsOf
	}
	return r, nil
}

// schemaName names the types of bodies in the document. Those of exports and of figures begin with that word, for other
// packages have a Problem and a Question, too.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.PkgPath() {
	case reflect.TypeFor[process.Process]().PkgPath():
		return "Export" + strings.TrimPrefix(name, "Process")
	case reflect.TypeFor[figures.Data]().PkgPath():
		return "Figure" + name
	}
	return name
}

// exportWords say what the members of exports are, by the names of their schemas. A member that
// means the same in several is under the empty name.
var exportWords = map[string]map[string]string{
	"": {
		"id": "Names the export.", "tenant": "Whose it is.", "user_id": "Who asked for it.", "filter_id": "The filter that it is of.",
		"jql": "The question; that of a filter as it was then.", "allowed_indexes": "The indexes that the question was put to; without any, all that its user may see.",
		"as_of": "The instant that now() stands for.", "format": "The kind of file.", "options": "Choices about the file.", "files": "The files, once the export is completed; numbered from 1.",
		"total_records": "How many records the question finds on the snapshot that is exported.", "truncated": "Whether records that the question finds are left out.",
		"truncated_reason": "Why: max_results, as asked, or limit, that of the server.", "warnings": "Complaints that did not keep it from being exported.",
		"rows": "How many records it has.", "sha256": "A hash in hexadecimal.", "completed_at": "When it was finished.",
	},
	"Export": {
		"status": "Where it is in its life.", "fields": "The columns as asked.", "max_results": "The greatest number of records, as asked.", "storage": "Where the files are kept.",
		"phase": "What is being done: waiting, opening, counting, writing, storing, finishing; in the end the status.", "processed_records": "How many records are written.",
		"progress": "That in per cent; 100 when it is completed.", "eta": "When it will be completed if it goes on as before.", "bytes_written": "How many bytes are written.",
		"attempt": "How often the work was begun.", "error": "Why the last attempt failed.", "created_at": "When it was asked for.", "updated_at": "When it changed.",
		"started_at": "When the work began.", "expires_at": "When its files are deleted.",
	},
	"ExportFile": {
		"number": "Counts the files from 1.", "name": "What it is called.", "size": "How many bytes are downloaded.", "media_type": "The kind of file.", "cid": "Its name on IPFS.",
		"file_store_id": "Its name in DIGIT Filestore.", "sealed": "Whether what is stored is sealed, so that the file is had from here alone.",
	},
	"ExportManifest": {
		"columns": "The paths of the columns.", "indexes": "Those whose records the files hold.", "report": "What became of cells.",
		"sha256": "The hash of the hashes of the files, one a line in hexadecimal.",
	},
	"ExportProblem": {"code": "The reason for programs.", "message": "The reason for people."},
	"ExportReport": {
		"escaped": "Cells of text with an apostrophe before them, so that no spreadsheet takes them for formulas.", "cut": "Cells that were too long for the format.",
		"as_text": "Numbers and dates that the format can only hold as text.", "repaired": "Cells with bytes that are not UTF-8; each is U+FFFD there.",
		"ambiguous": "Joined lists of which a value contains the separator.", "replaced": "Characters that the format cannot show, with their number.",
	},
	"ExportChoices": {
		"time_zone": "In which instants are written.", "bom": "Whether a CSV begins with a byte-order mark.", "delimiter": "What stands between the cells of a CSV.",
		"lists": "What is done with a field of several values.", "list_separator": "What stands between joined values.", "labels": "Whether columns are headed by labels.",
		"compression": "How files are compressed.", "part_rows": "The greatest number of records of one file.", "part_bytes": "The size from which on a further file is begun.",
		"title": "What stands above the table, and what the files are called.",
	},
}

// describeExports says in the document what the members of exports are.
func (a *handler) describeExports() {
	all := a.api.OpenAPI().Components.Schemas.Map()
	for name, words := range exportWords {
		s := all[name]
		if s == nil {
			continue
		}
		for member, p := range s.Properties {
			if p.Description = words[member]; p.Description == "" {
				p.Description = exportWords[""][member]
			}
		}
	}
	all["Export"].Properties["status"].Enum = []any{"initiated", "processing", "completed", "failed", "cancelled", "expired"}
	all["Export"].Properties["files"].Nullable = false
	all["ExportManifest"].Properties["files"].Nullable = false
}
