package audit

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// found reports whether Check of the running log finds anything.
func (r *rig) found(l *Log) bool {
	r.t.Helper()
	faults, err := l.Check(bg)
	r.must(err)
	return len(faults) > 0
}

// TestTamperFiles changes one byte of each published file and of the journal, at random places, and deletes each file:
// Check, and for published files ward-verify, must find it; put back, both must be content.
func TestTamperFiles(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	for range 3 {
		r.fill(l, 130)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var names []string
	r.must(filepath.WalkDir(r.c.Dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "node" {
			names = append(names, name)
		}
		return err
	}))
	if len(names) < 7 {
		t.Fatal(names)
	}
	verifies := func() bool {
		report, err := verify.Log(os.DirFS(r.c.Dir), l.VerifierKey())
		return err == nil && len(report.Faults) == 0
	}
	for _, name := range names {
		whole, err := os.ReadFile(name)
		r.must(err)
		published := !strings.HasSuffix(name, ".seg")
		end := len(strings.TrimRight(string(whole), "\x00"))
		for range 12 {
			at := random.IntN(end)
			r.must(flip(name, int64(at), byte(1+random.IntN(255))))
			if !r.found(l) {
				t.Fatalf("%s: byte %d of %d changed and not found by Check", name, at, end)
			}
			if published && verifies() {
				t.Fatalf("%s: byte %d changed and not found by ward-verify", name, at)
			}
			r.must(put(name, whole))
		}
		r.must(os.Rename(name, name+".away"))
		if !r.found(l) {
			t.Fatalf("%s deleted and not found by Check", name)
		}
		if published && verifies() {
			t.Fatalf("%s deleted and not found by ward-verify", name)
		}
		r.must(os.Rename(name+".away", name))
	}
	r.clean(l)
	if !verifies() {
		t.Fatal("a false alarm")
	}
}

// flip changes a byte in place: the log has the file open.
func flip(name string, at int64, by byte) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil && err != io.EOF {
		return err
	}
	b[0] ^= by
	_, err = f.WriteAt(b[:], at)
	return err
}

func put(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(content, 0)
	return err
}

// rows of a table by their key, for tampering.
type rowKey []any

func keysOf(t *testing.T, d *db.DB, table string, key []string) (out []rowKey) {
	t.Helper()
	columns := strings.Join(key, ", ")
	err := d.Read(bg, db.System, func(tx *db.Tx) error {
		rows, err := tx.Query(bg, "SELECT "+columns+" FROM "+table+" ORDER BY "+columns)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			k := make(rowKey, len(key))
			dest := make([]any, len(key))
			for i := range k {
				dest[i] = &k[i]
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			out = append(out, k)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var tampered = []struct {
	table   string
	key     []string
	numbers []string
	blobs   []string
}{
	{"audit_row", []string{"tn", "node", "n"}, []string{"tn", "node", "n", "txid", "seq"}, []string{"id", "payload", "chain"}},
	{"audit_journal", []string{"node", "n"}, []string{"node", "n", "txid", "seq", "merged"}, []string{"id", "payload", "chain"}},
	{"audit_chain", []string{"tn", "node", "src"}, []string{"tn", "node", "src", "n"}, []string{"chain", "mac"}},
	{"audit_pos", []string{"idx"}, []string{"idx", "tn", "src", "a", "b"}, []string{"id"}},
	{"audit_subject", []string{"tn", "tag", "idx"}, []string{"tn", "idx"}, []string{"tag"}},
	{"audit_state", []string{"one"}, []string{"size", "epoch", "node", "row_txid", "row_seq", "jrn_a", "jrn_b"}, []string{"root", "edge", "jrn_mac", "mac"}},
}

// TestTamperRows changes every column of every table at random rows, and deletes random, first and last rows.
func TestTamperRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		l := r.open()
		defer l.Close()
		r.fill(l, 300)
		random := rand.New(rand.NewPCG(3, 4))
		for _, c := range tampered {
			keys := keysOf(t, r.db, c.table, c.key)
			if len(keys) == 0 {
				if c.table == "audit_journal" && r.db.Engine() == "sqlite" {
					continue
				}
				t.Fatal("no rows in", c.table)
			}
			for _, column := range append(c.numbers, c.blobs...) {
				for range 3 {
					k := keys[random.IntN(len(keys))]
					r.tamper(l, c.table, c.key, k, column, random)
				}
			}
			for _, k := range []rowKey{keys[0], keys[len(keys)-1], keys[random.IntN(len(keys))]} {
				r.without(l, c.table, c.key, k)
			}
		}
		r.clean(l)
	})
}

func where(key []string, first int) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = fmt.Sprintf("%s = $%d", k, first+i)
	}
	return " WHERE " + strings.Join(parts, " AND ")
}

