package normalize_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/store"
)

const pid = "PID|1||4711^^^WARD^MR||Amsel^Ada||19600214|F"

var control int

// msh makes a header with a fresh control id.
func msh(kind, at string) string {
	control++
	return fmt.Sprintf(`MSH|^~\&|LAB|WARDHOSP|WARD|WARD|%s||%s|C%d|P|2.5.1`, at, kind, control)
}

func obr(order string) string {
	return "OBR|1||" + order + "^LAB|24323-8^Panel^LN|||20261101083000|||||||||||||||20261101090000|||F"
}

// lab is one ORU with one result.
func (w *world) lab(at, order, obx string) ward.ID {
	w.t.Helper()
	return w.send(msh("ORU^R01", at), pid, obr(order), obx)
}

func TestUnitKeptAsSent(t *testing.T) {
	w := start(t)
	id := w.lab("20261101090000", "A1", "OBX|1|NM|14682-9^Creatinine^LN||88|umol/L|59-104|N|||F")
	o := w.one(id, "Observation")
	if at(o, "valueQuantity", "unit") != "umol/L" || at(o, "valueQuantity", "code") != "umol/L" || at(o, "valueQuantity", "value") != 88.0 || at(o, "status") != "final" {
		t.Errorf("%v", o)
	}
	if at(o, "effectiveDateTime") != "2026-11-01T08:30:00+01:00" {
		t.Errorf("taken %v", at(o, "effectiveDateTime"))
	}
	if at(o, "referenceRange", 0, "low", "value") != 59.0 || at(o, "interpretation", 0, "coding", 0, "code") != "N" {
		t.Errorf("%v", o)
	}
	r := w.one(id, "DiagnosticReport")
	if len(at(r, "result").([]any)) != 1 {
		t.Errorf("%v", r)
	}
	wbc := w.one(w.lab("20261101090000", "A2", "OBX|1|NM|6690-2^WBC^LN||7.2|K/uL|4.0-11.0|N|||F"), "Observation")
	if at(wbc, "valueQuantity", "unit") != "K/uL" || at(wbc, "valueQuantity", "code") == "K/uL" || at(wbc, "valueQuantity", "code") == nil {
		t.Errorf("%v", wbc["valueQuantity"])
	}
	mg := w.one(w.lab("20261101090000", "A3", "OBX|1|NM|2160-0^Creatinine^LN||0.0104|g/L||N|||F"), "Observation")
	if at(mg, "valueQuantity", "value") != 0.0104 || at(mg, "valueQuantity", "extension", 0, "valueQuantity", "code") != "mg/dL" ||
		fmt.Sprint(at(mg, "valueQuantity", "extension", 0, "valueQuantity", "value")) != "1.04" {
		t.Errorf("%v", mg["valueQuantity"])
	}
	w.Clean()
}

// TestDoubtfulFactIsHeldAlone: the companions of a doubtful result are stored.
func TestDoubtfulFactIsHeldAlone(t *testing.T) {
	w := start(t)
	id := w.send(msh("ORU^R01", "20261101090000"), pid, obr("B1"),
		"OBX|1|NM|2951-2^Sodium^LN||140|mg/dL|135-145|N|||F",
		"OBX|2|NM|2823-3^Potassium^LN||4.1|mmol/L|3.5-5.1|N|||F",
		"OBX|3|NM|2160-0^Creatinine^LN||see note|mg/dL|0.5-1.1||||F")
	if got := w.refs(id, "Observation"); len(got) != 1 {
		t.Errorf("%d results were stored", len(got))
	}
	hs := w.held(id)
	if len(hs) != 2 {
		t.Fatalf("%d facts are held", len(hs))
	}
	for _, h := range hs {
		e, err := quarantine.ReadEvidence(h.Hold.Evidence)
		if err != nil || e.Resource == nil || e.Sent.Value == "" || h.Hold.Fact == "" || h.Hold.Patient == "" {
			t.Errorf("%+v %v", e, err)
		}
		if _, err := w.Store.Get(ctx, w.Permit(ward.Clinician, access.Read, "Observation"), ward.Reference{Type: "Observation", ID: strings.TrimPrefix(h.Hold.Fact, "Observation/")}); ward.KindOf(err) != ward.NotFound {
			t.Errorf("%s is stored: %v", h.Hold.Position, err)
		}
	}
	if hs[0].Hold.Position != "OBX-6" || hs[0].Hold.Class != "unit" || hs[1].Hold.Position != "OBX[2]-5" || hs[1].Hold.Class != "parse" {
		t.Errorf("%+v %+v", hs[0].Hold, hs[1].Hold)
	}
	w.Clean()
}

