package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestAnchorsOnlyStored: an anchor never names a place that the database does not hold, else the next Open would take
// the database for one that was set back.
func TestAnchorsOnlyStored(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	r.begin(l, read(0))
	r.must(l.Flush(bg))
	for i := range l.seq.step {
		r.enter(l, write(i))
	}
	l = r.open() // the other one was killed: a recovery frame, which holds no entry, stands at the journal's end
	r.must(l.Flush(bg))
	r.clean(l)
	r.must(l.Close())
	l = r.open()
	r.clean(l)
	r.must(l.Close())
}

// TestAnswerLost: the journal's transaction was kept although its answer was lost, and an older transaction hides its
// rows from the feed while the emergency journal is merged.
func TestAnswerLost(t *testing.T) {
	c := dbtest.Open(t, dbtest.PostgreSQL)
	r := newRig(t, dbtest.OpenDB(t, c))
	l := r.open()
	defer l.Close()
	r.fill(l, 3)
	other := dbtest.OpenDB(t, c)
	begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- other.Write(bg, 1, func(tx *db.Tx) error {
			_, err := tx.ID(bg)
			close(begun)
			<-release
			return err
		})
	}()
	let := sync.OnceFunc(func() { close(release) })
	defer let()
	<-begun
	var ids []ward.ID
	frames := []outgoing{}
	for i := range 2 { // the first is in both
		in := read(10 + i)
		p, err := l.build(bg, &in)
		r.must(err)
		ids = append(ids, p.id)
		frames = append(frames, outgoing{frameEntry, p.append(nil)})
	}
	r.must(l.journal.append(bg, frames[:1]))
	r.must(l.emergency.append(frames[:1]))
	r.must(l.mergeBack(bg))
	r.must(l.emergency.append(frames))
	r.must(l.mergeBack(bg))
	let()
	r.must(<-ended)
	r.must(l.Flush(bg))
	if l.Size() != 7 || !r.has(l, ids[0]) || !r.has(l, ids[1]) || l.Degraded() != nil { // and two notes
		t.Fatal(l.Size(), l.Degraded())
	}
	r.clean(l)
}

// TestRewritten: frames whose sync failed are written again by Open, although they look right and their entries wait in
// the emergency journal too.
func TestRewritten(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	d := &faulty{}
	r.disk = d
	l := r.open()
	r.fill(l, 3)
	fails := func(what string) {
		d.set(func(op, name string) failure {
			if op == what && strings.Contains(name, ".seg") {
				return nonetheless
			}
			return works
		})
	}
	fails("sync")
	kept := r.begin(l, read(5)).ID()
	l.Close()
	for _, op := range []string{"write", "sync"} {
		fails(op)
		if err := r.refused(); ward.KindOf(err) != ward.Unavailable {
			t.Fatal(err)
		}
	}
	d.set(nil)
	l = r.open()
	r.must(l.Flush(bg))
	if !r.has(l, kept) {
		t.Fatal("an acknowledged entry is lost")
	}
	r.clean(l)
	r.must(l.Close())
}

// TestUnreadable: what the disk refuses to show is not called damaged.
func TestUnreadable(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	d := &faulty{}
	r.disk = d
	l := r.open()
	defer l.Close()
	r.fill(l, 3)
	r.begin(l, read(5))
	d.set(func(op, name string) failure {
		if op == "open" && strings.HasSuffix(name, ".seg") {
			return nothing
		}
		return works
	})
	_, entriesErr := l.Entries(bg, 0, 3)
	_, checkErr := l.Check(bg)
	for _, err := range []error{l.Flush(bg), entriesErr, checkErr} {
		if ward.KindOf(err) != ward.Unavailable {
			t.Fatal(err)
		}
	}
	d.set(nil)
	r.must(l.Flush(bg))
	r.clean(l)
}

// TestRunGoesOn: Run outlasts a disk that fails for long.
func TestRunGoesOn(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	d := &faulty{}
	r.disk, r.c.Every = d, time.Millisecond
	l := r.open()
	defer l.Close()
	d.set(func(op, name string) failure {
		if op == "write" && strings.Contains(name, "tile") {
			return nothing
		}
		return works
	})
	r.begin(l, read(1))
	ctx, cancel := context.WithCancel(bg)
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	for l.Degraded() == nil { // until somebody is told
		select {
		case err := <-ended:
			t.Fatalf("run ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	d.set(nil)
	r.must(l.Flush(bg))
	if l.Size() != 1 || l.Degraded() != nil {
		t.Fatal(l.Size(), l.Degraded())
	}
	cancel()
	r.must(<-ended)
}

// TestOtherTenantColumn: the tenant column of a journal row must be the entry's.
func TestOtherTenantColumn(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.PostgreSQL)))
	l := r.open()
	defer l.Close()
	id := r.begin(l, read(1)).ID()
	move := func(tn int64) {
		r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error {
			_, err := tx.Exec(bg, "UPDATE audit_journal SET tn = $1 WHERE id = $2", tn, id[:])
			return err
		}))
	}
	move(2)
	if err := l.Flush(bg); ward.KindOf(err) != ward.Internal {
		t.Fatal(err)
	}
	move(1)
	r.must(l.Flush(bg))
	r.clean(l)
	move(2)
	faults, err := l.Check(bg)
	r.must(err)
	if len(faults) == 0 {
		t.Fatal("check found nothing")
	}
	if _, err := l.Entries(bg, 0, 1); err == nil {
		t.Fatal("the entry was read")
	}
}

