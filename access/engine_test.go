package access

import (
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

func TestEngine(t *testing.T) {
	each(t, func(w *world) {
		north := w.tenant("north")
		e, err := w.EngineOf(w.ctx, db.Tenant(north.Number))
		must(t, err)
		if e.ID != "ward-engine" || e.Kind != ward.Service || e.Tenant != north || len(e.Roles) != 1 || e.Roles[0] != ward.Engine {
			t.Errorf("%+v", e)
		}
		may := map[Action][]string{Read: {"Patient", "Observation", "Encounter", "Condition"}, Search: {"Patient", "Observation", "Encounter", "Condition"},
			Create: {"RiskAssessment"}, Update: {"RiskAssessment"}, Predict: {"", "Patient", "RiskAssessment", "DiagnosticReport"}}
		for _, action := range Actions() {
			for _, rtype := range []string{"", "Patient", "Observation", "Encounter", "Condition", "DiagnosticReport", "RiskAssessment"} {
				p, err := w.Decide(w.ctx, Request{Principal: e, Action: action, Type: rtype, Purpose: ward.Treatment})
				want := action == Predict
				for _, t := range may[action] {
					want = want || t == rtype || rtype == ""
				}
				if (err == nil) != want {
					t.Errorf("%s %q: %v", action, rtype, err)
				}
				if err == nil && (p.Allows(action, "") != nil || p.Principal().ID != engineID || p.TenantID() != "north") {
					t.Errorf("%s %q: the permit is for something else", action, rtype)
				}
			}
		}
		_, _, err = w.IssueToken(w.ctx, w.operator("north", TokenIssue), e.ID, "")
		wantKind(t, err, ward.NotFound)
		wantKind(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), e.ID), ward.NotFound)
		_, err = w.EngineOf(w.ctx, 77)
		wantKind(t, err, ward.NotFound)
		_, err = w.EngineOf(w.ctx, db.System)
		wantKind(t, err, ward.NotFound)
		must(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "north"))
		_, err = w.EngineOf(w.ctx, db.Tenant(north.Number))
		wantKind(t, err, ward.Denied)
	})
}

// Nobody becomes the engine, and the engine becomes nobody else: not in memory, not by a row that somebody planted.
func TestNobodyElseIsTheEngine(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	good, err := w.EngineOf(w.ctx, db.Tenant(north.Number))
	must(t, err)
	for name, change := range map[string]func(*ward.Principal){
		"another id":      func(p *ward.Principal) { p.ID = "feed" },
		"no id":           func(p *ward.Principal) { p.ID = "" },
		"large letters":   func(p *ward.Principal) { p.ID = "WARD-ENGINE" },
		"human":           func(p *ward.Principal) { p.Kind = ward.Human },
		"operator":        func(p *ward.Principal) { p.Kind = ward.Operator },
		"more roles":      func(p *ward.Principal) { p.Roles = []ward.Role{ward.Engine, ward.Clinician} },
		"twice":           func(p *ward.Principal) { p.Roles = []ward.Role{ward.Engine, ward.Engine} },
		"another role":    func(p *ward.Principal) { p.Roles = []ward.Role{ward.Clinician} },
		"no role":         func(p *ward.Principal) { p.Roles = nil },
		"a patient":       func(p *ward.Principal) { p.Patient = "p1" },
		"disabled tenant": func(p *ward.Principal) { p.Tenant.Disabled = true },
		"no tenant":       func(p *ward.Principal) { p.Tenant = ward.Tenant{} },
	} {
		p := good
		change(&p)
		for _, action := range []Action{Read, Predict} {
			if _, err := w.Decide(w.ctx, Request{Principal: p, Action: action, Type: "Patient", Purpose: ward.Treatment}); ward.KindOf(err) != ward.Denied {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := len(w.entries(audit.ActPredict, audit.Denied)); n != 12 {
		t.Errorf("%d denials of predictions", n)
	}
	must(t, w.db.Write(w.ctx, db.Tenant(north.Number), func(tx *db.Tx) error {
		return tx.Insert(w.ctx, "access_principal", []string{"tn", "id", "kind", "name", "roles", "patient", "state", "epoch", "made_us"},
			[][]any{{north.Number, string(engineID), "service", "x", "engine", "", int64(active), int64(1), int64(1)}})
	}))
	_, _, err = w.IssueToken(w.ctx, w.operator("north", TokenIssue), engineID, "TREAT")
	wantKind(t, err, ward.NotFound)
	wantKind(t, w.AddChannel(w.ctx, w.operator("north", AdminChannel), Channel{ID: "c", Principal: engineID, Listen: "127.0.0.1:1"}), ward.NotFound)
}
