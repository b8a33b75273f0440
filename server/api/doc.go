// Package api is the HTTP API of DHR: an http.Handler over a [dhr.Service].
//
//	handler, err := api.New(service, &api.Options{Authenticate: authenticate})
//	...
//	http.Handle("/health-reports/", http.StripPrefix("/health-reports", handler))
//
// Paths, names and behaviour are those of the contract that the handler publishes about itself at
// /openapi.json, and shows at /docs.
//
// # Requests
//
// Everything about a request that is not understood is refused: an unknown member of a body, an unknown
// parameter, a value of another type. Bodies are JSON in UTF-8.
//
// # Errors
//
// Every error is a problem document (RFC 9457) with a stable type and code, and the id under which the
// log knows the request. What the log says of an unexpected error is not in the answer.
//
// # Who asks
//
// [Options.Authenticate] says who that is; without it nobody is let in. The documents about the API, and
// whether the service lives, are open to all.
//
// # Exports
//
// An export is begun, and made in the background. How far it is can be asked for, or read as a stream of
// Server-Sent Events, which goes on where it was left (Last-Event-ID) and ends with the export, with the client and
// when [Options.Ending] is closed. Files are sent as they are stored, whole or in parts: they are not compressed on
// the way, so that their hash is that of the manifest, and one that cannot be read to its end is cut off, never
// shown as whole. Streams and downloads have no turn among other requests; each user may have 32 of them at once.
package api
