package definition

import (
	"encoding/json"
	"slices"
	"strings"
)

// vitalSigns are the codes of LOINC by which R4 tells vital signs, with their names, unchanged. They are used under the notice in r4/LICENSE-LOINC.txt.
var vitalSigns = map[string]string{
	"85353-1": "Vital signs, weight, height, head circumference, oxygen saturation and BMI panel",
	"9279-1":  "Respiratory rate",
	"8867-4":  "Heart rate",
	"2708-6":  "Oxygen saturation in Arterial blood",
	"8310-5":  "Body temperature",
	"8302-2":  "Body height",
	"9843-4":  "Head Occipital-frontal circumference",
	"29463-7": "Body weight",
	"39156-5": "Body mass index (BMI) [Ratio]",
	"85354-9": "Blood pressure panel with all children optional",
	"8480-6":  "Systolic blood pressure",
	"8462-4":  "Diastolic blood pressure",
}

// given reports whether a code may be in the embedded tables.
func given(system, code string) bool {
	_, vital := vitalSigns[code]
	return shipped(system) || system == "http://loinc.org" && vital
}

// withhold takes out of a structure the codes of systems that are not HL7's. What is left of it asks for less, never for something else: a fixed
// value becomes a pattern, and a slice that such a code tells from others is left out whole. s.Withheld names them.
func (s *Structure) withhold() {
	systems := map[string]string{} // id without its end -> fixed system
	for _, e := range s.Elements {
		if base, ok := strings.CutSuffix(e.ID, ".system"); ok && e.Fixed != nil {
			systems[base] = strings.Trim(string(e.Fixed), `"`)
		}
	}
	var gone []string
	for _, e := range s.Elements {
		base := e.ID[:max(0, strings.LastIndexByte(e.ID, '.'))]
		system, fixed := systems[base]
		took := false
		if name := e.ID[len(base):]; fixed && !given(system, strings.Trim(string(e.Fixed), `"`)) && (name == ".code" || name == ".unit" || name == ".display") && (e.Fixed != nil || e.Pattern != nil) {
			e.Fixed, e.Pattern, e.ValueType, took = nil, nil, "", true
		}
		if v, ok := bareValue(e.Fixed); ok {
			e.Fixed, e.Pattern, took = nil, v, true
		}
		if v, ok := bareValue(e.Pattern); ok {
			e.Pattern, took = v, true
		}
		if took {
			s.Withheld = append(s.Withheld, e.ID)
			if slice := outerSlice(e.ID); slice != "" {
				gone = append(gone, slice)
			}
		}
	}
	s.Elements = slices.DeleteFunc(s.Elements, func(e *ElementDefinition) bool {
		return slices.ContainsFunc(gone, func(id string) bool { return e.ID == id || strings.HasPrefix(e.ID, id+".") })
	})
}

// outerSlice returns the id of the outermost slice that an id is in, slices of a choice by type set aside; "" if it is in none.
func outerSlice(id string) string {
	segments := strings.Split(id, ".")
	for i, segment := range segments {
		if name, _, sliced := strings.Cut(segment, ":"); sliced && !strings.HasSuffix(name, "[x]") {
			return strings.Join(segments[:i+1], ".")
		}
	}
	return ""
}

// bareValue returns a JSON value without the codes and displays of systems that are not shipped; ok if there were any.
func bareValue(value []byte) (bare []byte, ok bool) {
	var v any
	if value == nil || json.Unmarshal(value, &v) != nil || !bareOf(v) {
		return nil, false
	}
	b, err := json.Marshal(v)
	return b, err == nil
}

func bareOf(v any) (took bool) {
	switch v := v.(type) {
	case map[string]any:
		system, ok := v["system"].(string)
		if code, _ := v["code"].(string); ok && v["code"] != nil && !given(system, code) {
			delete(v, "code")
			delete(v, "display")
			delete(v, "unit")
			took = true
		}
		for _, inner := range v {
			took = bareOf(inner) || took
		}
	case []any:
		for _, inner := range v {
			took = bareOf(inner) || took
		}
	}
	return took
}
