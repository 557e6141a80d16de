package policy

import (
	"slices"
	"testing"
)

// TestDefaultPolicies states, for each kind of principal, everything that is allowed; every other combination of action
// and record below must be denied.
func TestDefaultPolicies(t *testing.T) {
	s, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]Attributes{
		"patient":      {Type: "Patient", Patient: "p1", Conf: 3},
		"observation":  {Type: "Observation", Patient: "p1", Conf: 3},
		"restricted":   {Type: "Observation", Patient: "p1", Conf: 4},
		"very":         {Type: "Observation", Patient: "p1", Conf: 5},
		"hiv patient":  {Type: "Patient", Patient: "p1", Conf: 3, Labels: []string{"HIV"}},
		"other":        {Type: "Observation", Patient: "p2", Conf: 3},
		"practitioner": {Type: "Practitioner", Conf: 3},
		"list":         {Type: "List", Conf: 3}, // shared, of a type without a compartment rule
	}
	all := []string{"patient", "observation", "restricted", "very", "hiv patient", "other", "practitioner", "list"}
	care := []string{"patient", "observation", "restricted", "hiv patient", "other", "practitioner", "list"}
	desk := []string{"patient", "practitioner"}
	own := []string{"patient", "observation", "restricted", "hiv patient", "practitioner"}
	type rights map[string][]string
	give := func(records []string, actions ...string) rights {
		out := rights{}
		for _, a := range actions {
			out[a] = records
		}
		return out
	}
	join := func(rs ...rights) rights {
		out := rights{}
		for _, r := range rs {
			for a, recs := range r {
				out[a] = recs
			}
		}
		return out
	}
	admin := give(all, "admin.tenant", "admin.principal", "admin.client", "model.push")
	clinician := give(care, "read", "search", "create", "update", "delete", "transaction", "predict", "decision.read", "decision.replay")
	tests := map[string]struct {
		q    Query
		want rights
	}{
		"clinician":             {Query{Kind: "human", Roles: []string{"clinician"}, Purpose: "TREAT"}, clinician},
		"clinician, emergency":  {Query{Kind: "human", Roles: []string{"clinician"}, Purpose: "ETREAT"}, clinician},
		"clinician, operations": {Query{Kind: "human", Roles: []string{"clinician"}, Purpose: "HOPERAT"}, clinician},
		"clinician, research":   {Query{Kind: "human", Roles: []string{"clinician"}, Purpose: "HRESCH"}, nil},
		"clinician, marketing":  {Query{Kind: "human", Roles: []string{"clinician"}, Purpose: "HMARKT"}, nil},
		"clinician, unstated":   {Query{Kind: "human", Roles: []string{"clinician"}}, nil},
		"registrar": {Query{Kind: "human", Roles: []string{"registrar"}, Purpose: "HPAYMT"},
			join(give(desk, "read", "search", "create", "update"), give(append([]string{"hiv patient"}, desk...), "transaction"))},
		"registrar and clinician": {Query{Kind: "human", Roles: []string{"registrar", "clinician"}, Purpose: "TREAT"}, clinician},
		"integration": {Query{Kind: "service", Roles: []string{"integration"}, Purpose: "TREAT"},
			join(give(all, "create", "update", "delete", "transaction", "receive"), give(desk, "read", "search"))},
		"integration, human":    {Query{Kind: "human", Roles: []string{"integration"}, Purpose: "TREAT"}, nil},
		"integration, payment":  {Query{Kind: "service", Roles: []string{"integration"}, Purpose: "HPAYMT"}, nil},
		"patient":               {Query{Kind: "human", Roles: []string{"patient"}, Patient: "p1", Purpose: "PATRQT"}, give(own, "read", "search")},
		"patient, treatment":    {Query{Kind: "human", Roles: []string{"patient"}, Patient: "p1", Purpose: "TREAT"}, nil},
		"patient without id":    {Query{Kind: "human", Roles: []string{"patient"}, Purpose: "PATRQT"}, nil},
		"patient as a service":  {Query{Kind: "service", Roles: []string{"patient"}, Patient: "p1", Purpose: "PATRQT"}, nil},
		"privacy":               {Query{Kind: "human", Roles: []string{"privacy"}, Purpose: "HOPERAT"}, give(all, "shred", "log.read")},
		"privacy, treatment":    {Query{Kind: "human", Roles: []string{"privacy"}, Purpose: "TREAT"}, nil},
		"auditor":               {Query{Kind: "human", Roles: []string{"auditor"}, Purpose: "HOPERAT"}, give(all, "log.read", "log.export", "store.check")},
		"admin":                 {Query{Kind: "human", Roles: []string{"admin"}, Purpose: "HOPERAT"}, admin},
		"admin, treatment":      {Query{Kind: "human", Roles: []string{"admin"}, Purpose: "TREAT"}, nil},
		"all duties, treatment": {Query{Kind: "human", Roles: []string{"admin", "auditor", "privacy"}, Purpose: "TREAT"}, nil},
		"operator": {Query{Kind: "operator", Purpose: "HSYSADMIN"},
			join(admin, give(all, "token.issue", "shred", "store.check", "log.read", "log.export", "decision.read", "decision.replay"))},
		"operator with a role": {Query{Kind: "operator", Roles: []string{"clinician"}, Purpose: "TREAT"}, give(care, "decision.read", "decision.replay")},
		"nobody":               {Query{Kind: "human", Purpose: "TREAT"}, nil},
		"unknown role":         {Query{Kind: "human", Roles: []string{"nurse"}, Purpose: "TREAT"}, nil},
	}
	for name, test := range tests {
		for _, action := range allActions {
			for record, a := range records {
				want := slices.Contains(test.want[action], record)
				q := test.q
				q.Action = action
				for _, q.Type = range []string{"", a.Type} {
					f, err := s.Compile(q)
					if err != nil {
						t.Fatal(err)
					}
					if got := f.Match(a); got != want {
						t.Errorf("%s: %s of %s (type %q) is %v, want %v", name, action, record, q.Type, got, want)
					}
				}
			}
		}
	}
}

// What nobody may do is refused as such, so that Decide denies instead of handing out a permit that covers nothing.
func TestNothingPermittedIsNone(t *testing.T) {
	s, _ := Default()
	for _, q := range []Query{
		{Kind: "human", Roles: []string{"admin"}, Action: "read", Purpose: "TREAT"},
		{Kind: "human", Roles: []string{"registrar"}, Action: "read", Type: "Observation", Purpose: "TREAT"},
		{Kind: "human", Roles: []string{"clinician"}, Action: "read"},
		{Kind: "service", Roles: []string{"integration"}, Action: "search", Type: "Observation", Purpose: "TREAT"},
	} {
		if f, err := s.Compile(q); err != nil || f.Node != (None{}) {
			t.Errorf("%+v: %#v, %v", q, f, err)
		}
	}
}
