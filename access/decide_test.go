package access

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access/policy"
	"github.com/ward-health/ward/audit"
)

// TestDecideAgreesWithCedar draws principals as they are stored, actions and records, and compares Decide's permit with
// Cedar's own answer for each record.
func TestDecideAgreesWithCedar(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	set, err := policy.Default()
	must(t, err)
	r := rand.New(rand.NewPCG(11, 12))
	types := []string{"Patient", "Practitioner", "Organization", "Encounter", "Observation", "Condition", "Consent"}
	patients := []string{"", "p1", "p2"}
	labels := []string{"HIV", "SUD", "X"}
	permitted, denied := 0, 0
	for range 1_500 {
		kind := []ward.Kind{ward.Human, ward.Service, ward.Operator}[r.IntN(3)]
		req := Request{Principal: ward.Principal{ID: "x", Kind: kind, Tenant: north}, Action: Actions()[r.IntN(len(Actions()))], Purpose: ward.Purposes()[r.IntN(len(ward.Purposes()))]}
		if r.IntN(3) > 0 {
			req.Action, req.Purpose = Actions()[r.IntN(8)], []ward.Purpose{ward.Treatment, ward.PatientRequest}[r.IntN(2)]
		}
		for range 1 + r.IntN(2) {
			req.Principal.Roles = append(req.Principal.Roles, ward.Roles()[r.IntN(len(ward.Roles()))])
		}
		if req.Principal.Has(ward.PatientRole) {
			req.Principal.Patient = patients[1+r.IntN(2)]
		}
		if r.IntN(2) == 0 {
			req.Type = types[r.IntN(len(types))]
		}
		q := policy.Query{Kind: string(kind), Patient: req.Principal.Patient, Action: string(req.Action), Type: req.Type, Purpose: string(req.Purpose)}
		for _, role := range req.Principal.Roles {
			q.Roles = append(q.Roles, string(role))
		}
		permit, err := w.Decide(w.ctx, req)
		if err != nil {
			wantKind(t, err, ward.Denied)
			denied++
		}
		for range 70 {
			a := Attributes{Type: types[r.IntN(len(types))], Patient: patients[r.IntN(3)], Conf: r.IntN(6)}
			if r.IntN(3) == 0 {
				a.Labels = labels[r.IntN(3):]
			}
			if req.Type != "" {
				a.Type = req.Type
			}
			want, err := set.Authorize(q, a)
			must(t, err)
			got := permit.Filter().Match(a)
			if got != want {
				t.Fatalf("%+v on %+v: permit %v, Cedar %v", req, a, got, want)
			}
			if got && permit.Allows(req.Action, req.Type) != nil {
				t.Fatal("a matching permit does not allow its own action")
			}
			if got {
				permitted++
			}
		}
	}
	t.Logf("105000 decisions, %d permitted; %d of 1500 requests denied outright", permitted, denied)
	if permitted < 5_000 || denied < 100 {
		t.Fatalf("the draw is one-sided: %d permitted, %d denied", permitted, denied)
	}
	if n := len(w.entries(audit.ActRead, audit.Denied)); n == 0 {
		t.Fatal("no denial of a read has its entry")
	}
}

func TestDecideRefusesUnsoundRequests(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	good := Request{Principal: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: north, Roles: []ward.Role{ward.Clinician}}, Action: Read, Type: "Patient", Purpose: ward.Treatment, ID: ward.NewID()}
	if _, err := w.Decide(w.ctx, good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Request){
		"no id":           func(r *Request) { r.Principal.ID = "" },
		"no kind":         func(r *Request) { r.Principal.Kind = "" },
		"strange kind":    func(r *Request) { r.Principal.Kind = "robot" },
		"no tenant":       func(r *Request) { r.Principal.Tenant = ward.Tenant{} },
		"disabled tenant": func(r *Request) { r.Principal.Tenant.Disabled = true },
		"negative tenant": func(r *Request) { r.Principal.Tenant.Number = -1 },
		"no role":         func(r *Request) { r.Principal.Roles = nil },
		"strange role":    func(r *Request) { r.Principal.Roles = append(r.Principal.Roles, "root,clinician") },
		"no purpose":      func(r *Request) { r.Purpose = "" },
		"strange purpose": func(r *Request) { r.Purpose = "FUN" },
		"other purpose":   func(r *Request) { r.Purpose = ward.Marketing },
		"no action":       func(r *Request) { r.Action = "" },
		"strange action":  func(r *Request) { r.Action = "everything" },
		"strange type":    func(r *Request) { r.Type = "Patient/1" },
		"long type":       func(r *Request) { r.Type = string(make([]byte, 4096)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			r.Principal.Roles = []ward.Role{ward.Clinician}
			change(&r)
			p, err := w.Decide(w.ctx, r)
			wantKind(t, err, ward.Denied)
			if p.Allows(r.Action, r.Type) == nil || p.Filter().Match(Attributes{Type: "Patient"}) {
				t.Fatal("a denial comes with a permit")
			}
		})
	}
}

func TestPermitIsOfItsTypeOnly(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	p, err := w.Decide(w.ctx, Request{Principal: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: north, Roles: []ward.Role{ward.Clinician}}, Action: Search, Type: "Observation", Purpose: ward.Treatment})
	must(t, err)
	if !p.Filter().Match(Attributes{Type: "Observation", Conf: 3}) || p.Filter().Match(Attributes{Type: "Patient", Conf: 3}) {
		t.Fatalf("filter %#v", p.Filter())
	}
	if p.Policy() != w.Policy() || p.Policy() == [32]byte{} {
		t.Fatal("the permit does not name the policy set")
	}
}

// Plans are shared between callers; none may change another's.
func TestPlansAreNotShared(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	req := Request{Principal: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: north, Roles: []ward.Role{ward.Registrar}}, Action: Search, Purpose: ward.Treatment}
	first, err := w.Decide(w.ctx, req)
	must(t, err)
	if and, ok := first.Filter().Node.(And); ok {
		and[0] = All{}
		and[1] = All{}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, err := w.Decide(w.ctx, req)
			if err != nil || p.Filter().Match(Attributes{Type: "Observation", Conf: 1}) || !p.Filter().Match(Attributes{Type: "Patient", Conf: 1}) {
				t.Error("the plan changed", err)
			}
		})
	}
	wg.Wait()
}

func TestPlansAreBounded(t *testing.T) {
	var p plans
	for i := range maxPlans * 2 {
		if _, err := p.get(planKey{patient: string(rune(i + 0x4e00))}, func() (Filter, error) { return Filter{Node: All{}}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.m) > maxPlans {
		t.Fatalf("%d plans are kept", len(p.m))
	}
}
