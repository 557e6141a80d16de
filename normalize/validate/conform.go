package validate

import (
	"context"
	"errors"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/engine/db"
)

var documents = sync.Pool{New: func() any { return new(tree.Doc) }}

// Conform judges a resource of a tenant that is to be written, against the invariants of the specification, and the profiles that it claims and that the
// tenant has. Its structure has been found right by fhir.Refs or fhir.Scan, and is not judged again.
func (r *Packages) Conform(ctx context.Context, tn db.Tenant, body []byte) ([]issue.Issue, error) {
	v, err := r.Validator(ctx, tn)
	if err != nil {
		return nil, err
	}
	return judge(func(d *tree.Doc, _ ...string) []issue.Issue {
		if v.ValidChecked(d) { // nearly all are: warnings are made of those only that are refused
			return nil
		}
		return v.ValidateChecked(d)
	}, body)
}

// Check judges a resource against the given profiles too, under a permit for creating its type, with an entry. A profile that the tenant does not
// have is an error.
func (r *Packages) Check(ctx context.Context, p access.Permit, body []byte, profiles ...string) ([]issue.Issue, error) {
	if err := p.Allows(access.Create, ""); err != nil {
		return nil, err
	}
	if len(profiles) > maxProfiles {
		return nil, ward.E(ward.TooLarge, "validate.check", "a resource is validated against at most 20 profiles at a time", nil)
	}
	if _, err := r.log.Begin(ctx, p.Intent(audit.ActValidate)); err != nil {
		return nil, err
	}
	v, err := r.Validator(ctx, p.Tenant())
	if err != nil {
		return nil, err
	}
	for _, profile := range profiles {
		if v.Set().Structure(profile) == nil {
			return nil, ward.E(ward.Unprocessable, "validate.check", "a profile that was asked for is not loaded; load its package first", nil).At("profile")
		}
	}
	return judge(v.Validate, body, profiles...)
}

const maxProfiles = 20

func judge(validate func(*tree.Doc, ...string) []issue.Issue, body []byte, profiles ...string) ([]issue.Issue, error) {
	d := documents.Get().(*tree.Doc)
	defer func() {
		d.Src = nil
		documents.Put(d)
	}()
	var bad *tree.Error
	switch err := d.Parse(body, tree.Limits{}); {
	case errors.As(err, &bad):
		return []issue.Issue{{Severity: issue.Fatal, Code: "structure", ID: "json-syntax", Text: bad.Text, Line: bad.Line, Column: bad.Column}}, nil
	case err != nil:
		return nil, err
	}
	return validate(d, profiles...), nil
}
