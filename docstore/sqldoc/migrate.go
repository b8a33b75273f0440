package sqldoc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/digit-health/dhr/docstore"
)

// migrations lead from each version of the tables to the next, the first from nothing
// to version 1. What was released is never changed; a new version is a new entry.
var migrations = [][]string{
	{
		`CREATE TABLE {s}format (one integer PRIMARY KEY CHECK (one = 1), version bigint NOT NULL)`,
		`INSERT INTO {s}format (one, version) VALUES (1, 0)`,
		// The last change of each kind of documents.
		`CREATE TABLE {s}kind (kind {text} PRIMARY KEY, change bigint NOT NULL)`,
		`CREATE TABLE {s}document (
	kind {text} NOT NULL,
	tenant {text} NOT NULL,
	id {text} NOT NULL,
	version bigint NOT NULL,
	change bigint NOT NULL,
	name {text} NOT NULL,
	labels {text} NOT NULL, -- a JSON array, in order
	body {bytes} NOT NULL,
	PRIMARY KEY (kind, tenant, id)
)`,
		`CREATE UNIQUE INDEX document_change ON {s}document (kind, change)`,
		`CREATE INDEX document_name ON {s}document (kind, tenant, name, id)`,
		// Each label of each document, with what listings are ordered by.
		`CREATE TABLE {s}label (
	kind {text} NOT NULL,
	tenant {text} NOT NULL,
	label {text} NOT NULL,
	id {text} NOT NULL,
	name {text} NOT NULL,
	change bigint NOT NULL,
	PRIMARY KEY (kind, tenant, label, id)
)`,
		`CREATE INDEX label_name ON {s}label (kind, tenant, label, name, id)`,
		`CREATE INDEX label_change ON {s}label (kind, tenant, label, change)`,
	},
}

// look returns the version of the tables, without waiting for who changes them: 0 if there are none.
func (d *Driver) look(ctx context.Context) (version int, err error) {
	err = d.wrap(ctx, d.patiently(ctx, func() error {
		tx, err := d.read.BeginTx(ctx, d.options)
		if err != nil {
			return err
		}
		version, err = d.version(ctx, tx)
		_ = tx.Rollback() // nothing was written
		return err
	}))
	return version, err
}

// migrate leads the tables to the present version.
func (d *Driver) migrate(ctx context.Context) error {
	for done := false; !done; {
		err := d.begin(ctx, func(tx *sql.Tx) error {
			if d.lock != "" {
				if _, err := tx.ExecContext(ctx, d.text(d.lock)); err != nil {
					return err
				}
			}
			version, err := d.version(ctx, tx)
			if err != nil {
				return err
			}
			if done = version == len(migrations); done {
				return nil
			}
			return d.step(ctx, tx, version)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// version returns that of the tables: 0 if there are none.
func (d *Driver) version(ctx context.Context, tx *sql.Tx) (int, error) {
	if ok, err := d.there(ctx, tx); err != nil || !ok {
		return 0, err
	}
	var version int64
	err := tx.QueryRowContext(ctx, d.text("SELECT version FROM {s}format")).Scan(&version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, fmt.Errorf("%w: the tables have no version", docstore.ErrCorrupt)
	case err != nil:
		return 0, err
	case version > int64(len(migrations)):
		return 0, newer(version)
	case version < 1:
		return 0, fmt.Errorf("%w: the tables have version %d", docstore.ErrCorrupt, version)
	}
	return int(version), nil
}

// step leads the tables from one version to the next.
func (d *Driver) step(ctx context.Context, tx *sql.Tx, version int) error {
	script := migrations[version]
	if version == 0 {
		script = append([]string{d.mark}, script...)
	}
	for _, text := range script {
		if _, err := tx.ExecContext(ctx, d.text(text)); err != nil {
			return fmt.Errorf("to version %d: %w", version+1, err)
		}
	}
	_, err := tx.ExecContext(ctx, d.text("UPDATE {s}format SET version = $1"), version+1)
	return err
}

func newer(version int64) error {
	return fmt.Errorf("%w: its tables have version %d, and this program knows versions up to %d: start the program that changed it or a later one, or go back to a backup that was made before",
		docstore.ErrNewer, version, len(migrations))
}
