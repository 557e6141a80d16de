// Package db is the one seam to the relational database: SQLite inside the process or PostgreSQL, with one SQL text
// for both.
//
// SQL is written once: $1 placeholders, the common subset of both engines, integers, text and bytes only, time as Unix
// microseconds, booleans as 0 and 1, an explicit ORDER BY wherever order matters. An untyped integer parameter inside an
// expression is written CAST($1 AS BIGINT), because PostgreSQL would take it for four bytes. Table definitions carry
// tokens (see Migrations). What the engines do differently is made equal here: text is compared byte by byte, a
// statement that failed ends its transaction on both, and one query is open at a time.
//
// Write returns nil only after the commit is on disk. No setting here may trade that away.
//
// Values of rows never stand in the errors of this package.
//
// Read db.go, tx.go, then write.go with group.go (the grouping writer), dialect.go, sqlite.go, postgres.go, migrate.go.
package db

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"time"

	"github.com/ward-health/ward"
)

// Tenant is a tenant's number. System sees every tenant; on PostgreSQL row-level security holds all others apart.
type Tenant int64

// System is the scope of the node itself: migrations, sequencer, queue workers, tenant administration.
const System Tenant = 0

// Config says which database to open. Exactly one of Path and DSN is set.
type Config struct {
	Path string // SQLite file; its directory must exist and lie on a local file system
	DSN  string // PostgreSQL connection string, a secret
}

// String implements fmt.Stringer without the connection string, which may hold a password.
func (c Config) String() string {
	if c.DSN != "" {
		return "postgres"
	}
	return "sqlite " + c.Path
}

// GoString implements fmt.GoStringer, as String does.
func (c Config) GoString() string { return c.String() }

// LogValue implements slog.LogValuer, as String does.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// DB is an open database. Safe for concurrent use.
type DB struct {
	dialect dialect
	phrases phrases
	chunks  chunks
	name    string // "sqlite" or "postgres"
	readers pool
	writers pool
	lanes   lanes
	hub     hub

	readLimit time.Duration // readLimit; tests shorten it

	mu      sync.Mutex
	closing bool
	running sync.WaitGroup // Read and Write calls, Allocate's and Notify's own work
	stop    chan struct{}  // closed by Close: ends what runs in the background
	ended   sync.WaitGroup // what runs in the background
	closers []func() error // engine's own, run last, in order
}

// pool hands out sessions.
type pool interface {
	take(ctx context.Context) (*session, error)
	// give returns a session; a broken one is never handed out again.
	give(s *session, broken bool)
}

// readLimit bounds one Read: a snapshot that is held for longer would keep the WAL (SQLite) or dead rows (PostgreSQL)
// from being cleaned up.
const readLimit = 5 * time.Minute

// rollbackLimit bounds the wait for a rollback; a connection that takes longer is closed, which rolls back as well.
const rollbackLimit = 10 * time.Second

// Open opens the database and takes no lock on the data directory (the server does).
func Open(ctx context.Context, c Config) (*DB, error) {
	d := &DB{stop: make(chan struct{}), readLimit: readLimit}
	d.hub.topics = map[string]map[chan struct{}]struct{}{}
	d.lanes.waiting = map[Tenant]*lane{}
	var err error
	switch {
	case (c.Path == "") == (c.DSN == ""):
		return nil, ward.E(ward.Invalid, "db.open", "set exactly one of the database's path (SQLite) and dsn (PostgreSQL)", nil)
	case c.Path != "":
		err = openSQLite(ctx, d, c.Path)
	default:
		err = openPostgres(ctx, d, c.DSN)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Engine returns "sqlite" or "postgres".
func (d *DB) Engine() string { return d.name }

// enter counts a caller in, unless the database is closed.
func (d *DB) enter(op string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closing {
		return ward.E(ward.Unavailable, op, "the database is closed because the node shuts down; try again later", nil)
	}
	d.running.Add(1)
	return nil
}

// Check runs the engine's own integrity check: SQLite's integrity_check and foreign_key_check; on PostgreSQL every row
// of every own table is read (which verifies page checksums, if the cluster has them), and every index and constraint
// must be valid. A finding is ward.Internal. A check takes as long as the database is large: only ctx bounds it.
func (d *DB) Check(ctx context.Context) error {
	return d.read(ctx, System, func(tx *Tx) error { return d.dialect.check(ctx, tx) })
}

// Read runs fn in a read-only snapshot of at most 5 minutes. fn must not call Read or Write of the same DB: it would
// wait for a connection while it holds one.
func (d *DB) Read(ctx context.Context, tn Tenant, fn func(*Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.readLimit)
	defer cancel()
	return d.read(ctx, tn, fn)
}

// read is Read without its time limit.
func (d *DB) read(ctx context.Context, tn Tenant, fn func(*Tx) error) error {
	const op = "db.read"
	if err := d.enter(op); err != nil {
		return err
	}
	defer d.running.Done()
	s, err := d.begin(ctx, d.readers, tn, true)
	if err != nil {
		return d.wrap(op, "", err)
	}
	tx := &Tx{db: d, session: s, base: ctx, tenant: tn, readOnly: true}
	clean := false
	defer func() {
		tx.close()
		rollback := s.rollback()
		d.readers.give(s, !clean || rollback != nil)
	}()
	err = tx.result(fn(tx))
	clean = true
	return err
}

// begin takes a session and begins a transaction on it. A connection that turns out to be dead before anything ran is
// replaced, a few times.
func (d *DB) begin(ctx context.Context, p pool, tn Tenant, readOnly bool) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		s, err := p.take(ctx)
		if err != nil {
			return nil, err
		}
		err = d.dialect.begin(ctx, s, tn, readOnly)
		if err == nil {
			return s, nil
		}
		p.give(s, true)
		if try == 5 || d.dialect.classify(err).class != classRetry || ctx.Err() != nil {
			return nil, err
		}
	}
}

// Close waits for running reads and writes and closes. Later calls fail with ward.Unavailable; a second Close does
// nothing.
func (d *DB) Close() error {
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		return nil
	}
	d.closing = true
	d.mu.Unlock()
	d.running.Wait()
	close(d.stop)
	d.ended.Wait()
	var first error
	for _, c := range d.closers {
		if err := c(); err != nil && first == nil {
			first = d.wrap("db.close", "", err)
		}
	}
	return first
}

// session is one connection with the statements that were prepared on it.
type session struct {
	conn  *sql.Conn
	stmts *statements // nil: the driver keeps prepared statements itself
}

// exec runs a statement. Text without arguments may hold several statements on both engines if plain is set.
func (s *session) exec(ctx context.Context, plain bool, query string, args ...any) (int64, error) {
	if s.stmts == nil || plain {
		r, err := s.conn.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		return r.RowsAffected()
	}
	st, err := s.stmts.get(ctx, s.conn, query, len(args), true)
	if err != nil {
		return 0, err
	}
	return st.run(ctx, s.conn, args)
}

// query runs a query.
func (s *session) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s.stmts == nil {
		return s.conn.QueryContext(ctx, query, args...)
	}
	st, err := s.stmts.get(ctx, s.conn, query, len(args), false)
	if err != nil {
		return nil, err
	}
	return st.stmt.QueryContext(ctx, st.arguments(args)...)
}

// rollback ends the transaction; an error means that the connection cannot be used any more.
func (s *session) rollback() error {
	ctx := context.Background()
	if s.stmts == nil { // a server that may not answer
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rollbackLimit)
		defer cancel()
	}
	_, err := s.exec(ctx, false, "ROLLBACK")
	return err
}
