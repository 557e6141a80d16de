package definition

// Kind of a type.
type Kind uint8

// The kinds.
const (
	Primitive Kind = iota + 1
	Complex        // HumanName, Extension, Quantity
	Backbone       // the content of an element that is defined in place: Patient.contact
	Resource
)

// Unbounded is the Max of an element that may repeat without end ("*").
const Unbounded = -1

// Type is a FHIR type of the specification (not a profile).
type Type struct {
	Name     string // "Patient", "HumanName", "string"; of a backbone its path: "Patient.contact"
	URL      string // "http://hl7.org/fhir/StructureDefinition/Patient"; "" of a backbone
	Kind     Kind
	Abstract bool
	Base     *Type // BackboneElement of a backbone; nil at the top

	Elements    []*Element    // all, inherited ones first, in the order of the definition
	Constraints []*Constraint // on the type itself, inherited ones included

	// JSON form of a Primitive: "string", "boolean" or "number"; its rule is Regexp (anchored), "" if there is none.
	JSON   string
	Regexp string

	members map[string]*Member // see Member
}

// Element is one element of a type.
type Element struct {
	Owner       *Type
	Name        string // without the "[x]" of a choice: "value"
	Path        string // as defined: "Observation.value[x]"
	Choice      bool   // its JSON name ends in the type's
	Min, Max    int    // Max may be Unbounded
	Types       []TypeRef
	Content     *Type // of a contentReference, and of an element that is defined in place: its backbone
	Binding     *Binding
	Constraints []*Constraint // on this element, beside those of its type
	Modifier    bool
	Summary     bool
	Array       bool // the JSON form is an array (Max of the specification is not 1)
	Order       int  // position in Owner.Elements, for the order of XML
	XMLAttr     bool // written as an attribute in XML: id of elements, url of Extension
}

// TypeRef is one of the types that an element may have.
type TypeRef struct {
	Type                           *Type
	Profiles                       []string // canonical URLs; any one of them has to hold
	Targets                        []string // of a Reference or canonical: canonical URLs of what it may point at; empty: anything
	Contained, Referenced, Bundled bool     // aggregation modes that are allowed; none set: any
}

// Member is what a JSON member name of a type means.
type Member struct {
	Name    string // "valueQuantity", "_birthDate"
	Element *Element
	Type    *Type // of the value: of "_birthDate" it is Element
	Extra   bool  // "_x": id and extensions of a primitive
	Ordinal int   // position of the element's type choice in Element.Types
}

// Strength of a binding.
type Strength uint8

// The strengths.
const (
	Required Strength = iota + 1
	Extensible
	Preferred
	Example
)

// Binding ties an element to a value set.
type Binding struct {
	Strength Strength
	ValueSet string // canonical URL, perhaps with "|version"
	Max      string // of the maxValueSet extension, "" = none
}

// Constraint is an invariant.
type Constraint struct {
	Key          string
	Severity     string // "error" or "warning"
	BestPractice bool
	Human        string
	Expression   string // FHIRPath; "" = not given
	Source       string // canonical URL of the definition that made it
}

// SearchParameter of R4 or of a package.
type SearchParameter struct {
	Code       string
	URL        string
	Kind       string   // "token", "reference", "date", "string", "quantity", "number", "uri", "composite", "special"
	Base       []string // resource types
	Expression string   // FHIRPath; "" of special ones
	Targets    []string // resource types of a reference
	Components []Component
}

// Component of a composite search parameter.
type Component struct {
	Definition string // URL of the search parameter
	Expression string
}

// Compartment says by which search parameters a resource is in a compartment.
type Compartment struct {
	Code   string              // "Patient"
	Params map[string][]string // resource type -> codes; a type that is not there is in none
}

// ValueSet is a set of codes as far as this build knows it.
type ValueSet struct {
	URL, Version, Name string
	// Codes lists the members: system -> code -> display ("" if it is not known). A system that is there without
	// codes (nil) is included whole but its codes are not known here.
	Codes map[string]map[string]string
	// Complete reports that Codes is all of it. If it is not, a code that is not in Codes may still be a member.
	Complete bool
	// Closed reports that every system that a member can be of is in Codes, be it without its codes.
	Closed bool

	lower map[string]map[string]bool // the codes, in lower case, of the systems of Codes that take any case
}

// CodeSystem is a code system as far as this build knows it.
type CodeSystem struct {
	URL, Version  string
	Complete      bool // Codes is all of it
	CaseSensitive bool
	AnyCase       bool // it says that codes which differ by case alone are the same; of R4's own this is not kept
	Codes         map[string]Concept
}

// Concept is a code of a code system.
type Concept struct {
	Display  string
	Parents  []string // in the hierarchy; nil = none, or not known
	Abstract bool     // for grouping only
}
