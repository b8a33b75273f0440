package xlsx

// FormatOfHeight is the format with sheets of few rows.
var FormatOfHeight = format

// MaxRows is the height of sheets.
const MaxRows = maxRows
