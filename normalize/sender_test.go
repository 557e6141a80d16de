package normalize_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/normalize/units"
)

// TestEarlierValueHolds: what only the patient's earlier value shows to be in another unit is held with that value as evidence, which the
// node itself has looked at, with an entry; the feed may not.
func TestEarlierValueHolds(t *testing.T) {
	w := start(t)
	glucose := func(at, order, value, between string) ward.ID {
		return w.send(msh("ORU^R01", at), pid, "OBR|1||"+order+"^LAB|24323-8^Panel^LN|||"+at, "OBX|1|NM|2345-7^Glucose^LN||"+value+"|mg/dL|"+between+"||||F")
	}
	glucose("20261101090000", "E1", "250", "70-100")
	hs := w.held(glucose("20261102090000", "E2", "13.9", ""))
	if len(hs) != 1 || hs[0].Hold.Reason != "unit-mislabelled" || hs[0].Hold.Class != "plausibility" {
		t.Fatalf("%+v", hs)
	}
	e, err := quarantine.ReadEvidence(hs[0].Hold.Evidence)
	if err != nil || !strings.Contains(strings.Join(e.Why, "; "), "newest earlier value 250 mg/dL") || len(e.Proposals) == 0 || e.Proposals[0].Unit != "mmol/L" {
		t.Errorf("%v %v %v", e.Why, e.Proposals, err)
	}
	// A stranger's value, and one of two years ago, say nothing; a value near the earlier one confirms its unit.
	other := w.send(msh("ORU^R01", "20261102090000"), "PID|1||4712^^^WARD^MR||Specht^Udo||19500101|M", obr("E3"), "OBX|1|NM|2345-7^Glucose^LN||13.9|mg/dL|||||F")
	if len(w.held(other)) != 0 {
		t.Error("held for the value of another patient")
	}
	const old = "PID|1||4713^^^WARD^MR||Specht^Uta||19500101|F"
	w.send(msh("ORU^R01", "20241102090000"), old, "OBR|1||E4^LAB|24323-8^Panel^LN|||20241102090000", "OBX|1|NM|2345-7^Glucose^LN||250|mg/dL|70-100||||F")
	if later := w.send(msh("ORU^R01", "20261102090000"), old, "OBR|1||E7^LAB|24323-8^Panel^LN|||20261102090000", "OBX|1|NM|2345-7^Glucose^LN||13.9|mg/dL|||||F"); len(w.held(later)) != 0 {
		t.Error("held for a value of two years ago")
	}
	if o := w.one(glucose("20261101120000", "E5", "260", ""), "Observation"); tagged(o, "unit-unconfirmed") || tagged(o, "inconsistent") {
		t.Errorf("%v", at(o, "meta"))
	}
	if o := w.one(glucose("20261101130000", "E6", "98", ""), "Observation"); !tagged(o, "inconsistent") {
		t.Errorf("a fall from 260 to 98 in an hour is not flagged: %v", at(o, "meta"))
	}
	searched := 0
	if err := w.Log.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	all, err := w.Log.Entries(ctx, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if x.Act == audit.ActSearch {
			searched++
			if x.Outcome != audit.Done {
				t.Errorf("%+v", x)
			}
		}
	}
	if searched < 4 {
		t.Errorf("%d entries of searches", searched)
	}
	if _, err := w.Access.Decide(ctx, access.Request{Principal: w.Principal(ward.Integration), Action: access.Search, Type: "Observation", Purpose: ward.Treatment, ID: ward.NewID()}); ward.KindOf(err) != ward.Denied {
		t.Errorf("a feed may browse results: %v", err)
	}
	w.Clean()
}

// TestSilentSwitchIsSetAside: a laboratory whose unit two persons have confirmed, and whose results then come in another one under the same
// text and range, is found by them together; what comes after that no model reads, until persons speak again.
func TestSilentSwitchIsSetAside(t *testing.T) {
	w := start(t)
	said := units.Override{Sender: channel.ID, Code: "19123-9", From: "mg/dL", Unit: "mg/dL", Ranges: []string{"1.7-2.2"}, Since: time.Now().Add(-time.Hour)}
	table := func() *units.Table {
		u, err := units.New([]units.Override{said})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	w.said = table()
	r := rand.New(rand.NewPCG(3, 4))
	n := 0
	results := func(count int, by float64) (unsure int) {
		for range count {
			n++
			value := math.Sqrt(1.6*2.4) * math.Exp(0.1*r.NormFloat64()) * by
			id := w.send(msh("ORU^R01", "20261101090000"), fmt.Sprintf("PID|1||P%d^^^WARD^MR||Amsel^Ada||19600214|F", n), obr(fmt.Sprint("W", n)),
				fmt.Sprintf("OBX|1|NM|19123-9^Magnesium^LN||%.2f|mg/dL|1.7-2.2||||F", value))
			if tagged(w.one(id, "Observation"), "unit-unconfirmed") {
				unsure++
			}
		}
		return unsure
	}
	if u := results(150, 1); u != 0 {
		t.Fatalf("%d of the first results are not read", u)
	}
	unsure := results(120, 0.8229) // numbers of meq/L
	t.Logf("of 120 results in meq/L under mg/dL, %d came before it was found and were read", 120-unsure)
	if unsure < 20 {
		t.Errorf("%d of 120 results in meq/L are set aside", unsure)
	}
	said.Since = time.Now().Add(time.Hour)
	w.said = table()
	if u := results(3, 0.8229); u != 0 {
		t.Errorf("%d results are set aside after persons have confirmed the unit anew", u)
	}
	w.Clean()
}
