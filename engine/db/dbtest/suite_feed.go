package dbtest

import (
	"math"
	"slices"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

func testAllocate(t *testing.T, f *fixture) {
	ctx := t.Context()
	nodes := []*db.DB{f.db, f.open(t), f.open(t), f.open(t)}
	type span struct{ first, n int64 }
	var mu sync.Mutex
	var spans []span
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 30 {
				n := []int64{1, 300, 100, 257, 1000, 7}[(w+i)%6]
				var first int64
				err := nodes[w%4].Write(ctx, db.Tenant(w+1), func(tx *db.Tx) (err error) {
					first, err = tx.Allocate(ctx, "rid/1", n)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				spans = append(spans, span{first, n})
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.SortFunc(spans, func(a, b span) int { return int(a.first - b.first) })
	next := int64(1)
	for _, s := range spans {
		if s.first < next {
			t.Fatalf("%d numbers from %d overlap those before %d", s.n, s.first, next)
		}
		next = s.first + s.n
	}
	for _, counter := range []string{"a", "b"} {
		var first int64
		f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) (err error) {
			first, err = tx.Allocate(ctx, counter, 5)
			return err
		}))
		if first != 1 {
			t.Errorf("counter %s begins with %d", counter, first)
		}
	}
	f.must(t, nodes[1].Close())
	var after int64
	f.must(t, f.open(t).Write(ctx, 1, func(tx *db.Tx) (err error) {
		after, err = tx.Allocate(ctx, "rid/1", 1)
		return err
	}))
	if after < next {
		t.Errorf("after a restart the counter gave %d again, used are those before %d", after, next)
	}
}

// feedWrite adds one row of a feed and calls hold before the commit.
func feedWrite(f *fixture, d *db.DB, t *testing.T, tn db.Tenant, hold func()) error {
	ctx := t.Context()
	return d.Write(ctx, tn, func(tx *db.Tx) error {
		id, err := tx.ID(ctx)
		if err != nil {
			return err
		}
		seq, err := tx.Allocate(ctx, "feed", 1)
		if err != nil {
			return err
		}
		if err := tx.Insert(ctx, "feed", []string{"txid", "seq"}, [][]any{{id, seq}}); err != nil {
			return err
		}
		hold()
		return nil
	})
}

// testHorizon reads a feed while transactions commit out of order and expects every row once.
func testHorizon(t *testing.T, f *fixture) {
	ctx := t.Context()
	other := f.open(t)
	type place struct{ txid, seq int64 }
	cursor := place{txid: -1}
	var seen []place
	read := func() (fresh int) {
		f.must(t, f.db.Read(ctx, db.System, func(tx *db.Tx) error {
			horizon, err := tx.Horizon(ctx)
			if err != nil {
				return err
			}
			if f.db.Engine() == SQLite && horizon != math.MaxInt64 {
				t.Errorf("horizon %d on SQLite", horizon)
			}
			rows, err := tx.Query(ctx, "SELECT txid, seq FROM feed WHERE (txid, seq) > ($1, $2) AND txid < $3 ORDER BY txid, seq", cursor.txid, cursor.seq, horizon)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				if err := rows.Scan(&cursor.txid, &cursor.seq); err != nil {
					return err
				}
				seen = append(seen, cursor)
				fresh++
			}
			return rows.Err()
		}))
		return fresh
	}
	nothing := func() {}
	f.must(t, feedWrite(f, f.db, t, 1, nothing))
	for read() == 0 { // another session of the server may hold the horizon for a moment
	}
	if f.db.Engine() == PostgreSQL {
		entered, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			done <- feedWrite(f, other, t, 1, func() {
				close(entered)
				<-free
			})
		}()
		<-entered
		for range 3 {
			f.must(t, feedWrite(f, f.db, t, 1, nothing)) // commits before the older one
			if n := read(); n != 0 {
				t.Errorf("%d rows were read past a transaction that was in flight", n)
			}
		}
		close(free)
		f.must(t, <-done)
	} else {
		for range 4 {
			f.must(t, feedWrite(f, f.db, t, 1, nothing))
		}
	}
	for len(seen) < 5 {
		read()
	}
	all, err := column[int64](ctx, f.db, db.System, "SELECT seq FROM feed ORDER BY txid, seq")
	f.must(t, err)
	var got []int64
	for _, p := range seen {
		got = append(got, p.seq)
	}
	same(t, "feed", got, all...)
}

