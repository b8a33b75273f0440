// Package fhirtest is a client of FHIR Bulk Data exports for tests. It does what the published client of SMART Health IT
// (bulk-data-client) does, with its headers, its way to a token and its strictness, so that a server which satisfies it can be
// expected to satisfy that one.
//
//	c := &fhirtest.Client{Base: server.URL + "/fhir/r4"}
//	result, err := c.Export(ctx, &fhirtest.Request{Level: fhirtest.System})
//	// result.Count["Patient"] is how many there were
//
// # What it does
//
// It asks for metadata first, and looks for /.well-known/smart-configuration at the root of the origin, not below the base. It begins exports with
// Prefer: respond-async, handling=lenient; asks how far they are with Accept: application/json, as often as Retry-After says in seconds, within 0.1 to 60;
// and downloads five files at once, with Accept-Encoding: gzip, deflate, br, identity, with a token only if the manifest says that one is needed.
// It goes on after 429 and 503, follows links to further manifests, and waits on where a manifest comes with 202.
//
// # What it breaks on
//
// A Content-Location or the URL of a file that is not absolute, a manifest without error, a file with another number of resources
// than its count, a line whose resourceType is not the type of its file, and a status of 200 without a body. Beyond the published client, which polls as fast as it
// can then, it breaks on a Retry-After that is no number, on an X-Progress of 100 characters or more, and on files that do not end with a line.
package fhirtest
