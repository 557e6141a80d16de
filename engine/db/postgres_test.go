package db_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// with returns a connection string with one parameter changed.
func with(t *testing.T, dsn, key, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestPostgresRefuses(t *testing.T) {
	dsn := dbtest.Postgres(t)
	for name, bad := range map[string]string{
		"superuser":              with(t, dsn, "user", "postgres"),
		"synchronous_commit off": with(t, dsn, "options", "-c synchronous_commit=off"),
		"no such role":           with(t, dsn, "user", "nobody_here"),
	} {
		d, err := db.Open(t.Context(), db.Config{DSN: bad})
		if err == nil {
			t.Errorf("%s: opened, %v", name, d.Close())
		}
	}
}

// TestPostgresSettings reads back the limits of a session.
func TestPostgresSettings(t *testing.T) {
	d := dbtest.OpenDB(t, dbtest.Open(t, dbtest.PostgreSQL))
	for name, want := range map[string]string{"statement_timeout": "1min", "idle_in_transaction_session_timeout": "1min",
		"synchronous_commit": "on", "ward.tenant": "7", "transaction_isolation": "repeatable read"} {
		var got string
		err := d.Read(t.Context(), 7, func(tx *db.Tx) error {
			_, err := tx.Get(t.Context(), "SELECT current_setting($1)", []any{name}, &got)
			return err
		})
		if err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
}

// TestErrorsHoldNoValues makes PostgreSQL quote a value in its message and detail.
func TestErrorsHoldNoValues(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		ctx := t.Context()
		d := open()
		if err := d.Migrate(ctx, rowTables); err != nil {
			t.Fatal(err)
		}
		if err := addRow(ctx, d, "ZZCANARY", 1); err != nil {
			t.Fatal(err)
		}
		for name, try := range map[string]func(tx *db.Tx) error{
			"duplicate": func(tx *db.Tx) error {
				return tx.Insert(ctx, "row", []string{"id", "s"}, [][]any{{1, "ZZCANARY"}})
			},
			"type": func(tx *db.Tx) error {
				return tx.Insert(ctx, "row", []string{"id", "s"}, [][]any{{"ZZCANARY", "ZZCANARY"}})
			},
			"cast in rows": func(tx *db.Tx) error {
				rows, err := tx.Query(ctx, "SELECT s FROM row")
				if err != nil {
					return err
				}
				defer rows.Close()
				rows.Next()
				return errors.New("stop")
			},
			"scan": func(tx *db.Tx) error {
				var n int64
				_, err := tx.Get(ctx, "SELECT s FROM row", nil, &n)
				return err
			},
		} {
			err := d.Write(ctx, db.System, try)
			if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "ZZCANARY") {
				t.Errorf("%s: %v", name, err)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), "ZZCANARY") {
					t.Errorf("%s: the chain holds the value: %#v", name, e)
				}
			}
		}
	})
}

// proxy stands between a database handle and the server and cuts connections at chosen messages of the client.
type proxy struct {
	server string // socket of the server
	cut    atomic.Pointer[cut]
	held   chan struct{} // if set, a connection that is cut stays open until this is closed
}

// cut says at which message a connection is cut, once.
type cut struct {
	text    string
	deliver bool // the server gets the message and acts on it, but its answer is lost
}

// through starts a proxy and returns the connection string that leads through it.
func through(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	p := &proxy{server: filepath.Join(u.Query().Get("host"), socket)}
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return p, with(t, dsn, "host", dir)
}