func testLock(t *testing.T, f *fixture) {
	ctx := t.Context()
	nodes := []*db.DB{f.db}
	if f.db.Engine() == PostgreSQL {
		nodes = append(nodes, f.open(t))
	}
	f.must(t, f.db.Write(ctx, 1, func(tx *db.Tx) error {
		return tx.Insert(ctx, "item", []string{"tn", "id", "n"}, [][]any{{1, 1, 0}})
	}))
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for range 10 {
				// Read, then write: without the lock two of them would read the same value.
				err := nodes[w%len(nodes)].Write(ctx, 1, func(tx *db.Tx) error {
					if err := tx.Lock(ctx, "the lock"); err != nil {
						return err
					}
					var n int64
					if _, err := tx.Get(ctx, "SELECT n FROM item WHERE tn = 1 AND id = 1", nil, &n); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, "UPDATE item SET n = $1 WHERE tn = 1 AND id = 1", n+1)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got, err := column[int64](ctx, f.db, 1, "SELECT n FROM item")
	f.must(t, err)
	same(t, "count", got, 80)
}

// testDeadlock lets two nodes lock two rows in opposite order.
func testDeadlock(t *testing.T, f *fixture) {
	if f.db.Engine() != PostgreSQL {
		return // one writer cannot deadlock
	}
	ctx := t.Context()
	f.must(t, put(ctx, f.db, 1, 2))
	nodes := []*db.DB{f.db, f.open(t)}
	var both, all sync.WaitGroup
	both.Add(2)
	results := make([]error, 2)
	for i, d := range nodes {
		all.Go(func() {
			var once sync.Once
			results[i] = d.Write(ctx, 1, func(tx *db.Tx) error {
				if _, err := tx.Exec(ctx, "UPDATE item SET s = s || $1 WHERE tn = 1 AND id = $2", "y", i+1); err != nil {
					return err
				}
				once.Do(func() { both.Done(); both.Wait() })
				_, err := tx.Exec(ctx, "UPDATE item SET s = s || $1 WHERE tn = 1 AND id = $2", "y", 2-i)
				return err
			})
		})
	}
	all.Wait()
	f.must(t, results[0])
	f.must(t, results[1])
	got, err := column[string](ctx, f.db, 1, "SELECT s FROM item ORDER BY id")
	f.must(t, err)
	same(t, "items", got, "xyy", "xyy")
}

func testNotify(t *testing.T, f *fixture) {
	nodes := []*db.DB{f.db}
	if f.db.Engine() == PostgreSQL {
		nodes = append(nodes, f.open(t))
	}
	for _, d := range nodes {
		heard, stop := d.Listen("work")
		other, stopOther := d.Listen("other")
		select { // a connection that is new may wake everybody once
		case <-other:
		default:
		}
		f.must(t, f.db.Write(t.Context(), 1, func(tx *db.Tx) error {
			tx.Notify("work")
			return nil
		}))
		<-heard
		f.db.Notify("work")
		f.db.Notify("work")
		<-heard
		stop()
		stopOther()
		if cap(heard) != 1 {
			t.Errorf("capacity %d", cap(heard))
		}
	}
}

func testMigrations(t *testing.T, f *fixture) {
	ctx := t.Context()
	one := `CREATE TABLE one (id {{int}} PRIMARY KEY, s {{text}}) {{strict}}; INSERT INTO one (id, s) VALUES (1, ';');`
	set := func(files map[string]string) db.Migrations {
		m := db.Migrations{Owner: "other", Files: fstest.MapFS{}}
		for name, text := range files {
			m.Files.(fstest.MapFS)[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return m
	}
	first := map[string]string{"0001_one.sql": one}
	nodes := []*db.DB{f.db, f.open(t)}
	var all sync.WaitGroup
	for _, d := range nodes {
		all.Go(func() {
			if err := d.Migrate(ctx, suiteTables, set(first)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for name, c := range map[string]struct {
		files map[string]string
		kind  ward.ErrorKind
	}{
		"changed":        {map[string]string{"0001_one.sql": one + " "}, ward.Internal},
		"newer in there": {map[string]string{}, ward.Unsupported},
		"late":           {map[string]string{"0001_one.sql": one, "0000_zero.sql": "SELECT 1"}, ward.Internal},
		"bad name":       {map[string]string{"0001_one.sql": one, "two.sql": "SELECT 1"}, ward.Internal},
		"same number":    {map[string]string{"0001_one.sql": one, "0001_two.sql": "SELECT 1"}, ward.Internal},
		"unknown token":  {map[string]string{"0001_one.sql": one, "0002_two.sql": "CREATE TABLE two (id {{serial}})"}, ward.Internal},
		"open token":     {map[string]string{"0001_one.sql": one, "0002_two.sql": "CREATE TABLE two (id {{int"}, ward.Internal},
		"rolled back":    {map[string]string{"0001_one.sql": one, "0002_two.sql": "CREATE TABLE two (id {{int}}); INSERT INTO one (id) VALUES (1);"}, ward.Conflict},
		"bad statement":  {map[string]string{"0001_one.sql": one, "0002_two.sql": "CREATE TABLE two (id {{int}}); CREATE TABEL three (id {{int}});"}, ward.Internal},
	} {
		err := f.db.Migrate(ctx, set(c.files))
		if name == "rolled back" {
			c.kind = ward.Internal
			if !db.IsUnique(err) {
				t.Errorf("%s: the cause is gone: %v", name, err)
			}
		}
		wantKind(t, name, err, c.kind)
	}
	f.must(t, f.db.Migrate(ctx, set(map[string]string{"0001_one.sql": one, "0002_two.sql": "CREATE TABLE two (id {{int}} PRIMARY KEY) {{narrow}};"})))
	got, err := column[string](ctx, f.db, db.System, "SELECT s FROM one")
	f.must(t, err)
	same(t, "one", got, ";")
	names, err := column[string](ctx, f.db, db.System, "SELECT name FROM schema_migration WHERE owner = 'other' ORDER BY name")
	f.must(t, err)
	same(t, "applied", names, "0001_one.sql", "0002_two.sql")
}
