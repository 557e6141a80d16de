package dbtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// Run is the conformance suite of engine/db. fresh makes an empty database.
func Run(t *testing.T, fresh func(t *testing.T) db.Config) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f *fixture)
	}{
		{"commit and rollback", testCommit},
		{"durable on reopen", testReopen},
		{"unique and other violations", testViolations},
		{"byte order", testOrder},
		{"values round trip", testValues},
		{"bad values are refused", testBadValues},
		{"bulk insert", testInsert},
		{"read is a snapshot", testSnapshot},
		{"read cannot write", testReadOnly},
		{"one query at a time", testOpenRows},
		{"a failed statement ends the transaction", testFailedStatement},
		{"group keeps members apart", testGroup},
		{"commit failure answers everyone", testCommitFailure},
		{"after commit", testAfterCommit},
		{"panic and goexit", testPanic},
		{"dropped while waiting", testDropped},
		{"close", testClose},
		{"allocate", testAllocate},
		{"horizon", testHorizon},
		{"lock", testLock},
		{"deadlock is run again", testDeadlock},
		{"tenants", testTenants},
		{"notify", testNotify},
		{"migrations", testMigrations},
		{"check", testCheck},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fixture{config: fresh(t)}
			f.db = f.open(t)
			f.must(t, f.db.Migrate(t.Context(), suiteTables))
			test.run(t, f)
		})
	}
}

// suiteTables are the tables of the suite.
var suiteTables = db.Migrations{Owner: "suite", Files: fstest.MapFS{"0001_tables.sql": {Data: []byte(`
-- An item; the comment holds a ; and a 'quote'.
CREATE TABLE item (tn {{int}} NOT NULL, id {{int}} NOT NULL, s {{text}}, b {{blob}}, n {{int}}, PRIMARY KEY (tn, id)) {{strict}};
{{rls item}}
CREATE TABLE child (tn {{int}} NOT NULL, id {{int}} NOT NULL, parent {{int}} NOT NULL, PRIMARY KEY (tn, id),
	FOREIGN KEY (tn, parent) REFERENCES item (tn, id) DEFERRABLE INITIALLY DEFERRED) {{narrow}};
CREATE TABLE feed (txid {{int}} NOT NULL, seq {{int}} NOT NULL, PRIMARY KEY (txid, seq)) {{narrow}};
CREATE INDEX item_s ON item (tn, s);
`)}}}

// fixture is a database with the tables of the suite.
type fixture struct {
	config db.Config
	db     *db.DB
}

func (f *fixture) open(t *testing.T) *db.DB { return OpenDB(t, f.config) }

func (f *fixture) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put adds items of tenant 1.
func put(ctx context.Context, d *db.DB, ids ...int) error {
	return d.Write(ctx, 1, func(tx *db.Tx) error { return putIn(ctx, tx, ids...) })
}

func putIn(ctx context.Context, tx *db.Tx, ids ...int) error {
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{1, id, "x"}
	}
	return tx.Insert(ctx, "item", []string{"tn", "id", "s"}, rows)
}

// ids returns the items of a tenant as it sees them.
func ids(t *testing.T, d *db.DB, tn db.Tenant) []int64 {
	t.Helper()
	got, err := column[int64](t.Context(), d, tn, "SELECT id FROM item ORDER BY tn, id")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// column reads one column.
func column[T any](ctx context.Context, d *db.DB, tn db.Tenant, query string, args ...any) (got []T, err error) {
	err = d.Read(ctx, tn, func(tx *db.Tx) error {
		got, err = columnIn[T](ctx, tx, query, args...)
		return err
	})
	return got, err
}

func columnIn[T any](ctx context.Context, tx *db.Tx, query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var got []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		got = append(got, v)
	}
	return got, rows.Err()
}

