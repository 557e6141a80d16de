package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/keystest"
	"github.com/ward-health/ward/engine/keys/seal"
)

func TestMain(m *testing.M) {
	if os.Getenv("WARD_AUDIT_CHILD") != "" {
		child()
		return
	}
	dbtest.Main(m)
}

var bg = context.Background()

// rig is one node: database, keys, folders.
type rig struct {
	t    testing.TB
	db   *db.DB
	root keys.Root
	ring *seal.Ring
	c    Config
	disk disk
}

func newRig(t testing.TB, d *db.DB) *rig {
	t.Helper()
	r := &rig{t: t, db: d, root: keystest.Root(t), disk: osDisk{}}
	r.must(d.Migrate(bg, seal.Migrations(), Migrations()))
	dir := t.TempDir()
	r.c = Config{Dir: filepath.Join(dir, "log"), Emergency: filepath.Join(dir, "emergency"), Origin: "ward/test"}
	r.openRing()
	for _, tn := range []db.Tenant{1, 2} {
		r.must(d.Write(bg, tn, func(tx *db.Tx) error { return r.ring.AddTenant(bg, tx, tn) }))
	}
	return r
}

func (r *rig) openRing() {
	r.t.Helper()
	var err error
	r.ring, err = seal.Open(bg, r.db, r.root)
	r.must(err)
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// open opens the log; the test closes it, or it is left as a killed process leaves it.
func (r *rig) open() *Log {
	r.t.Helper()
	l, err := open(bg, r.c, r.db, r.ring, r.disk)
	r.must(err)
	return l
}

func (r *rig) refused() error {
	r.t.Helper()
	l, err := open(bg, r.c, r.db, r.ring, r.disk)
	if err == nil {
		l.Close()
		r.t.Fatal("opened")
	}
	return err
}

func subject(n int) Subject {
	s := Subject{Kind: "ver", RID: fmt.Appendf(nil, "%08d", n), Version: int64(n%5 + 1)}
	sum := sha256.Sum256(fmt.Appendf(nil, "patient %d", n%17))
	copy(s.Patient[:], sum[:])
	return s
}

func read(n int) Intent {
	return Intent{Tenant: 1, Actor: "dr.lind", Act: ActRead, Purpose: ward.Treatment, Outcome: Done, Request: ward.NewID(),
		Policy: [32]byte{7, 7}, Subjects: []Subject{subject(n)}, Note: "GET /fhir/R4/Observation/{id}"}
}

func write(n int) Intent {
	in := read(n)
	in.Act = ActUpdate
	in.Writes = [][32]byte{sha256.Sum256(fmt.Appendf(nil, "ciphertext %d", n))}
	return in
}

func (r *rig) begin(l *Log, in Intent) Receipt {
	r.t.Helper()
	got, err := l.Begin(bg, in)
	r.must(err)
	return got
}

func (r *rig) enter(l *Log, in Intent) Receipt {
	r.t.Helper()
	p, err := l.Prepare(bg, in)
	r.must(err)
	var got Receipt
	r.must(r.db.Write(bg, in.Tenant, func(tx *db.Tx) error {
		got, err = l.Enter(bg, tx, p)
		return err
	}))
	return got
}

// fill makes n entries of both sources and publishes them.
func (r *rig) fill(l *Log, n int) []Receipt {
	r.t.Helper()
	var out []Receipt
	for i := range n {
		if i%3 == 2 {
			out = append(out, r.enter(l, write(i)))
		} else {
			out = append(out, r.begin(l, read(i)))
		}
	}
	r.must(l.Flush(bg))
	return out
}

func (r *rig) clean(l *Log) {
	r.t.Helper()
	faults, err := l.Check(bg)
	r.must(err)
	if len(faults) > 0 {
		r.t.Fatalf("faults: %v", faults)
	}
}

func (r *rig) has(l *Log, id ward.ID) bool {
	r.t.Helper()
	found, err := l.sequenced(bg, id)
	r.must(err)
	return found
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
