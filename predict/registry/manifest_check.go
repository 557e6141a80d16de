package registry

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/conformal"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/explain"
)

func head(m Manifest) error {
	switch {
	case m.Schema != Schema && m.Schema != Schema2:
		return wrong("/schema", "must be "+Schema+" or "+Schema2)
	case !slug.MatchString(m.Name):
		return wrong("/name", "must be a slug of 1 to 64 lower-case letters, digits and hyphens")
	case !release.MatchString(m.Version):
		return wrong("/version", "must have the form major.minor.patch")
	case m.Kind != KindFormula && (m.Kind != KindTrees || m.Schema == Schema):
		return wrong("/kind", "must be formula, or trees in "+Schema2)
	}
	return nil
}

// first keeps manifests of the first form to what it has.
func first(m Manifest) error {
	if m.Schema != Schema {
		return nil
	}
	if len(m.Files) > 0 || len(m.Trees.Features) > 0 || m.Trees.File != "" || m.Interval != (Interval{}) || m.Needed != 0 || m.Events ||
		m.Outcome != (Outcome{}) || m.CardFile != "" {
		return wrong("", "files, trees, interval, needed, events, outcome and cardFile are members of "+Schema2)
	}
	for i, in := range m.Inputs {
		if in.Source != "" || in.Charge != 0 || len(in.Coding) > 0 {
			return wrong(fmt.Sprintf("/inputs/%d", i), "source, charge and coding are members of "+Schema2)
		}
	}
	return nil
}

// The bounds of an artefact.
const (
	MaxFiles = 16
	MaxFile  = 8 << 20 // bytes
)

func files(m Manifest) error {
	if len(m.Files) > MaxFiles {
		return wrong("/files", "an artefact has at most 16 files")
	}
	for i, f := range m.Files {
		at := fmt.Sprintf("/files/%d", i)
		if !fileName.MatchString(f.Name) || f.Name == resourceName {
			return wrong(at+"/name", "must be a file name of 1 to 64 letters, digits, '.', '-' and '_', other than manifest.json")
		}
		if i > 0 && f.Name <= m.Files[i-1].Name {
			return wrong(at+"/name", "files stand in the order of their names, each once")
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 || hex.EncodeToString(sum) != f.SHA256 {
			return wrong(at+"/sha256", "must be 64 lower-case hexadecimal digits")
		}
	}
	for path, name := range map[string]string{"/trees/file": m.Trees.File, "/interval/file": m.Interval.File, "/cardFile": m.CardFile} {
		if name != "" && !slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name }) {
			return wrong(path, "must be one of files")
		}
	}
	return nil
}

const maxInputs = 200

func inputs(m Manifest) error {
	if len(m.Inputs) == 0 || len(m.Inputs) > maxInputs {
		return wrong("/inputs", "must be 1 to 200 inputs")
	}
	seen, codes := map[string]bool{}, map[string]bool{}
	optional := 0
	for i, in := range m.Inputs {
		at := fmt.Sprintf("/inputs/%d", i)
		if !inputName.MatchString(in.Name) || seen[in.Name] {
			return wrong(at+"/name", "must be 1 to 40 letters, digits, spaces and hyphens, each name once")
		}
		if in.Name == "age" && in.Source != FromAge || in.Name == "sex" && in.Source != FromSex {
			return wrong(at+"/name", "age and sex are the names of the patient's own, by their source")
		}
		seen[in.Name] = true
		if in.Missing == "allow" {
			optional++
		}
		if err := input(at, in, codes); err != nil {
			return err
		}
	}
	if m.Needed < 0 || m.Needed > optional {
		return wrong("/needed", "must be 0 to the number of inputs that may be missing")
	}
	return nil
}

