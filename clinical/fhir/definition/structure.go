package definition

// NotGiven is a Max that a differential leaves as it is.
const NotGiven = -2

// Structure is a StructureDefinition with its snapshot: a profile, an extension, or the definition of a type.
type Structure struct {
	URL, Version, Name, Title string
	Type                      string // the type that it constrains: "Observation", "Extension"
	Base                      string // canonical URL of baseDefinition
	Kind                      Kind
	Abstract                  bool
	Derived                   bool                 // derivation is constraint: a profile
	Logical                   bool                 // a logical model
	Partial                   bool                 // Elements are those of the differential: there is no snapshot, and none could be made
	Context                   []string             // of an extension: where it may be used; empty = anywhere
	ContextTypes              []string             // kinds of Context, one each: "element", "extension", "fhirpath"
	ContextInvariants         []string             // of an extension: FHIRPath that must hold where it is used
	Withheld                  []string             // ids of elements whose fixed codes are not HL7's to give away: they are not checked
	Package                   string               // "hl7.fhir.us.core#6.1.0"; "" of R4
	Elements                  []*ElementDefinition // the snapshot, in order; the first is the root
}

// ElementDefinition is one row of a snapshot.
type ElementDefinition struct {
	ID, Path           string // "Observation.category:us-core", "Observation.category"
	SliceName          string
	Min, Max           int // in a differential Min may be -1 and Max NotGiven
	BaseMax            int // Max of the element in its base type: what makes the JSON form an array
	Types              []TypeRefText
	Content            string // contentReference: "#Questionnaire.item"
	Fixed              []byte // JSON of fixed[x], nil = none
	Pattern            []byte // JSON of pattern[x], nil = none
	ValueType          string // the type of Fixed or Pattern: "CodeableConcept"
	MinValue, MaxValue []byte // JSON; BoundType is their type
	BoundType          string
	MaxLength          int    // 0 = none
	Regexp             string // of a primitive's value
	XMLAttr            bool
	Binding            *Binding
	Constraints        []*Constraint
	MustSupport        bool
	Modifier           bool
	Summary            bool
	Slicing            *Slicing
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
