package cdshooks_test

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/predict/cdshooks"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store/storetest"
)

var update = flag.Bool("update", false, "write the golden card anew")

// linked is a node with the example model, whose cards link to its console.
func linked(t *testing.T) (*site, *cdshooks.API, predicttest.Key) {
	t.Helper()
	n := predicttest.Start(t, storetest.SQLite)
	key := n.PushMortality()
	api := cdshooks.New(n.Predict).Link("https://ward.example/")
	h, err := n.Access.Guard(api.Routes(), cdshooks.Errors)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &site{n, t, s.URL}, api, key
}

// models asks for the cards of every model.
func (s *site) models(patient, more string) reply {
	return s.post(s.token(ward.Clinician), cdshooks.Models, fmt.Sprintf(`{"hook":"patient-view","hookInstance":%q,"context":{"userId":"Practitioner/p1","patientId":%q}%s}`, ward.NewID(), patient, more))
}

// panel puts the results of a patient, some of them in other units than the model's, magnesium among them; iron is not there.
func (s *site) panel(patient string) {
	s.t.Helper()
	var refs []ward.Reference
	var bodies []string
	for i, l := range [][3]string{{"8480-6", "148", "mm[Hg]"}, {"8462-4", "91", "mm[Hg]"}, {"39156-5", "29.2", "kg/m2"}, {"1751-7", "36", "g/L"}, {"14647-2", "6.1", "mmol/L"},
		{"2500-7", "310", "ug/dL"}, {"2885-2", "70", "g/L"}, {"19123-9", "1.7", "mg/dL"}, {"6690-2", "9.4", "10*3/uL"}, {"4537-7", "38", "mm/h"}} {
		id := fmt.Sprintf("%s.%d", patient, i)
		refs = append(refs, ward.Reference{Type: "Observation", ID: id})
		bodies = append(bodies, predicttest.Observation(id, patient, l[0], "final", recent, predicttest.Quantity(l[1], l[2])))
	}
	_, err := s.Store.Apply(context.Background(), audit.ActTransaction, s.Changes(ward.Integration, refs, bodies))
	s.Must(err)
}

var artefactOf = regexp.MustCompile(`sha256:[0-9a-f]{16}`)

// TestGoldenCard compares the whole text of one card.
func TestGoldenCard(t *testing.T) {
	s, _, _ := linked(t)
	s.Person("p", "male", "1965-03-01", "")
	s.panel("p")
	got := s.models("p", "")
	if got.status != 200 || len(got.Cards) != 1 {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	c := got.Cards[0]
	if len(c.Links) != 1 || c.Links[0].URL != "https://ward.example/console/decisions/"+c.UUID || c.Links[0].Type != "absolute" || c.Links[0].Label == "" {
		t.Errorf("%+v", c.Links)
	}
	text := fmt.Sprintf("summary: %s\nindicator: %s\nsource: %s %s\n\n%s", c.Summary, c.Indicator, c.Source.Label, c.Source.URL, c.Detail)
	text = artefactOf.ReplaceAllString(strings.ReplaceAll(text, c.UUID, "DECISION"), "sha256:ARTEFACT")
	const file = "testdata/card.md"
	if *update {
		s.Must(os.MkdirAll("testdata", 0o755))
		s.Must(os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	s.Must(err)
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("the card differs (-want +got):\n%s", diff)
	}
	if n := len([]rune(c.Summary)); n >= 140 {
		t.Errorf("the summary has %d characters", n)
	}
}

// TestModels: the generic service speaks for active models without a service of their own, and for no shadow.
func TestModels(t *testing.T) {
	s, api, key := linked(t)
	s.Person("p", "male", "1965-03-01", "")
	s.panel("p")
	s.Result("p.cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	// A refusal is a card too, without a number.
	s.Person("few", "male", "1965-03-01", "")
	if got := s.models("few", ""); got.status != 200 || len(got.Cards) != 1 || !strings.HasPrefix(got.Cards[0].Summary, "Ten-year mortality not computed: only 0 of the 12 values") || got.Cards[0].Indicator != "info" {
		t.Errorf("%d %s", got.status, got.raw)
	}
	// A lie in prefetch is counted and not believed.
	if api.Prefetched() != 0 {
		t.Errorf("%d prefetched", api.Prefetched())
	}
	plain := s.models("p", `,"prefetch":{}`)
	lie := s.models("p", `,"prefetch":{"results":{"resourceType":"Bundle","entry":[{"resource":`+predicttest.Observation("p.9", "p", "4537-7", "final", recent, predicttest.Quantity("2", "mm/h"))+`}]}}`)
	if lie.status != 200 || lie.Cards[0].Summary != plain.Cards[0].Summary || api.Prefetched() != 1 {
		t.Errorf("%d, %d prefetched: %s", lie.status, api.Prefetched(), lie.raw)
	}
	// A shadow version answers beside, on no card.
	a := predicttest.MortalityArtefact(t)
	a.Manifest = []byte(strings.Replace(string(a.Manifest), `"version": "1.0.0"`, `"version": "1.1.0"`, 1))
	s.Must(s.PushSigned(a, key, registry.Shadow))
	if got := s.models("p", ""); got.status != 200 || len(got.Cards) != 1 || strings.Contains(got.raw, "1.1.0") {
		t.Errorf("%d %s", got.status, got.raw)
	}
	if got := s.models("nobody", ""); got.status != 412 {
		t.Errorf("%d %s", got.status, got.raw)
	}
	// One row of the registry that does not hold silences all.
	s.Must(s.DB.Write(context.Background(), db.Tenant(s.Tenant.Number), func(tx *db.Tx) error {
		_, err := tx.Exec(context.Background(), "UPDATE model SET bundle = $1 WHERE name = $2", []byte("{}"), predicttest.Mortality)
		return err
	}))
	if got := s.models("p", ""); got.status != 503 || len(got.Cards) != 0 {
		t.Errorf("%d %s", got.status, got.raw)
	}
}

// TestNoModels: no active model without a service of its own is no card.
func TestNoModels(t *testing.T) {
	s := start(t)
	s.Person("p", "male", "1965-03-01", "")
	got := s.models("p", "")
	if got.status != 200 || !strings.Contains(got.raw, `"cards":[]`) {
		t.Errorf("%d %s", got.status, got.raw)
	}
	if got := s.view(s.token(ward.Clinician), "p"); len(got.Cards) != 1 || len(got.Cards[0].Links) != 0 {
		t.Errorf("%d %s", got.status, got.raw)
	}
}
