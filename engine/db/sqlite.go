package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqlitePragmas stand on every connection. busy_timeout comes first: the others may have to wait. Durable means
// journal_mode WAL with synchronous FULL, which syncs the log on every commit. secure_delete overwrites what is deleted,
// so that a destroyed key is not left in a free page. The cache (32 MiB a connection, taken as needed) holds the index
// pages that an import touches, and the log is copied back after 32 MiB, not 4: the same pages are then written once.
var sqlitePragmas = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	"journal_size_limit(67108864)", "temp_store(2)", "secure_delete(1)",
	"cache_size(-32768)", "wal_autocheckpoint(8192)"}

const (
	sqliteCheckpoint = 30 * time.Second
	sqliteChunk      = 16 // rows of one INSERT, see BenchmarkInsert: more is not faster
	sqliteParams     = 128
	sqliteWALSpare   = 4 << 20
)

type sqliteDialect struct{ path string }

// openSQLite opens a file: one connection that writes and several that read.
func openSQLite(ctx context.Context, d *DB, path string) error {
	const op = "db.open"
	path, err := filepath.Abs(path)
	if err != nil {
		return ward.E(ward.Invalid, op, "the database path is not usable", err)
	}
	if err := localOnly(filepath.Dir(path)); err != nil {
		return ward.E(ward.Invalid, op, "the database file must lie on a local disk; set the data directory elsewhere, or use PostgreSQL", err)
	}
	if err := makeFile(path); err != nil {
		return ward.E(ward.Unavailable, op, "the database file cannot be made; check the data directory and its permissions", err)
	}
	q := sqliteDialect{path: path}
	d.dialect, d.name = q, "sqlite"
	d.phrases = phrases{horizon: "SELECT 9223372036854775807"}
	d.lanes.slots = make(chan struct{}, 1)
	d.lanes.maxGroup = 256
	d.lanes.bold = true
	d.chunks = chunks{rows: sqliteChunk, params: sqliteParams, marks: true, partial: true}
	writers, err := openSessions(ctx, sqliteURI(path, false), 1)
	if err != nil {
		return d.wrap(op, "", err)
	}
	// The counters are made before the readers open, so that the file is a database in WAL mode by then.
	readers, err := sqliteSetup(ctx, writers, path)
	if err != nil {
		return errors.Join(d.wrap(op, "", err), d.wrap(op, "", writers.close()))
	}
	d.writers, d.readers = writers, readers
	d.closers = []func() error{readers.close, func() error { return q.lastCheckpoint(writers) }, writers.close}
	d.ended.Go(func() { q.checkpoints(d.stop) })
	return nil
}

func sqliteSetup(ctx context.Context, writers *sessions, path string) (*sessions, error) {
	s, err := writers.take(ctx)
	if err != nil {
		return nil, err
	}
	defer writers.give(s, false)
	_, err = s.exec(ctx, true, "CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID")
	if err != nil {
		return nil, err
	}
	return openSessions(ctx, sqliteURI(path, true), max(4, runtime.GOMAXPROCS(0)))
}

