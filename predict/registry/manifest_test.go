package registry

import (
	"bytes"
	"strings"
	"testing"

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

func FuzzRead(f *testing.F) {
	f.Add(egfr)
	f.Add([]byte(`{"schema":"ward/model/1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Read(b); err == nil && (m.Name == "" || len(m.Inputs) != 1) {
			t.Fatalf("%+v", m)
		}
	})
}
