package db_test

import (
	"slices"
	"testing"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

func TestMarked(t *testing.T) {
	for _, c := range []struct {
		text  string
		n     int
		plain string
		order []int
		ok    bool
	}{
		{"SELECT 1", 0, "SELECT 1", nil, true},
		{"VALUES (?,?)", 2, "VALUES (?,?)", nil, true},
		{"a = $1 AND b = $2", 2, "a = ? AND b = ?", []int{0, 1}, true},
		{"b = $2 AND a = $1 OR c = $2", 2, "b = ? AND a = ? OR c = ?", []int{1, 0, 1}, true},
		{"x IN ($1,$10,$2)", 10, "", nil, false}, // 3 to 9 are not named
		{"a = '$1' AND b = $1", 1, "a = '$1' AND b = ?", []int{0}, true},
		{`"$2" = $1 AND 'it''s $3' = $2`, 2, `"$2" = ? AND 'it''s $3' = ?`, []int{0, 1}, true},
		{"a = $2", 1, "", nil, false},
		{"a = $0", 1, "", nil, false},
		{"a = $name", 1, "", nil, false},
		{"a = ? AND b = $1", 1, "", nil, false},
		{"a = $1 -- $2", 1, "", nil, false},
		{"a = $1 /* ' */ AND b = $2", 2, "", nil, false},
		{"a - $1 / $2", 2, "a - ? / ?", []int{0, 1}, true},
	} {
		plain, order, ok := db.Marked(c.text, c.n)
		if ok != c.ok || ok && (plain != c.plain || !slices.Equal(order, c.order)) {
			t.Errorf("%s: %q, %v, %v", c.text, plain, order, ok)
		}
	}
}

// Arguments are found by their numbers on both databases, however often and in whatever order the text names them.
func TestNumberedArguments(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d, ctx := open(), t.Context()
		var a, b, c string
		err := d.Read(ctx, db.System, func(tx *db.Tx) error {
			for range 2 { // the second time it is prepared
				if _, err := tx.Get(ctx, "SELECT CAST($2 AS TEXT), CAST($1 AS TEXT), CAST($2 AS TEXT) || ' $1'", []any{"one", "two"}, &a, &b, &c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || a != "two" || b != "one" || c != "two $1" {
			t.Errorf("%q, %q, %q, %v", a, b, c, err)
		}
		err = d.Read(ctx, db.System, func(tx *db.Tx) error {
			_, err := tx.Get(ctx, "SELECT CAST($2 AS TEXT), CAST($1 AS TEXT), CAST($2 AS TEXT) || ' $1'", []any{"one"}, &a, &b, &c)
			return err
		})
		if err == nil {
			t.Error("one argument was taken for two")
		}
	})
}
