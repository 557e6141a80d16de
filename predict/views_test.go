package predict

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/moment"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/predict/registry"
)

var update = flag.Bool("update", false, "write the views of models' inputs anew")

// fact is a result of an input as a view gives it and as predict reads it: what is chosen among, converted and judged.
type fact struct {
	Observation, Patient, Input, Status  string
	Codes                                []string
	Lo, Hi                               int64
	Value, Comparator, System, Unit      string
	Modified, Focused, Disputed, Several bool
}

// inputsView is the ViewDefinition of a model's inputs: a row for each Observation and input whose code it carries.
func inputsView(m registry.Manifest, name string) []byte {
	type object = map[string]any
	column := func(name, path, typ string) object { return object{"name": name, "path": path, "type": typ} }
	var branches []object
	for _, in := range m.Inputs {
		if !in.Measured() {
			continue
		}
		var any []string
		for _, c := range in.Codes {
			any = append(any, fmt.Sprintf("system = '%s' and code = '%s'", c.System, c.Code))
		}
		own := "code.coding.where(" + strings.Join(any, " or ") + ")"
		codes := column("codes", own+".code", "code")
		codes["collection"] = true
		branches = append(branches, object{"forEach": "where(" + own + ".exists())", "column": []object{column("input", "'"+in.Name+"'", "string"), codes}})
	}
	head := []object{
		column("observation", "getResourceKey()", "id"), column("patient", "subject.getReferenceKey(Patient)", "id"), column("status", "status", "code"),
		column("effective", "effective.ofType(dateTime)", "dateTime"), column("instant", "effective.ofType(instant)", "instant"),
		column("start", "effective.ofType(Period).start", "dateTime"), column("end", "effective.ofType(Period).end", "dateTime"),
		column("value", "value.ofType(Quantity).value", "decimal"), column("comparator", "value.ofType(Quantity).comparator", "code"),
		column("system", "value.ofType(Quantity).system", "uri"), column("unit", "value.ofType(Quantity).code", "code"),
		column("modified", "modifierExtension.exists()", "boolean"), column("focused", "focus.exists()", "boolean"),
		column("disputed", "meta.tag.where(system = 'urn:ward:fact' and code = 'disputed').exists()", "boolean"),
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(object{"resourceType": "ViewDefinition", "url": "https://ward.health/ViewDefinition/" + strings.ReplaceAll(name, "_", "-"), "name": name, "status": "active",
		"fhirVersion": []string{"4.0.1"}, "resource": "Observation", "title": "Results that the model " + m.Name + " takes its inputs from",
		"select": []object{{"column": head}, {"unionAll": branches}}}); err != nil {
		panic(err)
	}
	return out.Bytes()
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

// read returns the facts of a resource as predict reads them.
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
