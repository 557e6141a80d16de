package predict_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

type assessed struct {
	Meta struct {
		Security, Tag []struct{ System, Code string }
	}
	Identifier         []struct{ System, Value string }
	Status             string
	OccurrenceDateTime time.Time
	Subject            struct{ Reference string }
	Method             struct {
		Coding []struct{ System, Version, Code string }
	}
	Basis      []struct{ Reference string }
	Prediction []struct {
		Outcome            struct{ Text string }
		ProbabilityDecimal float64
		QualitativeRisk    struct{ Text string }
		WhenRange          struct {
			High struct {
				Value int
				Code  string
			}
		}
	}
	Note []struct{ Text string }
}

// assessments returns the RiskAssessments of a patient as its clinician finds them.
func assessments(t *testing.T, n *predicttest.Node, patient string) (out []assessed, versions []int64) {
	t.Helper()
	q, err := fhir.ParseSearch("RiskAssessment", map[string][]string{"patient": {patient}})
	if err != nil {
		t.Fatal(err)
	}
	page, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "RiskAssessment"), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range page.Versions {
		var a assessed
		if err := json.Unmarshal([]byte(v.Body), &a); err != nil {
			t.Fatal(err)
		}
		out, versions = append(out, a), append(versions, v.Number)
	}
	return out, versions
}

