package access

import (
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

func TestBootstrapOnce(t *testing.T) {
	each(t, func(w *world) {
		admin := ward.Principal{ID: "ada", Kind: ward.Human, Name: "Ada", Roles: []ward.Role{ward.Admin}}
		for name, bad := range map[string]ward.Principal{
			"service": {ID: "x", Kind: ward.Service, Name: "X", Roles: []ward.Role{ward.Clinician}},
			"nurse":   {ID: "x", Kind: ward.Human, Name: "X", Roles: []ward.Role{ward.Clinician}},
			"no id":   {Kind: ward.Human, Name: "X", Roles: []ward.Role{ward.Admin}},
		} {
			if _, err := w.Bootstrap(w.ctx, "north", "North", bad); ward.KindOf(err) != ward.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		code, err := w.Bootstrap(w.ctx, "north", "North", admin)
		must(t, err)
		rec, body := w.post(codeForm2(code))
		if rec.Code != 200 {
			t.Fatalf("the first sign-in: %d %v", rec.Code, body)
		}
		who, purpose, err := w.Authenticate(w.ctx, body["access_token"].(string))
		must(t, err)
		if who.ID != "ada" || who.Tenant.ID != "north" || who.Tenant.Number != 1 || purpose != ward.Operations {
			t.Errorf("%+v %s", who, purpose)
		}
		_, err = w.Bootstrap(w.ctx, "south", "South", admin)
		wantKind(t, err, ward.Conflict)
		for _, act := range []audit.Act{audit.ActTenantAdd, audit.ActPrincipalAdd} {
			if n := len(w.entries(act, audit.Done)); n != 1 {
				t.Errorf("%d entries of %v", n, act)
			}
		}
		if n := len(w.entries(audit.ActNode, audit.Done)); n < 1 {
			t.Error("no entry of the init")
		}
	})
}

// TestAdministrationNeedsItsPermit calls everything with a zero permit, a permit for another action, and one of another
// kind of administrator, and expects no row and no entry of an act.
func TestAdministrationNeedsItsPermit(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	w.human("north", "nora", ward.Clinician)
	w.feed("north", "feed")
	calls := map[string]struct {
		action Action
		call   func(Permit) error
	}{
		"AddTenant":     {AdminTenant, func(p Permit) error { _, err := w.AddTenant(w.ctx, p, "east", "East"); return err }},
		"Tenants":       {AdminTenant, func(p Permit) error { _, err := w.Tenants(w.ctx, p); return err }},
		"DisableTenant": {AdminTenant, func(p Permit) error { return w.DisableTenant(w.ctx, p, "north") }},
		"AddPrincipal": {AdminPrincipal, func(p Permit) error {
			_, err := w.AddPrincipal(w.ctx, p, ward.Principal{ID: "eve", Kind: ward.Human, Name: "Eve", Roles: []ward.Role{ward.Admin}})
			return err
		}},
		"Principals":       {AdminPrincipal, func(p Permit) error { _, err := w.Principals(w.ctx, p, "", 0); return err }},
		"DisablePrincipal": {AdminPrincipal, func(p Permit) error { return w.DisablePrincipal(w.ctx, p, "nora") }},
		"NewOneTime":       {AdminPrincipal, func(p Permit) error { _, err := w.NewOneTime(w.ctx, p, "nora"); return err }},
		"AddClient": {AdminClient, func(p Permit) error {
			return w.AddClient(w.ctx, p, Client{ID: "eve", Principal: "feed", JWKS: jwksOf(t, jose.JSONWebKey{Key: testKeys().ec.Public(), KeyID: "k"})})
		}},
		"Clients":       {AdminClient, func(p Permit) error { _, err := w.Clients(w.ctx, p, "", 0); return err }},
		"DisableClient": {AdminClient, func(p Permit) error { return w.DisableClient(w.ctx, p, "feed-client") }},
		"AddChannel": {AdminChannel, func(p Permit) error {
			return w.AddChannel(w.ctx, p, Channel{ID: "eve", Principal: "feed", Listen: "127.0.0.1:2576"})
		}},
		"Channels":       {AdminChannel, func(p Permit) error { _, err := w.Channels(w.ctx, p, "", 0); return err }},
		"DisableChannel": {AdminChannel, func(p Permit) error { return w.DisableChannel(w.ctx, p, "lab") }},
		"IssueToken":     {TokenIssue, func(p Permit) error { _, _, err := w.IssueToken(w.ctx, p, "nora", ""); return err }},
	}
	must(t, w.AddChannel(w.ctx, w.operator("north", AdminChannel), Channel{ID: "lab", Principal: "feed", Listen: "127.0.0.1:2575"}))
	must(t, w.log.Flush(w.ctx))
	before := w.log.Size()
	clinical, err := w.Decide(w.ctx, Request{Principal: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: north, Roles: []ward.Role{ward.Clinician}}, Action: Read, Purpose: ward.Treatment})
	must(t, err)
	expired := *w.operator("north", AdminPrincipal).g
	expired.expires = expired.expires.Add(-permitLife)
	for name, c := range calls {
		other := AdminClient
		if c.action == AdminClient {
			other = AdminPrincipal
		}
		for what, p := range map[string]Permit{"zero": {}, "clinical": clinical, "other": w.operator("north", other), "expired": {&expired}} {
			if err := c.call(p); ward.KindOf(err) != ward.Denied {
				t.Errorf("%s with a permit that is %s: %v", name, what, err)
			}
		}
	}
	must(t, w.log.Flush(w.ctx))
	if after := w.log.Size(); after != before {
		t.Errorf("%d entries of refused administration", after-before)
	}
	for name, c := range calls {
		if strings.Contains(name, "Tenant") {
			continue
		}
		if err := c.call(w.operator("", c.action)); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s without a tenant: %v", name, err)
		}
	}
	for _, name := range []string{"AddTenant", "Tenants", "NewOneTime", "AddPrincipal", "Principals", "AddClient", "Clients", "AddChannel", "Channels", "DisableChannel", "IssueToken", "DisableClient", "DisablePrincipal", "DisableTenant"} {
		tenant := ward.TenantID("north")
		if strings.HasSuffix(name, "Tenant") || name == "Tenants" {
			tenant = ""
		}
		if err := calls[name].call(w.operator(tenant, calls[name].action)); err != nil {
			t.Errorf("%s with its permit: %v", name, err)
		}
	}
}

