package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys/seal"
)

// fullLeaf has every field that can stand together, each as long as it gets.
func fullLeaf() verify.Leaf {
	l := verify.Leaf{Act: 255, Outcome: 3, Purpose: 255, At: 999_999_999_999_999}
	for _, f := range [][]byte{l.Actor[:], l.Detail[:], l.ID[:], l.Policy[:], l.Subjects[:], l.Tenant[:], l.Writes[:]} {
		copy(f, bytes.Repeat([]byte{0xff}, len(f)))
	}
	return l
}

// TestLeafMax: no leaf is longer than the bound.
func TestLeafMax(t *testing.T) {
	l := fullLeaf()
	b := l.Append(nil)
	if len(b) > verify.MaxLeaf || len(b) < 280 {
		t.Fatalf("%d bytes", len(b))
	}
	got, err := verify.ParseLeaf(b)
	if err != nil || cmp.Diff(got, l) != "" {
		t.Fatal(err, cmp.Diff(got, l))
	}
}

// TestLeafOfIntent: the leaf carries what the intent says, and nothing that could be read back to a patient.
func TestLeafOfIntent(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	for _, in := range []Intent{read(1), write(1), {Tenant: 2, Act: ActPredict, Outcome: Denied, Model: [32]byte{1, 2, 3}, Actor: "dr.lind"}, {Act: ActNode, Outcome: Done}} {
		if len(in.Writes) > 0 {
			in.Writes = append(in.Writes, [32]byte{1})
		}
		p, err := l.build(bg, &in)
		r.must(err)
		leaf, err := verify.ParseLeaf(p.leaf)
		r.must(err)
		if Act(leaf.Act) != in.Act || Outcome(leaf.Outcome) != in.Outcome || purposeOf(leaf.Purpose) != in.Purpose {
			t.Fatalf("%+v", leaf)
		}
		if in.Model != ([32]byte{}) && (leaf.Model != [8]byte(in.Model[:8]) || leaf.Policy != [8]byte{}) {
			t.Fatal("model", leaf)
		}
		if in.Model == ([32]byte{}) && leaf.Policy != [8]byte(in.Policy[:8]) {
			t.Fatal("policy", leaf)
		}
		sum := sha256.Sum256(append(p.salt[:], p.detail...))
		if leaf.Detail != sum {
			t.Fatal("detail")
		}
		if (in.Actor == "") != (leaf.Actor == [16]byte{}) || (len(in.Subjects) == 0) != (leaf.Subjects == [32]byte{}) {
			t.Fatal("absent fields", leaf)
		}
		// SPEC(RFC 6962 2.1): with two writes the root is that of the tree over both digests.
		if len(in.Writes) == 2 {
			want := tlog.NodeHash(tlog.RecordHash(in.Writes[0][:]), tlog.RecordHash(in.Writes[1][:]))
			if tlog.Hash(leaf.Writes) != want {
				t.Fatal("writes")
			}
		}
		for _, s := range in.Subjects {
			if bytes.Contains(p.append(nil), s.RID) || bytes.Contains(p.append(nil), []byte(in.Note)) {
				t.Fatal("the entry shows what it must seal")
			}
		}
	}
	one, two := write(1), write(1)
	a, err := l.build(bg, &one)
	r.must(err)
	b, err := l.build(bg, &two)
	r.must(err)
	la, _ := verify.ParseLeaf(a.leaf)
	lb, _ := verify.ParseLeaf(b.leaf)
	if la.Subjects == lb.Subjects || la.Actor != lb.Actor || la.Writes != one.Writes[0] {
		t.Fatal("subjects must be salted, actors linkable, a single write its digest")
	}
	other, err := l.ActorPseudonym(bg, 2, "dr.lind")
	r.must(err)
	if other == la.Actor {
		t.Fatal("the pseudonym of an actor links tenants")
	}
}

// TestDetail opens details of every shape, also after the patients' data keys were erased.
func TestDetail(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		l := r.open()
		defer l.Close()
		var intents []Intent
		var ids []ward.ID
		for _, n := range []int{0, 1, 2, 40, MaxSubjects} {
			in := write(n)
			in.Subjects, in.Writes = nil, nil
			for i := range n {
				s := subject(i)
				if i%7 == 3 {
					s.Patient = seal.Subject{}
				}
				in.Subjects = append(in.Subjects, s)
				in.Writes = append(in.Writes, sha256.Sum256(s.RID))
			}
			intents = append(intents, in)
			ids = append(ids, r.begin(l, in).ID())
		}
		r.must(r.db.Write(bg, 1, func(tx *db.Tx) error {
			for n := range 17 {
				if err := r.ring.Destroy(bg, tx, 1, subject(n).Patient); err != nil {
					return err
				}
			}
			return nil
		}))
		erased := read(3) // of a patient whose data is gone
		ids, intents = append(ids, r.begin(l, erased).ID()), append(intents, erased)
		r.must(l.Flush(bg))
		opened := r.begin(l, Intent{Tenant: 1, Act: ActLogRead, Outcome: Done, Request: ward.NewID(), Subjects: []Subject{subject(3)}})
		checking := r.begin(l, Intent{Tenant: 1, Act: ActStoreCheck, Outcome: Done, Request: ward.NewID()})
		if _, err := l.Detail(bg, checking, 1, ids[0]); ward.KindOf(err) != ward.Internal {
			t.Fatalf("a detail under a receipt that is not for reading the log: %v", err)
		}
		if err := l.Accounting(bg, opened, 1, subject(4).Patient, func(Entry) error { return errInjected }); ward.KindOf(err) != ward.Internal || errors.Is(err, errInjected) {
			t.Fatalf("the accounting of a patient whom the receipt does not name: %v", err)
		}
		for i, in := range intents {
			d, err := l.Detail(bg, opened, 1, ids[i])
			r.must(err)
			if d.Request != in.Request || d.Note != in.Note || d.Policy != in.Policy || d.Missing != 0 {
				t.Fatalf("%d: %+v", i, d)
			}
			if len(in.Subjects) > 0 && cmp.Diff(d.Subjects, in.Subjects) != "" || len(in.Writes) > 0 && cmp.Diff(d.Writes, in.Writes) != "" {
				t.Fatalf("%d: %d subjects, %d writes", i, len(d.Subjects), len(d.Writes))
			}
		}
		calls := 0
		r.must(l.WriteDigests(bg, checking, 1, func(id ward.ID, subjects []Subject, writes [][32]byte) error {
			calls++
			if id != ids[calls] || len(subjects) != len(intents[calls].Subjects) || len(writes) != len(intents[calls].Writes) {
				t.Errorf("write digests of entry %d", calls)
			}
			return nil
		}))
		if calls != 4 {
			t.Fatalf("%d entries of writes", calls)
		}
		if l.WriteDigests(bg, Receipt{}, 1, nil) == nil {
			t.Fatal("write digests without a receipt")
		}
		var accounted []ward.ID
		r.must(l.Accounting(bg, opened, 1, subject(3).Patient, func(e Entry) error {
			accounted = append(accounted, e.ID)
			return nil
		}))
		if cmp.Diff(accounted, []ward.ID{ids[3], ids[4], ids[5]}) != "" {
			t.Fatalf("accounting: %d entries", len(accounted))
		}
		if err := l.WriteDigests(bg, opened, 1, func(ward.ID, []Subject, [][32]byte) error { return errInjected }); !errors.Is(err, errInjected) {
			t.Fatal(err)
		}
		r.clean(l)
	})
}

