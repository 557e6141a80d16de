// Package policy holds the Cedar policies and turns them into filters: a closed predicate tree that the store translates
// to SQL for every alias of a query.
//
// It is the only package that touches the unstable parts of cedar-go (x/exp): parsing of schemas, strict validation,
// partial evaluation. A set that does not validate, or holds a condition that has no counterpart in the tree, does not
// load; so nothing is dropped silently later. What goes wrong all the same fails closed: an unsupported condition makes a
// permit match nothing and a forbid match everything, an evaluation error refuses the whole question.
//
// It must never do I/O and never see a record's content, only its declared attributes.
//
// Read in this order: filter.go (the tree), set.go (loading), check.go (what may be loaded), compile.go (policies to
// tree), authorize.go (the same question asked of Cedar for one record; the two must agree), then the .cedar files.
package policy
