package index

// Kind of a search value, as http://hl7.org/fhir/search-param-type.
type Kind uint8

// The kinds.
const (
	Token Kind = iota + 1
	Reference
	Date
	String
	Quantity
	Number
	URI
	Composite
)

// kinds names the kinds as definitions do.
var kinds = map[string]Kind{
	"token": Token, "reference": Reference, "date": Date, "string": String, "quantity": Quantity, "number": Number, "uri": URI, "composite": Composite,
}

// String is the kind's code in http://hl7.org/fhir/search-param-type; "" of none.
func (k Kind) String() string {
	for name, one := range kinds {
		if one == k {
			return name
		}
	}
	return ""
}

// Value is one search value. Its bytes point into the text of the resource or into the Collector: they are valid until the next Collect.
type Value struct {
	Param int  // place in Table.Params
	Kind  Kind // of a component of a composite: the component's
	Form  Form

	// Token: System and Code; "" where there is none. Of an Identifier or ContactPoint Code is the value.
	// Reference: System is the target's type and Code its id where the reference is relative, or absolute and of the form of FHIR's REST; Base
	// is then what stood before. Otherwise System is "" and Code the whole: a URN, a canonical without version. Version is what stood behind
	// /_history/ or |.
	// String: Code is the folded text. URI: Code is the text.
	// Quantity: System and Code of the unit, or Code alone is the unit's text.
	System, Code, Version, Base []byte

	Lo, Hi    int64   // Date: from Lo to before Hi, in Unix microseconds; math.MinInt64 and MaxInt64 are open
	Num       float64 // Number, Quantity: the value as written; NaN where it is a range only
	Low, High float64 // Number, Quantity: from Low to High, by the precision that was written; infinite where it is open

	Group     int32 // Composite: values of one resource with the same Param and Group belong together; else 0
	Component int16 // Composite: which component of the parameter, from 0
}

// Form tells values apart that one element gives for several ways of searching.
type Form uint8

// The forms.
const (
	Plain       Form = iota
	InBaseUnits      // Quantity in canonical UCUM units: System is that of UCUM, Code the unit in base units
	Text             // Token: the folded text or display, for :text
	Identifier       // Reference: the system and value of Reference.identifier, for :identifier
)
