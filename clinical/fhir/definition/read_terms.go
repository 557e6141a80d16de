package definition

import (
	"encoding/json"
	"slices"
	"strings"
)

type jsonConcept struct {
	Code     string        `json:"code"`
	Display  string        `json:"display"`
	Concept  []jsonConcept `json:"concept"`
	Property []struct {
		Code         string `json:"code"`
		ValueCode    string `json:"valueCode"`
		ValueBoolean *bool  `json:"valueBoolean"`
	} `json:"property"`
}

// ReadCodeSystem reads a CodeSystem in JSON. ward.Invalid: it is none.
func ReadCodeSystem(body []byte) (*CodeSystem, error) {
	var j struct {
		ResourceType     string        `json:"resourceType"`
		URL              string        `json:"url"`
		Version          string        `json:"version"`
		Content          string        `json:"content"`
		CaseSensitive    *bool         `json:"caseSensitive"`
		HierarchyMeaning string        `json:"hierarchyMeaning"`
		Concept          []jsonConcept `json:"concept"`
	}
	if err := json.Unmarshal(body, &j); err != nil || j.ResourceType != "CodeSystem" || j.URL == "" {
		return nil, invalid("a CodeSystem in JSON with a url was expected")
	}
	c := &CodeSystem{URL: j.URL, Version: j.Version, Complete: j.Content == "complete", CaseSensitive: yes(j.CaseSensitive), Codes: map[string]Concept{},
		AnyCase: j.CaseSensitive != nil && !*j.CaseSensitive}
	if j.Content == "supplement" {
		c.Complete = false
		return c, nil
	}
	c.add(j.Concept, "", 0)
	return c, nil
}

const maxHierarchy = 50 // levels of a code system

func (c *CodeSystem) add(list []jsonConcept, parent string, depth int) {
	if depth > maxHierarchy {
		c.Complete = false
		return
	}
	for _, k := range list {
		con := Concept{Display: k.Display}
		if parent != "" {
			con.Parents = append(con.Parents, parent)
		}
		for _, p := range k.Property {
			switch {
			case (p.Code == "subsumedBy" || p.Code == "parent") && p.ValueCode != "":
				con.Parents = append(con.Parents, p.ValueCode)
			case p.Code == "notSelectable" && p.ValueBoolean != nil:
				con.Abstract = *p.ValueBoolean
			}
		}
		c.Codes[k.Code] = con
		c.add(k.Concept, k.Code, depth+1)
	}
}

// compose is what a value set is made of.
type compose struct {
	url, version, name string
	include, exclude   []part
	expansion          []part // of a ValueSet that came expanded and says nothing else
	whole              bool   // the expansion is not cut short
}

// part is one include or exclude.
type part struct {
	system    string
	all       bool // of the system
	concepts  []member
	filters   []filter
	valueSets []string
	hidden    int // concepts that were listed and are not shipped: codes of systems that are not HL7's
}

type member struct{ code, display string }

type filter struct{ property, op, value string }

type includeJSON struct {
	System  string `json:"system"`
	Concept []struct {
		Code    string `json:"code"`
		Display string `json:"display"`
	} `json:"concept"`
	Filter []struct {
		Property string `json:"property"`
		Op       string `json:"op"`
		Value    string `json:"value"`
	} `json:"filter"`
	ValueSet []string `json:"valueSet"`
}

type valueSetJSON struct {
	ResourceType string `json:"resourceType"`
	URL          string `json:"url"`
	Version      string `json:"version"`
	Name         string `json:"name"`
	Compose      *struct {
		Include []includeJSON `json:"include"`
		Exclude []includeJSON `json:"exclude"`
	} `json:"compose"`
	Expansion *struct {
		Total    *int              `json:"total"`
		Contains []json.RawMessage `json:"contains"`
	} `json:"expansion"`
}

// readValueSet reads a ValueSet in JSON. ward.Invalid: it is none.
func readValueSet(body []byte) (*compose, error) {
	var j valueSetJSON
	if err := json.Unmarshal(body, &j); err != nil || j.ResourceType != "ValueSet" || j.URL == "" {
		return nil, invalid("a ValueSet in JSON with a url was expected")
	}
	c := &compose{url: j.URL, version: j.Version, name: j.Name}
	switch {
	case j.Compose != nil:
		c.include, c.exclude = parts(j.Compose.Include), parts(j.Compose.Exclude)
	case j.Expansion != nil:
		x := expansion{of: c, bySystem: map[string]int{}}
		if err := x.add(j.Expansion.Contains, 0); err != nil {
			return nil, err
		}
		c.whole = j.Expansion.Total == nil || *j.Expansion.Total <= x.codes
	}
	return c, nil
}

