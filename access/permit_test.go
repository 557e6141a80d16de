package access

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
)

func TestZeroPermitAllowsNothing(t *testing.T) {
	var p Permit
	for _, a := range append(Actions(), "") {
		for _, rtype := range []string{"", "Patient"} {
			if err := p.Allows(a, rtype); ward.KindOf(err) != ward.Denied {
				t.Errorf("Allows(%q, %q) = %v", a, rtype, err)
			}
		}
	}
	if p.Filter().Match(Attributes{}) || p.Filter().Match(Attributes{Type: "Patient", Patient: "p"}) {
		t.Error("the zero permit's filter matches")
	}
	if p.Tenant() != 0 || p.TenantID() != "" || p.Purpose() != "" || !p.Request().IsZero() || p.Policy() != [32]byte{} || p.Principal().ID != "" {
		t.Error("the zero permit says something")
	}
	if in := p.Intent(audit.ActRead); in.Actor != "" || in.Tenant != 0 {
		t.Error("the zero permit's intent says something")
	}
}

func testPermit() Permit {
	return newPermit(Request{
		Principal: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: ward.Tenant{ID: "north", Number: 7}, Roles: []ward.Role{ward.Clinician}},
		Action:    Read, Type: "Observation", Purpose: ward.Treatment, ID: ward.ID{1},
	}, Filter{Node: And{TypeIn{"Observation"}, ConfAtMost(4)}}, [32]byte{9}, time.Now())
}

func TestPermitAllowsOnlyItsOwn(t *testing.T) {
	p := testPermit()
	for _, a := range Actions() {
		for _, rtype := range []string{"", "Observation", "Patient"} {
			want := a == Read && rtype != "Patient"
			if got := p.Allows(a, rtype) == nil; got != want {
				t.Errorf("Allows(%q, %q) = %v, want %v", a, rtype, got, want)
			}
		}
	}
}

func TestPermitOfNoTypeAllowsNoType(t *testing.T) {
	r := Request{Principal: ward.Principal{ID: "nora", Kind: ward.Human, Tenant: ward.Tenant{Number: 7}}, Action: Search, Purpose: ward.Treatment}
	p := newPermit(r, Filter{Node: All{}}, [32]byte{}, time.Now())
	if p.Allows(Search, "") != nil || p.Allows(Search, "Patient") == nil {
		t.Error("a permit that was decided without a type serves for one")
	}
}

func TestPermitExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testPermit()
		time.Sleep(permitLife - time.Nanosecond) //nolint:forbidigo // the bubble's clock, not the machine's
		if err := p.Allows(Read, "Observation"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Nanosecond) //nolint:forbidigo // as above
		if ward.KindOf(p.Allows(Read, "Observation")) != ward.Denied {
			t.Fatal("the permit outlives two minutes")
		}
	})
}

// Nobody widens a permit through what it gives out or was made from.
func TestPermitSharesNothing(t *testing.T) {
	roles := []ward.Role{ward.PatientRole}
	p := newPermit(Request{Principal: ward.Principal{ID: "pat", Roles: roles}}, Filter{Node: And{TypeIn{"Patient"}, Shared{}}}, [32]byte{}, time.Now())
	roles[0] = ward.Admin
	p.Principal().Roles[0] = ward.Admin
	f := p.Filter()
	f.Node.(And)[1] = All{}
	f.Node.(And)[0].(TypeIn)[0] = "Observation"
	if !p.Principal().Has(ward.PatientRole) || p.Principal().Has(ward.Admin) {
		t.Error("the roles changed")
	}
	if diff := cmp.Diff(Filter{Node: And{TypeIn{"Patient"}, Shared{}}}, p.Filter()); diff != "" {
		t.Error("the filter changed: ", diff)
	}
}

func TestPermitIntent(t *testing.T) {
	p := testPermit()
	want := audit.Intent{Tenant: 7, Actor: "nora", Act: audit.ActVRead, Purpose: ward.Treatment, Outcome: audit.Done, Request: ward.ID{1}, Policy: [32]byte{9}}
	if diff := cmp.Diff(want, p.Intent(audit.ActVRead)); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	code := newOneTime()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{code, &code, struct{ C OneTime }{code}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, code.Reveal()) || strings.Contains(got, fmt.Sprintf("%x", code.Reveal())) {
				t.Errorf("%s of %T prints the code", verb, v)
			}
		}
		if got := fmt.Sprintf(verb, testPermit()); strings.Contains(got, "nora") {
			t.Errorf("%s of a permit prints its principal", verb)
		}
	}
	if _, err := code.MarshalJSON(); err == nil {
		t.Error("a code is marshalled")
	}
	if len(code.Reveal()) != 26 || code == newOneTime() {
		t.Error("a code is not 26 fresh characters")
	}
}
