package registry

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
)

func TestBuiltin(t *testing.T) {
	for _, a := range Builtin() {
		m, err := Read(a.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != "egfr-ckd-epi-2021" || m.Output.Code != "98979-8" {
			t.Errorf("%+v", m)
		}
	}
	Builtin()[0].Manifest[0] = 'x'
	if _, err := Read(Builtin()[0].Manifest); err != nil {
		t.Error("a caller changed the embedded manifest")
	}
}

// TestStrict spoils the manifest in one place at a time.
func TestStrict(t *testing.T) {
	for _, c := range [][2]string{
		{`"schema": "ward/model/1"`, `"schema": "ward/model/3"`},
		{`"kind": "formula"`, `"kind": "trees"`},
		{`"kind": "formula"`, `"kind": "formula", "kind": "formula"`},
		{`"kind": "formula"`, `"Kind": "formula"`},
		{`"kind": "formula"`, `"kind": "formula", "pickle": ""`},
		{`"name": "egfr-ckd-epi-2021"`, `"name": "eGFR"`},
		{`"version": "1.0.0"`, `"version": "1.0"`},
		{`"equation": "ckd-epi-2021-creatinine"`, `"equation": "ckd-epi-2009"`},
		{`"engine": "formula/1"`, `"engine": "formula/9"`},
		{`"unit": "mg/dL"`, `"unit": "umol/L"`},
		{`"unit": "mg/dL"`, `"unit": "mg%"`},
		{`"molecule": "C4H7N3O"`, `"molecule": "C4N3H7O"`},
		{`"code": "2160-0"`, `"code": "creatinine"`},
		{`"low": "0.1"`, `"low": "31"`},
		{`"low": "0.1"`, `"low": "low"`},
		{`"maxAgeDays": 365`, `"maxAgeDays": 0`},
		{`"missing": "refuse"`, `"missing": "guess"`},
		{`"ageLow": 18`, `"ageLow": 200`},
		{`"sexes": ["female", "male"]`, `"sexes": ["other"]`},
		{`"decimals": 2`, `"decimals": 20`},
		{`"from": "60"`, `"from": "95"`},
		{`"indicator": "warning"`, `"indicator": "red"`},
		{`"sourceURL": "https://`, `"sourceURL": "javascript:`},
		{`"98979-8"`, `"eGFR"`},
		{`"licence": "`, `"licence": "` + strings.Repeat("x", 2000)},
		{`"beta": "-1.200"`, `"beta": "-1.200", "race": "1.159"`},
	} {
		b := strings.Replace(string(egfr), c[0], c[1], 1)
		if b == string(egfr) {
			t.Fatalf("%s is not in the manifest", c[0])
		}
		if _, err := Read([]byte(b)); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", c[1], err)
		}
	}
	if _, err := Read(bytes.Repeat([]byte(" "), MaxManifest+1)); ward.KindOf(err) != ward.TooLarge {
		t.Errorf("too large: %v", err)
	}
	if _, err := Read(append(bytes.Clone(egfr), '{')); err == nil {
		t.Error("something after the manifest is accepted")
	}
}