// TestLeafModel: what was encoded is decoded equal, and nothing else is.
func TestLeafModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := verify.Leaf{Act: rapid.Uint8Range(1, 255).Draw(t, "a"), Outcome: rapid.Uint8Range(1, 3).Draw(t, "o"),
			Purpose: rapid.Uint8().Draw(t, "p"), At: rapid.Int64Range(1, 999_999_999_999_999).Draw(t, "t")}
		for _, f := range [][]byte{l.Actor[:], l.Detail[:], l.ID[:], l.Policy[:], l.Subjects[:], l.Tenant[:], l.Writes[:]} {
			copy(f, rapid.SliceOfN(rapid.Byte(), 0, len(f)).Draw(t, "f"))
		}
		if rapid.Bool().Draw(t, "m") {
			l.Policy, l.Model = [8]byte{}, l.Policy
		}
		b := l.Append(nil)
		got, err := verify.ParseLeaf(b)
		if err != nil || got != l {
			t.Fatalf("%s: %v", b, err)
		}
		at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		c := bytes.Clone(b)
		c[at] ^= rapid.Uint8Range(1, 255).Draw(t, "by")
		if changed, err := verify.ParseLeaf(c); err == nil && changed == l {
			t.Fatalf("%q means the same as %q", c, b)
		}
	})
}

func FuzzLeaf(f *testing.F) {
	full := fullLeaf()
	f.Add(full.Append(nil))
	small := verify.Leaf{Act: 1, Outcome: 1, At: 1}
	f.Add(small.Append(nil))
	f.Add([]byte("\x01{\"a\":01}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := verify.ParseLeaf(b)
		if err == nil && !bytes.Equal(l.Append(nil), b) {
			t.Fatalf("%q is not canonical", b)
		}
	})
}

func FuzzPayload(f *testing.F) {
	l := fullLeaf()
	p := payload{id: l.ID, tenant: 1, leaf: l.Append(nil), detail: appendParts(nil, []part{{sealed: []byte("x")}, {tag: seal.Subject{1}, sealed: []byte("yz")}})}
	f.Add(p.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePayload(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.append(nil), b) {
			t.Fatal("not canonical")
		}
		if parts, err := parseParts(p.detail); err == nil && !bytes.Equal(appendParts(nil, parts), p.detail) {
			t.Fatal("parts not canonical")
		}
	})
}

func FuzzDetail(f *testing.F) {
	in := write(1)
	f.Add(appendCommon(nil, &in, []int{0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Detail
		if parseCommon(b, &d) == nil && (len(d.Subjects) > MaxSubjects || len(d.Writes) > MaxSubjects) {
			t.Fatal("bounds")
		}
	})
}

// memory is a file in memory.
type memory struct{ *bytes.Reader }

func (memory) WriteAt([]byte, int64) (int, error) { return 0, errInjected }
func (memory) Close() error                       { return nil }
func (memory) sync() error                        { return nil }
func (m memory) size() (int64, error)             { return m.Reader.Size(), nil }

func FuzzFrames(f *testing.F) {
	m := testMAC(f)
	tp := &tape{mac: m, prev: chainStart(m, "journal")}
	tp.encode([]outgoing{{frameSegment, make([]byte, 16)}, {frameEntry, []byte("one")}, {frameAnchor, nil}}, true)
	f.Add(bytes.Clone(tp.buf))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &reel{f: memory{bytes.NewReader(b)}, mac: m, prev: chainStart(m, "journal"), last: true}
		for {
			in, err := r.next()
			if err != nil {
				break
			}
			if in.off+int64(frameOverhead+len(in.payload)) > int64(len(b)) {
				t.Fatal("a frame reaches beyond the file")
			}
		}
		if r.off < int64(len(b)) {
			torn(b[r.off:], m, cursor{b: r.off, group: r.group, last: r.last})
		}
		if a, err := parseAnchor(b); err == nil && !bytes.Equal(a.bytes(), b) {
			t.Fatal("anchor not canonical")
		}
	})
}
