package console_test

import (
	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// The people of the tests. The second one's name and results are markup.
const (
	ada  = "PID|1||4711^^^WARD^MR||Amsel^Ada^Maria||19610214|F|||Gartenweg 3^^Nordheim^^39164"
	evil = `PID|1||666^^^WARD^MR||<script>alert(1)</script>^"><img src=x onerror=alert(2)>||19700101|M`
)

// hospital is what the tests look at.
type hospital struct {
	*world
	ada, evil string // FHIR ids
	first     ward.ID
	wrong     ward.ID // message with a held sodium
	garbage   ward.ID // message held whole
	held      ward.ID
	held2     ward.ID
	egfr      ward.ID // decisions
	mortality ward.ID
}

// bedside are values that let the model of trees answer.
var bedside = []string{
	"NM|8480-6^Systolic blood pressure^LN||148|mm[Hg]|90-140|H|||F", "NM|8462-4^Diastolic blood pressure^LN||86|mm[Hg]|60-90|N|||F",
	"NM|39156-5^Body mass index^LN||27.4|kg/m2|||||F", "NM|1751-7^Albumin^LN||4.1|g/dL|3.5-5.0|N|||F",
	"NM|2093-3^Cholesterol^LN||231|mg/dL|0-200|H|||F", "NM|6690-2^Leukocytes^LN||7.2|10*3/uL|4.0-11.0|N|||F",
	"NM|19123-9^Magnesium^LN||2.1|mg/dL|1.7-2.4|N|||F", "NM|2885-2^Protein^LN||7.0|g/dL|6.4-8.3|N|||F",
	"NM|2498-4^Iron^LN||86|ug/dL|50-170|N|||F",
}

// admit sends a small hospital's messages and has models answer.
func admit(w *world) *hospital {
	w.t.Helper()
	h := &hospital{world: w}
	creatinine := []struct{ at, obx string }{
		{"20250610081500", "NM|2160-0^Creatinine^LN||0.84|mg/dL|0.50-1.10|N|||F"},
		{"20251203090000", "NM|2160-0^Creatinine^LN||0.91|mg/dL|0.50-1.10|N|||F"},
		{"20260302073000", "NM|2160-0^Creatinine^LN||1.02|mg/dL|0.50-1.10|N|||F"},
		{"20260515101000", "NM|14682-9^Creatinine^LN||104|umol/L|44-97|H|||F"},
		{"20260818084500", "NM|2160-0^Creatinine^LN||1.31|mg/dL|0.50-1.10|H|||F"},
		{"20261103080000", "NM|2160-0^Creatinine^LN||1.24|mg/dL|0.50-1.10|H|||F"},
	}
	for i, c := range creatinine {
		id := w.oru(ada, c.at, c.obx, []string{
			"NM|2823-3^Potassium^LN||4.2|mmol/L|3.5-5.1|N|||F", "NM|2823-3^Potassium^LN||4.4|mmol/L|3.5-5.1|N|||F",
			"NM|2823-3^Potassium^LN||4.9|mmol/L|3.5-5.1|N|||F", "NM|2823-3^Potassium^LN||5.4|mmol/L|3.5-5.1|H|||F",
			"NM|2823-3^Potassium^LN||6.3|mmol/L|3.5-5.1|HH|||F", "NM|2823-3^Potassium^LN||3.1|mmol/L|3.5-5.1|L|||F"}[i])
		if i == 0 {
			h.first = id
		}
	}
	h.ada = w.patientOf(h.first)
	w.oru(ada, "20261104090000", bedside...)
	h.wrong = w.oru(ada, "20261105090000", "NM|2951-2^Sodium^LN||140|mg/dL|135-145|N|||F", "NM|2823-3^Potassium^LN||4.1|mmol/L|3.5-5.1|N|||F",
		"ST|5778-6^Color of Urine^LN||amber||||||F", "NM|2160-0^Creatinine^LN||see note|mg/dL|0.5-1.1||||F")
	h.evil = w.patientOf(w.oru(evil, "20261106090000", `ST|5778-6^<b>Color</b> of Urine^LN||<img src=x onerror=alert(3)>||||||F`,
		`NM|2823-3^Potassium^LN||4.0|mmol/L|<i>3</i>|N|||F`))
	h.garbage = w.send("this is no message <script>alert(4)</script>")
	w.Put("Encounter/enc-1", `{"resourceType":"Encounter","id":"enc-1","status":"in-progress","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP","display":"inpatient encounter"},"subject":{"reference":"Patient/`+h.ada+`"},"period":{"start":"2026-11-02T08:00:00Z"},"location":[{"location":{"display":"Ward 3 <North>"}}]}`)
	h.ask()
	hs, _, err := w.Store.Holds(ctx, w.Permit(ward.Steward, access.HoldRead, ""), store.HoldQuery{Message: h.wrong, Count: 10})
	w.Must(err)
	if len(hs) != 2 {
		w.t.Fatalf("%d facts are held", len(hs))
	}
	for _, x := range hs {
		if x.Hold.Class == "unit" {
			h.held = x.ID
		} else {
			h.held2 = x.ID
		}
	}
	w.human("stefan", "Stefan Sand", ward.Steward)
	w.human("both", "Bo Beide", ward.Clinician, ward.Steward)
	return h
}

// ask has both models answer about Ada.
func (h *hospital) ask() {
	h.t.Helper()
	for model, id := range map[string]*ward.ID{"egfr-ckd-epi-2021": &h.egfr, "mortality-ten-year": &h.mortality} {
		d, _, err := h.Predict.Serve(ctx, h.Grant(ward.Clinician, access.Predict, ""), model, h.ada, "test")
		h.Must(err)
		if d.Output == nil {
			h.t.Fatalf("%s does not answer: %v", model, d.Reasons)
		}
		*id = d.ID
	}
}
