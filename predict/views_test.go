package predict

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/moment"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/registry"
)

var update = flag.Bool("update", false, "write the views of models' inputs anew")

// fact is a result of an input as a view gives it and as predict reads it: what is chosen among, converted and judged.
type fact struct {
	Observation, Patient, Input, Status string
	Codes                               []string
	Lo, Hi                              int64
	Value, Comparator, System, Unit     string
	Modified, Focused, Disputed         bool
}

// resultColumns are the columns of a result: name, path, type.
var resultColumns = [][3]string{
	{"observation", "getResourceKey()", "id"}, {"patient", "subject.getReferenceKey(Patient)", "id"}, {"status", "status", "code"},
	{"effective", "effective.ofType(dateTime)", "dateTime"}, {"instant", "effective.ofType(instant)", "instant"},
	{"start", "effective.ofType(Period).start", "dateTime"}, {"end", "effective.ofType(Period).end", "dateTime"},
	{"value", "value.ofType(Quantity).value", "decimal"}, {"comparator", "value.ofType(Quantity).comparator", "code"},
	{"system", "value.ofType(Quantity).system", "uri"}, {"unit", "value.ofType(Quantity).code", "code"},
	{"modified", "modifierExtension.exists()", "boolean"}, {"focused", "focus.exists()", "boolean"},
	{"disputed", "meta.tag.where(system = 'urn:ward:fact' and code = 'disputed').exists()", "boolean"},
}

// inputsView is the ViewDefinition of a model's inputs: a row for each Observation and input whose code it carries.
func inputsView(m registry.Manifest, name string) []byte {
	var columns, branches []string
	for _, c := range resultColumns {
		columns = append(columns, fmt.Sprintf(`        {"name": "%s", "path": "%s", "type": "%s"}`, c[0], c[1], c[2]))
	}
	for _, in := range m.Inputs {
		if !in.Measured() {
			continue
		}
		var codes []string
		for _, c := range in.Codes {
			codes = append(codes, fmt.Sprintf("system = '%s' and code = '%s'", c.System, c.Code))
		}
		own := "code.coding.where(" + strings.Join(codes, " or ") + ")"
		branches = append(branches, fmt.Sprintf(`        {
          "forEach": "where(%s.exists())",
          "column": [
            {"name": "input", "path": "'%s'", "type": "string"},
            {"name": "codes", "path": "%s.code", "type": "code", "collection": true}
          ]
        }`, own, in.Name, own))
	}
	return fmt.Appendf(nil, `{
  "resourceType": "ViewDefinition",
  "url": "https://ward.health/ViewDefinition/%s",
  "name": "%s",
  "title": "Results that the model %s takes its inputs from",
  "status": "active",
  "fhirVersion": ["4.0.1"],
  "resource": "Observation",
  "select": [
    {
      "column": [
%s
      ]
    },
    {
      "unionAll": [
%s
      ]
    }
  ]
}
`, strings.ReplaceAll(name, "_", "-"), name, m.Name, strings.Join(columns, ",\n"), strings.Join(branches, ",\n"))
}

