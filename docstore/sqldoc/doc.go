// Package sqldoc keeps the documents of package docstore in SQLite, which needs
// nothing installed, or in PostgreSQL.
//
//	d, err := sqldoc.Open(ctx, "dhr-data/config.sqlite", nil)
//	if err != nil {
//		return err
//	}
//	defer d.Close()
//	store := docstore.New(d)
//
// # SQLite
//
// A store is one file with its log beside it (-wal, -shm), apart from that of the
// records, so that a long load does not hold up a small save. Several processes of one machine may
// have it open; one writes at a time, and the others wait. A write that has returned
// is on the disk (journal_mode=WAL, synchronous=FULL). The file must not lie on a network's file
// system. Copy it while it is in use with SQLite's own tools (sqlite3 config.sqlite ".backup copy"),
// never file by file.
//
// # PostgreSQL
//
// A store is a schema of its own, dhr_config unless the options say otherwise. The
// writers of one kind of documents wait for each other, so that changes are in the order of
// their commits; readers wait for nobody.
//
// # Versions
//
// The tables have a version. Opening a store of an older one changes it, each step in one transaction, so that
// a crash leaves it in the version before or after. A store of a newer version is
// refused with docstore.ErrNewer, when it is opened and, if a newer program changes it meanwhile, when it
// is written to.
package sqldoc