func input(at string, in Input, codes map[string]bool) error {
	low, err1 := ucum.ParseDecimal(in.Low)
	high, err2 := ucum.ParseDecimal(in.High)
	if err1 != nil || err2 != nil || low.Sign() < 0 || low.Cmp(high) >= 0 {
		return wrong(at+"/low", "low and high must be decimal numbers, 0 <= low < high")
	}
	if _, err := ucum.Parse(in.Unit); err != nil {
		return wrong(at+"/unit", "must be a UCUM unit that this build knows")
	}
	if in.Missing != "refuse" && (in.Missing != "allow" || !in.Measured()) {
		return wrong(at+"/missing", "must be refuse, or allow for a measured input")
	}
	switch {
	case in.Measured():
		return measured(at, in, codes)
	case in.Source == FromAge:
		if in.Unit != "a" || len(in.Codes)+len(in.Coding) > 0 {
			return wrong(at, "an age is in a (years) and has neither codes nor coding")
		}
	case in.Source == FromSex:
		if in.Unit != "1" || len(in.Codes) > 0 || len(in.Coding) == 0 || len(in.Coding) > 4 {
			return wrong(at, "a sex has the unit 1, no codes, and a coding of 1 to 4 administrative genders")
		}
		for g, n := range in.Coding {
			if _, err := ucum.ParseDecimal(n); err != nil || g != "female" && g != "male" && g != "other" && g != "unknown" {
				return wrong(at+"/coding", "must give a number to female, male, other or unknown")
			}
		}
	default:
		return wrong(at+"/source", "must be observation, age or sex")
	}
	return nil
}

func measured(at string, in Input, codes map[string]bool) error {
	if len(in.Codes) == 0 || len(in.Codes) > 16 {
		return wrong(at+"/codes", "must be 1 to 16 codes")
	}
	for _, c := range in.Codes {
		if c.System != LOINC || !loinc.MatchString(c.Code) {
			return wrong(at+"/codes", "must be LOINC codes")
		}
		if codes[c.Code] {
			return wrong(at+"/codes", "a code belongs to one input only")
		}
		codes[c.Code] = true
	}
	if in.Molecule != "" {
		if _, err := ucum.MolarMass(in.Molecule); err != nil {
			return wrong(at+"/molecule", "must be a molecular formula in Hill order")
		}
	}
	if in.Charge < 0 || in.Charge > 8 || in.Charge > 0 && in.Molecule == "" {
		return wrong(at+"/charge", "must be 0 to 8, and needs a molecule")
	}
	if in.MaxAgeDays < 1 || in.MaxAgeDays > 36500 {
		return wrong(at+"/maxAgeDays", "must be 1 to 36500")
	}
	if len(in.Coding) > 0 {
		return wrong(at+"/coding", "is for sex")
	}
	return nil
}

// model checks what the kind of model needs.
func model(m Manifest) error {
	if m.Kind == KindTrees {
		return trees(m)
	}
	// For the one equation of this build, creatinine in mg/dL.
	if len(m.Inputs) != 1 || m.Inputs[0].Name != "creatinine" || m.Inputs[0].Unit != "mg/dL" || m.Inputs[0].Missing != "refuse" || !m.Inputs[0].Measured() {
		return wrong("/inputs", "the equation "+engine.CKDEPI2021+" takes one input, creatinine in mg/dL, and not without it")
	}
	if len(m.Trees.Features) > 0 || m.Interval.Method != "" {
		return wrong("/trees", "a formula has neither trees nor a calibrated interval")
	}
	if _, err := engine.Compile(m.Formula); err != nil || m.Schema == Schema {
		return err
	}
	switch {
	case m.Trees.File != "" || m.Trees.Engine != "" || m.Trees.Explain != "" || len(m.Trees.Features) > 0:
		return wrong("/trees", "is for trees")
	case m.Events || m.Outcome != (Outcome{}):
		return wrong("/events", "a formula gives a value, not the risk of an outcome")
	case m.Interval.Method != "":
		return wrong("/interval/method", "this build has no intervals for formulas: give the reason why there is none")
	}
	return interval(m.Interval)
}

