package predict_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store/storetest"
)

// TestShadow: a shadow version computes after the answer, on the same inputs where it looks for the same, and never speaks.
func TestShadow(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	key := n.PushMortality()
	var told []error
	n.Predict = predict.New(predict.Deps{Store: n.Store, Registry: n.Registry, Now: func() time.Time { return n.Now },
		Failed: func(_ context.Context, err error) { told = append(told, err) }})
	version := func(v string, more ...string) registry.Artefact {
		a := predicttest.MortalityArtefact(t)
		for pair := range slices.Chunk(append([]string{`"version": "1.0.0"`, `"version": "` + v + `"`}, more...), 2) {
			b := bytes.Replace(a.Manifest, []byte(pair[0]), []byte(pair[1]), 1)
			if bytes.Equal(b, a.Manifest) {
				t.Fatalf("%s is not in the manifest", pair[0])
			}
			a.Manifest = b
		}
		return a
	}
	n.Must(n.PushSigned(version("1.1.0", `"needed": 4`, `"needed": 0`), key, registry.Shadow))
	n.Must(n.PushSigned(version("1.2.0", `{
     "system": "http://loinc.org",
     "code": "30341-2",
     "meaning": "Erythrocyte sedimentation rate",
     "source": "https://loinc.org/30341-2"
    },`, ``), key, registry.Shadow))
	n.Person("p", "male", birth(61), "")
	observations(t, n, "p", recent, usual("")...)
	d, err := n.AskModel(predicttest.Mortality, "p")
	if err != nil || d.Output == nil || d.Model != "mortality-ten-year@1.0.0" || d.Asked != "test" {
		t.Fatalf("%+v, %v", d, err)
	}
	by := map[string]ward.Decision{}
	for _, x := range decisions(t, n, "p") {
		by[x.Model] = x
		same(t, n, x)
	}
	like, other := by["mortality-ten-year@1.1.0"], by["mortality-ten-year@1.2.0"]
	if len(by) != 3 || like.Asked != "shadow" || other.Asked != "shadow" || like.Output == nil || like.Output.Value != d.Output.Value || !slices.Equal(like.Lineage.Reads, d.Lineage.Reads) {
		t.Errorf("%d decisions, %+v", len(by), like)
	}
	// The other one takes no 30341-2 and looked for itself.
	if other.Output == nil || given(other, "sedimentation").Missing == "" || slices.Equal(other.Lineage.Reads, d.Lineage.Reads) {
		t.Errorf("%+v", other)
	}
	if len(told) != 0 {
		t.Errorf("%v", told)
	}
	// Where the active one refuses, a shadow that needs less may have a number; nobody is shown it.
	n.Person("few", "male", birth(61), "")
	observations(t, n, "few", recent, usual("")[:3]...)
	if d, err := n.AskModel(predicttest.Mortality, "few"); err != nil || d.Output != nil {
		t.Errorf("%+v, %v", d.Output, err)
	}
	for _, x := range decisions(t, n, "few") {
		if (x.Output != nil) != (x.Model == "mortality-ten-year@1.1.0") {
			t.Errorf("%s: %+v, %q", x.Model, x.Output, x.Reasons)
		}
	}
	// An answer to an event has shadows too, once.
	n.Person("event", "male", birth(61), "")
	observations(t, n, "event", recent, usual("")...)
	g, err := n.EngineGrant(ctx, n.Permit(ward.Clinician, access.Predict, "").Tenant(), ward.NewID())
	n.Must(err)
	for range 2 {
		n.Must(n.Predict.OnResults(ctx, g, "event"))
	}
	if ds := decisions(t, n, "event"); len(ds) != 3 {
		t.Errorf("%d decisions", len(ds))
	}
	// A shadow that does not verify is told of and keeps nobody from answering.
	where := " WHERE version = '1.1.0' AND name = 'mortality-ten-year'"
	set(t, n, "model", "pushed_us", int64(1), where)
	if d, err := n.AskModel(predicttest.Mortality, "p"); err != nil || d.Output == nil || len(told) != 1 || ward.KindOf(told[0]) != ward.Unprocessable {
		t.Errorf("%+v, %v, told %v", d.Output, err, told)
	}
	if _, err := n.Predict.ActiveModels(ctx, n.Grant(ward.Clinician, access.Read, "Patient")); ward.KindOf(err) != ward.Denied {
		t.Errorf("models under another permit: %v", err)
	}
}

// TestExplanationIsCanonical: replay finds a changed contribution and a changed reason for a gap.
func TestExplanationIsCanonical(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	n.Person("p", "male", birth(61), "")
	observations(t, n, "p", recent, usual("iron")...)
	d, err := n.AskModel(predicttest.Mortality, "p")
	if err != nil || d.Output == nil {
		t.Fatalf("%q, %v", d.Reasons, err)
	}
	v, err := n.Registry.Active(ctx, n.Permit(ward.Clinician, access.Predict, "").Tenant(), predicttest.Mortality)
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*ward.Decision){
		"the explanation differ": func(d *ward.Decision) {
			e := *d.Explain
			e.Parts = slices.Clone(e.Parts)
			e.Parts[3].Value += 1e-12
			d.Explain = &e
		},
		"the output differ": func(d *ward.Decision) { o := *d.Output; low := *o.Low + 0.01; o.Low = &low; d.Output = &o },
		"the inputs differ": func(d *ward.Decision) {
			d.Inputs = slices.Clone(d.Inputs)
			d.Inputs[7].Missing = "never asked for"
		},
		"it was computed by another engine than trees/1 treeshap/1 venn-abers/1": func(d *ward.Decision) { d.Lineage.Engine = "trees/1" },
	} {
		x := d
		x.ID = ward.NewID()
		spoil(&x)
		if _, err := n.Store.PutDecision(ctx, n.Permit(ward.Clinician, access.Predict, ""), x, v.Digest()); err != nil {
			t.Fatal(err)
		}
		r, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), x.ID)
		if err != nil || r.Equal || r.Why != want {
			t.Errorf("%s: %+v, %v", want, r, err)
		}
	}
}

// TestOldCanonical: the canonical form of a decision of a formula is what it was before there were explanations.
func TestOldCanonical(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("p", "male", birth(50), "")
	n.Result("cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	d, err := n.Ask("p")
	if err != nil {
		t.Fatal(err)
	}
	b, err := predict.Canonical(d)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, in := range d.Inputs {
		text = strings.ReplaceAll(text, in.Digest, "DIGEST")
	}
	text = strings.ReplaceAll(text, d.Digest, "ARTEFACT")
	const want = `{"model":"egfr-ckd-epi-2021@1.0.0","digest":"ARTEFACT","inputs":[` +
		`{"name":"creatinine","code":"2160-0","value":1,"unit":"mg/dL","given":"1.0 mg/dL","source":"Observation/cr","version":1,"digest":"DIGEST","at":"2026-11-10T07:15:00Z"},` +
		`{"name":"age","code":"Patient.birthDate","value":50,"unit":"a","source":"Patient/p","version":1,"digest":"DIGEST"},` +
		`{"name":"sex","code":"Patient.gender","value":2,"unit":"1","given":"male","source":"Patient/p","version":1,"digest":"DIGEST"}],` +
		`"output":{"name":"eGFR","code":"98979-8","value":91.69,"unit":"mL/min/{1.73_m2}","band":"G1"},` +
		`"reasons":["creatinine 1 mg/dL, taken on 2026-11-10","age 50 years, sex male","equation ckd-epi-2021-creatinine","G1: normal or high (KDIGO 2024 GFR categories, on the value rounded to a whole number)"]}`
	if text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}