func same[T comparable](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantKind(t *testing.T, what string, err error, kind ward.ErrorKind) {
	t.Helper()
	if err == nil || ward.KindOf(err) != kind {
		t.Errorf("%s: got %v (%v), want the kind %v", what, err, ward.KindOf(err), kind)
	}
}

var errMine = errors.New("the closure's own error")

func testCommit(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1, 2))
	err := f.db.Write(ctx, 1, func(tx *db.Tx) error {
		f.must(t, putIn(ctx, tx, 3))
		return fmt.Errorf("wrapped: %w", errMine)
	})
	if !errors.Is(err, errMine) {
		t.Errorf("got %v, want the closure's error", err)
	}
	same(t, "items", ids(t, f.db, 1), 1, 2)
	err = f.db.Write(ctx, 1, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE item SET n = $2, s = $1 WHERE tn = $3 AND n IS NULL", "y", 7, 1)
		if n != 2 {
			t.Errorf("update touched %d rows, want 2", n)
		}
		return err
	})
	f.must(t, err)
	got, err := column[int64](ctx, f.db, 1, "SELECT n FROM item WHERE s = $1 ORDER BY id", "y")
	f.must(t, err)
	same(t, "updated", got, 7, 7)
}

func testReopen(t *testing.T, f *fixture) {
	f.must(t, put(t.Context(), f.db, 1))
	f.must(t, f.db.Close())
	again := f.open(t)
	same(t, "items", ids(t, again, 1), 1)
	f.must(t, again.Migrate(t.Context(), suiteTables))
}

func testViolations(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1))
	err := put(ctx, f.db, 2, 1)
	wantKind(t, "duplicate", err, ward.Conflict)
	if !db.IsUnique(err) || !db.IsUnique(fmt.Errorf("wrapped: %w", err)) {
		t.Errorf("IsUnique(%v) is false", err)
	}
	null := f.db.Write(ctx, 1, func(tx *db.Tx) error {
		return tx.Insert(ctx, "item", []string{"tn", "id"}, [][]any{{1, nil}})
	})
	if null == nil || db.IsUnique(null) || db.IsUnique(errMine) || db.IsUnique(nil) {
		t.Errorf("NULL in a key: %v, unique %v", null, db.IsUnique(null))
	}
	upsert := f.db.Write(ctx, 1, func(tx *db.Tx) error {
		var n int64
		ok, err := tx.Get(ctx, `INSERT INTO item (tn, id, n) VALUES ($1, $2, $3) ON CONFLICT (tn, id) DO UPDATE SET n = excluded.n RETURNING n`, []any{1, 1, 9}, &n)
		if !ok || n != 9 {
			t.Errorf("upsert returned %v %d", ok, n)
		}
		return err
	})
	f.must(t, upsert)
	same(t, "items", ids(t, f.db, 1), 1)
}

func testOrder(t *testing.T, f *fixture) {
	ctx := t.Context()
	words := []string{"a", "B", "_", "Z", "é", "~", "aa", "A", "", "Aa", "aB", "ä", "z", " ", "\u00ff", "日", "e\u0301"}
	var rows [][]any
	for i, w := range words {
		rows = append(rows, []any{1, i, w})
	}
	f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error { return tx.Insert(ctx, "item", []string{"tn", "id", "s"}, rows) }))
	got, err := column[string](ctx, f.db, 1, "SELECT s FROM item WHERE tn = $1 ORDER BY s", 1)
	f.must(t, err)
	slices.Sort(words)
	same(t, "order", got, words...)
	for _, w := range words {
		got, err := column[string](ctx, f.db, 1, "SELECT s FROM item WHERE tn = $1 AND s > $2 ORDER BY s", 1, w)
		f.must(t, err)
		at, _ := slices.BinarySearch(words, w)
		same(t, "after "+w, got, words[at+1:]...)
	}
}

func testCheck(t *testing.T, f *fixture) {
	f.must(t, put(t.Context(), f.db, 1, 2, 3))
	f.must(t, f.db.Check(t.Context()))
}
