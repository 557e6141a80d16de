package normalize_test

import (
	"encoding/json"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// TestHiddenIsNotOverwritten: a record whose labels hide it from the feed keeps its content, and nothing is lost.
func TestHiddenIsNotOverwritten(t *testing.T) {
	w := start(t)
	id := w.lab("20261101090000", "H1", "OBX|1|NM|2160-0^Creatinine^LN||1.0|mg/dL|0.5-1.1|N|||F")
	patient, result := w.refs(id, "Patient")[0], w.refs(id, "Observation")[0]
	for _, ref := range []ward.Reference{patient, result} {
		o := w.get(ref)
		o["meta"].(map[string]any)["security"] = []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}}
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		w.Put(ref.String(), string(raw))
	}
	version := func(ref ward.Reference) int64 {
		v, err := w.Store.Get(ctx, w.Permit(ward.Clinician, access.Read, ref.Type), ref)
		if err != nil {
			t.Fatal(err)
		}
		return v.Number
	}
	p, o := version(patient), version(result)
	late := w.send(msh("ORU^R01", "20261101080000"), "PID|1||4711^^^WARD^MR||Other^Name", obr("H1"),
		"OBX|1|NM|2160-0^Creatinine^LN||9.0|mg/dL|0.5-1.1||||P", "OBX|2|NM|2823-3^Potassium^LN||4.0|mmol/L|3.5-5.1||||F")
	if version(patient) != p || version(result) != o {
		t.Error("a hidden record was overwritten")
	}
	hs := w.held(late)
	if m := w.info(late); m.State != store.MessageApplied || len(hs) != 1 || hs[0].Hold.Reason != "not-visible" || len(w.refs(late, "Observation")) != 1 {
		t.Errorf("%+v, %d held", m, len(hs))
	}
	w.send(msh("ADT^A08", "20261101100000"), "PID|1||4711^^^WARD^MR||New^Name")
	if version(patient) != p {
		t.Error("a hidden patient was overwritten")
	}
	w.Clean()
}
