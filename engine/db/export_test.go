package db

import (
	"context"
	"database/sql"
)

// Sessions returns one connection that writes and one that reads; release gives them back.
func Sessions(ctx context.Context, d *DB) (writer, reader *sql.Conn, release func(), err error) {
	w, err := d.writers.take(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := d.readers.take(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	return w.conn, r.conn, func() { d.writers.give(w, false); d.readers.give(r, false) }, nil
}

// Prepared returns how many statements the writer of a SQLite database keeps.
func Prepared(ctx context.Context, d *DB) (int, error) {
	w, err := d.writers.take(ctx)
	if err != nil {
		return 0, err
	}
	defer d.writers.give(w, false)
	return w.stmts.recent.Len(), nil
}

// Checkpoint is what the timer does.
func Checkpoint(d *DB) error { return d.dialect.(sqliteDialect).checkpoint() }

// NetworkDisks are the file systems that are refused.
var NetworkDisks = networkDisks

// LocalOnly is localOnly.
var LocalOnly = localOnly

// MaxStatements is maxStatements.
const MaxStatements = maxStatements
