package db

import (
	"context"
	"database/sql"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/ward-health/ward"
)

// Scrub takes what earlier commits overwrote or deleted in the table out of the database's live files. SQLite overwrites
// in place (secure_delete), so what is left is the write-ahead log: it is copied into the file and cut to nothing. On
// PostgreSQL dead rows are vacuumed; its write-ahead log keeps them until it is recycled, which Ward cannot hasten.
// ward.Unavailable: readers hold an older snapshot; call again.
func (d *DB) Scrub(ctx context.Context, table string) error {
	const op = "db.scrub"
	if err := d.enter(op); err != nil {
		return err
	}
	defer d.running.Done()
	return d.wrap(op, "", d.dialect.scrub(ctx, d, table))
}

func (q sqliteDialect) scrub(ctx context.Context, _ *DB, _ string) error {
	c, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: q.path, RawQuery: "_pragma=busy_timeout(2000)"}).String())
	if err != nil {
		return err
	}
	defer c.Close()
	var busy, pages, done int64
	if err := c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done); err != nil {
		return err
	}
	if busy != 0 {
		return ward.E(ward.Unavailable, "db.scrub", "the database is in use; overwritten bytes stay in its log until a later try", nil)
	}
	return nil
}

func (*postgresDialect) scrub(ctx context.Context, d *DB, table string) error {
	s, err := d.writers.take(ctx)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, false, "VACUUM "+pgx.Identifier{table}.Sanitize())
	d.writers.give(s, err != nil)
	return err
}