// A tenant's own administrator neither sees nor touches other tenants.
func TestTenantsAreTheNodesBusiness(t *testing.T) {
	each(t, func(w *world) {
		north, south := w.tenant("north"), w.tenant("south")
		admin := func(action Action) Permit {
			p, err := w.Decide(w.ctx, Request{Principal: ward.Principal{ID: "ada", Kind: ward.Human, Tenant: north, Roles: []ward.Role{ward.Admin}}, Action: action, Purpose: ward.Operations})
			must(t, err)
			return p
		}
		_, err := w.AddTenant(w.ctx, admin(AdminTenant), "east", "East")
		wantKind(t, err, ward.Denied)
		wantKind(t, w.DisableTenant(w.ctx, admin(AdminTenant), "south"), ward.Denied)
		_, err = w.AddTenant(w.ctx, w.operator("north", AdminTenant), "east", "East")
		wantKind(t, err, ward.Denied)
		got, err := w.Tenants(w.ctx, admin(AdminTenant))
		must(t, err)
		if diff := cmp.Diff([]ward.Tenant{north}, got); diff != "" {
			t.Error(diff)
		}
		if got, err = w.Tenants(w.ctx, w.operator("", AdminTenant)); err != nil || cmp.Diff([]ward.Tenant{north, south}, got) != "" {
			t.Errorf("%v %v", got, err)
		}
		w.human("south", "sam", ward.Clinician)
		wantKind(t, w.DisablePrincipal(w.ctx, admin(AdminPrincipal), "sam"), ward.NotFound)
		_, _, err = w.IssueToken(w.ctx, w.operator("north", TokenIssue), "sam", "")
		wantKind(t, err, ward.NotFound)
		_, err = w.NewOneTime(w.ctx, admin(AdminPrincipal), "sam")
		wantKind(t, err, ward.NotFound)
		_, err = w.AddPrincipal(w.ctx, admin(AdminPrincipal), ward.Principal{ID: "eve", Tenant: south, Kind: ward.Human, Name: "Eve", Roles: []ward.Role{ward.Admin}})
		wantKind(t, err, ward.Denied)
		list, err := w.Principals(w.ctx, admin(AdminPrincipal), "", 0)
		if err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
		ns, err := w.TenantNumbers(w.ctx)
		must(t, err)
		if diff := cmp.Diff([]db.Tenant{1, 2}, ns); diff != "" {
			t.Error(diff)
		}
		byID, err := w.TenantByID(w.ctx, "south")
		must(t, err)
		if byID != south {
			t.Errorf("%+v", byID)
		}
		_, err = w.TenantByID(w.ctx, "west")
		wantKind(t, err, ward.NotFound)
	})
}

