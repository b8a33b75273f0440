package sqldoc

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/digit-health/dhr/docstore"
)

// A Driver keeps documents in one database. It is safe for concurrent use.
type Driver struct {
	dialect
	read, write *sql.DB // may be the same
	// prepared are statements of transactions that write, by their text, where that pays.
	prepared map[string]*sql.Stmt
	batch    batcher
}

var _ docstore.Driver = (*Driver)(nil)

// A dialect is what differs between the databases.
type dialect struct {
	// replace puts the names of the place and of the types into the text of statements.
	replace *strings.Replacer
	options *sql.TxOptions // of transactions that write
	// errorOf returns the error of package docstore that an error of the database is, or nil.
	errorOf func(err error) error
	// patiently calls do again while another process holds the database.
	patiently func(ctx context.Context, do func() error) error
	// there tells whether there are tables of ours. Those of somebody else are an error.
	there func(ctx context.Context, tx *sql.Tx) (bool, error)
	// lock, if any, keeps other processes out until the end of a transaction that changes the tables.
	lock string
	// mark makes the place of the tables.
	mark string
}

// Close waits for the writes that have begun, and closes every connection. Closing twice is no error.
func (d *Driver) Close() error {
	d.batch.close()
	var err error
	for _, s := range d.prepared {
		err = errors.Join(err, s.Close())
	}
	err = errors.Join(err, d.write.Close())
	if d.read != d.write {
		err = errors.Join(err, d.read.Close())
	}
	return err
}

// Connections returns how many connections to the database are in use, how many are open besides, and how many there may be.
func (d *Driver) Connections() (used, idle, most int) {
	s := d.read.Stats()
	used, idle, most = s.InUse, s.Idle, s.MaxOpenConnections
	if d.write != d.read {
		s = d.write.Stats()
		used, idle, most = used+s.InUse, idle+s.Idle, most+s.MaxOpenConnections
	}
	return used, idle, most
}

