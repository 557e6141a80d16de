package normalize_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/store"
)

// sodium is one ORU with one sodium result under an order, without OBR-22 so that MSH-7 alone orders its versions.
func (w *world) sodium(at, order, value, unit, status string) ward.ID {
	w.t.Helper()
	return w.send(msh("ORU^R01", at), pid, "OBR|1||"+order+"^LAB|24323-8^Panel^LN|||20261101083000|||||||||||||||||||F",
		"OBX|1|NM|2951-2^Sodium^LN||"+value+"|"+unit+"|135-145|N|||"+status)
}

func tagged(o map[string]any, code string) bool {
	tags, _ := at(o, "meta", "tag").([]any)
	for _, t := range tags {
		if at(t, "system") == "urn:ward:fact" && at(t, "code") == code {
			return true
		}
	}
	return false
}

// TestHeldCorrectionDisputes: what a held correction would replace does not stay in force unmarked, and the mark goes with the
// next version that is stored.
func TestHeldCorrectionDisputes(t *testing.T) {
	w := start(t)
	a := w.sodium("20261101090000", "S1", "140", "mmol/L", "F")
	ref := w.refs(a, "Observation")[0]
	b := w.sodium("20261101100000", "S1", "165", "mg/dL", "C")
	if o := w.get(ref); !tagged(o, "disputed") || at(o, "valueQuantity", "value") != 140.0 || at(o, "status") != "final" {
		t.Errorf("%v %v %v", at(o, "status"), at(o, "valueQuantity", "value"), at(o, "meta"))
	}
	if hs := w.held(b); len(hs) != 1 || hs[0].State != store.HoldHeld {
		t.Fatalf("%+v", hs)
	}
	for _, id := range []ward.ID{a, b} {
		if err := w.Store.ReplayMessage(ctx, w.Permit(ward.Steward, access.MessageReplay, ""), id); err != nil {
			t.Fatal(err)
		}
		w.understand(id)
	}
	if o := w.get(ref); !tagged(o, "disputed") {
		t.Errorf("a replay took the mark away: %v", at(o, "meta"))
	}
	w.sodium("20261101110000", "S1", "164", "mmol/L", "C")
	if o := w.get(ref); tagged(o, "disputed") || at(o, "valueQuantity", "value") != 164.0 {
		t.Errorf("%v %v", at(o, "valueQuantity", "value"), at(o, "meta"))
	}
	w.Clean()
}

// TestOtherOwnerDisputesNothing: an order number that comes again for another patient marks nothing of the first one.
func TestOtherOwnerDisputesNothing(t *testing.T) {
	w := start(t)
	a := w.sodium("20261101090000", "S1", "140", "mmol/L", "F")
	w.send(msh("ORU^R01", "20261101100000"), "PID|1||4712^^^WARD^MR||Specht^Udo", "OBR|1||S1^LAB|24323-8^Panel^LN|||20261101083000", "OBX|1|NM|2951-2^Sodium^LN||150|mmol/L|135-145|H|||F")
	if o := w.get(w.refs(a, "Observation")[0]); tagged(o, "disputed") {
		t.Errorf("%v", at(o, "meta"))
	}
	w.Clean()
}

// TestClockOfTheSender: a message of the far future makes nothing after it look old, and replaces nothing.
func TestClockOfTheSender(t *testing.T) {
	w := start(t)
	a := w.sodium("20991101090000", "F1", "140", "mmol/L", "F")
	ref := w.refs(a, "Observation")[0]
	w.sodium("20261101100000", "F1", "165", "mmol/L", "C")
	if o := w.get(ref); at(o, "valueQuantity", "value") != 165.0 {
		t.Errorf("the correction of a result from the future was dropped: %v", o["valueQuantity"])
	}
	c := w.sodium("20991101100000", "F1", "120", "mmol/L", "C")
	if o := w.get(ref); at(o, "valueQuantity", "value") != 165.0 || len(w.held(c)) != 1 || w.held(c)[0].Hold.Reason != "sent-in-future" {
		t.Errorf("%v %+v", o["valueQuantity"], w.held(c))
	}
	w.send(msh("ADT^A08", "20991101090000"), "PID|1||4711^^^WARD^MR||Anders^Ada||19600214|F")
	if p := w.get(w.refs(a, "Patient")[0]); at(p, "name", 0, "family") != "Amsel" {
		t.Errorf("%v", p["name"])
	}
	w.Clean()
}

