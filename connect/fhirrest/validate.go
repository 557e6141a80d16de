package fhirrest

import (
	"errors"
	"net/http"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// conform refuses a body that does not conform, with all that is to be said of it.
//
// SPEC(FHIR R4 http.html#create): 422 for a resource that violates profiles or rules.
func (a *API) conform(c *call, body []byte) error {
	if a.conforms == nil {
		return nil
	}
	all, err := a.conforms.Conform(c.r.Context(), c.g.Permit.Tenant(), body)
	if err != nil || issue.Valid(all) {
		return err
	}
	worst := all[0]
	for _, i := range all {
		if i.Severity < worst.Severity {
			worst = i
		}
	}
	return ward.E(ward.Unprocessable, "fhirrest.conform", worst.Text, &fhir.Findings{Issues: all}).At(worst.Expression)
}

// unfitting is the error of entries that do not conform.
func unfitting(err error) error {
	var e *ward.Error
	if !errors.As(err, &e) {
		return err
	}
	return ward.E(ward.Unprocessable, "fhirrest.conform", ward.PublicText(err), err).At(e.Path)
}

// validate serves POST [type]/$validate: the body is a resource, or Parameters with the resource and a profile; profile may stand in the URL.
// Nothing is stored.
//
// SPEC(FHIR R4 resource-operation-validate.html): the answer is an OperationOutcome with 200 whatever it says, if the operation could be done.
func (a *API) validate(c *call) (reply, error) {
	profiles := c.query["profile"]
	if err := c.only("profile"); err != nil {
		return reply{}, err
	}
	body, err := c.body(fhir.MaxBytes)
	if err != nil {
		return reply{}, err
	}
	asked, err := parameters(body)
	switch {
	case err != nil:
		return reply{}, err
	case asked.rt != "" && asked.rt != c.rt:
		return reply{}, ward.E(ward.Invalid, "fhirrest.validate", "the body's resourceType is not the type of the URL", nil).At("resourceType")
	}
	all, err := a.conforms.Check(c.r.Context(), c.g.Permit, asked.resource, append(asked.profiles, profiles...)...)
	if err != nil {
		return reply{}, err
	}
	asked.move(all, body)
	if c.places != nil {
		c.places.Move(all)
	}
	return reply{status: http.StatusOK, body: issue.Outcome(all)}, nil
}

// toValidate is what a request asks to validate.
type toValidate struct {
	resource []byte
	rt       string // its type, "" if it says none
	start    int    // where it begins in the body
	profiles []string
}

// move gives findings of the resource the lines and columns of the body.
func (v *toValidate) move(found []issue.Issue, body []byte) {
	line, column := (&tree.Doc{Src: body}).Position(v.start)
	for i := range found {
		switch x := &found[i]; {
		case x.Line == 1:
			x.Line, x.Column = line, x.Column+column-1
		case x.Line > 1:
			x.Line += line - 1
		}
	}
}

// parameters takes resource and profile out of a Parameters resource; another resource is the one to validate. What is wrong with the form of
// either is for the validator to say.
func parameters(body []byte) (toValidate, error) {
	var d tree.Doc
	whole := toValidate{resource: body}
	if d.Parse(body, tree.Limits{}) != nil {
		return whole, nil //nolint:nilerr // what is wrong with it is for the validator to say
	}
	if whole.rt = textAt(&d, 0, "resourceType"); whole.rt != "Parameters" {
		return whole, nil
	}
	var out toValidate
	list := d.Member(0, "parameter")
	switch {
	case list == tree.None:
	case d.Nodes[list].Kind != tree.Array:
		return out, ward.E(ward.Invalid, "fhirrest.validate", "parameter is an array", nil).At("Parameters.parameter")
	default:
		list = d.First(list)
	}
	for n := list; n != tree.None; n = d.Sibling(n) {
		switch textAt(&d, n, "name") {
		case "resource":
			r := d.Member(n, "resource")
			if r == tree.None || out.resource != nil {
				return out, ward.E(ward.Invalid, "fhirrest.validate", "the parameter resource is given once, with a resource", nil).At("Parameters.parameter")
			}
			out.resource, out.rt, out.start = d.Raw(r), textAt(&d, r, "resourceType"), int(d.Nodes[r].Start)
		case "profile":
			out.profiles = append(out.profiles, textAt(&d, n, "valueUri")+textAt(&d, n, "valueCanonical"))
		default:
			return out, ward.E(ward.Unsupported, "fhirrest.validate", "the parameters resource and profile are offered", nil).At("Parameters.parameter.name")
		}
	}
	if out.resource == nil {
		return out, ward.E(ward.Invalid, "fhirrest.validate", "the parameter resource is needed: deleting is not validated", nil).At("Parameters.parameter")
	}
	return out, nil
}

// textAt is the text of a member of object n, "" if it has none.
func textAt(d *tree.Doc, n int, name string) string {
	if m := d.Member(n, name); m != tree.None && d.Nodes[m].Kind == tree.String {
		return string(d.Text(m))
	}
	return ""
}