// sqliteURI returns the data source name of a writer or reader.
func sqliteURI(path string, readOnly bool) string {
	q := url.Values{"_pragma": sqlitePragmas}
	if readOnly {
		q["_pragma"] = append(sqlitePragmas[:len(sqlitePragmas):len(sqlitePragmas)], "query_only(1)")
	} else {
		q.Set("_txlock", "immediate")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// makeFile makes the file with its final mode and makes its name durable; the log files take over the mode.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	return errors.Join(err, f.Close())
}

// begin starts the one writing transaction at once (a deferred one could fail half-way), or a snapshot: a query makes
// the snapshot, so that it is taken here and not later.
func (sqliteDialect) begin(ctx context.Context, s *session, _ Tenant, readOnly bool) error {
	if !readOnly {
		_, err := s.exec(ctx, false, "BEGIN IMMEDIATE")
		return err
	}
	// The driver reports the end of a context although the statement has had its effect: a transaction would stay open.
	ctx = context.WithoutCancel(ctx)
	if _, err := s.exec(ctx, false, "BEGIN"); err != nil {
		return err
	}
	_, err := s.exec(ctx, false, "SELECT 1 FROM counter LIMIT 1")
	if err != nil {
		return errors.Join(err, s.rollback())
	}
	return nil
}

// commit fails with "no transaction is active" if SQLite has rolled back by itself.
func (sqliteDialect) commit(ctx context.Context, s *session) error {
	_, err := s.exec(ctx, false, "COMMIT")
	return err
}

func (sqliteDialect) allocate(ctx context.Context, t *Tx, counter string, n int64) (int64, error) {
	var last int64
	_, err := t.Get(ctx, "INSERT INTO counter (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
		[]any{counter, n}, &last)
	return last - n + 1, err
}

var sqliteTokens = tokens{
	words: map[string]string{"int": "INTEGER", "blob": "BLOB", "text": "TEXT", "strict": "STRICT", "narrow": "STRICT, WITHOUT ROWID"},
	rls:   func(string) string { return "" },
}

func (sqliteDialect) expand(text string) (string, error) { return sqliteTokens.expand(text) }

// classify reads the result code. SQLite's texts name tables and columns, never values.
func (sqliteDialect) classify(err error) failure {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return failure{class: classForeign, text: fmt.Sprintf("sqlite driver: %T", err)}
	}
	f := failure{class: classOther, text: e.Error(), result: resultName(e.Code())}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		f.class = classUnique
		return f
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		f.class = classUnable
	}
	return f
}

// resultName returns the name of a result code. The driver has it in brackets behind a text.
func resultName(code int) string {
	text, ok := sqlite.ErrorCodeString[code]
	if !ok {
		text = sqlite.ErrorCodeString[code&0xff]
	}
	_, name, _ := strings.Cut(text, "(SQLITE_")
	name, _, found := strings.Cut(name, ")")
	if !found {
		return "SQLITE_" + strconv.Itoa(code)
	}
	return "SQLITE_" + name
}

func (sqliteDialect) check(ctx context.Context, t *Tx) error {
	for _, pragma := range []string{"PRAGMA integrity_check(1)", "PRAGMA foreign_key_check"} {
		if err := sqliteFindings(ctx, t, pragma); err != nil {
			return err
		}
	}
	return nil
}

func sqliteFindings(ctx context.Context, t *Tx, pragma string) error {
	rows, err := t.Query(ctx, pragma)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return t.fail("db.check", "", err)
	}
	found := make([]sql.NullString, len(columns))
	dest := make([]any, len(columns))
	for i := range found {
		dest[i] = &found[i]
	}
	if !rows.Next() {
		return t.fail("db.check", "", rows.Err())
	}
	if err := rows.Scan(dest...); err != nil {
		return t.fail("db.check", "", err)
	}
	if len(columns) == 1 && found[0].String == "ok" {
		return nil
	}
	words := []string{strings.TrimPrefix(pragma, "PRAGMA ")}
	for _, f := range found {
		words = append(words, f.String)
	}
	return ward.E(ward.Internal, "db.check", "the database file is damaged; stop the node and restore a backup", problem("%s", strings.Join(words, " ")))
}

// checkpoints copies the log into the database from time to time, so that the log does not grow for ever. It never
// waits long: with readers or writers at work it tries again later.
func (q sqliteDialect) checkpoints(stop <-chan struct{}) {
	tick := time.NewTicker(sqliteCheckpoint)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if info, err := os.Stat(q.path + "-wal"); err != nil || info.Size() < sqliteWALSpare {
			continue
		}
		// A failure is not lost: the log stays, the next tick and Close try again, and commits do not depend on it.
		_ = q.checkpoint()
	}
}

// checkpoint runs on a connection of its own, so that its short patience is not that of writers.
func (q sqliteDialect) checkpoint() error {
	c, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: q.path, RawQuery: "_pragma=busy_timeout(100)&_pragma=journal_size_limit(67108864)"}).String())
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// lastCheckpoint leaves an empty log behind; the readers are closed by then.
func (q sqliteDialect) lastCheckpoint(w *sessions) error {
	s, err := w.take(context.Background())
	if err != nil {
		return err
	}
	defer w.give(s, false)
	_, err = s.exec(context.Background(), true, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}
