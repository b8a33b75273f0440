// Package parts makes finished files of a stream of records.
//
// A [Writer] encodes records and cuts them into parts, each of which stands alone. What the
// encoder writes is compressed, sealed if that is asked for, hashed and written to a spool file, all
// in one pass. A part that is finished is a [File], whose size and hash are known, to be stored elsewhere.
//
//	w, err := parts.NewWriter(export.CSV(), columns, nil, &parts.Options{Name: "fever", MaxRows: 1_000_000, Compression: "gzip"})
//	if err != nil {
//		return err
//	}
//	defer w.Abort()
//	for file, err := range w.Files(records) {
//		if err != nil {
//			return err
//		}
//		err = store(file)
//		if err := errors.Join(err, file.Remove()); err != nil {
//			return err
//		}
//	}
//
// # Parts
//
// MaxRows and MaxBytes are true maxima: no part has a row more, and no finished file, compressed and
// sealed as it is, has a byte more. Records keep their order, and none is in two parts or in none. A
// record for which even an empty part has no room is [ErrTooLarge]. The same records with the same
// options give the same parts; only sealed bytes differ each time.
//
// That there will be another part is known when there is a record for which this one has no room. Until then
// the writer waits, so that a single part is called fever.csv, the first of several fever-1.csv, and each
// is finished under its final name. A zip, whose entry has to be named before, says
// fever-1.csv inside wherever there might have been several.
//
// How large a file will be is exactly known of formats whose encoder is an [export.Fitter]. A
// compressor is flushed each time that it might have written more than there is room for, which costs
// a few bytes each time. Of another format's records that are in the part, copies are held in memory when MaxBytes is
// set; if its file turns out too large, it is made again, of as many of them as fit.
//
// # Spool files
//
// A spool file lies in a folder of the local disk. Where the system allows it, as on Unix, it has no name there, so that
// nothing remains of it however the process ends. Otherwise, [Sweep] removes what is left.
//
// # Errors
//
// Errors wrap one of the sentinels below or of package export. After an error of Encode or
// Finish there is no part, and the spool file is gone.
package parts