func TestTenantNames(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		_, err := w.AddTenant(w.ctx, w.operator("", AdminTenant), "north", "Again")
		wantKind(t, err, ward.Conflict)
		for _, id := range []ward.TenantID{"", "North", "1north", "nor th", ward.TenantID(strings.Repeat("n", 41))} {
			_, err := w.AddTenant(w.ctx, w.operator("", AdminTenant), id, "Name")
			wantKind(t, err, ward.Invalid)
		}
		for _, name := range []string{"", " ", "a\nb", strings.Repeat("n", 201), "\xff"} {
			_, err := w.AddTenant(w.ctx, w.operator("", AdminTenant), "south", name)
			wantKind(t, err, ward.Invalid)
		}
		if n := len(w.entries(audit.ActTenantAdd, audit.Done)); n != 1 {
			t.Errorf("%d entries of one tenant", n)
		}
		wantKind(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "south"), ward.NotFound)
		must(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "north"))
		must(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "north"))
		all, err := w.Tenants(w.ctx, w.operator("", AdminTenant))
		if err != nil || len(all) != 1 || !all[0].Disabled {
			t.Errorf("%v %v", all, err)
		}
	})
}

func TestPrincipalRules(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	good := ward.Principal{ID: "nora", Kind: ward.Human, Name: "Nora", Roles: []ward.Role{ward.Clinician}}
	for name, change := range map[string]func(*ward.Principal){
		"no id":              func(p *ward.Principal) { p.ID = "" },
		"operator's id":      func(p *ward.Principal) { p.ID = "operator:0" },
		"slash":              func(p *ward.Principal) { p.ID = "ward/queue" },
		"long id":            func(p *ward.Principal) { p.ID = ward.PrincipalID(strings.Repeat("n", 65)) },
		"operator":           func(p *ward.Principal) { p.Kind = ward.Operator },
		"no kind":            func(p *ward.Principal) { p.Kind = "" },
		"no name":            func(p *ward.Principal) { p.Name = "" },
		"no role":            func(p *ward.Principal) { p.Roles = nil },
		"unknown role":       func(p *ward.Principal) { p.Roles = []ward.Role{"nurse"} },
		"role with a comma":  func(p *ward.Principal) { p.Roles = []ward.Role{"clinician,admin"} },
		"role twice":         func(p *ward.Principal) { p.Roles = []ward.Role{ward.Admin, ward.Admin} },
		"human feed":         func(p *ward.Principal) { p.Roles = []ward.Role{ward.Integration} },
		"engine's id":        func(p *ward.Principal) { p.ID = engineID },
		"engine's id, large": func(p *ward.Principal) { p.ID, p.Kind = "Ward-Engine", ward.Service },
		"engine":             func(p *ward.Principal) { p.Kind, p.Roles = ward.Service, []ward.Role{ward.Engine} },
		"engine and feed":    func(p *ward.Principal) { p.Kind, p.Roles = ward.Service, []ward.Role{ward.Integration, ward.Engine} },
		"human engine":       func(p *ward.Principal) { p.Roles = []ward.Role{ward.Engine} },
		"service steward":    func(p *ward.Principal) { p.Kind, p.Roles = ward.Service, []ward.Role{ward.Steward} },
		"service admin":      func(p *ward.Principal) { p.Kind, p.Roles = ward.Service, []ward.Role{ward.Admin} },
		"patient of nobody":  func(p *ward.Principal) { p.Roles = []ward.Role{ward.PatientRole} },
		"patient and more":   func(p *ward.Principal) { p.Roles, p.Patient = []ward.Role{ward.PatientRole, ward.Clinician}, "p" },
		"patient, bad id":    func(p *ward.Principal) { p.Roles, p.Patient = []ward.Role{ward.PatientRole}, "p/1" },
		"clinician of a pat": func(p *ward.Principal) { p.Patient = "p" },
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			change(&p)
			_, err := w.AddPrincipal(w.ctx, w.operator("north", AdminPrincipal), p)
			wantKind(t, err, ward.Invalid)
		})
	}
	code, err := w.AddPrincipal(w.ctx, w.operator("north", AdminPrincipal), good)
	must(t, err)
	if code.Reveal() == "" {
		t.Error("a human got no code")
	}
	_, err = w.AddPrincipal(w.ctx, w.operator("north", AdminPrincipal), good)
	wantKind(t, err, ward.Conflict)
	must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "nora"))
	_, err = w.AddPrincipal(w.ctx, w.operator("north", AdminPrincipal), good)
	wantKind(t, err, ward.Conflict)
	_, _, err = w.IssueToken(w.ctx, w.operator("north", TokenIssue), "nora", "")
	wantKind(t, err, ward.Denied)
	_, err = w.NewOneTime(w.ctx, w.operator("north", AdminPrincipal), "nora")
	wantKind(t, err, ward.Denied)
}

