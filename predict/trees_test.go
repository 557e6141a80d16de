package predict_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/predict/conformal"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/explain"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store/storetest"
)

// analyte is a measured input of the example model with a usual value, the units it may come in and what one of each is in
// the model's unit.
type analyte struct {
	name, code string
	low, high  float64 // what the test draws, in the model's unit
	units      []string
	size       []float64
}

// The sizes are written here once more, from atomic weights and UCUM table 4 (m[Hg] is 133.3220 kPa), and not taken from what is tested.
var analytes = []analyte{
	{"systolic", "8480-6", 90, 200, []string{"mm[Hg]", "kPa"}, []float64{1, 1 / 0.133322}},
	{"diastolic", "8462-4", 50, 120, []string{"mm[Hg]"}, []float64{1}},
	{"bmi", "39156-5", 18, 45, []string{"kg/m2"}, []float64{1}},
	{"albumin", "1751-7", 2.8, 5.5, []string{"g/dL", "g/L"}, []float64{1, 0.1}},
	{"cholesterol", "2093-3", 100, 400, []string{"mg/dL", "mmol/L"}, []float64{1, 38.6664}},
	{"iron", "2498-4", 20, 250, []string{"ug/dL", "umol/L"}, []float64{1, 5.5845}},
	{"tibc", "2500-7", 200, 600, []string{"ug/dL", "umol/L"}, []float64{1, 5.5845}},
	{"saturation", "2502-3", 5, 80, []string{"%"}, []float64{1}},
	{"protein", "2885-2", 5, 9, []string{"g/dL", "g/L"}, []float64{1, 0.1}},
	{"magnesium", "2601-3", 1.1, 2.5, []string{"meq/L", "mmol/L", "mg/dL"}, []float64{1, 2, 20 / 24.305}},
	{"leukocytes", "6690-2", 3, 20, []string{"10*3/uL", "10*9/L"}, []float64{1, 1}},
	{"sedimentation", "30341-2", 2, 60, []string{"mm/h"}, []float64{1}},
}

func lookup(name string) analyte {
	return analytes[slices.IndexFunc(analytes, func(a analyte) bool { return a.name == name })]
}

// observations puts several results at once: name, value and unit of each.
func observations(t *testing.T, n *predicttest.Node, patient, at string, labs ...[3]string) {
	t.Helper()
	var refs []ward.Reference
	var bodies []string
	for _, l := range labs {
		id := patient + "." + l[0]
		refs = append(refs, ward.Reference{Type: "Observation", ID: id})
		bodies = append(bodies, predicttest.Observation(id, patient, lookup(l[0]).code, "final", at, predicttest.Quantity(l[1], l[2])))
	}
	if _, err := n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, refs, bodies)); err != nil {
		t.Fatal(err)
	}
}

// usual is an ordinary value of every input.
func usual(except string) (out [][3]string) {
	for _, l := range [][3]string{{"systolic", "142", "mm[Hg]"}, {"diastolic", "88", "mm[Hg]"}, {"bmi", "27.4", "kg/m2"}, {"albumin", "4.1", "g/dL"},
		{"cholesterol", "231", "mg/dL"}, {"iron", "81", "ug/dL"}, {"tibc", "340", "ug/dL"}, {"saturation", "23.8", "%"}, {"protein", "7.2", "g/dL"},
		{"magnesium", "1.6", "meq/L"}, {"leukocytes", "8.1", "10*3/uL"}, {"sedimentation", "22", "mm/h"}} {
		if l[0] != except {
			out = append(out, l)
		}
	}
	return out
}

func given(d ward.Decision, name string) ward.Input {
	i := slices.IndexFunc(d.Inputs, func(in ward.Input) bool { return in.Name == name })
	if i < 0 {
		return ward.Input{}
	}
	return d.Inputs[i]
}

// TestTrees answers for 200 random patients with values missing at random and in random units; the governed answer must be
// that of the engine, the explanation that of TreeSHAP, the interval that of the table, on the row that the patients were
// made from. All are recomputed equal after a restart.
func TestTrees(t *testing.T) {
	t.Run(storetest.SQLite, func(t *testing.T) { treesOf(t, predicttest.Start(t, storetest.SQLite), 200) })
	t.Run(storetest.PostgreSQL, func(t *testing.T) { treesOf(t, predicttest.Start(t, storetest.PostgreSQL), 16) })
}