// TestOrder: what is older or less final never replaces what is newer or more final, and the message says so.
func TestOrder(t *testing.T) {
	w := start(t)
	obx := func(value, status string) string {
		return "OBX|1|NM|2160-0^Creatinine^LN||" + value + "|mg/dL|0.5-1.1|N|||" + status
	}
	send := func(at, changed, value, status string) ward.ID {
		return w.send(msh("ORU^R01", at), pid, "OBR|1||C1^LAB|24323-8^Panel^LN|||20261101083000|||||||||||||||"+changed+"|||"+status, obx(value, status))
	}
	first := send("20261101090000", "20261101090000", "1.0", "F")
	ref := w.refs(first, "Observation")[0]
	expect := func(value float64, status, why string) {
		t.Helper()
		if o := w.get(ref); at(o, "valueQuantity", "value") != value || at(o, "status") != status {
			t.Errorf("%s: %v %v", why, at(o, "valueQuantity", "value"), at(o, "status"))
		}
	}
	late := send("20261101080000", "20261101080000", "9.9", "P")
	expect(1.0, "final", "an old preliminary result")
	if !step(w.info(late), "late") {
		t.Errorf("%+v", w.info(late).Hops)
	}
	send("20261101100000", "20261101100000", "9.8", "P")
	expect(1.0, "final", "a preliminary result after the final one")
	send("20261101110000", "20261101110000", "1.1", "C")
	expect(1.1, "corrected", "a correction")
	send("20261101093000", "20261101093000", "1.05", "F")
	expect(1.1, "corrected", "the final result, late")
	send("20261101120000", "20261101120000", "1.1", "W")
	expect(1.1, "entered-in-error", "taken back")
	send("20261101130000", "20261101130000", "1.2", "F")
	expect(1.2, "final", "a new result after one that was taken back")
	w.Clean()
}

func step(m store.MessageInfo, name string) bool {
	for _, h := range m.Hops {
		if h.Step == name {
			return true
		}
	}
	return false
}

// TestReplayChangesNothing: deterministic ids and bodies make a replay an upsert of the same versions.
func TestReplayChangesNothing(t *testing.T) {
	w := start(t)
	id := w.send(msh("ORU^R01", "20261101090000"), pid, "PV1|1|I|W1^2^3|||||||||||||||||V1^^^WARD^VN", obr("D1"),
		"OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F", "OBX|2|NM|2951-2^Sodium^LN||140|mg/dL|135-145|N|||F")
	ref := w.refs(id, "Observation")[0]
	before, err := w.Store.Get(ctx, w.Permit(ward.Clinician, access.Read, "Observation"), ref)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Store.ReplayMessage(ctx, w.Permit(ward.Steward, access.MessageReplay, ""), id); err != nil {
			t.Fatal(err)
		}
		w.understand(id)
	}
	after, err := w.Store.Get(ctx, w.Permit(ward.Clinician, access.Read, "Observation"), ref)
	if err != nil || after.Number != before.Number || len(w.held(id)) != 1 {
		t.Errorf("version %d became %d, held %d, %v", before.Number, after.Number, len(w.held(id)), err)
	}
	w.Clean()
}

