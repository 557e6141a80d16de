package definition

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
)

// The npm package changes some definitions: it adds elements of its own and of FHIR R5, types and targets to others. Its file of data elements is
// that of FHIR 4.0.1, so every element of a resource is held against it.

// elementsFile holds one StructureDefinition for each element of the resources, but for those that have elements in them.
const elementsFile = "dataelements.json"

// longPath is the length from which on data elements share ids, which cut paths off: some of them are not there.
const longPath = 60

// added are the definitions that FHIR 4.0.1 does not have.
var added = []string{
	coreURL + "SubscriptionStatus",                                        // of R4B
	"http://hl7.org/fhir/SearchParameter/DeviceDefinition-classification", // of R5
	"http://hl7.org/fhir/detectedissue-status", "http://hl7.org/fhir/ValueSet/detectedissue-status",
}

// metaElements are the elements of Meta: the data elements do not tell those of types.
var metaElements = []string{"Meta", "Meta.id", "Meta.extension", "Meta.versionId", "Meta.lastUpdated", "Meta.source", "Meta.profile", "Meta.security", "Meta.tag"}

// addedInvariants came with the elements that are not of FHIR 4.0.1.
var addedInvariants = []string{"evv-1"}

// repair sets right what the source changed.
type repair struct {
	elements map[string]*ElementDefinition // path -> as FHIR 4.0.1 has it
	order    map[string][]string           // path -> paths of its children, in order
}

func newRepair(from fs.FS) (*repair, error) {
	r := &repair{elements: map[string]*ElementDefinition{}, order: map[string][]string{}}
	err := entries(from, elementsFile, func(body []byte) error {
		var j struct {
			Snapshot struct {
				Element []json.RawMessage `json:"element"`
			} `json:"snapshot"`
		}
		if err := json.Unmarshal(body, &j); err != nil || len(j.Snapshot.Element) == 0 {
			return invalid("a data element has one element")
		}
		e, err := readElement(j.Snapshot.Element[0])
		if err != nil {
			return err
		}
		e.ID = e.Path
		r.elements[e.Path] = e
		up := e.Path[:max(0, strings.LastIndexByte(e.Path, '.'))]
		r.order[up] = append(r.order[up], e.Path)
		return nil
	})
	return r, err
}

// structure sets a definition of a type right.
func (r *repair) structure(s *Structure) {
	if s.Type == "Meta" {
		s.Elements = slices.DeleteFunc(s.Elements, func(e *ElementDefinition) bool { return !slices.Contains(metaElements, e.Path) })
	}
	if s.Kind != Resource || s.Logical {
		return
	}
	parents := map[string]bool{}
	for _, e := range s.Elements {
		parents[e.Path[:max(0, strings.LastIndexByte(e.Path, '.'))]] = true
	}
	var kept []*ElementDefinition
	gone := ""
	for _, e := range s.Elements {
		if gone != "" && strings.HasPrefix(e.Path, gone+".") {
			continue
		}
		if !r.has(e, parents[e.Path]) {
			gone = e.Path
			continue
		}
		if is := r.elements[e.Path]; is != nil && !parents[e.Path] {
			r.same(e, is)
		}
		e.Constraints = slices.DeleteFunc(e.Constraints, func(c *Constraint) bool { return slices.Contains(addedInvariants, c.Key) })
		kept = append(kept, e)
	}
	s.Elements = r.insert(kept)
}

// has reports whether FHIR 4.0.1 has an element.
func (r *repair) has(e *ElementDefinition, parent bool) bool {
	switch {
	case !strings.Contains(e.Path, ".") || e.Content != "":
		return true
	case parent:
		return r.elements[e.Path+".id"] != nil || len(e.Path)+len(".id") > longPath
	}
	return r.elements[e.Path] != nil || len(e.Path) > longPath
}

// same gives an element the types, counts and binding that FHIR 4.0.1 gives it.
func (r *repair) same(e, is *ElementDefinition) {
	e.Min, e.Max = is.Min, is.Max
	if b := is.Binding; b == nil || e.Binding == nil || e.Binding.ValueSet != b.ValueSet || e.Binding.Strength != b.Strength {
		e.Binding = b
	}
	if resourceID := strings.Count(e.Path, ".") == 1 && strings.HasSuffix(e.Path, ".id"); resourceID {
		return
	}
	if !slices.EqualFunc(e.Types, is.Types, func(a, b TypeRefText) bool { return a.Code == b.Code && slices.Equal(a.Targets, b.Targets) }) {
		e.Types = is.Types
	}
}

// insert puts in the elements that are not there, each behind the one that it follows.
func (r *repair) insert(list []*ElementDefinition) []*ElementDefinition {
	have := map[string]bool{}
	for _, e := range list {
		have[e.Path] = true
	}
	var out []*ElementDefinition
	for _, e := range list {
		out = append(out, e)
		siblings := r.order[e.Path[:max(0, strings.LastIndexByte(e.Path, '.'))]]
		for i := slices.Index(siblings, e.Path) + 1; i > 0 && i < len(siblings) && !have[siblings[i]] && strings.Contains(e.Path, "."); i++ {
			have[siblings[i]] = true
			out = append(out, r.elements[siblings[i]])
		}
	}
	return out
}

// easeUnits makes the units of components of vital signs extensible: the profiles of R4 require a value set that lacks units which their own text and its
// examples use, such as L/min of an oxygen flow; R5 says extensible.
func (s *Structure) easeUnits() {
	const units = "http://hl7.org/fhir/ValueSet/ucum-vitals-common"
	for _, e := range s.Elements {
		if b := e.Binding; b != nil && strings.HasPrefix(e.Path, "Observation.component.value") && b.Strength == Required && strings.TrimSuffix(b.ValueSet, "|4.0.1") == units {
			e.Binding = &Binding{Strength: Extensible, ValueSet: b.ValueSet, Max: b.Max}
		}
	}
}
