package definition

// Set is what is defined: the R4 specification, and the packages that were loaded onto it. It is immutable.
type Set struct {
	types        map[string]*Type // by Name and by URL
	params       map[string][]*SearchParameter
	byURL        map[string]*SearchParameter
	compartments map[string]*Compartment
	valueSets    map[string]*ValueSet
	codes        map[string]*CodeSystem
	structures   map[string]*Structure // profiles, extensions and base definitions by canonical URL
}

// Structure is a StructureDefinition with its snapshot: a profile, an extension, or the definition of a type.
type Structure struct {
	URL, Version, Name, Title string
	Type                      string // the type that it constrains: "Observation", "Extension"
	Base                      string // canonical URL of baseDefinition
	Kind                      Kind
	Abstract                  bool
	Derived                   bool                 // derivation is constraint: a profile
	Context                   []string             // of an extension: the paths where it may be used ("element" contexts), empty = anywhere
	ContextTypes              []string             // kinds of Context, one each: "element", "extension", "fhirpath"
	Package                   string               // "hl7.fhir.us.core#6.1.0"; "" of R4
	Elements                  []*ElementDefinition // the snapshot, in order; the first is the root
}

// ElementDefinition is one row of a snapshot.
type ElementDefinition struct {
	ID, Path              string // "Observation.category:us-core", "Observation.category"
	SliceName             string
	Min, Max              int
	Types                 []TypeRefText
	Content               string // contentReference: "#Questionnaire.item"
	Fixed                 []byte // JSON of fixed[x], nil = none
	Pattern               []byte // JSON of pattern[x], nil = none
	ValueType             string // the type of Fixed or Pattern: "CodeableConcept"
	MinValue, MaxValue    []byte // JSON; BoundType is their type
	BoundType             string
	MaxLength             int // 0 = none
	Binding               *Binding
	Constraints           []*Constraint
	MustSupport, Modifier bool
	Slicing               *Slicing
}

// TypeRefText is a type of an ElementDefinition by its names.
type TypeRefText struct {
	Code                           string // "Reference", "string"; the System.String of ids and urls is mapped to "string"
	Profiles, Targets, Aggregation []string
}

// Slicing of an element.
type Slicing struct {
	Discriminators []Discriminator
	Ordered        bool
	Rules          string // "open", "closed", "openAtEnd"
}

// Discriminator of a slicing.
type Discriminator struct {
	Kind string // "value", "pattern", "type", "profile", "exists"
	Path string // simple FHIRPath
}

// Type returns a type by its name ("Patient", "Patient.contact", "string") or URL, nil if there is none.
func (s *Set) Type(name string) *Type { return s.types[name] }

// Structure returns a StructureDefinition by its canonical URL (a "|version" is cut off and, where given, must fit), nil if there is none.
func (s *Set) Structure(canonical string) *Structure { return s.structures[canonical] }

// SearchParameters lists those that a resource type has, its own and those of Resource and DomainResource, by code.
func (s *Set) SearchParameters(resourceType string) []*SearchParameter { return s.params[resourceType] }

// SearchParameter returns one by its URL, nil if there is none.
func (s *Set) SearchParameter(url string) *SearchParameter { return s.byURL[url] }

// Compartment returns a compartment by its code ("Patient"), nil if there is none.
func (s *Set) Compartment(code string) *Compartment { return s.compartments[code] }

// ValueSet returns a value set by its canonical URL, nil if it is not known.
func (s *Set) ValueSet(canonical string) *ValueSet { return s.valueSets[canonical] }

// CodeSystem returns a code system by its URL, nil if it is not known.
func (s *Set) CodeSystem(url string) *CodeSystem { return s.codes[url] }

// Member returns what a JSON member name means in t, nil if t has no such member. "resourceType" is none of them.
func (t *Type) Member(name string) *Member { return t.members[name] }

// Is reports whether t is base or derives from it.
func (t *Type) Is(base *Type) bool {
	for ; t != nil; t = t.Base {
		if t == base {
			return true
		}
	}
	return false
}
