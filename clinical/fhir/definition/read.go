package definition

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
)

const (
	coreURL      = "http://hl7.org/fhir/StructureDefinition/"
	fhirTypeURL  = coreURL + "structuredefinition-fhir-type"
	regexURL     = coreURL + "regex"
	maxSetURL    = coreURL + "elementdefinition-maxValueSet"
	practiceURL  = coreURL + "elementdefinition-bestpractice"
	systemString = "http://hl7.org/fhirpath/System."
)

// text is the part of an extension that is looked at.
type text struct {
	URL            string `json:"url"`
	ValueURL       string `json:"valueUrl"`
	ValueURI       string `json:"valueUri"`
	ValueString    string `json:"valueString"`
	ValueCanonical string `json:"valueCanonical"`
	ValueBoolean   bool   `json:"valueBoolean"`
}

func (t text) value() string {
	for _, v := range []string{t.ValueURL, t.ValueURI, t.ValueString, t.ValueCanonical} {
		if v != "" {
			return v
		}
	}
	return ""
}

// jsonStructure is a StructureDefinition as sent.
type jsonStructure struct {
	ResourceType   string `json:"resourceType"`
	URL            string `json:"url"`
	Version        string `json:"version"`
	Name           string `json:"name"`
	Title          string `json:"title"`
	Kind           string `json:"kind"`
	Abstract       bool   `json:"abstract"`
	Type           string `json:"type"`
	BaseDefinition string `json:"baseDefinition"`
	Derivation     string `json:"derivation"`
	Context        []struct {
		Type       string `json:"type"`
		Expression string `json:"expression"`
	} `json:"context"`
	ContextInvariant []string      `json:"contextInvariant"`
	Snapshot         *jsonElements `json:"snapshot"`
	Differential     *jsonElements `json:"differential"`
}

type jsonElements struct {
	Element []json.RawMessage `json:"element"`
}

type jsonElement struct {
	ID             string   `json:"id"`
	Path           string   `json:"path"`
	Representation []string `json:"representation"`
	SliceName      string   `json:"sliceName"`
	Min            *int     `json:"min"`
	Max            string   `json:"max"`
	Base           *struct {
		Max string `json:"max"`
	} `json:"base"`
	ContentReference string `json:"contentReference"`
	Type             []struct {
		Code          string   `json:"code"`
		Profile       []string `json:"profile"`
		TargetProfile []string `json:"targetProfile"`
		Aggregation   []string `json:"aggregation"`
		Extension     []text   `json:"extension"`
	} `json:"type"`
	MaxLength  int `json:"maxLength"`
	Constraint []struct {
		Key        string `json:"key"`
		Severity   string `json:"severity"`
		Human      string `json:"human"`
		Expression string `json:"expression"`
		Source     string `json:"source"`
		Extension  []text `json:"extension"`
	} `json:"constraint"`
	MustSupport *bool `json:"mustSupport"`
	IsModifier  *bool `json:"isModifier"`
	IsSummary   *bool `json:"isSummary"`
	Binding     *struct {
		Strength  string `json:"strength"`
		ValueSet  string `json:"valueSet"`
		Extension []text `json:"extension"`
	} `json:"binding"`
	Slicing *struct {
		Discriminator []struct {
			Type string `json:"type"`
			Path string `json:"path"`
		} `json:"discriminator"`
		Ordered bool   `json:"ordered"`
		Rules   string `json:"rules"`
	} `json:"slicing"`
}

func invalid(public string) error { return ward.E(ward.Invalid, "definition.read", public, nil) }

// ReadStructure reads a StructureDefinition in JSON. Without a snapshot its Elements are those of the differential and Partial is set.
// ward.Invalid: it is none.
func ReadStructure(body []byte) (*Structure, error) {
	var j jsonStructure
	if err := json.Unmarshal(body, &j); err != nil || j.ResourceType != "StructureDefinition" {
		return nil, invalid("a StructureDefinition in JSON was expected")
	}
	if j.URL == "" || j.Type == "" {
		return nil, invalid("a StructureDefinition needs a url and a type")
	}
	s := &Structure{URL: j.URL, Version: j.Version, Name: j.Name, Title: j.Title, Type: strings.TrimPrefix(j.Type, coreURL), Base: j.BaseDefinition,
		Kind: kindOf[j.Kind], Logical: j.Kind == "logical", Abstract: j.Abstract, Derived: j.Derivation == "constraint", ContextInvariants: j.ContextInvariant}
	for _, c := range j.Context {
		s.Context, s.ContextTypes = append(s.Context, c.Expression), append(s.ContextTypes, c.Type)
	}
	have := j.Snapshot
	if have == nil || len(have.Element) == 0 {
		have, s.Partial = j.Differential, true
	}
	if have == nil {
		have = &jsonElements{}
	}
	for _, raw := range have.Element {
		e, err := readElement(raw)
		if err != nil {
			return nil, err
		}
		if s.Kind == Resource && e.Path == s.Type+".id" && len(e.Types) == 1 && e.Types[0].Code == "string" {
			e.Types[0].Code = "id" // the definitions say string here, the specification's text says id
		}
		s.Elements = append(s.Elements, e)
	}
	for i, id := range identify(s.Elements) {
		if s.Elements[i].ID == "" {
			s.Elements[i].ID = id
		}
	}
	return s, nil
}

