package dbtest

import (
	"bytes"
	"database/sql"
	"math"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

type namedText string
type namedNumber uint16

func testValues(t *testing.T, f *fixture) {
	ctx := t.Context()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	id := ward.NewID()
	text := "a'b\"c\\d\ne\u0001 日本"
	for i, c := range []struct {
		s, b, n any
		wantS   *string
		wantB   []byte
		wantN   *int64
	}{
		{nil, nil, nil, nil, nil, nil},
		{"", []byte{}, int64(math.MinInt64), new(string), []byte{}, pointer[int64](math.MinInt64)},
		{text, all, int64(math.MaxInt64), &text, all, pointer[int64](math.MaxInt64)},
		{namedText("x"), id, true, pointer("x"), id[:], pointer[int64](1)},
		{"x", ward.Protected("p"), false, pointer("x"), []byte("p"), pointer[int64](0)},
		{"x", []byte(nil), namedNumber(9), pointer("x"), nil, pointer[int64](9)},
		{"x", [3]byte{1, 2, 3}, int32(-1), pointer("x"), []byte{1, 2, 3}, pointer[int64](-1)},
		{"x", bytes.Repeat([]byte{7}, 1<<20), db.Tenant(5), pointer("x"), bytes.Repeat([]byte{7}, 1<<20), pointer[int64](5)},
	} {
		f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error {
			return tx.Insert(ctx, "item", []string{"tn", "id", "s", "b", "n"}, [][]any{{1, i, c.s, c.b, c.n}})
		}))
		var s *string
		var b sql.Null[[]byte] // tells an empty value from NULL; a plain slice need not
		var n *int64
		f.must(t, f.db.Read(ctx, 1, func(tx *db.Tx) error {
			_, err := tx.Get(ctx, "SELECT s, b, n FROM item WHERE tn = $1 AND id = $2", []any{1, i}, &s, &b, &n)
			return err
		}))
		if !equal(s, c.wantS) || !equal(n, c.wantN) || !bytes.Equal(b.V, c.wantB) || b.Valid != (c.wantB != nil) {
			t.Errorf("row %d came back changed: text %v, %d bytes (NULL %v), number %v", i, s, len(b.V), !b.Valid, n)
		}
	}
	var back ward.ID
	f.must(t, f.db.Read(ctx, 1, func(tx *db.Tx) error {
		_, err := tx.Get(ctx, "SELECT b FROM item WHERE tn = $1 AND b = $2", []any{1, id}, db.Fixed(back[:]))
		return err
	}))
	if back != id {
		t.Errorf("Fixed: got %v, want %v", back, id)
	}
	short := f.db.Read(ctx, 1, func(tx *db.Tx) error {
		_, err := tx.Get(ctx, "SELECT b FROM item WHERE tn = 1 AND id = 6", nil, db.Fixed(back[:]))
		return err
	})
	wantKind(t, "Fixed of another length", short, ward.Internal)
}

func pointer[T any](v T) *T { return &v }

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func testBadValues(t *testing.T, f *fixture) {
	ctx := t.Context()
	for name, v := range map[string]any{"NUL": "a\x00b", "UTF-8": "a\xffb", "time": struct{}{}, "pointer": new(int64), "uint64": uint64(math.MaxUint64)} {
		err := f.db.Write(ctx, 1, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO item (tn, id, s) VALUES (1, 1, $1)", v)
			return err
		})
		wantKind(t, name, err, ward.Internal)
	}
	for name, try := range map[string]func(tx *db.Tx) error{
		"row of another length": func(tx *db.Tx) error {
			return tx.Insert(ctx, "item", []string{"tn", "id"}, [][]any{{1, 1}, {1}})
		},
		"table name": func(tx *db.Tx) error {
			return tx.Insert(ctx, "item; DROP TABLE item", []string{"tn", "id"}, [][]any{{1, 1}})
		},
		"column name": func(tx *db.Tx) error { return tx.Insert(ctx, "item", []string{"tn", `id"`}, [][]any{{1, 1}}) },
		"counter name": func(tx *db.Tx) error {
			_, err := tx.Allocate(ctx, `a"b`, 1)
			return err
		},
		"counter amount": func(tx *db.Tx) error {
			_, err := tx.Allocate(ctx, "a", 0)
			return err
		},
		"two rows for one": func(tx *db.Tx) error {
			var n int64
			_, err := tx.Get(ctx, "SELECT 1 UNION ALL SELECT 2", nil, &n)
			return err
		},
	} {
		wantKind(t, name, f.db.Write(ctx, 1, try), ward.Internal)
	}
	same(t, "items", ids(t, f.db, db.System))
}

func testInsert(t *testing.T, f *fixture) {
	ctx := t.Context()
	var rows [][]any
	for i := range 3001 {
		rows = append(rows, []any{1, i, "s", []byte{byte(i)}, i})
	}
	f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error {
		return tx.Insert(ctx, "item", []string{"tn", "id", "s", "b", "n"}, rows)
	}))
	var count, sum int64
	f.must(t, f.db.Read(ctx, 1, func(tx *db.Tx) error {
		_, err := tx.Get(ctx, "SELECT COUNT(*), CAST(SUM(n) AS BIGINT) FROM item WHERE n = id", nil, &count, &sum)
		return err
	}))
	if count != 3001 || sum != 3000*3001/2 {
		t.Errorf("got %d rows, sum %d", count, sum)
	}
	err := put(ctx, f.db, 5000, 5001, 2999, 5002)
	if !db.IsUnique(err) {
		t.Errorf("duplicate in a bulk insert: %v", err)
	}
	f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error { return tx.Insert(ctx, "item", []string{"id"}, nil) }))
}

func testTenants(t *testing.T, f *fixture) {
	ctx := t.Context()
	for tn := range 3 {
		f.must(t, f.db.Write(ctx, db.Tenant(tn+1), func(tx *db.Tx) error {
			if tx.Tenant() != db.Tenant(tn+1) {
				t.Errorf("tenant %d", tx.Tenant())
			}
			return tx.Insert(ctx, "item", []string{"tn", "id"}, [][]any{{tn + 1, 10 + tn}})
		}))
	}
	same(t, "system", ids(t, f.db, db.System), 10, 11, 12)
	if f.db.Engine() != PostgreSQL {
		return // SQLite has no second wall behind the predicate on tn
	}
	same(t, "tenant 2", ids(t, f.db, 2), 11)
	same(t, "unknown tenant", ids(t, f.db, 9))
	for name, statement := range map[string]string{
		"insert for another": "INSERT INTO item (tn, id) VALUES (3, 99)",
		"move to another":    "UPDATE item SET tn = 3, id = 99 WHERE id = 11",
	} {
		err := f.db.Write(ctx, 2, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		wantKind(t, name, err, ward.Internal)
	}
	f.must(t, f.db.Write(ctx, 2, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM item")
		if n != 1 {
			t.Errorf("tenant 2 deleted %d rows, want its own one", n)
		}
		return err
	}))
	same(t, "system after delete", ids(t, f.db, db.System), 10, 12)
	unset := f.db.Read(ctx, 2, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL ward.tenant = ''"); err != nil {
			return err
		}
		_, err := columnIn[int64](ctx, tx, "SELECT id FROM item")
		return err
	})
	wantKind(t, "without a tenant", unset, ward.Internal)
}
