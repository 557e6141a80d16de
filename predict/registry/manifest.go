package registry

import (
	"math/big"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/engine"
)

// Schema names the form of manifest that this build reads.
const Schema = "ward/model/1"

// MaxManifest is the largest manifest in bytes.
const MaxManifest = 256 << 10

// Manifest declares everything that fixes a model's meaning: inputs, equation with its constants, output, card text.
type Manifest struct {
	Schema      string         `json:"schema"`
	Name        string         `json:"name"`    // slug
	Version     string         `json:"version"` // major.minor.patch
	Kind        string         `json:"kind"`    // "formula"
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Formula     engine.Formula `json:"formula"`
	Inputs      []Input        `json:"inputs"`
	Subject     Subject        `json:"subject"`
	Output      Output         `json:"output"`
	Card        Card           `json:"card"`
	Sources     []string       `json:"sources"`
	Licence     string         `json:"licence"`
}

// Input is one measured quantity: where it is found, in which unit the model takes it and when it is refused.
type Input struct {
	Name       string `json:"name"`
	Title      string `json:"title"`
	Codes      []Code `json:"codes"`
	Unit       string `json:"unit"`       // UCUM; other units of the same dimension are converted
	Molecule   string `json:"molecule"`   // Hill formula: mass and substance are converted through it; empty: they are not
	Low        string `json:"low"`        // smallest and largest plausible value, in Unit
	High       string `json:"high"`       //
	MaxAgeDays int    `json:"maxAgeDays"` // clinical time to the time of the decision
	Missing    string `json:"missing"`    // "refuse"
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
	Decimals      int    `json:"decimals"`      // of the recorded value
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
	slug    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	release = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)
	loinc   = regexp.MustCompile(`^[0-9]{1,7}-[0-9]$`)
	https   = regexp.MustCompile(`^https://[A-Za-z0-9./_-]{1,200}$`)
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
		return Manifest{}, ward.E(ward.Invalid, "registry.manifest", "the manifest must be JSON of the form "+Schema+" without other members", err)
	}
	for _, check := range []func(Manifest) error{head, inputs, subject, output, texts} {
		if err := check(m); err != nil {
			return Manifest{}, err
		}
	}
	if _, err := engine.Compile(m.Formula); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

func wrong(path, public string) error {
	return ward.E(ward.Invalid, "registry.manifest", public, nil).At(path)
}

func head(m Manifest) error {
	switch {
	case m.Schema != Schema:
		return wrong("/schema", "must be "+Schema)
	case !slug.MatchString(m.Name):
		return wrong("/name", "must be a slug of 1 to 64 lower-case letters, digits and hyphens")
	case !release.MatchString(m.Version):
		return wrong("/version", "must have the form major.minor.patch")
	case m.Kind != "formula":
		return wrong("/kind", "must be formula")
	}
	return nil
}

// inputs checks that the inputs are what the equation takes: for the one equation of this build, creatinine in mg/dL.
func inputs(m Manifest) error {
	if len(m.Inputs) != 1 || m.Inputs[0].Name != "creatinine" || m.Inputs[0].Unit != "mg/dL" {
		return wrong("/inputs", "the equation "+engine.CKDEPI2021+" takes one input, creatinine in mg/dL")
	}
	in := m.Inputs[0]
	if len(in.Codes) == 0 || len(in.Codes) > 16 {
		return wrong("/inputs/0/codes", "must be 1 to 16 codes")
	}
	for _, c := range in.Codes {
		if c.System != LOINC || !loinc.MatchString(c.Code) {
			return wrong("/inputs/0/codes", "must be LOINC codes")
		}
	}
	if _, err := ucum.Parse(in.Unit); err != nil {
		return wrong("/inputs/0/unit", "must be a UCUM unit that this build knows")
	}
	if in.Molecule != "" {
		if _, err := ucum.MolarMass(in.Molecule); err != nil {
			return wrong("/inputs/0/molecule", "must be a molecular formula in Hill order")
		}
	}
	low, err1 := ucum.ParseDecimal(in.Low)
	high, err2 := ucum.ParseDecimal(in.High)
	if err1 != nil || err2 != nil || low.Sign() < 0 || low.Cmp(high) >= 0 {
		return wrong("/inputs/0/low", "low and high must be decimal numbers, 0 <= low < high")
	}
	if in.MaxAgeDays < 1 || in.MaxAgeDays > 36500 {
		return wrong("/inputs/0/maxAgeDays", "must be 1 to 36500")
	}
	if in.Missing != "refuse" {
		return wrong("/inputs/0/missing", "must be refuse")
	}
	return nil
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

func output(m Manifest) error {
	o := m.Output
	if o.System != LOINC || !loinc.MatchString(o.Code) {
		return wrong("/output/code", "must be a LOINC code")
	}
	if _, err := ucum.Parse(o.Unit); err != nil {
		return wrong("/output/unit", "must be a UCUM unit that this build knows")
	}
	if o.Decimals < 0 || o.Decimals > 6 || o.ShownDecimals < 0 || o.ShownDecimals > o.Decimals {
		return wrong("/output/decimals", "must satisfy 0 <= shownDecimals <= decimals <= 6")
	}
	if len(o.Bands) == 0 || len(o.Bands) > 16 {
		return wrong("/output/bands", "must be 1 to 16 bands")
	}
	var before *big.Rat
	for _, b := range o.Bands {
		from, err := ucum.ParseDecimal(b.From)
		if err != nil || before != nil && from.Cmp(before) >= 0 {
			return wrong("/output/bands", "must begin at falling decimal numbers")
		}
		if b.Indicator != "info" && b.Indicator != "warning" && b.Indicator != "critical" {
			return wrong("/output/bands", "an indicator must be info, warning or critical")
		}
		before = from
	}
	return nil
}

// texts checks that every text is there and short.
func texts(m Manifest) error {
	all := append([]string{m.Title, m.Description, m.Inputs[0].Title, m.Output.Name, m.Output.Display, m.Output.BandSource, m.Card.Equation,
		m.Card.SourceLabel, m.Licence}, slices.Concat(m.Sources, m.Card.Limits)...)
	for _, c := range m.Inputs[0].Codes {
		all = append(all, c.Meaning, c.Source)
	}
	for _, b := range m.Output.Bands {
		all = append(all, b.Name, b.Meaning)
	}
	if len(m.Sources) == 0 || len(m.Sources) > 16 || len(m.Card.Limits) == 0 || len(m.Card.Limits) > 16 {
		return wrong("/sources", "sources and card limits must be 1 to 16 texts each")
	}
	for _, s := range all {
		if s == "" || len(s) > 1000 {
			return wrong("", "every text must be 1 to 1000 bytes")
		}
	}
	if len(m.Output.Name) > 40 || len(m.Output.Display) > 30 || len(m.Output.Bands[0].Name) > 20 || len(m.Card.SourceLabel) > 100 {
		return wrong("/output", "name, display, band names and source label must be short")
	}
	if !https.MatchString(m.Card.SourceURL) {
		return wrong("/card/sourceURL", "must be an https URL")
	}
	return nil
}
