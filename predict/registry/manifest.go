package registry

import (
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/predict/engine"
)

// The forms of manifest that this build reads. The first is of formulas with one input, the second of everything.
const (
	Schema  = "ward/model/1"
	Schema2 = "ward/model/2"
)

// MaxManifest is the largest manifest in bytes.
const MaxManifest = 256 << 10

// The kinds of model.
const (
	KindFormula = "formula"
	KindTrees   = "trees"
)

// Manifest declares everything that fixes a model's meaning: inputs, equation with its constants or trees with their
// files, output, interval, card text. Members beyond Licence are of schema 2.
type Manifest struct {
	Schema      string         `json:"schema"`
	Name        string         `json:"name"`    // slug
	Version     string         `json:"version"` // major.minor.patch
	Kind        string         `json:"kind"`    // KindFormula or KindTrees
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Formula     engine.Formula `json:"formula,omitzero"`
	Inputs      []Input        `json:"inputs"`
	Subject     Subject        `json:"subject"`
	Output      Output         `json:"output"`
	Card        Card           `json:"card"`
	Sources     []string       `json:"sources"`
	Licence     string         `json:"licence"`

	Files    []File   `json:"files,omitempty"` // every file of the artefact, in order of name
	Trees    Trees    `json:"trees,omitzero"`  // KindTrees
	Interval Interval `json:"interval,omitzero"`
	Needed   int      `json:"needed,omitempty"`   // how many of the inputs that may be missing must be there
	Events   bool     `json:"events,omitempty"`   // new results are answered without being asked
	Outcome  Outcome  `json:"outcome,omitzero"`   // what a RiskAssessment of this model is about
	CardFile string   `json:"cardFile,omitempty"` // the model card among Files, Markdown
}

// File is one file of the artefact.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // hex
}

// Trees names the ensemble and what it is fed with.
type Trees struct {
	File     string   `json:"file"`     // XGBoost's JSON
	Engine   string   `json:"engine"`   // engine.TreesVersion
	Explain  string   `json:"explain"`  // explain.Version
	Features []string `json:"features"` // names of Inputs in the order of the file's features
}

// Interval says how the interval beside the output is made, or why there is none.
type Interval struct {
	File   string `json:"file,omitempty"`
	Method string `json:"method,omitempty"` // conformal.VennAbers
	Reason string `json:"reason,omitempty"` // when Method is empty
}

// Outcome is what a risk is the risk of.
type Outcome struct {
	Text    string `json:"text"`
	Horizon string `json:"horizon"` // "10 years"
	Days    int    `json:"days"`    // of the horizon
}

// Where an input comes from.
const (
	FromObservation = "observation" // the newest result with one of the codes; also when Source is left out
	FromAge         = "age"         // completed years at the time of the decision
	FromSex         = "sex"         // administrative gender, by Coding
)

// Input is one quantity: where it is found, in which unit the model takes it and when it is refused.
type Input struct {
	Name       string `json:"name"`
	Title      string `json:"title"`
	Codes      []Code `json:"codes,omitempty"`
	Unit       string `json:"unit"`       // UCUM; other units of the same dimension are converted
	Molecule   string `json:"molecule"`   // Hill formula: mass and substance are converted through it; empty: they are not
	Low        string `json:"low"`        // smallest and largest plausible value, in Unit
	High       string `json:"high"`       //
	MaxAgeDays int    `json:"maxAgeDays"` // clinical time to the time of the decision
	Missing    string `json:"missing"`    // "refuse", or "allow": the model was trained to do without

	Source string            `json:"source,omitempty"`
	Charge int               `json:"charge,omitempty"` // of one molecule: amount of substance and equivalents are converted through it; 0: they are not
	Coding map[string]string `json:"coding,omitempty"` // FromSex: the number that stands for an administrative gender
}

// Measured reports whether the input is a result of the patient.
func (in Input) Measured() bool { return in.Source == "" || in.Source == FromObservation }

// panels are the codes of observations that carry quantities as components, and the codes of these.
//
// SPEC(FHIR R4 observation-bp): a blood pressure is an Observation of code 85354-9 whose components are 8480-6 and 8462-4.
var panels = map[string][]string{"85354-9": {"8480-6", "8462-4"}}