// viewed returns the facts of a resource by the view.
func viewed(t *testing.T, r *view.Runner, v *view.View, body []byte) (out []fact) {
	t.Helper()
	var doc tree.Doc
	if err := doc.Parse(body, tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, c := range v.Columns() {
		at[c.Name] = i
	}
	err := r.Run(&doc, func(row []view.Value) error {
		text := func(name string) string { return string(row[at[name]].Text) }
		is := func(name string) bool { return row[at[name]].Int != 0 }
		f := fact{Observation: text("observation"), Patient: text("patient"), Input: text("input"), Status: text("status"), Value: text("value"), Comparator: text("comparator"),
			System: text("system"), Unit: text("unit"), Modified: is("modified"), Focused: is("focused"), Disputed: is("disputed")}
		for _, c := range row[at["codes"]].Items {
			f.Codes = append(f.Codes, string(c.Text))
		}
		f.Lo, f.Hi = interval(t, text("effective")+text("instant"), text("start"), text("end"))
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// interval is the clinical time as predict takes it: of a date the whole of it, of a period from the beginning of its start to the end of its end.
func interval(t *testing.T, single, start, end string) (lo, hi int64) {
	t.Helper()
	lo, hi = math.MinInt64, math.MaxInt64
	read := func(text string) (int64, int64) {
		a, b, ok := moment.Parse([]byte(text), moment.DateTime)
		if !ok {
			t.Fatal("a time that is none")
		}
		return a, b
	}
	if single != "" {
		return read(single)
	}
	if start != "" {
		lo, _ = read(start)
	}
	if end != "" {
		_, hi = read(end)
	}
	return lo, hi
}

// factsOf returns the facts of a resource as predict reads them.
func factsOf(t *testing.T, m registry.Manifest, id string, body []byte) (out []fact) {
	t.Helper()
	rs, patient, err := readResults(ward.Version{Ref: ward.Reference{Type: "Observation", ID: id}, Body: ward.Protected(body)}, m)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		if r == nil {
			continue
		}
		out = append(out, fact{Observation: id, Patient: patient, Input: m.Inputs[i].Name, Status: r.status, Codes: r.codes, Lo: r.lo, Hi: r.hi, Value: r.value, Comparator: r.comparator,
			System: r.system, Unit: r.unit, Modified: r.modified, Focused: r.focused, Disputed: r.disputed})
	}
	return out
}

// TestViewsOfInputs: a ViewDefinition gives the same rows for the inputs of the models that Ward knows as predict reads, on simulated and on
// public resources, on the same with codes of the models, and on whatever may be written into an Observation.
func TestViewsOfInputs(t *testing.T) {
	mortality, err := os.ReadFile("../examples/mortality/artefact/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"egfr_inputs": registry.Builtin()[0].Manifest, "mortality_inputs": mortality} {
		t.Run(name, func(t *testing.T) {
			m, err := registry.Read(text)
			if err != nil {
				t.Fatal(err)
			}
			made := inputsView(m, name)
			file := filepath.Join("..", "examples", "views", name+".json")
			if *update {
				if err := os.WriteFile(file, made, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			kept, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(kept, made) {
				t.Fatalf("%s is not the view of the manifest (go test -update writes it): %v", file, err)
			}
			v, err := view.Compile(kept, definition.R4())
			if err != nil {
				t.Fatal(err)
			}
			d := differential{t: t, m: m, v: v, r: v.NewRunner(view.Options{})}
			simulate.New(7, time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)).Each(200, func(g simulate.Group, _ simulate.Truth) bool {
				for _, r := range g.Resources {
					d.equal(r.Type, r.ID, r.Body)
				}
				return true
			})
			d.enough("simulated", 100)
			for _, body := range variants(m) {
				d.equal("Observation", "made", body)
			}
			d.enough("made", 1000)
			d.gold()
		})
	}
}

// TestViewGivesTheNewest: the newest finished result of the view's rows, in the model's unit, is the input that predict takes, for every
// simulated patient to whom predict gives one.
func TestViewGivesTheNewest(t *testing.T) {
	m, err := registry.Read(registry.Builtin()[0].Manifest)
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.Compile(inputsView(m, "egfr_inputs"), definition.R4())
	if err != nil {
		t.Fatal(err)
	}
	in, r, at, same := m.Inputs[0], v.NewRunner(view.Options{}), time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), 0
	simulate.New(11, at).Each(200, func(g simulate.Group, _ simulate.Truth) bool {
		var rows []fact
		var results []*result
		for _, x := range g.Resources {
			if x.Type != "Observation" {
				continue
			}
			rows = append(rows, viewed(t, r, v, x.Body)...)
			rs, _, err := readResults(ward.Version{Ref: ward.Reference{Type: "Observation", ID: x.ID}, Body: ward.Protected(x.Body)}, m)
			if err != nil {
				t.Fatal(err)
			}
			if rs[0] != nil {
				results = append(results, rs[0])
			}
		}
		want, err := quantity(in, choose(in, results), at)
		if err != nil {
			return true
		}
		rows = slices.DeleteFunc(rows, func(f fact) bool { return !slices.Contains([]string{"final", "amended", "corrected"}, f.Status) })
		newest := slices.MaxFunc(rows, func(a, b fact) int { return cmp.Compare(a.Lo, b.Lo) })
		if got := inUnit(t, in, newest); got != want.Value || "Observation/"+newest.Observation != want.Source {
			t.Errorf("%s has %v, want %v of %s", newest.Observation, got, want.Value, want.Source)
		}
		same++
		return true
	})
	if same < 100 {
		t.Errorf("only %d patients have an input", same)
	}
}

// inUnit is the value of a row in the unit of the model.
func inUnit(t *testing.T, in registry.Input, f fact) float64 {
	t.Helper()
	from, err := ucum.Parse(f.Unit)
	if err != nil {
		t.Fatal(err)
	}
	given, ok := new(big.Rat).SetString(f.Value)
	if !ok {
		t.Fatal("a value that is no number")
	}
	value, err := convert(in, given, from)
	if err != nil {
		t.Fatal(err)
	}
	out, _ := value.Float64()
	return out
}

// differential counts what was compared.
type differential struct {
	t    *testing.T
	m    registry.Manifest
	v    *view.View
	r    *view.Runner
	rows int
}

// equal compares both ways of reading one resource. Bodies that the store would not take are left out.
func (d *differential) equal(rtype, id string, body []byte) {
	d.t.Helper()
	if rtype != "Observation" {
		return
	}
	if _, err := fhir.Scan(body); err != nil {
		return
	}
	// What stands in the components of a panel is not in these views.
	want := slices.DeleteFunc(factsOf(d.t, d.m, id, body), func(f fact) bool { return !carries(body, f.Codes) })
	got := viewed(d.t, d.r, d.v, body)
	order := func(a, b fact) int { return strings.Compare(a.Input, b.Input) }
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if apart := diff.Diff(want, got, cmpopts.EquateEmpty()); apart != "" {
		d.t.Fatalf("Observation %s: %s", id, apart)
	}
	d.rows += len(got)
}

// carries reports whether an Observation itself has one of the codes.
func carries(body []byte, codes []string) bool {
	var x struct {
		Code struct{ Coding []struct{ Code string } }
	}
	return json.Unmarshal(body, &x) == nil && slices.ContainsFunc(x.Code.Coding, func(c struct{ Code string }) bool { return slices.Contains(codes, c.Code) })
}

// enough reports how many rows were equal; too few say that nothing was compared.
func (d *differential) enough(what string, least int) {
	d.t.Logf("%s: %d rows equal", what, d.rows)
	if d.rows < least {
		d.t.Errorf("%s: only %d rows were compared", what, d.rows)
	}
	d.rows = 0
}

// variants are Observations with everything that the choice and the judgement look at, one way or another.
func variants(m registry.Manifest) (out [][]byte) {
	pick := func(n int, from ...string) string { return from[n%len(from)] }
	n := 0
	for _, in := range m.Inputs {
		for _, c := range in.Codes {
			for range 1600 / len(m.Inputs) {
				n++
				members := []string{`"resourceType":"Observation","id":"made"`,
					pick(n/2, `"status":"final"`, `"status":"amended"`, `"status":"preliminary"`, `"status":"entered-in-error"`),
					fmt.Sprintf(`"code":{"coding":[%s{"system":%q,"code":%q}%s]}`, pick(n/3, "", `{"system":"http://snomed.info/sct","code":"1"},`, `{"code":"`+c.Code+`"},`), c.System, c.Code,
						pick(n/5, "", `,{"system":"`+c.System+`","code":"`+in.Codes[0].Code+`"}`)),
					pick(n/7, `"subject":{"reference":"Patient/p1"}`, `"subject":{"reference":"Patient/p2","display":"x"}`),
					pick(n, "", `"effectiveDateTime":"2026"`, `"effectiveDateTime":"2026-10"`, `"effectiveDateTime":"2026-10-05"`, `"effectiveDateTime":"2026-10-05T10:11:12.5+02:00"`,
						`"effectiveInstant":"2026-10-05T10:11:12Z"`, `"effectivePeriod":{"start":"2026-01"}`, `"effectivePeriod":{"end":"2026-02-03"}`, `"effectivePeriod":{"start":"2026-01-02","end":"2026-01-04T00:00:00Z"}`),
					pick(n/11, "", `"valueString":"high"`, `"valueQuantity":{"value":1.50,"system":"http://unitsofmeasure.org","code":"mg/dL","unit":"mg"}`, `"valueQuantity":{"value":88,"comparator":"<","unit":"umol/L"}`,
						`"valueQuantity":{"value":1e2,"system":"http://unitsofmeasure.org","code":"umol/L"}`, `"valueQuantity":{"code":"mg/dL"}`, `"valueQuantity":{"value":-0.10}`, `"valueInteger":7`),
					pick(n/13, "", `"modifierExtension":[{"url":"http://example.org/m","valueBoolean":true}]`),
					pick(n/17, "", `"focus":[{"reference":"Device/1"}]`),
					pick(n/19, "", `"meta":{"tag":[{"system":"urn:ward:fact","code":"disputed"}]}`, `"meta":{"tag":[{"system":"urn:ward:fact","code":"other"},{"code":"disputed"}]}`)}
				members = slices.DeleteFunc(members, func(s string) bool { return s == "" })
				out = append(out, []byte("{"+strings.Join(members, ",")+"}"))
			}
		}
	}
	return out
}

// gold compares the Observations of the public data, as they are and under each code of the model.
func (d *differential) gold() {
	gold := os.Getenv("WARD_GOLD")
	if gold == "" {
		fmt.Println("\nNOT RUN: WARD_GOLD is not set, the inputs of models were not compared on public Observations")
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			d.t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		return
	}
	seen := 0
	each := func(body []byte) {
		var x struct {
			ResourceType, ID string
			Entry            []struct{ Resource json.RawMessage }
		}
		if json.Unmarshal(body, &x) != nil {
			return
		}
		for _, e := range x.Entry {
			d.observation(e.Resource, &seen)
		}
		d.observation(body, &seen)
	}
	for _, name := range []string{"us_core_610.tgz", "us_core_800.tgz"} {
		packed(d.t, filepath.Join(gold, "us-core", name), each)
	}
	for _, name := range []string{"fhir-converter-hl7v2.zip", "reportstream-datatests.zip"} {
		zipped(d.t, filepath.Join(gold, "hl7v2", name), each)
	}
	d.t.Logf("%d public Observations", seen)
	d.enough("public", 500)
}

func (d *differential) observation(body []byte, seen *int) {
	var x struct {
		ResourceType, ID string
		Code             json.RawMessage
	}
	if json.Unmarshal(body, &x) != nil || x.ResourceType != "Observation" || x.ID == "" {
		return
	}
	*seen++
	d.equal("Observation", x.ID, body)
	if len(x.Code) == 0 {
		return
	}
	in := d.m.Inputs[*seen%len(d.m.Inputs)]
	if in.Measured() {
		coded := fmt.Sprintf(`{"coding":[{"system":%q,"code":%q}]}`, in.Codes[0].System, in.Codes[0].Code)
		d.equal("Observation", x.ID, bytes.Replace(body, x.Code, []byte(coded), 1))
	}
}

func packed(t *testing.T, file string, each func([]byte)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".json") || !strings.Contains(h.Name, "bservation") {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		each(b)
	}
}

func zipped(t *testing.T, file string, each func([]byte)) {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".json") && !strings.HasSuffix(f.Name, ".fhir") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		each(b)
	}
}
