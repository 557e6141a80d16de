package fhirrest

import (
	"errors"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/patch"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// patchXML applies an XML Patch to a resource in JSON, by way of its XML. Lines and columns in that XML are told to nobody: the client has
// never seen it.
func patchXML(resource, p []byte) ([]byte, error) {
	text, err := format.JSONToXML(definition.R4(), resource, false, tree.Limits{Bytes: fhir.MaxBytes})
	if err != nil {
		return nil, unplaced(err, "the resource has no form in XML, which an XML Patch is applied to; send a JSON Patch or a FHIRPath Patch")
	}
	if len(text) > patchLimits.Bytes {
		return nil, ward.E(ward.TooLarge, "fhirrest.patch", "in XML the resource has more than "+strconv.Itoa(patchLimits.Bytes)+" bytes; send a JSON Patch or a FHIRPath Patch", nil)
	}
	if text, err = patch.XML(text, p, patchLimits); err != nil {
		return nil, err
	}
	out, err := format.XMLToJSON(definition.R4(), text, tree.Limits{Bytes: fhir.MaxBytes})
	if err != nil {
		return nil, unplaced(err, notValid)
	}
	return out, nil
}

// unplaced is an error of format without its line and column: 422 where it is the resource that does not fit, while a bound stays one.
func unplaced(err error, public string) error {
	kind, text, path := ward.Unprocessable, ward.PublicText(err), ""
	var e *ward.Error
	if errors.As(err, &e) {
		path = e.Path
	}
	var placed *format.Error
	if errors.As(err, &placed) {
		text = placed.Text
	}
	if ward.KindOf(err) == ward.TooLarge {
		kind = ward.TooLarge
	}
	return ward.E(kind, "fhirrest.patch", public+": "+text, err).At(path)
}
