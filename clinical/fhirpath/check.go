package fhirpath

import "github.com/ward-health/ward/clinical/fhir/definition"

// signature says how the type of a function's result follows from those of its input and arguments.
type signature uint8

const (
	anything  signature = iota // not known
	same                       // that of the input
	ordered                    // that of the input, whose order has to have a meaning
	unordered                  // children, in no order
	joined                     // that of the input or of the argument
	argument                   // that of the argument
	repeated                   // that of the argument, again and again
	ofTypeArg                  // the type that is named
	iifSig
	onBooleans    // Boolean of Booleans
	textToText    // of a String
	textToInteger // of a String
	textToBoolean // of a String
	toBoolean
	toInteger
	toDecimal
	toText
	toDate
	toDateTime
	toTime
	toQuantity
)

// CheckOptions say how strict Check is.
type CheckOptions struct {
	Ordered    bool // an order must not be taken from what has none: children().skip(1)
	Conditions bool // what is a condition must be Boolean: iif('text', ...)
}

// Check does nothing yet.
func (e *Expression) Check(set *definition.Set, t *definition.Type, o CheckOptions) error { return nil }
