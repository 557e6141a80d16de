package normalize_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// TestVitalSignsConform: vital signs that come by message conform to the profiles that R4 holds them to, whatever a sender calls their units:
// who reads one by FHIR can put it back. (What is sent in a unit that those profiles do not have, metres or kelvin, is kept in it.)
func TestVitalSignsConform(t *testing.T) {
	w, v := start(t), validate.New(definition.R4(), validate.Options{})
	for i, obx := range []string{
		"8867-4^Heart rate^LN||72|/min", "8867-4^Heart rate^LN||72|bpm", "8867-4^Heart rate^LN||72|beats/min", "8867-4^Heart rate^LN||72|{beats}/min",
		"9279-1^Respiratory rate^LN||16|/min", "9279-1^Respiratory rate^LN||16|breaths/min", "9279-1^Respiratory rate^LN||16|{breaths}/min",
		"8310-5^Body temperature^LN||37.1|Cel", "8310-5^Body temperature^LN||37.1|C", "8310-5^Body temperature^LN||98.6|degF",
		"29463-7^Body weight^LN||80|kg", "29463-7^Body weight^LN||176|lb", "8302-2^Body height^LN||180|cm", "8302-2^Body height^LN||71|in",
		"39156-5^BMI^LN||24.7|kg/m2", "9843-4^Head circumference^LN||35|cm", "2708-6^Oxygen saturation^LN||97|%",
		"8480-6^Systolic^LN||120|mmHg", "8462-4^Diastolic^LN||80|mm[Hg]",
	} {
		id := w.send(msh("ORU^R01", "20261101090000"), pid, obr("V"+string(rune('A'+i))), "OBX|1|NM|"+obx+"|||||F")
		refs := w.refs(id, "Observation")
		if len(refs) != 1 {
			t.Errorf("%s: held %+v", obx, w.info(id).Hops)
			continue
		}
		text, err := json.Marshal(w.get(refs[0]))
		if err != nil {
			t.Fatal(err)
		}
		d := &tree.Doc{}
		if err := d.Parse(text, tree.Limits{}); err != nil {
			t.Fatal(err)
		}
		for _, f := range slices.DeleteFunc(v.Validate(d), func(i issue.Issue) bool { return i.Severity > issue.Error }) {
			t.Errorf("%s: %+v\n%s", obx, f, text)
		}
	}
	w.Clean()
}
