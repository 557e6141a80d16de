package access

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// as is a permit of a registered person.
func (w *world) as(tenant ward.TenantID, id ward.PrincipalID, action Action, borrowed bool) Permit {
	w.t.Helper()
	t, err := w.dir.tenant(w.ctx, tenant)
	must(w.t, err)
	p, err := w.dir.person(w.ctx, t, id)
	must(w.t, err)
	p.who.Borrowed = borrowed
	permit, err := w.Decide(w.ctx, Request{Principal: p.who, Action: action, Purpose: ward.Treatment, ID: ward.NewID()})
	must(w.t, err)
	return permit
}

// TestUnitTakesTwo: what a sender means by a unit text is said by one person and confirmed by another; one person may take it back.
func TestUnitTakesTwo(t *testing.T) {
	each(t, func(w *world) {
		north := db.Tenant(w.tenant("north").Number)
		w.tenant("south")
		w.feed("north", "feed")
		w.human("north", "anna", ward.Steward)
		w.human("north", "bela", ward.Steward)
		w.human("south", "sam", ward.Steward)
		must(t, w.AddChannel(w.ctx, w.operator("north", AdminChannel), lab()))
		release := func(who ward.PrincipalID) Permit { return w.as("north", who, HoldRelease, false) }
		said := Unit{Channel: "lab", Code: "MG", Source: "mg/dL", Unit: "mg/dL", Ranges: []string{"1.7-2.2"}, Reason: "telephone"}
		for path, bad := range map[string]func(*Unit){"unit": func(u *Unit) { u.Unit = "" }, "reason": func(u *Unit) { u.Reason = " " }, "ranges": func(u *Unit) { u.Ranges = []string{""} },
			"source": func(u *Unit) { u.Source = "a\nb" }, "code": func(u *Unit) { u.Code = " x" }} {
			u := said
			bad(&u)
			if _, err := w.ProposeUnit(w.ctx, release("anna"), u); ward.KindOf(err) != ward.Invalid {
				t.Errorf("%s: %v", path, err)
			}
		}
		other := said
		other.Channel = "none"
		_, err := w.ProposeUnit(w.ctx, release("anna"), other)
		wantKind(t, err, ward.NotFound)
		_, err = w.ProposeUnit(w.ctx, w.as("south", "sam", HoldRelease, false), said)
		wantKind(t, err, ward.NotFound)

		p, err := w.ProposeUnit(w.ctx, release("anna"), said)
		must(t, err)
		inForce := func() []Unit {
			us, err := w.UnitsOf(w.ctx, north, "lab")
			must(t, err)
			return us
		}
		if us := inForce(); len(us) != 0 {
			t.Errorf("a proposal is in force: %+v", us)
		}
		_, err = w.ConfirmUnit(w.ctx, release("anna"), "lab", "MG", "mg/dL", p.Digest())
		wantKind(t, err, ward.Denied)
		_, err = w.ConfirmUnit(w.ctx, w.as("north", "bela", HoldRelease, true), "lab", "MG", "mg/dL", p.Digest())
		wantKind(t, err, ward.Denied)
		if n := len(w.entries(audit.ActUnitConfirm, audit.Denied)); n != 2 {
			t.Errorf("%d entries of two breaches", n)
		}
		_, err = w.ConfirmUnit(w.ctx, release("bela"), "lab", "MG", "mg/dL", [32]byte{1})
		wantKind(t, err, ward.Precondition)
		_, err = w.ConfirmUnit(w.ctx, release("bela"), "lab", "NA", "mg/dL", p.Digest())
		wantKind(t, err, ward.NotFound)
		done, err := w.ConfirmUnit(w.ctx, release("bela"), "lab", "MG", "mg/dL", p.Digest())
		must(t, err)
		if diff := cmp.Diff([]Unit{done}, inForce()); diff != "" || done.First != "anna" || done.Second != "bela" || done.Waits {
			t.Errorf("%+v %s", done, diff)
		}

		// What is in force stays while another proposal waits, and lapses when it is taken back.
		said.Ranges = []string{"1.6-2.3"}
		_, err = w.ProposeUnit(w.ctx, release("bela"), said)
		must(t, err)
		if us := inForce(); len(us) != 1 || us[0].Ranges[0] != "1.7-2.2" {
			t.Errorf("%+v", us)
		}
		must(t, w.WithdrawUnit(w.ctx, release("bela"), "lab", "MG", "mg/dL"))
		all, err := w.Units(w.ctx, w.as("north", "bela", HoldRead, false), "lab")
		must(t, err)
		if len(all) != 1 || !all[0].Lapsed || all[0].Second != "bela" || len(inForce()) != 1 || !inForce()[0].Lapsed {
			t.Errorf("%+v", all)
		}
		wantKind(t, w.WithdrawUnit(w.ctx, release("anna"), "lab", "NA", ""), ward.NotFound)
		for act, want := range map[audit.Act]int{audit.ActUnitPropose: 2, audit.ActUnitConfirm: 1, audit.ActUnitWithdraw: 1} {
			if n := len(w.entries(act, audit.Done)); n != want {
				t.Errorf("%v: %d entries, want %d", act, n, want)
			}
		}
		w.breakLog()
		if _, err := w.ProposeUnit(w.ctx, release("anna"), said); err == nil {
			t.Error("proposed without an entry")
		}
	})
}
