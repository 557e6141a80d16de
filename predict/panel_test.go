package predict_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store/storetest"
)

// pressure is a blood pressure as a panel.
func pressure(id, patient, at, more string, components ...string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"subject":{"reference":"Patient/%s"},
		"effectiveDateTime":%q,"component":[%s]%s}`, id, patient, at, strings.Join(components, ","), more)
}

func component(code, quantity, more string) string {
	return fmt.Sprintf(`{"code":{"coding":[{"system":"http://loinc.org","code":%q}]},"valueQuantity":%s%s}`, code, quantity, more)
}

// TestPanelOfBloodPressure: systolic and diastolic pressure are read where they stand as components of a panel, by the same rules as where
// they stand alone.
func TestPanelOfBloodPressure(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	const mmHg = "mm[Hg]"
	low, high := component("8462-4", predicttest.Quantity("88", mmHg), ""), component("8480-6", predicttest.Quantity("142", mmHg), "")
	var alone float64
	for _, c := range []struct {
		name, panel, extra string // a body with PATIENT for the patient's id
		want               string // of the reason for not answering
	}{
		{name: "alone", panel: ""},
		{name: "panel", panel: pressure("PATIENT.bp", "PATIENT", recent, "", high, low)},
		{name: "kilopascal", panel: pressure("PATIENT.bp", "PATIENT", recent, "", component("8480-6", predicttest.Quantity("18.9317711", "kPa"), ""), low)},
		{name: "no-unit", panel: pressure("PATIENT.bp", "PATIENT", recent, "", component("8480-6", `{"value":142}`, ""), low), want: "the newest systolic result has no UCUM unit"},
		{name: "negated", panel: pressure("PATIENT.bp", "PATIENT", recent, "", component("8480-6", predicttest.Quantity("142", mmHg), `,"modifierExtension":[{"url":"http://example.org/n","valueBoolean":true}]`), low),
			want: "the newest systolic result carries a modifierExtension"},
		{name: "twice", panel: pressure("PATIENT.bp", "PATIENT", recent, "", high, component("8480-6", predicttest.Quantity("120", mmHg), ""), low), want: "in several components"},
		{name: "panel-negated", panel: pressure("PATIENT.bp", "PATIENT", recent, `,"modifierExtension":[{"url":"http://example.org/n","valueBoolean":true}]`, high, low), want: "carries a modifierExtension"},
	} {
		n.Person(c.name, "male", birth(60), "")
		var labs [][3]string
		for _, l := range usual("") {
			if c.panel == "" || l[0] != "systolic" && l[0] != "diastolic" {
				labs = append(labs, l)
			}
		}
		observations(t, n, c.name, recent, labs...)
		if c.panel != "" {
			n.Put("Observation/"+c.name+".bp", strings.ReplaceAll(c.panel, "PATIENT", c.name))
		}
		d, err := n.AskModel(predicttest.Mortality, c.name)
		if err != nil {
			t.Fatal(err)
		}
		if c.want != "" {
			if d.Output != nil || !strings.Contains(strings.Join(d.Reasons, "; "), c.want) {
				t.Errorf("%s: %+v %q", c.name, d.Output, d.Reasons)
			}
			continue
		}
		if d.Output == nil {
			t.Fatalf("%s: %q", c.name, d.Reasons)
		}
		if c.name == "alone" {
			alone = d.Output.Value
		}
		s := given(d, "systolic")
		if d.Output.Value != alone || c.panel != "" && (s.Source != "Observation/"+c.name+".bp" || s.Code != "8480-6" || s.Missing != "") {
			t.Errorf("%s: %v, alone %v; %+v", c.name, d.Output.Value, alone, s)
		}
		same(t, n, d)
	}
}
