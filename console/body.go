package console

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/ward-health/ward"
)

// The parts of FHIR resources that the pages show. Whatever is missing stays empty; numbers keep their digits.
type coding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display"`
}

type concept struct {
	Coding []coding `json:"coding"`
	Text   string   `json:"text"`
}

// words is what people call it: its text, else the first display, else the first code.
func (c concept) words() string {
	if c.Text != "" {
		return c.Text
	}
	for _, x := range c.Coding {
		if x.Display != "" {
			return x.Display
		}
	}
	for _, x := range c.Coding {
		if x.Code != "" {
			return x.Code
		}
	}
	return ""
}

type quantity struct {
	Value      json.Number `json:"value"`
	Comparator string      `json:"comparator"`
	Unit       string      `json:"unit"`
	System     string      `json:"system"`
	Code       string      `json:"code"`
}

// text is the quantity as it was sent.
func (q quantity) text() string {
	if q.Value == "" {
		return ""
	}
	unit := q.Unit
	if unit == "" {
		unit = q.Code
	}
	return strings.TrimSpace(q.Comparator + q.Value.String() + " " + unit)
}

type reference struct {
	Reference string `json:"reference"`
	Display   string `json:"display"`
}

type period struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

type meta struct {
	VersionID   string   `json:"versionId"`
	LastUpdated string   `json:"lastUpdated"`
	Security    []coding `json:"security"`
	Tag         []coding `json:"tag"`
}

type identifier struct {
	System string  `json:"system"`
	Value  string  `json:"value"`
	Type   concept `json:"type"`
}

type humanName struct {
	Use    string   `json:"use"`
	Text   string   `json:"text"`
	Family string   `json:"family"`
	Given  []string `json:"given"`
	Prefix []string `json:"prefix"`
}

type patientBody struct {
	Meta        meta         `json:"meta"`
	Active      *bool        `json:"active"`
	Identifier  []identifier `json:"identifier"`
	Name        []humanName  `json:"name"`
	Gender      string       `json:"gender"`
	BirthDate   string       `json:"birthDate"`
	Deceased    *bool        `json:"deceasedBoolean"`
	DeceasedAt  string       `json:"deceasedDateTime"`
	Address     []address    `json:"address"`
	Telecom     []identifier `json:"telecom"`
	GeneralDocs []reference  `json:"generalPractitioner"`
}

type address struct {
	Text       string   `json:"text"`
	Line       []string `json:"line"`
	City       string   `json:"city"`
	PostalCode string   `json:"postalCode"`
}

type encounterBody struct {
	Status string    `json:"status"`
	Class  coding    `json:"class"`
	Type   []concept `json:"type"`
	Period period    `json:"period"`
	Where  []struct {
		Location reference `json:"location"`
	} `json:"location"`
}

type rangeBody struct {
	Low  quantity `json:"low"`
	High quantity `json:"high"`
	Text string   `json:"text"`
}

type observationBody struct {
	Meta           meta        `json:"meta"`
	Status         string      `json:"status"`
	Category       []concept   `json:"category"`
	Code           concept     `json:"code"`
	Effective      string      `json:"effectiveDateTime"`
	EffectiveAt    string      `json:"effectiveInstant"`
	EffectiveSpan  period      `json:"effectivePeriod"`
	Issued         string      `json:"issued"`
	Quantity       *quantity   `json:"valueQuantity"`
	String         string      `json:"valueString"`
	Concept        concept     `json:"valueCodeableConcept"`
	Integer        json.Number `json:"valueInteger"`
	Boolean        *bool       `json:"valueBoolean"`
	DateTime       string      `json:"valueDateTime"`
	Absent         concept     `json:"dataAbsentReason"`
	Interpretation []concept   `json:"interpretation"`
	Range          []rangeBody `json:"referenceRange"`
	Component      []struct {
		Code     concept   `json:"code"`
		Quantity *quantity `json:"valueQuantity"`
	} `json:"component"`
}

// decode reads a stored body; what was stored has passed the strict scan, so a failure is a defect of this package.
func decode[T any](v ward.Version) (T, error) {
	var out T
	if err := json.Unmarshal([]byte(v.Body), &out); err != nil {
		// A member may have another form than its type here says; the error's text could quote it.
		return out, ward.E(ward.Unprocessable, "console.decode", "a stored "+v.Ref.Type+" has a form that this page cannot show; its record can be opened as it stands", nil)
	}
	return out, nil
}

// instant reads a FHIR date or dateTime; partial dates stand for their beginning. Zero: none, or not readable.
func instant(s string) time.Time {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(form, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// moment writes a FHIR date or dateTime as the pages show times; a date stays a date.
func moment(s string) string {
	if t := instant(s); !t.IsZero() && len(s) > len(time.DateOnly) {
		return when(t)
	}
	return s
}

// taken is the clinical time of a result, and as it stands in the record.
func (o observationBody) taken() (time.Time, string) {
	for _, s := range []string{o.Effective, o.EffectiveAt, o.EffectiveSpan.Start, o.Issued} {
		if t := instant(s); !t.IsZero() {
			return t, s
		}
	}
	return time.Time{}, ""
}

// full is a name as people read it.
func (n humanName) full() string {
	if n.Family == "" && len(n.Given) == 0 {
		return n.Text
	}
	given := strings.Join(n.Given, " ")
	switch {
	case given == "":
		return n.Family
	case n.Family == "":
		return given
	}
	return n.Family + ", " + given
}
