// Package filestore keeps files in DIGIT Filestore.
//
//	backend, err := filestore.New("http://egov-filestore.egov:8080/filestore", &filestore.Options{Module: "reports"})
//	files, err := storage.New(backend)
//
// # Dialects
//
// [V2] is egov-filestore of DIGIT 2 in Java, [V1Go] the first service in Go, and [V3] what the
// specification of DIGIT 3 says. Options.Paths names the paths of an installation that has others.
//
// # What Filestore takes
//
// V2 takes files up to 5 MiB unless it is configured otherwise, and only kinds of files of its list, each
// with the content type of that list: a CSV file is text/plain there. Without more configuration there are csv, txt,
// xlsx and pdf; json, ndjson, zip and gz are refused with storage.ErrInvalidFormat. Options.Extensions
// stores such a file under another extension, say ndjson as txt. Empty files are refused too.
//
// # Promises
//
// A file is sent as a stream and never held in memory. When Put returns, the service has been asked for the
// file's metadata, and has it in full length. A request that was refused before its body was read, for instance
// by a gateway that allows two a second, is sent again after a pause; once a part of the body is gone, Put
// fails, except that a reader that can seek, such as a file, is read again.
//
// V2 and V1Go have no deletion: Delete is storage.ErrUnsupported, and where the connection breaks after the service
// took a file, or where what it kept is not what was sent, that file stays there without a reference. Retention
// is for rules of the object store behind it.
//
// Errors are told apart by what the service answers, although V2 answers 400 to everything. That the object store
// behind it is full, it does not tell: this is storage.ErrUnavailable like any other of its faults.
package filestore
