// Package ward holds the nouns of Ward: tenant, principal, purpose of use, reference, message, resource,
// version, decision, outcome and alarm, one identifier type and one error type.
//
// A new type appears when the state changes: a Message is bytes nobody has believed yet, a Resource has been
// understood, a Version has been stored durably, a Decision has been answered by a model, an Outcome is what
// happened afterwards, an Alarm is what a watcher found. A function that takes a Version cannot be handed a Message.
//
// The package imports the standard library only and does no I/O. It never prints patient data: bytes that may hold
// such data have the type Protected, which prints its length and nothing else.
//
// Read in this order: ward.go, protected.go, error.go, id.go.
package ward