// serve carries one connection.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool
	answered := make(chan struct{}, 1)
	go func() {
		defer client.Close()
		b := make([]byte, 1<<16)
		for {
			n, err := server.Read(b)
			if err != nil {
				return
			}
			if mute.Load() {
				answered <- struct{}{}
				return
			}
			if _, err := client.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	for first := true; ; first = false {
		message, err := readMessage(client, first)
		if err != nil {
			return
		}
		if c := p.cut.Load(); c != nil && bytes.Contains(message, []byte(c.text)) && p.cut.CompareAndSwap(c, nil) {
			if !c.deliver {
				if p.held != nil {
					<-p.held // half open: nobody answers, and nobody says so
				}
				return
			}
			mute.Store(true)
			server.Write(message)
			<-answered
			return
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads one message of the PostgreSQL protocol; the first one has no type byte.
func readMessage(r io.Reader, first bool) ([]byte, error) {
	head := 5
	if first {
		head = 4
	}
	b := make([]byte, head)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(b[head-4:])-4)
	_, err := io.ReadFull(r, body)
	return append(b, body...), err
}

// TestLostCommit fails a commit both ways: not persisted, and persisted though it reported an error. A connection that
// is lost before the commit is not even noticed.
func TestLostCommit(t *testing.T) {
	dsn := dbtest.Postgres(t)
	direct := withRows(t, db.Config{DSN: dsn})
	p, dsn := through(t, dsn)
	d := dbtest.OpenDB(t, db.Config{DSN: dsn})
	kept := "["
	for i, c := range []struct {
		cut        cut
		fail, kept bool
	}{
		{cut{"INSERT INTO row", false}, false, true},
		{cut{"COMMIT\x00", false}, true, false},
		{cut{"COMMIT\x00", true}, true, true},
		{cut{"BEGIN", false}, false, true},
	} {
		hooks := 0
		p.cut.Store(&c.cut)
		err := d.Write(t.Context(), db.System, func(tx *db.Tx) error {
			tx.AfterCommit(func() { hooks++ })
			_, err := tx.Exec(t.Context(), fmt.Sprintf("INSERT INTO row (id, s) VALUES ($1, '%d')", i), i) // new text: parsed again
			return err
		})
		if p.cut.Load() != nil {
			t.Errorf("%v did not happen", c.cut)
		}
		if c.fail != (err != nil) || c.fail && ward.KindOf(err) != ward.Unavailable || hooks == 1 == c.fail {
			t.Errorf("%v: %v, hooks %d", c.cut, err, hooks)
		}
		if c.kept {
			kept += fmt.Sprint(i, " ")
		}
		if got, want := rowIDs(t, direct), strings.TrimSuffix(kept, " ")+"]"; got != want {
			t.Errorf("%v: kept %s, want %s", c.cut, got, want)
		}
	}
}

// TestConnectionsAreReplaced ends every connection of a node, again and again.
func TestConnectionsAreReplaced(t *testing.T) {
	dsn := dbtest.Postgres(t)
	other := withRows(t, db.Config{DSN: dsn})
	d := dbtest.OpenDB(t, db.Config{DSN: with(t, dsn, "application_name", "victim")})
	heard, stop := d.Listen("topic")
	defer stop()
	for i := range 5 {
		err := other.Read(t.Context(), db.System, func(tx *db.Tx) error {
			var n int
			_, err := tx.Get(t.Context(), "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'victim'", nil, &n)
			if n == 0 {
				t.Error("there was no connection to end")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for w := range 10 {
			all.Go(func() {
				if err := addRow(t.Context(), d, "s", 100*i+w); err != nil {
					t.Errorf("write after the connection was lost: %v", err)
				}
				if err := d.Read(t.Context(), db.System, func(*db.Tx) error { return nil }); err != nil {
					t.Errorf("read after the connection was lost: %v", err)
				}
			})
		}
		all.Wait()
	}
	for limit := time.After(30 * time.Second); ; {
		other.Notify("topic")
		select {
		case <-heard:
			return
		case <-limit:
			t.Fatal("the node does not listen again")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestTenantsDoNotWait holds that a slow transaction of one tenant does not hold up another's on PostgreSQL.
func TestTenantsDoNotWait(t *testing.T) {
	d := withRows(t, dbtest.Open(t, dbtest.PostgreSQL))
	err := d.Write(t.Context(), 1, func(*db.Tx) error {
		done := make(chan error)
		go func() { done <- d.Write(t.Context(), 2, func(*db.Tx) error { return nil }) }()
		return <-done
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Write(ctx, 1, func(*db.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestAllocateIsBounded lets the server fall silent in the middle of Allocate, which others wait for.
func TestAllocateIsBounded(t *testing.T) {
	p, dsn := through(t, dbtest.Postgres(t))
	d := dbtest.OpenDB(t, db.Config{DSN: dsn})
	db.SetCounterPatience(d, 300*time.Millisecond)
	allocate := func(tn db.Tenant) error {
		return d.Write(t.Context(), tn, func(tx *db.Tx) error { _, err := tx.Allocate(t.Context(), "c", 1); return err })
	}
	p.held = make(chan struct{})
	p.cut.Store(&cut{"CREATE SEQUENCE", false})
	const writers = 3
	ended := make(chan error, writers)
	for i := range writers {
		go func() { ended <- allocate(db.Tenant(i + 1)) }()
	}
	limit := time.After(20 * time.Second)
	failed := 0
	for range writers {
		select {
		case err := <-ended:
			if err != nil {
				failed++
			}
			if err != nil && ward.KindOf(err) != ward.Unavailable {
				t.Error(err)
			}
		case <-limit:
			t.Error("Allocate waits for a server that does not answer")
			limit = nil
			close(p.held)
			<-ended
		}
	}
	if failed == 0 {
		t.Error("nobody met the silent server")
	}
	if limit != nil {
		close(p.held)
	}
	if err := allocate(1); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestCheckHasNoStatementLimit lets a statement of the check take longer than others may.
func TestCheckHasNoStatementLimit(t *testing.T) {
	dsn := dbtest.Postgres(t)
	other := withRows(t, db.Config{DSN: dsn})
	d := dbtest.OpenDB(t, db.Config{DSN: with(t, dsn, "statement_timeout", "200")})
	done := make(chan error, 1)
	err := other.Write(t.Context(), db.System, func(tx *db.Tx) error {
		if _, err := tx.Exec(t.Context(), "LOCK TABLE row IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
		go func() { done <- d.Check(t.Context()) }()
		for waiting := 0; waiting == 0; {
			if _, err := tx.Get(t.Context(), "SELECT COUNT(*) FROM pg_locks WHERE NOT granted", nil, &waiting); err != nil {
				return err
			}
		}
		select {
		case err := <-done:
			done <- err
		case <-time.After(time.Second): // five times the limit of a statement
		}
		return nil
	})
	if err := errors.Join(err, <-done); err != nil {
		t.Error(err)
	}
}
