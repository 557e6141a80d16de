package seal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/keystest"
	"github.com/ward-health/ward/engine/keys/seal"
)

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tables gives the columns of each table with the kind of each: i integer, b bytes, t text; a * marks the primary key.
var tables = map[string][]string{
	"key_mac":     {"*i tn", "t root", "b wrapped", "i created_us", "b mac"},
	"key_tenant":  {"*i tn", "*i version", "t root", "b wrapped", "i state", "i created_us", "b mac"},
	"key_subject": {"*i tn", "*b subj", "*i use", "b kid", "i kek_version", "b wrapped", "i state", "i created_us", "b mac"},
	"key_signing": {"*t name", "b kid", "t alg", "b public", "t root", "b wrapped", "i created_us", "b mac"},
}

type tableRow struct {
	table  string
	names  []string
	kinds  []byte
	key    []bool
	values []any
}

func (r tableRow) where(from int) (string, []any) {
	var parts []string
	var args []any
	for i, n := range r.names {
		if r.key[i] {
			parts = append(parts, fmt.Sprintf("%s = $%d", n, from+len(args)))
			args = append(args, r.values[i])
		}
	}
	return " WHERE " + strings.Join(parts, " AND "), args
}

// set writes one column of the row that the values of key name.
func (r tableRow) set(t *testing.T, d *db.DB, column int, v any) {
	t.Helper()
	where, args := r.where(2)
	write(t, d, "UPDATE "+r.table+" SET "+r.names[column]+" = $1"+where, append([]any{v}, args...)...)
}

func write(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	err := d.Write(ctx, db.System, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, query, args...)
		if err == nil && n == 0 {
			err = fmt.Errorf("no row was touched by %s", query)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func readRows(t *testing.T, d *db.DB, table string) []tableRow {
	t.Helper()
	var out []tableRow
	r := tableRow{table: table}
	for _, c := range tables[table] {
		kind, name, _ := strings.Cut(c, " ")
		r.names, r.key, r.kinds = append(r.names, name), append(r.key, kind[0] == '*'), append(r.kinds, kind[len(kind)-1])
	}
	err := d.Read(ctx, db.System, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+strings.Join(r.names, ", ")+" FROM "+table+" ORDER BY "+r.names[0])
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row := r
			ptrs := make([]any, len(r.names))
			for i, k := range r.kinds {
				switch k {
				case 'i':
					ptrs[i] = new(int64)
				case 'b':
					ptrs[i] = new([]byte)
				case 't':
					ptrs[i] = new(string)
				}
			}
			if err := rows.Scan(ptrs...); err != nil {
				return err
			}
			row.values = make([]any, len(ptrs))
			for i, p := range ptrs {
				switch p := p.(type) {
				case *int64:
					row.values[i] = *p
				case *[]byte:
					row.values[i] = append([]byte{}, *p...) // an empty one is not NULL
				case *string:
					row.values[i] = *p
				}
			}
			out = append(out, row)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// flips yields the value with one bit changed, once for each of its bytes.
func flips(v any) (out []any) {
	switch v := v.(type) {
	case int64:
		for i := range 8 {
			b := binary.BigEndian.AppendUint64(nil, uint64(v))
			b[i] ^= 1 << (i % 7)
			out = append(out, int64(binary.BigEndian.Uint64(b)))
		}
	case []byte:
		for i := range v {
			b := bytes.Clone(v)
			b[i] ^= 1 << (i % 8)
			out = append(out, b)
		}
		out = append(out, append(bytes.Clone(v), 1))
		if len(v) > 0 {
			out = append(out, v[:len(v)-1])
		}
	case string:
		for i := range v {
			b := []byte(v)
			b[i] ^= 1
			out = append(out, string(b))
		}
	}
	return out
}

// TestEveryByteOfEveryRow changes one bit in each byte of each column of a row of each kind; Check must find each, and
// nothing else may be wrong before and after.
func TestEveryByteOfEveryRow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		d := openDB()
		r := open(t, d, keystest.Root(t))
		if err := r.Ensure(ctx, tn, ann); err != nil {
			t.Fatal(err)
		}
		if err := destroy(d, r, tn, bob); err != nil {
			t.Fatal(err)
		}
		for name, alg := range map[string]string{"token": keys.ES256, "log": keys.Ed25519} {
			if _, _, err := r.Signer(ctx, name, alg); err != nil {
				t.Fatal(err)
			}
		}
		clean(t, r)
		changes := 0
		for table := range tables {
			rows := readRows(t, d, table)
			for _, row := range rows {
				if row.names[0] == "tn" && row.values[0] == int64(0) && table == "key_subject" {
					continue // of one kind with those of the other tenant
				}
				for i := range row.names {
					for _, v := range flips(row.values[i]) {
						changes++
						row.set(t, d, i, v)
						if len(check(t, r)) == 0 {
							t.Errorf("%s.%s: %x for %x was not found", table, row.names[i], v, row.values[i])
						}
						bad := row
						bad.values = slices.Clone(row.values)
						bad.values[i] = v
						bad.set(t, d, i, row.values[i])
					}
				}
			}
		}
		t.Logf("%d changes", changes)
		clean(t, r)
	})
}

