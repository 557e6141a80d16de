package fhirpath

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func init() {
	define(map[string]*function{
		"elementDefinition": {eval: (*machine).fnElementDefinition, sig: anything},
		"slice":             {least: 2, most: 2, eval: (*machine).fnSlice, sig: same},
	})
}

// defined names an element of a type, or a type by itself.
type defined struct {
	typ  *definition.Type
	elem *definition.Element
}

// fnElementDefinition yields the definition of each element in its base type, as an element of type ElementDefinition. What is of the namespace System
// has none.
//
// SPEC(FHIR R4 fhirpath.html#functions)
func (m *machine) fnElementDefinition(_ *callOp, base int) error {
	n := len(m.stack)
	for i := base; i < n; i++ {
		v := m.stack[i]
		if v.kind != KindNode || m.set == nil {
			continue
		}
		doc, err := m.definition(&v)
		if err != nil {
			return err
		}
		if doc == nil {
			continue
		}
		if err := m.pushValue(node(doc, 0, -1, m.set.Type("ElementDefinition"), nil)); err != nil {
			return err
		}
	}
	m.drop(base, n)
	return nil
}

// definition returns the definition of an element as a text, nil if the set has none. An evaluation makes it once for each element of a type.
func (m *machine) definition(v *Value) (*tree.Doc, error) {
	at := defined{elem: v.elem}
	if v.elem == nil {
		at.typ = v.typ
	}
	if d, ok := m.defs[at]; ok {
		return d, nil
	}
	row, rows := at.row(m.set)
	if err := m.step(1 + rows>>2); err != nil || row == nil {
		return nil, err
	}
	text, err := definitionText(row)
	if err != nil {
		return nil, err
	}
	if err := m.charge(len(text)); err != nil {
		return nil, err
	}
	d := new(tree.Doc)
	if err := d.Parse(text, tree.Limits{}); err != nil {
		return nil, err
	}
	if m.defs == nil {
		m.defs = map[defined]*tree.Doc{}
	}
	m.defs[at] = d
	return d, m.read(8 * len(text))
}

// row finds the row of a snapshot, and says how many there are.
func (p defined) row(set *definition.Set) (*definition.ElementDefinition, int) {
	var path string
	switch {
	case p.elem != nil:
		path = p.elem.Path
	case p.typ != nil:
		path = p.typ.Name
	}
	name, _, _ := strings.Cut(path, ".")
	t := set.Type(name)
	if t == nil {
		return nil, 0
	}
	s := set.Structure(t.URL)
	if s == nil {
		return nil, 0
	}
	for _, e := range s.Elements {
		if e.Path == path && e.SliceName == "" {
			return e, len(s.Elements)
		}
	}
	return nil, len(s.Elements)
}

// The JSON of an ElementDefinition, as far as a definition.ElementDefinition says it.
type (
	jsonDefinition struct {
		ID               string           `json:"id,omitempty"`
		Path             string           `json:"path"`
		Representation   []string         `json:"representation,omitempty"`
		Slicing          *jsonSlicing     `json:"slicing,omitempty"`
		Min              *int             `json:"min,omitempty"`
		Max              string           `json:"max,omitempty"`
		ContentReference string           `json:"contentReference,omitempty"`
		Type             []jsonType       `json:"type,omitempty"`
		MaxLength        int              `json:"maxLength,omitempty"`
		Constraint       []jsonConstraint `json:"constraint,omitempty"`
		MustSupport      bool             `json:"mustSupport,omitempty"`
		IsModifier       bool             `json:"isModifier"`
		IsSummary        bool             `json:"isSummary"`
		Binding          *jsonBinding     `json:"binding,omitempty"`
	}
	jsonType struct {
		Extension     []jsonExtension `json:"extension,omitempty"`
		Code          string          `json:"code"`
		Profile       []string        `json:"profile,omitempty"`
		TargetProfile []string        `json:"targetProfile,omitempty"`
		Aggregation   []string        `json:"aggregation,omitempty"`
	}
	jsonConstraint struct {
		Extension  []jsonExtension `json:"extension,omitempty"`
		Key        string          `json:"key"`
		Severity   string          `json:"severity"`
		Human      string          `json:"human"`
		Expression string          `json:"expression,omitempty"`
		Source     string          `json:"source,omitempty"`
	}
	jsonBinding struct {
		Extension []jsonExtension `json:"extension,omitempty"`
		Strength  string          `json:"strength"`
		ValueSet  string          `json:"valueSet,omitempty"`
	}
	jsonSlicing struct {
		Discriminator []jsonDiscriminator `json:"discriminator,omitempty"`
		Ordered       bool                `json:"ordered"`
		Rules         string              `json:"rules"`
	}
	jsonDiscriminator struct {
		Type string `json:"type"`
		Path string `json:"path"`
	}
	jsonExtension struct {
		URL            string `json:"url"`
		ValueBoolean   bool   `json:"valueBoolean,omitempty"`
		ValueString    string `json:"valueString,omitempty"`
		ValueCanonical string `json:"valueCanonical,omitempty"`
	}
)

