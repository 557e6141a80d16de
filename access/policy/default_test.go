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
		"report":       {Type: "DiagnosticReport", Patient: "p1", Conf: 3},
		"hiv result":   {Type: "Observation", Patient: "p1", Conf: 4, Labels: []string{"HIV"}},
		"encounter":    {Type: "Encounter", Patient: "p1", Conf: 3},
		"condition":    {Type: "Condition", Patient: "p1", Conf: 3},
		"assessment":   {Type: "RiskAssessment", Patient: "p1", Conf: 3},
		"very much so": {Type: "RiskAssessment", Patient: "p1", Conf: 5},
	}
	care := []string{"patient", "observation", "restricted", "hiv patient", "other", "practitioner", "list", "report", "hiv result",
		"encounter", "condition", "assessment"}
	all := append([]string{"very", "very much so"}, care...)
	desk := []string{"patient", "practitioner", "encounter"}
	own := []string{"patient", "observation", "restricted", "hiv patient", "practitioner", "report", "hiv result", "encounter", "condition", "assessment"}
	results := []string{"observation", "restricted", "other", "report"} // what a feed supersedes: no sensitive label
	judged := append([]string{"hiv result"}, results...)
	aside := append([]string{"patient", "hiv patient", "encounter"}, judged...)
	asked := []string{"patient", "hiv patient", "encounter", "condition", "observation", "restricted", "other", "hiv result"}
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
				out[a] = append(slices.Clone(out[a]), recs...)
			}
		}
		return out
	}
	keep := give(all, "admin.tenant", "admin.principal", "admin.client", "admin.channel", "model.push", "model.read", "model.trust")
	admin := join(keep, give(all, "console"))
	clinician := join(give(care, "read", "search", "create", "update", "delete", "transaction", "predict", "decision.read", "decision.replay", "feedback"),
		give(all, "console", "model.read"))
	steward := join(give(all, "message.read", "message.open", "message.replay", "hold.read", "hold.release", "hold.reject", "console"),
		give(aside, "read", "search"), give(judged, "create", "update"))
	engine := join(give(asked, "read", "search"), give(care, "predict"), give([]string{"assessment"}, "create", "update"))
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
			join(give(all, "create", "update", "delete", "transaction", "receive"), give(desk, "read", "search"), give(append([]string{"condition"}, results...), "read"))},
		"integration, human":     {Query{Kind: "human", Roles: []string{"integration"}, Purpose: "TREAT"}, nil},
		"integration, payment":   {Query{Kind: "service", Roles: []string{"integration"}, Purpose: "HPAYMT"}, nil},
		"patient":                {Query{Kind: "human", Roles: []string{"patient"}, Patient: "p1", Purpose: "PATRQT"}, give(own, "read", "search")},
		"patient, treatment":     {Query{Kind: "human", Roles: []string{"patient"}, Patient: "p1", Purpose: "TREAT"}, nil},
		"patient without id":     {Query{Kind: "human", Roles: []string{"patient"}, Purpose: "PATRQT"}, nil},
		"patient as a service":   {Query{Kind: "service", Roles: []string{"patient"}, Patient: "p1", Purpose: "PATRQT"}, nil},
		"privacy":                {Query{Kind: "human", Roles: []string{"privacy"}, Purpose: "HOPERAT"}, give(all, "shred", "log.read", "console")},
		"privacy, for a patient": {Query{Kind: "human", Roles: []string{"privacy"}, Purpose: "PATRQT"}, give(all, "shred", "log.read")},
		"privacy, treatment":     {Query{Kind: "human", Roles: []string{"privacy"}, Purpose: "TREAT"}, nil},
		"auditor": {Query{Kind: "human", Roles: []string{"auditor"}, Purpose: "HOPERAT"},
			give(all, "log.read", "log.export", "store.check", "message.read", "model.read", "console")},
		"auditor, treatment":    {Query{Kind: "human", Roles: []string{"auditor"}, Purpose: "TREAT"}, nil},
		"admin":                 {Query{Kind: "human", Roles: []string{"admin"}, Purpose: "HOPERAT"}, admin},
		"admin, treatment":      {Query{Kind: "human", Roles: []string{"admin"}, Purpose: "TREAT"}, nil},
		"all duties, treatment": {Query{Kind: "human", Roles: []string{"admin", "auditor", "privacy"}, Purpose: "TREAT"}, nil},
		"operator": {Query{Kind: "operator", Purpose: "HSYSADMIN"},
			join(keep, give(all, "token.issue", "shred", "store.check", "log.read", "log.export", "decision.read", "decision.replay",
				"message.read", "message.replay"))},
		"operator with a role": {Query{Kind: "operator", Roles: []string{"clinician"}, Purpose: "TREAT"}, give(care, "decision.read", "decision.replay")},
		"operator and steward": {Query{Kind: "operator", Roles: []string{"steward"}, Purpose: "TREAT"}, nil},
		"operator and engine":  {Query{Kind: "operator", Roles: []string{"engine"}, Purpose: "TREAT"}, nil},
		"steward":              {Query{Kind: "human", Roles: []string{"steward"}, Purpose: "HOPERAT"}, steward},
		"steward, treatment":   {Query{Kind: "human", Roles: []string{"steward"}, Purpose: "TREAT"}, steward},
		"steward, emergency":   {Query{Kind: "human", Roles: []string{"steward"}, Purpose: "ETREAT"}, nil},
		"steward, research":    {Query{Kind: "human", Roles: []string{"steward"}, Purpose: "HRESCH"}, nil},
		"steward as a service": {Query{Kind: "service", Roles: []string{"steward"}, Purpose: "HOPERAT"}, nil},
		"steward and auditor": {Query{Kind: "human", Roles: []string{"steward", "auditor"}, Purpose: "HOPERAT"},
			join(steward, give(all, "log.read", "log.export", "store.check", "model.read"))},
		"engine":             {Query{Kind: "service", Roles: []string{"engine"}, Purpose: "TREAT"}, engine},
		"engine, operations": {Query{Kind: "service", Roles: []string{"engine"}, Purpose: "HOPERAT"}, engine},
		"engine, marketing":  {Query{Kind: "service", Roles: []string{"engine"}, Purpose: "HMARKT"}, nil},
		"engine, unstated":   {Query{Kind: "service", Roles: []string{"engine"}}, nil},
		"engine, human":      {Query{Kind: "human", Roles: []string{"engine"}, Purpose: "TREAT"}, nil},
		"nobody":             {Query{Kind: "human", Purpose: "TREAT"}, nil},
		"unknown role":       {Query{Kind: "human", Roles: []string{"nurse"}, Purpose: "TREAT"}, nil},
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
		{Kind: "service", Roles: []string{"integration"}, Action: "read", Type: "MedicationRequest", Purpose: "TREAT"},
		{Kind: "service", Roles: []string{"integration"}, Action: "hold.release", Purpose: "TREAT"},
		{Kind: "service", Roles: []string{"engine"}, Action: "search", Type: "DiagnosticReport", Purpose: "TREAT"},
		{Kind: "service", Roles: []string{"engine"}, Action: "create", Type: "Observation", Purpose: "TREAT"},
		{Kind: "service", Roles: []string{"engine"}, Action: "delete", Type: "RiskAssessment", Purpose: "TREAT"},
		{Kind: "human", Roles: []string{"steward"}, Action: "create", Type: "Patient", Purpose: "HOPERAT"},
		{Kind: "human", Roles: []string{"steward"}, Action: "decision.read", Purpose: "HOPERAT"},
		{Kind: "human", Roles: []string{"admin"}, Action: "message.open", Purpose: "HOPERAT"},
		{Kind: "human", Roles: []string{"auditor"}, Action: "message.open", Purpose: "HOPERAT"},
		{Kind: "human", Roles: []string{"registrar"}, Action: "console", Purpose: "TREAT"},
		{Kind: "operator", Action: "hold.read", Purpose: "HSYSADMIN"},
		{Kind: "operator", Action: "message.open", Purpose: "HSYSADMIN"},
	} {
		if f, err := s.Compile(q); err != nil || f.Node != (None{}) {
			t.Errorf("%+v: %#v, %v", q, f, err)
		}
	}
}
