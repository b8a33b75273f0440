package process

import "time"

// A Request says what to export. What is asked for is a saved filter or a query, not both; an empty
// query is every record.
type Request struct {
	// FilterID is a saved filter. Its text counts as it is when the export is asked for.
	FilterID string `json:"filter_id,omitempty"`
	// JQL is a query.
	JQL string `json:"jql,omitempty"`
	// AllowedIndexes are the indexes that it is put to. If empty, those of the filter, or all that the principal may see.
	AllowedIndexes []string `json:"allowed_indexes,omitempty"`
	// Format is the name of one of the formats that the service has: csv, excel, json, ndjson, pdf.
	Format string `json:"format"`
	// Fields are the columns in their order, as in search.Query, none of them twice.
	Fields []string `json:"fields,omitempty"`
	// MaxResults is the greatest number of records. If zero, all. An export that leaves out
	// records for it says so.
	MaxResults int64 `json:"max_results,omitempty"`
	// Options are choices about the file.
	Options Choices `json:"options,omitzero"`
	// Storage is the scheme of the storage that the files go to. If empty, the service's own choice.
	Storage string `json:"storage,omitempty"`
	// AsOf is what now() stands for. If zero, when the export is asked for.
	AsOf time.Time `json:"as_of,omitzero"`
}

// Choices are those about a file. The zero value is all defaults.
type Choices struct {
	// TimeZone is the IANA name of the zone in which instants are written, and in which the days of the query begin. If empty,
	// the service's.
	TimeZone string `json:"time_zone,omitempty"`
	// BOM is whether a CSV begins with a byte-order mark. If nil, it does.
	BOM *bool `json:"bom,omitempty"`
	// Delimiter stands between the cells of a CSV: one of , ; | and tab. If empty, a comma.
	Delimiter string `json:"delimiter,omitempty"`
	// Lists is what is done with lists: join, explode or json. If empty, as the format has it.
	Lists string `json:"lists,omitempty"`
	// ListSeparator stands between the values of a joined list. If empty, "; ".
	ListSeparator string `json:"list_separator,omitempty"`
	// Labels heads the columns with their labels.
	Labels bool `json:"labels,omitempty"`
	// Compression is none, gzip or zip. If empty, none.
	Compression string `json:"compression,omitempty"`
	// PartRows is the greatest number of rows of one file, which are its records unless lists are exploded; the rows of one
	// record stay together. If zero, as the service has it, or what the format can hold.
	PartRows int64 `json:"part_rows,omitempty"`
	// PartBytes is the greatest size of one file. If zero, as the service has it, or what the storage takes.
	PartBytes int64 `json:"part_bytes,omitempty"`
	// Title stands in formats with room for one, and is what the files are called. If empty, they are called after the index, or export if there are several.
	Title string `json:"title,omitempty"`
}
