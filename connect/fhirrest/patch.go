package fhirrest

import (
	"errors"
	"net/http"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/patch"
	"github.com/ward-health/ward/store"
)

// The media types of patches. A FHIRPath Patch is a resource (Parameters) in a format of resources.
const (
	jsonPatch = "application/json-patch+json"
	xmlPatch  = "application/xml-patch+xml"
)

// patchLimits bound the work of one request. A path of a FHIRPath Patch counts as 1 MiB.
var patchLimits = patch.Limits{Operations: 500, Bytes: fhir.MaxBytes, Work: 128 << 20}

// patchTries is how often a patch without If-Match is applied anew when others change the resource in between.
const patchTries = 4

// patch serves PATCH [type]/[id].
//
// A patch tells what is there: its tests, its errors and its answer. So it takes a permit to read beside the one to update, and reading
// leaves its own entry. The result is written as an update is, if the version that was patched is still the current one.
//
// SPEC(FHIR R4 http.html#patch): JSON Patch, XML Patch and FHIRPath Patch; 404 unknown, 412 when If-Match fails, 415 for another form of patch, 422 when the patch
// cannot be applied; the result is a valid resource or nothing is changed.
func (a *API) patch(c *call) (reply, error) {
	if err := c.only(); err != nil {
		return reply{}, err
	}
	apply, sent, err := patchForm(c.r.Header.Get("Content-Type"))
	if err != nil {
		return reply{}, err
	}
	c.sent = sent
	body, err := c.bytes(fhir.MaxBytes)
	if err != nil {
		return reply{}, err
	}
	if body, err = c.json(body, fhir.MaxBytes); err != nil {
		return reply{}, err
	}
	ifMatch, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	read, err := c.g.Decide(c.r.Context(), access.Read, c.rt)
	if err != nil {
		return reply{}, err
	}
	for try := 1; ; try++ {
		out, err := a.patchOnce(c, read, ifMatch, func(resource []byte) ([]byte, error) { return apply(resource, body) })
		if ifMatch != 0 || ward.KindOf(err) != ward.Precondition {
			return out, err
		}
		if try == patchTries {
			return reply{}, ward.E(ward.Conflict, "fhirrest.patch", "the resource is being changed by others right now; send the request again", nil)
		}
	}
}

// patchOnce reads the current version, patches it and writes the result in its place.
func (a *API) patchOnce(c *call, read access.Permit, ifMatch int64, apply func([]byte) ([]byte, error)) (reply, error) {
	ref := ward.Reference{Type: c.rt, ID: c.id}
	v, err := a.store.Get(c.r.Context(), read, ref)
	if err != nil {
		return reply{}, err
	}
	if ifMatch != 0 && ifMatch != v.Number {
		return reply{}, ward.E(ward.Precondition, "fhirrest.patch", "the current version is not the one given in If-Match", nil)
	}
	patched, err := apply([]byte(v.Body))
	if err != nil {
		return reply{}, err
	}
	body, id, err := a.literal(c, c.rt, patched)
	switch {
	case err != nil:
		return reply{}, unprocessable(err)
	case id != ref.ID:
		return reply{}, ward.E(ward.Unprocessable, "fhirrest.patch", "a patch may not change or remove the id", nil).At(c.rt + ".id")
	}
	out, err := a.apply(c, audit.ActUpdate, store.Change{Permit: c.g.Permit, Op: store.OpUpdate, Resource: ward.Resource{Ref: ref, Body: body}, IfMatch: v.Number})
	return out, unprocessable(err)
}

const notValid = "the patch would leave a resource that is not valid"

// unprocessable is an error about a resource that a patch has made: the request could be read, what it would make of the resource is at fault. Findings name
// elements only: lines and columns are those of a text that the client has never seen. Other errors stay as they are.
func unprocessable(err error) error {
	var e *ward.Error
	if !errors.As(err, &e) {
		return err
	}
	kind := e.Kind
	if kind == ward.Invalid {
		kind = ward.Unprocessable
	}
	var found *fhir.Findings
	switch {
	case errors.As(err, &found):
		return ward.E(kind, "fhirrest.patch", notValid, found.Unplaced()).At(e.Path)
	case kind != e.Kind:
		return ward.E(kind, "fhirrest.patch", notValid+": "+ward.PublicText(err), err).At(e.Path)
	}
	return err
}

// patchForm returns what applies a patch of the media type, and the format of a patch that is a resource; others are applied as they came.
//
// SPEC(RFC 5789 section 2.2): 415 for a form of patch that is not offered.
func patchForm(contentType string) (apply func(resource, patch []byte) ([]byte, error), sent wire, err error) {
	name, weight, ok := media(contentType)
	switch {
	case !ok || weight == 0:
	case name == jsonPatch:
		return func(resource, p []byte) ([]byte, error) { return patch.JSON(resource, p, patchLimits) }, wireJSON, nil
	case name == xmlPatch:
		return patchXML, wireJSON, nil
	case name == "application/fhir+json" || name == "application/fhir+xml":
		return func(resource, p []byte) ([]byte, error) {
			return patch.FHIRPath(definition.R4(), resource, p, patchLimits)
		}, mediaTypes[name], nil
	}
	return nil, wireJSON, withStatus(http.StatusUnsupportedMediaType, "a patch is "+jsonPatch+" (JSON Patch), "+xmlPatch+" (XML Patch), or application/fhir+json or application/fhir+xml (FHIRPath Patch, a Parameters resource) in UTF-8; say so by Content-Type")
}
