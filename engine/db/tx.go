package db

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ward-health/ward"
)

// Tx is one transaction (or one savepoint of a group). Not safe for concurrent use, and not to be used after the
// function it was given to has returned.
//
// Arguments are integers, booleans (stored as 0 and 1), floats, strings of valid UTF-8 without NUL, byte slices and byte
// arrays (ward.ID, digests), types derived from those, and nil. A nil byte slice is NULL, an empty one is empty. To scan
// into a byte array use Fixed.
//
// A statement that failed ends the transaction on both engines: later statements fail with the same error, and so does
// the Read or Write, whatever its function returns. Where a duplicate is expected, use ON CONFLICT. The context given to
// a method is looked at before the statement runs; a running statement ends with the context of Read, or, in a Write,
// runs to its end, because others may share the transaction.
type Tx struct {
	db       *DB
	session  *session
	base     context.Context // under which statements run
	tenant   Tenant
	readOnly bool
	ended    bool
	open     *sql.Rows // of the last Query
	cancel   func()    // ends the context of the last statement
	failed   error     // of the first statement that failed
	wrote    bool      // a statement ran that may have changed something
	hooks    []func()
}

// Tenant returns the scope of the transaction.
func (t *Tx) Tenant() Tenant { return t.tenant }

// Engine returns "sqlite" or "postgres".
func (t *Tx) Engine() string { return t.db.name }

// Exec runs a statement and returns the number of rows it touched.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	const op = "db.exec"
	if err := t.ready(ctx, op); err != nil {
		return 0, err
	}
	args, err := values(args)
	if err != nil {
		return 0, t.fail(op, "", err)
	}
	t.wrote = true
	n, err := t.session.exec(t.statement(), false, query, args...)
	if err != nil {
		return 0, t.fail(op, "", err)
	}
	return n, nil
}

// Query runs a query. The caller closes the rows before the next statement: one query is open at a time.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	const op = "db.query"
	if err := t.ready(ctx, op); err != nil {
		return nil, err
	}
	args, err := values(args)
	if err != nil {
		return nil, t.fail(op, "", err)
	}
	t.wrote = t.wrote || !strings.HasPrefix(query, "SELECT ")
	rows, err := t.session.query(t.statement(), query, args...)
	if err != nil {
		return nil, t.fail(op, "", err)
	}
	t.open = rows
	return rows, nil
}

// Get runs a query of at most one row and scans it; ok is false when there is none. More rows than one are an error.
func (t *Tx) Get(ctx context.Context, query string, args []any, dest ...any) (ok bool, err error) {
	const op = "db.get"
	rows, err := t.Query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, t.fail(op, "", rows.Err())
	}
	if err := rows.Scan(dest...); err != nil {
		if end := cmp.Or(t.base.Err(), rows.Err()); end != nil { // the rows were closed, nothing is wrong with them
			return false, t.fail(op, "", end)
		}
		// The driver's text quotes the value, which may be patient data.
		return false, t.fail(op, "", problem("a result does not fit %s", typesOf(dest)))
	}
	if rows.Next() {
		return false, t.fail(op, "", problem("the query gave more than one row"))
	}
	return true, t.fail(op, "", rows.Err())
}

// typesOf names the Go types of scan destinations.
func typesOf(dest []any) string {
	names := make([]string, len(dest))
	for i, d := range dest {
		names[i] = fmt.Sprintf("%T", d)
	}
	return strings.Join(names, ", ")
}

// Insert adds rows in as few round trips as the engine allows. A duplicate key is an error for which IsUnique is true.
func (t *Tx) Insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	const op = "db.insert"
	if err := t.ready(ctx, op); err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	bad := len(columns) == 0 || len(columns) > 100 || !validName(table)
	for _, c := range columns {
		bad = bad || !validName(c)
	}
	if bad {
		return t.fail(op, table, problem("table or column names are not plain lower-case names"))
	}
	checked := make([]any, 0, len(rows)*len(columns))
	for i, row := range rows {
		if len(row) != len(columns) {
			return t.fail(op, table, problem("row %d has %d values for %d columns", i, len(row), len(columns)))
		}
		var err error
		if checked, err = appendValues(checked, row); err != nil {
			return t.fail(op, table, err)
		}
	}
	t.wrote = true
	if err := t.db.chunks.insert(t, table, columns, checked); err != nil {
		return t.fail(op, table, err)
	}
	return nil
}