var kindOf = map[string]Kind{"primitive-type": Primitive, "complex-type": Complex, "resource": Resource, "logical": Complex}

var strengthOf = map[string]Strength{"required": Required, "extensible": Extensible, "preferred": Preferred, "example": Example}

const (
	maxPath  = 1000 // bytes of a path
	maxDepth = 50   // names of a path
)

// readElement reads one element definition. Its ID is "" if it is not given.
func readElement(raw []byte) (*ElementDefinition, error) {
	var j jsonElement
	if err := json.Unmarshal(raw, &j); err != nil || j.Path == "" || len(j.Path) > maxPath || len(j.ID) > 2*maxPath || strings.Count(j.Path, ".") > maxDepth {
		return nil, invalid("an element definition needs a path, and values of the forms that the standard gives")
	}
	e := &ElementDefinition{ID: j.ID, Path: j.Path, SliceName: j.SliceName, Min: -1, Max: NotGiven, Content: j.ContentReference, MaxLength: j.MaxLength}
	if j.Min != nil {
		e.Min = *j.Min
	}
	var err error
	if e.Max, err = readMax(j.Max); err != nil {
		return nil, err
	}
	e.BaseMax = NotGiven
	if j.Base != nil {
		if e.BaseMax, err = readMax(j.Base.Max); err != nil {
			return nil, err
		}
	}
	e.XMLAttr = slices.Contains(j.Representation, "xmlAttr")
	for _, t := range j.Type {
		ref := TypeRefText{Code: strings.TrimPrefix(t.Code, coreURL), Profiles: t.Profile, Targets: t.TargetProfile, Aggregation: t.Aggregation}
		for _, x := range t.Extension {
			switch x.URL {
			case fhirTypeURL:
				ref.Code = strings.TrimPrefix(x.value(), coreURL)
			case regexURL:
				e.Regexp = x.value()
			}
		}
		if code, ok := strings.CutPrefix(ref.Code, systemString); ok {
			ref.Code = strings.ToLower(code[:1]) + code[1:]
		}
		e.Types = append(e.Types, ref)
	}
	for _, c := range j.Constraint {
		k := &Constraint{Key: c.Key, Severity: c.Severity, Human: c.Human, Expression: c.Expression, Source: c.Source}
		for _, x := range c.Extension {
			k.BestPractice = k.BestPractice || x.URL == practiceURL && x.ValueBoolean
		}
		e.Constraints = append(e.Constraints, k)
	}
	e.MustSupport, e.Modifier, e.Summary = yes(j.MustSupport), yes(j.IsModifier), yes(j.IsSummary)
	if b := j.Binding; b != nil {
		e.Binding = &Binding{Strength: strengthOf[b.Strength], ValueSet: b.ValueSet}
		for _, x := range b.Extension {
			if x.URL == maxSetURL {
				e.Binding.Max = x.value()
			}
		}
	}
	if s := j.Slicing; s != nil {
		e.Slicing = &Slicing{Ordered: s.Ordered, Rules: s.Rules}
		for _, d := range s.Discriminator {
			e.Slicing.Discriminators = append(e.Slicing.Discriminators, Discriminator{d.Type, d.Path})
		}
	}
	return e, readValues(raw, e)
}

func yes(b *bool) bool { return b != nil && *b }

func readMax(text string) (int, error) {
	switch text {
	case "":
		return NotGiven, nil
	case "*":
		return Unbounded, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalid("the max of an element definition is a number or *")
	}
	return n, nil
}

// readValues reads the members whose names end in a type: fixed[x], pattern[x], minValue[x], maxValue[x].
func readValues(raw []byte, e *ElementDefinition) error {
	if !bytes.Contains(raw, []byte(`"fixed`)) && !bytes.Contains(raw, []byte(`"pattern`)) && !bytes.Contains(raw, []byte(`Value`)) {
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return invalid("an element definition is a JSON object")
	}
	for name, value := range all {
		for prefix, to := range map[string]struct {
			value *[]byte
			typ   *string
		}{"fixed": {&e.Fixed, &e.ValueType}, "pattern": {&e.Pattern, &e.ValueType}, "minValue": {&e.MinValue, &e.BoundType}, "maxValue": {&e.MaxValue, &e.BoundType}} {
			typ, ok := strings.CutPrefix(name, prefix)
			if !ok || typ == "" || typ[0] < 'A' || typ[0] > 'Z' || typ == "Set" {
				continue
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, value); err != nil {
				return invalid("a fixed value is JSON")
			}
			*to.value, *to.typ = compact.Bytes(), typeOfSuffix(typ)
		}
	}
	return nil
}

// primitiveSuffixes are the types whose names begin with a small letter.
var primitiveSuffixes = []string{"base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer", "markdown", "oid",
	"positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid"}

// typeOfSuffix turns "CodeableConcept" and "DateTime" into the names of their types.
func typeOfSuffix(suffix string) string {
	small := strings.ToLower(suffix[:1]) + suffix[1:]
	if slices.Contains(primitiveSuffixes, small) {
		return small
	}
	return suffix
}

// Suffix is what a choice element's JSON name has behind its name for a type: "CodeableConcept", "DateTime".
func Suffix(typeName string) string { return strings.ToUpper(typeName[:1]) + typeName[1:] }