// TestRepeatedHour: in the hour that the clocks have twice nobody knows which of two results is newer.
func TestRepeatedHour(t *testing.T) {
	w := start(t)
	a := w.sodium("20261025025000", "D1", "140", "mmol/L", "F")
	b := w.sodium("20261025021000", "D1", "165", "mmol/L", "C")
	if hs := w.held(b); len(hs) != 1 || hs[0].Hold.Reason != "order-unclear" || !tagged(w.one(a, "Observation"), "disputed") {
		t.Errorf("%+v %+v", hs, w.info(b).Hops)
	}
	w.Clean()
}

// TestTimeAndRankDisagree: a newer version that is less final is held if it says something else, and is late if it does not; so is
// an older one that is more final.
func TestTimeAndRankDisagree(t *testing.T) {
	w := start(t)
	a := w.sodium("20261101090000", "R1", "140", "mmol/L", "F")
	ref := w.refs(a, "Observation")[0]
	w.sodium("20261101100000", "R1", "165", "mmol/L", "C")
	same := w.sodium("20261101103000", "R1", "165", "mmol/L", "F")
	if len(w.held(same)) != 0 || !step(w.info(same), "late") || tagged(w.get(ref), "disputed") {
		t.Errorf("%+v", w.info(same))
	}
	c := w.sodium("20261101110000", "R1", "150", "mmol/L", "F")
	if hs := w.held(c); len(hs) != 1 || hs[0].Hold.Class != "order" || !tagged(w.get(ref), "disputed") {
		t.Errorf("%+v", w.info(c))
	}
	e := w.sodium("20261101090000", "R2", "140", "mmol/L", "F")
	f := w.sodium("20261101080000", "R2", "130", "mmol/L", "C")
	if hs := w.held(f); len(hs) != 1 || at(w.get(w.refs(e, "Observation")[0]), "valueQuantity", "value") != 140.0 {
		t.Errorf("%+v", w.info(f))
	}
	w.Clean()
}

// TestRepeatedCode: a correction of one of two results under one code finds it by its time, or is held.
func TestRepeatedCode(t *testing.T) {
	w := start(t)
	g := func(n int, value, status, taken string) string {
		return fmt.Sprintf("OBX|%d|NM|2345-7^Glucose^LN||%s|mg/dL|70-140|N|||%s|||%s", n, value, status, taken)
	}
	a := w.send(msh("ORU^R01", "20261101100000"), pid, obr("G1"), g(1, "90", "F", "20261101080000"), g(2, "130", "F", "20261101100000"))
	refs := w.refs(a, "Observation")
	expect := func(first, second float64) {
		t.Helper()
		if x, y := at(w.get(refs[0]), "valueQuantity", "value"), at(w.get(refs[1]), "valueQuantity", "value"); x != first || y != second {
			t.Errorf("%v %v", x, y)
		}
	}
	again := func(at string) string { return strings.Replace(obr("G1"), "20261101090000", at, 1) }
	w.send(msh("ORU^R01", "20261101110000"), pid, again("20261101110000"), g(1, "135", "C", "20261101100000"))
	expect(90, 135)
	b := w.send(msh("ORU^R01", "20261101120000"), pid, again("20261101120000"), g(1, "136", "C", "20261101100000"), g(2, "91", "C", "20261101080000"))
	expect(91, 136)
	for _, r := range at(w.one(b, "DiagnosticReport"), "result").([]any) {
		if got := at(r, "reference"); got != refs[0].String() && got != refs[1].String() {
			t.Errorf("the report lists %v", got)
		}
	}
	c := w.send(msh("ORU^R01", "20261101130000"), pid, again("20261101130000"), g(1, "77", "C", "20261101090000"))
	expect(91, 136)
	if hs := w.held(c); len(hs) != 1 || hs[0].Hold.Reason != "time-differs" {
		t.Errorf("%+v", hs)
	}
	w.Clean()
}