// TestUpdatePatches: what a message does not say stays, two quotation marks delete, other systems' elements stay.
func TestUpdatePatches(t *testing.T) {
	w := start(t)
	id := w.send(msh("ADT^A01", "20261101090000"), "EVN|A01|20261101090000",
		"PID|1||4711^^^WARD^MR||Amsel^Ada||19600214|F|||Weg 1^^Ulm^^89073^DE||0731-1^PRN^PH|0731-2^WPN^PH||M",
		"PV1|1|I|W1^2^3||||1^Arzt^Anna||||||||||||V1^^^WARD^VN|||||||||||||||||||||||||20261101080000")
	ref := w.refs(id, "Patient")[0]
	stored := w.get(ref)
	stored["extension"] = []any{map[string]any{"url": "http://other.example/x", "valueString": "kept"}}
	raw, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	w.Put(ref.String(), string(raw))
	w.send(msh("ADT^A08", "20261101100000"), "EVN|A08|20261101100000", `PID|1||4711^^^WARD^MR||Amsel^Ada^Maria||||||||""|0731-3^WPN^PH||""`)
	p := w.get(ref)
	if at(p, "birthDate") != "1960-02-14" || at(p, "gender") != "female" || at(p, "address", 0, "city") != "Ulm" {
		t.Errorf("what was not said is gone: %v", p)
	}
	if tel := fmt.Sprint(at(p, "telecom")); strings.Contains(tel, "0731-1") || strings.Contains(tel, "0731-2") || !strings.Contains(tel, "0731-3") {
		t.Errorf("telecom %v", tel)
	}
	if at(p, "maritalStatus") != nil || at(p, "extension", 0, "valueString") != "kept" || at(p, "name", 0, "given", 1) != "Maria" {
		t.Errorf("%v", p)
	}
	old := w.send(msh("ADT^A08", "20261101093000"), "EVN|A08|20261101093000", "PID|1||4711^^^WARD^MR||Anders^Ada")
	if at(w.get(ref), "name", 0, "family") != "Amsel" || !step(w.info(old), "late") {
		t.Error("a late update replaced a newer one")
	}
	w.lab("20261101110000", "E1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	if at(w.get(ref), "name", 0, "given", 1) != "Maria" {
		t.Error("a laboratory changed demographics")
	}
	w.Clean()
}

