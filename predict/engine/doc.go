// Package engine computes what signed manifests declare, the same on every build and CPU.
//
// It must never use a function whose last bit depends on the platform (math.Pow, math.Exp, math.Log have assembly on some),
// let the compiler fuse a product into a sum (every product that feeds a sum is written float64(a*b)), read a clock, do I/O
// or round in an undeclared way. The semantics carry a version: a change of a single bit makes a new version, and the old
// one stays (I12).
//
// Two kinds of model: a formula (formula.go) and an ensemble of regression trees (trees.go, read by xgboost.go).
//
// Read in this order: formula.go, exact.go, trees.go, walk.go, xgboost.go.
package engine
