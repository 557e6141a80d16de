package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// How an operation of the disk fails.
type failure int

const (
	works       failure = iota
	nothing             // not done, and says so
	half                // a write that stops in the middle
	nonetheless         // done, but says that it failed
)

var errInjected = errors.New("injected fault")

// faulty is a disk whose operations fail as the test says. op is "open", "write", "sync", "rename", "remove" or "syncdir".
type faulty struct {
	osDisk
	mu   sync.Mutex
	rule func(op, name string) failure
}

func (d *faulty) set(rule func(op, name string) failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rule = rule
}

func (d *faulty) ask(op, name string) failure {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rule == nil {
		return works
	}
	return d.rule(op, name)
}

// do runs an operation under the rule.
func (d *faulty) do(op, name string, fn func() error) error {
	switch d.ask(op, name) {
	case nothing, half:
		return errInjected
	case nonetheless:
		return errors.Join(fn(), errInjected)
	}
	return fn()
}

func (d *faulty) open(name string, fresh bool) (file, error) {
	var f file
	err := d.do("open", name, func() error {
		var err error
		f, err = d.osDisk.open(name, fresh)
		return err
	})
	if err != nil && f != nil {
		f.Close()
	}
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, d, name}, nil
}

func (d *faulty) rename(from, to string) error {
	return d.do("rename", to, func() error { return d.osDisk.rename(from, to) })
}

func (d *faulty) remove(name string) error {
	return d.do("remove", name, func() error { return d.osDisk.remove(name) })
}

func (d *faulty) syncDir(name string) error {
	return d.do("syncdir", name, func() error { return d.osDisk.syncDir(name) })
}

type faultyFile struct {
	file
	d    *faulty
	name string
}

func (f *faultyFile) sync() error { return f.d.do("sync", f.name, f.file.sync) }

func (f *faultyFile) WriteAt(b []byte, off int64) (int, error) {
	switch f.d.ask("write", f.name) {
	case nothing:
		return 0, errInjected
	case half:
		n, _ := f.file.WriteAt(b[:len(b)/2], off)
		return n, errInjected
	case nonetheless:
		n, _ := f.file.WriteAt(b, off)
		return n, errInjected
	}
	return f.file.WriteAt(b, off)
}

// TestJournalFails lets the journal fail in every way: entries go to the emergency journal, are flagged, and are in the
// log exactly once after the node is opened again.
func TestJournalFails(t *testing.T) {
	for _, op := range []string{"write", "sync"} {
		for _, how := range []failure{nothing, half, nonetheless} {
			t.Run(fmt.Sprint(op, how), func(t *testing.T) {
				r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
				d := &faulty{}
				r.disk = d
				l := r.open()
				kept := r.fill(l, 10)
				d.set(func(o, name string) failure {
					if o == op && strings.Contains(name, ".seg") {
						return how
					}
					return works
				})
				for i := range 5 {
					kept = append(kept, r.begin(l, read(100+i)))
				}
				d.set(nil) // the disk is well again, but a poisoned journal is not trusted
				kept = append(kept, r.begin(l, read(200)))
				kept = append(kept, r.enter(l, write(300)))
				if l.emergency.count() != 6 || l.Ready() != nil || l.Degraded() == nil {
					t.Fatalf("waiting %d, ready %v, degraded %v", l.emergency.count(), l.Ready(), l.Degraded())
				}
				if err := l.Flush(bg); ward.KindOf(err) != ward.Unavailable {
					t.Fatalf("flush with entries in the emergency journal: %v", err)
				}
				r.must(l.Close())
				l = r.open()
				r.must(l.Flush(bg))
				for _, rec := range kept {
					if !r.has(l, rec.ID()) {
						t.Fatal("an acknowledged entry is lost")
					}
				}
				entries, err := l.Entries(bg, 0, 100)
				r.must(err)
				last := entries[len(entries)-1]
				if len(entries) != len(kept)+1 || last.Act != ActNode {
					t.Fatalf("%d entries for %d and the node's own; last act %v", len(entries), len(kept), last.Act)
				}
				if l.emergency.count() != 0 {
					t.Fatal("the emergency journal was not emptied")
				}
				r.clean(l)
				r.must(l.Close())
			})
		}
	}
}

// TestNoFailOpen: without any journal nothing is acknowledged, and nothing of it comes into the log as if it were.
func TestNoFailOpen(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	d := &faulty{}
	r.disk = d
	l := r.open()
	r.fill(l, 3)
	d.set(func(op, _ string) failure {
		if op == "write" || op == "sync" {
			return nothing
		}
		return works
	})
	for range 3 {
		if rec, err := l.Begin(bg, read(1)); ward.KindOf(err) != ward.Unavailable || rec.Covers(1, rec.request, subject(1)) == nil {
			t.Fatalf("begin without a journal: %v", err)
		}
	}
	if l.Ready() == nil {
		t.Fatal("ready without a journal")
	}
	d.set(nil)
	l.Close()
	l = r.open()
	r.must(l.Flush(bg))
	if l.Size() != 3 {
		t.Fatalf("%d entries", l.Size())
	}
	r.clean(l)
	r.must(l.Close())
}

