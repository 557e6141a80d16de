package db_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// rowTables is one table of rows.
var rowTables = db.Migrations{Owner: "rows", Files: fstest.MapFS{"0001_row.sql": {Data: []byte(
	`CREATE TABLE row (id {{int}} PRIMARY KEY, s {{text}}, b {{blob}}) {{strict}}; CREATE INDEX row_s ON row (s);`)}}}

func withRows(t *testing.T, c db.Config) *db.DB {
	t.Helper()
	d := dbtest.OpenDB(t, c)
	if err := d.Migrate(t.Context(), rowTables); err != nil {
		t.Fatal(err)
	}
	return d
}

// addRow adds rows with the ids, all of the same text.
func addRow(ctx context.Context, d *db.DB, text string, ids ...int) error {
	return d.Write(ctx, db.System, func(tx *db.Tx) error {
		rows := make([][]any, len(ids))
		for i, id := range ids {
			rows[i] = []any{id, text}
		}
		return tx.Insert(ctx, "row", []string{"id", "s"}, rows)
	})
}

func rowIDs(t *testing.T, d *db.DB) string {
	t.Helper()
	var got []int64
	err := d.Read(t.Context(), db.System, func(tx *db.Tx) error {
		got = nil
		rows, err := tx.Query(t.Context(), "SELECT id FROM row ORDER BY id")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			got = append(got, id)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(got)
}

// TestPragmas reads back what durability and safety stand on.
func TestPragmas(t *testing.T) {
	d := withRows(t, dbtest.Open(t, dbtest.SQLite))
	writer, reader, release, err := db.Sessions(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, want := range []struct{ name, writer, reader string }{
		{"journal_mode", "wal", "wal"},
		{"synchronous", "2", "2"}, // FULL
		{"foreign_keys", "1", "1"},
		{"busy_timeout", "5000", "5000"},
		{"journal_size_limit", "67108864", "67108864"},
		{"temp_store", "2", "2"},
		{"secure_delete", "1", "1"},
		{"query_only", "0", "1"},
	} {
		var w, r string
		if err := writer.QueryRowContext(t.Context(), "PRAGMA "+want.name).Scan(&w); err != nil {
			t.Fatal(err)
		}
		if err := reader.QueryRowContext(t.Context(), "PRAGMA "+want.name).Scan(&r); err != nil {
			t.Fatal(err)
		}
		if w != want.writer || r != want.reader {
			t.Errorf("%s is %s (writer) and %s (readers), want %s and %s", want.name, w, r, want.writer, want.reader)
		}
	}
}

// childEnv tells the test binary that it is the traced child.
const childEnv = "WARD_DB_SYNC_CHILD"

// TestSyncs runs durable writes in a child under strace and counts the syncs of the kernel: one by one, each write
// must cost at least one; together, many writes share one.
func TestSyncs(t *testing.T) {
	const n = 200
	if path := os.Getenv(childEnv); path != "" {
		syncChild(t, path, n)
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		text := "NOT RUN: strace is missing, nothing counted the syncs of durable writes (Debian: apt-get install strace)"
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal(text)
		}
		fmt.Printf("\n%s\n\n", text)
		t.Skip(text)
	}
	for _, mode := range []string{"single", "grouped"} {
		dir := t.TempDir()
		trace := filepath.Join(dir, "trace")
		cmd := exec.Command(strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", trace, os.Args[0], "-test.run=^TestSyncs$", "-test.v")
		cmd.Env = append(os.Environ(), childEnv+"="+filepath.Join(dir, mode))
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("acknowledged 200")) {
			t.Fatalf("%s: %v: %s", mode, err, out)
		}
		b, err := os.ReadFile(trace)
		if err != nil {
			t.Fatal(err)
		}
		syncs := len(regexp.MustCompile(`f(data)?sync\(\d+\)? `).FindAll(b, -1))
		t.Logf("%s: %d writes, %d syncs", mode, n, syncs)
		if mode == "single" && syncs < n {
			t.Errorf("%d durable writes cost %d syncs", n, syncs)
		}
		if mode == "grouped" && (syncs < 1 || syncs >= n) {
			t.Errorf("%d writes at the same time cost %d syncs", n, syncs)
		}
	}
}

// syncChild writes n rows, one by one or all at the same time.
func syncChild(t *testing.T, path string, n int) {
	d := withRows(t, db.Config{Path: path})
	var all sync.WaitGroup
	for i := range n {
		write := func() {
			if err := addRow(t.Context(), d, "s", i); err != nil {
				t.Error(err)
			}
		}
		if strings.HasSuffix(path, "grouped") {
			all.Go(write)
		} else {
			write()
		}
	}
	all.Wait()
	fmt.Println("acknowledged", n)
}

// TestLibc holds that go.mod has exactly the modernc.org/libc that modernc.org/sqlite was made with; any other may
// corrupt data.
func TestLibc(t *testing.T) {
	list := func(format string) string {
		out, err := exec.Command("go", "list", "-m", "-f", format, "modernc.org/sqlite").CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	mod, err := os.ReadFile(list("{{.GoMod}}"))
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`modernc\.org/libc (v\S+)`).FindSubmatch(mod)
	if want == nil {
		t.Fatal("modernc.org/sqlite does not say which libc it wants")
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "modernc.org/libc").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != string(want[1]) {
		t.Errorf("modernc.org/libc is %s, modernc.org/sqlite wants %s", got, want[1])
	}
}

// TestFull lets the disk become full in the middle of a group: SQLite may then roll back the whole transaction by
// itself. The members that fit must be kept all the same.
func TestFull(t *testing.T) {
	ctx := t.Context()
	c := dbtest.Open(t, dbtest.SQLite)
	d := withRows(t, c)
	held, free, first := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		var once sync.Once
		first <- d.Write(ctx, db.System, func(tx *db.Tx) error {
			once.Do(func() { close(held) })
			<-free
			_, err := tx.Exec(ctx, "PRAGMA max_page_count = 200")
			return err
		})
	}()
	<-held
	results := make([]error, 9)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			results[i] = d.Write(ctx, db.System, func(tx *db.Tx) error {
				size := 10
				if i%3 == 1 {
					size = 4 << 20 // more than 200 pages
				}
				return tx.Insert(ctx, "row", []string{"id", "b"}, [][]any{{i, make([]byte, size)}})
			})
		})
		for d.Waiting() <= i {
		}
	}
	close(free)
	all.Wait()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	for i, err := range results {
		if i%3 != 1 && err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if i%3 == 1 && ward.KindOf(err) != ward.Unavailable {
			t.Errorf("%d: got %v, want that the disk is full", i, err)
		}
	}
	if got := rowIDs(t, d); got != "[0 2 3 5 6 8]" {
		t.Errorf("kept %v", got)
	}
	if err := d.Check(ctx); err != nil {
		t.Error(err)
	}
}