// tamper changes one value, looks for the alarm, and puts the row back.
func (r *rig) tamper(l *Log, table string, key []string, k rowKey, column string, random *rand.Rand) {
	r.t.Helper()
	back := r.without(nil, table, key, k)
	var value any
	for i, name := range back.columns {
		if name != column {
			continue
		}
		switch v := back.values[i].(type) {
		case int64:
			value = v + 1 + random.Int64N(1000)*2
		case []byte:
			b := append([]byte(nil), v...)
			if len(b) == 0 {
				b = []byte{1}
			} else {
				b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
			}
			value = b
		}
	}
	changed := append([]any(nil), back.values...)
	newKey := append(rowKey(nil), k...)
	for i, name := range back.columns {
		if name == column {
			changed[i] = value
		}
		for x, part := range key {
			if part == name {
				newKey[x] = changed[i]
			}
		}
	}
	r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error { return tx.Insert(bg, table, back.columns, [][]any{changed}) }))
	if !r.found(l) {
		r.t.Fatalf("%s.%s of %v changed and not found", table, column, k)
	}
	r.without(nil, table, key, newKey)
	r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error { return tx.Insert(bg, table, back.columns, [][]any{back.values}) }))
}

type savedRow struct {
	columns []string
	values  []any
}

// without deletes a row. With a log it looks for the alarm and puts the row back.
func (r *rig) without(l *Log, table string, key []string, k rowKey) savedRow {
	r.t.Helper()
	var saved savedRow
	r.must(r.db.Read(bg, db.System, func(tx *db.Tx) error {
		rows, err := tx.Query(bg, "SELECT * FROM "+table+where(key, 1), k...)
		if err != nil {
			return err
		}
		defer rows.Close()
		if saved.columns, err = rows.Columns(); err != nil {
			return err
		}
		for rows.Next() {
			saved.values = make([]any, len(saved.columns))
			dest := make([]any, len(saved.columns))
			for i := range dest {
				dest[i] = &saved.values[i]
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
		}
		return rows.Err()
	}))
	r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error {
		n, err := tx.Exec(bg, "DELETE FROM "+table+where(key, 1), k...)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows of %s", n, table)
		}
		return err
	}))
	if l != nil {
		if !r.found(l) {
			r.t.Fatalf("row %v of %s deleted and not found", k, table)
		}
		r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error { return tx.Insert(bg, table, saved.columns, [][]any{saved.values}) }))
	}
	return saved
}

// TestUnsequencedRows: a row that was changed or deleted before the sequencer saw it gets no index.
func TestUnsequencedRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		l := r.open()
		defer l.Close()
		r.fill(l, 6)
		for i := range 3 {
			r.enter(l, write(i))
		}
		keys := keysOf(t, r.db, "audit_row", []string{"tn", "node", "n"})
		saved := r.without(nil, "audit_row", []string{"tn", "node", "n"}, keys[len(keys)-2])
		if err := l.Flush(bg); ward.KindOf(err) != ward.Internal {
			t.Fatalf("a deleted row: %v", err)
		}
		if l.Size() != 6 || l.Degraded() == nil {
			t.Fatalf("size %d, %v", l.Size(), l.Degraded())
		}
		r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error { return tx.Insert(bg, "audit_row", saved.columns, [][]any{saved.values}) }))
		r.must(l.Flush(bg))
		if l.Size() != 9 || l.Degraded() != nil {
			t.Fatalf("size %d, %v", l.Size(), l.Degraded())
		}
		r.clean(l)
	})
}

