package audit

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestLog takes entries of both sources through sequencing, publication, proof, detail and reopening.
func TestLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		l := r.open()
		receipts := r.fill(l, 700)
		if l.Size() != 700 {
			t.Fatalf("size %d", l.Size())
		}
		report, err := verify.Log(os.DirFS(r.c.Dir), l.VerifierKey())
		r.must(err)
		if len(report.Faults) > 0 || report.Entries != 700 {
			t.Fatalf("%+v", report)
		}
		entries, err := l.Entries(bg, 0, 1000)
		r.must(err)
		byID := map[ward.ID]Entry{}
		for _, e := range entries {
			byID[e.ID] = e
		}
		tenant, err := l.TenantPseudonym(bg, 1)
		r.must(err)
		actor, err := l.ActorPseudonym(bg, 1, "dr.lind")
		r.must(err)
		for _, rec := range receipts[:60] {
			e := byID[rec.ID()]
			if e.Tenant != tenant || e.Actor != actor || e.Purpose != ward.Treatment || e.Outcome != Done {
				t.Fatalf("entry %+v", e)
			}
			proof, err := l.Prove(bg, rec.ID())
			r.must(err)
			r.must(verify.Proof(proof, l.VerifierKey(), e.Leaf))
			if verify.Proof(proof, l.VerifierKey(), entries[699].Leaf) == nil && e.Index != 699 {
				t.Fatal("the proof holds for another leaf")
			}
		}
		r.clean(l)
		r.must(l.Close())
		l = r.open()
		r.clean(l)
		more := r.fill(l, 5)
		opened := r.begin(l, Intent{Tenant: 1, Actor: "auditor", Act: ActLogRead, Outcome: Done, Request: ward.NewID()})
		d, err := l.Detail(bg, opened, 1, more[2].ID())
		r.must(err)
		want := write(2)
		if d.Actor != want.Actor || d.Note != want.Note || cmp.Diff(d.Writes, want.Writes) != "" || len(d.Subjects) != 1 || d.Subjects[0].Version != want.Subjects[0].Version {
			t.Fatalf("detail %+v", d)
		}
		if _, err := l.Detail(bg, more[0], 1, more[1].ID()); err == nil {
			t.Fatal("a receipt of a read opened a detail")
		}
		if _, err := l.Detail(bg, opened, 2, more[1].ID()); err == nil {
			t.Fatal("a receipt opened a detail of another tenant")
		}
		r.must(l.Close())
	})
}

// TestOracle compares tree, tiles and checkpoint with golang.org/x/mod at many sizes, and each checkpoint with the next.
func TestOracle(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(idx))
		for i, x := range idx {
			out[i] = stored[x]
		}
		return out, nil
	})
	v, err := note.NewVerifier(l.VerifierKey())
	r.must(err)
	var older verify.Checkpoint
	var total int64
	for _, n := range []int{1, 1, 2, 60, 191, 1, 1, 255, 300, 512, 7} {
		r.fill(l, n)
		entries, err := l.Entries(bg, total, n)
		r.must(err)
		for _, e := range entries {
			hashes, err := tlog.StoredHashes(total, e.Leaf, reader)
			r.must(err)
			stored = append(stored, hashes...)
			total++
		}
		want, err := tlog.TreeHash(total, reader)
		r.must(err)
		signed, c, err := l.published()
		r.must(err)
		if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
			t.Fatal(err)
		}
		if c.Size != total || tlog.Hash(c.Root) != want {
			t.Fatalf("checkpoint %d %x, want %d %v", c.Size, c.Root, total, want)
		}
		path, signedNow, err := l.ProveConsistency(bg, older.Size)
		r.must(err)
		newer, err := verify.OpenCheckpoint(signedNow, l.VerifierKey())
		r.must(err)
		if older.Size > 0 {
			r.must(verify.Consistency(path, older, newer))
		}
		older = newer
	}
	report, err := verify.Log(os.DirFS(r.c.Dir), l.VerifierKey())
	r.must(err)
	if len(report.Faults) > 0 {
		t.Fatal(report.Faults)
	}
}
