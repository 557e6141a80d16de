package definition

import (
	"encoding/json"
	"slices"
	"strings"
)

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
		if name := e.ID[len(base):]; fixed && !shipped(system) && (name == ".code" || name == ".unit" || name == ".display") && (e.Fixed != nil || e.Pattern != nil) {
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
		if system, ok := v["system"].(string); ok && v["code"] != nil && !shipped(system) {
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