const loincSystem = "http://loinc.org"

// Panels are the codes of observations that carry the input as a component.
func (in Input) Panels() (out []Code) {
	for panel, parts := range panels {
		if slices.ContainsFunc(in.Codes, func(c Code) bool { return c.System == loincSystem && slices.Contains(parts, c.Code) }) {
			out = append(out, Code{System: loincSystem, Code: panel})
		}
	}
	return out
}

// Code is one code under which the quantity is reported.
type Code struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Meaning string `json:"meaning"`
	Source  string `json:"source"`
}

// Subject is whom the model is for.
type Subject struct {
	AgeLow  int      `json:"ageLow"` // completed years, inclusive
	AgeHigh int      `json:"ageHigh"`
	Sexes   []string `json:"sexes"` // administrative genders that the equation is defined for
}

// Output is what the model gives.
type Output struct {
	Name          string `json:"name"`
	System        string `json:"system"`
	Code          string `json:"code"`
	Unit          string `json:"unit"`          // UCUM
	Display       string `json:"display"`       // unit as people write it
	Decimals      int    `json:"decimals"`      // of the recorded value; a probability in % is 100 times the model's
	ShownDecimals int    `json:"shownDecimals"` // of the value on the card, by which bands are chosen
	Bands         []Band `json:"bands"`         // falling
	BandSource    string `json:"bandSource"`
}

// Band is a named range that begins at From.
type Band struct {
	From      string `json:"from"`
	Name      string `json:"name"`
	Meaning   string `json:"meaning"`
	Indicator string `json:"indicator"` // of a CDS Hooks card: info, warning or critical
}

// Card is the text that a card shows beside the number.
type Card struct {
	Equation    string   `json:"equation"`
	Limits      []string `json:"limits"`
	SourceLabel string   `json:"sourceLabel"`
	SourceURL   string   `json:"sourceURL"`
}

var (
	slug      = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	release   = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)
	loinc     = regexp.MustCompile(`^[0-9]{1,7}-[0-9]$`)
	fileName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	inputName = regexp.MustCompile(`^[a-z][a-z0-9 -]{0,39}$`)
	https     = regexp.MustCompile(`^https://[A-Za-z0-9./_-]{1,200}$`)
)

// LOINC is the code system of inputs and outputs.
const LOINC = "http://loinc.org"

// Read reads a manifest strictly: no unknown, doubled or differently cased member, every value within its bounds, units
// and equation understood by this build. Errors are ward.Invalid (or TooLarge) with a JSON pointer in Path.
func Read(b []byte) (Manifest, error) {
	var m Manifest
	if len(b) > MaxManifest {
		return m, ward.E(ward.TooLarge, "registry.manifest", "a manifest is at most 256 KiB", nil)
	}
	if err := json.Unmarshal(b, &m, json.RejectUnknownMembers(true)); err != nil {
		return Manifest{}, ward.E(ward.Invalid, "registry.manifest", "the manifest must be JSON of the form "+Schema+" or "+Schema2+" without other members", err)
	}
	for _, check := range []func(Manifest) error{head, first, files, inputs, model, subject, output, texts} {
		if err := check(m); err != nil {
			return Manifest{}, err
		}
	}
	return m, nil
}

func wrong(path, public string) error {
	return ward.E(ward.Invalid, "registry.manifest", public, nil).At(path)
}

func subject(m Manifest) error {
	s := m.Subject
	if s.AgeLow < 0 || s.AgeLow > s.AgeHigh || s.AgeHigh > 150 {
		return wrong("/subject", "ages must satisfy 0 <= ageLow <= ageHigh <= 150")
	}
	if len(s.Sexes) == 0 || len(s.Sexes) > 2 {
		return wrong("/subject/sexes", "must be one or both of female and male")
	}
	for _, x := range s.Sexes {
		if x != "female" && x != "male" {
			return wrong("/subject/sexes", "must be one or both of female and male")
		}
	}
	return nil
}
