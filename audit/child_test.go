package audit

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
)

var childCredential = keys.Secret(bytes.Repeat([]byte{5}, 32))

// childLog opens everything below dir; the process owns it.
func childLog(dir, dsn string) (*db.DB, *seal.Ring, *Log, error) {
	c := db.Config{DSN: dsn}
	if dsn == "" {
		c.Path = filepath.Join(dir, "ward.db")
	}
	d, err := db.Open(bg, c)
	if err != nil {
		return nil, nil, nil, err
	}
	root, err := keys.OpenFile(filepath.Join(dir, "root.json"), nil, childCredential)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := d.Migrate(bg, seal.Migrations(), Migrations()); err != nil {
		return nil, nil, nil, err
	}
	ring, err := seal.Open(bg, d, root)
	if err != nil {
		return nil, nil, nil, err
	}
	l, err := Open(bg, Config{Dir: filepath.Join(dir, "log"), Emergency: filepath.Join(dir, "emergency"), Origin: "ward/child", Every: 10 * time.Millisecond}, d, ring)
	return d, ring, l, err
}

// child makes entries without end and prints the id of each one that was acknowledged.
func child() {
	d, _, l, err := childLog(os.Getenv("WARD_AUDIT_CHILD"), os.Getenv("WARD_AUDIT_DSN"))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	go l.Run(context.Background())
	var mu sync.Mutex
	for w := range 6 {
		go func() {
			for i := 0; ; i++ {
				var id ward.ID
				var err error
				if w < 4 {
					var rec Receipt
					rec, err = l.Begin(bg, read(i))
					id = rec.ID()
				} else {
					var p Prepared
					if p, err = l.Prepare(bg, write(i)); err == nil {
						err = d.Write(bg, 1, func(tx *db.Tx) error { _, err := l.Enter(bg, tx, p); return err })
					}
					id = p.ID()
				}
				mu.Lock()
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				fmt.Println(id)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// TestKill kills a node at random moments: everything acknowledged is in the log after each start.
func TestKill(t *testing.T) {
	for _, engine := range []string{dbtest.SQLite, dbtest.PostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			dir, dsn := t.TempDir(), ""
			if engine == dbtest.PostgreSQL {
				dsn = dbtest.Postgres(t)
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(keys.CreateFile(filepath.Join(dir, "root.json"), nil, childCredential))
			d, ring, l, err := childLog(dir, dsn)
			must(err)
			must(d.Write(bg, 1, func(tx *db.Tx) error { return ring.AddTenant(bg, tx, 1) }))
			must(l.Close())
			must(d.Close())
			acknowledged := 0
			var older verify.Checkpoint
			for round := range 6 {
				ids := killed(t, dir, dsn, 50+rand.IntN(600))
				acknowledged += len(ids)
				d, _, l, err := childLog(dir, dsn)
				must(err)
				must(l.Flush(bg))
				for _, id := range ids {
					if found, err := l.sequenced(bg, id); err != nil || !found {
						t.Fatalf("round %d: entry %v was acknowledged and is lost: %v", round, id, err)
					}
				}
				faults, err := l.Check(bg)
				if err != nil || len(faults) > 0 {
					t.Fatalf("round %d: %v %v", round, faults, err)
				}
				_, newer, err := l.published()
				must(err)
				path, _, err := l.ProveConsistency(bg, older.Size)
				must(err)
				if older.Size > 0 {
					must(verify.Consistency(path, older, newer))
				}
				older = newer
				must(l.Close())
				must(d.Close())
			}
			if older.Size < int64(acknowledged) {
				t.Fatalf("%d entries, %d acknowledged", older.Size, acknowledged)
			}
		})
	}
}

// killed runs a child until it has acknowledged n entries, kills it, and returns all that it acknowledged.
func killed(t *testing.T, dir, dsn string, n int) (ids []ward.ID) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WARD_AUDIT_CHILD="+dir, "WARD_AUDIT_DSN="+dsn)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() // "signal: killed"
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		id, err := ward.ParseID(lines.Text())
		if err != nil {
			if len(ids) >= n { // the last line may be cut
				continue
			}
			t.Fatalf("the child says %q", lines.Text())
		}
		if ids = append(ids, id); len(ids) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return ids
}
