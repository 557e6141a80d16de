package predict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/registry"
)

// The code systems of a RiskAssessment that Ward writes.
const (
	observationValue = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
	tagSystem        = "urn:ward:tag"
	modelSystem      = "urn:ward:model"
)

type coding struct {
	System  string `json:"system"`
	Version string `json:"version,omitzero"`
	Code    string `json:"code"`
	Display string `json:"display,omitzero"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text"`
}

type reference struct {
	Reference string `json:"reference"`
}

type amount struct {
	Value  int    `json:"value"`
	Unit   string `json:"unit"`
	System string `json:"system"`
	Code   string `json:"code"`
}

// riskAssessment is the resource (FHIR R4 RiskAssessment) in a fixed order of its members.
type riskAssessment struct {
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
	Meta         struct {
		Security []coding `json:"security"`
		Tag      []coding `json:"tag"`
	} `json:"meta"`
	Identifier []identifier `json:"identifier"`
	Status     string       `json:"status"`
	Method     concept      `json:"method"`
	Subject    reference    `json:"subject"`
	Occurrence string       `json:"occurrenceDateTime"`
	Basis      []reference  `json:"basis,omitempty"`
	Prediction []prediction `json:"prediction"`
	Note       []note       `json:"note"`
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

type prediction struct {
	Outcome     concept  `json:"outcome"`
	Probability float64  `json:"probabilityDecimal"`
	Qualitative *concept `json:"qualitativeRisk,omitempty"`
	When        struct {
		High amount `json:"high"`
	} `json:"whenRange"`
}

type note struct {
	Text string `json:"text"`
}

// assessment writes a decision with an output as a RiskAssessment. It is a function of the canonical decision and its sources
// alone, so that writing the same answer again changes nothing; its date is therefore when the newest of its sources was
// stored, which is what the answer is as of, and the time of the answer itself stands in the decision.
//
// SPEC(FHIR R4 RiskAssessment.prediction.probability[x]): a decimal is a percentage, 100 at most.
// SPEC(HL7 v3 ObservationValue, AIAST): what artificial intelligence asserted bears this security label.
func assessment(id string, d ward.Decision, m registry.Manifest, found gathered) ward.Protected {
	a := riskAssessment{ResourceType: "RiskAssessment", ID: id, Status: "final", Subject: reference{"Patient/" + d.Patient}}
	a.Meta.Security = append([]coding{{System: observationValue, Code: "AIAST", Display: "Artificial Intelligence asserted"}}, labels(d, found)...)
	a.Meta.Tag = []coding{{System: tagSystem, Code: "prediction", Display: "Answer of a model through Ward"}}
	a.Identifier = []identifier{{"urn:ward:decision", d.ID.String()}}
	a.Method = concept{[]coding{{System: modelSystem, Version: m.Version, Code: m.Name}}, m.Title}
	a.Occurrence = asOf(d, found).Format(time.RFC3339Nano)
	for _, in := range d.Inputs {
		if r := (reference{in.Source}); strings.HasPrefix(in.Source, "Observation/") && in.Unit != "" && !slices.Contains(a.Basis, r) {
			a.Basis = append(a.Basis, r)
		}
	}
	p := prediction{Outcome: concept{Text: m.Outcome.Text}, Probability: d.Output.Value}
	if m.Output.Unit != "%" {
		p.Probability = float64(100 * d.Output.Value)
	}
	if d.Output.Band != "" {
		p.Qualitative = &concept{Text: d.Output.Band}
	}
	p.When.High = amount{m.Outcome.Days, "days", "http://unitsofmeasure.org", "d"}
	a.Prediction = []prediction{p}
	a.Note = []note{{fmt.Sprintf("Made by a model (%s, within %s). Ward decision %s. %s", d.Model, m.Outcome.Horizon, d.ID, IntervalText(d, m))}}
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // texts and finite numbers
	}
	return b
}

// IntervalText says in one sentence what may be said about the precision of an output.
func IntervalText(d ward.Decision, m registry.Manifest) string {
	o := d.Output
	switch {
	case o == nil:
		return ""
	case o.Low != nil && o.High != nil:
		n := m.Output.ShownDecimals
		low, high := Number(*o.Low, n), Number(*o.High, n)
		text := fmt.Sprintf("Calibrated on patients with such a score the figure is %s to %s %s (%s); that says nothing about patients unlike them.", low, high, m.Output.Display, o.Interval)
		if o.Value < *o.Low || o.Value > *o.High {
			text += " The model's own figure lies outside of that range."
		}
		return text
	case o.Interval != "":
		return "No interval is claimed: " + o.Interval + "."
	}
	return "No interval is claimed for this value."
}

// sourcesOf are the results that the decision used.
func sourcesOf(d ward.Decision, found gathered) (out []*result) {
	for _, rs := range found.results {
		for _, r := range rs {
			if slices.ContainsFunc(d.Inputs, func(in ward.Input) bool {
				return in.Source == r.ref.String() && in.Version == r.version && in.Unit != ""
			}) {
				out = append(out, r)
			}
		}
	}
	return out
}

// asOf is when the newest source was stored.
func asOf(d ward.Decision, found gathered) time.Time {
	at := found.person.updated
	for _, r := range sourcesOf(d, found) {
		if r.updated.After(at) {
			at = r.updated
		}
	}
	return at.UTC()
}

// labels are the security labels of the sources: what was concluded from them is as sensitive as they are.
func labels(d ward.Decision, found gathered) (out []coding) {
	for _, r := range sourcesOf(d, found) {
		for _, l := range r.labels {
			if c := (coding{System: l.System, Code: l.Code}); l.Code != "" && !(l.System == observationValue && l.Code == "AIAST") && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	slices.SortFunc(out, func(a, b coding) int { return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.Code, b.Code)) })
	return out
}
