package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// Tenant as the interface shows it.
type Tenant struct {
	ID       ward.TenantID `json:"id" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"Slug"`
	Name     string        `json:"name" maxLength:"200"`
	Disabled bool          `json:"disabled,omitempty" readOnly:"true"`
}

// Principal as the interface shows it.
type Principal struct {
	ID      ward.PrincipalID `json:"id" minLength:"1" maxLength:"64"`
	Kind    ward.Kind        `json:"kind" enum:"human,service"`
	Name    string           `json:"name,omitempty" maxLength:"200"`
	Roles   []ward.Role      `json:"roles" maxItems:"16"`
	Patient string           `json:"patient,omitempty" maxLength:"64" doc:"FHIR id of the own Patient, for the role patient"`
}

// NewPrincipal is a principal just made, with the way to its first sign-in.
type NewPrincipal struct {
	Principal
	Link string `json:"link,omitempty" doc:"One-time sign-in link of a human: works once, within 15 minutes"`
}

// Client as the interface shows it.
type Client struct {
	ID        string           `json:"id" minLength:"1" maxLength:"200"`
	Principal ward.PrincipalID `json:"principal" minLength:"1" maxLength:"64"`
	JWKS      json.RawMessage  `json:"jwks" doc:"Public keys (RFC 7517), RS384 or ES384"`
	Purpose   ward.Purpose     `json:"purpose" doc:"Purpose of use of its tokens"`
	Disabled  bool             `json:"disabled,omitempty" readOnly:"true"`
}

// Token is an access token, shown once.
type Token struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

type named struct {
	ID string `path:"id" maxLength:"200"`
}

type list struct {
	After string `query:"after" maxLength:"200" doc:"Continue after this id"`
	Count int    `query:"count" default:"100" minimum:"1" maximum:"1000"`
}

func (v *v1) administration() {
	v.tenants()
	v.principals()
	v.clients()
	operate(v, about{"POST", "/v1/tokens", access.TokenIssue, access.AuditAdmin, "issue-token", "Issue an access token for a principal", true},
		func(ctx context.Context, g access.Grant, in *struct {
			Body struct {
				Principal ward.PrincipalID `json:"principal" minLength:"1" maxLength:"64"`
				Purpose   ward.Purpose     `json:"purpose,omitempty" doc:"Purpose of use; that of the principal's first role when left out"`
			}
		}) (*body[Token], error) {
			token, expires, err := v.node.access.IssueToken(ctx, g.Permit, in.Body.Principal, in.Body.Purpose)
			return answer(Token{token, expires}), err
		})
}

func (v *v1) tenants() {
	a := v.node.access
	operate(v, about{"GET", "/v1/tenants", access.AdminTenant, access.AuditAdmin, "list-tenants", "List tenants", false},
		func(ctx context.Context, g access.Grant, _ *struct{}) (*body[[]Tenant], error) {
			have, err := a.Tenants(ctx, g.Permit)
			out := make([]Tenant, len(have))
			for i, t := range have {
				out[i] = Tenant{t.ID, t.Name, t.Disabled}
			}
			return answer(out), err
		})
	operate(v, about{"POST", "/v1/tenants", access.AdminTenant, access.AuditAdmin, "add-tenant", "Add a tenant with its keys and the built-in model", false},
		func(ctx context.Context, g access.Grant, in *struct{ Body Tenant }) (*body[Tenant], error) {
			t, err := v.node.addTenant(ctx, g, in.Body.ID, in.Body.Name)
			return answer(Tenant{t.ID, t.Name, t.Disabled}), err
		})
	operate(v, about{"POST", "/v1/tenants/{id}/disable", access.AdminTenant, access.AuditAdmin, "disable-tenant", "Stop every principal of a tenant", false},
		func(ctx context.Context, g access.Grant, in *named) (*struct{}, error) {
			return nil, a.DisableTenant(ctx, g.Permit, ward.TenantID(in.ID))
		})
}

func (v *v1) principals() {
	a := v.node.access
	operate(v, about{"GET", "/v1/principals", access.AdminPrincipal, access.AuditAdmin, "list-principals", "List principals of the tenant", false},
		func(ctx context.Context, g access.Grant, in *list) (*body[[]Principal], error) {
			have, err := a.Principals(ctx, g.Permit, ward.PrincipalID(in.After), in.Count)
			out := make([]Principal, len(have))
			for i, p := range have {
				out[i] = Principal{p.ID, p.Kind, p.Name, p.Roles, p.Patient}
			}
			return answer(out), err
		})
	operate(v, about{"POST", "/v1/principals", access.AdminPrincipal, access.AuditAdmin, "add-principal", "Add a human or service", false},
		func(ctx context.Context, g access.Grant, in *struct{ Body Principal }) (*body[NewPrincipal], error) {
			b := in.Body
			code, err := a.AddPrincipal(ctx, g.Permit, ward.Principal{ID: b.ID, Kind: b.Kind, Name: b.Name, Roles: b.Roles, Patient: b.Patient})
			if err != nil {
				return nil, err
			}
			out := NewPrincipal{Principal: b}
			if b.Kind == ward.Human {
				out.Link = v.node.access.Link(code)
			}
			return answer(out), nil
		})
	operate(v, about{"POST", "/v1/principals/{id}/disable", access.AdminPrincipal, access.AuditAdmin, "disable-principal", "End a principal and its tokens", false},
		func(ctx context.Context, g access.Grant, in *named) (*struct{}, error) {
			return nil, a.DisablePrincipal(ctx, g.Permit, ward.PrincipalID(in.ID))
		})
	operate(v, about{"POST", "/v1/principals/{id}/link", access.AdminPrincipal, access.AuditAdmin, "new-link", "Make a one-time sign-in link for a human", false},
		func(ctx context.Context, g access.Grant, in *named) (*body[struct {
			Link string `json:"link"`
		}], error) {
			code, err := a.NewOneTime(ctx, g.Permit, ward.PrincipalID(in.ID))
			if err != nil {
				return nil, err
			}
			out := &body[struct {
				Link string `json:"link"`
			}]{}
			out.Body.Link = v.node.access.Link(code)
			return out, nil
		})
}

func (v *v1) clients() {
	a := v.node.access
	operate(v, about{"GET", "/v1/clients", access.AdminClient, access.AuditAdmin, "list-clients", "List OAuth clients of the tenant", false},
		func(ctx context.Context, g access.Grant, in *list) (*body[[]Client], error) {
			have, err := a.Clients(ctx, g.Permit, in.After, in.Count)
			out := make([]Client, len(have))
			for i, c := range have {
				out[i] = Client{c.ID, c.Principal, c.JWKS, c.Purpose, c.Disabled}
			}
			return answer(out), err
		})
	operate(v, about{"POST", "/v1/clients", access.AdminClient, access.AuditAdmin, "add-client", "Register the OAuth client of a service", false},
		func(ctx context.Context, g access.Grant, in *struct{ Body Client }) (*body[Client], error) {
			b := in.Body
			err := a.AddClient(ctx, g.Permit, access.Client{ID: b.ID, Principal: b.Principal, JWKS: b.JWKS, Purpose: b.Purpose})
			return answer(b), err
		})
	operate(v, about{"POST", "/v1/clients/{id}/disable", access.AdminClient, access.AuditAdmin, "disable-client", "End a client and its tokens", false},
		func(ctx context.Context, g access.Grant, in *named) (*struct{}, error) {
			return nil, a.DisableClient(ctx, g.Permit, in.ID)
		})
}
