package cdshooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/predict/cdshooks"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const recent = "2026-11-10T07:15:00Z"

// site is a node with its CDS Hooks interface on a loopback port.
type site struct {
	*predicttest.Node
	t   *testing.T
	url string
}

func start(t *testing.T) *site {
	t.Helper()
	n := predicttest.Start(t, storetest.SQLite)
	h, err := n.Access.Guard(cdshooks.New(n.Predict).Routes(), cdshooks.Errors)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &site{n, t, s.URL}
}

// token signs a principal in.
func (s *site) token(role ward.Role) string {
	s.t.Helper()
	text, _, err := s.Access.IssueToken(context.Background(), s.Operator(s.Tenant.ID, access.TokenIssue), ward.PrincipalID(role), storetest.PurposeOf(role))
	s.Must(err)
	return text
}

type reply struct {
	Cards []struct {
		UUID, Summary, Detail, Indicator string
		Source                           struct{ Label, URL string }
		Links                            []struct{ Label, URL, Type string }
	}
	Message string
	status  int
	header  http.Header
	raw     string
}

func (s *site) post(token, service, body string) reply {
	s.t.Helper()
	r, err := http.NewRequest("POST", s.url+"/cds-services/"+service, strings.NewReader(body))
	s.Must(err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.do(r)
}

func (s *site) do(r *http.Request) reply {
	s.t.Helper()
	w, err := http.DefaultClient.Do(r)
	s.Must(err)
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	s.Must(err)
	out := reply{status: w.StatusCode, header: w.Header, raw: string(b)}
	if err := json.Unmarshal(b, &out); err != nil {
		s.t.Fatalf("status %d, %q: %v", out.status, b, err)
	}
	return out
}

// view asks for the card of a patient.
func (s *site) view(token, patient string) reply {
	return s.post(token, predicttest.Model, fmt.Sprintf(`{"hook":"patient-view","hookInstance":%q,"context":{"userId":"Practitioner/p1","patientId":%q}}`, ward.NewID(), patient))
}

func TestDiscovery(t *testing.T) {
	s := start(t)
	r, err := http.NewRequest("GET", s.url+"/cds-services", nil)
	s.Must(err)
	got := s.do(r)
	var list struct {
		Services []struct {
			Hook, ID, Title, Description string
			Prefetch                     map[string]string
		}
	}
	s.Must(json.Unmarshal([]byte(got.raw), &list))
	for _, one := range list.Services {
		if one.Prefetch["patient"] != "Patient/{{context.patientId}}" || !strings.HasPrefix(one.Prefetch["results"], "Observation?patient={{context.patientId}}&") {
			t.Errorf("%s: %q", one.ID, one.Prefetch)
		}
	}
	if want := "Observation?patient={{context.patientId}}&code=http://loinc.org|2160-0,http://loinc.org|14682-9"; list.Services[0].Prefetch["results"] != want {
		t.Errorf("%q", list.Services[0].Prefetch["results"])
	}
	if got.status != 200 || len(list.Services) != 2 || list.Services[1].ID != cdshooks.Models || list.Services[0].Hook != "patient-view" || list.Services[0].ID != predicttest.Model || list.Services[0].Description == "" {
		t.Errorf("%d %s", got.status, got.raw)
	}
}

func TestCard(t *testing.T) {
	s := start(t)
	token := s.token(ward.Clinician)
	for _, c := range []struct{ gender, birth, quantity, summary, indicator string }{
		{"male", "1976-03-01", predicttest.Quantity("1.0", "mg/dL"), "eGFR 92 mL/min/1.73 m² (G1, normal or high)", "info"},
		{"female", "1976-03-01", predicttest.Quantity("88.40168", "umol/L"), "eGFR 69 mL/min/1.73 m² (G2, mildly decreased)", "info"},
		{"female", "2006-03-01", predicttest.Quantity("0.7", "mg/dL"), "eGFR 127 mL/min/1.73 m² (G1, normal or high)", "info"},
		{"male", "1956-03-01", predicttest.Quantity("3.2", "mg/dL"), "eGFR 20 mL/min/1.73 m² (G4, severely decreased)", "warning"},
	} {
		id := s.Store.NewID()
		s.Person(id, c.gender, c.birth, "")
		s.Result("cr-"+id[:30], id, "2160-0", "final", recent, c.quantity)
		got := s.view(token, id)
		if got.status != 200 || len(got.Cards) != 1 {
			t.Fatalf("%d %s", got.status, got.raw)
		}
		card := got.Cards[0]
		if card.Summary != c.summary || card.Indicator != c.indicator || card.Source.Label == "" || !strings.HasPrefix(card.Source.URL, "https://") {
			t.Errorf("%+v: %+v", c, card)
		}
		for _, want := range []string{"2026-11-10", "Observation/cr-" + id[:30] + ", version 1", "ckd-epi-2021-creatinine", "0.9938^age", "KDIGO", "Limits", "acute kidney injury", "Inker", predicttest.Model + "@1.0.0", "No interval is claimed"} {
			if !strings.Contains(card.Detail, want) {
				t.Errorf("the detail does not say %q:\n%s", want, card.Detail)
			}
		}
		if strings.Contains(c.quantity, "umol") && !strings.Contains(card.Detail, "molecular formula C4H7N3O") {
			t.Errorf("the detail does not name the conversion:\n%s", card.Detail)
		}
		decision, err := ward.ParseID(card.UUID)
		s.Must(err)
		d, _, err := s.Store.Decision(context.Background(), s.Permit(ward.Clinician, access.DecisionRead, ""), decision)
		if err != nil || d.Output == nil || d.Asked != "patient-view" {
			t.Errorf("the card's uuid names no decision: %+v, %v", d, err)
		}
		if got.header.Get("Cache-Control") != "no-store" {
			t.Error("a card may be cached")
		}
	}
}

var anyNumber = regexp.MustCompile(`eGFR [0-9]`)

// TestHospital asks for the card of every kind of patient that the simulator knows.
func TestHospital(t *testing.T) {
	s := start(t)
	token := s.token(ward.Clinician)
	h := simulate.New(5, predicttest.Now).Hospital(12)
	for _, g := range h.Groups {
		var refs []ward.Reference
		var bodies []string
		for _, r := range g.Resources {
			refs, bodies = append(refs, ward.Reference{Type: r.Type, ID: r.ID}), append(bodies, string(r.Body))
		}
		_, err := s.Store.Apply(context.Background(), audit.ActTransaction, s.Changes(ward.Integration, refs, bodies))
		s.Must(err)
	}
	want := map[simulate.Case]string{
		simulate.WrongUnit: "another kind of quantity", simulate.Stale: "older than 365 days", simulate.Missing: "no creatinine result", simulate.Child: "ages 18 to",
		simulate.SexUnknown: "administrative gender", simulate.Implausible: "plausible range", simulate.Preliminary: "preliminary", simulate.EnteredWrong: "entered-in-error",
	}
	for _, truth := range h.Truth {
		got := s.view(token, truth.Patient)
		if got.status != 200 || len(got.Cards) != 1 {
			t.Fatalf("%s: %d %s", truth.Case, got.status, got.raw)
		}
		card := got.Cards[0]
		why, silent := want[truth.Case]
		if silent != strings.Contains(card.Summary, "not computed") || silent && anyNumber.MatchString(card.Summary+card.Detail) || silent && !strings.Contains(card.Detail, why) {
			t.Errorf("%s: %+v", truth.Case, card)
		}
		if silent && card.Indicator != "info" || len([]rune(card.Summary)) >= 140 {
			t.Errorf("%s: %+v", truth.Case, card)
		}
		for _, private := range []string{truth.Given, truth.Family, truth.Identifier, truth.Birth.Format("2006-01-02")} {
			if strings.Contains(got.raw, private) {
				t.Errorf("%s: the card shows %q", truth.Case, private)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	s := start(t)
	token := s.token(ward.Clinician)
	s.Person("p", "male", "1976-03-01", "")
	if got := s.view("", "p"); got.status != 401 || got.Message == "" || got.header.Get("WWW-Authenticate") == "" {
		t.Errorf("no token: %d %s", got.status, got.raw)
	}
	if got := s.view("nonsense", "p"); got.status != 401 {
		t.Errorf("bad token: %d %s", got.status, got.raw)
	}
	for _, role := range []ward.Role{ward.Registrar, ward.Auditor, ward.Admin, ward.Privacy} {
		if got := s.view(s.token(role), "p"); got.status != 403 || len(got.Cards) > 0 {
			t.Errorf("%s: %d %s", role, got.status, got.raw)
		}
	}
	for _, id := range []string{"nobody", "Canaryfamily"} {
		if got := s.view(token, id); got.status != 412 || !strings.Contains(got.Message, "cannot be had") || strings.Contains(got.raw, id) {
			t.Errorf("unknown patient: %d %s", got.status, got.raw)
		}
	}
	if got := s.post(token, "no-such-service", `{}`); got.status != 404 {
		t.Errorf("unknown service: %d %s", got.status, got.raw)
	}
	if got := s.post(token, predicttest.Model, `{}`); got.status != 400 {
		t.Errorf("empty call: %d %s", got.status, got.raw)
	}
	if got := s.post(token, predicttest.Model, `{"prefetch":"`+strings.Repeat("x", 8<<20)+`"}`); got.status != 413 {
		t.Errorf("large call: %d %s", got.status, got.raw)
	}
	r, err := http.NewRequest("POST", s.url+"/cds-services/"+predicttest.Model, strings.NewReader("{}"))
	s.Must(err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "text/plain")
	if got := s.do(r); got.status != 415 {
		t.Errorf("text: %d %s", got.status, got.raw)
	}
}

// TestTamperedModel: a model whose manifest was changed in the database answers nobody, and the caller learns why.
func TestTamperedModel(t *testing.T) {
	s := start(t)
	token := s.token(ward.Clinician)
	s.Person("p", "male", "1976-03-01", "")
	s.Result("cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	if got := s.view(token, "p"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	tn := db.Tenant(s.Tenant.Number)
	s.Must(s.DB.Write(context.Background(), tn, func(tx *db.Tx) error {
		var manifest []byte
		if _, err := tx.Get(context.Background(), "SELECT manifest FROM model", nil, &manifest); err != nil {
			return err
		}
		_, err := tx.Exec(context.Background(), "UPDATE model SET manifest = $1", bytes.Replace(manifest, []byte(`"142"`), []byte(`"182"`), 1))
		return err
	}))
	got := s.view(token, "p")
	if got.status != 503 || len(got.Cards) != 0 || !strings.Contains(got.Message, "cannot be verified") || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.raw)
	}
}

// TestNotUsed: a newer result that may still change is on the card.
func TestNotUsed(t *testing.T) {
	s := start(t)
	s.Person("p", "male", "1976-03-01", "")
	s.Result("cr", "p", "2160-0", "final", "2026-10-25", predicttest.Quantity("0.8", "mg/dL"))
	s.Result("early", "p", "2160-0", "preliminary", "2026-11-22", predicttest.Quantity("6.0", "mg/dL"))
	got := s.view(s.token(ward.Clinician), "p")
	if got.status != 200 || len(got.Cards) != 1 {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	card := got.Cards[0]
	if card.Indicator != "warning" || !strings.Contains(card.Summary, "G1") || !strings.HasSuffix(card.Summary, "another result was not used, see the detail") {
		t.Errorf("%+v", card)
	}
	for _, want := range []string{"- a newer result, marked preliminary, was not used\n", "| creatinine | not used | 2026-11-22 | Observation/early, version 1 |"} {
		if !strings.Contains(card.Detail, want) {
			t.Errorf("the detail does not say %q:\n%s", want, card.Detail)
		}
	}
}

// TestObserved: whatever is answered with an error is told to the observer with its cause.
func TestObserved(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	var seen []ward.ErrorKind
	h, err := n.Access.Guard(cdshooks.New(n.Predict, nil, func(_ context.Context, err error) { seen = append(seen, ward.KindOf(err)) }).Routes(), cdshooks.Errors)
	n.Must(err)
	w := httptest.NewServer(h)
	t.Cleanup(w.Close)
	s := &site{n, t, w.URL}
	token := s.token(ward.Clinician)
	s.Person("p", "male", "1976-03-01", "")
	s.view(token, "p")
	if len(seen) != 0 {
		t.Errorf("an answer is observed: %v", seen)
	}
	s.view(token, "nobody")
	s.post(token, "no-such-service", "{}")
	s.post(token, predicttest.Model, "{}")
	s.Must(s.DB.Write(context.Background(), db.Tenant(s.Tenant.Number), func(tx *db.Tx) error {
		_, err := tx.Exec(context.Background(), "UPDATE model SET version = 'x'")
		return err
	}))
	s.view(token, "p")
	if want := []ward.ErrorKind{ward.Precondition, ward.NotFound, ward.Invalid, ward.Unavailable}; !slices.Equal(seen, want) {
		t.Errorf("observed %v, not %v", seen, want)
	}
}

// TestNothingBelieved sends prefetch that lies and an authorization that must not be kept.
func TestNothingBelieved(t *testing.T) {
	s := start(t)
	s.Person("p", "male", "1976-03-01", "")
	s.Result("cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	lie := predicttest.Observation("cr", "p", "2160-0", "final", recent, predicttest.Quantity("7.7", "mg/dL"))
	body := fmt.Sprintf(`{"hook":"patient-view","hookInstance":%q,"fhirServer":"https://canaryserver.example","fhirAuthorization":{"access_token":"canarytoken4711","token_type":"Bearer","expires_in":300,"scope":"user/*.*","subject":"canarysubject"},"prefetch":{"creatinine":%s},"context":{"userId":"Practitioner/canaryuser","patientId":"p"}}`, ward.NewID(), lie)
	got := s.post(s.token(ward.Clinician), predicttest.Model, body)
	if got.status != 200 || len(got.Cards) != 1 || !strings.HasPrefix(got.Cards[0].Summary, "eGFR 92 ") {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	for _, canary := range []string{"canarytoken4711", "canarysubject", "canaryserver", "canaryuser", "Canaryfamily", "Canarygiven"} {
		if strings.Contains(got.raw, canary) {
			t.Errorf("the answer holds %s", canary)
		}
		s.absent(canary)
	}
}

// absent looks for a text in every file of the node's folder.
func (s *site) absent(canary string) {
	s.t.Helper()
	s.Must(s.Log.Flush(context.Background()))
	err := filepath.WalkDir(s.Dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if bytes.Contains(b, []byte(canary)) {
			s.t.Errorf("%s stands in %s", canary, d.Name())
		}
		return err
	})
	s.Must(err)
}
