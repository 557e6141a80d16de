package db_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestSmoke(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		ctx := context.Background()
		d := open()
		m := db.Migrations{Owner: "smoke", Files: fstest.MapFS{"0001_a.sql": {Data: []byte(
			"CREATE TABLE a (tn {{int}} NOT NULL, id {{blob}} NOT NULL, s {{text}} NOT NULL, PRIMARY KEY (tn, id)) {{narrow}};\n{{rls a}}\nCREATE INDEX a_s ON a (tn, s);")}}}
		for range 2 {
			if err := d.Migrate(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		err := d.Write(ctx, 5, func(tx *db.Tx) error {
			n, err := tx.Allocate(ctx, "x", 3)
			t.Log(n, err)
			return tx.Insert(ctx, "a", []string{"tn", "id", "s"}, [][]any{{5, []byte{1}, "b"}, {5, [2]byte{1, 2}, "B"}})
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, tn := range []db.Tenant{5, 6, 0} {
			var n int64
			if err := d.Read(ctx, tn, func(tx *db.Tx) error {
				_, err := tx.Get(ctx, "SELECT count(*) FROM a", nil, &n)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			t.Log(tn, n)
		}
		err = d.Write(ctx, 5, func(tx *db.Tx) error {
			return tx.Insert(ctx, "a", []string{"tn", "id", "s"}, [][]any{{5, []byte{1}, "b"}})
		})
		t.Log(db.IsUnique(err), err)
		if err := d.Check(ctx); err != nil {
			t.Fatal(err)
		}
	})
}
