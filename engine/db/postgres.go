package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ward-health/ward"
)

const (
	postgresWriters  = 4   // transactions at the same time, each of another tenant
	postgresSpare    = 2   // connections for counters and notifications
	postgresGroup    = 48  // closures in a group: PostgreSQL keeps 64 savepoints of a transaction at hand, more slow readers
	postgresChunk    = 512 // rows of one INSERT
	postgresParams   = 65535
	postgresPatience = 75 * time.Second // longer than the server's own statement_timeout
	postgresVersion  = 130000           // the oldest with pg_current_xact_id
)

type postgresDialect struct {
	spare    *sql.DB
	counters counters
}

// openPostgres connects and refuses a server or role under which the promises of this package would not hold.
func openPostgres(ctx context.Context, d *DB, dsn string) error {
	const op = "db.open"
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's text may quote the password.
		return ward.E(ward.Invalid, op, "the database dsn is not a PostgreSQL connection string (postgres://user@host/name?sslmode=verify-full)", nil)
	}
	for name, value := range map[string]string{
		"application_name":                    "ward",
		"statement_timeout":                   "60s",
		"idle_in_transaction_session_timeout": "60s",
		// Statements are written for an index that gives the wanted order. Without statistics the planner would rather
		// read a whole range through a bitmap and sort it, LIMIT or not; and a plan made while a table was small, reading
		// all of it, is kept as the table grows.
		"enable_bitmapscan": "off",
		"enable_seqscan":    "off",
		"jit":               "off",
	} {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
	c.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	readers := openPool(c, max(8, 2*runtime.GOMAXPROCS(0)))
	writers := openPool(c, postgresWriters)
	spare := openPool(c, postgresSpare)
	q := &postgresDialect{spare: spare.handle}
	q.counters.blocks, q.counters.patience = map[string]*block{}, counterPatience
	d.dialect, d.name = q, "postgres"
	d.phrases = phrases{
		id:      "SELECT pg_current_xact_id()::text::bigint",
		horizon: "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
		claim:   "FOR UPDATE SKIP LOCKED",
		lock:    "SELECT pg_advisory_xact_lock($1)",
		script:  "SET LOCAL statement_timeout = 0;",
	}
	d.lanes.perTenant, d.lanes.maxGroup, d.lanes.patience = true, postgresGroup, postgresPatience
	d.lanes.slots = make(chan struct{}, postgresWriters)
	d.chunks = chunks{rows: postgresChunk, params: postgresParams}
	d.readers, d.writers = readers, writers
	d.closers = []func() error{readers.handle.Close, writers.handle.Close, spare.handle.Close}
	if err := q.accept(ctx); err != nil {
		return errors.Join(d.wrap(op, "", err), readers.handle.Close(), writers.handle.Close(), spare.handle.Close())
	}
	d.startNotify(c)
	return nil
}