// Allocate takes n consecutive numbers of a named counter (from 1) and returns the first. Names have lower-case letters,
// digits and _ . : / -, at most 50; n is at least 1 and at most 2^32. Gaps may remain after a rollback and a restart; order of
// numbers is not order of commit on PostgreSQL: read feeds with Horizon.
func (t *Tx) Allocate(ctx context.Context, counter string, n int64) (int64, error) {
	const op = "db.allocate"
	if err := t.ready(ctx, op); err != nil {
		return 0, err
	}
	if !validCounter(counter) || n < 1 || n > 1<<32 || t.readOnly {
		return 0, t.fail(op, "", problem("a counter needs a plain name, 1 to 2^32 numbers and a Write"))
	}
	t.wrote = true
	first, err := t.db.dialect.allocate(ctx, t, counter, n)
	if err != nil {
		return 0, t.fail(op, "", err)
	}
	return first, nil
}

func validCounter(s string) bool {
	return s != "" && len(s) <= 50 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_.:/-") == ""
}

// ID returns the transaction's id to store in a txid column of a feed table: 0 on SQLite.
func (t *Tx) ID(ctx context.Context) (int64, error) {
	if t.db.phrases.id == "" {
		return 0, t.ready(ctx, "db.id")
	}
	var id int64
	_, err := t.Get(ctx, t.db.phrases.id, nil, &id)
	return id, err
}

// Horizon returns the first txid that may still be in flight: a feed reader that orders by (txid, seq) and reads only
// rows with txid < Horizon misses none. math.MaxInt64 on SQLite. (PostgreSQL: pg_snapshot_xmin.) Take the horizon before
// the rows, or both in one Read.
func (t *Tx) Horizon(ctx context.Context) (int64, error) {
	var id int64
	_, err := t.Get(ctx, t.db.phrases.horizon, nil, &id)
	return id, err
}

// Lock takes a named lock until the transaction ends (PostgreSQL: advisory, of all nodes; SQLite: the single writer
// already is one). On PostgreSQL the lock lasts until the whole group has committed.
func (t *Tx) Lock(ctx context.Context, name string) error {
	if err := t.ready(ctx, "db.lock"); err != nil || t.db.phrases.lock == "" {
		return err
	}
	sum := sha256.Sum256([]byte("ward.lock " + name))
	_, err := t.Exec(ctx, t.db.phrases.lock, int64(binary.BigEndian.Uint64(sum[:])))
	return err
}

// Claim returns the text to append to a SELECT that claims rows for this transaction ("FOR UPDATE SKIP LOCKED" or "").
func (t *Tx) Claim() string { return t.db.phrases.claim }

// AfterCommit runs fn once after durable commit, never after a rollback. It runs in the goroutine that called Write,
// before Write returns.
func (t *Tx) AfterCommit(fn func()) { t.hooks = append(t.hooks, fn) }

// Notify wakes the listeners of the topic after durable commit, see DB.Notify.
func (t *Tx) Notify(topic string) { t.AfterCommit(func() { t.db.Notify(topic) }) }

// ready reports why no statement can run.
func (t *Tx) ready(ctx context.Context, op string) error {
	switch {
	case t.ended:
		return ward.E(ward.Internal, op, "the transaction has ended", nil)
	case t.failed != nil:
		return t.failed
	case t.isOpen():
		return t.fail(op, "", problem("the rows of an earlier query are still open; close them first"))
	}
	if err := ctx.Err(); err != nil {
		return t.fail(op, "", err)
	}
	return t.fail(op, "", t.base.Err())
}