func treesOf(t *testing.T, n *predicttest.Node, patients int) {
	n.PushMortality()
	files := predicttest.MortalityArtefact(t).Files
	trees, err := engine.ReadXGBoost(files["model.json"])
	if err != nil {
		t.Fatal(err)
	}
	shap, err := explain.Compile(trees, explain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := conformal.Read(files["calibration.json"])
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var ids []ward.ID
	var values []float64
	for i := range patients {
		id := fmt.Sprintf("t-%d", i)
		d, row := randomPatient(t, n, r, id)
		ids = append(ids, d.ID)
		if d.Output == nil || len(d.Inputs) != 14 {
			t.Fatalf("%s: %q, %d inputs", id, d.Reasons, len(d.Inputs))
		}
		values = append(values, d.Output.Value)
		exact := make([]float32, len(row)) // what was recorded, which the row approximates
		for k, in := range d.Inputs {
			exact[k] = float32(in.Value)
			if (in.Missing != "") != math.IsNaN(row[k]) || in.Missing == "" && math.Abs(in.Value-row[k]) > 1e-9*row[k] {
				t.Errorf("%s: %+v, the patient was made with %v", id, in, row[k])
			}
			if in.Missing != "" {
				exact[k] = float32(math.NaN())
			}
		}
		margin := trees.Margin(exact)
		if want := engine.Round(100*trees.Link(margin), 4); d.Output.Value != want || d.Output.Unit != "%" {
			t.Errorf("%s: %v, the engine says %v", id, d.Output.Value, want)
		}
		phi := make([]float64, 14)
		base := shap.Row(phi, exact)
		sum := base
		for k, part := range d.Explain.Parts {
			sum += part.Value
			if part.Value != phi[k] || part.Input != d.Inputs[k].Name {
				t.Errorf("%s: %+v, TreeSHAP says %v", id, part, phi[k])
			}
		}
		if d.Explain.Base != base || math.Abs(sum-margin) > 1e-9 || d.Explain.Scale != "log-odds" || d.Explain.Method != "treeshap/1" {
			t.Errorf("%s: %+v does not add up to %v", id, d.Explain, margin)
		}
		if v := table.Interval(margin); *d.Output.Low != engine.Round(100*v.Low, 4) || *d.Output.High != engine.Round(100*v.High, 4) || d.Output.Interval != "venn-abers/1" || d.Output.Coverage != nil {
			t.Errorf("%s: %+v, the table says %+v", id, d.Output, v)
		}
		if d.Lineage.Engine != "trees/1 treeshap/1 venn-abers/1" {
			t.Errorf("lineage names %s", d.Lineage.Engine)
		}
	}
	slices.Sort(values)
	if len(slices.Compact(values)) < patients*9/10 {
		t.Errorf("only %d different answers", len(slices.Compact(values)))
	}
	n.Reopen()
	n.Now = predicttest.Now.AddDate(2, 0, 0)
	for _, id := range ids {
		got, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), id)
		if err != nil || !got.Equal {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	n.Clean()
}

// randomPatient returns the decision and the row that the patient was made from.
func randomPatient(t *testing.T, n *predicttest.Node, r *rand.Rand, id string) (ward.Decision, []float64) {
	age, sex := 25+r.IntN(50), r.IntN(2)
	n.Person(id, []string{"male", "female"}[sex], birth(age), "")
	row := []float64{float64(age), float64(sex + 1)}
	var labs [][3]string
	for i, a := range analytes {
		if i >= 4 && r.IntN(3) == 0 {
			row = append(row, math.NaN())
			continue
		}
		u := r.IntN(len(a.units))
		text := fmt.Sprintf("%.4g", (a.low+r.Float64()*(a.high-a.low))/a.size[u])
		x, _ := new(big.Float).SetString(text)
		v, _ := x.Float64()
		row = append(row, v*a.size[u])
		labs = append(labs, [3]string{a.name, text, a.units[u]})
	}
	observations(t, n, id, predicttest.Now.AddDate(0, 0, -1-r.IntN(300)).Format("2006-01-02T15:04:05Z"), labs...)
	d, err := n.AskModel(predicttest.Mortality, id)
	if err != nil {
		t.Fatal(err)
	}
	return d, row
}

// TestWrongUnitIsNoMissingValue spoils every input in every way: although the model may do without each of them, a value
// that is there and cannot be used is a reason not to answer.
func TestWrongUnitIsNoMissingValue(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	spoilt := map[string]struct{ quantity, want string }{
		"dimension":  {predicttest.Quantity("4.1", "U/L"), "another kind of quantity"},
		"no-system":  {`{"value":4.1,"unit":"g/dL"}`, "has no UCUM unit"},
		"no-code":    {`{"value":4.1,"system":"http://unitsofmeasure.org"}`, "not understood as UCUM"},
		"unknown":    {predicttest.Quantity("4.1", "mg%"), "not understood as UCUM"},
		"bound":      {`{"value":4.1,"comparator":"<","system":"http://unitsofmeasure.org","code":"g/dL"}`, "only a bound"},
		"no-value":   {"", "no numeric quantity"},
		"huge":       {predicttest.Quantity("1e29", "%"), "quantity"}, // wrong for all but one, and out of range there
		"translated": {`{"value":4.1,"unit":"U/L","system":"http://unitsofmeasure.org","code":"U/L","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation","valueQuantity":{"value":4.1,"system":"http://unitsofmeasure.org","code":"g/dL"}}]}`, "another kind of quantity"},
	}
	for _, a := range analytes {
		for how, c := range spoilt {
			id := "w-" + a.name + "-" + how
			n.Person(id, "male", birth(61), "")
			observations(t, n, id, recent, usual(a.name)...)
			n.Result(id+".x", id, a.code, "final", recent, c.quantity)
			d, err := n.AskModel(predicttest.Mortality, id)
			if a.name == "saturation" && how == "huge" {
				c.want = "plausible range"
			}
			if err != nil || d.Output != nil || d.Explain != nil || len(d.Reasons) != 1 || !strings.Contains(d.Reasons[0], "newest "+a.name+" result") || !strings.Contains(d.Reasons[0], c.want) {
				t.Errorf("%s %s: %+v %q, %v", a.name, how, d.Output, d.Reasons, err)
				continue
			}
			if in := given(d, a.name); in.Missing != "" || in.Unit != "" || in.Value != 0 || in.Source != "Observation/"+id+".x" {
				t.Errorf("%s %s: %+v", a.name, how, in)
			}
			same(t, n, d)
		}
	}
}

// TestScaledUnit: values in a unit of the right kind that the number does not fit are outside of what is plausible.
func TestScaledUnit(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	for i, l := range [][3]string{{"albumin", "41", "g/dL"}, {"albumin", "4.1", "g/L"}, {"cholesterol", "5.6", "mg/dL"}, {"cholesterol", "231", "mmol/L"},
		{"iron", "97", "umol/L"}, {"saturation", "0.27", "%"}, {"saturation", "27", "1"}, {"protein", "72", "g/dL"}, {"magnesium", "20", "mmol/L"},
		{"leukocytes", "8100", "10*3/uL"}, {"leukocytes", "8.1", "/uL"}, {"systolic", "142", "kPa"}, {"bmi", "0.00274", "kg/cm2"}, {"tibc", "340", "umol/L"}, {"sedimentation", "22", "cm/h"}} {
		id := fmt.Sprintf("s-%d", i)
		n.Person(id, "female", birth(50), "")
		observations(t, n, id, recent, append(usual(l[0]), l)...)
		d, err := n.AskModel(predicttest.Mortality, id)
		if l[0] == "bmi" { // the same quantity in another form of unit: a number may come
			if err != nil || d.Output == nil || math.Abs(given(d, "bmi").Value-27.4) > 1e-9 {
				t.Errorf("%v: %+v, %v", l, d.Reasons, err)
			}
			continue
		}
		if err != nil || d.Output != nil || len(d.Reasons) != 1 || !strings.Contains(d.Reasons[0], "plausible range") {
			t.Errorf("%v: %+v %q, %v", l, d.Output, d.Reasons, err)
		}
	}
}

// TestMagnesium: mass goes through the formula and the charge, substance through the charge, and a number is never read as it stands.
func TestMagnesium(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	for i, c := range []struct {
		value, unit string
		want        float64
		said        string
	}{
		{"2", "mg/dL", 2 * 20 / 24.305, "magnesium 1.646 meq/L, reported as 2 mg/dL, converted by the molecular formula Mg and its charge 2, taken on 2026-11-10"},
		{"0.8229582", "mmol/L", 1.6459164, "magnesium 1.646 meq/L, reported as 0.8229582 mmol/L, converted by the charge 2 of Mg, taken on 2026-11-10"},
		{"1.6459164", "meq/L", 1.6459164, "magnesium 1.646 meq/L, taken on 2026-11-10"},
		{"20", "mg/L", 40 / 24.305, "magnesium 1.646 meq/L, reported as 20 mg/L, converted by the molecular formula Mg and its charge 2, taken on 2026-11-10"},
	} {
		id := fmt.Sprintf("m-%d", i)
		n.Person(id, "male", birth(50), "")
		observations(t, n, id, recent, append(usual("magnesium"), [3]string{"magnesium", c.value, c.unit})...)
		d, err := n.AskModel(predicttest.Mortality, id)
		in := given(d, "magnesium")
		if err != nil || d.Output == nil || math.Abs(in.Value-c.want) > 1e-12 || in.Unit != "meq/L" || in.Given != c.value+" "+c.unit || !slices.Contains(d.Reasons, c.said) {
			t.Errorf("%+v: %+v %q, %v", c, in, d.Reasons, err)
		}
	}
}

// TestDoingWithout: what is not on record, not finished or too old is missing and says so; too little is no answer.
func TestDoingWithout(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	iron := lookup("iron").code
	good := predicttest.Quantity("81", "ug/dL")
	for name, c := range map[string]struct{ status, effective, quantity, want, note string }{
		"never":       {"", "", "", "no iron result of the last 365 days is on record", ""},
		"preliminary": {"preliminary", recent, good, "the newest iron result is marked preliminary, and there is no finished one of the last 365 days", ""},
		"withdrawn":   {"entered-in-error", recent, good, "the newest iron result is marked entered-in-error, and there is no finished one of the last 365 days", ""},
		"vague-old":   {"final", "2025", good, "the newest iron result is older than 365 days", ""},
		"old":         {"final", "2024-11-10", good, "no iron result of the last 365 days is on record", ""},
	} {
		n.Person(name, "male", birth(61), "")
		observations(t, n, name, recent, usual("iron")...)
		if c.status != "" {
			n.Result(name+".x", name, iron, c.status, c.effective, c.quantity)
		}
		d, err := n.AskModel(predicttest.Mortality, name)
		in := given(d, "iron")
		if err != nil || d.Output == nil || in.Missing != c.want || in.Unit != "" || in.Value != 0 || !slices.Contains(d.Reasons, c.want+"; the model did without it") {
			t.Errorf("%s: %+v %q, %v", name, in, d.Reasons, err)
		}
		if len(d.Explain.Parts) != 14 || d.Explain.Parts[7].Input != "iron" {
			t.Errorf("%s: %+v", name, d.Explain)
		}
		same(t, n, d)
	}
	// One without a time cannot be told to be missing.
	n.Person("dateless", "male", birth(61), "")
	observations(t, n, "dateless", recent, usual("iron")...)
	n.Result("dateless.x", "dateless", iron, "final", "", good)
	if d, err := n.AskModel(predicttest.Mortality, "dateless"); err != nil || d.Output != nil || !strings.Contains(d.Reasons[0], "does not say when it was taken") {
		t.Errorf("%q, %v", d.Reasons, err)
	}
	// Three of twelve are too few.
	n.Person("few", "male", birth(61), "")
	observations(t, n, "few", recent, usual("")[:3]...)
	if d, err := n.AskModel(predicttest.Mortality, "few"); err != nil || d.Output != nil || d.Reasons[0] != "only 3 of the 12 values that may be missing are there; the model needs at least 4" {
		t.Errorf("%q, %v", d.Reasons, err)
	}
	// Whom the model is not for gets no number.
	for name, c := range map[string][3]string{"young": {"male", birth(24), "ages 25 to 74"}, "old-patient": {"male", birth(75), "ages 25 to 74"}, "other-sex": {"other", birth(50), "administrative gender"}} {
		n.Person(name, c[0], c[1], "")
		observations(t, n, name, recent, usual("")...)
		if d, err := n.AskModel(predicttest.Mortality, name); err != nil || d.Output != nil || !strings.Contains(d.Reasons[0], c[2]) {
			t.Errorf("%s: %q, %v", name, d.Reasons, err)
		}
	}
}

// TestBothModels: one does not disturb the other, and an Observation's code decides which input it is.
func TestBothModels(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	n.Person("p", "male", birth(50), "")
	observations(t, n, "p", recent, usual("")...)
	n.Result("p.cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	if d, err := n.Ask("p"); err != nil || d.Output == nil || d.Output.Value != 91.69 || d.Explain != nil || d.Output.Low != nil || d.Output.Interval != "" {
		t.Errorf("%+v, %v", d.Output, err)
	}
	if d, err := n.AskModel(predicttest.Mortality, "p"); err != nil || d.Output == nil || d.Model != "mortality-ten-year@1.0.0" {
		t.Errorf("%+v, %v", d.Output, err)
	}
	if vs, err := n.Predict.ActiveModels(ctx, n.Grant(ward.Clinician, access.Predict, "")); err != nil || len(vs) != 2 {
		t.Errorf("%d models, %v", len(vs), err)
	}
}

// TestManyOfOne: an analyte measured all the time does not hide the others, and more than can be looked through is no answer.
func TestManyOfOne(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	put := func(patient string, count int, every time.Duration) {
		t.Helper()
		n.Person(patient, "male", birth(61), "")
		observations(t, n, patient, "2026-08-10T07:15:00Z", usual("leukocytes")...)
		var refs []ward.Reference
		var bodies []string
		for i := range count {
			id := fmt.Sprintf("%s.w%d", patient, i)
			at := predicttest.Now.Add(-time.Duration((i*97)%count+1) * every).Format(time.RFC3339)
			refs = append(refs, ward.Reference{Type: "Observation", ID: id})
			bodies = append(bodies, predicttest.Observation(id, patient, lookup("leukocytes").code, "final", at, predicttest.Quantity("8.1", "10*3/uL")))
		}
		if _, err := n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, refs, bodies)); err != nil {
			t.Fatal(err)
		}
	}
	put("many", 450, 30*time.Minute)
	d, err := n.AskModel(predicttest.Mortality, "many")
	if err != nil || d.Output == nil || given(d, "leukocytes").Source != "Observation/many.w0" || given(d, "albumin").Source != "Observation/many.albumin" || len(d.Inputs) != 14 {
		t.Fatalf("%+v %q, %v", d.Inputs, d.Reasons, err)
	}
	same(t, n, d)
	// Readings of a monitor: too many of one in the window, but the newest is in a narrower one.
	put("monitored", 1500, 20*time.Minute)
	if d, err := n.AskModel(predicttest.Mortality, "monitored"); err != nil || d.Output == nil || given(d, "leukocytes").Source != "Observation/monitored.w0" || len(d.Inputs) != 14 {
		t.Errorf("%+v %q, %v", d.Inputs, d.Reasons, err)
	} else {
		same(t, n, d)
	}
	put("too-many", 1001, time.Minute)
	if _, err := n.AskModel(predicttest.Mortality, "too-many"); ward.KindOf(err) != ward.TooLarge {
		t.Errorf("%v", err)
	}
	// A result without a time is found among older ones, and set aside.
	n.Result("many.dateless", "many", lookup("albumin").code, "final", "", predicttest.Quantity("2.0", "g/dL"))
	d, err = n.AskModel(predicttest.Mortality, "many")
	if err != nil || d.Output == nil || !slices.Contains(d.Reasons, "albumin: a finished result that does not say when it was taken was not used") || d.Inputs[14].Source != "Observation/many.dateless" {
		t.Fatalf("%+v %q, %v", d.Inputs, d.Reasons, err)
	}
	same(t, n, d)
}
