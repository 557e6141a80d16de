package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/server"
)

type tenantCmd struct {
	Add     tenantAddCmd     `cmd:"" help:"Add a tenant with its own keys and the built-in model."`
	List    tenantListCmd    `cmd:"" help:"List tenants."`
	Disable tenantDisableCmd `cmd:"" help:"Stop every principal of a tenant."`
}

type tenantAddCmd struct {
	ID   string `arg:"" help:"Slug: a-z, 0-9 and -, begins with a letter."`
	Name string `help:"Name of the organisation." placeholder:"TEXT"`
}

// Run implements the verb.
func (c tenantAddCmd) Run(s *session) error {
	return s.with("", func(a *api) error {
		if c.Name == "" {
			c.Name = c.ID
		}
		var t server.Tenant
		if err := a.call(http.MethodPost, "/v1/tenants", server.Tenant{ID: ward.TenantID(c.ID), Name: c.Name}, &t); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(t)
		}
		s.say("tenant %s added; act in it with --tenant %s", plain(string(t.ID)), plain(string(t.ID)))
		return nil
	})
}

type tenantListCmd struct{}

// Run implements the verb.
func (tenantListCmd) Run(s *session) error {
	return s.with("", func(a *api) error {
		var have []server.Tenant
		if err := a.call(http.MethodGet, "/v1/tenants", nil, &have); err != nil {
			return err
		}
		var rows [][]string
		for _, t := range have {
			rows = append(rows, []string{string(t.ID), state(t.Disabled), t.Name})
		}
		return s.table(have, "TENANT STATE NAME", rows)
	})
}

type tenantDisableCmd struct {
	ID string `arg:"" help:"Tenant."`
}

// Run implements the verb.
func (c tenantDisableCmd) Run(s *session) error {
	return s.with("", func(a *api) error {
		if err := a.call(http.MethodPost, path("v1", "tenants", c.ID, "disable"), nil, nil); err != nil {
			return err
		}
		s.say("tenant %s disabled", plain(c.ID))
		return nil
	})
}

type principalCmd struct {
	Add     principalAddCmd     `cmd:"" help:"Add a human (prints the one-time sign-in link) or a service."`
	List    principalListCmd    `cmd:"" help:"List principals of the tenant."`
	Disable principalDisableCmd `cmd:"" help:"End a principal and all its tokens."`
	Link    principalLinkCmd    `cmd:"" help:"Print a new one-time sign-in link of a human."`
}

type principalAddCmd struct {
	ID      string   `arg:"" help:"Id, as in dr.grey. It stands in the log: choose no patient's name."`
	Kind    string   `help:"human or service." enum:"human,service" default:"human"`
	Role    []string `help:"Role; may be repeated: clinician, registrar, integration, privacy, auditor, admin, patient, steward." placeholder:"ROLE" required:""`
	Name    string   `help:"Name shown to people." placeholder:"TEXT"`
	Patient string   `help:"FHIR id of the own Patient, for the role patient." placeholder:"ID"`
}

// Run implements the verb.
func (c principalAddCmd) Run(s *session) error {
	if c.Name == "" {
		c.Name = c.ID
	}
	p := server.Principal{ID: ward.PrincipalID(c.ID), Kind: ward.Kind(c.Kind), Name: c.Name, Patient: c.Patient}
	for _, r := range c.Role {
		p.Roles = append(p.Roles, ward.Role(r))
	}
	return s.with(s.tenant, func(a *api) error {
		var made server.NewPrincipal
		if err := a.call(http.MethodPost, "/v1/principals", p, &made); err != nil {
			return err
		}
		switch {
		case s.json:
			return s.printJSON(made)
		case made.Link != "":
			s.say("%s", made.Link)
			fmt.Fprintln(s.err, "one-time sign-in link: works once, within 15 minutes")
		default:
			s.say("service %s added; register its keys with: ward client add", plain(c.ID))
		}
		return nil
	})
}

type principalListCmd struct{}

// Run implements the verb.
func (principalListCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		all, err := pages(func(after string) ([]server.Principal, error) {
			var page []server.Principal
			err := a.call(http.MethodGet, "/v1/principals?count=500&after="+url.QueryEscape(after), nil, &page)
			return page, err
		}, 500, func(p server.Principal) string { return string(p.ID) })
		if err != nil {
			return err
		}
		var rows [][]string
		for _, p := range all {
			rows = append(rows, []string{string(p.ID), string(p.Kind), join(p.Roles), p.Name})
		}
		return s.table(all, "PRINCIPAL KIND ROLES NAME", rows)
	})
}

// pages reads every page of a list.
func pages[T any](get func(after string) ([]T, error), size int, id func(T) string) ([]T, error) {
	all := []T{}
	for after := ""; ; after = id(all[len(all)-1]) {
		page, err := get(after)
		all = append(all, page...)
		if err != nil || len(page) < size {
			return all, err
		}
	}
}

