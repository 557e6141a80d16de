package format_test

import (
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// FuzzXMLToJSON: no panic, and what is accepted has an XML form that says the same.
func FuzzXMLToJSON(f *testing.F) {
	for _, p := range pairs {
		f.Add([]byte(p.xml))
	}
	set := definition.R4()
	f.Fuzz(func(t *testing.T, src []byte) {
		j, err := format.XMLToJSON(set, src, tree.Limits{Bytes: 1 << 16})
		if err != nil {
			if ward.KindOf(err) == ward.Internal {
				t.Fatal(err)
			}
			return
		}
		x, err := format.JSONToXML(set, j, true, tree.Limits{})
		if err != nil {
			t.Fatalf("%v: %s", err, j)
		}
		again, err := format.XMLToJSON(set, x, tree.Limits{})
		if err != nil || string(again) != string(j) {
			t.Fatalf("%v\n%s\n%s", err, j, again)
		}
	})
}

// FuzzJSONToXML: no panic, and what comes out is read and says the same.
func FuzzJSONToXML(f *testing.F) {
	for _, p := range pairs {
		f.Add([]byte(p.json))
	}
	set := definition.R4()
	f.Fuzz(func(t *testing.T, src []byte) {
		x, err := format.JSONToXML(set, src, true, tree.Limits{Bytes: 1 << 16})
		if err != nil {
			if ward.KindOf(err) == ward.Internal {
				t.Fatal(err)
			}
			return
		}
		j, err := format.XMLToJSON(set, x, tree.Limits{})
		if err != nil {
			t.Fatalf("%v: %s", err, x)
		}
		again, err := format.JSONToXML(set, j, true, tree.Limits{})
		if err != nil || string(again) != string(x) {
			t.Fatalf("%v\n%s\n%s", err, x, again)
		}
	})
}