// accept looks at the server's and the role's settings.
func (q *postgresDialect) accept(ctx context.Context) error {
	var version int
	var encoding, fsync, pages, commit string
	var super, bypass bool
	err := q.spare.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_setting('fsync'),
		current_setting('full_page_writes'), current_setting('synchronous_commit'), rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user`).
		Scan(&version, &encoding, &fsync, &pages, &commit, &super, &bypass)
	if err != nil {
		return err
	}
	refuse := func(text string) error { return ward.E(ward.Invalid, "db.open", text, nil) }
	switch {
	case version < postgresVersion:
		return refuse("PostgreSQL must be version 13 or newer")
	case encoding != "UTF8":
		return refuse("the PostgreSQL database must have the encoding UTF8")
	case fsync != "on" || pages != "on" || commit == "off":
		return refuse("PostgreSQL runs with fsync, full_page_writes or synchronous_commit off and would lose acknowledged data; turn them on")
	case super || bypass:
		return refuse("the PostgreSQL role is a superuser or has BYPASSRLS, for which row-level security does not hold; use an ordinary role that owns the database")
	}
	return nil
}

// connections is a pool of PostgreSQL connections; the driver keeps prepared statements.
type connections struct {
	handle *sql.DB
	size   int
}

func openPool(c *pgx.ConnConfig, n int) connections {
	handle := stdlib.OpenDB(*c)
	handle.SetMaxOpenConns(n)
	handle.SetMaxIdleConns(n)
	handle.SetConnMaxLifetime(30 * time.Minute)
	return connections{handle, n}
}

func (p connections) take(ctx context.Context) (*session, error) {
	c, err := p.handle.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: c}, nil
}

func (p connections) give(s *session, broken bool) {
	if broken {
		// A connection that answers Raw with ErrBadConn is closed and forgotten by the pool. Those that are idle are
		// forgotten as well: when one is lost, most often the server was, and each would cost its user a failure.
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
		p.handle.SetMaxIdleConns(0)
		p.handle.SetMaxIdleConns(p.size)
	}
	s.conn.Close()
}

// begin sets the tenant for row-level security in the same round trip, which also takes the snapshot. The setting ends
// with the transaction; without it the policies fail, so that nothing is seen.
func (*postgresDialect) begin(ctx context.Context, s *session, tn Tenant, readOnly bool) error {
	mode := "ISOLATION LEVEL READ COMMITTED READ WRITE"
	if readOnly {
		mode = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
	}
	_, err := s.exec(ctx, true, fmt.Sprintf("BEGIN %s; SELECT set_config('ward.tenant', '%d', true)", mode, int64(tn)))
	return err
}

// commit looks at the server's answer: a transaction in which a statement has failed answers COMMIT with ROLLBACK and
// no error.
func (*postgresDialect) commit(ctx context.Context, s *session) error {
	return s.conn.Raw(func(c any) error {
		tag, err := c.(*stdlib.Conn).Conn().Exec(ctx, "COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			err = problem("the transaction was rolled back because a statement in it had failed")
		}
		return err
	})
}

var postgresTokens = tokens{
	words: map[string]string{"int": "BIGINT", "blob": "BYTEA", "text": `TEXT COLLATE "C"`, "strict": "", "narrow": ""},
	// The settings stand in sub-selects so that they are read once per query and not once per row.
	rls: func(table string) string {
		return "ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY; ALTER TABLE " + table + " FORCE ROW LEVEL SECURITY; CREATE POLICY tenant ON " + table +
			" USING (tn = (SELECT current_setting('ward.tenant')::bigint) OR (SELECT current_setting('ward.tenant')::bigint) = 0);"
	},
}

func (*postgresDialect) expand(text string) (string, error) { return postgresTokens.expand(text) }

// classify reads the SQLSTATE. Messages may quote values, so only those of class 42 (the statement itself is wrong) are
// kept; they quote names.
func (*postgresDialect) classify(err error) failure {
	var e *pgconn.PgError
	var network net.Error
	var refused *pgconn.ConnectError
	switch {
	case errors.As(err, &refused):
		return failure{class: classUnable, text: "postgres: cannot connect", state: "08001"}
	case errors.As(err, &e):
		return failure{class: postgresClass(e.Code), text: postgresText(e), state: e.Code}
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network),
		errors.Is(err, net.ErrClosed), errors.Is(err, sql.ErrConnDone), pgconn.SafeToRetry(err):
		return failure{class: classRetry, text: "postgres: the connection is lost", state: "08006"}
	}
	return failure{class: classForeign, text: fmt.Sprintf("postgres driver: %T", err)}
}

func postgresText(e *pgconn.PgError) string {
	parts := []string{"postgres " + e.Code}
	if strings.HasPrefix(e.Code, "42") {
		parts = append(parts, e.Message)
	}
	if e.TableName != "" {
		parts = append(parts, "table "+e.TableName)
	}
	if e.ColumnName != "" {
		parts = append(parts, "column "+e.ColumnName)
	}
	if e.ConstraintName != "" {
		parts = append(parts, "constraint "+e.ConstraintName)
	}
	return strings.Join(parts, ", ")
}

func postgresClass(code string) class {
	switch code {
	case "23505":
		return classUnique
	case "40001", "40P01", "57P01", "57P02", "57P03", "25P03":
		return classRetry
	case "55P03", "57014", "25006":
		return classUnable
	}
	switch code[:min(2, len(code))] {
	case "08":
		return classRetry
	case "53", "58", "57":
		return classUnable
	}
	return classOther
}

// check reads every row of every own table and asks for broken indexes and constraints.
func (*postgresDialect) check(ctx context.Context, t *Tx) error {
	if _, err := t.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil { // a large table takes long to read
		return err
	}
	var bad string
	found, err := t.Get(ctx, `SELECT n FROM (
		SELECT i.indexrelid::regclass::text AS n FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = current_schema()::regnamespace AND NOT (i.indisvalid AND i.indisready)
		UNION ALL
		SELECT conname::text FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND NOT convalidated) x ORDER BY n LIMIT 1`, nil, &bad)
	if err != nil {
		return err
	}
	if found {
		return ward.E(ward.Internal, "db.check", "an index or constraint of the database is not valid; rebuild it", problem("%s", bad))
	}
	tables, err := postgresTables(ctx, t)
	if err != nil {
		return err
	}
	for _, table := range tables {
		var size sql.NullInt64
		// The cast to text reads what is stored out of line as well.
		if _, err := t.Get(ctx, "SELECT sum(length(x::text))::bigint FROM "+pgx.Identifier{table}.Sanitize()+" x", nil, &size); err != nil {
			if t.base.Err() != nil { // the check was ended
				return err
			}
			return ward.E(ward.Internal, "db.check", "table "+table+" of the database cannot be read in full; restore a backup", err)
		}
	}
	return nil
}

func postgresTables(ctx context.Context, t *Tx) ([]string, error) {
	rows, err := t.Query(ctx, "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY relname")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return nil, t.fail("db.check", "", err)
		}
		tables = append(tables, table)
	}
	return tables, t.fail("db.check", "", rows.Err())
}
