package server

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/validate"
)

// Package is a FHIR package that the tenant has loaded.
type Package struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Digest  string    `json:"digest" doc:"Hex SHA-256 of the .tgz"`
	Added   time.Time `json:"added"`
	Entry   ward.ID   `json:"entry" doc:"Log entry of the addition"`
}

// PackageAdded is a loaded package and what of it cannot be checked.
type PackageAdded struct {
	Package
	Unchecked []string `json:"unchecked" doc:"What the tenant's packages refer to and is not there: named here, and not checked"`
}

// maxPackageBody bounds the body of an addition: the package is base64 in it.
const maxPackageBody = validate.MaxPackage/3*4 + 1<<16

func packageOf(p validate.Package) Package {
	return Package{p.Name, p.Version, hex.EncodeToString(p.Digest[:]), p.Added, p.Entry}
}

func (v *v1) packages() {
	r := v.node.packages
	operate(v, about{"GET", "/v1/packages", access.PackageRead, access.AuditAdmin, "list-packages", "List the tenant's FHIR packages", false},
		func(ctx context.Context, g access.Grant, _ *struct{}) (*body[[]Package], error) {
			have, err := r.List(ctx, g.Permit)
			out := make([]Package, len(have))
			for i, p := range have {
				out[i] = packageOf(p)
			}
			return answer(out), err
		})
	operateBig(v, maxPackageBody, about{"POST", "/v1/packages", access.PackageAdd, access.AuditAdmin, "add-package", "Load a FHIR package, in place of another version of it", false},
		func(ctx context.Context, g access.Grant, in *struct {
			Body struct {
				Package []byte `json:"package" doc:"The .tgz of the package"`
			}
		}) (*body[PackageAdded], error) {
			p, open, err := r.Add(ctx, g.Permit, in.Body.Package)
			out := PackageAdded{Package: packageOf(p), Unchecked: []string{}}
			for _, i := range open {
				out.Unchecked = append(out.Unchecked, i.Text)
			}
			return answer(out), err
		})
	operate(v, about{"DELETE", "/v1/packages/{name}", access.PackageAdd, access.AuditAdmin, "remove-package", "Take a FHIR package away", false},
		func(ctx context.Context, g access.Grant, in *struct {
			Name string `path:"name" maxLength:"214"`
		}) (*struct{}, error) {
			return nil, r.Remove(ctx, g.Permit, in.Name)
		})
}
