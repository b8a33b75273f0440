package bulk

// A Level is that of the FHIR operation.
type Level string

// The levels.
const (
	SystemLevel  Level = "system"  // [base]/$export
	PatientLevel Level = "patient" // [base]/Patient/$export
	GroupLevel   Level = "group"   // [base]/Group/[id]/$export
)

// A Request is a kick-off.
type Request struct {
	Level Level
	// Group is the id of the group at GroupLevel.
	Group string
	// Parameters are those of the operation, each with its values in their order: decoded query parameters of a GET, or the
	// values of a POST's Parameters resource as text (a Reference as its reference, a boolean as true or false, an instant as it
	// stands). See [Capabilities] for what is known. Both repeated parameters and comma lists are understood.
	Parameters map[string][]string
	// Post says that it is a POST, in which alone the parameter patient may stand.
	Post bool
	// Lenient has unsupported parameters ignored (handling=lenient); each becomes an OperationOutcome of the export.
	Lenient bool
	// Types are the resource types that the client's access token is good for. If nil, all.
	Types []string
	// URL is the full URL of the kick-off, for the manifest.
	URL string
}