// isOpen reports whether rows of a query have been neither read to the end nor closed.
func (t *Tx) isOpen() bool {
	if t.open == nil {
		return false
	}
	_, err := t.open.Columns() // fails if, and only if, the rows are closed
	return err == nil
}

// fail ends the transaction for every later statement; a nil error does not.
func (t *Tx) fail(op, table string, err error) error {
	if err == nil {
		return nil
	}
	t.failed = t.db.wrap(op, table, err)
	return t.failed
}

// result is what the transaction's function has come to: its own error, or that of a statement it has ignored. When the
// engine gave the transaction up, that is the result in any case, because the function is to be run again.
func (t *Tx) result(err error) error {
	if t.failed != nil && (err == nil || retryable(t.failed)) {
		return t.failed
	}
	return t.db.engineError("db.query", err)
}

// close ends the use of the transaction by its function.
func (t *Tx) close() {
	t.ended = true
	if t.open != nil {
		t.open.Close()
	}
	if t.cancel != nil {
		t.cancel()
	}
}

// statement returns the context of the next statement, which lasts until the one after it. In a Write the caller's
// context plays no part: a statement that is interrupted would take the group's transaction with it.
func (t *Tx) statement() context.Context {
	if t.cancel != nil {
		t.cancel()
	}
	ctx := t.base
	if t.cancel = nil; !t.readOnly {
		ctx, t.cancel = t.db.lanes.limit(t.base)
	}
	return ctx
}

// values turns arguments into what both drivers take for the same value.
func values(args []any) ([]any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	return appendValues(make([]any, 0, len(args)), args)
}

// appendValues is values at the end of a slice.
func appendValues(out, args []any) ([]any, error) {
	for i, a := range args {
		v, err := value(a)
		if err != nil {
			return nil, problem("argument %d: %v", i+1, err)
		}
		out = append(out, v)
	}
	return out, nil
}

func value(a any) (any, error) {
	switch v := a.(type) {
	case nil, int64, float64:
		return v, nil
	case int:
		return int64(v), nil
	case []byte:
		return bytesOrNull(v), nil
	case string:
		return v, checkText(v)
	case ward.ID:
		return v[:], nil
	}
	return reflected(reflect.ValueOf(a))
}

// reflected handles derived types and arrays.
func reflected(v reflect.Value) (any, error) {
	switch k := v.Kind(); {
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint() && v.Uint() <= 1<<63-1:
		return int64(v.Uint()), nil
	case v.CanFloat():
		return v.Float(), nil
	case k == reflect.Bool && v.Bool():
		return int64(1), nil
	case k == reflect.Bool:
		return int64(0), nil
	case k == reflect.String:
		return v.String(), checkText(v.String())
	case k == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return bytesOrNull(v.Bytes()), nil
	case k == reflect.Array && v.Type().Elem().Kind() == reflect.Uint8:
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return b, nil
	}
	return nil, problem("type %s cannot be stored", v.Type())
}

// bytesOrNull makes a nil slice an untyped nil, which both drivers take for NULL.
func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

var errText = problem("text must be valid UTF-8 without NUL")

// checkText refuses what PostgreSQL cannot keep, on both engines.
func checkText(s string) error {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return errText
	}
	return nil
}

// Placeholders returns "$a,$b,..." for n arguments starting with number first.
func Placeholders(first, n int) string {
	b := make([]byte, 0, 6*n)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '$'), int64(first+i), 10)
	}
	return string(b)
}

// Fixed returns a scan destination that fills dst with a blob of exactly its length; NULL and other lengths are errors:
// rows.Scan(db.Fixed(id[:])).
func Fixed(dst []byte) sql.Scanner { return fixed(dst) }

type fixed []byte

// Scan implements sql.Scanner.
func (f fixed) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(f) {
		return fmt.Errorf("db: the column is not a blob of %d bytes", len(f))
	}
	copy(f, b)
	return nil
}
