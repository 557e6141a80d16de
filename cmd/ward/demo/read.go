package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

var chart = []string{"Encounter", "Condition", "Observation", "MedicationRequest"}

// readAll reads the chart as the clinician.
func (t *tour) readAll(ctx context.Context) error {
	return t.do("dr.grey (clinician) reads", func() (string, error) {
		seen, denied, err := t.read(ctx, t.clinician)
		if err == nil && len(denied) > 0 {
			err = fmt.Errorf("the clinician was denied %s", strings.Join(denied, ", "))
		}
		return strings.Join(seen, ", "), err
	})
}

// readLess asks for the same as the registrar, who sees less.
func (t *tour) readLess(ctx context.Context) error {
	return t.do("desk (registrar) asks for the same", func() (string, error) {
		seen, denied, err := t.read(ctx, t.registrar)
		if err == nil && (len(denied) == 0 || len(seen) == 0) {
			err = errors.New("the registrar should see some and not all")
		}
		t.denials += len(denied)
		return strings.Join(seen, ", ") + "; denied: " + strings.Join(denied, ", "), err
	})
}

// read asks for the patient and the chart; what the policies refuse is told apart from what fails.
func (t *tour) read(ctx context.Context, who token) (seen, denied []string, err error) {
	ask := func(what, path string) error {
		var found searchset
		err := t.port.call(ctx, who, http.MethodGet, path, "", nil, &found)
		var no *refusal
		switch {
		case errors.As(err, &no) && no.status == http.StatusForbidden:
			denied = append(denied, what)
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", what, err)
		}
		t.reads++
		n := 1
		if what != "Patient" {
			n = len(found.Entry)
		}
		seen = append(seen, fmt.Sprintf("%s %d", what, n))
		return nil
	}
	if err := ask("Patient", "/fhir/R4/Patient/"+t.patient); err != nil {
		return seen, denied, err
	}
	for _, rtype := range chart {
		q := url.Values{"patient": {t.patient}, "_count": {"200"}}
		if err := ask(rtype, "/fhir/R4/"+rtype+"?"+q.Encode()); err != nil {
			return seen, denied, err
		}
	}
	return seen, denied, nil
}

// erase shreds a patient and shows that it is gone.
func (t *tour) erase(ctx context.Context) error {
	return t.do("dpo erases another patient", func() (string, error) {
		var e struct {
			Versions    int64  `json:"versions"`
			Certificate string `json:"certificate"`
		}
		if err := t.port.json(ctx, t.privacy, http.MethodPost, "/v1/shred", map[string]string{"patient": t.erased}, &e); err != nil {
			return "", err
		}
		err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Patient/"+t.erased, "", nil, nil)
		var no *refusal
		if err != nil && !errors.As(err, &no) {
			return "", err
		}
		if no == nil || no.status != http.StatusGone && no.status != http.StatusNotFound {
			return "", errors.New("the erased patient can still be asked for")
		}
		var left searchset
		q := url.Values{"patient": {t.erased}}
		if err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Condition?"+q.Encode(), "", nil, &left); err != nil {
			return "", err
		}
		if len(left.Entry) > 0 {
			return "", fmt.Errorf("%d conditions of the erased patient were found", len(left.Entry))
		}
		return fmt.Sprintf("%d sealed texts open nowhere; a read answers %d", e.Versions, no.status), nil
	})
}