func decisions(t *testing.T, n *predicttest.Node, patient string) []ward.Decision {
	t.Helper()
	ds, _, err := n.Store.Decisions(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), patient, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// TestEvents has results arrive: the model answers by itself, keeps one decision for each different answer, and one
// RiskAssessment says the newest.
func TestEvents(t *testing.T) {
	for _, engine := range []string{storetest.SQLite, storetest.PostgreSQL} {
		t.Run(engine, func(t *testing.T) { events(t, predicttest.Start(t, engine)) })
	}
}

func events(t *testing.T, n *predicttest.Node) {
	n.PushMortality()
	done := n.Listen()
	n.Person("p", "male", birth(61), "")
	step := func(what string) {
		t.Helper()
		if err := <-done; err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	counts := func(what string, wantDecisions int, wantVersion int64) (assessed, ward.Decision) {
		t.Helper()
		as, vs := assessments(t, n, "p")
		ds := decisions(t, n, "p")
		if wantVersion == 0 && len(as) == 0 && len(ds) == wantDecisions {
			return assessed{}, ward.Decision{}
		}
		if len(as) != 1 || vs[0] != wantVersion || len(ds) != wantDecisions {
			t.Fatalf("%s: %d assessments of versions %v, %d decisions", what, len(as), vs, len(ds))
		}
		i := slices.IndexFunc(ds, func(d ward.Decision) bool { return d.ID.String() == as[0].Identifier[0].Value })
		if i < 0 {
			t.Fatalf("%s: the assessment names a decision that does not exist", what)
		}
		return as[0], ds[i]
	}
	observations(t, n, "p", recent, usual("")[:3]...)
	step("too little")
	counts("too little", 0, 0)
	observations(t, n, "p", recent, usual("")...)
	step("all")
	a, first := counts("all", 1, 1)
	if first.Asked != "event" || first.Lineage.Principal != "ward-engine" || a.Prediction[0].ProbabilityDecimal != first.Output.Value ||
		a.Prediction[0].QualitativeRisk.Text != first.Output.Band || a.Prediction[0].Outcome.Text != "Death from any cause" || a.Prediction[0].WhenRange.High.Value != 3652 ||
		a.Status != "final" || a.Subject.Reference != "Patient/p" || len(a.Basis) != 12 || a.Method.Coding[0].Code != predicttest.Mortality || a.Method.Coding[0].Version != "1.0.0" ||
		a.Meta.Security[0].Code != "AIAST" || a.Meta.Tag[0].Code != "prediction" || !strings.Contains(a.Note[0].Text, first.ID.String()) || a.OccurrenceDateTime.IsZero() {
		t.Errorf("%+v of %+v", a, first)
	}
	same(t, n, first)
	// What does not change the answer writes nothing: a result that the model does not take.
	n.Result("p.na", "p", "2951-2", "final", recent, predicttest.Quantity("140", "mmol/L"))
	step("sodium")
	counts("sodium", 1, 1)
	// A newer value is another answer.
	n.Result("p.mg2", "p", "2601-3", "final", "2026-11-12T08:00:00Z", predicttest.Quantity("2.4", "mg/dL"))
	step("newer")
	_, second := counts("newer", 2, 2)
	if given(second, "magnesium").Source != "Observation/p.mg2" || second.Output.Value == first.Output.Value {
		t.Errorf("%+v", second)
	}
	// It is withdrawn: the first answer holds again, and nobody has to make another decision for it.
	n.Result("p.mg2", "p", "2601-3", "entered-in-error", "2026-11-12T08:00:00Z", predicttest.Quantity("2.4", "mg/dL"))
	step("withdrawn")
	if _, again := counts("withdrawn", 2, 3); again.ID != first.ID {
		t.Errorf("the assessment names %s, not %s", again.ID, first.ID)
	}
	// One in a wrong unit keeps the model from answering; nothing is written.
	n.Result("p.mg3", "p", "2601-3", "final", "2026-11-13T08:00:00Z", predicttest.Quantity("2.4", "U/L"))
	step("wrong unit")
	counts("wrong unit", 2, 3)
	n.Result("p.mg3", "p", "2601-3", "entered-in-error", "2026-11-13T08:00:00Z", predicttest.Quantity("2.4", "U/L"))
	step("wrong unit withdrawn")
	// A service that remembers nothing, as after a restart or on another node, writes nothing either.
	fresh := predict.New(predict.Deps{Store: n.Store, Registry: n.Registry, Now: func() time.Time { return n.Now.Add(time.Hour) }})
	g, err := n.EngineGrant(ctx, n.Permit(ward.Clinician, access.Predict, "").Tenant(), ward.NewID())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := fresh.OnResults(ctx, g, "p"); err != nil {
			t.Fatal(err)
		}
	}
	counts("another node", 2, 3)
	// Nobody to answer about is no error; the wrong permit is one.
	if err := fresh.OnResults(ctx, g, "nobody"); err != nil {
		t.Errorf("nobody: %v", err)
	}
	if err := fresh.OnResults(ctx, n.Grant(ward.Clinician, access.Read, "Patient"), "p"); ward.KindOf(err) != ward.Denied {
		t.Errorf("another permit: %v", err)
	}
	if _, err := n.Store.Shred(ctx, n.Permit(ward.Privacy, access.Shred, ""), "p"); err != nil {
		t.Fatal(err)
	}
	if err := fresh.OnResults(ctx, g, "p"); err != nil {
		t.Errorf("erased: %v", err)
	}
}

// TestLabelsAreInherited: what is concluded from a sensitive result is as sensitive.
func TestLabelsAreInherited(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	n.Person("p", "male", birth(61), "")
	observations(t, n, "p", recent, usual("iron")...)
	body := predicttest.Observation("p.fe", "p", lookup("iron").code, "final", recent, predicttest.Quantity("81", "ug/dL"))
	n.Put("Observation/p.fe", strings.Replace(body, `"status"`, `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"status"`, 1))
	g, err := n.EngineGrant(ctx, n.Permit(ward.Clinician, access.Predict, "").Tenant(), ward.NewID())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Predict.OnResults(ctx, g, "p"); err != nil {
		t.Fatal(err)
	}
	as, _ := assessments(t, n, "p")
	var codes []string
	for _, s := range as[0].Meta.Security {
		codes = append(codes, s.Code)
	}
	if !slices.Equal(codes, []string{"AIAST", "HIV", "R"}) {
		t.Errorf("%q", codes)
	}
}

// TestMergedPatient: the results of a record that was merged into another are that other's, and who asks for the old record is
// answered about the one that lives on.
func TestMergedPatient(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("old", "male", birth(50), "")
	n.Person("new", "male", birth(50), "")
	n.Result("cr-new", "new", "2160-0", "final", "2026-10-30", predicttest.Quantity("2.0", "mg/dL"))
	n.Result("cr-old", "old", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	merge(t, n, "old", "new")
	for _, id := range []string{"new", "old"} {
		d, err := n.Ask(id)
		if err != nil || d.Output == nil || d.Patient != "new" || d.Inputs[0].Source != "Observation/cr-old" {
			t.Fatalf("%s: %+v %q, %v", id, d.Inputs, d.Reasons, err)
		}
		same(t, n, d)
	}
}

func merge(t *testing.T, n *predicttest.Node, from, into string) {
	t.Helper()
	in := storetest.ORU("a40", from)
	in.Kind, in.Lanes = "ADT^A40", [][]byte{[]byte("MRN|" + from), []byte("MRN|" + into)}
	p, e := n.Effects(n.Receive(in).ID, nil, nil)
	e.Merge = &store.Merge{From: from, Into: into}
	if _, err := n.Store.ApplyMessage(ctx, p, e); err != nil {
		t.Fatal(err)
	}
}
