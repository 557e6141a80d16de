package normalize_test

import (
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/store"
)

// TestWhoIsMeant: which results, updates and merges under a known number are taken for somebody else's.
func TestWhoIsMeant(t *testing.T) {
	for _, c := range []struct {
		kind, pid string // after PID-3
		held      bool
	}{
		{"ORU^R01", "Amsel^Ada||19600214|F", false},
		{"ORU^R01", "Specht^Rosa||19991231|F", true},
		{"ORU^R01", "Amsel^Ada||19991231|F", true},
		{"ORU^R01", "Amsel^Ada||19600215|F", false},  // one digit
		{"ORU^R01", "Specht^Ada||19600215|F", true},  // one digit, another name
		{"ORU^R01", "AMSEL^Ada||1960|F", false},      // vaguer
		{"ORU^R01", "Specht^Ada||19600214|F", false}, // married
		{"ORU^R01", "Specht^Ada||19600214|M", true},
		{"ORU^R01", "Amsel^Ada||19600214|M", false},
		{"ORU^R01", "||", false},
		{"ADT^A08", "Specht^Kurt||19991231|M", true},
		{"ADT^A08", "Specht^Ada||19600214|F", false},
		{"ADT^A08", "Amsel^Ada||19610214|F", false},
		{"ADT^A08", "Specht^Ada||19610214|F", true},
	} {
		w := start(t)
		w.send(msh("ADT^A01", "20261101080000"), pid)
		lines := []string{msh(c.kind, "20261101090000"), "PID|1||4711^^^WARD^MR||" + c.pid}
		if c.kind == "ORU^R01" {
			lines = append(lines, obr("O1"), "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|135-145|N|||F")
		}
		m := w.info(w.send(lines...))
		if held := m.State == store.MessageHeld && m.Reason == "identity-conflict"; held != c.held {
			t.Errorf("%s %s: %v %v", c.kind, c.pid, m.State, m.Reason)
		}
	}
}

// TestSwappedDate: day and month the other way round are the same person under the same family name.
func TestSwappedDate(t *testing.T) {
	w := start(t)
	w.send(msh("ADT^A01", "20261101080000"), "PID|1||4711^^^WARD^MR||Amsel^Ada||19600412|F")
	id := w.send(msh("ORU^R01", "20261101090000"), "PID|1||4711^^^WARD^MR||Amsel^Ada||19601204|F", obr("O1"), "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|135-145|N|||F")
	if m := w.info(id); m.State != store.MessageApplied {
		t.Errorf("%+v", m)
	}
}

// TestMergeOfStrangers: two records of persons who cannot be one are not joined unasked.
func TestMergeOfStrangers(t *testing.T) {
	w := start(t)
	w.send(msh("ADT^A01", "20261101080000"), pid)
	other := "PID|1||4712^^^WARD^MR||Specht^Kurt||19991231|M"
	w.send(msh("ADT^A01", "20261101080000"), other)
	if m := w.info(w.send(msh("ADT^A40", "20261101090000"), other, "MRG|4711^^^WARD^MR")); m.State != store.MessageHeld || m.Reason != "identity-conflict" {
		t.Errorf("%+v", m)
	}
	w.Clean()
}

// TestLateMerge: a merge that is older than what was said of the survivor is done as a whole.
func TestLateMerge(t *testing.T) {
	w := start(t)
	w.send(msh("ADT^A01", "20261101080000"), pid)
	b := w.send(msh("ADT^A01", "20261101120000"), "PID|1||4712^^^WARD^MR||Amsel^Ada^Sophie||19600214|F")
	w.send(msh("ADT^A40", "20261101090000"), "PID|1||4712^^^WARD^MR||Amsel^Ada||19600214|F", "MRG|4711^^^WARD^MR")
	p := w.get(w.refs(b, "Patient")[0])
	ids, _ := p["identifier"].([]any)
	old := false
	for _, id := range ids {
		old = old || at(id, "value") == "4711" && at(id, "use") == "old"
	}
	if !old || at(p, "link", 0, "type") != "replaces" || at(p, "name", 0, "given", 1) != "Sophie" {
		t.Errorf("%v", p)
	}
	w.Clean()
}

