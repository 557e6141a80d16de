package normalize_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// ends checks that a message does not stand in the way of those after it.
func (w *world) ends(name string, id ward.ID) {
	w.t.Helper()
	if i := w.info(id); i.State != store.MessageApplied && i.State != store.MessageHeld {
		w.t.Errorf("%s: the message stands as %v %v", name, i.State, i.Reason)
	}
}

// TestNoMessageStaysForever: what no other try can help is held.
func TestNoMessageStaysForever(t *testing.T) {
	w := start(t)
	w.ends("a long value", w.lab("20261101090000", "S1", "OBX|1|NM|2951-2^Sodium^LN||"+strings.Repeat("x", 1100000)+"|mmol/L|135-145|N|||F"))
	w.ends("a long code", w.lab("20261101090000", "S2", "OBX|1|NM|"+strings.Repeat("<", 400000)+"^Sodium^L||x|mmol/L|135-145|N|||F"))
	lines := []string{msh("ORU^R01", "20261101090000")}
	for i := range 65 {
		lines = append(lines, fmt.Sprintf("PID|1||P%d^^^WARD^MR||A^B||19600214|F", i), obr(fmt.Sprint("M", i)), "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|135-145|N|||F")
	}
	w.ends("many patients", w.send(lines...))
	ids := make([]string, 12000)
	for i := range ids {
		ids[i] = fmt.Sprintf("%d^^^WARD^PI", i)
	}
	w.ends("many identifiers", w.send(msh("ADT^A08", "20261101090000"), "PID|1||"+strings.Join(ids, "~")+"||Amsel^Ada||19600214|F"))
	next := w.lab("20261101100000", "S3", "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|135-145|N|||F")
	if i := w.info(next); i.State != store.MessageApplied || i.Facts == 0 {
		t.Errorf("%+v", i)
	}
	w.Clean()
}

// TestLongChain: a merge that the store cannot take is held.
func TestLongChain(t *testing.T) {
	w := start(t)
	held := 0
	for i := range 18 {
		id := w.send(msh("ADT^A40", fmt.Sprintf("202611010900%02d", i)), fmt.Sprintf("PID|1||C%d^^^WARD^MR||Amsel^Ada||19600214|F", i+1), fmt.Sprintf("MRG|C%d^^^WARD^MR", i))
		w.ends(fmt.Sprint("merge ", i), id)
		if m := w.info(id); m.State == store.MessageHeld && m.Reason == "merge-conflict" {
			held++
		}
	}
	if held == 0 {
		t.Error("no merge was too many")
	}
}

// TestErasedBesideOthers: the results of one erased patient are left out, those of others are stored.
func TestErasedBesideOthers(t *testing.T) {
	w := start(t)
	b := w.send(msh("ADT^A01", "20261101080000"), "PID|1||4712^^^WARD^MR||Specht^Kurt||19991231|M")
	if _, err := w.Store.Shred(ctx, w.Permit(ward.Privacy, access.Shred, ""), w.refs(b, "Patient")[0].ID); err != nil {
		t.Fatal(err)
	}
	id := w.send(msh("ORU^R01", "20261101090000"), pid, obr("E1"), "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|135-145|N|||F",
		"PID|2||4712^^^WARD^MR||Specht^Kurt||19991231|M", obr("E2"), "OBX|1|NM|2951-2^Sodium^LN||141|mmol/L|135-145|N|||F")
	if m := w.info(id); m.State != store.MessageApplied || len(w.refs(id, "Observation")) != 1 || len(w.refs(id, "Patient")) != 1 || !step(m, "erased") {
		t.Errorf("%+v", m)
	}
	if o := w.one(id, "Observation"); at(o, "valueQuantity", "value") != 140.0 {
		t.Errorf("%v", o)
	}
}

// TestWholeHoldsAreErased: a message that is held or kept as a whole ends with the patient whom it names.
func TestWholeHoldsAreErased(t *testing.T) {
	w := start(t)
	a := w.send(msh("ADT^A01", "20261101080000"), pid)
	held := w.send(msh("ORU^R01", "20261101090000"), "PID|1||4711^^^WARD^MR||Specht^Udo||19850101|M", obr("E1"), "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|135-145|N|||F")
	if m := w.info(held); m.State != store.MessageHeld || m.Reason != "identity-conflict" {
		t.Fatalf("%+v", m)
	}
	if _, err := w.Store.Shred(ctx, w.Permit(ward.Privacy, access.Shred, ""), w.refs(a, "Patient")[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Store.Raw(ctx, w.Permit(ward.Integration, access.Receive, ""), held); err == nil {
		t.Error("the message opens after the erasure")
	}
}