const extensionURL = "http://hl7.org/fhir/StructureDefinition/"

var strengths = map[definition.Strength]string{definition.Required: "required", definition.Extensible: "extensible", definition.Preferred: "preferred",
	definition.Example: "example"}

// definitionText writes an ElementDefinition as JSON. Texts for people, base, mappings and conditions are not in the definitions, and so not in it.
func definitionText(e *definition.ElementDefinition) ([]byte, error) {
	j := jsonDefinition{ID: e.ID, Path: e.Path, ContentReference: e.Content, MaxLength: e.MaxLength, MustSupport: e.MustSupport, IsModifier: e.Modifier, IsSummary: e.Summary}
	if e.Min >= 0 {
		j.Min = &e.Min
	}
	switch {
	case e.Max == definition.Unbounded:
		j.Max = "*"
	case e.Max >= 0:
		j.Max = strconv.Itoa(e.Max)
	}
	if e.XMLAttr {
		j.Representation = []string{"xmlAttr"}
	}
	for i, t := range e.Types {
		one := jsonType{Code: t.Code, Profile: t.Profiles, TargetProfile: t.Targets, Aggregation: t.Aggregation}
		if i == 0 && e.Regexp != "" {
			one.Extension = []jsonExtension{{URL: extensionURL + "regex", ValueString: e.Regexp}}
		}
		j.Type = append(j.Type, one)
	}
	for _, c := range e.Constraints {
		one := jsonConstraint{Key: c.Key, Severity: c.Severity, Human: c.Human, Expression: c.Expression, Source: c.Source}
		if c.BestPractice {
			one.Extension = []jsonExtension{{URL: extensionURL + "elementdefinition-bestpractice", ValueBoolean: true}}
		}
		j.Constraint = append(j.Constraint, one)
	}
	if b := e.Binding; b != nil {
		j.Binding = &jsonBinding{Strength: strengths[b.Strength], ValueSet: b.ValueSet}
		if b.Max != "" {
			j.Binding.Extension = []jsonExtension{{URL: extensionURL + "elementdefinition-maxValueSet", ValueCanonical: b.Max}}
		}
	}
	if s := e.Slicing; s != nil {
		j.Slicing = &jsonSlicing{Ordered: s.Ordered, Rules: s.Rules}
		for _, d := range s.Discriminators {
			j.Slicing.Discriminator = append(j.Slicing.Discriminator, jsonDiscriminator{d.Kind, d.Path})
		}
	}
	out, err := json.Marshal(j)
	return withValues(out, e), err
}

// withValues adds the members whose names end in a type.
func withValues(out []byte, e *definition.ElementDefinition) []byte {
	for _, v := range []struct {
		name, typ string
		value     []byte
	}{{"fixed", e.ValueType, e.Fixed}, {"pattern", e.ValueType, e.Pattern}, {"minValue", e.BoundType, e.MinValue}, {"maxValue", e.BoundType, e.MaxValue}} {
		if v.value != nil && v.typ != "" {
			out = append(out[:len(out)-1], `,"`+v.name+definition.Suffix(v.typ)+`":`...)
			out = append(append(out, v.value...), '}')
		}
	}
	return out
}

// fnSlice leaves those items of the input that are in a slice of a profile.
//
// SPEC(FHIR R4 fhirpath.html#functions): a structure that cannot be found, or that has no slice of the name, is an error; without input there is no result.
func (m *machine) fnSlice(o *callOp, base int) error {
	n := len(m.stack)
	profile, ok1, err := o.textArg(m, 0)
	if err != nil {
		return err
	}
	name, ok2, err := o.textArg(m, 1)
	if err != nil {
		return err
	}
	w := base
	for i := base; ok1 && ok2 && i < n; i++ {
		if err := m.step(1); err != nil {
			return err
		}
		item, ok := m.stack[i].Node()
		if !ok {
			return failf(o.at, "slice() is defined on elements, not on %s", m.stack[i].TypeName())
		}
		var in, known bool
		if m.c.Slice != nil {
			in, known = m.c.Slice(item, profile, name)
		}
		if !known {
			return failf(o.at, "the structure or the slice that slice() names is not known, or cannot be told here")
		}
		if in {
			m.stack[w] = m.stack[i]
			w++
		}
	}
	m.stack = m.stack[:w]
	return nil
}
