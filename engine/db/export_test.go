package db

import (
	"context"
	"database/sql"
	"errors"
	"time"
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

// SetReadLimit replaces the time limit of Read.
func SetReadLimit(d *DB, limit time.Duration) { d.readLimit = limit }

// SetCounterPatience replaces the time limit of Allocate on PostgreSQL.
func SetCounterPatience(d *DB, limit time.Duration) {
	d.dialect.(*postgresDialect).counters.patience = limit
}

// Readers lends every reader of a SQLite database to fn, one by one, and gives it back as a broken one.
func Readers(ctx context.Context, d *DB, fn func(*sql.Conn) error) error {
	p := d.readers.(*sessions)
	var all []*session
	for range cap(p.free) {
		s, err := p.take(ctx)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	var errs []error
	for _, s := range all {
		errs = append(errs, fn(s.conn))
		p.give(s, true)
	}
	return errors.Join(errs...)
}

// BeginRead begins a snapshot under ctx on a reader and ends it.
func BeginRead(ctx context.Context, d *DB) error {
	s, err := d.readers.take(context.Background())
	if err != nil {
		return err
	}
	err = d.dialect.begin(ctx, s, System, true)
	rollback := s.rollback()
	d.readers.give(s, rollback != nil)
	return errors.Join(err, rollback)
}

// Marked exports marked.
var Marked = marked