type principalDisableCmd struct {
	ID string `arg:"" help:"Principal."`
}

// Run implements the verb.
func (c principalDisableCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		if err := a.call(http.MethodPost, path("v1", "principals", c.ID, "disable"), nil, nil); err != nil {
			return err
		}
		s.say("principal %s disabled, its tokens with it", plain(c.ID))
		return nil
	})
}

type principalLinkCmd struct {
	ID string `arg:"" help:"Principal."`
}

// Run implements the verb.
func (c principalLinkCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		var made struct {
			Link string `json:"link"`
		}
		if err := a.call(http.MethodPost, path("v1", "principals", c.ID, "link"), nil, &made); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(made)
		}
		s.say("%s", made.Link)
		return nil
	})
}

type clientCmd struct {
	Add     clientAddCmd     `cmd:"" help:"Register the OAuth client of a service by its public keys."`
	List    clientListCmd    `cmd:"" help:"List clients of the tenant."`
	Disable clientDisableCmd `cmd:"" help:"End a client and its tokens."`
}

type clientAddCmd struct {
	ID        string `arg:"" help:"Client id."`
	Principal string `help:"Service that the client acts as." required:"" placeholder:"ID"`
	JWKS      string `name:"jwks" help:"File with the public keys (JWKS, RS384 or ES384); - is standard input." required:"" placeholder:"FILE"`
	Purpose   string `help:"Purpose of use of its tokens." default:"TREAT" placeholder:"CODE"`
}

const maxJWKS = 1 << 18

// Run implements the verb.
func (c clientAddCmd) Run(s *session) error {
	from := s.in
	if c.JWKS != "-" {
		f, err := os.Open(c.JWKS)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	keys, err := io.ReadAll(io.LimitReader(from, maxJWKS))
	if err != nil {
		return err
	}
	if !json.Valid(keys) {
		return misused("the key file is not JSON: " + c.JWKS)
	}
	return s.with(s.tenant, func(a *api) error {
		var made server.Client
		err := a.call(http.MethodPost, "/v1/clients", server.Client{ID: c.ID, Principal: ward.PrincipalID(c.Principal), JWKS: keys,
			Purpose: ward.Purpose(c.Purpose)}, &made)
		if err != nil {
			return err
		}
		if s.json {
			return s.printJSON(made)
		}
		s.say("client %s added", plain(c.ID))
		return nil
	})
}

type clientListCmd struct{}

// Run implements the verb.
func (clientListCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		all, err := pages(func(after string) ([]server.Client, error) {
			var page []server.Client
			err := a.call(http.MethodGet, "/v1/clients?count=500&after="+url.QueryEscape(after), nil, &page)
			return page, err
		}, 500, func(c server.Client) string { return c.ID })
		if err != nil {
			return err
		}
		var rows [][]string
		for _, c := range all {
			rows = append(rows, []string{c.ID, string(c.Principal), string(c.Purpose), state(c.Disabled)})
		}
		return s.table(all, "CLIENT PRINCIPAL PURPOSE STATE", rows)
	})
}

type clientDisableCmd struct {
	ID string `arg:"" help:"Client."`
}

// Run implements the verb.
func (c clientDisableCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		if err := a.call(http.MethodPost, path("v1", "clients", c.ID, "disable"), nil, nil); err != nil {
			return err
		}
		s.say("client %s disabled, its tokens with it", plain(c.ID))
		return nil
	})
}

type tokenCmd struct {
	Principal string `arg:"" help:"Principal that the token is for."`
	Purpose   string `help:"Purpose of use: TREAT, ETREAT, HPAYMT, HOPERAT, HRESCH, HMARKT, PATRQT, PUBHLTH, HSYSADMIN. When left out it is that of the principal's first role." placeholder:"CODE"`
}

// Help is shown by ward token --help.
func (tokenCmd) Help() string {
	return `Prints the token and nothing else on stdout, so that it can be kept in a file:

  ward token dr.grey > token && curl -H @<(sed 's/^/Authorization: Bearer /' token) http://127.0.0.1:8080/fhir/R4/Patient

Tokens live 15 minutes for humans, 5 for services.`
}

// Run implements the verb.
func (c tokenCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		var t server.Token
		err := a.call(http.MethodPost, "/v1/tokens", map[string]string{"principal": c.Principal, "purpose": c.Purpose}, &t)
		if err != nil {
			return err
		}
		if s.json {
			return s.printJSON(t)
		}
		fmt.Fprintln(s.out, t.Token)
		fmt.Fprintln(s.err, "expires in "+strconv.Itoa(int(time.Until(t.Expires).Round(time.Minute)/time.Minute))+" min")
		return nil
	})
}