func TestPagesOfPrincipalsAndClients(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		for _, id := range []ward.PrincipalID{"b", "a", "C"} {
			w.human("north", id, ward.Clinician, ward.Auditor)
		}
		w.feed("north", "feed")
		w.feed("north", "x")
		must(t, w.DisableClient(w.ctx, w.operator("north", AdminClient), "x-client"))
		var ids []string
		var after ward.PrincipalID
		for {
			page, err := w.Principals(w.ctx, w.operator("north", AdminPrincipal), after, 2)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, p := range page {
				ids = append(ids, string(p.ID))
				after = p.ID
			}
		}
		if diff := cmp.Diff([]string{"C", "a", "b", "feed", "x"}, ids); diff != "" {
			t.Error(diff)
		}
		clients, err := w.Clients(w.ctx, w.operator("north", AdminClient), "", 0)
		must(t, err)
		if len(clients) != 2 || clients[0].ID != "feed-client" || clients[0].Disabled || !clients[1].Disabled || clients[0].Purpose != ward.Treatment || clients[0].Principal != "feed" {
			t.Errorf("%+v", clients)
		}
		reads := len(w.entries(audit.ActAdminRead, audit.Done))
		if reads != 5 {
			t.Errorf("%d entries of 5 lists", reads)
		}
	})
}

func TestClientRules(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.tenant("south")
		w.human("north", "nora", ward.Clinician)
		w.feed("north", "feed")
		w.feed("south", "south")
		jwks := jwksOf(t, jose.JSONWebKey{Key: testKeys().ec.Public(), KeyID: "k"})
		for name, c := range map[string]struct {
			c    Client
			kind ward.ErrorKind
		}{
			"human":             {Client{ID: "c", Principal: "nora", JWKS: jwks}, ward.Invalid},
			"nobody":            {Client{ID: "c", Principal: "nobody", JWKS: jwks}, ward.NotFound},
			"of another tenant": {Client{ID: "c", Principal: "south", JWKS: jwks}, ward.NotFound},
			"taken":             {Client{ID: "feed-client", Principal: "feed", JWKS: jwks}, ward.Conflict},
			"taken elsewhere":   {Client{ID: "south-client", Principal: "feed", JWKS: jwks}, ward.Conflict},
			"reserved":          {Client{ID: "ward-link", Principal: "feed", JWKS: jwks}, ward.Invalid},
			"no id":             {Client{Principal: "feed", JWKS: jwks}, ward.Invalid},
			"no keys":           {Client{ID: "c", Principal: "feed"}, ward.Invalid},
			"strange purpose":   {Client{ID: "c", Principal: "feed", JWKS: jwks, Purpose: "FUN"}, ward.Invalid},
		} {
			t.Run(name, func(t *testing.T) {
				wantKind(t, w.AddClient(w.ctx, w.operator("north", AdminClient), c.c), c.kind)
			})
		}
		wantKind(t, w.DisableClient(w.ctx, w.operator("north", AdminClient), "south-client"), ward.NotFound)
	})
}

// A client's tokens end with it, the principal's other tokens do not.
func TestDisableClientEndsItsTokens(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.feed("north", "feed")
		_, body := w.post(w.assertion(t))
		token, other := body["access_token"].(string), w.token("north", "feed", "")
		_, _, err := w.Authenticate(w.ctx, token)
		must(t, err)
		must(t, w.DisableClient(w.ctx, w.operator("north", AdminClient), "feed-client"))
		_, _, err = w.Authenticate(w.ctx, token)
		wantKind(t, err, ward.Unauthentic)
		_, _, err = w.Authenticate(w.ctx, other)
		must(t, err)
	})
}

func TestIssuers(t *testing.T) {
	w := onSQLite(t)
	for _, bad := range []string{"", "ward.test", "ftp://ward.test", "https://ward.test/path", "https://ward.test?x=1", "https://a:b@ward.test", "https://", "https://ward.test#f"} {
		if _, err := New(w.ctx, Config{Issuer: bad}, w.db, w.ring, w.log); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	a, err := New(w.ctx, Config{Issuer: "http://127.0.0.1:8080/"}, w.db, w.ring, w.log)
	must(t, err)
	if a.Issuer() != "http://127.0.0.1:8080" || a.Link(OneTime{"x"}) != "http://127.0.0.1:8080/console/signin#x" {
		t.Error(a.Issuer(), a.Link(OneTime{"x"}))
	}
}
