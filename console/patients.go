package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
)

// patientRows is how many patients a page of the list shows.
const patientRows = 30

// patientsPage is a list of patients, found or recent.
type patientsPage struct {
	Found  bool // the answer to a search
	Sought string
	People []person
	Next   string
	First  bool
}

// patients is GET /console/patients: those whose records changed last.
func (c *Console) patients(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	q := fhir.Search{Type: "Patient", Count: patientRows}
	if at := cursor(r); at != "" {
		q = fhir.Search{Type: "Patient", Cursor: at}
	}
	people, next, err := c.listPatients(r.Context(), g, q)
	if err != nil {
		return err
	}
	return c.show(w, r, g, "patients", "Patients", "patients", patientsPage{People: people, Next: next, First: q.Cursor == ""})
}

// findPatient is POST /console/patients: the search value travels in the body, so that it stands in no URL, history or log.
func (c *Console) findPatient(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	sought := strings.TrimSpace(form.Get("identifier"))
	if sought == "" || len(sought) > 200 {
		return ward.E(ward.Invalid, "console.find", "give the number of a patient, at most 200 characters", nil).At("identifier")
	}
	q, err := fhir.ParseSearch("Patient", url.Values{"identifier": {escapeToken(sought)}})
	if err != nil {
		return err
	}
	people, next, err := c.listPatients(r.Context(), g, q)
	if err != nil {
		return err
	}
	if len(people) == 1 && next == "" {
		see(w, "/console/patients/"+people[0].ID)
		return nil
	}
	return c.show(w, r, g, "patients", "Patients found", "patients", patientsPage{Found: true, Sought: sought, People: people, First: true})
}

// escapeToken makes a typed text one search value. A bar between system and value stays one.
//
// SPEC(FHIR R4 search.html#escaping): $, comma and bar in a value are escaped by a backslash.
func escapeToken(s string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`).Replace(s)
}
