package audit

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestReceipt: zero, expired, of another request, tenant, subject, or of a refused act opens nothing.
func TestReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 100} {
			in := Intent{Tenant: 1, Outcome: Done, Request: ward.NewID()}
			for i := range n {
				in.Subjects = append(in.Subjects, subject(i))
			}
			r := newReceipt(&in, ward.NewID()).issued()
			for i := range n {
				if err := r.Covers(1, in.Request, subject(i)); err != nil {
					t.Fatal(err)
				}
			}
			other := func(change func(*Subject)) Subject {
				s := subject(0)
				s.RID = append([]byte(nil), s.RID...)
				change(&s)
				return s
			}
			denied := in
			denied.Outcome = Denied
			anonymous := in
			anonymous.Request = ward.ID{}
			cases := map[string]error{
				"zero":            Receipt{}.Covers(0, ward.ID{}, Subject{}),
				"not issued":      newReceipt(&in, ward.NewID()).Covers(1, in.Request, subject(0)),
				"other tenant":    r.Covers(2, in.Request, subject(0)),
				"other request":   r.Covers(1, ward.NewID(), subject(0)),
				"no request":      newReceipt(&anonymous, ward.NewID()).issued().Covers(1, ward.ID{}, subject(0)),
				"other subject":   r.Covers(1, in.Request, subject(n)),
				"other patient":   r.Covers(1, in.Request, other(func(s *Subject) { s.Patient[3]++ })),
				"other version":   r.Covers(1, in.Request, other(func(s *Subject) { s.Version++ })),
				"other kind":      r.Covers(1, in.Request, other(func(s *Subject) { s.Kind = "raw" })),
				"other rid":       r.Covers(1, in.Request, other(func(s *Subject) { s.RID[0]++ })),
				"shifted":         r.Covers(1, in.Request, other(func(s *Subject) { s.Kind += string(s.RID[:1]); s.RID = s.RID[1:] })),
				"empty subject":   r.Covers(1, in.Request, Subject{}),
				"denied":          newReceipt(&denied, ward.NewID()).issued().Covers(1, in.Request, subject(0)),
				"without subject": newReceipt(&Intent{Tenant: 1, Outcome: Done, Request: in.Request}, ward.NewID()).issued().Covers(1, in.Request, Subject{}),
			}
			for name, err := range cases {
				if err == nil {
					t.Errorf("%d subjects: a receipt covers: %s", n, name)
				}
			}
			time.Sleep(receiptLife - time.Nanosecond) //nolint:forbidigo // the clock of a synctest bubble
			if r.Covers(1, in.Request, subject(0)) != nil {
				t.Error("expired too early")
			}
			time.Sleep(time.Nanosecond) //nolint:forbidigo // the clock of a synctest bubble
			if r.Covers(1, in.Request, subject(0)) == nil {
				t.Error("an expired receipt covers")
			}
		}
	})
}

// TestEnter: the receipt covers what the entry names; the same entry does not come into the log twice; an entry of a
// transaction that did not commit does not come at all.
func TestEnter(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		l := r.open()
		defer l.Close()
		in := write(1)
		p, err := l.Prepare(bg, in)
		r.must(err)
		enter := func(fail error) error {
			return r.db.Write(bg, 1, func(tx *db.Tx) error {
				rec, err := l.Enter(bg, tx, p)
				if err != nil {
					return err
				}
				if rec.ID() != p.ID() || rec.Covers(1, in.Request, in.Subjects[0]) != nil {
					t.Error("the receipt does not cover the write")
				}
				return fail
			})
		}
		if enter(errInjected) == nil {
			t.Fatal("committed")
		}
		r.must(l.Flush(bg))
		if l.Size() != 0 {
			t.Fatal("an entry of a transaction that was rolled back is in the log")
		}
		r.must(enter(nil))
		if err := enter(nil); ward.KindOf(err) != ward.Conflict {
			t.Fatalf("entered twice: %v", err)
		}
		r.must(l.Flush(bg))
		if l.Size() != 1 {
			t.Fatal(l.Size())
		}
		if err := r.db.Write(bg, 1, func(tx *db.Tx) error { _, err := l.Enter(bg, tx, Prepared{}); return err }); err == nil {
			t.Fatal("the zero Prepared was entered")
		}
		r.clean(l)
	})
}

// TestIntent: what cannot be an entry is refused before anything is written.
func TestIntent(t *testing.T) {
	good := read(1)
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Intent){
		"act":          func(in *Intent) { in.Act = 0 },
		"unknown act":  func(in *Intent) { in.Act = ActValidate + 1 },
		"outcome":      func(in *Intent) { in.Outcome = 0 },
		"tenant":       func(in *Intent) { in.Tenant = -1 },
		"purpose":      func(in *Intent) { in.Purpose = "FUN" },
		"note":         func(in *Intent) { in.Note = strings.Repeat("x", MaxNote+1) },
		"note form":    func(in *Intent) { in.Note = "\xff" },
		"actor":        func(in *Intent) { in.Actor = ward.PrincipalID(strings.Repeat("x", maxActor+1)) },
		"subjects":     func(in *Intent) { in.Subjects = make([]Subject, MaxSubjects+1) },
		"writes":       func(in *Intent) { in.Writes = make([][32]byte, MaxSubjects+1) },
		"no rid":       func(in *Intent) { in.Subjects = []Subject{{Kind: "ver"}} },
		"long rid":     func(in *Intent) { in.Subjects = []Subject{{Kind: "ver", RID: make([]byte, 33)}} },
		"no kind":      func(in *Intent) { in.Subjects = []Subject{{RID: []byte{1}}} },
		"kind of form": func(in *Intent) { in.Subjects = []Subject{{Kind: "Ver", RID: []byte{1}}} },
	} {
		in := read(1)
		change(&in)
		if in.check() == nil {
			t.Errorf("%s accepted", name)
		}
	}
	for a := ActRead; a <= ActValidate; a++ {
		if a.String() == "unknown" || a.String() == "" {
			t.Errorf("act %d has no name", a)
		}
	}
}