// Get implements [docstore.Driver].
func (d *Driver) Get(ctx context.Context, k docstore.Key) (*docstore.Document, error) {
	found, err := d.query(ctx, k.Kind, "SELECT "+columns+" FROM {s}document AS d WHERE d.kind = $1 AND d.tenant = $2 AND d.id = $3", k.Kind, k.Tenant, k.ID)
	if err == nil && len(found) == 0 {
		err = docstore.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// List implements [docstore.Driver].
func (d *Driver) List(ctx context.Context, q *docstore.Query) ([]*docstore.Document, error) {
	text, args := listing(q)
	return d.query(ctx, q.Kind, text, args...)
}

// Put implements [docstore.Driver].
func (d *Driver) Put(ctx context.Context, doc *docstore.Document, expect int64) (*docstore.Document, error) {
	stored := *doc
	err := d.submit(ctx, doc.Key, func(t *transaction) error {
		if err := t.conflict(expect); err != nil {
			return err
		}
		stored.Version, stored.Change = expect+1, t.change
		return t.put(&stored)
	})
	if err != nil {
		return nil, err
	}
	return &stored, nil
}

// Delete implements [docstore.Driver].
func (d *Driver) Delete(ctx context.Context, k docstore.Key, expect int64) error {
	return d.submit(ctx, k, func(t *transaction) error {
		if t.version == 0 {
			return docstore.ErrNotFound
		}
		if err := t.conflict(expect); err != nil {
			return err
		}
		if err := t.exec(deleteText, k.Kind, k.Tenant, k.ID); err != nil {
			return err
		}
		return t.dropLabels()
	})
}

// A transaction writes one document.
type transaction struct {
	d       *Driver
	ctx     context.Context
	tx      *sql.Tx
	key     docstore.Key
	change  int64
	version int64    // that is stored, 0 for none
	labels  []string // that are stored
}

// run does a write within a transaction.
func (d *Driver) run(ctx context.Context, tx *sql.Tx, w *write, change int64) error {
	t, k := &transaction{d: d, ctx: ctx, tx: tx, key: w.key, change: change}, w.key
	var labels string
	err := d.scan(ctx, tx, selectText, []any{k.Kind, k.Tenant, k.ID}, &t.version, &labels)
	switch {
	case err == nil:
		t.labels, err = parseLabels(labels)
	case errors.Is(err, sql.ErrNoRows):
		err = nil
	}
	if err != nil {
		return err
	}
	return w.do(t)
}

// begin runs a transaction that writes, again while another process holds the database.
func (d *Driver) begin(ctx context.Context, do func(tx *sql.Tx) error) error {
	return d.wrap(ctx, d.patiently(ctx, func() error {
		tx, err := d.write.BeginTx(ctx, d.options)
		if err != nil {
			return err
		}
		if err := do(tx); err != nil {
			_ = tx.Rollback() // the first error tells more
			return err
		}
		return tx.Commit()
	}))
}

func (t *transaction) exec(text string, args ...any) error {
	p := t.d.prepared[text]
	if p == nil {
		_, err := t.tx.ExecContext(t.ctx, t.d.text(text), args...)
		return err
	}
	s := t.tx.StmtContext(t.ctx, p)
	defer func() { _ = s.Close() }()
	_, err := s.ExecContext(t.ctx, args...)
	return err
}

// scan reads the one row that a statement gives, or sql.ErrNoRows.
func (d *Driver) scan(ctx context.Context, tx *sql.Tx, text string, args []any, into ...any) error {
	p := d.prepared[text]
	if p == nil {
		return tx.QueryRowContext(ctx, d.text(text), args...).Scan(into...)
	}
	s := tx.StmtContext(ctx, p)
	defer func() { _ = s.Close() }()
	return s.QueryRowContext(ctx, args...).Scan(into...)
}

// conflict returns the error if what is stored is not in the version that is expected.
func (t *transaction) conflict(expect int64) error {
	switch {
	case t.version == expect:
		return nil
	case t.version == 0:
		return fmt.Errorf("%w: it is not there, version %d was expected", docstore.ErrConflict, expect)
	case expect == 0:
		return fmt.Errorf("%w: it is there already, in version %d", docstore.ErrConflict, t.version)
	}
	return fmt.Errorf("%w: it has version %d, version %d was expected", docstore.ErrConflict, t.version, expect)
}

// put stores d in place of what is there.
func (t *transaction) put(d *docstore.Document) error {
	labels, err := json.Marshal(append([]string{}, d.Labels...))
	if err != nil {
		return err
	}
	text := insertText
	if t.version > 0 {
		text = updateText
	}
	err = t.exec(text, d.Version, d.Change, d.Name, string(labels), []byte(d.Body), d.Kind, d.Tenant, d.ID)
	if err != nil {
		return err
	}
	if err := t.dropLabels(); err != nil || len(d.Labels) == 0 {
		return err
	}
	args := []any{d.Kind, d.Tenant, d.ID, d.Name, d.Change}
	for _, l := range d.Labels {
		args = append(args, l)
	}
	return t.exec(insertLabelsText(len(d.Labels)), args...)
}

// dropLabels removes what the stored labels are found by.
func (t *transaction) dropLabels() error {
	if len(t.labels) == 0 {
		return nil
	}
	args := []any{t.key.Kind, t.key.Tenant, t.key.ID}
	for _, l := range t.labels {
		args = append(args, l)
	}
	return t.exec(deleteLabelsText(len(t.labels)), args...)
}

// columns are those that query reads.
const columns = "d.tenant, d.id, d.version, d.change, d.name, d.labels, d.body"

// query returns the documents, all of one kind, that a statement gives.
func (d *Driver) query(ctx context.Context, kind, text string, args ...any) ([]*docstore.Document, error) {
	var found []*docstore.Document
	err := d.patiently(ctx, func() error {
		found = nil
		rows, err := d.read.QueryContext(ctx, d.text(text), args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			doc := &docstore.Document{Key: docstore.Key{Kind: kind}}
			var labels string
			if err := rows.Scan(&doc.Tenant, &doc.ID, &doc.Version, &doc.Change, &doc.Name, &labels, (*[]byte)(&doc.Body)); err != nil {
				return err
			}
			if doc.Labels, err = parseLabels(labels); err != nil {
				return err
			}
			found = append(found, doc)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, d.wrap(ctx, err)
	}
	return found, nil
}

func parseLabels(text string) ([]string, error) {
	if text == "[]" {
		return nil, nil
	}
	var labels []string
	if err := json.Unmarshal([]byte(text), &labels); err != nil {
		return nil, fmt.Errorf("%w: the labels of a document: %w", docstore.ErrCorrupt, err)
	}
	return labels, nil
}

// text returns a statement as the database takes it.
func (d *dialect) text(statement string) string { return d.replace.Replace(statement) }

// wrap returns the error of ctx if it has ended, else err with the error of package docstore that it is.
func (d *dialect) wrap(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{docstore.ErrConflict, docstore.ErrNotFound, docstore.ErrNewer, docstore.ErrCorrupt} {
		if errors.Is(err, known) {
			return err
		}
	}
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) || err.Error() == "sql: database is closed" {
		return fmt.Errorf("%w: %w", docstore.ErrUnavailable, err)
	}
	if is := d.errorOf(err); is != nil {
		return fmt.Errorf("%w: %w", is, err)
	}
	return err
}