// TestRollback sets the database back while folder and journal go on: Open refuses, and so do Check and a running log.
func TestRollback(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ward.db")
	openDB := func() *db.DB {
		d, err := db.Open(bg, db.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := openDB()
	r := newRig(t, d)
	l := r.open()
	r.fill(l, 40)
	r.must(l.Close())
	r.must(d.Close())
	old, err := os.ReadFile(path)
	r.must(err)
	folder := filepath.Join(t.TempDir(), "old")
	r.must(os.CopyFS(folder, os.DirFS(r.c.Dir)))

	r.db = openDB()
	r.openRing()
	l = r.open()
	r.fill(l, 40)
	r.must(l.Close())
	r.must(r.db.Close())

	restore := func() {
		for _, side := range []string{"", "-wal", "-shm"} {
			os.Remove(path + side)
		}
		r.must(os.WriteFile(path, old, 0o600))
		r.db = openDB()
		r.openRing()
	}
	restore()
	if err := r.refused(); ward.KindOf(err) != ward.Unavailable || !strings.Contains(err.Error(), "older") {
		t.Fatalf("against the checkpoint: %v", err)
	}
	// Without the checkpoint and tiles the journal's anchors stand against it.
	r.must(os.Remove(filepath.Join(r.c.Dir, checkpointName)))
	r.must(os.RemoveAll(filepath.Join(r.c.Dir, "tile")))
	if err := r.refused(); ward.KindOf(err) != ward.Unavailable || !strings.Contains(err.Error(), "older") {
		t.Fatalf("against the anchor: %v", err)
	}
	r.must(r.db.Close())
	// Restoring both from the same moment is fine.
	restore()
	r.must(os.RemoveAll(r.c.Dir))
	r.must(os.CopyFS(r.c.Dir, os.DirFS(folder)))
	l = r.open()
	r.fill(l, 5)
	r.clean(l)
	r.must(l.Close())
	r.must(r.db.Close())
}

// TestRegrown: a database that lost its entries and then grew past the published size is found out by the root.
func TestRegrown(t *testing.T) {
	for _, n := range []int{20, 30} {
		dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
			r := newRig(t, open())
			l := r.open()
			for i := range 20 {
				r.enter(l, write(i))
			}
			r.must(l.Flush(bg))
			r.must(l.Close())
			r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error {
				for _, table := range []string{"audit_row", "audit_chain", "audit_journal", "audit_state", "audit_pos", "audit_subject"} {
					if _, err := tx.Exec(bg, "DELETE FROM "+table); err != nil {
						return err
					}
				}
				return nil
			}))
			published := r.c.Dir
			r.c.Dir = filepath.Join(t.TempDir(), "log")
			l = r.open()
			for i := range n {
				r.enter(l, write(i))
			}
			r.must(l.Flush(bg))
			r.must(l.Close())
			r.c.Dir = published
			if err := r.refused(); ward.KindOf(err) != ward.Unavailable || !strings.Contains(err.Error(), "older") {
				t.Fatal(err)
			}
		})
	}
}

// TestUnknownCommit: a transaction of the sequencer that was kept although it seemed to fail is found and published.
func TestUnknownCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		l := r.open()
		defer l.Close()
		r.fill(l, 10)
		for i := range 10 {
			r.begin(l, read(i))
			r.enter(l, write(i))
		}
		s := &l.seq
		s.mu.Lock()
		before := s.st
		err := l.sequence(bg)
		s.st, s.fresh, s.gap, s.recent = before, false, true, nil // what pass leaves after an error
		s.mu.Unlock()
		r.must(err)
		r.must(l.Flush(bg))
		if l.Size() != 30 {
			t.Fatal(l.Size())
		}
		r.clean(l)
	})
}

// TestFenced: of two sequencers the older one fails at its next transaction and publishes nothing more.
func TestFenced(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		l := r.open()
		defer l.Close()
		r.fill(l, 10)
		_, err := claim(bg, r.db, l.mac, l.node+1)
		r.must(err)
		before := l.Size()
		r.enter(l, write(1))
		l.seq.mu.Lock()
		l.rowsRead = time.Time{}
		l.seq.mu.Unlock()
		if err := l.pass(bg); ward.KindOf(err) != ward.Conflict {
			t.Fatalf("the fenced sequencer: %v", err)
		}
		if l.Size() != before {
			t.Fatal("it published")
		}
		if r.db.Engine() == "sqlite" {
			if err := l.pass(bg); ward.KindOf(err) != ward.Conflict {
				t.Fatalf("the fenced sequencer, again: %v", err)
			}
			return
		}
		// On PostgreSQL it stands by, and takes over when the other one is silent for the time of the lease.
		ctx, cancel := context.WithTimeout(bg, 30*time.Second)
		defer cancel()
		begin := time.Now()
		r.must(l.Flush(ctx))
		if time.Since(begin) < leaseTime {
			t.Fatal("it did not wait for the lease to end")
		}
		r.clean(l)
	})
}

// TestTwoNodes: both nodes of a PostgreSQL set make entries, one sequences, both publish the same log.
func TestTwoNodes(t *testing.T) {
	c := dbtest.Open(t, dbtest.PostgreSQL)
	r := newRig(t, dbtest.OpenDB(t, c))
	a := r.open()
	defer a.Close()
	r2 := *r
	r2.db = dbtest.OpenDB(t, c)
	r2.c.Dir = filepath.Join(t.TempDir(), "log")
	r2.c.Emergency = filepath.Join(t.TempDir(), "emergency")
	r2.openRing()
	b := r2.open()
	defer b.Close()
	ctx, cancel := context.WithCancel(bg)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	r.fill(a, 30)
	for i := range 30 {
		if i%2 == 0 {
			r2.begin(b, read(i))
		} else {
			r2.enter(b, write(i))
		}
	}
	r2.must(b.Flush(bg)) // sequenced by a
	r.must(a.Flush(bg))
	if a.Size() != 60 || b.Size() != 60 || b.seq.leader {
		t.Fatal(a.Size(), b.Size(), b.seq.leader)
	}
	one, _, err := a.published()
	r.must(err)
	two, _, err := b.published()
	r.must(err)
	if string(one) != string(two) {
		t.Fatal("the nodes published different checkpoints")
	}
	cancel()
	r.must(<-ended)
	r.clean(a)
	r.clean(b)
}