func trees(m Manifest) error {
	t := m.Trees
	switch {
	case m.Formula.Equation != "" || m.Formula.Engine != "" || len(m.Formula.Parameters) > 0:
		return wrong("/formula", "is for formulas")
	case t.File == "":
		return wrong("/trees/file", "must name the file of the ensemble")
	case t.Engine != engine.TreesVersion:
		return wrong("/trees/engine", "must be "+engine.TreesVersion)
	case t.Explain != explain.Version:
		return wrong("/trees/explain", "must be "+explain.Version)
	case len(t.Features) != len(m.Inputs):
		return wrong("/trees/features", "must name every input once, in the order of the file's features")
	case m.Output.Unit != "%" && m.Output.Unit != "1":
		return wrong("/output/unit", "a probability is given in % or 1")
	}
	for _, f := range t.Features {
		if n := slices.IndexFunc(m.Inputs, func(in Input) bool { return in.Name == f }); n < 0 {
			return wrong("/trees/features", "must name every input once, in the order of the file's features")
		}
	}
	if sorted := slices.Sorted(slices.Values(t.Features)); len(slices.Compact(sorted)) != len(t.Features) {
		return wrong("/trees/features", "must name every input once, in the order of the file's features")
	}
	if m.Outcome.Text == "" || len(m.Outcome.Text) > 200 || m.Outcome.Horizon == "" || len(m.Outcome.Horizon) > 40 || m.Outcome.Days < 1 || m.Outcome.Days > 36500 {
		return wrong("/outcome", "must say in short what the risk is of, and over which time")
	}
	return interval(m.Interval)
}

func interval(i Interval) error {
	switch {
	case i.Method == conformal.VennAbers && i.File != "" && i.Reason == "":
	case i.Method == "" && i.File == "" && i.Reason != "" && len(i.Reason) <= 200:
	default:
		return wrong("/interval", "must be "+conformal.VennAbers+" with its file, or the reason why there is none")
	}
	return nil
}

func output(m Manifest) error {
	o := m.Output
	if (o.System != LOINC || !loinc.MatchString(o.Code)) && (m.Schema == Schema || o.System != "" || o.Code != "") {
		return wrong("/output/code", "must be a LOINC code")
	}
	if _, err := ucum.Parse(o.Unit); err != nil {
		return wrong("/output/unit", "must be a UCUM unit that this build knows")
	}
	if o.Decimals < 0 || o.Decimals > 6 || o.ShownDecimals < 0 || o.ShownDecimals > o.Decimals {
		return wrong("/output/decimals", "must satisfy 0 <= shownDecimals <= decimals <= 6")
	}
	if len(o.Bands) > 16 || len(o.Bands) == 0 && m.Schema == Schema {
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
	all := append([]string{m.Title, m.Description, m.Output.Name, m.Output.Display, m.Card.Equation, m.Card.SourceLabel, m.Licence},
		slices.Concat(m.Sources, m.Card.Limits)...)
	for _, in := range m.Inputs {
		all = append(all, in.Title)
		for _, c := range in.Codes {
			all = append(all, c.Meaning, c.Source)
		}
	}
	for _, b := range m.Output.Bands {
		all = append(all, b.Name, b.Meaning, m.Output.BandSource)
		if len(b.Name) > 20 {
			return wrong("/output/bands", "a band's name has at most 20 bytes")
		}
	}
	if len(m.Sources) == 0 || len(m.Sources) > 16 || len(m.Card.Limits) == 0 || len(m.Card.Limits) > 16 {
		return wrong("/sources", "sources and card limits must be 1 to 16 texts each")
	}
	if m.Kind == KindTrees {
		all = append(all, m.Outcome.Text, m.Outcome.Horizon)
	}
	for _, s := range all {
		if s == "" || len(s) > 1000 || strings.ContainsFunc(s+m.Interval.Reason, unicode.IsControl) {
			return wrong("", "every text must be one line of 1 to 1000 bytes")
		}
	}
	if len(m.Output.Name) > 40 || len(m.Output.Display) > 30 || len(m.Card.SourceLabel) > 100 {
		return wrong("/output", "name, display and source label must be short")
	}
	if !https.MatchString(m.Card.SourceURL) {
		return wrong("/card/sourceURL", "must be an https URL")
	}
	return nil
}