// example is the manifest of the example model of trees.
func example(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../examples/mortality/artefact/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExample holds what the example's manifest promises about magnesium, ages, bands and limits.
func TestExample(t *testing.T) {
	m, err := Read(example(t))
	if err != nil {
		t.Fatal(err)
	}
	if m.Kind != KindTrees || m.Schema != Schema2 || len(m.Inputs) != 14 || !m.Events || m.Needed != 4 || m.Subject.AgeLow != 25 || m.Subject.AgeHigh != 74 {
		t.Errorf("%+v", m)
	}
	for _, in := range m.Inputs {
		if in.Name == "magnesium" && (in.Unit != "meq/L" || in.Charge != 2 || in.Molecule != "Mg") || in.Measured() && in.MaxAgeDays != 365 {
			t.Errorf("%+v", in)
		}
	}
	for _, b := range m.Output.Bands {
		if b.Indicator != "info" {
			t.Errorf("%+v claims something clinical", b)
		}
	}
	if all := strings.Join(m.Card.Limits, " "); !strings.Contains(all, "1971 to 1975") || !strings.Contains(all, "not for care") {
		t.Errorf("%q", all)
	}
}

// TestStrict2 spoils a manifest of trees in one place at a time.
func TestStrict2(t *testing.T) {
	good := string(example(t))
	for _, c := range [][2]string{
		{`"schema": "ward/model/2"`, `"schema": "ward/model/1"`},
		{`"kind": "trees"`, `"kind": "forest"`},
		{`"kind": "trees"`, `"kind": "formula"`},
		{`"version": "1.0.0"`, `"version": "1.0.0", "formula": {"engine": "formula/1", "equation": "", "parameters": {}}`},
		{`"name": "CARD.md"`, `"name": "../CARD.md"`},
		{`"name": "CARD.md"`, `"name": "manifest.json"`},
		{`"name": "CARD.md"`, `"name": "z.md"`},
		{`"sha256": "`, `"sha256": "A`},
		{`"file": "model.json"`, `"file": "other.json"`},
		{`"file": "model.json"`, `"file": ""`},
		{`"file": "calibration.json"`, `"file": "none.json"`},
		{`"cardFile": "CARD.md"`, `"cardFile": "README.md"`},
		{`"engine": "trees/1"`, `"engine": "trees/2"`},
		{`"explain": "treeshap/1"`, `"explain": ""`},
		{`"method": "venn-abers/1"`, `"method": "split/1"`},
		{`"method": "venn-abers/1"`, `"method": ""`},
		{`"method": "venn-abers/1"`, `"method": "venn-abers/1", "reason": "none"`},
		{`"features": [
   "age",`, `"features": [
   "sex",`},
		{`"features": [
   "age",`, `"features": [`},
		{`"source": "age"`, `"source": "observation"`},
		{`"source": "age"`, `"source": "birthday"`},
		{`"source": "sex"`, `"source": "age"`},
		{`"male": "1"`, `"male": "one"`},
		{`"male": "1"`, `"man": "1"`},
		{`"missing": "refuse"`, `"missing": "allow"`},
		{`"charge": 2`, `"charge": 9`},
		{`"molecule": "Mg"`, `"molecule": ""`},
		{`"molecule": "Mg"`, `"molecule": "MG"`},
		{`"code": "2093-3"`, `"code": "8480-6"`},
		{`"unit": "meq/L"`, `"unit": "mval/L"`},
		{`"unit": "%",
  "display"`, `"unit": "mg/dL",
  "display"`},
		{`"needed": 4`, `"needed": 13`},
		{`"needed": 4`, `"needed": -1`},
		{`"text": "Death from any cause"`, `"text": ""`},
		{`"days": 3652`, `"days": 0`},
		{`"name": "systolic"`, `"name": "diastolic"`},
		{`"name": "systolic"`, `"name": "Systolic<b>"`},
		{`"title": "Age"`, `"title": "Age\n| x"`},
		{`"name": "under 5 %"`, `"name": "a name that is too long to show"`},
	} {
		b := strings.Replace(good, c[0], c[1], 1)
		if b == good {
			t.Fatalf("%s is not in the manifest", c[0])
		}
		if _, err := Read([]byte(b)); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", c[1], err)
		}
	}
}

// TestFormula2: a formula of the second form has neither trees, outcome nor an interval that nothing computes.
func TestFormula2(t *testing.T) {
	good := strings.Replace(string(egfr), `"schema": "ward/model/1"`, `"schema": "ward/model/2", "interval": {"reason": "the equation's own error is not known here"}`, 1)
	if m, err := Read([]byte(good)); err != nil || m.Interval.Reason == "" {
		t.Fatalf("%v", err)
	}
	for _, more := range []string{`"events": true`, `"outcome": {"text": "x", "horizon": "y", "days": 1}`, `"trees": {"file": "", "engine": "", "explain": "", "features": ["creatinine"]}`,
		`"files": [{"name": "c.json", "sha256": "` + strings.Repeat("0", 64) + `"}], "interval": {"file": "c.json", "method": "venn-abers/1"}`} {
		b := strings.Replace(good, `"schema"`, more+`, "schema"`, 1)
		if strings.Contains(more, `"interval"`) {
			b = strings.Replace(b, `, "interval": {"reason": "the equation's own error is not known here"}`, "", 1)
		}
		if _, err := Read([]byte(b)); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", more, err)
		}
	}
}

// FuzzRead: what is read keeps its bounds, and is read again from its own JSON as the same.
func FuzzRead(f *testing.F) {
	f.Add(egfr)
	f.Add([]byte(`{"schema":"ward/model/1"}`))
	f.Add(example(f))
	f.Add([]byte(strings.Replace(string(egfr), `"schema": "ward/model/1"`, `"schema": "ward/model/2", "interval": {"reason": "none"}`, 1)))
	f.Add([]byte(`{"schema":"ward/model/2","kind":"trees","files":[{"name":"a","sha256":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(b)
		if err != nil {
			if k := ward.KindOf(err); k != ward.Invalid && k != ward.TooLarge {
				t.Fatalf("%v", err)
			}
			return
		}
		if m.Name == "" || len(m.Inputs) == 0 || len(m.Inputs) > maxInputs || len(m.Files) > MaxFiles || m.Kind == KindFormula && len(m.Inputs) != 1 ||
			m.Kind == KindTrees && len(m.Trees.Features) != len(m.Inputs) || m.Schema == Schema && m.Kind != KindFormula {
			t.Fatalf("%+v", m)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Read(text)
		if err != nil || plain(again) != plain(m) {
			t.Fatalf("%v:\n%+v\n%+v", err, m, again)
		}
	})
}

// plain is the manifest as JSON, in which an empty list and none are the same.
func plain(m Manifest) string {
	b, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		return err.Error()
	}
	return string(b)
}