// TestLaboratoryFirst: an admission that was written before the first result still says who the patient is.
func TestLaboratoryFirst(t *testing.T) {
	w := start(t)
	id := w.lab("20261101090000", "L1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	w.send(msh("ADT^A04", "20261101080000"), "PID|1||4711^^^WARD^MR||Amsel^Ada^Sophie||19600214|F")
	if p := w.get(w.refs(id, "Patient")[0]); at(p, "name", 0, "given", 1) != "Sophie" {
		t.Errorf("%v", p)
	}
	w.Clean()
}

// TestErased: nothing of a message about an erased patient is stored.
func TestErased(t *testing.T) {
	w := start(t)
	id := w.lab("20261101090000", "K1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	if _, err := w.Store.Shred(ctx, w.Permit(ward.Privacy, access.Shred, ""), w.refs(id, "Patient")[0].ID); err != nil {
		t.Fatal(err)
	}
	later := w.lab("20261101100000", "K2", "OBX|1|NM|2160-0^Creatinine^LN||1.1|mg/dL|0.5-1.1|N|||F")
	if m := w.info(later); m.State != store.MessageHeld || m.Reason != "patient-erased" || m.Facts != 0 {
		t.Errorf("%+v", m)
	}
}

// TestWithdrawalIsNeverHeld: what takes a result back goes through, whatever its unit.
func TestWithdrawalIsNeverHeld(t *testing.T) {
	w := start(t)
	id := w.lab("20261101090000", "M1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	w.lab("20261101100000", "M1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|bananas|||||W")
	if o := w.get(w.refs(id, "Observation")[0]); at(o, "status") != "entered-in-error" || at(o, "valueQuantity", "code") != nil {
		t.Errorf("%v", o)
	}
	w.Clean()
}

// TestOtherOwner: an order number that comes again for another patient moves nothing.
func TestOtherOwner(t *testing.T) {
	w := start(t)
	id := w.lab("20261101090000", "N1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	other := w.send(msh("ORU^R01", "20261102090000"), "PID|1||4712^^^WARD^MR||Specht^Udo", "OBR|1||N1^LAB|24323-8^Panel^LN|||20261102083000|||||||||||||||20261102090000|||F",
		"OBX|1|NM|2160-0^Creatinine^LN||5.0|mg/dL|0.5-1.1|H|||F")
	if o := w.get(w.refs(id, "Observation")[0]); at(o, "valueQuantity", "value") != 1.0 {
		t.Errorf("%v", o)
	}
	for _, h := range w.held(other) {
		if h.Hold.Reason != "subject-differs" {
			t.Errorf("%+v", h.Hold)
		}
	}
	if len(w.held(other)) != 2 {
		t.Errorf("%d held", len(w.held(other)))
	}
	w.Clean()
}

// TestOtherPerson: a laboratory that says another birth date and another sex speaks of somebody else.
func TestOtherPerson(t *testing.T) {
	w := start(t)
	w.lab("20261101090000", "F1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	id := w.send(msh("ORU^R01", "20261101100000"), "PID|1||4711^^^WARD^MR||Specht^Udo||19850101|M", obr("F2"), "OBX|1|NM|2160-0^Creatinine^LN||7.0|mg/dL|||||F")
	if m := w.info(id); m.State != store.MessageHeld || m.Reason != "identity-conflict" || m.Facts != 0 {
		t.Errorf("%+v", m)
	}
	again := w.send(msh("ORU^R01", "20261101110000"), "PID|1||4711^^^WARD^MR||Amsel-Specht^Ada||19600214|F", obr("F3"), "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|||||F")
	if m := w.info(again); m.State != store.MessageApplied || m.Facts == 0 {
		t.Errorf("%+v", m)
	}
	w.Clean()
}

// TestMerge: the record lives on in the survivor, and what comes later under the old number goes there.
func TestMerge(t *testing.T) {
	w := start(t)
	gone := w.send(msh("ADT^A04", "20261101080000"), "PID|1||99^^^WARD^MR||Amsel^A||19600214|F")
	id := w.send(msh("ADT^A40", "20261101090000"), pid, "MRG|99^^^WARD^MR")
	m := w.info(id)
	if m.State != store.MessageApplied || len(w.refs(id, "Patient")) != 2 {
		t.Fatalf("%+v", m)
	}
	from := w.refs(gone, "Patient")[0]
	if p := w.get(from); at(p, "active") != false || at(p, "link", 0, "type") != "replaced-by" {
		t.Errorf("%v", p)
	}
	var into ward.Reference
	for _, r := range w.refs(id, "Patient") {
		if r != from {
			into = r
		}
	}
	if p := w.get(into); at(p, "link", 0, "type") != "replaces" || !strings.Contains(fmt.Sprint(p["identifier"]), "99") {
		t.Errorf("%v", p)
	}
	later := w.send(msh("ORU^R01", "20261101100000"), "PID|1||99^^^WARD^MR||Amsel^A||19600214|F", obr("G1"), "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	if o := w.one(later, "Observation"); at(o, "subject", "reference") != into.String() {
		t.Errorf("%v", o["subject"])
	}
	back := w.send(msh("ADT^A40", "20261101110000"), "PID|1||99^^^WARD^MR||Amsel^A", "MRG|4711^^^WARD^MR")
	if m := w.info(back); m.State != store.MessageHeld || m.Reason != "merge-cycle" {
		t.Errorf("%+v", m)
	}
	w.Clean()
}