// TestOtherCluster: a cluster that counts transactions from below the stored cursors is refused.
func TestOtherCluster(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.PostgreSQL)))
	l := r.open()
	r.fill(l, 6)
	st := l.seq.st
	st.jrn.a = 1 << 40
	r.must(r.db.Write(bg, db.System, func(tx *db.Tx) error { return st.store(bg, tx, l.mac, st.epoch, st.edge.Size) }))
	l.seq.fresh = false
	if err := l.Flush(bg); ward.KindOf(err) != ward.Unavailable || !strings.Contains(err.Error(), "pg_resetwal") {
		t.Fatal(err)
	}
	r.must(l.Close())
	if err := r.refused(); ward.KindOf(err) != ward.Unavailable || !strings.Contains(err.Error(), "pg_resetwal") {
		t.Fatal(err)
	}
}

// TestFalseAnchor: Check compares every anchor of the journal with the tree.
func TestFalseAnchor(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	for i := range 300 {
		r.enter(l, write(i))
		if i%20 == 0 {
			r.must(l.Flush(bg))
		}
	}
	r.must(l.Flush(bg))
	r.begin(l, read(1)) // makes the anchors durable
	r.must(l.Flush(bg))
	r.clean(l)
	c := &checker{log: l, anchors: map[int64][32]byte{}}
	_, c.at, _ = l.published()
	c.st = l.seq.st
	r.must(c.files(bg))
	if len(c.anchors) != 0 || c.tree.edge.Size < 300 {
		t.Fatalf("%d anchors wait, the tiles were read up to %d", len(c.anchors), c.tree.edge.Size)
	}
	for _, size := range []int64{301, 257, 256, 3} {
		c.faults = nil
		c.anchor("here", anchor{size: size, root: [32]byte(random(32))}.bytes())
		if len(c.faults) != 1 || c.faults[0].Class != "rollback" {
			t.Fatalf("anchor of size %d: %v", size, c.faults)
		}
	}
}

// moving is a disk whose folder of partial tiles changes between being listed and being read.
type moving struct {
	osDisk
	times int
	from  string
}

func (m *moving) names(dir string) ([]string, error) {
	names, err := m.osDisk.names(dir)
	if m.times > 0 && err == nil {
		m.times--
		to := filepath.Join(dir, string(rune('5'+m.times))+"0")
		err = os.Rename(m.from, to)
		m.from = to
	}
	return names, err
}

func TestTileReplaced(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, filepath.FromSlash(verify.TilePath(0, 0, 40)))
	if err := writeFile(osDisk{}, name, random(32*100)); err != nil {
		t.Fatal(err)
	}
	if b, err := readTile(&moving{times: 2, from: name}, dir, 0, 0, 30); err != nil || len(b) != 32*30 {
		t.Fatal(len(b), err)
	}
}

// TestEmergencyReset: after a renaming whose outcome is unknown nothing is acknowledged by a file that may have no name.
func TestEmergencyReset(t *testing.T) {
	for _, op := range []string{"rename", "syncdir"} {
		for _, how := range []failure{nothing, nonetheless} {
			d := &faulty{}
			dir, m := filepath.Join(t.TempDir(), "e"), testMAC(t)
			e, err := openEmergency(d, dir, m)
			if err != nil {
				t.Fatal(err)
			}
			in := []outgoing{{frameEntry, []byte("entry")}}
			if err := e.append(in); err != nil {
				t.Fatal(err)
			}
			d.set(func(o, _ string) failure {
				if o == op {
					return how
				}
				return works
			})
			if _, err := e.merge(func([]outgoing) error { return nil }); err == nil {
				t.Fatal("merged")
			}
			d.set(nil)
			if e.append(in) == nil || e.usable() == nil {
				t.Fatalf("%s %d: acknowledged in a file that may be gone", op, how)
			}
			if n, err := e.merge(func([]outgoing) error { return nil }); err != nil || n != 1 {
				t.Fatal(n, err)
			}
			if err := errors.Join(e.append(in), e.usable(), e.close()); err != nil {
				t.Fatal(err)
			}
			if e, err = openEmergency(d, dir, m); err != nil || e.count() != 1 {
				t.Fatal("the entry is lost", err)
			}
			e.close()
		}
	}
	d := &faulty{}
	parent := t.TempDir()
	d.set(func(o, name string) failure {
		if o == "syncdir" && name == parent {
			return nothing
		}
		return works
	})
	if _, err := openEmergency(d, filepath.Join(parent, "e"), testMAC(t)); err == nil {
		t.Fatal("the new folder's name was not made durable")
	}
}

// TestEnterOtherTenant: an entry goes into a transaction of its tenant or of the system.
func TestEnterOtherTenant(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	p, err := l.Prepare(bg, write(1))
	r.must(err)
	enter := func(tn db.Tenant) error {
		return r.db.Write(bg, tn, func(tx *db.Tx) error { _, err := l.Enter(bg, tx, p); return err })
	}
	if err := enter(2); ward.KindOf(err) != ward.Internal {
		t.Fatal(err)
	}
	r.must(enter(db.System))
}