func parts(list []includeJSON) (out []part) {
	for _, i := range list {
		p := part{system: i.System, valueSets: i.ValueSet, all: len(i.Concept) == 0 && len(i.Filter) == 0}
		for _, k := range i.Concept {
			p.concepts = append(p.concepts, member{k.Code, k.Display})
		}
		for _, f := range i.Filter {
			p.filters = append(p.filters, filter{f.Property, f.Op, f.Value})
		}
		out = append(out, p)
	}
	return out
}

// expansion gathers the codes of an expansion by their systems.
type expansion struct {
	of       *compose
	bySystem map[string]int // system -> its part
	codes    int
}

// add takes the codes of a list and of what is within its entries.
func (x *expansion) add(list []json.RawMessage, depth int) error {
	for _, raw := range list {
		var k struct {
			System   string            `json:"system"`
			Code     string            `json:"code"`
			Display  string            `json:"display"`
			Abstract bool              `json:"abstract"`
			Contains []json.RawMessage `json:"contains"`
		}
		if err := json.Unmarshal(raw, &k); err != nil || depth > maxHierarchy {
			return invalid("an expansion holds systems and codes")
		}
		if k.Code != "" && !k.Abstract {
			i, ok := x.bySystem[k.System]
			if !ok {
				i = len(x.of.expansion)
				x.bySystem[k.System], x.of.expansion = i, append(x.of.expansion, part{system: k.System})
			}
			x.of.expansion[i].concepts = append(x.of.expansion[i].concepts, member{k.Code, k.Display})
			x.codes++
		}
		if err := x.add(k.Contains, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// withheld are code systems at HL7's addresses whose codes are those of others, by what their copyright says: DICOM, ISO, the AHA.
var withheld = []string{"audit-event-type", "dicom-audit-lifecycle", "media-modality", "iso-21089-lifecycle", "ex-diagnosis-on-admission", "ex-revenue-center"}

const ucumSystem = "http://unitsofmeasure.org"

// shipped reports whether codes of a system may be in the embedded tables: those that HL7 made and gives away, and UCUM's, which package ucum has anyway.
func shipped(system string) bool {
	if system == ucumSystem {
		return true
	}
	if name, ok := strings.CutPrefix(system, "http://terminology.hl7.org/CodeSystem/"); ok {
		return !slices.Contains(withheld, name)
	}
	if strings.HasPrefix(system, "http://hl7.org/fhir/sid/") {
		return false
	}
	return strings.HasPrefix(system, "http://hl7.org/fhir/") || strings.HasPrefix(system, "http://terminology.hl7.org/")
}

// ReadSearchParameter reads a SearchParameter in JSON. ward.Invalid: it is none.
func ReadSearchParameter(body []byte) (*SearchParameter, error) {
	var j struct {
		ResourceType string   `json:"resourceType"`
		URL          string   `json:"url"`
		Code         string   `json:"code"`
		Type         string   `json:"type"`
		Base         []string `json:"base"`
		Expression   string   `json:"expression"`
		Target       []string `json:"target"`
		Component    []struct {
			Definition string `json:"definition"`
			Expression string `json:"expression"`
		} `json:"component"`
	}
	if err := json.Unmarshal(body, &j); err != nil || j.ResourceType != "SearchParameter" || j.URL == "" || j.Code == "" {
		return nil, invalid("a SearchParameter in JSON with a url and a code was expected")
	}
	p := &SearchParameter{Code: j.Code, URL: j.URL, Kind: j.Type, Base: j.Base, Expression: j.Expression, Targets: j.Target}
	for _, c := range j.Component {
		p.Components = append(p.Components, Component{c.Definition, c.Expression})
	}
	return p, nil
}

// readCompartment reads a CompartmentDefinition in JSON.
func readCompartment(body []byte) (*Compartment, error) {
	var j struct {
		ResourceType string `json:"resourceType"`
		Code         string `json:"code"`
		Resource     []struct {
			Code  string   `json:"code"`
			Param []string `json:"param"`
		} `json:"resource"`
	}
	if err := json.Unmarshal(body, &j); err != nil || j.ResourceType != "CompartmentDefinition" || j.Code == "" {
		return nil, invalid("a CompartmentDefinition in JSON with a code was expected")
	}
	c := &Compartment{Code: j.Code, Params: map[string][]string{}}
	for _, r := range j.Resource {
		if len(r.Param) > 0 {
			c.Params[r.Code] = r.Param
		}
	}
	return c, nil
}