// TestNumbersOfChannels: two senders who name no authority do not share their numbers.
func TestNumbersOfChannels(t *testing.T) {
	w := start(t)
	h := func(kind, c string) string { return `MSH|^~\&|||||20261101090000||` + kind + "|" + c + "|P|2.5.1" }
	a := w.send(h("ADT^A01", "Q1"), "PID|1||1||Amsel^Ada||19600214|F")
	was := channel.ID
	channel.ID = "clinic"
	defer func() { channel.ID = was }()
	b := w.send(h("ORU^R01", "Q2"), "PID|1||1||Specht^Rosa||19991231|F", "OBR|1||77|24323-8^Panel^LN|||20261101083000", "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|135-145|N|||F")
	if o := w.one(b, "Observation"); at(o, "subject", "reference") == w.refs(a, "Patient")[0].String() {
		t.Error("a result of one channel's patient was filed under another channel's")
	}
}

func dg1(code, number string) string {
	return "DG1|1||" + code + "^Kidney^I10||20261101|F" + strings.Repeat("|", 14) + number + "^ADT"
}

// TestDiagnosisStays: a diagnosis never moves to the patient of whom its number is said next.
func TestDiagnosisStays(t *testing.T) {
	w := start(t)
	a := w.send(msh("ADT^A08", "20261101090000"), pid, dg1("N17.9", "1"), "PR1|1||39.95^Dialysis^I9C||20261101080000"+strings.Repeat("|", 14)+"7^ADT")
	b := w.send(msh("ADT^A08", "20261101100000"), "PID|1||4712^^^WARD^MR||Specht^Rosa||19991231|F", dg1("C50.9", "1"), "PR1|1||85.2^Excision^I9C||20261101080000"+strings.Repeat("|", 14)+"7^ADT")
	for _, rt := range []string{"Condition", "Procedure"} {
		x, y := w.one(a, rt), w.one(b, rt)
		if x["id"] == y["id"] || at(x, "subject", "reference") == at(y, "subject", "reference") {
			t.Errorf("%v %v", x, y)
		}
	}
	if c := w.one(a, "Condition"); at(c, "code", "coding", 0, "code") != "N17.9" {
		t.Errorf("%v", c)
	}
	w.Clean()
}

// TestOlderHistory: an older message replaces no newer allergy, diagnosis or procedure.
func TestOlderHistory(t *testing.T) {
	w := start(t)
	entries := func(at, severity, status, place string) ward.ID {
		return w.send(msh("ADT^A08", at), pid, "AL1|1|DA|70618^Penicillin^RXNORM|"+severity+"|rash",
			"DG1|1||N17.9^Kidney^I10|"+place+"|20261101|"+status+strings.Repeat("|", 14)+"1^ADT", "PR1|1||39.95^"+place+"^I9C|"+place+"|20261101080000"+strings.Repeat("|", 14)+"7^ADT")
	}
	a := entries("20261101100000", "SV", "F", "new")
	late := entries("20261101080000", "MI", "W", "old")
	if !step(w.info(late), "late") || w.one(a, "AllergyIntolerance")["criticality"] != "high" || at(w.one(a, "Condition"), "code", "text") != "new" || at(w.one(a, "Procedure"), "code", "text") != "new" {
		t.Errorf("%v %v %v", w.one(a, "AllergyIntolerance"), w.one(a, "Condition"), w.one(a, "Procedure"))
	}
	entries("20261101110000", "MI", "W", "newest")
	if at(w.one(a, "Condition"), "code", "text") != "newest" || w.one(a, "AllergyIntolerance")["criticality"] == "high" {
		t.Error("a newer message replaced nothing")
	}
	w.Clean()
}

// TestStayKeepsWhatIsNotSaid: elements that stand in for what was not sent replace nothing, and a stay that has ended stays so.
func TestStayKeepsWhatIsNotSaid(t *testing.T) {
	w := start(t)
	pv1 := func(class, place, end string) string {
		return "PV1|1|" + class + "|" + place + strings.Repeat("|", 16) + "V9^^^WARD^VN" + strings.Repeat("|", 25) + "20261030120000|" + end
	}
	a := w.send(msh("ADT^A08", "20261101080000"), pid, pv1("I", "W1", "20261031120000"))
	ref := w.refs(a, "Encounter")[0]
	expect := func(status, why string) {
		t.Helper()
		if e := w.get(ref); e["status"] != status || at(e, "class", "code") != "IMP" {
			t.Errorf("%s: %v %v %v", why, e["status"], e["class"], e["period"])
		}
	}
	expect("finished", "discharged")
	w.send(msh("ADT^A08", "20261101090000"), pid, pv1("", "W2", ""))
	expect("finished", "nothing said")
	w.send(msh("ADT^A08", "20261101100000"), pid, pv1("I", "W2", ""))
	expect("finished", "the class said")
	w.send(msh("ADT^A08", "20261101110000"), pid, pv1("I", "W2", `""`))
	expect("in-progress", "the end taken back")
	w.Clean()
}