// TestEmergencyFull: the last resort is bounded.
func TestEmergencyFull(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	d := &faulty{}
	r.disk = d
	l := r.open()
	d.set(func(op, name string) failure {
		if op == "sync" && strings.Contains(name, ".seg") {
			return nothing
		}
		return works
	})
	big := read(0)
	for i := range 5000 {
		big.Subjects = append(big.Subjects, subject(i))
	}
	acknowledged := 0
	for range 100 {
		if _, err := l.Begin(bg, big); err != nil {
			if ward.KindOf(err) != ward.Unavailable {
				t.Fatal(err)
			}
			break
		}
		acknowledged++
	}
	if acknowledged < 5 || acknowledged > 99 {
		t.Fatalf("acknowledged %d", acknowledged)
	}
	if l.Ready() == nil {
		t.Fatal("ready without room for an entry")
	}
	d.set(nil)
	r.must(l.Close())
	l = r.open()
	r.must(l.Flush(bg))
	if err := errors.Join(l.Ready(), l.Degraded()); err != nil {
		t.Fatal(err)
	}
	if l.Size() < int64(acknowledged)+1 {
		t.Fatalf("%d entries of %d", l.Size(), acknowledged)
	}
	r.clean(l)
	r.must(l.Close())
}

// TestPublishFails lets every single operation of the disk during a pass fail, two ways, and either goes on or opens the
// log again: afterwards the published side is whole and holds everything.
func TestPublishFails(t *testing.T) {
	for _, how := range []failure{nothing, half, nonetheless} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprint(how, again), func(t *testing.T) {
				r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
				d := &faulty{}
				r.disk = d
				l := r.open()
				r.fill(l, 250)
				var older verify.Checkpoint
				for at := 0; ; at++ {
					for i := range 4 {
						r.begin(l, read(i))
					}
					n, hit := 0, false
					d.set(func(op, name string) failure {
						if strings.Contains(name, "journal") {
							return works
						}
						n++
						if n == at+1 {
							hit = true
							return how
						}
						return works
					})
					err := l.Flush(bg)
					d.set(nil)
					if !hit {
						r.must(err)
						break
					}
					if again { // as if the process had died there
						l = r.open()
					}
					r.must(l.Flush(bg))
					report, err := verify.Log(os.DirFS(r.c.Dir), l.VerifierKey())
					r.must(err)
					if len(report.Faults) > 0 || report.Entries != int64(250+4*(at+1)) {
						t.Fatalf("operation %d: %+v", at, report)
					}
					_, newer, err := l.published()
					r.must(err)
					path, _, err := l.ProveConsistency(bg, older.Size)
					r.must(err)
					if older.Size > 0 {
						r.must(verify.Consistency(path, older, newer))
					}
					older = newer
				}
				r.clean(l)
			})
		}
	}
}

// TestStaleFiles: what older checkpoints needed is gone from the disk and still answered.
func TestStaleFiles(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	var tiles [][]byte
	for i := range 40 {
		r.fill(l, 7)
		b, err := l.tile(verify.TilePath(0, 0, min(7*(i+1), 256)))
		r.must(err)
		tiles = append(tiles, b)
	}
	for i, want := range tiles {
		b, err := l.tile(verify.TilePath(0, 0, min(7*(i+1), 256)))
		r.must(err)
		if string(b) != string(want) {
			t.Fatalf("tile of size %d changed", 7*(i+1))
		}
	}
	count := 0
	r.must(filepath.WalkDir(filepath.Join(r.c.Dir, "tile"), func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			count++
		}
		return err
	}))
	if count != 5 { // bundles 0 and 1.p, tiles 0/0, 0/1.p, 1/0.p
		t.Fatalf("%d files of tiles", count)
	}
}

// TestGroupCommit: a lone caller costs one write and one sync; callers who come while a sync runs share the next one.
func TestGroupCommit(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	d := &faulty{}
	r.disk = d
	l := r.open()
	defer l.Close()
	r.begin(l, read(1))
	count := map[string]int{}
	d.set(func(op, _ string) failure { count[op]++; return works })
	r.begin(l, read(1))
	if count["sync"] != 1 || count["write"] != 1 {
		t.Fatalf("a lone append: %v", count)
	}
	const callers = 50
	inSync, release := make(chan struct{}), make(chan struct{})
	syncs := 0
	d.set(func(op, _ string) failure {
		if op == "sync" {
			if syncs++; syncs == 1 {
				close(inSync)
				<-release
			}
		}
		return works
	})
	var wg sync.WaitGroup
	begin := func() {
		wg.Go(func() {
			if _, err := l.Begin(bg, read(1)); err != nil {
				t.Error(err)
			}
		})
	}
	begin()
	<-inSync
	for range callers {
		begin()
	}
	for waiting := 0; waiting < callers; {
		l.commits.mu.Lock()
		waiting = len(l.commits.waiting)
		l.commits.mu.Unlock()
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
	if syncs != 2 {
		t.Fatalf("%d syncs for 1 and %d callers", syncs, callers)
	}
	r.must(l.Flush(bg))
	r.clean(l)
}

// TestMergeWhileRunning: a journal in the database comes back by itself; what waited is merged once, without a restart.
func TestMergeWhileRunning(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.PostgreSQL)))
	l := r.open()
	defer l.Close()
	kept := r.begin(l, read(1)).ID()
	in := read(2)
	p, err := l.build(bg, &in)
	r.must(err)
	twice := read(3) // acknowledged by the emergency journal, although the database had kept it
	q, err := l.build(bg, &twice)
	r.must(err)
	r.must(l.journal.append(bg, []outgoing{{frameEntry, q.append(nil)}}))
	r.must(l.emergency.append([]outgoing{{frameEntry, p.append(nil)}, {frameEntry, q.append(nil)}}))
	if l.Degraded() == nil {
		t.Fatal("entries wait in the emergency journal and nobody is told")
	}
	r.must(l.Flush(bg))
	r.must(l.Flush(bg)) // the note of the merge
	if l.Size() != 4 || !r.has(l, kept) || !r.has(l, p.id) || !r.has(l, q.id) || l.Degraded() != nil {
		t.Fatal(l.Size(), l.Degraded())
	}
	r.clean(l)
}
