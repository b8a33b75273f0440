package search

import (
	"context"
	"iter"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// A Driver answers plans from one engine: the five things that an [Index]
// needs to serve its users. Authors of engines implement it; users hold an
// Index, which checks access, limits and masks before it asks, so that a
// driver checks none of them.
//
// A driver is right if its answers are those of package eval, which suite
// searchtest checks. It may be used by several goroutines at once. When the
// context ends, the engine's work ends with it, and the error is the context's.
// Errors wrap one of the sentinels of this package where one fits, and hold
// the engine's own error beside it.
//
// A driver with aliases or data streams also has the method
//
//	Covers(ctx context.Context, name string) ([]string, error)
//
// that returns the names of the indexes which hold the records of a name, all of their
// records or some, in their order; an index covers itself. By it an Index keeps a
// question of several names from counting a record twice.
//
// A driver to which a snapshot costs something of which there are few has the method
//
//	Snapshots(ctx context.Context, indexes, tokens []string) ([]Snapshot, error)
//
// which is Snapshot for each of the indexes, as they stand at one moment, for no more than what
// the view of one costs. There are as many tokens, or none. After an error none is open.
type Driver interface {
	// Schemas returns the schemas that name stands for, in the order of their
	// indexes: that of an index; for an alias or a data stream that of the
	// whole, whose Index is name; for a pattern with * those of all names that
	// fit, of indexes, aliases and data streams alike. A name
	// without an index is no error: there are no schemas then.
	// An index whose schema cannot be read does not hide the others that fit a
	// pattern: their schemas are returned beside an error that joins one for each such
	// index, with a method Unreadable() string that returns the index's name, and nothing
	// else. The Index refuses the questions of those who may see one; to all
	// others it is not there.
	// Asking again is cheap, and an unchanged schema is the same pointer.
	Schemas(ctx context.Context, name string) ([]*record.Schema, error)

	// Read returns records as they are now, in the order of the plan.
	Read(ctx context.Context, r *Read) record.Stream

	// Count returns how many records match p. If limit is positive, it may stop
	// there: a result of limit then means "limit or more".
	Count(ctx context.Context, p *plan.Plan, limit int64) (int64, error)

	// Aggregate answers several questions in one round trip to the engine, one
	// table each, in their order.
	Aggregate(ctx context.Context, questions []*Aggregation) ([]*Table, error)

	// Snapshot opens an unchanging view of an index, which the caller closes.
	// If token is not empty, it is what [Snapshot.Token] returned, perhaps in
	// another process, and the very same view is opened again; if that is no
	// longer to be had, the error is ErrSnapshotLost.
	Snapshot(ctx context.Context, index, token string) (Snapshot, error)
}

// A coverer is a Driver with aliases or data streams.
type coverer interface {
	Covers(ctx context.Context, name string) ([]string, error)
}

// A Read asks for records of one index: that of the plan's schema.
type Read struct {
	Plan *plan.Plan
	// Columns are the fields to return. The records have this projection, and
	// the values in the order of the document, as it writes them. The fields
	// belong to a schema of the index, not always the plan's: paths count.
	Columns *record.Projection
	// After are the sort keys of the record behind which to begin, one for each
	// key of the plan's order as [eval.Order.Keys] returns them, Null for a
	// missing value; nil begins at the first record. The record itself need not be there any more.
	After []record.Value
	// Skip leaves out so many records at first, at most 10,000.
	Skip int
	// Limit is the greatest number of records. If zero, all.
	Limit int
	// Source asks for records whose Source is the whole document.
	Source bool
}

// A Snapshot is an unchanging view of one index: what a load or a deletion
// does afterwards is not seen. Scans of one snapshot may run side by side.
type Snapshot interface {
	// Token names the snapshot for [Driver.Snapshot]. It may change while scans
	// run; the last one is the one to keep. It is empty if the engine cannot
	// open a snapshot again.
	Token() string

	// Count returns how many records of the snapshot match p.
	Count(ctx context.Context, p *plan.Plan) (int64, error)

	// Scan returns every matching record once. Where the scan stands, after
	// the last record that was yielded and before the next, is what position
	// returns, for Scan.From; it is called by the goroutine that ranges.
	Scan(ctx context.Context, s *Scan) (records record.Stream, position func() string)

	// Close gives the snapshot back to the engine, also when the context of its
	// making has ended. Resuming it afterwards is not possible.
	Close() error
}

// A leaver is a Snapshot of an engine that keeps it for a while when nobody here holds it any more.
type leaver interface {
	// Leave gives back what this process holds, as Close does, but the engine keeps the snapshot
	// for some minutes, to be opened again by its token.
	Leave() error
}

// A Scan asks a snapshot for every matching record, or for one slice of them.
type Scan struct {
	Plan    *plan.Plan
	Columns *record.Projection // as in Read
	Source  bool               // as in Read
	// Ordered asks for the order of the plan. Otherwise the order is the
	// engine's own, which is the same whenever the same snapshot is scanned again.
	Ordered bool
	// Slice is which of Slices disjoint parts is asked for, from 0; together the
	// parts are the whole. Slices of 0 and 1 mean the whole.
	Slice, Slices int
	// Turns, if not nil, is the same in scans of several snapshots that one goroutine
	// reads by turns, all of them unfinished at once, to merge their orders. A driver to which an
	// unfinished scan costs a connection, or something else of which there are few, must have
	// them share it, or scans of many indexes wait for each other. What it points to is
	// the driver's, nil at first; only that goroutine touches it, while one of the scans is asked for a record or ended.
	Turns *any
	// From is where to go on: a position of a scan of the same snapshot with the
	// same plan, order and slice. Empty means from the start.
	From string
}

// A snapshotter is a Driver that opens the views of several indexes together.
type snapshotter interface {
	Snapshots(ctx context.Context, indexes, tokens []string) ([]Snapshot, error)
}

// A Loader is a Driver that also stores records.
type Loader interface {
	Driver

	// Create makes the index of a schema. If it exists, fields that it lacks
	// are added; a field that it has otherwise is ErrSchemaConflict, and nothing changes.
	Create(ctx context.Context, s *record.Schema) error

	// Load stores documents in the index of a schema that was created. Of two
	// with one ID the later replaces the earlier. Readers see whole batches. Each
	// document that the engine refuses is given to refuse, in the goroutine that
	// called; the others are stored. When Load returns nil, every document that was
	// not refused is stored for good and is found by the next question. After an
	// error those of whole batches are stored; stored says how many of the
	// documents that came first are certain to be.
	Load(ctx context.Context, s *record.Schema, docs iter.Seq[*Document], refuse func(Refusal)) (stored int64, err error)

	// Drop removes an index with all its records. One that is not there is no error.
	Drop(ctx context.Context, index string) error
}

// A Document is a record to be stored. It is lent: valid until the next one.
type Document struct {
	// Record has the ID, the Source, and as columns every field of the schema,
	// as [record.Schema.ProjectAll] chooses them.
	Record *record.Record
	// Place is where the document stands in its file: the line, from 1.
	Place int64
}

// A Refusal says why a document was not stored.
type Refusal struct {
	File   string `json:"file,omitempty"`
	Place  int64  `json:"line"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
}