// TestLocalCodeFirst: a correction that names the codes of a result in another order corrects it.
func TestLocalCodeFirst(t *testing.T) {
	w := start(t)
	a := w.lab("20261101090000", "K1", "OBX|1|NM|2160-0^Creatinine^LN^KREA^Krea^L||1.2|mg/dL|0.5-1.1|H|||F")
	b := w.lab("20261101100000", "K1", "OBX|1|NM|KREA^Krea^L^2160-0^Creatinine^LN||0.9|mg/dL|0.5-1.1|N|||C")
	if x, y := w.one(a, "Observation"), w.one(b, "Observation"); x["id"] != y["id"] || at(x, "valueQuantity", "value") != 0.9 {
		t.Errorf("%v %v", x, y)
	}
	w.Clean()
}

// TestPartsAreHeld: a result of which a part was not read is held, and what takes one back is not.
func TestPartsAreHeld(t *testing.T) {
	w := start(t)
	for i, obx := range []string{
		"OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL~umol/L|0.5-1.1|N|||F",
		"OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL^x^UCUM^umol/L^x^UCUM|0.5-1.1|N|||F",
		"OBX|1|NM|2160-0^Creatinine^LN||1.0^2.0|mg/dL|0.5-1.1|N|||F",
		"OBX|1|NM|2160-0^Creatinine^LN||1.0&2.0|mg/dL|0.5-1.1|N|||F",
		"OBX|1|SN|2160-0^Creatinine^LN||^1.0^^2.0|mg/dL|0.5-1.1|N|||F",
		"OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F~D",
		"OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F|||202613010830",
		"OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F|||20991101083000",
		"OBX|1|DTM|8665-2^LMP^LN||notatime||||||F",
	} {
		if id := w.lab("20261101090000", fmt.Sprint("V", i), obx); len(w.held(id)) != 1 || len(w.refs(id, "Observation")) != 0 {
			t.Errorf("%s: held %d, stored %d", obx, len(w.held(id)), len(w.refs(id, "Observation")))
		}
	}
	a := w.lab("20261101090000", "W1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	w.lab("20261101100000", "W1", "OBX|1|NM|2160-0^Creatinine^LN||1.0^2.0|mg/dL~g/L||N|||W|||bad")
	if o := w.one(a, "Observation"); at(o, "status") != "entered-in-error" {
		t.Errorf("%v", o)
	}
	w.Clean()
}

// steward is a grant of one of two persons at the desk.
func (w *world) steward(id string) access.Grant {
	w.t.Helper()
	who := w.Principal(ward.Steward)
	who.ID = ward.PrincipalID(id)
	req := access.Request{Principal: who, Action: access.HoldRead, Purpose: ward.Treatment, ID: ward.NewID()}
	p, err := w.Access.Decide(ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	return access.Grant{Permit: p, Decide: func(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
		again := req
		again.Action, again.Type = a, rtype
		return w.Access.Decide(ctx, again)
	}}
}

// TestPersonsSettleTheOrder: two persons can let in what was held because nobody else could tell which version is newer, and
// what is stored then is disputed no more.
func TestPersonsSettleTheOrder(t *testing.T) {
	for name, at2 := range map[string]string{"repeated hour": "20261025021000", "far future": "20991025021000"} {
		w := start(t)
		d := quarantine.New(quarantine.Deps{Store: w.Store})
		ref := w.refs(w.sodium("20261025025000", "D1", "140", "mmol/L", "F"), "Observation")[0]
		hs := w.held(w.sodium(at2, "D1", "160", "mmol/L", "C"))
		if len(hs) != 1 || !tagged(w.get(ref), "disputed") {
			t.Fatalf("%s: %+v", name, hs)
		}
		if _, err := d.Propose(ctx, w.steward("first"), hs[0].ID, quarantine.Correction{Accept: true, Reason: "the laboratory confirmed it"}); err != nil {
			t.Fatal(name, err)
		}
		s, err := d.Show(ctx, w.steward("second"), hs[0].ID)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := d.Release(ctx, w.steward("second"), hs[0].ID, s.Digest); err != nil {
			t.Fatal(name, err)
		}
		if o := w.get(ref); tagged(o, "disputed") || !tagged(o, "released") || at(o, "valueQuantity", "value") != 160.0 || at(o, "status") != "corrected" {
			t.Errorf("%s: %v %v", name, at(o, "valueQuantity", "value"), at(o, "meta"))
		}
		w.Clean()
	}
}

// TestRejectedHoldDisputesNothing: when persons reject what was held, what is stored is in force again, whatever is replayed.
func TestRejectedHoldDisputesNothing(t *testing.T) {
	w := start(t)
	d := quarantine.New(quarantine.Deps{Store: w.Store})
	a := w.sodium("20261101090000", "R1", "140", "mmol/L", "F")
	ref := w.refs(a, "Observation")[0]
	first := w.sodium("20261101100000", "R1", "165", "mg/dL", "C")
	hs := w.held(first)
	second := w.held(w.sodium("20261101110000", "R1", "166", "g/L", "C"))
	if len(hs) != 1 || len(second) != 1 || !tagged(w.get(ref), "disputed") {
		t.Fatalf("%+v %+v", hs, second)
	}
	if again := w.held(first); again[0].State != store.HoldSuperseded {
		t.Errorf("%+v", again)
	}
	if err := d.Reject(ctx, w.steward("first"), second[0].ID, "mixed up"); err != nil {
		t.Fatal(err)
	}
	if o := w.get(ref); tagged(o, "disputed") || at(o, "valueQuantity", "value") != 140.0 || at(o, "status") != "final" {
		t.Errorf("%v %v %v", at(o, "status"), at(o, "valueQuantity", "value"), at(o, "meta"))
	}
	if err := w.Store.ReplayMessage(ctx, w.Permit(ward.Steward, access.MessageReplay, ""), second[0].Message); err != nil {
		t.Fatal(err)
	}
	w.understand(second[0].Message)
	if o := w.get(ref); tagged(o, "disputed") {
		t.Errorf("a replay of what was rejected disputes again: %v", at(o, "meta"))
	}
	w.Clean()
}

// TestOlderThanWhatIsHeld: a version that comes late, newer than what is stored and older than what is held, is stored and disputed.
func TestOlderThanWhatIsHeld(t *testing.T) {
	w := start(t)
	ref := w.refs(w.sodium("20261101090000", "O1", "140", "mmol/L", "F"), "Observation")[0]
	hs := w.held(w.sodium("20261101110000", "O1", "165", "mg/dL", "C"))
	w.sodium("20261101100000", "O1", "150", "mmol/L", "C")
	if o := w.get(ref); !tagged(o, "disputed") || at(o, "valueQuantity", "value") != 150.0 {
		t.Errorf("%v %v", at(o, "valueQuantity", "value"), at(o, "meta"))
	}
	if now := w.held(hs[0].Message); now[0].State != store.HoldHeld {
		t.Errorf("%+v", now)
	}
	w.sodium("20261101120000", "O1", "151", "mmol/L", "C")
	if o := w.get(ref); tagged(o, "disputed") || at(o, "valueQuantity", "value") != 151.0 {
		t.Errorf("%v %v", at(o, "valueQuantity", "value"), at(o, "meta"))
	}
	// Where nothing is stored yet, what comes late is disputed as well.
	held := w.held(w.sodium("20261101110000", "O2", "165", "mg/dL", "F"))
	late := w.one(w.sodium("20261101100000", "O2", "150", "mmol/L", "F"), "Observation")
	if len(held) != 1 || !tagged(late, "disputed") {
		t.Errorf("%+v %v", held, at(late, "meta"))
	}
	w.Clean()
}