// TestDamage overwrites an index page and a row; the check must find both.
func TestDamage(t *testing.T) {
	for _, mark := range []string{"needle-in-table", "needle-in-index"} {
		c := dbtest.Open(t, dbtest.SQLite)
		d, err := db.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(t.Context(), rowTables); err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			if err := addRow(t.Context(), d, fmt.Sprintf("needle %04d", i), i); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(c.Path + "-wal"); err == nil && info.Size() > 0 {
			t.Errorf("Close left a log of %d bytes", info.Size())
		}
		b, err := os.ReadFile(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(b, []byte("needle 0100"))
		if mark == "needle-in-index" {
			at = bytes.LastIndex(b, []byte("needle 0100"))
		}
		copy(b[at:], "nEEdle")
		if err := os.WriteFile(c.Path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		damaged := dbtest.OpenDB(t, c)
		if err := damaged.Check(t.Context()); ward.KindOf(err) != ward.Internal || err == nil {
			t.Errorf("%s changed: the check says %v", mark, err)
		}
	}
}

// TestCheckpoint holds that the timer's work empties the log while the database is in use.
func TestCheckpoint(t *testing.T) {
	c := dbtest.Open(t, dbtest.SQLite)
	d := withRows(t, c)
	for i := range 50 {
		if err := addRow(t.Context(), d, strings.Repeat("x", 10000), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(d); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(c.Path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log has %d bytes after a checkpoint (%v)", info.Size(), err)
	}
	if err := addRow(t.Context(), d, "after", 50); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{c.Path, c.Path + "-wal", c.Path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", filepath.Base(name), info.Mode(), err)
		}
	}
}

func TestStatementsAreBounded(t *testing.T) {
	ctx := t.Context()
	d := withRows(t, dbtest.Open(t, dbtest.SQLite))
	for i := range 2 * db.MaxStatements {
		err := d.Write(ctx, db.System, func(tx *db.Tx) error {
			var got int
			_, err := tx.Get(ctx, fmt.Sprintf("SELECT %d", i), nil, &got)
			if got != i {
				t.Errorf("got %d, want %d", got, i)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.Prepared(ctx, d); err != nil || n != db.MaxStatements {
		t.Errorf("%d statements are kept, %v", n, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]db.Config{
		"nothing":        {},
		"both":           {Path: filepath.Join(dir, "a"), DSN: "postgres:///a"},
		"no directory":   {Path: filepath.Join(dir, "no", "a")},
		"a directory":    {Path: dir},
		"not a database": {Path: text},
		"bad dsn":        {DSN: "postgres://user:hunter2@host:port/x"},
		"no server":      {DSN: "postgres://user:hunter2@localhost/x?host=" + dir},
	} {
		d, err := db.Open(ctx, c)
		if err == nil {
			t.Errorf("%s: opened %v", name, d.Close())
			continue
		}
		if all := fmt.Sprintf("%v %+v %#v %v", err, c, c, ward.PublicText(err)); strings.Contains(all, "hunter2") {
			t.Errorf("%s: the password is shown: %s", name, all)
		}
	}
	odd := filepath.Join(dir, "odd?name=#1 %41&x.db")
	d := dbtest.OpenDB(t, db.Config{Path: odd})
	if err := d.Migrate(ctx, rowTables); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(odd); err != nil || info.Size() == 0 {
		t.Errorf("the file with the odd name: %v %v", info, err)
	}
}
