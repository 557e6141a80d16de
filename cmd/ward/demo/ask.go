package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
)

type searchset struct {
	Total *int `json:"total"`
	Entry []struct {
		Resource json.RawMessage `json:"resource"`
	} `json:"entry"`
}

// choose finds a patient with a creatinine by search; without one the first patient gets the honest card.
func (t *tour) choose(ctx context.Context) error {
	if len(t.charts) > 0 {
		return nil // the simulation knows
	}
	return t.do("find a patient with a creatinine", func() (string, error) {
		for _, code := range []string{"2160-0", "14682-9"} {
			var found searchset
			q := url.Values{"code": {"http://loinc.org|" + code}, "_count": {"1"}}
			if err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Observation?"+q.Encode(), "", nil, &found); err != nil {
				return "", err
			}
			t.reads++
			if len(found.Entry) == 0 {
				continue
			}
			facts, err := fhir.Scan(found.Entry[0].Resource)
			if err != nil {
				return "", err
			}
			if facts.Patient == t.erased {
				t.erased = t.patient
			}
			t.patient, t.charts = facts.Patient, []string{facts.Patient}
			return "found by LOINC " + code, nil
		}
		t.charts = []string{t.patient}
		return "none has one: the card must say so", nil
	})
}

// card is what CDS Hooks shows (CDS Hooks 2.0, Card Attributes).
type card struct {
	Summary   string `json:"summary"`
	Detail    string `json:"detail"`
	Indicator string `json:"indicator"`
	Source    struct {
		Label string `json:"label"`
	} `json:"source"`
}

// open opens the charts, as a clinician's system does, and shows what the models answer.
func (t *tour) open(ctx context.Context) error {
	for i, patient := range t.charts {
		var cards []card
		err := t.do(fmt.Sprintf("open chart %d: CDS Hooks", i+1), func() (n string, err error) {
			cards, err = t.patientView(ctx, patient)
			return fmt.Sprintf("%d card", len(cards)), err
		})
		if err != nil {
			return err
		}
		t.cards += len(cards)
		for _, c := range cards {
			t.note("[%s] %s", c.Indicator, c.Summary)
			t.note("%s", basis(c.Detail))
			t.note("source: %s", c.Source.Label)
		}
	}
	return nil
}

// basis is what an answer stands on: the table of reasons of a card's detail, else its first list.
func basis(detail string) string {
	if _, table, ok := strings.Cut(detail, "| reason |"); ok {
		return reasons(table)
	}
	var out []string
	for _, line := range strings.Split(detail, "\n") {
		if strings.HasPrefix(line, "- ") {
			out = append(out, line)
		} else if len(out) > 0 {
			break
		}
	}
	return strings.Join(out, "\n")
}

// reasons writes the rows of the table as lines.
func reasons(table string) string {
	var out []string
	for _, line := range strings.Split(table, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(line, "| "), "|") {
			if c = strings.TrimSpace(c); c != "" {
				cells = append(cells, c)
			}
		}
		out = append(out, "- "+strings.Join(cells, ", "))
	}
	return strings.Join(out, "\n")
}

// patientView calls every service of the hook patient-view.
func (t *tour) patientView(ctx context.Context, patient string) ([]card, error) {
	var offered struct {
		Services []struct {
			ID   string `json:"id"`
			Hook string `json:"hook"`
		} `json:"services"`
	}
	if err := t.port.json(ctx, nil, http.MethodGet, "/cds-services", nil, &offered); err != nil {
		return nil, err
	}
	var all []card
	for _, s := range offered.Services {
		if s.Hook != "patient-view" {
			continue
		}
		var answer struct {
			Cards []card `json:"cards"`
		}
		err := t.port.json(ctx, t.clinician, http.MethodPost, "/cds-services/"+url.PathEscape(s.ID), map[string]any{
			"hook": "patient-view", "hookInstance": ward.NewID().String(),
			"context": map[string]string{"userId": "Practitioner/demo", "patientId": patient}}, &answer)
		if err != nil {
			return nil, err
		}
		all = append(all, answer.Cards...)
	}
	if len(all) == 0 {
		return nil, errors.New("no card was answered")
	}
	return all, nil
}

// replay recomputes what was answered from the recorded inputs.
func (t *tour) replay(ctx context.Context) error {
	return t.do("recompute the answer", func() (string, error) {
		var page struct {
			Decisions []struct {
				ID    string `json:"id"`
				Model string `json:"model"`
			} `json:"decisions"`
		}
		if err := t.port.json(ctx, t.clinician, http.MethodPost, "/v1/decisions/search", map[string]string{"patient": t.patient}, &page); err != nil {
			return "", err
		}
		if len(page.Decisions) == 0 {
			return "", errors.New("no decision was kept")
		}
		d := page.Decisions[0]
		var r struct {
			Equal bool   `json:"equal"`
			Why   string `json:"why"`
		}
		if err := t.port.json(ctx, t.clinician, http.MethodPost, "/v1/decisions/"+d.ID+"/replay", nil, &r); err != nil {
			return "", err
		}
		if !r.Equal {
			return "", fmt.Errorf("the answer could not be recomputed equal: %s", r.Why)
		}
		var shown struct {
			Entry string `json:"entry"`
		}
		if err := t.port.json(ctx, t.clinician, http.MethodGet, "/v1/decisions/"+d.ID, nil, &shown); err != nil {
			return "", err
		}
		t.proofOf = shown.Entry
		return "equal, by " + d.Model, nil
	})
}