// TestRowsThatMoved exchanges what is sealed between rows that are genuine each, and removes rows.
func TestRowsThatMoved(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		d, root := openDB(), keystest.Root(t)
		r := open(t, d, root)
		addTenant(t, d, r, 6)
		for _, n := range []db.Tenant{tn, 6} {
			if err := r.Ensure(ctx, n, ann, bob); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"token", "model"} {
			if _, _, err := r.Signer(ctx, name, keys.ES256); err != nil {
				t.Fatal(err)
			}
		}
		for table, columns := range tables {
			rows := readRows(t, d, table)
			for a := range rows {
				for b := range a {
					exchange(t, d, r, rows[a], rows[b])
				}
			}
			t.Logf("%s: %d rows of %d columns", table, len(rows), len(columns))
		}
		clean(t, r)
		if err := r.Ready(ctx); err != nil {
			t.Error("ready:", err)
		}
		node := readRows(t, d, "key_mac")[0]
		for _, v := range flips(node.values[2])[:3] {
			node.set(t, d, 2, v)
			wantKind(t, "ready on a changed key row", r.Ready(ctx), ward.Internal)
		}
		node.set(t, d, 2, node.values[2])
		// A swapped row is refused in use too, not only by Check. Each ring is fresh: nothing is cached.
		rows := readRows(t, d, "key_subject")
		var a, b tableRow
		for _, row := range rows {
			if row.values[0] == int64(tn) && row.values[2] == int64(seal.Data) {
				if bytes.Equal(row.values[1].([]byte), ann[:]) {
					a = row
				} else if bytes.Equal(row.values[1].([]byte), bob[:]) {
					b = row
				}
			}
		}
		swap(t, d, a, b, []string{"wrapped", "mac", "created_us"})
		fresh := open(t, openDB(), root)
		wantKind(t, "a swapped key row", second(fresh.Current(ctx, tn, ann, seal.Data)), ward.Internal)
		wantKind(t, "a swapped key row", fresh.Ensure(ctx, tn, ann), ward.Internal)
		wantKind(t, "a swapped key row", destroy(d, fresh, tn, ann), ward.Internal)
		swap(t, d, a, b, []string{"wrapped", "mac", "created_us"})
		clean(t, r)
		for table := range tables {
			for _, row := range readRows(t, d, table) {
				where, args := row.where(1)
				write(t, d, "DELETE FROM "+table+where, args...)
				if len(check(t, r)) == 0 {
					t.Errorf("a removed row of %s was not found", table)
				}
				write(t, d, "INSERT INTO "+table+" ("+strings.Join(row.names, ", ")+") VALUES ("+db.Placeholders(1, len(row.names))+")", row.values...)
			}
		}
		clean(t, r)
	})
}

// exchange swaps each single column, and all but the key, of two rows; whatever differs must be found.
func exchange(t *testing.T, d *db.DB, r *seal.Ring, a, b tableRow) {
	t.Helper()
	var all []string
	for i, n := range a.names {
		if a.key[i] || n == "kid" { // unique: cannot be held by two rows, not even for a moment
			continue
		}
		all = append(all, n)
		if n == "wrapped" || n == "mac" {
			swap(t, d, a, b, []string{n})
			if len(check(t, r)) == 0 {
				t.Errorf("%s.%s exchanged between two rows was not found", a.table, n)
			}
			swap(t, d, a, b, []string{n})
		}
	}
	swap(t, d, a, b, all)
	if len(check(t, r)) == 0 {
		t.Errorf("two rows of %s changed places and it was not found", a.table)
	}
	swap(t, d, a, b, all)
}

// swap exchanges the columns of two rows as they stand now.
func swap(t *testing.T, d *db.DB, a, b tableRow, columns []string) {
	t.Helper()
	current := func(r tableRow) tableRow {
		for _, now := range readRows(t, d, r.table) {
			same := true
			for i := range r.names {
				same = same && (!r.key[i] || fmt.Sprint(now.values[i]) == fmt.Sprint(r.values[i]))
			}
			if same {
				return now
			}
		}
		t.Fatal("a row is gone")
		return r
	}
	x, y := current(a), current(b)
	for i, n := range x.names {
		if slices.Contains(columns, n) {
			x.set(t, d, i, y.values[i])
			y.set(t, d, i, x.values[i])
		}
	}
}
