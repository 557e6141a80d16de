package view

// Kind is the form of a Value.
type Kind uint8

// The kinds.
const (
	Null    Kind = iota
	Boolean      // Int is 0 or 1
	Integer      // Int
	Decimal      // Text is the number as FHIRPath writes it, which is a JSON number
	Text         // Text: strings, codes, dates, times and all else that FHIR writes as a string
	JSON         // Text is the JSON of an element that is not primitive
	List         // Items
)

// Value is one cell. Its Text and Items are of use until the row has been handed on; Clone keeps them.
type Value struct {
	Kind  Kind
	Int   int64
	Text  []byte
	Items []Value
}

// Clone returns a copy that stays.
func (v Value) Clone() Value {
	if v.Text != nil {
		v.Text = append([]byte{}, v.Text...)
	}
	if v.Items != nil {
		items := make([]Value, len(v.Items))
		for i, item := range v.Items {
			items[i] = item.Clone()
		}
		v.Items = items
	}
	return v
}

// Column is a column of a view.
type Column struct {
	Name        string
	Path        string // the FHIRPath expression
	Type        string // FHIR type: "string", "positiveInt", "Quantity"
	Declared    bool   // Type stands in the definition
	Inferred    bool   // the path tells the type; where it does not and none is declared, Type is "string"
	Collection  bool   // values are lists
	Kind        Kind   // of the values, or of the items of a collection
	SQL         SQLType
	Description string
}

// Writer takes rows. Close writes what is left; it does not close what is beneath.
type Writer interface {
	Row(row []Value) error
	Close() error
}
