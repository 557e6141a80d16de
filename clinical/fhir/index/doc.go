// Package index takes the search values out of resources: for every search parameter of a definition.Set, what of a resource a search
// compares with. Expressions are compiled once into paths of member names, which the walk of package structure watches; the values are
// then read from the tape where it found them.
//
// Values are normalised so that equal things are equal bytes or numbers: dates are intervals of their precision, quantities stand in
// canonical UCUM units beside what was written, strings are folded (case, accents, punctuation, white space), codes carry the system that
// their element implies, references are split into type, id and version.
//
// An Index serves many goroutines; a Collector is reused by one at a time and allocates nothing once it has grown.
//
// Read in this order: value.go, expression.go, compile.go, table.go, collect.go, then the kinds: token.go, reference.go, date.go, quantity.go,
// text.go, composite.go.
package index
